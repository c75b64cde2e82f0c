//! Judges the lake: what is there and whole, what is missing, and whether the bars made from
//! trades are the exchange's own, to the last digit.
//!
//! It reads the tables, the exact statistics in their logs, the configuration and the run's
//! plan. It writes `ops.coverage` (whole partitions), the run's rows of `ops.checks` and its
//! summary, `runs/<run>/verdict.json`. It changes no data, and must not know how archives are
//! fetched or parsed.
//!
//! Defects of the data are warnings: the real exchange has them, and they must not stop the
//! pipeline. What fails is our own bookkeeping: rows that are not accounted for. `strict` turns
//! differences found by the reconciliation into failures too.
//!
//! | module | what lives there |
//! |---|---|
//! | [`facts`] | what the logs, the ledger and, where needed, the rows say of each day |
//! | [`coverage`] | the status of a day from its facts; pure |
//! | `grid` | of datasets whose rows come at equal distances: where they should lie |
//! | [`holes`] | which ids and bars are missing |
//! | [`series`] | what is told once a series: its end, long silences, archives that contradict |
//! | [`reconcile`] | bars made from trades against the exchange's klines, field by field |
//! | [`tails`] | what a source's API said of a day against the archive that replaces it |
//! | [`accounting`] | every row read is in silver, in the rejects or a duplicate |
//! | [`findings`] | what a check found, and how it becomes rows of `ops.checks` |
//! | [`publish`] | the writing of both tables |
//! | [`report`] | the summary |
//! | `ask` | the SQL of `sql/checks/` and its answers |

pub mod accounting;
mod ask;
pub mod coverage;
pub mod facts;
pub mod findings;
mod grid;
pub mod holes;
pub mod publish;
pub mod reconcile;
pub mod report;
pub mod series;
pub mod tails;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use model::config::{Archives, Scope, Series};
use model::dirty::Dirty;
use model::exit::Exit;
use model::metrics::Metric;
use model::plan::Plan;
use model::schema::Table;
use model::{Day, Month, layout};
use source::calendar::Calendar;
use stage::{Context, Failure};
use table::{SessionOptions, Tables, memory};

use crate::coverage::{Coverage, Facts};
use crate::findings::{Findings, Status};
pub use crate::report::Summary;

/// What to check, and how strictly.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// List holes and compare bars of all months, not only of those that the run changed.
    pub all: bool,
    /// Differences between bars and klines are failures.
    pub strict: bool,
}

/// A series and what became of its days.
#[derive(Debug)]
pub struct Judged {
    /// The series.
    pub series: Series,
    /// Its name, as its units have it.
    pub name: String,
    /// When its market is open.
    pub calendar: Calendar,
    /// Its days.
    pub days: Vec<Coverage>,
}

