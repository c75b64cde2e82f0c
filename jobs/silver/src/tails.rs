//! How what the API said of a day differs from what its archive says: both are read, sorted by their
//! keys within bounded memory, and gone through together. What is written of it lies beside the group's
//! fragment ([`model::tail`]). No table is looked at, and nothing here changes what is built.

use std::fs::File;
use std::ops::Range;

use chrono::{DateTime, Utc};
use model::plan::Replaced;
use model::schema::Table;
use model::tail::{Comparison, Difference, LISTED};
use model::{Period, layout};
use source::Provider;
use source::form::{Form, MadeOf};
use source::rows::{NO_AMOUNT, NO_PRICE, Row, Rows};
use source::rules::Bounds;
use store::Lake;

use crate::content::Content;
use crate::error::SilverError;
use crate::group::{Input, Limits};
use crate::lines::{Blocks, Chunk};
use crate::parse::Parser;
use crate::record::{Codec, Ranked};
use crate::sort::{Sorted, Sorter};
use crate::zip::ZipFault;

/// What a comparison is made by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Means<'a> {
    /// The lake, for spill files.
    pub(crate) lake: &'a Lake,
    /// The provider of both sides.
    pub(crate) provider: &'static dyn Provider,
    /// The table that their rows are of.
    pub(crate) table: Table,
    /// How the provider is configured to read bytes.
    pub(crate) reading: Option<&'a str>,
    /// What may be held in memory.
    pub(crate) limits: &'a Limits,
}

/// The archive among a group's inputs that replaces a tail: the day's, else the month's.
pub(crate) fn archive_of<'i>(
    tail: &Replaced,
    inputs: impl Iterator<Item = &'i Input> + Clone,
) -> Option<&'i Input> {
    let fitting = inputs.filter(|input| {
        let is_archive = layout::tail_until(&input.archive.object).is_none();
        is_archive && input.unit.period.contains(tail.unit.period.first())
    });
    let is_own = |input: &&Input| matches!(input.unit.period, Period::Day(_));
    fitting.clone().find(is_own).or_else(|| fitting.clone().next())
}

/// A comparison of a tail up to `until` with an archive, in which nothing stands yet.
pub(crate) fn nothing(tail: &Replaced, until: DateTime<Utc>, archive: &Input) -> Comparison {
    Comparison {
        unit: tail.unit.clone(),
        until,
        tail_sha256: tail.archive.sha256.clone(),
        archive_sha256: archive.archive.sha256.clone(),
        compared: 0,
        differing: 0,
        only_tail: 0,
        only_archive: 0,
        listed: Vec::new(),
        problem: None,
    }
}

/// Compares a tail with the archive that replaces it, and adds to `into` what is found.
///
/// # Errors
/// What the machine says; what is wrong with the raw objects is told in the comparison.
pub(crate) fn compare(
    means: Means<'_>,
    tail: &Input,
    archive: &Input,
    into: &mut Comparison,
) -> Result<(), SilverError> {
    let form = means.provider.form(&tail.unit);
    let form = form.ok_or_else(|| SilverError::NoForm { unit: tail.unit.to_string() })?;
    let span = tail.unit.period.micros().start..into.until.timestamp_micros();
    let mut sides = Vec::new();
    for input in [tail, archive] {
        match sorted(means, form, input, &span) {
            Ok(rows) => sides.push(Side { rows, last: None }),
            Err(Unread::Bad(why)) => {
                into.problem = Some(format!("{}: {why}", input.archive.object));
                return Ok(());
            }
            Err(Unread::Failed(error)) => return Err(error),
        }
    }
    match sides.as_mut_slice() {
        [tail, archive] => join(form, means.table, tail, archive, into),
        _ => Ok(()),
    }
}

/// Why the rows of a raw object cannot be had.
enum Unread {
    /// It is at fault.
    Bad(String),
    /// The machine is.
    Failed(SilverError),
}

impl From<SilverError> for Unread {
    fn from(error: SilverError) -> Self {
        Self::Failed(error)
    }
}

/// The rows of a raw object within a span of time, by their keys.
fn sorted(
    means: Means<'_>,
    form: &'static Form,
    input: &Input,
    span: &Range<i64>,
) -> Result<Sorted, Unread> {
    let path = input.path.as_path();
    let failed = |source| Unread::Failed(SilverError::Archive { path: path.to_owned(), source });
    let fault = |fault: ZipFault| match fault {
        ZipFault::Corrupt(why) => Unread::Bad(why),
        ZipFault::Io(source) => failed(source),
    };
    let file = File::open(path).map_err(failed)?;
    let Means { lake, provider, reading, limits, .. } = means;
    let content =
        Content::open(provider, &file, &input.unit, &input.archive, reading).map_err(fault)?;
    let mut blocks = Blocks::new(content, limits.block);
    let mut parser = Parser::new(form, Bounds::of(&input.unit));
    // two sides share what a group may hold
    let mut sorter = Sorter::new(Codec::new(form.has), lake.temp(), limits.memory / 2);
    let (mut rows, mut rejects) = (Rows::new(form.has), Vec::new());
    while let Some(piece) = blocks.next().map_err(|error| fault(error.into()))? {
        let Chunk::Lines(lines) = piece else { continue };
        let mut at = 0;
        while at < lines.len() {
            at += parser.block(&lines[at..], &mut rows, &mut rejects);
            // those are told where the archive is built
            rejects.clear();
        }
        for place in 0..rows.len() {
            let row = rows.get(place);
            if span.contains(&row.longs[form.time]) {
                sorter.push(&Ranked { row, rank: 0, line: 0 })?;
            }
        }
        rows.clear();
    }
    Ok(sorter.finish()?)
}

