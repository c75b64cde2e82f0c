//! Derives the gold tables from silver and from each other; rebuilds dirty partitions only.
//!
//! Reads `runs/<run>/dirty.json` (or, asked to, everything that silver holds), the silver tables
//! and, for what needs all there is, the bars and spreads of the other months. Writes data files and one
//! [`GoldFragment`] a symbol; `commit` makes them visible.
//!
//! What a bar is made from is chosen for each symbol, UTC day and timeframe: that which is whole,
//! trades first, then aggregate trades, then klines; else that which has the fewest holes
//! ([`held`]). From klines, each timeframe is made from the shortest whole one that divides it; a
//! bar shorter than the shortest kline is not made. A bar stands
//! only where there was a trade, so klines with a trade count of 0 leave none: bars mean the
//! same whatever they are made from. Klines of a source that counts no trades are bars all of them.
//!
//! | module | what lives there |
//! |---|---|
//! | [`scope`] | what is to be rebuilt, and from which files |
//! | [`held`] | what silver holds of each day, how whole it is, and the choice |
//! | [`fold`] | trades and aggregate trades to 1m bars, in one pass |
//! | [`base`] | the base bars of a month, whatever they are made from |
//! | [`models`] | the SQL of `sql/gold/` and how it is run |
//! | `derivations` | which file makes which table |
//! | `bars`, `month`, `day` | `gold.bars`: of a symbol, of a month, of a day from its files |
//! | `history`, `beside`, `analysis` | all bars of a symbol, what stands beside them, their indicators |
//! | `spreads`, `indicators`, `anomalies`, `signals`, `features`, `labels` | the tables of those names |
//! | `columns` | columns of rows in memory, read and made |
//! | `daily`, `sessions` | `gold.daily`; which days of trading follow on each other |
//! | [`piece`] | one symbol: its tables, files, fragment |
//!
//! This crate must not commit, and must not know how silver came to be.

mod analysis;
mod anomalies;
mod bars;
pub mod base;
mod beside;
mod columns;
mod daily;
mod day;
mod derivations;
mod features;
pub mod fold;
pub mod held;
mod history;
mod indicators;
mod labels;
pub mod models;
mod month;
pub mod piece;
pub mod scope;
mod sessions;
mod signals;
mod spreads;

use std::sync::Arc;

use anyhow::Context as _;
use futures::StreamExt as _;
use model::dirty::Dirty;
use model::exit::Exit;
use model::fragment::GoldFragment;
use model::metrics::Metric;
use model::owed::Taken;
use model::schema::Table;
use model::{Market, Symbol, layout};
use serde::{Deserialize, Serialize};
use stage::{Context, Failure};
use table::{TableError, Tables};

use crate::models::Engine;
use crate::scope::Sources;

/// What to rebuild, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Everything that silver holds, not only what the run's commit left dirty.
    pub all: bool,
    /// These markets only; empty: all.
    pub markets: Vec<Market>,
    /// These symbols only; empty: all.
    pub symbols: Vec<Symbol>,
    /// How trades become 1m bars.
    pub engine: Engine,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Symbols rebuilt.
    pub symbols: u64,
    /// Symbols that an earlier attempt of the run had rebuilt.
    pub done_before: u64,
    /// Months rebuilt.
    pub months: u64,
    /// Bars made, of all timeframes.
    pub bars: u64,
    /// Rows of gold.daily made.
    pub days: u64,
    /// Data files written.
    pub files: u64,
}

