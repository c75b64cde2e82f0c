//! How the lake is: what each day has become, what checks say, what was rejected, what runs did.

use std::collections::{BTreeMap, BTreeSet};

use model::period::DAY_MICROS;
use model::schema::Table;
use page::{Accounting, Check, Coverage, CoverageRow, Outcome, Reject, Rows, Run, State};

use crate::read::Reader;

/// Runs that a page shows, and of how many of them the checks.
const RUNS: usize = 60;
const HISTORY: usize = 14;

/// What each day has become.
pub(crate) async fn coverage(reader: &Reader) -> anyhow::Result<Coverage> {
    let sql = "SELECT source, market, symbol, dataset, timeframe, date, status, reason FROM ops.coverage \
               ORDER BY source, market, symbol, dataset, timeframe, date";
    let Some(answer) = reader.ask(Table::Coverage, sql).await? else {
        return Ok(Coverage::default());
    };
    let days = answer.days("date")?;
    let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else {
        return Ok(Coverage::default());
    };
    let [sources, markets, symbols, datasets, timeframes, statuses, reasons] =
        ["source", "market", "symbol", "dataset", "timeframe", "status", "reason"]
            .map(|name| answer.words(name));
    let (sources, markets, symbols, datasets) = (sources?, markets?, symbols?, datasets?);
    let (timeframes, statuses, reasons) = (timeframes?, statuses?, reasons?);
    // where two sources have a symbol, whose it is stands behind its name
    let mut sources_of: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for row in 0..answer.rows() {
        let of = sources_of.entry((&markets[row], &symbols[row])).or_default();
        of.insert(&sources[row]);
    }
    let mut rows: Vec<(usize, CoverageRow)> = Vec::new();
    for row in 0..answer.rows() {
        let is_new = rows.last().is_none_or(|(before, _)| {
            [&sources, &markets, &symbols, &datasets, &timeframes]
                .iter()
                .any(|column| column[row] != column[*before])
        });
        if is_new {
            let timeframe = Some(timeframes[row].clone()).filter(|timeframe| !timeframe.is_empty());
            let is_shared = sources_of[&(&*markets[row], &*symbols[row])].len() > 1;
            let of_source = if is_shared { format!("-{}", sources[row]) } else { String::new() };
            let symbol = format!("{}{of_source}", symbols[row]);
            let (market, dataset) = (markets[row].clone(), datasets[row].clone());
            let made = CoverageRow { symbol, market, dataset, timeframe, spans: Vec::new() };
            rows.push((row, made));
        }
        let Some((at, made)) = rows.last_mut() else { continue };
        *at = row;
        fill(made, days[row] - first);
        let reason = Some(reasons[row].as_str()).filter(|reason| !reason.is_empty());
        made.push(state(&statuses[row]), reason);
    }
    let count = last - first + 1;
    let rows = rows.into_iter().map(|(_, mut row)| {
        fill(&mut row, count);
        row
    });
    Ok(Coverage {
        from: i64::from(*first) * DAY_MICROS,
        days: count.unsigned_abs(),
        rows: rows.collect(),
    })
}

/// Lengthens a row to so many days: those between are of no concern to it.
fn fill(row: &mut CoverageRow, days: i32) {
    let there: u32 = row.spans.iter().map(|span| span.days).sum();
    for _ in there..days.unsigned_abs() {
        row.push(State::Outside, None);
    }
}

fn state(status: &str) -> State {
    match status {
        "available" => State::Available,
        "closed" => State::Closed,
        "pending" => State::Pending,
        "partial" => State::Partial,
        "degraded" => State::Degraded,
        "missing" => State::Missing,
        "corrupt" => State::Corrupt,
        // of a later version: nobody here can tell
        _ => State::Outside,
    }
}

