//! Lists what is missing: ranges of trade ids, ranges of klines. Reads rows only of days that
//! the logs show to have holes, and only of the months in question. Where a venue closes, times without
//! a bar are counted and not listed: a source has no bar of a time without a trade.

use std::collections::BTreeSet;

use anyhow::Context as _;
use model::config::Series;
use model::schema::Table;
use model::{Dataset, Month};
use source::calendar::Calendar;
use table::datafusion::prelude::SessionContext;

use crate::coverage::Coverage;
use crate::facts::of_series;
use crate::findings::{Finding, Findings, Status};
use crate::grid::Grid;
use crate::{Judged, ask};

/// The name of the check of trade ids.
pub const IDS: &str = "trade_ids";
/// The name of the check of klines.
pub const GRID: &str = "kline_grid";
/// The name of the check of other rows that come at equal distances.
pub const TIMES: &str = "time_grid";

/// Sums up each series, and lists the holes of the days in `wanted` months.
pub async fn check(
    session: &SessionContext,
    judged: &[Judged],
    wanted: impl Fn(&Series, Month) -> bool,
    findings: &mut Findings,
) {
    for Judged { series, name, calendar, days } in judged {
        if days.iter().all(|day| day.rows == 0) {
            continue;
        }
        let holed: Vec<&Coverage> = days.iter().filter(|day| day.missing > 0).collect();
        let missing = holed.iter().fold(0_u64, |sum, day| sum.saturating_add(day.missing));
        let grid = Grid::of(series);
        let (check, what) = match series.dataset {
            _ if series.timeframe.is_some() => (GRID, "bars"),
            _ if grid.is_some() => (TIMES, "rows"),
            dataset if dataset.contiguous_id().is_some() => (IDS, "ids"),
            // of quotes nothing tells what is missing
            _ => continue,
        };
        let is_klines = series.dataset == Dataset::Klines;
        let whole = days.iter().filter(|day| day.rows > 0).count();
        if is_klines && *calendar != Calendar::Always {
            let detail = format!(
                "{missing} times within its hours without a bar on {} of {whole} days, maybe without a \
                 trade",
                holed.len()
            );
            findings.summary(check, Status::Pass, name, detail);
            continue;
        }
        let status = if missing == 0 { Status::Pass } else { Status::Warn };
        let detail = format!("{missing} {what} missing on {} of {whole} days", holed.len());
        findings.summary(check, status, name, detail);
        let holed: Vec<&Coverage> =
            holed.into_iter().filter(|day| wanted(series, day.day.month())).collect();
        let listed = match &grid {
            Some(grid) => on_grid(session, series, (check, name), grid, &holed, findings).await,
            None if series.dataset == Dataset::Klines => {
                klines(session, series, name, &holed, findings).await
            }
            None => ids(session, series, name, &holed, findings).await,
        };
        // what cannot be listed hides no other
        if let Err(error) = listed {
            let detail = format!("what is missing cannot be listed: {error:#}");
            findings.summary(check, Status::Fail, name, detail);
        }
    }
}

async fn ids(
    session: &SessionContext,
    series: &Series,
    name: &str,
    holed: &[&Coverage],
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let table = Table::of_dataset(series.dataset);
    let id = series.dataset.contiguous_id().context("rows without ids")?;
    for coverage in holed {
        let limit = findings.room().to_string();
        if limit == "0" {
            findings.left_out += 1;
            continue;
        }
        let mut parameters = of_series(series);
        parameters.push(ask::day("day", coverage.day));
        let words = [("table", table.as_str()), ("id", id), ("limit", &limit)];
        for row in ask::ID_GAPS.ask(session, &words, parameters).await?.iter() {
            let (first, last) = (row.long("first_missing")?, row.long("last_missing")?);
            findings.detail(Finding {
                time: Some(row.long("time_us")?),
                field: Some(id.to_owned()),
                expected: Some(range(first, last)),
                found: None,
                detail: Some(format!(
                    "{} missing before this trade",
                    last.abs_diff(first).saturating_add(1)
                )),
                ..Finding::new(IDS, Status::Warn, name)
            });
        }
        // what is missing at the edge of a day has no row beside it within the day
        if let Some(reason) = coverage.reason.as_deref().filter(|r| r.contains("its ")) {
            findings.detail(Finding {
                time: Some(coverage.day.start_micros()),
                field: Some(id.to_owned()),
                detail: Some(reason.to_owned()),
                ..Finding::new(IDS, Status::Warn, name)
            });
        }
    }
    Ok(())
}

fn range(first: i64, last: i64) -> String {
    if first == last { first.to_string() } else { format!("{first} to {last}") }
}

async fn klines(
    session: &SessionContext,
    series: &Series,
    name: &str,
    holed: &[&Coverage],
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let timeframe = series.timeframe.context("klines without a timeframe")?;
    let months: BTreeSet<Month> = holed.iter().map(|c| c.day.month()).collect();
    for month in months {
        let limit = findings.room().to_string();
        if limit == "0" {
            findings.left_out += 1;
            continue;
        }
        let mut parameters = of_series(series);
        parameters.extend([
            ask::text("timeframe", timeframe.as_str()),
            ask::text("month", &month.to_string()),
            ask::long("width_us", timeframe.micros()),
        ]);
        let words = [("limit", limit.as_str())];
        for row in ask::KLINE_GAPS.ask(session, &words, parameters).await?.iter() {
            let (first, last) = (row.long("first_missing")?, row.long("last_missing")?);
            let bars = last.abs_diff(first) / timeframe.micros().unsigned_abs() + 1;
            findings.detail(Finding {
                time: Some(first),
                field: Some("open_time".to_owned()),
                detail: Some(format!("bars missing from here on: {bars}")),
                ..Finding::new(GRID, Status::Warn, name)
            });
        }
    }
    Ok(())
}

/// Lists the places without a row, where they are always equally far apart.
async fn on_grid(
    session: &SessionContext,
    series: &Series,
    (check, name): (&'static str, &str),
    grid: &Grid,
    holed: &[&Coverage],
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let Some(step) = grid.fixed else { return Ok(()) };
    let field = if series.timeframe.is_some() { "open_time" } else { "time" };
    let months: BTreeSet<Month> = holed.iter().map(|c| c.day.month()).collect();
    for month in months {
        let limit = findings.room().to_string();
        if limit == "0" {
            findings.left_out += 1;
            continue;
        }
        let mut words = grid.words(month.first(), month.last());
        words.push(("limit", limit));
        let words: Vec<(&str, &str)> =
            words.iter().map(|(name, word)| (*name, word.as_str())).collect();
        for row in ask::GRID_GAPS.ask(session, &words, of_series(series)).await?.iter() {
            let (first, last) = (row.long("first_missing")?, row.long("last_missing")?);
            let rows = last.abs_diff(first) / step.unsigned_abs() + 1;
            findings.detail(Finding {
                time: Some(first),
                field: Some(field.to_owned()),
                detail: Some(format!("rows missing from here on: {rows}")),
                ..Finding::new(check, Status::Warn, name)
            });
        }
    }
    Ok(())
}
