//! bronze: downloads the archives of one batch as they are, verified, resumable, never
//! overwritten.
//!
//! Reads: the batch `runs/<run>/batches/<n>.json.zst`, the source over HTTP(S) (or `drop/<source>/`, of
//! files that a person has put into the lake), the sizes of
//! neighbours in the ledger extract. Writes: raw objects under `bronze/source=…/`, and last one
//! fragment a unit, `runs/<run>/fragments/bronze/<unit>.json`, whatever became of it: `ok`,
//! `unverified`, `checksum_mismatch`, `corrupt`, `missing` (404 and 410 alone),
//! `truncated_suspect`. Only a unit whose source did not answer, refused (any other status), or
//! gave something else than it lists has none: nothing of it is remembered, it is tried again when
//! the batch is repeated and by the next run, and then the raw object that is there already is
//! used without a byte of transfer. Where a source's budget of the day is used up, the job's time nearly
//! over, or an API does not give what no archive holds yet, the job says so and is done: the rest is
//! planned again.
//!
//! It must not know what is in an archive, which table it goes to, or how archives are chosen.
//!
//! | module | what lives there |
//! |---|---|
//! | [`fetch`] | one archive from checksum to fragment |
//! | [`asked`] | one unit of a provider that is asked page by page |
//! | `pages` | the answers of a unit that is not whole yet |
//! | `collected` | the answers of a unit as they come, and where one that grows ends for now |
//! | `gates` | what a key's plan does not include, learnt once a series |
//! | [`download`] | one download over HTTP: resumed, retried, started over |
//! | [`dropped`] | one file that a person has put into the lake |
//! | [`unanswered`] | why a unit that is asked for has no outcome |
//! | [`sink`] | hashing and writing at constant memory |
//! | [`verify`] | whether a zip is whole, whether an archive is suspiciously small |

pub mod asked;
mod collected;
pub mod download;
pub mod dropped;
pub mod fetch;
mod gates;
mod pages;
pub mod sink;
pub mod unanswered;
pub mod verify;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use model::exit::Exit;
use model::fragment::{ArchiveStatus, BronzeFragment};
use model::plan::{Batch, Origin, Remote};
use model::unit::Unit;
use model::{Market, Source, human, layout};
use serde::Serialize;
use source::Provider;
use source::ask::Unavailable;
use source::limits::BudgetSpent;
use source::questions::Questions;
use stage::budget::NoCredit;
use stage::http::Clients;
use stage::{Context, Failure};

use crate::asked::Asker;
use crate::collected::ANSWERED_PLAINLY;
use crate::download::Downloader;
use crate::fetch::Fetcher;
use crate::unanswered::AskError;
use crate::verify::{NO_CHECKSUM, Neighbours};

/// The part of its time in which a job asks a source page by page: at a minute's credits all units of a
/// source, which are one batch, may take longer than a run. It then ends as with a budget that is used up.
const ASKING: f64 = 0.9;
/// Units that a message names.
const NAMED: usize = 5;

/// What to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The batch, from 1.
    pub batch: u32,
    /// The proxy to go through.
    pub proxy: Option<String>,
    /// How long the job may take; without it as long as a run (`limits.run.timeout_seconds`).
    pub time: Option<Duration>,
}

/// What was done for a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// The batch.
    pub batch: u32,
    /// Archives that the run had already.
    pub done_before: u64,
    /// Archives by what became of them now.
    pub by_status: BTreeMap<&'static str, u64>,
    /// Archives that the lake had already.
    pub reused: u64,
    /// Bytes that went over the wire.
    pub transferred: u64,
    /// Of each source whose day's budget is used up, that wants to be left alone, or for which there is no
    /// more time: how many of its units wait, and until when.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<String>,
}

impl Report {
    fn count(&mut self, fragment: &BronzeFragment) {
        *self.by_status.entry(fragment.status.as_str()).or_default() += 1;
        self.transferred += fragment.transferred;
        self.reused += u64::from(fragment.archive.is_some() && fragment.transferred == 0);
    }

