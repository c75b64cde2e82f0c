//! What `ops.builds` says: the latest build of each group, and those that are current, held
//! against what the silver tables have. A build of which nothing is live, and nothing newer in its
//! place, is a loss and no vacuum's business.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use model::ledger::{self, BuiltUnit};
use model::partition::{self, as_map};
use model::plan::Partition;
use model::schema::Table;
use model::{Day, Unit, UnitId, layout};
use table::{Snapshot, TableError, Tables};

use crate::rows::{Reader, stream};

/// The last build of a group, where no younger ones of other groups have taken all of its days.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    /// The group: the unit whose period it spans.
    pub(crate) group: Unit,
    /// What it was built from.
    pub(crate) inputs: String,
    pub(crate) units: Vec<BuiltUnit>,
    /// Rows in `silver.rejects`, as far as it tells: a former version counted rejected lines alone.
    pub(crate) rejects: u64,
    /// Its data files.
    pub(crate) files: u64,
    pub(crate) built_at: DateTime<Utc>,
    run: String,
    /// The days that no younger build has replaced.
    days: BTreeSet<Day>,
}

impl Current {
    pub(crate) fn table(&self) -> Table {
        Table::of_dataset(self.group.dataset)
    }

    /// Whether no younger build has replaced any of its days.
    pub(crate) fn is_whole(&self) -> bool {
        self.days.len() == self.group.period.first().to(self.group.period.last()).count()
    }

    /// What the names of its data files begin with.
    fn maker(&self) -> String {
        maker_of(&self.group.to_string(), &self.inputs)
    }

    /// What the names of its reject files begin with. Former versions named them by the archive
    /// alone.
    fn reject_makers(&self) -> impl Iterator<Item = String> {
        self.units.iter().flat_map(|unit| {
            [&self.inputs, &unit.sha256].map(|inputs| maker_of(unit.unit.as_str(), inputs))
        })
    }

    /// The partitions of the days that are its own.
    pub(crate) fn partitions(&self) -> BTreeSet<Partition> {
        self.days.iter().map(|day| as_map(&partition::of_day(&self.group, *day))).collect()
    }
}

/// What the name of a data file says of its maker: all but the part number.
fn maker(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(maker, _)| maker)
}

fn maker_of(owner: &str, inputs: &str) -> String {
    maker(&layout::data_file_name(owner, inputs, 0)).to_owned()
}

/// A row of `ops.builds`.
#[derive(Debug)]
pub(crate) struct Build {
    group: String,
    /// What it was built from.
    pub(crate) inputs: String,
    pub(crate) units: Vec<BuiltUnit>,
    files: u64,
    rows_read: u64,
    rows_rejected: u64,
    built_at: DateTime<Utc>,
    run: String,
}

impl Build {
    /// Whether it left its partitions as they were: nothing of it could be read, or something
    /// could not of which silver has rows.
    fn replaced_nothing(&self) -> bool {
        let corrupt = self.units.iter().filter(|unit| unit.corrupt.is_some()).count();
        corrupt == self.units.len() || corrupt > 0 && self.files == 0 && self.rows_read == 0
    }

    /// The latest build of a group is that of the run which was planned last. One that replaced
    /// nothing does not take the place of one that did.
    fn order(&self) -> (bool, &str, DateTime<Utc>) {
        (!self.replaced_nothing(), &self.run, self.built_at)
    }
}

