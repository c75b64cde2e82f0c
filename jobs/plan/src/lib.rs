//! plan: what a run will do. Lists what the source offers, compares it with the ledger, chooses
//! the cheapest closed groups, and writes them as batches.
//!
//! Reads: the configuration, the source's listing (or the heads of its archives, or the folder that
//! its files are dropped into), the ledger extract under `bronze/index/`. Writes: `runs/<run>/batches/<n>.json.zst`, and last
//! `runs/<run>/plan.json`; a run that has a plan keeps it. Nothing to do is a plan without
//! batches and a success.
//!
//! What a source offers is asked by its provider (`source`), through the one client here. It must not
//! know how archives are downloaded, what is in them, or what is in the tables: of those it only
//! asks whether their logs are there and whole.
//!
//! | module | what lives there |
//! |---|---|
//! | [`again`] | when what failed is asked for again |
//! | [`state`] | what there is of one archive |
//! | [`choose`] | offer and ledger to groups: the decisions, pure |
//! | [`batches`] | groups to batches |
//! | [`kept_back`] | months that stay as they are though there is something new |
//! | [`gaps`] | days without an archive: single ones, pauses, ends |
//! | `instruments` | what a run tells of its instruments |
//! | `restated` | since when a split has changed all past of a series |
//! | [`remarks`] | what looks wrong and stops nothing, in words |
//! | [`report`] | what to tell people and programs |

pub mod again;
mod asked;
pub mod batches;
pub mod choose;
pub mod gaps;
mod instruments;
pub mod kept_back;
pub mod remarks;
pub mod report;
mod restated;
pub mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use model::config::{Scope, Series};
use model::derivation;
use model::exit::Exit;
use model::ledger::Ledger;
use model::metrics::Metric;
use model::plan::{Group, Plan, PlanTotals, Unasked};
use model::schema::Table;
use model::{Period, RunId, Source, layout};
use source::offer::{Dropped, Offer, OfferError, Survey, unit};
use source::{Takes, tail};
use stage::http::Clients;
use stage::{Context, Failure};
use store::logs::{Damage, Logs};

use crate::choose::{Choice, choose};
use crate::report::{Report, SeriesLine};
use crate::state::{Known, Rules, Way};

/// What narrows or bends a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// What to plan for.
    pub scope: Scope,
    /// Whether archives that failed before are tried again though they have not changed.
    pub retry_bad: bool,
    /// Whether the plan that the run has is taken whatever it was made from.
    pub resume: bool,
    /// The proxy to go through.
    pub proxy: Option<String>,
}

impl Options {
    /// Stands for the arguments that bend the plan; without `--retry-bad` it is the scope's hash.
    pub fn hash(&self) -> String {
        self.scope.hash(self.retry_bad)
    }
}