/// Checks the lake after a run.
///
/// # Errors
/// [`Exit::DataRefused`] when a check fails; the tables are written all the same.
pub async fn run(context: &Context, options: Options) -> Result<Summary, Failure> {
    let tables = Tables::of_run(&context.lake, &context.run);
    let session = tables.session(&SessionOptions {
        memory_mib: Some(memory::of_stage()),
        ..SessionOptions::default()
    })?;
    let plan: Option<Plan> = match context.lake.plan(&context.run).await {
        Ok(plan) => Some(plan),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    context.meter.total(4);

    let today = context.clock.today();
    let series = context.providers.series(&context.config, today, &Scope::default());
    let mut findings = Findings::default();
    // the gravest first, for there is room for so many details only
    let builds = accounting::check(&tables, &session, &mut findings).await?;
    let providers = context.providers;
    let facts =
        facts::gather(&tables, &session, &builds, &series, providers, plan.as_ref()).await?;
    let built = facts::built_by(&builds, &context.run)?;
    drop(builds);
    let judged: Vec<Judged> = series
        .into_iter()
        .map(|series| {
            let calendar = providers.calendar(series.source, series.market);
            let days = coverage::of_series(&series, calendar, &facts, today);
            Judged { name: coverage::name(&series), series, calendar, days }
        })
        .collect();
    context.meter.done(1);
    if let Some(lag) = lag_of(&judged, context.clock.now()) {
        context.meter.figure(Metric::Lag, lag);
    }

    let dirty = if options.all { everything(&tables).await? } else { dirty(context).await? };
    let compared = reconcile::check(&session, &judged, &dirty, &mut findings).await?;
    context.meter.done(1);
    // what is dirty is told for gold, which knows trades and klines alone
    let wanted = |series: &Series, month: Month| {
        if !Table::OF_BARS.contains(&Table::of_dataset(series.dataset)) {
            return options.all || built.contains(&(coverage::name(series), month));
        }
        dirty.iter().any(|d| {
            (d.source, d.market, &d.symbol) == (series.source, series.market, &series.symbol)
                && d.months.contains(&month)
        })
    };
    tails::check(context, &mut findings).await?;
    holes::check(&session, &judged, wanted, &mut findings).await;
    summarize_coverage(&judged, &facts, &mut findings);
    series::check(&judged, &facts, &mut findings);
    if options.strict {
        let all = findings.summaries.iter_mut().chain(&mut findings.details);
        for finding in all.filter(|f| f.check == reconcile::CHECK && f.status == Status::Warn) {
            finding.status = Status::Fail;
        }
    }
    context.meter.done(1);

    publish::coverage(context, &tables, &judged).await?;
    publish::findings(context, &tables, &findings).await?;
    context.meter.done(1);

    let summary = Summary::of(&judged, &findings, compared);
    // for whoever ends the run: a check that refuses has no answer
    context.lake.write_json(&layout::verdict(&context.run), &summary).await?;
    match findings.failure() {
        Some(failed) => Err(Failure::new(Exit::DataRefused, anyhow::anyhow!(failed))),
        None => Ok(summary),
    }
}

/// Seconds from the end of the newest day that is there to `now`, of the series that is furthest
/// behind. Days right after it on which the venue is closed are there. A series that has all it wants,
/// for its range or its life is over, is behind nothing, and so is one of what a source tells of now,
/// which need not be asked for every day.
fn lag_of(judged: &[Judged], now: DateTime<Utc>) -> Option<f64> {
    judged
        .iter()
        .filter(|judged| !judged.series.dataset.tells_now())
        .filter_map(|Judged { series, days, .. }| {
            // a tail is no archive, and it is archives that may be late
            let there = |d: &Coverage| d.status == coverage::Status::Available;
            let newest = days.iter().rposition(there)?;
            let closed = |d: &&Coverage| d.status == coverage::Status::Closed;
            let after = days[newest + 1..].iter().take_while(closed).last();
            let newest = after.unwrap_or(&days[newest]).day;
            let today = Day::of_micros(now.timestamp_micros());
            let is_yesterday = series.tail.is_some() && today == Some(newest.next());
            if newest >= series.to || is_yesterday {
                return Some(0.0);
            }
            // months come weeks after they are over, and until then nothing is late
            let is_due = today.is_none_or(|today| coverage::due(series, newest.next()) <= today);
            if series.archives == Archives::Monthly && !is_due {
                return Some(0.0);
            }
            let behind = now.timestamp_micros() - newest.next().start_micros();
            Some(behind.max(0) as f64 / 1e6)
        })
        .max_by(f64::total_cmp)
}

/// One summary a series.
fn summarize_coverage(judged: &[Judged], facts: &Facts, findings: &mut Findings) {
    for Judged { name, days, .. } in judged {
        if let Some(error) = facts.failed.get(name) {
            let detail = format!("cannot be looked at: {error}");
            findings.summary("coverage", Status::Fail, name, detail);
            continue;
        }
        let count = |status: coverage::Status| days.iter().filter(|d| d.status == status).count();
        let parts: Vec<String> = coverage::Status::ALL
            .iter()
            .filter(|status| count(**status) > 0)
            .map(|status| format!("{} {}", count(*status), status.as_str()))
            .collect();
        let is_well = days.iter().all(|day| day.status.is_well());
        let status = if is_well { Status::Pass } else { Status::Warn };
        let detail = format!("{} days: {}", days.len(), parts.join(", "));
        findings.summary("coverage", status, name, detail);
    }
}

/// What the run changed; nothing where it changed nothing.
async fn dirty(context: &Context) -> Result<Vec<Dirty>, Failure> {
    match context.lake.read_json(&layout::dirty(&context.run), "list of what is dirty").await {
        Ok(dirty) => Ok(dirty),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Every symbol and month that silver holds.
async fn everything(tables: &Tables) -> Result<Vec<Dirty>, Failure> {
    let mut months: BTreeMap<[String; 3], BTreeSet<Month>> = BTreeMap::new();
    for table in Table::OF_BARS {
        for file in tables.live_files(*table, |_| true).await? {
            let of = |column: &str| file.partition.get(column).cloned().unwrap_or_default();
            let month = match file.partition.get("date") {
                Some(date) => date.parse::<Day>()?.month(),
                None => of("month").parse()?,
            };
            months.entry(["source", "market", "symbol"].map(of)).or_default().insert(month);
        }
    }
    months
        .into_iter()
        .map(|([source, market, symbol], months)| {
            Ok(Dirty {
                source: source.parse()?,
                market: market.parse()?,
                symbol: symbol.parse()?,
                months: months.into_iter().collect(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use model::config::PublicationLag;
    use model::{Dataset, Market, Source};

    use super::*;

    /// A series whose days from 2024-01-01 have these statuses, and that wants days up to `to`.
    fn judged(statuses: &[coverage::Status], to: &str) -> Judged {
        let from: Day = "2024-01-01".parse().unwrap();
        let series = Series {
            source: Source::new("binance"),
            market: Market::new("spot"),
            dataset: Dataset::Trades,
            symbol: "BTCUSDT".parse().unwrap(),
            timeframe: None,
            from,
            to: to.parse().unwrap(),
            archives: Archives::default(),
            lag: PublicationLag::default(),
            end: None,
            tail: None,
        };
        let mut day = from;
        let days = statuses
            .iter()
            .map(|status| {
                let (this, next) = (day, day.next());
                day = next;
                Coverage {
                    day: this,
                    status: *status,
                    reason: None,
                    kind: None,
                    archive: None,
                    rows: 0,
                    rejected: 0,
                    missing: 0,
                }
            })
            .collect();
        Judged { name: coverage::name(&series), series, calendar: Calendar::Always, days }
    }

    #[test]
    fn the_series_furthest_behind_counts_and_one_that_is_over_does_not() {
        use coverage::Status::{Available, Closed, Missing, Pending};
        let now: DateTime<Utc> = "2024-01-04T06:00:00Z".parse().unwrap();
        let hours = |judged: &[Judged]| lag_of(judged, now).map(|lag| lag / 3600.0);
        let fresh = || judged(&[Available, Available, Available], "2024-12-31");
        assert_eq!(hours(&[fresh()]), Some(6.0));
        // silent since the first: its days are missing, whatever the runs say
        let silent = judged(&[Available, Missing, Pending], "2024-12-31");
        assert_eq!(hours(&[fresh(), silent]), Some(54.0));
        // a closed day is there with what came before it, and hides no day that is missing
        let weekend = judged(&[Available, Closed, Closed], "2024-12-31");
        assert_eq!(hours(&[weekend]), Some(6.0));
        let silent = judged(&[Available, Missing, Closed], "2024-12-31");
        assert_eq!(hours(&[silent]), Some(54.0));
        let over = judged(&[Available], "2024-01-01");
        assert_eq!(hours(&[over]), Some(0.0));
        assert_eq!(hours(&[]), None);
        let mut months = judged(&[Available], "2024-12-31");
        months.series.archives = Archives::Monthly;
        assert_eq!(hours(&[months]), Some(0.0));
        let mut months = judged(&[Available], "2024-12-31");
        months.series.archives = Archives::Monthly;
        let late: DateTime<Utc> = "2024-02-20T00:00:00Z".parse().unwrap();
        assert_eq!(lag_of(&[months], late).map(|lag| lag / 86_400.0), Some(49.0));
    }
}
