//! Tables that are damaged, made anew from what the lake holds, without the source. This is the
//! first step, a run's own: it finds what is damaged, sets those logs aside under
//! `damaged/<run>/`, makes the small tables anew from their files, fragments and the ledger's
//! extract, and plans the groups of silver whose archives are held. The ordinary stages do the
//! rest under the same run: silver, commit, gold, the commit of gold, check. The same archives
//! make the same files, so that readers see the same bytes as before.
//!
//! It may be killed and repeated at any moment: a table that was set aside stays damaged for all
//! but its run until that has committed it, so that the next rebuild begins it again.

mod plan;
mod small;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use model::derivation;
use model::dirty::Dirty;
use model::exit::Exit;
use model::layout;
use model::owed::Owed;
use model::schema::Table;
use serde::Serialize;
use stage::{Context, Failure};
use store::logs::{Log, LogError};
use table::{Change, Stamp, TableError, Tables};

use crate::builds::{self, Current};
use crate::summary::Skipped;
use crate::{failure, ledger, owed};

/// The tables of which the ledger is made, and its extract.
const LEDGER: [Table; 2] = [Table::Archives, Table::Builds];

/// A table that is to be made anew, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The table.
    pub table: Table,
    /// What is damaged, in words.
    pub why: String,
}

/// What was made anew, and what the stages have to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// The tables, and why.
    pub found: Vec<Found>,
    /// Groups of silver that are planned.
    pub groups: u64,
    /// Batches of them.
    pub batches: u64,
    /// Symbols whose bars are to be made.
    pub symbols: u64,
    /// Rows of the small tables that were made anew, by table.
    pub rows: BTreeMap<Table, u64>,
    /// What cannot be made anew from what is held.
    pub left_out: Vec<Skipped>,
}

/// What is damaged, as far as logs, builds and what is owed tell: of data files only those of
/// `ops.builds` are read.
///
/// # Errors
/// Whatever the lake says.
pub async fn look(context: &Context) -> Result<Report, Failure> {
    let tables = Tables::of_run(&context.lake, &context.run);
    let found = find(context, &tables).await?;
    Ok(Report { found, ..Report::default() })
}

/// What is damaged, as far as logs, builds and what is owed tell. May be asked while runs are at
/// work.
///
/// # Errors
/// Whatever the lake says, but for what is damaged.
pub(crate) async fn find(context: &Context, tables: &Tables) -> Result<Vec<Found>, Failure> {
    // before the logs: a run may commit in between, and they only grow
    let extract = newest_extract(context).await?;
    let mut found = Vec::new();
    let mut versions = 0;
    for table in Table::ALL {
        match log_of(context, tables, *table).await? {
            Ok(log) if LEDGER.contains(table) => versions += log.map_or(0, |log| log.last),
            Ok(_) => {}
            Err(why) => found.push(Found { table: *table, why }),
        }
    }
    let is_sound = |found: &[Found], table| !found.iter().any(|f| f.table == table);
    if !LEDGER.iter().all(|table| is_sound(&found, *table)) {
        return Ok(found);
    }
    if extract > Some(versions) {
        for table in LEDGER {
            let why = "has fewer versions than the ledger's extract knows of".to_owned();
            found.push(Found { table, why });
        }
        return Ok(found);
    }
    let builds = match builds::current(tables).await {
        Ok(builds) => builds,
        Err(error) => {
            let Some(why) = spoiled(context, &error) else { return Err(failure(error)) };
            found.push(Found { table: Table::Builds, why });
            return Ok(found);
        }
    };
    let sound: Vec<Current> =
        builds.iter().filter(|build| is_sound(&found, build.table())).cloned().collect();
    let mut lost: BTreeMap<Table, Vec<String>> = BTreeMap::new();
    let with_rejects = is_sound(&found, Table::Rejects);
    for (table, build) in builds::lost(tables, &sound, with_rejects).await.map_err(failure)? {
        lost.entry(table).or_default().push(build.group.to_string());
    }
    for (table, groups) in lost {
        let why = format!(
            "has not all live files of {} built groups, the first is {}",
            groups.len(),
            groups[0]
        );
        found.push(Found { table, why });
    }
    // A run owes its bars from before it notes its builds until it has committed them, and of a
    // build with files that bars are made from gold replaces something in both of these, which makes their logs. So
    // they are there where nobody owes anything. Of builds without files there may be no bars.
    let feeds = |build: &Current| build.files > 0 && derivation::feeds(build.table());
    let has_files = builds.iter().any(feeds);
    if has_files && owed::debts(&context.lake).await?.is_empty() {
        for table in derivation::OF_EVERY_LAKE {
            // looked at once more: a run may have made it, and paid, since the first look
            if is_sound(&found, table) && log_of(context, tables, table).await? == Ok(None) {
                let why = "has no log, and nobody owes its bars".to_owned();
                found.push(Found { table, why });
            }
        }
    }
    Ok(found)
}

