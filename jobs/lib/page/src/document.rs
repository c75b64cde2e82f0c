//! The JSON that the page's program reads, and the files of bars beside it.

use serde::Serialize;
use serde_json::{Value, json};

use crate::figures::{CoverageRow, Direction, EventKind, Instrument, Page, Run, Severity, State};
use crate::pack::{self, exact, file_name};
use crate::{Error, File, html, options};

/// A day, µs. Bars as long as that, and longer, lie in the page itself.
const DAY: i64 = 86_400_000_000;

/// The page's data as JSON, and its files of bars.
pub(crate) fn make(page: &Page) -> Result<(String, Vec<File>), Error> {
    let sum = &page.accounting;
    let adds = sum.silver.checked_add(sum.rejected).and_then(|s| s.checked_add(sum.duplicate));
    if adds != Some(sum.read) {
        return Err(Error::DoesNotAddUp {
            read: sum.read,
            silver: sum.silver,
            rejected: sum.rejected,
            duplicate: sum.duplicate,
        });
    }
    let mut files = Vec::new();
    let mut symbols = Vec::with_capacity(page.instruments.len());
    for instrument in &page.instruments {
        symbols.push(symbol(page, instrument, &mut files)?);
    }
    let document = json!({
        "symbols": symbols,
        "coverage": coverage(page)?,
        "runs": page.runs.iter().map(run).collect::<Result<Vec<_>, Error>>()?,
        "charts": options::all()?,
    });
    Ok((html::json(&document)?, files))
}

/// A count that JavaScript has exactly.
fn count(what: &str, value: u64) -> Result<i64, Error> {
    exact(|| what.to_owned(), i64::try_from(value).unwrap_or(i64::MAX))
}

fn run(run: &Run) -> Result<Value, Error> {
    Ok(json!({
        "id": run.id,
        "at": run.started_at.div_euclid(1_000_000),
        "seconds": run.took.map(|took| took.div_euclid(1_000_000)),
        "failed": count("archives", run.archives_failed)?,
        "read": count("rows read", run.rows.read)?,
        "cost": run.cost.map(|cost| exact(|| "cost".into(), cost)).transpose()?,
    }))
}

/// Where the bars of a timeframe are.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Where {
    Here(pack::Packed),
    File(String),
}

fn symbol(page: &Page, instrument: &Instrument, files: &mut Vec<File>) -> Result<Value, Error> {
    let symbol = &instrument.symbol;
    let mut frames = Vec::new();
    for series in instrument.series.iter().filter(|series| !series.bars.is_empty()) {
        let key = format!("{symbol}/{}", series.timeframe);
        let packed = pack::pack(&key, series, instrument.digits)?;
        let lies = if series.step >= DAY {
            Where::Here(packed)
        } else {
            let name = file_name(page, symbol, &series.timeframe);
            let text = format!("lake.bars({},{});\n", html::json(&key)?, html::json(&packed)?);
            files.push(File {
                name: name.clone(),
                content_type: "text/javascript; charset=utf-8",
                bytes: text.into_bytes(),
            });
            Where::File(name)
        };
        frames.push((&series.timeframe, series.step / 1_000_000, lies));
    }
    let of = |what: &str| format!("{symbol}: {what} of a day or a month");
    let days = instrument.days.iter().map(|day| {
        // ten-thousandths of a percent: more than is shown
        let change = day.change.map(|change| (change * 1e4).round() as i64);
        let change = change.map(|change| exact(|| of("change"), change)).transpose()?;
        Ok((
            day.time.div_euclid(1_000_000),
            exact(|| of("close"), day.close)?,
            change,
            exact(|| of("volume"), day.volume)?,
        ))
    });
    let months = instrument
        .months
        .iter()
        .map(|month| Ok((month.time.div_euclid(1_000_000), exact(|| of("volume"), month.volume)?)));
    let events = instrument.events.iter().map(|event| {
        let (kind, way, level) = match event.kind {
            EventKind::Anomaly(Severity::Low) => ("anomaly", 0, "low"),
            EventKind::Anomaly(Severity::Medium) => ("anomaly", 0, "medium"),
            EventKind::Anomaly(Severity::High) => ("anomaly", 0, "high"),
            EventKind::Signal(Direction::Up) => ("signal", 1, ""),
            EventKind::Signal(Direction::Down) => ("signal", -1, ""),
        };
        json!([
            event.time.div_euclid(1_000_000),
            event.timeframe,
            kind,
            way,
            level,
            event.name,
            event.text
        ])
    });
    Ok(json!({
        "symbol": symbol,
        "market": instrument.market,
        "quote": instrument.quote,
        "unit": instrument.unit,
        "digits": instrument.digits,
        "volumeDigits": instrument.volume_digits,
        "frames": frames,
        "days": days.collect::<Result<Vec<_>, Error>>()?,
        "months": months.collect::<Result<Vec<_>, Error>>()?,
        "events": events.collect::<Vec<_>>(),
    }))
}

/// The letter of a state; what it means is told in the page's legend.
fn letter(state: State) -> char {
    match state {
        State::Outside => 'x',
        State::Available => 'a',
        State::Closed => 'z',
        State::Pending => 'p',
        State::Partial => 't',
        State::Degraded => 'd',
        State::Missing => 'm',
        State::Corrupt => 'c',
    }
}

/// A row's days as text: `a1093d1m2`.
fn run_lengths(row: &CoverageRow) -> String {
    let mut text = String::new();
    let mut spans = row.spans.iter().peekable();
    while let Some(span) = spans.next() {
        let mut days = u64::from(span.days);
        while let Some(next) = spans.next_if(|next| next.state == span.state) {
            days += u64::from(next.days);
        }
        text.push(letter(span.state));
        text.push_str(&days.to_string());
    }
    text
}

/// The map: a text of run lengths a row, and what is to be said of some days as (row, first day, days, which
/// of the reasons).
fn coverage(page: &Page) -> Result<Value, Error> {
    let map = &page.coverage;
    let mut reasons: Vec<&str> = Vec::new();
    let mut notes = Vec::new();
    let mut rows = Vec::new();
    for (index, row) in map.rows.iter().enumerate() {
        let mut day = 0u64;
        for span in &row.spans {
            if let Some(reason) = span.reason.as_deref() {
                let which =
                    reasons.iter().position(|known| *known == reason).unwrap_or_else(|| {
                        reasons.push(reason);
                        reasons.len() - 1
                    });
                notes.push((index, day, span.days, which));
            }
            day += u64::from(span.days);
        }
        if day != u64::from(map.days) {
            return Err(Error::Days {
                row: format!("{} {}", row.symbol, row.dataset),
                days: day,
                expected: u64::from(map.days),
            });
        }
        rows.push(json!({
            "symbol": row.symbol, "market": row.market, "dataset": row.dataset,
            "timeframe": row.timeframe.as_deref().unwrap_or_default(), "days": run_lengths(row),
        }));
    }
    Ok(json!({
        "from": map.from.div_euclid(1_000_000), "days": map.days, "rows": rows, "reasons": reasons, "notes": notes,
    }))
}
