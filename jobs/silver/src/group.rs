//! Builds one group: raw objects in, staged data files and counts out. Nothing is published
//! here, so that a group which turns out wrong leaves no trace.
//!
//! Rows are taken to be in order; when they are not, the group is read again and sorted. A unit
//! whose archive turns out corrupt, which shows at its end at the latest, is left out and the
//! group is read again without it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use model::fragment::RowCounts;
use model::instrument::PriceBounds;
use model::partition::Grain;
use model::plan::{Group, ROW_GROUP_ROWS};
use model::schema::{RejectReason, Table};
use model::{Day, RawArchive, Unit, layout};
use source::Provider;
use source::form::Form;
use source::rows::Rows;
use source::rules::Bounds;
use stage::Meter;
use store::parquet::Finished;
use store::{Lake, LocalCopy};

use crate::content::Content;
use crate::days::Days;
use crate::error::SilverError;
use crate::inorder::{InOrder, Order};
use crate::lines::{BLOCK, Blocks, Chunk};
use crate::output::{Output, PartitionFiles, Written};
use crate::parse::{PAUSE, Parser, Reject};
use crate::reject::RejectFiles;
use crate::resort::Resort;
use crate::restate::Differs;
use crate::settle::Dropped;
use crate::sort::Sorted;
use crate::zip::ZipFault;

/// What is said of an archive in which nothing stands but perhaps a header.
const EMPTY: &str = "the archive holds no row";

/// Means and limits of building groups.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Bytes that one group may hold in rows before it spills.
    pub(crate) memory: usize,
    /// Rows a row group.
    pub(crate) row_group_rows: usize,
    /// Bytes of a block.
    pub(crate) block: usize,
}

impl Limits {
    /// Of one of `workers` workers that share `memory_mib`.
    pub(crate) fn new(memory_mib: u64, workers: usize) -> Self {
        let share = usize::try_from(memory_mib << 20).unwrap_or(usize::MAX) / workers.max(1);
        Self { memory: share, row_group_rows: ROW_GROUP_ROWS as usize, block: BLOCK }
    }
}

/// A unit and its bytes.
#[derive(Debug)]
pub(crate) struct Input {
    /// The unit.
    pub(crate) unit: Unit,
    /// Its raw object.
    pub(crate) archive: RawArchive,
    /// The raw object as a file.
    pub(crate) path: PathBuf,
    /// Keeps that file while it is needed, where it is a copy.
    pub(crate) _copy: Option<LocalCopy>,
}

/// What became of one unit.
#[derive(Debug, Default)]
pub(crate) struct UnitResult {
    /// Its rows.
    pub(crate) counts: RowCounts,
    /// Its reject files.
    pub(crate) rejects: Vec<(RejectReason, Finished)>,
    /// Why it was left out.
    pub(crate) corrupt: Option<String>,
    /// Days of a month that have fewer rows than they should.
    pub(crate) short_days: Vec<Day>,
    /// What else is to be said of it.
    pub(crate) notes: Vec<String>,
    /// What it says otherwise than the version that silver had before.
    pub(crate) restated: Option<Box<Differs>>,
}

/// What a group was made into.
#[derive(Debug)]
pub(crate) struct Built {
    /// A data file for each partition that has rows.
    pub(crate) files: PartitionFiles,
    /// What became of each unit, in their order.
    pub(crate) units: Vec<UnitResult>,
    /// Whether the rows had to be sorted.
    pub(crate) sorted: bool,
    /// Whether the partitions are left as they are.
    pub(crate) withheld: bool,
}

impl Built {
    /// The same without any rows: only which archives are corrupt.
    pub(crate) fn without_rows(self) -> Self {
        let corrupt =
            |unit: UnitResult| UnitResult { corrupt: unit.corrupt, ..UnitResult::default() };
        Self {
            files: Vec::new(),
            units: self.units.into_iter().map(corrupt).collect(),
            sorted: false,
            withheld: true,
        }
    }
}