/// The latest build of each group.
pub(crate) async fn latest(
    tables: &Tables,
    snapshot: &Snapshot,
) -> Result<BTreeMap<String, Build>, TableError> {
    let table = Table::Builds;
    let sql = "SELECT group_id, inputs, units, files, rows_read, rows_rejected, built_at, run \
               FROM ledger";
    let mut stream = stream(tables, snapshot, sql).await?;
    let mut latest: BTreeMap<String, Build> = BTreeMap::new();
    while let Some(batch) = stream.try_next().await? {
        let reader = Reader { table, batch: &batch };
        let texts = ["group_id", "inputs", "units", "run"].map(|name| reader.text(name));
        let [group, inputs, units, run] = texts;
        let (group, inputs, units, run) = (group?, inputs?, units?, run?);
        let counts = ["files", "rows_read", "rows_rejected"].map(|name| reader.long(name));
        let [files, rows_read, rows_rejected] = counts;
        let (files, rows_read, rows_rejected) = (files?, rows_read?, rows_rejected?);
        let built_at = reader.micros("built_at")?;
        let word = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let count = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        for row in 0..batch.num_rows() {
            let group = word(group(row));
            let units = serde_json::from_str(units(row).unwrap_or_default())
                .map_err(|error| bad(format!("bad units of {group}: {error}")))?;
            let at = built_at(row).and_then(DateTime::from_timestamp_micros);
            let built = Build {
                inputs: word(inputs(row)),
                units,
                files: count(files(row)),
                rows_read: count(rows_read(row)),
                rows_rejected: count(rows_rejected(row)),
                built_at: at.unwrap_or_default(),
                run: word(run(row)),
                group,
            };
            if latest.get(&built.group).is_none_or(|before| before.order() < built.order()) {
                latest.insert(built.group.clone(), built);
            }
        }
    }
    Ok(latest)
}

/// The youngest build that has rows of a unit, of each unit.
pub(crate) fn youngest(latest: &BTreeMap<String, Build>) -> HashMap<&UnitId, &Build> {
    let mut youngest: HashMap<&UnitId, &Build> = HashMap::new();
    for build in latest.values().filter(|build| !build.replaced_nothing()) {
        for unit in build.units.iter().filter(|unit| unit.corrupt.is_none()) {
            let of = youngest.entry(&unit.unit).or_insert(build);
            if of.order() < build.order() {
                *of = build;
            }
        }
    }
    youngest
}

fn bad(error: String) -> TableError {
    TableError::Change { table: Table::Builds, source: error.into() }
}

/// The current builds, in order of their groups.
pub(crate) async fn current(tables: &Tables) -> Result<Vec<Current>, TableError> {
    let Some(snapshot) = tables.snapshot(Table::Builds).await? else { return Ok(Vec::new()) };
    let latest = latest(tables, &snapshot).await?;
    let replacing = latest.into_values().filter(|built| !built.replaced_nothing());
    let current = replacing.map(|built| {
        let group: Unit = built.group.parse().map_err(|error| bad(format!("{error}")))?;
        Ok(Current {
            days: group.period.first().to(group.period.last()).collect(),
            group,
            inputs: built.inputs,
            rejects: ledger::rejects(&built.units).unwrap_or(built.rows_rejected),
            units: built.units,
            files: built.files,
            built_at: built.built_at,
            run: built.run,
        })
    });
    Ok(without_replaced(current.collect::<Result<_, TableError>>()?))
}

/// Takes from each build the days that a younger one of the same series covers, and drops those
/// that have none left.
fn without_replaced(mut builds: Vec<Current>) -> Vec<Current> {
    // the youngest first; of one run a month goes before its days
    builds.sort_by(|a, b| {
        (&b.run, b.built_at, b.days.len()).cmp(&(&a.run, a.built_at, a.days.len()))
    });
    let mut taken: HashMap<String, BTreeSet<Day>> = HashMap::new();
    for build in &mut builds {
        let taken = taken.entry(build.group.series()).or_default();
        build.days.retain(|day| taken.insert(*day));
    }
    builds.retain(|build| !build.days.is_empty());
    builds.sort_by_key(|build| build.group.to_string());
    builds
}

/// What the names of all files begin with that current builds have.
pub(crate) fn makers(builds: &[Current]) -> HashSet<String> {
    let rejects = builds.iter().flat_map(Current::reject_makers);
    builds.iter().map(Current::maker).chain(rejects).collect()
}

/// The makers of a table's live files, with the number of files of each, and the partitions that
/// have any.
async fn live(
    tables: &Tables,
    table: Table,
) -> Result<(HashMap<String, u64>, HashSet<Partition>), TableError> {
    let (mut files, mut partitions) = (HashMap::new(), HashSet::new());
    if let Some(snapshot) = tables.snapshot(table).await? {
        for file in snapshot.iter() {
            *files.entry(maker(file.name()).to_owned()).or_default() += 1;
            partitions.insert(file.partition);
        }
    }
    Ok((files, partitions))
}

