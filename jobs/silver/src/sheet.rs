//! Groups of what a source tells of now alone: few rows a day, with texts and days beside figures, which
//! [`Rows`](source::rows::Rows) do not hold. A unit's rows are of its own day, so no two units share a
//! key, and a group fits into memory. What a line is stands in [`source::sheet`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;

use model::Day;
use model::fragment::RowCounts;
use model::partition::Grain;
use model::plan::Group;
use model::schema::{Column, ColumnType, Issue, RejectReason, Table};
use source::Provider;
use source::form::{Fault, lossy};
use source::sheet::{self, Cell, Entry};
use stage::Meter;
use store::Lake;
use store::parquet::{ColumnarFile, Values};

use crate::content::Content;
use crate::error::SilverError;
use crate::group::{Built, Input, Limits, UnitResult};
use crate::output::PartitionFiles;
use crate::parse::{LONGEST, Reject};
use crate::partition::{self, Ordinal};
use crate::reject::RejectFiles;
use crate::zip::ZipFault;

/// A row, the day on which it was told, and the place of its unit in the group.
struct Told {
    day: Day,
    entry: Entry,
    rank: usize,
}

/// A row of a unit and the number of its line.
struct Line {
    number: u64,
    entry: Entry,
}

/// Builds a group of `inputs`, all of one series of the provider's.
pub(crate) fn build(
    lake: &Lake,
    provider: &dyn Provider,
    group: &Group,
    inputs: &[Input],
    limits: &Limits,
    meter: &Meter,
) -> Result<Built, SilverError> {
    let (mut units, mut rows) = (Vec::with_capacity(inputs.len()), Vec::new());
    for (rank, input) in inputs.iter().enumerate() {
        let text = match text_of(provider, input, group.reading.as_deref()) {
            Ok(text) => text,
            Err(ZipFault::Corrupt(reason)) => {
                units.push(UnitResult { corrupt: Some(reason), ..UnitResult::default() });
                continue;
            }
            Err(ZipFault::Io(source)) => {
                return Err(SilverError::Archive { path: input.path.clone(), source });
            }
        };
        let (result, entries) = unit(lake, group.table, input, &text)?;
        meter.bytes(input.archive.bytes);
        meter.rows(result.counts.read);
        let day = input.unit.period.first();
        rows.extend(entries.into_iter().map(|entry| Told { day, entry, rank }));
        units.push(result);
    }
    let files = files(lake, group.table, limits, inputs, rows)?;
    Ok(Built { files, units, sorted: false, withheld: false })
}

/// All lines of a unit.
fn text_of(
    provider: &dyn Provider,
    input: &Input,
    reading: Option<&str>,
) -> Result<Vec<u8>, ZipFault> {
    let file = File::open(&input.path)?;
    let (bytes, expected) = (file.metadata()?.len(), input.archive.bytes);
    if bytes != expected {
        let reason = format!("the raw object has {bytes} bytes, expected {expected}");
        return Err(ZipFault::Corrupt(reason));
    }
    let mut content = Content::open(provider, &file, &input.unit, &input.archive, reading)?;
    let mut text = Vec::new();
    content.read_to_end(&mut text)?;
    Ok(text)
}

/// What became of a unit, and its rows in the order of their keys.
fn unit(
    lake: &Lake,
    table: Table,
    input: &Input,
    text: &[u8],
) -> Result<(UnitResult, Vec<Entry>), SilverError> {
    let mut counts = RowCounts::default();
    let (mut rejects, mut lines) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.split(|b| *b == b'\n')) {
        if line.is_empty() {
            continue;
        }
        counts.read += 1;
        let day = Some(input.unit.period.first());
        if line.len() > LONGEST {
            rejects.push(Reject { day, ..Reject::too_long(number, line) });
            continue;
        }
        match sheet::read(line, &input.unit) {
            Ok(entry) => lines.push(Line { number, entry }),
            Err(fault) => rejects.push(Reject { line: number, fault, raw: lossy(line), day }),
        }
    }
    counts.rejected = rejects.len() as u64;
    let mut lost = Vec::new();
    let kept = settle(table, lines, &mut counts, &mut lost);
    counts.silver = kept.len() as u64;
    counts.invalid = kept.iter().filter(|entry| !entry.issues.is_valid()).count() as u64;
    let mut conflicting: Vec<Reject> =
        lost.iter().map(|line| conflicting(table, input, line, text)).collect();
    let sha256 = &input.archive.sha256;
    let mut files = RejectFiles::new(lake, &input.unit, sha256);
    files.take(&mut rejects)?;
    files.take(&mut conflicting)?;
    let result = UnitResult { counts, rejects: files.finish()?, ..UnitResult::default() };
    Ok((result, kept))
}