/// Why a pass over a group ended early.
#[derive(Debug)]
enum Stop {
    OutOfOrder,
    /// The unit at this place among all inputs is corrupt.
    Corrupt(usize, String),
    Failed(SilverError),
}

impl From<SilverError> for Stop {
    fn from(error: SilverError) -> Self {
        Self::Failed(error)
    }
}

/// Counts how far a group is, and never counts a byte twice, however often it is read.
#[derive(Debug)]
struct Progress<'a> {
    meter: &'a Meter,
    bytes: (u64, u64),
    rows: (u64, u64),
}

impl Progress<'_> {
    fn count(&mut self, bytes: u64, rows: u64) {
        let beyond = |(seen, told): &mut (u64, u64), more: u64| {
            *seen += more;
            let new = seen.saturating_sub(*told);
            *told += new;
            new
        };
        self.meter.bytes(beyond(&mut self.bytes, bytes));
        self.meter.rows(beyond(&mut self.rows, rows));
    }

    const fn again(&mut self) {
        self.bytes.0 = 0;
        self.rows.0 = 0;
    }
}

/// Builds a group of `inputs` in rank order, all of one series of the provider's. Of the group only its
/// table, its reading and its bounds for prices count.
pub(crate) fn build(
    lake: &Lake,
    provider: &'static dyn Provider,
    group: &Group,
    inputs: &[Input],
    limits: &Limits,
    meter: &Meter,
) -> Result<Built, SilverError> {
    let Some(first) = inputs.first() else {
        return Ok(Built { files: Vec::new(), units: Vec::new(), sorted: false, withheld: false });
    };
    let form = provider
        .form(&first.unit)
        .ok_or_else(|| SilverError::NoForm { unit: first.unit.to_string() })?;
    let mut corrupt: Vec<Option<String>> = vec![None; inputs.len()];
    let mut sorted = false;
    let mut progress = Progress { meter, bytes: (0, 0), rows: (0, 0) };
    loop {
        let (table, reading, prices) = (group.table, group.reading.as_deref(), group.prices);
        let pass = Pass {
            lake,
            provider,
            form,
            table,
            reading,
            prices,
            inputs,
            limits,
            corrupt: &corrupt,
        };
        progress.again();
        match pass.run(sorted, &mut progress) {
            Ok(mut built) => {
                for (unit, reason) in built.units.iter_mut().zip(corrupt) {
                    unit.corrupt = reason;
                }
                return Ok(built);
            }
            Err(Stop::OutOfOrder) => sorted = true,
            Err(Stop::Corrupt(place, reason)) => {
                corrupt[place] = Some(reason);
                // without that unit the rest may well be in order
                sorted = false;
            }
            Err(Stop::Failed(error)) => return Err(error),
        }
    }
}

/// One pass over a group.
struct Pass<'a> {
    lake: &'a Lake,
    provider: &'static dyn Provider,
    form: &'static Form,
    table: Table,
    /// How the provider is configured to read the bytes.
    reading: Option<&'a str>,
    /// Between which prices rows lie.
    prices: Option<PriceBounds>,
    inputs: &'a [Input],
    limits: &'a Limits,
    /// Units known to be corrupt.
    corrupt: &'a [Option<String>],
}

/// Where the rows of a pass go.
enum Sink<'a> {
    InOrder(InOrder<'a>),
    Resort(Resort, Output<'a>),
}

impl Sink<'_> {
    fn take(&mut self, rows: &mut Rows, rank: u16, ended: bool) -> Result<(), Stop> {
        match self {
            Self::InOrder(sink) => match sink.take(rows, rank, ended)? {
                Order::Kept => Ok(()),
                Order::Broken => Err(Stop::OutOfOrder),
            },
            Self::Resort(sink, _) => Ok(sink.take(rows, rank)?),
        }
    }
}