/// Plans a run.
///
/// # Errors
/// A [`Failure`]: [`Exit::SourceUnavailable`] when the source does not answer or refuses, [`Exit::Usage`]
/// when the run has a plan of another configuration or scope, or the scope or URLs are wrong.
pub async fn run(context: &Context, options: &Options) -> Result<Report, Failure> {
    if let Some(report) = taken_up(context, options).await? {
        return Ok(report);
    }
    let today = context.clock.today();
    let series = context.providers.series(&context.config, today, &options.scope);
    check_scope(&options.scope, &series)?;
    let ledger = ledger(context).await?;
    let now = context.clock.now();
    let Surveyed { offers, unasked } = survey(context, options, &series, now).await?;
    // 0 as well: an alarm ends by it
    context.meter.figure(Metric::SilentSources, unasked.len() as f64);
    let asked = asked::ask(context, options.proxy.as_deref(), &series).await?;
    // of a source that could not be asked nothing is planned, and nothing is called missing
    let (series, offers): (Vec<Series>, Vec<Offer>) = series
        .into_iter()
        .zip(offers)
        .filter_map(|(series, offer)| Some((series, offer?)))
        .filter(|(series, _)| unasked.iter().all(|unasked| unasked.source != series.source))
        .unzip();

    let rules = Rules { today, now, retry_bad: options.retry_bad };
    let known = Known::new(&ledger);
    let owed = owed(context).await?;
    let mut groups: Vec<Group> = Vec::new();
    let mut totals = PlanTotals::default();
    let (mut absent, mut gaps, mut kept_back) = (Vec::new(), Vec::new(), Vec::new());
    let mut told = Vec::new();
    let mut lines = Vec::with_capacity(series.len());
    for (series, offer) in series.iter().zip(&offers) {
        let choice = choose(series, offer, &known, &rules, &way(context, series.source)?);
        lines.push(line(series, offer, &choice));
        totals.listed += listed(offer);
        totals.fetch += choice.fetch;
        totals.fetch_bytes = totals.fetch_bytes.saturating_add(choice.fetch_bytes);
        totals.republished += choice.republished;
        totals.known_bad += choice.known_bad;
        totals.units += choice.groups.iter().map(|g| g.units.len() as u64).sum::<u64>();
        totals.groups += choice.groups.len() as u64;
        absent.extend(choice.absent);
        gaps.extend(choice.gaps);
        kept_back.extend(choice.kept_back);
        told.extend(choice.remarks);
        groups.extend(choice.groups);
    }
    let mut remarks = remarks::of(&options.scope, &series, &offers, &gaps, &kept_back);
    for remark in &told {
        tracing::warn!("{remark}");
    }
    remarks.extend(told);
    remarks.extend(remarks::of_calendars(&series, context.providers));
    remarks.extend(unasked.iter().map(Unasked::remark));
    remarks.extend(asked.remarks.iter().cloned());
    let instruments = instruments::told(context, &series, &offers, &gaps, &asked);
    drop(offers);
    drop(known);
    drop(ledger);

    let batches = batches::cut(&context.run, groups, &context.config.limits.batch, |unit, _| {
        // tails are asked for beside archives: their budget is shared, and their batches are cut
        context.providers.of(unit.source).is_ok_and(|provider| provider.takes() == Takes::Api)
    });
    // on one machine the disk is whatever is there
    if context.lake.directory().is_none()
        && let Some(aws) = &context.config.aws
    {
        remarks.extend(remarks::of_disk(&batches, aws.task("silver").storage_gib));
    }
    let plan = Plan {
        run: context.run.clone(),
        environment: context.config.environment.value.clone(),
        created_at: context.clock.now(),
        config_sha256: context.config_sha256.clone(),
        scope: options.hash(),
        batches: batches.iter().map(|b| b.line.clone()).collect(),
        totals,
        absent,
        gaps,
        remarks: remarks.clone(),
        unasked,
        instruments,
    };
    let documents = batches.into_iter().map(|weighed| (weighed.line.key, weighed.batch));
    context.lake.write_all_json(documents).await?;
    // last: a run with a plan has all its batches
    context.lake.write_json(&layout::plan(&context.run), &plan).await?;
    Ok(Report { plan, series: lines, taken_up: false, warnings: remarks, owed })
}

/// Other runs that have committed silver of which nobody has made the bars.
async fn owed(context: &Context) -> Result<Vec<RunId>, Failure> {
    let entries = context.lake.list(layout::OWED).await?;
    let runs: Vec<RunId> = entries
        .iter()
        .filter_map(|entry| layout::parse_owed(&entry.key))
        .filter(|run| *run != context.run)
        .collect();
    for run in &runs {
        tracing::info!(%run, "its bars are not there: it is at work, or was cut off");
    }
    Ok(runs)
}

/// What the ledger says. Planned without it, what the lake holds would be taken for missing: an
/// extract that is lost or spoiled is an error, which `commit maintain` mends from the tables.
async fn ledger(context: &Context) -> Result<Ledger, Failure> {
    const MEND: &str = "`cargo xtask maintain`, with the same --env, --config and --lake, writes it \
                        anew from the tables";
    let read = context.lake.ledger().await;
    let (version, ledger) = read.with_context(|| format!("no plan without the ledger: {MEND}"))?;
    whole(context, version).await?;
    // the first entry of a log only makes the table
    if version == 0 && context.lake.list(&layout::log(Table::Builds)).await?.len() > 1 {
        let error = anyhow!(
            "`{}` holds no extract of the ledger, though the lake has a ledger: {MEND}",
            layout::INDEX
        );
        return Err(error.into());
    }
    gold_is_there(context, &ledger).await?;
    Ok(ledger)
}

