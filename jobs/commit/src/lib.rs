//! Makes a run visible: one Delta commit a table from the run's fragments; maintenance.
//!
//! Reads `runs/<run>/plan.json` and the fragments of bronze, silver and gold; writes table logs,
//! the small tables `bronze.archives`, `ops.builds` and `ops.runs`, `runs/<run>/dirty.json`,
//! `runs/owed/<run>.json` until the run's bars are committed, and
//! the ledger extract `bronze/index/`. It moves no data of silver or gold: workers have written
//! the files, it only names them.
//!
//! Any step may be the last before a kill, and the whole may be repeated; two runs may commit at
//! once. Why that ends well:
//!
//! 1. `bronze.archives` first: what was fetched is true whatever becomes of it. So is what the plan tells
//!    of instruments: then `silver.instruments`.
//! 2. The silver tables, one commit each. Inside each attempt the guard looks whether another
//!    run knows better (a newer archive in the ledger, a younger run's file in the partition);
//!    such groups are left out and the next plan sees to them.
//! 3. `silver.rejects` and `silver.restatements`, for the groups that are in force: whose files are
//!    what silver holds. A run that is killed after it tells what was restated once more, under the
//!    same owner.
//! 4. What the run owes, and `dirty.json` with what others owe too: from what the fragments
//!    replace and not from what this attempt did, so that nothing is lost to gold by a kill.
//! 5. `ops.builds`, again for the groups in force. Only now a plan counts them as built: a run
//!    killed before this is built again by the next one, to the same files.
//! 6. `ops.runs`, summed from `ops.builds`, and the ledger extract.
//!
//! Gold is committed where it was built from what silver holds at that moment; else another run
//! was faster, and gold must be built again.
//!
//! | module | what lives there |
//! |---|---|
//! | [`gather`] | the plan and the fragments of a run; what is wrong with one |
//! | `archives` | `bronze.archives`: its rows, read and written |
//! | `history` | what those rows come to for a unit, in memory that does not grow with the runs |
//! | [`ledger`] | what a run adds to `bronze.archives`, the extract for plan |
//! | `instruments` | `silver.instruments`: what the plan tells, put beside what is held |
//! | [`silver`] | silver and its rejects: the guard, the commits, which groups are in force |
//! | [`ops`] | what a run writes to `ops.builds` and `ops.runs` |
//! | `owed` | what gold must rebuild: for this run, and for those that never came to it |
//! | [`gold`] | gold tables |
//! | [`maintain`] | checkpoints, vacuum, old fragments and temporary files |
//! | [`rebuild`] | tables that are damaged, made anew from what the lake holds |
//! | [`deep`] | everything read and held against what is known of it |
//! | `builds` | what `ops.builds` says, and names as current, against what silver has |
//! | `rows` | rows of small tables to Arrow and back |
//!
//! This crate must not parse archives, build bars, or decide what is to be done next.

mod archives;
mod builds;
pub mod deep;
pub mod gather;
pub mod gold;
mod history;
mod instruments;
pub mod ledger;
pub mod maintain;
pub mod ops;
mod owed;
pub mod rebuild;
mod rows;
pub mod silver;
mod summary;

use model::exit::Exit;
use model::layout;
use model::schema::Table;
use stage::{Context, Failure};
use table::{TableError, Tables};

pub use gold::run_gold;
pub use summary::{Skipped, Summary, TableOutcome};

use crate::gather::Gathered;

/// Commits what bronze and silver did in the context's run.
///
/// # Errors
/// [`Exit::LostRace`] when other writers won again and again; [`Exit::DataRefused`] when
/// fragments were refused because they do not add up (all others are committed then); whatever
/// the lake says.
pub async fn run(context: &Context) -> Result<Summary, Failure> {
    let tables = Tables::of_run(&context.lake, &context.run);
    let gathered = Gathered::load(context).await?;
    let mut summary = Summary::new(&context.run);
    for refused in &gathered.refused {
        tracing::error!(group = refused.group, why = refused.why, "a fragment is refused");
    }
    summary.refused.clone_from(&gathered.refused);
    summary.received = gathered.received();
    summary.usable = gathered.usable();
    context.meter.total(8);

    context.meter.at(Table::Archives.as_str());
    let archives = ledger::append(context, &tables, &gathered).await.map_err(failure)?;
    summary.tables.push(TableOutcome::new(Table::Archives, archives));
    context.meter.done(1);

    // of a rebuild, and of a plan of former versions, nothing is told
    if !gathered.plan.instruments.is_empty() {
        context.meter.at(Table::Instruments.as_str());
        let told = instruments::commit(context, &tables, &gathered).await.map_err(failure)?;
        summary.tables.push(TableOutcome::new(Table::Instruments, told));
    }
    context.meter.done(1);

    for table in gathered.silver_tables() {
        context.meter.at(table.as_str());
        let (outcome, skipped) =
            silver::commit(context, &tables, &gathered, table).await.map_err(failure)?;
        for group in &skipped {
            tracing::warn!(
                group = group.group,
                why = group.why,
                "a group is left out: another run knows better"
            );
        }
        summary.skipped.extend(skipped);
        summary.tables.push(TableOutcome::new(table, outcome));
    }
    context.meter.done(1);

    context.meter.at(Table::Rejects.as_str());
    let rejects = silver::commit_rejects(context, &tables, &gathered).await.map_err(failure)?;
    summary.tables.push(TableOutcome::new(Table::Rejects, rejects));
    // every lake has all tables, whatever it holds: Athena refuses a question of one without a log.
    // `gold.daily` first: a lake that has silver and lacks it counts as damaged
    tables.create_missing(&[Table::Daily]).await.map_err(failure)?;
    tables.create_missing(Table::DERIVED).await.map_err(failure)?;
    tables.create_missing(&[Table::Instruments]).await.map_err(failure)?;
    context.meter.done(1);

    context.meter.at(Table::Restatements.as_str());
    let restated = silver::commit_restatements(context, &tables, &gathered).await;
    if let Some(outcome) = restated.map_err(failure)? {
        summary.tables.push(TableOutcome::new(Table::Restatements, outcome));
    }
    context.meter.done(1);

    summary.dirty = owed::write_dirty(context, &gathered.silver).await?;
    context.meter.done(1);

    if context.lake.list(layout::INDEX).await?.is_empty() {
        // where there are builds there is an extract: without one a plan is refused
        ledger::write_extract(&context.lake, &tables, false).await.map_err(failure)?;
    }
    context.meter.at(Table::Builds.as_str());
    let builds = ops::append_builds(context, &tables, &gathered).await.map_err(failure)?;
    summary.tables.push(TableOutcome::new(Table::Builds, builds));
    context.meter.done(1);

    context.meter.at(Table::Runs.as_str());
    let (outcome, figures) =
        ops::write_run(context, &tables, &gathered, &summary).await.map_err(failure)?;
    summary.tables.push(TableOutcome::new(Table::Runs, outcome));
    summary.figures = figures;
    context.meter.done(1);

    summary.ledger = ledger::write_extract(&context.lake, &tables, false).await.map_err(failure)?;
    context.meter.done(1);

    if summary.refused.is_empty() {
        Ok(summary)
    } else {
        Err(Failure::new(
            Exit::DataRefused,
            anyhow::anyhow!(
                "{} fragments do not add up and were refused; the first is {}: {}",
                summary.refused.len(),
                summary.refused[0].group,
                summary.refused[0].why
            ),
        ))
    }
}

/// A table's error with its exit code.
pub(crate) fn failure(error: TableError) -> Failure {
    Failure::new(error.exit(), error)
}