impl Pass<'_> {
    fn run(&self, sorted: bool, progress: &mut Progress<'_>) -> Result<Built, Stop> {
        let mut results: Vec<UnitResult> =
            self.inputs.iter().map(|_| UnitResult::default()).collect();
        let form = self.form;
        let grain = Grain::of(self.table);
        let raws = self.inputs.iter().map(|input| input.archive.sha256.clone()).collect();
        let output = Output::new(self.lake, self.table, form, self.limits.row_group_rows, raws);
        let units = self.inputs.len();
        let mut sink = if sorted {
            let folder = self.lake.temp();
            let memory = self.limits.memory;
            Sink::Resort(Resort::new(form, grain, folder, memory), output)
        } else {
            Sink::InOrder(InOrder::new(output, grain, form, self.lake.temp(), units))
        };
        let mut rows = Rows::new(form.has);
        for (place, input) in self.inputs.iter().enumerate() {
            if self.corrupt[place].is_none() {
                results[place] = self.unit(place, input, &mut rows, &mut sink, progress)?;
            }
        }
        let (files, written, dropped) = finish(sink, units)?;
        let (duplicates, conflicting) = dropped.finish()?;
        for ((result, written), duplicates) in results.iter_mut().zip(written).zip(duplicates) {
            let counts = &mut result.counts;
            counts.silver = written.rows;
            counts.invalid = written.invalid;
            counts.duplicate = duplicates.rows;
            counts.conflicting = duplicates.conflicting;
        }
        for (rank, lines) in conflicting {
            let place = usize::from(rank);
            let files = self.conflicting(place, lines)?;
            results[place].rejects.extend(files);
        }
        Ok(Built { files, units: results, sorted, withheld: false })
    }

    fn unit(
        &self,
        place: usize,
        input: &Input,
        rows: &mut Rows,
        sink: &mut Sink<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<UnitResult, Stop> {
        let path = input.path.as_path();
        let stop = stop_of(place, path);
        let file = File::open(path).map_err(|source| failed(path, source))?;
        let bytes = file.metadata().map_err(|source| failed(path, source))?.len();
        if bytes == 0 {
            let reason = "the archive is empty: it has 0 bytes, expected a zip or lines".to_owned();
            return Err(Stop::Corrupt(place, reason));
        }
        if bytes != input.archive.bytes {
            let expected = input.archive.bytes;
            let reason = format!("the raw object has {bytes} bytes, expected {expected}");
            return Err(Stop::Corrupt(place, reason));
        }
        let member = self.open(&file, input).map_err(&stop)?;
        if member.others() > 0 {
            tracing::warn!(unit = %input.unit, others = member.others(), "a zip has other members: ignored");
        }
        let received = member.received(self.provider, &input.unit);
        let mut blocks = Blocks::new(member, self.limits.block);
        let bounds = Bounds::of(&input.unit).with_prices(self.prices);
        let form = self.form;
        let mut parser = Parser::new(form, bounds);
        parser.received = received;
        if layout::tail_until(&input.archive.object).is_some() {
            parser.provisional();
        }
        let mut files = RejectFiles::new(self.lake, &input.unit, &input.archive.sha256);
        let mut rejects = Vec::new();
        let rank = place as u16;
        let calendar = self.provider.calendar(input.unit.market);
        let mut days = Days::of(&input.unit, calendar);
        let (mut bytes_told, mut rows_told) = (0, 0);
        let mut latest = i64::MIN;
        loop {
            let piece = blocks.next().map_err(|error| stop(error.into()))?;
            match piece {
                None => break,
                Some(Chunk::Lines(lines)) => {
                    let mut at = 0;
                    let before = rows.len();
                    while at < lines.len() {
                        at += parser.block(&lines[at..], rows, &mut rejects);
                        files.take(&mut rejects)?;
                    }
                    if let Some(days) = &mut days {
                        days.count(&rows.longs[form.time][before..]);
                    }
                    latest = latest.max(rows.longs[form.time].last().copied().unwrap_or(latest));
                    sink.take(rows, rank, false)?;
                }
                Some(Chunk::LongLine(start)) => {
                    parser.long_line(start, &mut rejects);
                    files.take(&mut rejects)?;
                }
            }
            let (bytes, read) = (blocks.reader().taken(), parser.read());
            progress.count(bytes - bytes_told, read - rows_told);
            (bytes_told, rows_told) = (bytes, read);
        }
        parser.finish(&mut rejects);
        files.take(&mut rejects)?;
        sink.take(rows, rank, true)?;
        let counts =
            RowCounts { read: parser.read(), rejected: files.count(), ..RowCounts::default() };
        let short_days = days.map_or_else(Vec::new, |days| days.short());
        let mut notes = Vec::new();
        match blocks.reader().notes() {
            // its lines may be those of other units
            Some(told) => notes.extend(told),
            None if counts.read == 0 => notes.push(EMPTY.to_owned()),
            None => {}
        }
        // told and not made an issue of the rows: they are the same whenever they are fetched
        if latest > (input.archive.fetched_at + TimeDelta::days(1)).timestamp_micros() {
            notes.push("rows lie more than a day after the time it was fetched".to_owned());
        }
        let rejects = files.finish()?;
        Ok(UnitResult { counts, rejects, short_days, notes, ..UnitResult::default() })
    }
}