/// The builds of which a table has nothing, and nothing else in their place. The rejects are
/// looked at where `with_rejects`: of a table whose log is damaged nothing can be said.
pub(crate) async fn lost<'a>(
    tables: &Tables,
    builds: &'a [Current],
    with_rejects: bool,
) -> Result<Vec<(Table, &'a Current)>, TableError> {
    let mut lost = Vec::new();
    let (rejects, _) =
        if with_rejects { live(tables, Table::Rejects).await? } else { Default::default() };
    for table in
        Table::SILVER.iter().copied().filter(|table| builds.iter().any(|b| b.table() == *table))
    {
        let (files, partitions) = live(tables, table).await?;
        let whole = builds.iter().filter(|build| build.table() == table && build.is_whole());
        for build in whole {
            let live = files.get(&build.maker()).copied().unwrap_or(0);
            // a run that was cut off before its builds were noted has others there
            let replaced = live == 0 && build.partitions().iter().any(|p| partitions.contains(p));
            if live < build.files && !replaced {
                lost.push((table, build));
            }
            // rejects are committed after silver, and before the build is noted
            let has_rejects = build.reject_makers().any(|maker| rejects.contains_key(&maker));
            if with_rejects && build.rejects > 0 && !replaced && !has_rejects {
                lost.push((Table::Rejects, build));
            }
        }
    }
    Ok(lost)
}

/// The groups in whose partitions silver has no file, of whichever build.
pub(crate) async fn gone(
    tables: &Tables,
    builds: &[&Current],
) -> Result<HashSet<String>, TableError> {
    let mut gone = HashSet::new();
    for table in
        Table::SILVER.iter().copied().filter(|table| builds.iter().any(|b| b.table() == *table))
    {
        let (_, partitions) = live(tables, table).await?;
        let own = builds.iter().filter(|build| build.table() == table);
        for build in own {
            if !build.partitions().iter().any(|p| partitions.contains(p)) {
                gone.insert(build.group.to_string());
            }
        }
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_are_known_by_what_they_were_built_from_as_of_old_by_their_archive() {
        let group: Unit = "binance/spot/trades/A1/2024-01-01".parse().unwrap();
        let units = r#"[{"unit": "binance/spot/trades/A1/2024-01-01", "sha256": "s"}]"#;
        let build = Current {
            days: [group.period.first()].into(),
            group,
            inputs: "i".to_owned(),
            units: serde_json::from_str(units).unwrap(),
            rejects: 1,
            files: 1,
            built_at: DateTime::UNIX_EPOCH,
            run: String::new(),
        };
        let makers = makers(&[build]);
        for (inputs, expect) in [("i", true), ("s", true), ("another", false)] {
            let name = layout::data_file_name("binance/spot/trades/A1/2024-01-01", inputs, 3);
            assert_eq!(makers.contains(maker(&name)), expect, "{inputs}");
        }
    }

    #[test]
    fn the_youngest_build_of_a_day_is_the_current_one() {
        let build = |group: &str, run: &str| {
            let group: Unit = group.parse().unwrap();
            Current {
                days: group.period.first().to(group.period.last()).collect(),
                group,
                inputs: "i".to_owned(),
                units: Vec::new(),
                rejects: 0,
                files: 1,
                built_at: DateTime::UNIX_EPOCH,
                run: run.to_owned(),
            }
        };
        let check = |builds: &[(&str, &str)], expect: &[(&str, usize)]| {
            let builds = builds
                .iter()
                .map(|(period, run)| build(&format!("binance/spot/trades/A1/{period}"), run))
                .collect();
            let found = without_replaced(builds);
            let found: Vec<_> =
                found.iter().map(|b| (b.group.period.to_string(), b.days.len())).collect();
            let expect: Vec<_> = expect.iter().map(|(p, n)| ((*p).to_owned(), *n)).collect();
            assert_eq!(found, expect);
        };
        check(&[("2024-01-01", "a"), ("2024-01-02", "a")], &[("2024-01-01", 1), ("2024-01-02", 1)]);
        check(&[("2024-01-01", "a"), ("2024-01", "b")], &[("2024-01", 31)]);
        check(&[("2024-01-01", "b"), ("2024-01", "a")], &[("2024-01", 30), ("2024-01-01", 1)]);
        check(&[("2024-01-01", "a"), ("2024-01", "a")], &[("2024-01", 31)]);
    }
}