/// Refuses a lake of which gold is gone, log and head and all: nothing is left of it to tell that it
/// was there, but silver was built, and nobody owes its bars any more.
///
/// `gold.daily` stands for both: every commit of gold makes it, and one without a bar no
/// `gold.bars`.
async fn gold_is_there(context: &Context, ledger: &Ledger) -> Result<(), Failure> {
    let logs = Logs::new(&context.lake);
    // one that could not read something may have replaced nothing, and then there are no bars
    let is_built = ledger.builds.values().any(|build| build.corrupt.is_empty());
    if !is_built || logs.verify(Table::Daily, None).await?.is_some() {
        return Ok(());
    }
    let mut has_silver = false;
    for table in derivation::inputs().into_iter().filter(|table| derivation::feeds(*table)) {
        has_silver |= logs.verify(table, None).await?.is_some();
    }
    let debts = context.lake.list(layout::OWED).await?;
    let is_owed = debts.iter().any(|entry| layout::parse_owed(&entry.key).is_some());
    // looked at again after the debts: a run commits its bars before it pays. Of a ledger without
    // tables nothing can be told.
    if !has_silver || is_owed || logs.verify(Table::Daily, None).await?.is_some() {
        return Ok(());
    }
    let problem = "is gone, expected one, for silver is built and no run owes its bars".to_owned();
    let damage = Damage { table: Table::Daily, key: layout::log(Table::Daily), problem };
    Err(Failure::new(Exit::DataRefused, damage))
}

/// Refuses a lake of which a table's log has lost something. What is gone is not missing from the
/// ledger: a plan would say that there is nothing to do.
async fn whole(context: &Context, extract: u64) -> Result<(), Failure> {
    let refused = |error| Err(Failure::new(Exit::DataRefused, error));
    let logs = Logs::new(&context.lake);
    let damages = logs.damages().await?;
    if let Some(first) = damages.first() {
        return refused(anyhow!("{first}; {} of the tables' logs are damaged", damages.len()));
    }
    // the extract's version is the sum of theirs
    let mut sum = 0;
    for table in [Table::Archives, Table::Builds] {
        let log = logs.verify(table, None).await.map_err(anyhow::Error::from)?;
        sum += log.map_or(0, |log| log.last);
    }
    if extract > sum {
        return refused(anyhow!(
            "`{}` was made when {} and {} had {extract} versions, now they have {sum}: a log has lost \
             some; `cargo xtask rebuild --table {}`, with the same --env, --config and --lake, makes \
             it anew",
            layout::index(extract),
            Table::Archives,
            Table::Builds,
            Table::Archives
        ));
    }
    Ok(())
}

/// Refuses a scope that names what the configuration does not have. A configuration whose days
/// have not come yet is no mistake.
fn check_scope(scope: &Scope, series: &[Series]) -> Result<(), Failure> {
    let usage = |error| Err(Failure::new(Exit::Usage, error));
    for symbol in &scope.symbols {
        if !series.iter().any(|series| series.symbol == *symbol) {
            return usage(anyhow!(
                "--symbol {symbol} with the other arguments leaves no day to plan for, expected a \
                 symbol, dataset and range within the configuration"
            ));
        }
    }
    for source in &scope.sources {
        if !series.iter().any(|series| series.source == *source) {
            return usage(anyhow!(
                "--source {source} with the other arguments leaves no day to plan for, expected a \
                 source of the configuration"
            ));
        }
    }
    for dataset in &scope.datasets {
        if !series.iter().any(|series| series.dataset == *dataset) {
            return usage(anyhow!(
                "--dataset {dataset} with the other arguments leaves no day to plan for, expected \
                 a symbol, dataset and range within the configuration"
            ));
        }
    }
    if series.is_empty() && *scope != Scope::default() {
        return usage(anyhow!(
            "--from and --to leave no day to plan for, expected days within the configuration's"
        ));
    }
    Ok(())
}