/// What stays of a unit's rows: of those of one key the first that is valid, else the first.
fn settle(
    table: Table,
    lines: Vec<Line>,
    counts: &mut RowCounts,
    lost: &mut Vec<Line>,
) -> Vec<Entry> {
    let key = sheet::key(table);
    let mut kept: BTreeMap<Vec<Cell>, Line> = BTreeMap::new();
    for mut line in lines {
        let key: Vec<Cell> =
            key.iter().filter_map(|place| line.entry.cells.get(*place).cloned()).collect();
        let Some(held) = kept.get_mut(&key) else {
            kept.insert(key, line);
            continue;
        };
        counts.duplicate += 1;
        if held.entry.cells == line.entry.cells {
            continue;
        }
        counts.conflicting += 1;
        if line.entry.issues.is_valid() && !held.entry.issues.is_valid() {
            std::mem::swap(held, &mut line);
        }
        held.entry.issues.add(Issue::ConflictingDuplicate);
        lost.push(line);
    }
    lost.sort_by_key(|line| line.number);
    kept.into_values().map(|line| line.entry).collect()
}

/// The reject for a row that lost against another one of its key.
fn conflicting(table: Table, input: &Input, line: &Line, text: &[u8]) -> Reject {
    let columns = sheet::stated(table);
    let own = sheet::key(table).into_iter().next().and_then(|place| {
        let found = match line.entry.cells.get(place)? {
            Cell::Text(text) => text.clone(),
            Cell::Day(day) => Day::of_epoch_days(*day)?.to_string(),
            Cell::Number(_) | Cell::Null => return None,
        };
        Some((columns.get(place)?.name, found))
    });
    let day = input.unit.period.first();
    let (field, found) = own.unwrap_or_else(|| ("as_of", day.to_string()));
    let place = line.number.saturating_sub(1) as usize;
    let raw = text.split(|b| *b == b'\n').nth(place).unwrap_or_default();
    Reject {
        line: line.number,
        fault: Fault {
            reason: RejectReason::ConflictingDuplicate,
            field: Some(field),
            found,
            expected: Cow::Borrowed("no other row of it that says something else"),
        },
        raw: lossy(raw),
        day: Some(day),
    }
}

/// The values of a column.
enum Cells<'a> {
    Days(Vec<Option<i32>>),
    Numbers(Vec<Option<i128>>),
    Texts(Vec<Option<&'a str>>),
}

impl<'a> Cells<'a> {
    fn of(column: &Column, rows: &'a [Told], place: usize) -> Self {
        let cells = rows.iter().map(|row| row.entry.cells.get(place));
        match column.kind {
            ColumnType::Date => Self::Days(
                cells
                    .map(|cell| if let Some(Cell::Day(day)) = cell { Some(*day) } else { None })
                    .collect(),
            ),
            ColumnType::Decimal(..) => Self::Numbers(
                cells
                    .map(|cell| if let Some(Cell::Number(n)) = cell { Some(*n) } else { None })
                    .collect(),
            ),
            _ => {
                Self::Texts(
                    cells
                        .map(|cell| {
                            if let Some(Cell::Text(text)) = cell {
                                Some(text.as_str())
                            } else {
                                None
                            }
                        })
                        .collect(),
                )
            }
        }
    }

    fn values(&self) -> Values<'_> {
        match self {
            Self::Days(values) => Values::Days(values),
            Self::Numbers(values) => Values::Sparse(values),
            Self::Texts(values) => Values::Text(values),
        }
    }
}

/// A file for each partition that has rows.
fn files(
    lake: &Lake,
    table: Table,
    limits: &Limits,
    inputs: &[Input],
    mut rows: Vec<Told>,
) -> Result<PartitionFiles, SilverError> {
    // stable: the rows of a unit are in the order of their keys
    rows.sort_by_key(|row| row.day);
    let grain = Grain::of(table);
    let ordinal = |row: &Told| -> Ordinal { partition::ordinal(grain, row.day.start_micros()) };
    let mut files = Vec::new();
    for part in rows.chunk_by(|a, b| ordinal(a) == ordinal(b)) {
        let Some(first) = part.first() else { continue };
        let days: Vec<_> = part.iter().map(|row| Some(row.day.epoch_days())).collect();
        let valid: Vec<bool> = part.iter().map(|row| row.entry.issues.is_valid()).collect();
        let words: Vec<Option<String>> = part.iter().map(|row| row.entry.issues.text()).collect();
        let words: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
        let raws: Vec<Option<&str>> = part
            .iter()
            .map(|row| inputs.get(row.rank).map(|input| input.archive.sha256.as_str()))
            .collect();
        let stated = sheet::stated(table).iter().enumerate();
        let cells: Vec<Cells<'_>> =
            stated.map(|(place, column)| Cells::of(column, part, place)).collect();
        let mut values = vec![Values::Days(&days)];
        values.extend(cells.iter().map(Cells::values));
        values.extend([Values::Bool(&valid), Values::Text(&words), Values::Text(&raws)]);
        let mut file = ColumnarFile::create(lake, table, limits.row_group_rows)?;
        file.write(part.len(), &values)?;
        files.push((ordinal(first), file.finish()?));
    }
    Ok(files)
}

#[cfg(test)]
#[path = "sheet_tests.rs"]
mod tests;