/// Rows in order, of each key the first.
struct Side {
    rows: Sorted,
    last: Option<i64>,
}

impl Side {
    fn next(&mut self) -> Result<Option<Row>, SilverError> {
        while let Some(Ranked { row, .. }) = self.rows.next()? {
            let key = row.longs[0];
            if self.last.replace(key) != Some(key) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}

/// Goes through both sides and takes note of what differs.
fn join(
    form: &'static Form,
    table: Table,
    tail: &mut Side,
    archive: &mut Side,
    into: &mut Comparison,
) -> Result<(), SilverError> {
    let (mut mine, mut theirs) = (tail.next()?, archive.next()?);
    loop {
        match (mine, theirs) {
            (Some(row), other) if other.is_none_or(|other| row.longs[0] < other.longs[0]) => {
                into.only_tail += 1;
                list(into, form, &row, None, Some("a row"), None);
                mine = tail.next()?;
            }
            (Some(row), Some(other)) if row.longs[0] == other.longs[0] => {
                into.compared += 1;
                if !row.same_content(&other) {
                    into.differing += 1;
                    differences(into, form, table, &row, &other);
                }
                (mine, theirs) = (tail.next()?, archive.next()?);
            }
            (_, Some(other)) => {
                into.only_archive += 1;
                list(into, form, &other, None, None, Some("a row"));
                theirs = archive.next()?;
            }
            (_, None) => return Ok(()),
        }
    }
}

/// Lists each column that differs.
fn differences(into: &mut Comparison, form: &'static Form, table: Table, mine: &Row, theirs: &Row) {
    for (column, made) in table.schema().file_columns().iter().zip(form.columns) {
        let (tail, archive) = (value(*made, mine), value(*made, theirs));
        if tail != archive {
            list(into, form, mine, Some(column.name), tail.as_deref(), archive.as_deref());
        }
    }
}

fn list(
    into: &mut Comparison,
    form: &Form,
    row: &Row,
    field: Option<&str>,
    tail: Option<&str>,
    archive: Option<&str>,
) {
    // a row that one side lacks is told however many values differ
    let alike = into.listed.iter().filter(|one| one.field.is_some() == field.is_some()).count();
    if alike < LISTED {
        into.listed.push(Difference {
            key: row.longs[0],
            time: row.longs[form.time],
            field: field.map(str::to_owned),
            tail: tail.map(str::to_owned),
            archive: archive.map(str::to_owned),
        });
    }
}

/// What a column says of a row, in words; `None` for null, and for what is no part of what was published.
fn value(made: MadeOf, row: &Row) -> Option<String> {
    match made {
        MadeOf::Long(slot) => Some(row.longs[slot].to_string()),
        MadeOf::Instant(slot) => Some(instant(row.longs[slot])),
        MadeOf::Price(slot) => Some(decimal(row.prices[slot].into(), 8)),
        MadeOf::Amount(slot) => Some(decimal(row.amounts[slot], 8)),
        MadeOf::Flag(slot) => Some(row.flags[slot].to_string()),
        MadeOf::MaybePrice(slot) => {
            Some(row.prices[slot]).filter(|p| *p != NO_PRICE).map(|p| decimal(p.into(), 8))
        }
        MadeOf::MaybeFine(slot) => {
            Some(row.amounts[slot]).filter(|a| *a != NO_AMOUNT).map(|a| decimal(a, 16))
        }
        MadeOf::Null | MadeOf::Valid | MadeOf::Issues | MadeOf::Raw => None,
    }
}

fn instant(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .map_or_else(|| micros.to_string(), |at| at.format("%F %H:%M:%S%.6f").to_string())
}

/// A decimal of so many digits after the point.
fn decimal(value: i128, scale: u32) -> String {
    let (sign, value) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let one = 10_u128.pow(scale);
    format!("{sign}{}.{:0width$}", value / one, value % one, width = scale as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        let check = |value: i128, scale: u32, expect: &str| {
            assert_eq!(decimal(value, scale), expect);
        };
        check(4_210_000_000, 8, "42.10000000");
        check(-1, 8, "-0.00000001");
        check(0, 8, "0.00000000");
        check(i128::MIN, 16, "-17014118346046923173168.7303715884105728");
    }
}