/// A table's log, where it has one; or what is wrong with it.
async fn log_of(
    context: &Context,
    tables: &Tables,
    table: Table,
) -> Result<Result<Option<Log>, String>, Failure> {
    Ok(match tables.logs().verify(table, None).await {
        Ok(log) => Ok(log),
        Err(LogError::Damaged(damage)) => Err(format!("`{}` {}", damage.key, damage.problem)),
        // a folder in place of a file, and the like
        Err(LogError::Store(error)) if context.lake.directory().is_some() => {
            Err(model::human::chain(&error))
        }
        Err(LogError::Store(error)) => return Err(error.into()),
    })
}

/// What an error says is wrong with a table's data, where it does: a store that does not answer,
/// or a table of a later version, is no damage.
fn spoiled(context: &Context, error: &TableError) -> Option<String> {
    let what = match error {
        TableError::Spoiled { key, problem, .. } => format!("`{key}` {problem}"),
        TableError::Damaged(damage) => format!("`{}` {}", damage.key, damage.problem),
        // a file of a former version has no sum, and is found out by whoever reads it
        TableError::Sql(_) | TableError::Store(_) if context.lake.directory().is_some() => {
            model::human::chain(error)
        }
        _ => return None,
    };
    Some(format!("has a file that cannot be read: {what}"))
}

async fn newest_extract(context: &Context) -> Result<Option<u64>, Failure> {
    let entries = context.lake.list(layout::INDEX).await?;
    Ok(entries.iter().rev().find_map(|entry| layout::parse_index(&entry.key)))
}

/// Does the first step for what is damaged and for `also`, and plans the rest.
///
/// # Errors
/// Whatever the lake says; [`Exit::Usage`] where the run has a plan of another kind.
pub async fn run(context: &Context, also: &[Table]) -> Result<Report, Failure> {
    let tables = Tables::of_run(&context.lake, &context.run);
    let mut report = Report { found: find(context, &tables).await?, ..Report::default() };
    for table in also {
        if !report.found.iter().any(|found| found.table == *table) {
            report.found.push(Found { table: *table, why: "asked for".to_owned() });
        }
    }
    if report.found.is_empty() {
        return Ok(report);
    }
    if context.lake.head(&layout::plan(&context.run)).await?.is_some() {
        let error = anyhow::anyhow!("run {} has a plan, expected a new run", context.run);
        return Err(Failure::new(Exit::Usage, error));
    }
    let wanted: BTreeSet<Table> = report.found.iter().map(|found| found.table).collect();
    context.meter.total(wanted.len() as u64 + 3);
    // all at first: what is damaged must not be read while another is made
    for table in &wanted {
        match tables.logs().verify(*table, Some(&context.run)).await {
            Ok(_) => {}
            // a store that does not answer is no damage
            Err(LogError::Store(error)) if context.lake.directory().is_none() => {
                return Err(error.into());
            }
            Err(_) => tables.logs().set_aside(*table, &context.run).await?,
        }
    }
    for table in &wanted {
        out_of_the_way(context, *table)?;
    }
    for table in &wanted {
        context.meter.at(table.as_str());
        small::make(context, &tables, *table, &mut report).await?;
        context.meter.done(1);
    }
    context.meter.at("ledger");
    small::extract(context, &tables).await?;
    context.meter.done(1);

    context.meter.at("archives");
    let builds = builds::current(&tables).await.map_err(failure)?;
    let groups = plan::groups(context, &tables, &wanted, &builds, &mut report).await?;
    context.meter.done(1);
    let planned: BTreeSet<Table> = groups.iter().map(|group| group.table).collect();
    // before the plan: with it, whoever comes next knows what bars are to be made
    if wanted.iter().any(|table| table.zone() == "gold") {
        let dirty = everything(&builds);
        report.symbols = dirty.len() as u64;
        let owed = Owed { silver: format!("rebuild {}", context.run), dirty };
        context.lake.write_json(&layout::owed(&context.run), &owed).await?;
    }
    plan::write(context, groups, &mut report).await?;
    for table in wanted {
        let is_empty = Table::SILVER.contains(&table) && !planned.contains(&table)
            || table == Table::Rejects && planned.is_empty()
            || table.zone() == "gold" && builds.is_empty();
        if is_empty {
            // nobody commits to it in this run: it is empty
            let stamp = Stamp::new(table, &context.run, "rebuild", "", context.clock.now());
            tables.replace(table, &stamp, Change::default()).await.map_err(failure)?;
        }
    }
    context.meter.done(1);
    Ok(report)
}