/// What checks say: those of the last run that judged, with what they said before. What each of them lists one by
/// one, a query shows.
pub(crate) async fn checks(reader: &Reader) -> anyhow::Result<Vec<Check>> {
    let sql = format!(
        "WITH runs AS (SELECT run, max(checked_at) AS at FROM ops.checks GROUP BY run \
         ORDER BY at DESC, run DESC LIMIT {HISTORY}) \
         SELECT c.run, check_name, status, subject, expected, found, detail, runs.at \
         FROM ops.checks AS c INNER JOIN runs ON c.run = runs.run WHERE time IS NULL AND field IS NULL \
         ORDER BY runs.at, c.run, check_name, subject"
    );
    let Some(answer) = reader.ask(Table::Checks, &sql).await? else { return Ok(Vec::new()) };
    let [runs, names, statuses, subjects, expected, found, details] =
        ["run", "check_name", "status", "subject", "expected", "found", "detail"]
            .map(|name| answer.words(name));
    let (runs, names, statuses, subjects) = (runs?, names?, statuses?, subjects?);
    let (expected, found, details) = (expected?, found?, details?);
    let mut order: Vec<&str> = Vec::new();
    let mut of_runs: BTreeMap<(&str, &str, &str), Outcome> = BTreeMap::new();
    for row in 0..answer.rows() {
        if order.last().is_none_or(|last| *last != runs[row]) {
            order.push(&runs[row]);
        }
        let outcome = outcome(&statuses[row]);
        let worst = of_runs.entry((&names[row], &subjects[row], &runs[row])).or_insert(outcome);
        *worst = worse(*worst, outcome);
    }
    let Some(last) = order.last() else { return Ok(Vec::new()) };
    let shown = &order[order.len().saturating_sub(HISTORY)..];
    let of_last = (0..answer.rows()).filter(|row| runs[*row] == *last);
    let mut checks: Vec<Check> = of_last
        .map(|row| Check {
            outcome: outcome(&statuses[row]),
            name: names[row].clone(),
            subject: subjects[row].clone(),
            expected: expected[row].clone(),
            found: found[row].clone(),
            detail: details[row].clone(),
            history: shown
                .iter()
                .map(|run| of_runs.get(&(&*names[row], &*subjects[row], *run)).copied())
                .collect(),
        })
        .collect();
    checks.sort_by_key(|check| std::cmp::Reverse(rank(check.outcome)));
    Ok(checks)
}

fn outcome(status: &str) -> Outcome {
    match status {
        "pass" => Outcome::Pass,
        "fail" => Outcome::Fail,
        "skip" => Outcome::Skip,
        _ => Outcome::Warn,
    }
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Skip => 0,
        Outcome::Pass => 1,
        Outcome::Warn => 2,
        Outcome::Fail => 3,
    }
}

fn worse(a: Outcome, b: Outcome) -> Outcome {
    if rank(b) > rank(a) { b } else { a }
}

/// Lines that are no rows, by reason.
pub(crate) async fn rejects(reader: &Reader) -> anyhow::Result<Vec<Reject>> {
    let sql = "SELECT reason, count(*) AS lines, \
               min(unit || ', line ' || CAST(line AS varchar) || ': ' || raw_text) AS first \
               FROM silver.rejects GROUP BY reason ORDER BY lines DESC, reason";
    let Some(answer) = reader.ask(Table::Rejects, sql).await? else { return Ok(Vec::new()) };
    let (reasons, lines) = (answer.words("reason")?, answer.counts("lines")?);
    let firsts = answer.words("first")?;
    let all = reasons.into_iter().zip(lines).zip(firsts);
    Ok(all.map(|((reason, lines), first)| Reject { reason, lines, first }).collect())
}

/// The last runs, the youngest first, and what became of all rows that runs ever read.
pub(crate) async fn runs(reader: &Reader) -> anyhow::Result<(Vec<Run>, Accounting)> {
    let sql = "SELECT run, started_at, committed_at, archives_ok, archives_failed, bytes_fetched, rows_read, \
               rows_silver, rows_rejected, rows_duplicate FROM ops.runs ORDER BY started_at DESC, run DESC";
    let Some(answer) = reader.ask(Table::Runs, sql).await? else {
        return Ok((Vec::new(), Accounting::default()));
    };
    let ids = answer.words("run")?;
    let (started, committed) = (answer.micros("started_at")?, answer.micros("committed_at")?);
    let count = |name: &str| answer.counts(name);
    let (archives, failed) = (count("archives_ok")?, count("archives_failed")?);
    let bytes = count("bytes_fetched")?;
    let (read, silver) = (count("rows_read")?, count("rows_silver")?);
    let (rejected, duplicate) = (count("rows_rejected")?, count("rows_duplicate")?);
    let mut accounting = Accounting::default();
    let mut runs = Vec::new();
    for row in 0..answer.rows() {
        let rows = Rows {
            read: read[row],
            silver: silver[row],
            rejected: rejected[row],
            duplicate: duplicate[row],
        };
        accounting.read += rows.read;
        accounting.silver += rows.silver;
        accounting.rejected += rows.rejected;
        accounting.duplicate += rows.duplicate;
        accounting.archives += archives[row];
        accounting.bytes += bytes[row];
        if runs.len() < RUNS {
            let started_at = started[row].unwrap_or_default();
            runs.push(Run {
                id: ids[row].clone(),
                started_at,
                took: committed[row].map(|committed| (committed - started_at).max(0)),
                archives: archives[row],
                archives_failed: failed[row],
                bytes: bytes[row],
                rows,
                cost: None,
            });
        }
    }
    Ok((runs, accounting))
}