impl Pass<'_> {
    fn open(&self, file: &File, input: &Input) -> Result<Content, ZipFault> {
        Content::open(self.provider, file, &input.unit, &input.archive, self.reading)
    }

    /// The rejects for rows that lost against others of their key: their lines are read again.
    fn conflicting(
        &self,
        place: usize,
        mut lines: Sorted,
    ) -> Result<Vec<(RejectReason, Finished)>, Stop> {
        let input = &self.inputs[place];
        let stop = stop_of(place, &input.path);
        let file = File::open(&input.path).map_err(|source| failed(&input.path, source))?;
        let member = self.open(&file, input).map_err(&stop)?;
        let received = member.received(self.provider, &input.unit);
        let mut blocks = Blocks::new(member, self.limits.block);
        let mut files = RejectFiles::new(self.lake, &input.unit, &input.archive.sha256);
        let mut rejects = Vec::new();
        let bounds = Bounds::of(&input.unit);
        let mut next = lines.next()?.map(|ranked| ranked.line);
        let mut number = 0;
        while let (Some(piece), true) =
            (blocks.next().map_err(|error| stop(error.into()))?, next.is_some())
        {
            let Chunk::Lines(text) = piece else {
                number += 1;
                continue;
            };
            for line in text.split_inclusive(|b| *b == b'\n') {
                number += 1;
                if next == Some(number) {
                    rejects.push(Reject::conflicting(self.form, &bounds, number, line, received));
                    if rejects.len() >= PAUSE {
                        files.take(&mut rejects)?;
                    }
                    next = lines.next()?.map(|ranked| ranked.line);
                }
            }
        }
        files.take(&mut rejects)?;
        Ok(files.finish()?)
    }
}

fn stop_of(place: usize, path: &Path) -> impl Fn(ZipFault) -> Stop {
    move |fault| match fault {
        ZipFault::Corrupt(reason) => Stop::Corrupt(place, reason),
        ZipFault::Io(source) => failed(path, source),
    }
}

fn failed(path: &Path, source: io::Error) -> Stop {
    Stop::Failed(SilverError::Archive { path: path.to_owned(), source })
}

type Ended = (PartitionFiles, Vec<Written>, Dropped);

fn finish(sink: Sink<'_>, units: usize) -> Result<Ended, SilverError> {
    let (output, dropped) = match sink {
        Sink::InOrder(sink) => sink.finish(),
        Sink::Resort(sink, mut output) => {
            let dropped = sink.finish(&mut output, units)?;
            (output, dropped)
        }
    };
    let (files, written) = output.finish()?;
    Ok((files, written, dropped))
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "group_keys_tests.rs"]
mod keys_tests;

#[cfg(test)]
#[path = "group_bytes_tests.rs"]
mod bytes_tests;
