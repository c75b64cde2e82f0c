//! How what the API said of a day differs from what its archive says, which replaces it: told by
//! [`crate::differences`] as what two versions of an archive say is, within the time that the tail tells.
//! What is written of it lies beside the group's fragment ([`model::tail`]). No table is looked at, and
//! nothing here changes what is built.

use chrono::{DateTime, Utc};
use model::plan::Replaced;
use model::schema::Table;
use model::tail::{Comparison, Difference as Listed, LISTED};
use model::{Period, layout};
use source::rows::Row;

use crate::differences::{Difference, Measure, differences};
use crate::error::SilverError;
use crate::group::Input;
use crate::versions::{Halt, Keys, Means, Version};

/// What stands on the side that has a row which the other one lacks.
const A_ROW: &str = "a row";

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
        unlisted: 0,
        problem: None,
    }
}

/// Compares a tail with the archive that replaces it, and adds what is found to a comparison in which
/// nothing stands yet.
///
/// # Errors
/// What the machine says; what is wrong with the raw objects is told in the comparison.
pub(crate) fn compare(
    table: Table,
    tail: &Version<'_>,
    archive: &Version<'_>,
    means: &Means<'_>,
    nothing: Comparison,
) -> Result<Comparison, SilverError> {
    let form = tail.provider.form(tail.unit);
    let form = form.ok_or_else(|| SilverError::NoForm { unit: tail.unit.to_string() })?;
    let measure = Measure::of(table, form);
    let span = tail.unit.period.micros().start..nothing.until.timestamp_micros();
    let within = |version: &Version<'_>, sorted| {
        Keys::open(&Version { span: Some(&span), ..*version }, form, means, sorted)
    };
    // nearly always they are in order
    for sorted in [false, true] {
        let mut found = nothing.clone();
        let compared = within(tail, sorted).and_then(|mut said| {
            let mut says = within(archive, sorted)?;
            differences(&measure, &mut said, &mut says, &mut |difference| {
                tell(&mut found, &measure, form.time, difference);
                Ok(())
            })?;
            Ok(said.given)
        });
        match compared {
            Ok(said) => {
                found.compared = said - found.only_tail;
                return Ok(found);
            }
            Err(Halt::Unsorted) => {}
            Err(Halt::Unreadable(why)) => {
                let (tail, archive) = (&tail.archive.object, &archive.archive.object);
                let problem = format!("`{tail}` with `{archive}`: {why}");
                return Ok(Comparison { problem: Some(problem), ..nothing });
            }
            Err(Halt::Failed(error)) => return Err(error),
        }
    }
    let problem = Some("its rows come in no order though they were sorted".to_owned());
    Ok(Comparison { problem, ..nothing })
}

/// Counts a difference, and lists it where there is room.
fn tell(into: &mut Comparison, measure: &Measure, time: usize, difference: Difference<'_>) {
    match difference {
        Difference::Removed(row) => {
            into.only_tail += 1;
            list(into, row, time, None, [Some(A_ROW.to_owned()), None]);
        }
        Difference::Added(row) => {
            into.only_archive += 1;
            list(into, row, time, None, [None, Some(A_ROW.to_owned())]);
        }
        Difference::Changed(tail, archive) => {
            into.differing += 1;
            for cell in measure.changed(tail, archive) {
                let values = [cell.text(tail), cell.text(archive)];
                list(into, tail, time, Some(cell.column.name), values);
            }
        }
    }
}

fn list(
    into: &mut Comparison,
    row: &Row,
    time: usize,
    field: Option<&str>,
    [tail, archive]: [Option<String>; 2],
) {
    // a row that one side lacks is told however many values differ
    let alike = into.listed.iter().filter(|one| one.field.is_some() == field.is_some()).count();
    if alike == LISTED {
        into.unlisted += 1;
        return;
    }
    let (key, time, field) = (row.longs[0], row.longs[time], field.map(str::to_owned));
    into.listed.push(Listed { key, time, field, tail, archive });
}
