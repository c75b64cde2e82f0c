//! What a newer version of a unit says otherwise than the one that silver had before, as a data file of
//! `silver.restatements`: a line for each value that differs. Of [`MOST`] rows that differ each value is
//! told, the others are counted. Nothing is published here.

use model::fragment::Restated;
use model::human::plural;
use model::schema::{Restatement, Table};
use model::{RawArchive, RunId, Unit};
use source::rows::Row;
use store::Lake;
use store::parquet::{ColumnarFile, Finished, Values};

use crate::differences::{Cell, Difference, Measure, differences};
use crate::error::SilverError;
use crate::versions::{Halt, Keys, Means, Version};

/// Rows of a unit that are told one by one at most.
pub(crate) const MOST: u64 = 10_000;
/// Lines that are written at once.
const BATCH: usize = 4_096;
/// Rows of a row group: they carry text, so fewer than elsewhere.
const ROW_GROUP_ROWS: usize = 65_536;

/// What became of a comparison.
#[derive(Debug)]
pub(crate) enum Compared {
    /// No row differs.
    Same,
    /// Some do.
    Differs(Box<Differs>),
    /// One of the versions cannot be read to its end: why.
    Unknown(String),
}

/// How two versions differ.
#[derive(Debug)]
pub(crate) struct Differs {
    /// [`Restated::owner`].
    pub(crate) owner: String,
    /// What else, beside the owner, the file was made from.
    pub(crate) inputs: String,
    /// Rows of both with other values.
    pub(crate) changed: u64,
    /// Rows of the version before alone.
    pub(crate) removed: u64,
    /// Rows of the version since alone.
    pub(crate) added: u64,
    /// Rows that are counted and not told.
    pub(crate) untold: u64,
    /// The file.
    pub(crate) file: Finished,
}

impl Differs {
    /// For people.
    pub(crate) fn note(&self) -> String {
        let Self { changed, removed, added, .. } = self;
        let changed = plural(*changed, "row");
        format!(
            "it came anew and says something else than before: {changed} changed, {removed} \
             removed, {added} added (silver.restatements)"
        )
    }
}

/// Compares two versions of a unit.
pub(crate) fn compare(
    lake: &Lake,
    run: &RunId,
    before: &Version<'_>,
    after: &Version<'_>,
    means: &Means<'_>,
) -> Result<Compared, SilverError> {
    let unit = after.unit;
    let none = || SilverError::NoForm { unit: unit.to_string() };
    let form = after.provider.form(unit).ok_or_else(none)?;
    let measure = Measure::of(Table::of_dataset(unit.dataset), form);
    // nearly always they are in order
    for sorted in [false, true] {
        let mut told = Told {
            lake,
            run,
            unit,
            versions: (before.archive, after.archive),
            measure: &measure,
            time: form.time,
            lines: Vec::new(),
            file: None,
            counts: [0; 3],
            untold: 0,
        };
        let open = |version| Keys::open(version, form, means, sorted);
        let compared = open(before).and_then(|mut old| {
            let mut new = open(after)?;
            differences(&measure, &mut old, &mut new, &mut |difference| told.take(difference))
        });
        match compared {
            Ok(()) => {
                let inputs = format!(
                    "{} {run} {} {}",
                    after.archive.fetched_at.timestamp_micros(),
                    model::plan::SILVER_BYTES,
                    after.reading.unwrap_or_default()
                );
                let (counts, untold) = (told.counts, told.untold);
                let Some(file) = told.finish()? else { return Ok(Compared::Same) };
                let owner = Restated::owner(unit, before.archive, after.archive);
                let [changed, removed, added] = counts;
                let differs = Differs { owner, inputs, changed, removed, added, untold, file };
                return Ok(Compared::Differs(Box::new(differs)));
            }
            Err(Halt::Unsorted) => {}
            Err(Halt::Unreadable(why)) => return Ok(Compared::Unknown(why)),
            Err(Halt::Failed(error)) => return Err(error),
        }
    }
    Ok(Compared::Unknown("its rows come in no order though they were sorted".to_owned()))
}

/// A line of the table.
#[derive(Debug)]
struct Line {
    change: Restatement,
    key: String,
    time: i64,
    column: &'static str,
    values: [Option<String>; 2],
}

/// Differences on their way to a file. Dropped before [`Told::finish`], they leave nothing behind.
struct Told<'a> {
    lake: &'a Lake,
    run: &'a RunId,
    unit: &'a Unit,
    /// The version before and the one since.
    versions: (&'a RawArchive, &'a RawArchive),
    measure: &'a Measure,
    /// The slot of the row's instant.
    time: usize,
    lines: Vec<Line>,
    file: Option<ColumnarFile>,
    /// Rows that were changed, removed, added.
    counts: [u64; 3],
    untold: u64,
}