/// The plan that the run has already, if it is of the same configuration and arguments.
async fn taken_up(context: &Context, options: &Options) -> Result<Option<Report>, Failure> {
    let plan = match context.lake.plan(&context.run).await {
        Ok(plan) => plan,
        Err(error) if error.is_not_found() && options.resume => {
            let error = anyhow!(
                "run {} has no plan to resume, expected the id of a run that was planned",
                context.run
            );
            return Err(Failure::new(Exit::Usage, error));
        }
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let differs = if options.resume {
        ""
    } else if plan.config_sha256 != context.config_sha256 {
        "configuration"
    } else if plan.scope != options.hash() {
        "scope (--from, --to, --source, --symbol, --dataset, --retry-bad)"
    } else {
        ""
    };
    if differs.is_empty() {
        let owed = owed(context).await?;
        return Ok(Some(Report {
            warnings: plan.remarks.clone(),
            plan,
            series: Vec::new(),
            taken_up: true,
            owed,
        }));
    }
    let error = anyhow!(
        "run {} has a plan of another {differs}, expected the same one or another --run",
        context.run
    );
    Err(Failure::new(Exit::Usage, error))
}

async fn survey(
    context: &Context,
    options: &Options,
    series: &[Series],
    now: DateTime<Utc>,
) -> Result<Surveyed, Failure> {
    let limits = &context.config.limits.download;
    let sources = context.config.sources.keys().copied();
    let clients = Clients::new(sources, limits, &context.clock, options.proxy.as_deref())
        .map_err(|error| Failure::new(Exit::Usage, error))?;
    let at_once = limits.concurrency.max(1) as usize;
    let mut surveys: BTreeMap<Source, Box<dyn Survey>> = BTreeMap::new();
    for source in context.config.sources.keys() {
        let Way { provider, section } = way(context, *source)?;
        if provider.takes() == Takes::Dropped {
            surveys.insert(*source, provider.dropped(section, dropped(context, *source).await?));
        } else if let Some(client) = clients.of(*source) {
            surveys.insert(*source, provider.survey(section, client, at_once));
        }
    }
    let surveys = &surveys;
    context.meter.total(series.len() as u64);
    // what one source answers or does not says nothing of another
    let silent: Mutex<BTreeMap<Source, OfferError>> = Mutex::default();
    let is_silent = |source| lock(&silent).contains_key(&source);
    let offers: Vec<Option<Offer>> = futures::stream::iter(series)
        .map(|series| async {
            let source = series.source;
            let survey = surveys.get(&source).filter(|_| !is_silent(source))?;
            match survey.offer(series).await {
                Ok(mut offer) => {
                    tail::add(series, &mut offer, now);
                    context.meter.done(1);
                    Some(offer)
                }
                Err(error) => {
                    lock(&silent).entry(source).or_insert(error);
                    None
                }
            }
        })
        .buffered(at_once)
        .collect()
        .await;
    clients.report(&context.meter);
    for (source, survey) in surveys {
        if !is_silent(*source)
            && let Err(error) = survey.judge()
        {
            lock(&silent).insert(*source, error);
        }
    }
    let silent = silent.into_inner().unwrap_or_else(PoisonError::into_inner);
    let wanted: BTreeSet<Source> = series.iter().map(|series| series.source).collect();
    let stops = |error: &OfferError| error.exit() != Exit::SourceUnavailable;
    let others = wanted.iter().any(|source| !silent.contains_key(source));
    let mut unasked = Vec::new();
    for (source, error) in silent {
        if !others || stops(&error) {
            return Err(Failure::new(error.exit(), error));
        }
        let why = format!("{:#}", anyhow::Error::new(error));
        tracing::warn!("source {source} is left out of this run: {why}");
        unasked.push(Unasked { source, why });
    }
    Ok(Surveyed { offers, unasked })
}

/// What the sources offer.
struct Surveyed {
    /// Of each series; `None` where its source could not be asked.
    offers: Vec<Option<Offer>>,
    /// Sources that could not be asked.
    unasked: Vec<Unasked>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What lies in the folder into which a person puts the files of a source.
async fn dropped(context: &Context, source: Source) -> Result<Vec<Dropped>, Failure> {
    let folder = layout::drop(source);
    let entries = context.lake.list(&folder).await?;
    let file = |entry: store::Entry| {
        Some(Dropped {
            path: entry.key.strip_prefix(&folder)?.strip_prefix('/')?.to_owned(),
            bytes: entry.bytes,
            etag: entry.etag,
            modified: DateTime::from_timestamp_micros(entry.modified_micros),
        })
    };
    Ok(entries.into_iter().filter_map(file).collect())
}

/// The provider of a source, and the source's section.
fn way(context: &Context, source: Source) -> Result<Way<'_>, Failure> {
    let provider = context.providers.of(source).map_err(|e| Failure::new(Exit::Usage, e))?;
    let section = context.config.sources.get(&source).with_context(|| {
        format!("source `{source}` has no section, expected one under `sources`")
    })?;
    Ok(Way { provider, section })
}

/// How many archives are listed: what is asked of an API is none.
fn listed(offer: &Offer) -> u64 {
    offer.archives.values().filter(|listed| listed.until.is_none()).count() as u64
}

fn line(series: &Series, offer: &Offer, choice: &Choice) -> SeriesLine {
    SeriesLine {
        series: unit(series, Period::Day(series.from)).series(),
        listed: listed(offer),
        held: choice.held,
        fetch: choice.fetch,
        fetch_bytes: choice.fetch_bytes,
        absent: choice.absent.len() as u64,
    }
}