    /// For people, one line.
    pub fn text(&self) -> String {
        let done: u64 = self.by_status.values().sum();
        let mut text = format!("batch {}: {done} fetched", self.batch);
        if !self.by_status.is_empty() {
            let words: Vec<String> =
                self.by_status.iter().map(|(status, n)| format!("{n} {status}")).collect();
            let _ = write!(text, " ({})", words.join(", "));
        }
        if self.reused > 0 {
            let _ = write!(text, ", {} in the lake already", self.reused);
        }
        if self.done_before > 0 {
            let _ = write!(text, ", {} done before", self.done_before);
        }
        let _ = writeln!(text, ", {} bytes received", self.transferred);
        for line in &self.waiting {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

/// Fetches a batch.
///
/// # Errors
/// A [`Failure`]: [`Exit::SourceUnavailable`] names the archives that could not be fetched, all
/// others are done then; [`Exit::Usage`] when the run has no such batch. An archive that is missing
/// or damaged is none: that is on record, and trying again at once would change nothing.
pub async fn run(context: &Context, options: &Options) -> Result<Report, Failure> {
    let batch = context.lake.batch(&context.run, options.batch).await.map_err(|error| {
        let exit = if error.is_not_found() { Exit::Usage } else { Exit::Failed };
        Failure::new(exit, error)
    })?;
    let start = context.clock.now();
    let limits = &context.config.limits.download;
    let wanted = wanted(context, &batch)?;
    let sources = wanted.iter().map(|wanted| wanted.unit.source);
    let clients = Clients::new(sources, limits, &context.clock, options.proxy.as_deref())
        .map_err(|error| Failure::new(Exit::Usage, error))?;
    // hosts of tails are others than those of archives, and what one asks for is not meant for the other
    let of_tails = wanted.iter().filter(|wanted| wanted.remote.until.is_some());
    let apis = Clients::new(
        of_tails.map(|wanted| wanted.unit.source),
        limits,
        &context.clock,
        options.proxy.as_deref(),
    )
    .map_err(|error| Failure::new(Exit::Usage, error))?;
    let folder = layout::fragments(&context.run, "bronze");
    let there: HashSet<String> =
        context.lake.list(&folder).await?.into_iter().map(|entry| entry.key).collect();
    let key = |unit: &Unit| layout::fragment(&context.run, "bronze", unit.id().as_str());
    let total = wanted.len() as u64;
    let mut todo: Vec<_> =
        wanted.into_iter().filter(|wanted| !there.contains(&key(wanted.unit))).collect();
    // first what is had today or never, lest the credits of the day go to what is had tomorrow too; then
    // what is new, and last what is held and may have been corrected, and tails, for which no archive waits:
    // trades after bars, for the first ones of a large pair may take hours
    todo.sort_by_key(|wanted| {
        let is_asked = wanted.provider.is_asked(wanted.remote);
        let shares = wanted.provider.questions().is_some_and(Questions::shares_answers);
        let is_held = is_asked && !shares && wanted.remote.held.is_some();
        let is_tail = wanted.remote.until.is_some();
        let grows = is_tail && !wanted.unit.dataset.has_timeframe();
        (!wanted.unit.dataset.tells_now(), is_held || is_tail, grows)
    });
    let mut report = Report { batch: options.batch, ..Report::default() };
    report.done_before = total - todo.len() as u64;
    context.meter.total(total);
    context.meter.done(report.done_before);

    let neighbours = neighbours(context, &batch, &todo).await?;
    let time =
        options.time.unwrap_or(Duration::from_secs(context.config.limits.run.timeout_seconds));
    // what comes after it needs time as well
    let asking = time.mul_f64(ASKING);
    let ends = TimeDelta::from_std(asking).ok().and_then(|asking| start.checked_add_signed(asking));
    let ends = ends.unwrap_or(DateTime::<Utc>::MAX_UTC);
    let askers = askers(context, (&clients, &apis), &todo, ends)?;
    let (clients, neighbours, askers) = (&clients, &neighbours, &askers);
    let timeout = Duration::from_secs(limits.total_timeout_seconds);
    let fetch = |Wanted { unit, remote, provider }| async move {
        context.meter.at(&provider.name_of(remote, unit));
        let client = clients.of(unit.source).context("a source without a client")?;
        let downloader = Downloader { client, lake: &context.lake, meter: &context.meter };
        let fetcher = Fetcher { downloader, neighbours };
        let late = || {
            AskError::Unavailable(Unavailable {
                url: remote.url.clone(),
                attempts: 1,
                why: format!(
                    "not whole after limits.download.total_timeout_seconds ({} s)",
                    timeout.as_secs()
                ),
                status: None,
            })
        };
        let work = async {
            // it may wait for its budget for hours; its requests have limits of their own
            if let Some(asker) = askers.get(&(unit.source, tail_of(unit, remote)))
                && provider.is_asked(remote)
            {
                return asker.fetch(unit, remote, provider).await;
            }
            let fetched = fetcher.fetch(unit, remote, provider);
            let fetched = tokio::time::timeout(timeout, fetched).await;
            Ok(fetched.map_err(|_| late())??)
        };
        // a bug is reported with the archive it was met in
        let fetched = stage::working_on(unit.to_string(), work).await;
        match fetched {
            Ok(fragment) => {
                tell(&fragment);
                // last: what has a fragment is done
                context.lake.write_json(&key(unit), &fragment).await?;
                context.meter.done(1);
                Ok(Ok(fragment))
            }
            Err(AskError::Unavailable(error)) if remote.until.is_some() => {
                Ok(Err(NotFetched::Tail(unit, error)))
            }
            Err(AskError::Unavailable(error)) => Ok(Err(NotFetched::Unavailable(unit, error))),
            Err(AskError::Spent(spent)) => Ok(Err(NotFetched::Spent(spent))),
            Err(AskError::NoCredit(error)) if remote.until.is_some() => {
                Ok(Err(NotFetched::Tail(unit, without_credit(remote, &error))))
            }
            Err(AskError::NoCredit(error)) => Ok(Err(NotFetched::NoCredit(error))),
            Err(AskError::Over) => Ok(Err(NotFetched::Over(unit))),
            Err(AskError::Late) => Ok(Err(NotFetched::Late(unit.source))),
            Err(AskError::Store(error)) => Err(Failure::from(error)),
        }
    };
    let at_once = limits.concurrency.max(1) as usize;
    let all = |units: Vec<_>| futures::stream::iter(units).map(&fetch).buffer_unordered(at_once);
    // the others begin when these are done, lest they take the credits
    let others = todo.split_off(todo.partition_point(|wanted| wanted.unit.dataset.tells_now()));
    let mut outcomes = all(todo).chain(all(others));
    let (mut unavailable, mut tails, mut spent) = (Vec::new(), Vec::new(), Vec::new());
    let mut no_credit = None;
    let mut over = Vec::new();
    let mut late: BTreeMap<Source, u64> = BTreeMap::new();
    while let Some(outcome) = outcomes.try_next().await? {
        match outcome {
            Ok(fragment) => report.count(&fragment),
            Err(NotFetched::Unavailable(unit, error)) => unavailable.push((unit, error)),
            Err(NotFetched::Tail(unit, error)) => tails.push((unit, error)),
            Err(NotFetched::Spent(budget)) => spent.push(budget),
            Err(NotFetched::Over(unit)) => over.push(unit),
            Err(NotFetched::Late(source)) => *late.entry(source).or_default() += 1,
            Err(NotFetched::NoCredit(error)) => {
                no_credit.get_or_insert(error);
            }
        }
    }
    context.meter.at("");
    clients.report(&context.meter);
    // no fault of anybody's, and waiting changes nothing today: what is not fetched is planned again
    report.waiting = waiting(&spent);
    report.waiting.extend(left_out(over));
    report.waiting.extend(late.into_iter().map(|(source, units)| {
        let (units, most) = (human::plural(units, "unit"), time.as_secs());
        format!("{units} of {source} wait: the job's time of {most} s is nearly over; the next run goes on")
    }));
    // nor is it the archives' fault where an API is silent: they are built without the tail
    report.waiting.extend(without_tails(&mut tails));
    for line in &report.waiting {
        tracing::warn!("{line}");
    }
    unavailable.sort_by_key(|(unit, _)| *unit);
    if !unavailable.is_empty() || no_credit.is_some() {
        tracing::info!("{}", report.text().trim_end());
    }
    let rest = (!unavailable.is_empty()).then(|| not_fetched(&unavailable, total));
    match (no_credit, rest) {
        (Some(error), rest) => {
            if let Some(rest) = rest {
                tracing::warn!("{rest}");
            }
            Err(Failure::new(error.exit(), error))
        }
        (None, Some(rest)) => Err(Failure::new(Exit::SourceUnavailable, rest)),
        (None, None) => Ok(report),
    }
}

/// The market whose tail a unit is, where it is one's.
fn tail_of(unit: &Unit, remote: &Remote) -> Option<Market> {
    remote.until.map(|_| unit.market)
}

/// The ways to the sources that are asked page by page, and to the hosts of markets' tails. Their keys are read here: one that is not
/// there stops the batch before anything is asked.
fn askers<'a>(
    context: &'a Context,
    (clients, apis): (&'a Clients, &'a Clients),
    todo: &[Wanted<'_>],
    ends: DateTime<Utc>,
) -> Result<BTreeMap<(Source, Option<Market>), Asker<'a>>, Failure> {
    let mut askers = BTreeMap::new();
    for Wanted { unit, remote, provider } in todo {
        let (source, tail_of) = (&unit.source, tail_of(unit, remote));
        if !provider.is_asked(remote) || askers.contains_key(&(*source, tail_of)) {
            continue;
        }
        let section = context.config.sources.get(source);
        let client = if tail_of.is_some() { apis.of(*source) } else { clients.of(*source) };
        let (Some(section), Some(client)) = (section, client) else { continue };
        let asker = Asker::new(context, client, *provider, section, tail_of, ends);
        let asker = asker.map_err(|error| Failure::new(Exit::Usage, error))?;
        askers.extend(asker.map(|asker| ((*source, tail_of), asker)));
    }
    Ok(askers)
}

/// A tail for which nothing may be asked: no fault of the archives beside it.
fn without_credit(remote: &Remote, error: &NoCredit) -> Unavailable {
    Unavailable { url: remote.url.clone(), attempts: 1, why: error.to_string(), status: None }
}

/// Why a unit was not fetched.
enum NotFetched<'a> {
    Unavailable(&'a Unit, Unavailable),
    /// An API did not give what no archive holds yet.
    Tail(&'a Unit, Unavailable),
    /// The day's credits of its source are used up, or it wants to be left alone.
    Spent(BudgetSpent),
    /// Nothing can be reserved, for another reason.
    NoCredit(NoCredit),
    /// Its day is over, and an answer would tell of another.
    Over(&'a Unit),
    /// The job's time is nearly over.
    Late(Source),
}

/// A unit that is to be downloaded.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    unit: &'a Unit,
    remote: &'a Remote,
    provider: &'static dyn Provider,
}

/// The units of a batch that are to be downloaded.
fn wanted<'a>(context: &Context, batch: &'a Batch) -> Result<Vec<Wanted<'a>>, Failure> {
    let planned = batch.groups.iter().flat_map(|group| &group.units);
    planned
        .filter_map(|planned| match &planned.archive {
            Origin::Fetch(remote) => Some((&planned.unit, remote)),
            Origin::Held(_) => None,
        })
        .map(|(unit, remote)| {
            let provider = context.providers.of(unit.source);
            let provider = provider.map_err(|error| Failure::new(Exit::Usage, error))?;
            Ok(Wanted { unit, remote, provider })
        })
        .collect()
}

/// The sizes to compare with. The ledger is read only where the batch is not enough.
async fn neighbours(
    context: &Context,
    batch: &Batch,
    todo: &[Wanted<'_>],
) -> Result<Neighbours, Failure> {
    let mut neighbours = Neighbours::of_batch(batch);
    let series: HashSet<String> = todo
        .iter()
        .filter(|wanted| !neighbours.can_judge(wanted.unit))
        .map(|wanted| wanted.unit.series())
        .collect();
    if !series.is_empty() {
        let keep = move |id: &str| id.rsplit_once('/').is_some_and(|(of, _)| series.contains(of));
        neighbours.add_ledger(context.lake.archive_sizes(keep).await?);
    }
    Ok(neighbours)
}

fn tell(fragment: &BronzeFragment) {
    let unit = fragment.unit.to_string();
    let (status, bytes) = (fragment.status.as_str(), fragment.transferred);
    let detail = fragment.detail.as_deref().unwrap_or("");
    // many a mirror has no checksum files at all
    let is_plain = fragment.status == ArchiveStatus::Unverified
        && (detail.starts_with(NO_CHECKSUM) || detail == ANSWERED_PLAINLY);
    if fragment.status == ArchiveStatus::Ok || is_plain {
        tracing::debug!(unit, status, bytes, detail, "fetched");
    } else {
        tracing::warn!(unit, status, bytes, detail, "not as it should be");
    }
}

/// Of each source how many units wait for its next day.
fn waiting(spent: &[BudgetSpent]) -> Vec<String> {
    let mut of: BTreeMap<Source, Vec<&BudgetSpent>> = BTreeMap::new();
    for budget in spent {
        of.entry(budget.source).or_default().push(budget);
    }
    let line = |budgets: Vec<&BudgetSpent>| {
        let units = human::plural(budgets.len() as u64, "unit");
        budgets.first().map(|first| format!("{units} of {} wait: {first}", first.source))
    };
    of.into_values().filter_map(line).collect()
}

/// Of each source how many units are left out, because what it tells now is of another day.
fn left_out(over: Vec<&Unit>) -> Vec<String> {
    let mut of: BTreeMap<Source, u64> = BTreeMap::new();
    for unit in over {
        *of.entry(unit.source).or_default() += 1;
    }
    let line = |(source, count)| {
        let units = human::plural(count, "unit");
        format!("{units} of {source} left out: their day is over, and an answer tells of now alone")
    };
    of.into_iter().map(line).collect()
}

/// What is said of tails that could not be had: the next run asks for them again.
fn without_tails(tails: &mut [(&Unit, Unavailable)]) -> Option<String> {
    tails.sort_by_key(|(unit, _)| *unit);
    let (first, why) = tails.first()?;
    let units = human::plural(tails.len() as u64, "unit");
    Some(format!("the tails of {units} could not be had, the first: {first}: {why}"))
}

fn not_fetched(unavailable: &[(&Unit, Unavailable)], total: u64) -> anyhow::Error {
    let mut text = format!("{} of {total} archives could not be fetched:", unavailable.len());
    for (unit, error) in &unavailable[..unavailable.len().min(NAMED)] {
        let _ = write!(text, "\n  {unit}: {error}");
    }
    if unavailable.len() > NAMED {
        let rest: Vec<String> =
            unavailable[NAMED..].iter().map(|(unit, _)| unit.to_string()).collect();
        let _ = write!(text, "\n  and {}", rest.join(", "));
    }
    anyhow!(text)
}