/// Moves folders that lie in place of data files: no file can be written over one.
fn out_of_the_way(context: &Context, table: Table) -> Result<(), Failure> {
    let Some(lake) = context.lake.directory() else { return Ok(()) };
    let mut folders = vec![lake.join(layout::table(table))];
    while let Some(folder) = folders.pop() {
        // one that is not there, or a link, has nothing in the way
        if !folder.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            continue;
        }
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let is_folder = path.symlink_metadata()?.is_dir();
            if is_folder && path.extension().is_some_and(|extension| extension == "parquet") {
                let key = path.strip_prefix(lake)?.to_string_lossy().into_owned();
                let to = lake.join(layout::damaged(&context.run, &key));
                std::fs::create_dir_all(to.parent().unwrap_or(lake))?;
                std::fs::rename(&path, &to)?;
            } else if is_folder {
                folders.push(path);
            }
        }
    }
    Ok(())
}

/// Every symbol and month that is built.
fn everything(builds: &[Current]) -> Vec<Dirty> {
    let mut months: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for build in builds {
        let group = &build.group;
        let of = (group.source, group.market, group.symbol.clone());
        months.entry(of).or_default().insert(group.period.month());
    }
    let dirty = |((source, market, symbol), months): (_, BTreeSet<_>)| Dirty {
        source,
        market,
        symbol,
        months: months.into_iter().collect(),
    };
    months.into_iter().map(dirty).collect()
}

/// Writes the extract of the ledger as the tables are, and takes those of logs that are gone out of
/// the way.
async fn renew_extract(context: &Context, tables: &Tables) -> Result<(), TableError> {
    let lake = &context.lake;
    let version = ledger::versions(tables).await?;
    for entry in lake.list(layout::INDEX).await? {
        if layout::parse_index(&entry.key).is_some_and(|of| of > version) {
            let bytes = lake.read(&entry.key).await?;
            lake.write(&layout::damaged(&context.run, &entry.key), bytes).await?;
            lake.delete(&entry.key).await?;
        }
    }
    ledger::write_extract(lake, tables, true).await?;
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.found.is_empty() {
            return write!(
                f,
                "rebuild: no log is damaged, and silver has all that ops.builds names; \
                 `cargo xtask maintain --deep` reads every file"
            );
        }
        write!(f, "rebuild:")?;
        for found in &self.found {
            write!(f, "\n  {:<17} {}", found.table.as_str(), found.why)?;
        }
        for (table, rows) in &self.rows {
            write!(f, "\n  {:<17} {rows} rows made anew", table.as_str())?;
        }
        if self.groups > 0 {
            write!(
                f,
                "\n  {} groups of silver to build, in {} batches",
                self.groups, self.batches
            )?;
        }
        for left in &self.left_out {
            write!(f, "\n  left out: {}: {}", left.group, left.why)?;
        }
        Ok(())
    }
}
