//! Every row that silver read is accounted for: in silver, in the rejects, or dropped as a
//! duplicate; and the tables hold what the builds say.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

use model::ledger::{self, BuiltUnit};
use model::partition::Grain;
use model::plan::Group;
use model::schema::{RejectReason, Table};
use model::{Day, Period, Unit, layout, partition};
use table::Tables;
use table::datafusion::prelude::SessionContext;

use crate::ask;
use crate::facts::built_units;
use crate::findings::{Finding, Findings, Status};

/// The name of the check.
pub const CHECK: &str = "row_accounting";

/// Holds `ops.builds` against the silver tables and the rejects.
///
/// A build is in force where silver holds its files: they are named after the group and what it
/// was built from. Builds that later ones have replaced hold nothing any more.
///
/// Gives the builds back, the latest first, for others to look at.
///
/// # Errors
/// Whatever the lake says.
pub(crate) async fn check(
    tables: &Tables,
    session: &SessionContext,
    findings: &mut Findings,
) -> anyhow::Result<ask::Rows> {
    // rejected lines, and rows that another one of their key took the place of
    let mut rejects: HashMap<String, [u64; 2]> = HashMap::new();
    for file in tables.live_files(Table::Rejects, |_| true).await? {
        let reason = file.partition.get("reason").map(String::as_str);
        let conflicting = reason == Some(RejectReason::ConflictingDuplicate.as_str());
        rejects.entry(maker(file.name())).or_default()[usize::from(conflicting)] += file.rows;
    }
    let builds = ask::BUILDS.ask(session, &[], Vec::new()).await?;
    for table in Table::SILVER.iter().copied() {
        let mut live: BTreeMap<String, u64> = BTreeMap::new();
        // by series, the first days of the partitions that there are
        let mut held: HashMap<String, BTreeSet<Day>> = HashMap::new();
        for file in tables.live_files(table, |_| true).await? {
            *live.entry(maker(file.name())).or_default() += file.rows;
            let Some(unit) = partition::unit(table, &file.partition) else { continue };
            held.entry(unit.series()).or_default().insert(unit.period.first());
        }
        let mut latest: HashSet<String> = HashSet::new();
        let (mut in_force, mut rows, mut wrong) = (0_u64, 0_u64, 0_u64);
        let mut seen: HashSet<String> = HashSet::new();
        for row in builds.iter() {
            if row.word("table_name")? != table.as_str() {
                continue;
            }
            let group = row.word("group_id")?;
            let inputs = row.word("inputs")?;
            let maker = maker_of(&group, &inputs);
            let (read, silver) = (row.count("rows_read")?, row.count("rows_silver")?);
            let (rejected, duplicate) = (row.count("rows_rejected")?, row.count("rows_duplicate")?);
            let mut differ = |field: &str, expected: u64, found: u64| {
                if expected != found {
                    wrong += 1;
                    findings.detail(Finding {
                        field: Some(field.to_owned()),
                        expected: Some(expected.to_string()),
                        found: Some(found.to_string()),
                        ..Finding::new(CHECK, Status::Fail, &group)
                    });
                }
            };
            differ("rows_read", silver + rejected + duplicate, read);
            let is_latest = latest.insert(group.clone());
            let Some(there) = live.get(&maker).filter(|_| seen.insert(maker.clone())) else {
                // the latest build of a group is in force, unless groups of another kind hold
                // its days by now
                if is_latest && silver > 0 && !is_held(&held, &group) {
                    differ("rows_silver", silver, 0);
                }
                continue;
            };
            in_force += 1;
            rows += there;
            differ("rows_silver", silver, *there);
            let units = built_units(row, &group)?;
            let of = |of_unit: &dyn Fn(&BuiltUnit) -> String| {
                let all = units.iter().filter_map(|unit| rejects.get(&of_unit(unit)));
                all.fold([0; 2], |[a, b], [c, d]| [a + c, b + d])
            };
            let of_units = of(&|unit| maker_of(unit.unit.as_str(), &inputs));
            // a former version named them by the archive alone
            let of_former = of(&|unit| maker_of(unit.unit.as_str(), &unit.sha256));
            if of_units == [0; 2] && of_former != [0; 2] {
                differ("rows_rejected", rejected, of_former[0]);
            } else {
                differ("rows_rejected", rejected, of_units[0]);
                // and kept no rows that lost
                let are_told = ledger::rejects(&units).is_some();
                if of_units[1] > 0 || are_told || is_of_this_version(&units, &inputs) {
                    differ("rows_conflicting", row.count("rows_conflicting")?, of_units[1]);
                }
            }
        }
        live.retain(|maker, _| !seen.contains(maker));
        let strays: u64 = live.values().sum();
        let status = match (wrong, strays) {
            (0, 0) => Status::Pass,
            (0, _) => Status::Warn,
            _ => Status::Fail,
        };
        let mut detail = format!("{rows} rows of {in_force} builds, {wrong} figures differ");
        if strays > 0 {
            let _ = write!(
                detail,
                "; {strays} rows of builds that ops.builds does not have yet (a run is under way, \
                 or was cut off: the next one sees to it)"
            );
        }
        if in_force > 0 || wrong > 0 || strays > 0 {
            findings.summary(CHECK, status, table.as_str(), detail);
        }
    }
    Ok(builds)
}

/// Whether silver as it is now made a build that does not tell its rejects: its inputs say so, unless its
/// archives were read as configured.
fn is_of_this_version(units: &[BuiltUnit], inputs: &str) -> bool {
    let read = units.iter().filter(|unit| unit.corrupt.is_none());
    Group::inputs(read.map(|unit| (&unit.unit, unit.sha256.as_str()))) == inputs
}

/// Whether anything is held of the days of a group.
fn is_held(held: &HashMap<String, BTreeSet<Day>>, group: &str) -> bool {
    // a group is named as an archive of its period is
    let Ok(unit) = group.parse::<Unit>() else { return true };
    let Some(days) = held.get(&unit.series()) else { return false };
    match unit.period {
        Period::Month(month) => days.iter().any(|day| day.month() == month),
        Period::Day(day) if Grain::of(Table::of_dataset(unit.dataset)) == Grain::Months => {
            days.contains(&day.month().first())
        }
        Period::Day(day) => days.contains(&day),
    }
}

/// What the name of a data file says of its maker: all but the part number.
fn maker(name: &str) -> String {
    name.rsplit_once('-').map_or(name, |(maker, _)| maker).to_owned()
}

/// As [`maker`], from the owner and the inputs.
fn maker_of(owner: &str, inputs: &str) -> String {
    maker(&layout::data_file_name(owner, inputs, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_tells_its_maker() {
        let name = layout::data_file_name("binance/spot/trades/BTCUSDT/2024-01", "abc", 2);
        assert_eq!(maker(&name), maker_of("binance/spot/trades/BTCUSDT/2024-01", "abc"));
        assert_ne!(maker(&name), maker_of("binance/spot/trades/BTCUSDT/2024-01", "abd"));
    }
}