/// Rebuilds what is dirty.
///
/// # Errors
/// Whatever the lake says; a symbol that fails does not stop the others, but the job fails.
pub async fn run(context: &Context, options: &Options) -> Result<Summary, Failure> {
    check_markets(context, &options.markets)?;
    let tables = Tables::of_run(&context.lake, &context.run);
    // before the tables: what is committed after this look is not in what is built
    let silver = silver(context).await?;
    let sources = Arc::new(Sources::load(&tables).await?);
    let mut dirty = if options.all {
        sources.everything()
    } else {
        context
            .lake
            .read_json::<Vec<Dirty>>(&layout::dirty(&context.run), "list of dirty partitions")
            .await
            .with_context(|| format!("run {} has not been committed", context.run))?
    };
    dirty.retain(|d| {
        (options.markets.is_empty() || options.markets.contains(&d.market))
            && (options.symbols.is_empty() || options.symbols.contains(&d.symbol))
    });
    dirty.sort();
    context.meter.total(dirty.len() as u64);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (providers, settings) = (context.providers, context.config.gold.clone());
    let workshop =
        piece::Workshop::new(&tables, sources, providers, options.engine, settings, cores)?;
    let workshop = Arc::new(workshop);
    let mut results = futures::stream::iter(dirty)
        .map(|dirty| {
            let (context, workshop) = (context.clone(), Arc::clone(&workshop));
            let (id, silver) = (dirty.id(), silver.clone());
            let work = async move { one(&context, &workshop, &dirty, silver).await };
            // a bug is reported with the symbol it was met in
            let task = tokio::spawn(stage::working_on(id.clone(), work));
            async move { (id, task.await) }
        })
        .buffer_unordered(cores);
    let (mut summary, mut failed) = (Summary::default(), Vec::new());
    while let Some((id, result)) = results.next().await {
        match result.context("the worker ended early").and_then(|done| done) {
            Ok(Some(fragment)) => summary.count(&fragment),
            Ok(None) => summary.done_before += 1,
            Err(error) => {
                let text = format!("{error:#}");
                tracing::error!(symbol = id, error = text, "cannot build");
                failed.push(error.context(format!("cannot build {id}")));
            }
        }
        context.meter.done(1);
    }
    context.meter.figure(Metric::Rows, (summary.bars + summary.days) as f64);
    context.meter.figure(Metric::Partitions, summary.months as f64);
    let count = failed.len();
    match failed.into_iter().next() {
        None => Ok(summary),
        Some(first) => {
            let exit = first.downcast_ref().map_or(Exit::Failed, TableError::exit);
            let several = || format!("{count} symbols failed; the first");
            let error = if count == 1 { first } else { first.context(several()) };
            Err(Failure::new(exit, error))
        }
    }
}

/// Refuses a market that no provider has.
fn check_markets(context: &Context, markets: &[Market]) -> Result<(), Failure> {
    let known: Vec<Market> =
        context.providers.iter().flat_map(source::Provider::markets).copied().collect();
    let Some(unknown) = markets.iter().find(|market| !known.contains(market)) else {
        return Ok(());
    };
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
    let error = anyhow::anyhow!("unknown market `{unknown}`, expected one of {}", known.join(", "));
    Err(Failure::new(Exit::Usage, error))
}

/// What stands for the silver that the run has committed; nothing where it has committed none.
async fn silver(context: &Context) -> anyhow::Result<String> {
    let key = layout::taken(&context.run);
    match context.lake.read_json::<Taken>(&key, "list of what was taken over").await {
        Ok(taken) => Ok(taken.silver),
        Err(error) if error.is_not_found() => Ok(String::new()),
        Err(error) => Err(error.into()),
    }
}

/// Rebuilds one symbol; `None` where the run has done it before, from the same files.
async fn one(
    context: &Context,
    workshop: &piece::Workshop,
    dirty: &Dirty,
    silver: String,
) -> anyhow::Result<Option<GoldFragment>> {
    let key = layout::fragment(&context.run, "gold", &dirty.id());
    let inputs = workshop.sources.inputs(dirty, &workshop.settings.words());
    match context.lake.read_json::<GoldFragment>(&key, "gold fragment").await {
        Ok(before) if before.inputs == inputs && before.months == dirty.months => {
            if before.silver != silver {
                context.lake.write_json(&key, &GoldFragment { silver, ..before }).await?;
            }
            return Ok(None);
        }
        // one of another form is as good as none
        Ok(_) | Err(store::StoreError::Document { .. }) => {}
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    context.meter.at(dirty.symbol.as_str());
    workshop.sources.verify_sizes(&context.lake, dirty).await?;
    let built = derivations::build(workshop, dirty, &context.meter).await?;
    let fragment = GoldFragment {
        id: dirty.id(),
        months: dirty.months.clone(),
        inputs,
        replaces: built.replaces,
        files: built.files,
        built_at: context.clock.now(),
        silver,
    };
    context.lake.write_json(&key, &fragment).await?;
    Ok(Some(fragment))
}

impl Summary {
    fn count(&mut self, fragment: &GoldFragment) {
        let rows = |table: Table| -> u64 {
            fragment.files.iter().filter(|(t, _)| *t == table).map(|(_, f)| f.rows).sum()
        };
        self.symbols += 1;
        self.months += fragment.months.len() as u64;
        self.bars += rows(Table::Bars);
        self.days += rows(Table::Daily);
        self.files += fragment.files.len() as u64;
    }
}