impl Told<'_> {
    fn take(&mut self, difference: Difference<'_>) -> Result<(), SilverError> {
        let place = match difference {
            Difference::Changed(..) => 0,
            Difference::Removed(_) => 1,
            Difference::Added(_) => 2,
        };
        self.counts[place] += 1;
        if self.counts.iter().sum::<u64>() > MOST {
            self.untold += 1;
            return Ok(());
        }
        let (measure, time) = (self.measure, self.time);
        let lines = |change: Restatement,
                     row: &Row,
                     cells: &mut dyn Iterator<Item = Cell>,
                     text: &dyn Fn(Cell) -> [Option<String>; 2]| {
            let (key, time) = (measure.key(row), row.longs[time]);
            let line = |cell: Cell| {
                let (key, column, values) = (key.clone(), cell.column.name, text(cell));
                Line { change, key, time, column, values }
            };
            cells
                .map(line)
                .filter(|line| line.values.iter().any(Option::is_some))
                .collect::<Vec<_>>()
        };
        let new = match difference {
            Difference::Changed(old, new) => {
                let text = |cell: Cell| [cell.text(old), cell.text(new)];
                lines(Restatement::Changed, new, &mut measure.changed(old, new), &text)
            }
            Difference::Removed(old) => {
                let text = |cell: Cell| [cell.text(old), None];
                lines(Restatement::Removed, old, &mut measure.values.iter().copied(), &text)
            }
            Difference::Added(new) => {
                let text = |cell: Cell| [None, cell.text(new)];
                lines(Restatement::Added, new, &mut measure.values.iter().copied(), &text)
            }
        };
        self.lines.extend(new);
        if self.lines.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SilverError> {
        let lines = std::mem::take(&mut self.lines);
        let changes: Vec<_> = lines.iter().map(|line| Some(line.change.as_str())).collect();
        let keys: Vec<_> = lines.iter().map(|line| Some(line.key.as_str())).collect();
        let times: Vec<_> = lines.iter().map(|line| line.time).collect();
        let columns: Vec<_> = lines.iter().map(|line| Some(line.column)).collect();
        let [old, new] = [0, 1]
            .map(|n: usize| lines.iter().map(|line| line.values[n].as_deref()).collect::<Vec<_>>());
        let own = [
            Values::Text(&changes),
            Values::Text(&keys),
            Values::Micros(&times),
            Values::Text(&columns),
            Values::Text(&old),
            Values::Text(&new),
        ];
        self.write(lines.len(), own, 1)
    }

    /// Writes lines: what tells them apart, and of how many rows each is.
    fn write(&mut self, count: usize, own: [Values<'_>; 6], rows: u64) -> Result<(), SilverError> {
        if count == 0 {
            return Ok(());
        }
        let (before, after) = self.versions;
        let unit = self.unit;
        let (id, period, run) = (unit.id(), unit.period.to_string(), self.run.to_string());
        let rows = vec![i64::try_from(rows).unwrap_or(i64::MAX); count];
        let at = |archive: &RawArchive| vec![archive.fetched_at.timestamp_micros(); count];
        let (fetched_before, learned_at) = (at(before), at(after));
        let [change, key, time, column, old, new] = own;
        let values = [
            Values::ConstText(id.as_str()),
            Values::ConstText(unit.market.as_str()),
            Values::ConstText(unit.dataset.as_str()),
            Values::ConstText(unit.symbol.as_str()),
            unit.timeframe.map_or(Values::Null, |t| Values::ConstText(t.as_str())),
            Values::ConstText(&period),
            change,
            key,
            time,
            column,
            old,
            new,
            Values::Long(&rows),
            Values::ConstText(&before.sha256),
            Values::ConstText(&after.sha256),
            Values::Micros(&fetched_before),
            Values::Micros(&learned_at),
            Values::ConstText(&run),
        ];
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                none.insert(ColumnarFile::create(self.lake, Table::Restatements, ROW_GROUP_ROWS)?)
            }
        };
        Ok(file.write(count, &values)?)
    }

    /// The file; `None` where nothing differs.
    fn finish(mut self) -> Result<Option<Finished>, SilverError> {
        self.flush()?;
        if self.untold > 0 {
            let more = [
                Values::ConstText(Restatement::More.as_str()),
                Values::Null,
                Values::Null,
                Values::Null,
                Values::Null,
                Values::Null,
            ];
            self.write(1, more, self.untold)?;
        }
        Ok(self.file.map(ColumnarFile::finish).transpose()?)
    }
}
