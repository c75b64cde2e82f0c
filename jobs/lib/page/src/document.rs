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
    for (index, instrument) in page.instruments.iter().enumerate() {
        let same = |other: &Instrument| {
            (&other.market, &other.symbol) == (&instrument.market, &instrument.symbol)
        };
        if page.instruments[..index].iter().any(same) {
            let symbol = format!("{} {}", instrument.market, instrument.symbol);
            return Err(Error::Twice { symbol });
        }
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
        let key = format!("{}/{symbol}/{}", instrument.market, series.timeframe);
        let packed = pack::pack(&key, series, instrument.digits)?;
        let lies = if series.step >= DAY {
            Where::Here(packed)
        } else {
            let name = file_name(page, instrument, &series.timeframe);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Accounting, Coverage, Day, Month, Series};

    fn row(days: &[(State, Option<&str>)]) -> CoverageRow {
        let mut row =
            CoverageRow { symbol: "A".into(), dataset: "trades".into(), ..CoverageRow::default() };
        for (state, reason) in days {
            row.push(*state, *reason);
        }
        row
    }

    #[test]
    fn days_are_run_lengths_and_reasons_stand_once() {
        let none = (State::Missing, Some("none"));
        let days = [
            (State::Outside, None),
            (State::Available, None),
            (State::Available, None),
            none,
            none,
        ];
        let other = [
            none,
            none,
            (State::Missing, Some("other")),
            (State::Closed, None),
            (State::Pending, None),
        ];
        let rows = vec![row(&days), row(&other)];
        assert_eq!(rows[0].spans.len(), 3);
        let page =
            Page { coverage: Coverage { from: 86_400_000_000, days: 5, rows }, ..Page::default() };
        let map = coverage(&page).unwrap();
        assert_eq!(map["from"], 86_400);
        assert_eq!(map["rows"][0]["days"], "x1a2m2");
        assert_eq!(map["rows"][1]["days"], "m3z1p1");
        assert_eq!(map["reasons"], json!(["none", "other"]));
        assert_eq!(map["notes"], json!([[0, 3, 2, 0], [1, 0, 2, 0], [1, 2, 1, 1]]));
    }

    #[test]
    fn a_row_has_all_days_of_its_map() {
        let rows = vec![row(&[(State::Available, None)])];
        let page = Page { coverage: Coverage { from: 0, days: 2, rows }, ..Page::default() };
        assert!(matches!(make(&page), Err(Error::Days { days: 1, expected: 2, .. })));
    }

    #[test]
    fn every_state_has_a_letter_of_its_own() {
        let states = [
            State::Outside,
            State::Available,
            State::Closed,
            State::Pending,
            State::Partial,
            State::Degraded,
            State::Missing,
            State::Corrupt,
        ];
        let mut letters = states.map(letter);
        letters.sort_unstable();
        assert!(letters.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn sums_that_do_not_add_up_are_no_page() {
        let sum = |read, silver, rejected, duplicate| Page {
            accounting: Accounting { read, silver, rejected, duplicate, ..Accounting::default() },
            ..Page::default()
        };
        assert!(make(&sum(10, 7, 2, 1)).is_ok());
        let error = make(&sum(10, 7, 2, 2)).unwrap_err();
        assert_eq!(error.to_string(), "10 rows read, but 7 in silver, 2 rejected and 2 duplicate");
        assert!(make(&sum(10, u64::MAX, 2, 2)).is_err());
    }

    #[test]
    fn days_lie_in_the_page_and_shorter_bars_beside_it() {
        let bar = crate::figures::Bar { high: 1, ..Default::default() };
        let series = |timeframe: &str, step| Series {
            timeframe: timeframe.into(),
            step,
            bars: vec![bar],
            ..Series::default()
        };
        let instrument = Instrument {
            symbol: "A</script>".into(),
            market: "m".into(),
            series: vec![series("1d", DAY), series("1m", 60_000_000), series("1h", 0)],
            days: vec![Day { change: Some(-1.234_567), ..Day::default() }],
            months: vec![Month { time: 0, volume: 5 }],
            ..Instrument::default()
        };
        let mut page =
            Page { run: Some("r".into()), instruments: vec![instrument], ..Page::default() };
        page.instruments[0].series[2].bars.clear();
        let (document, files) = make(&page).unwrap();
        assert_eq!(files.len(), 1, "a timeframe without bars is none");
        assert_eq!(files[0].name, "data/m-A_3c_2fscript_3e-1m-r.js");
        let text = String::from_utf8(files[0].bytes.clone()).unwrap();
        assert!(
            text.starts_with(r#"lake.bars("m/A\u003c/script>/1m",{"t0":0,"step":60,"#),
            "{text}"
        );
        let document: Value = serde_json::from_str(&document).unwrap();
        let symbol = &document["symbols"][0];
        assert_eq!(symbol["frames"][0][0], "1d");
        assert_eq!(symbol["frames"][0][2]["here"]["step"], 86_400);
        assert_eq!(symbol["frames"][1], json!(["1m", 60, { "file": files[0].name }]));
        assert_eq!(symbol["days"], json!([[0, 0, -12_346, 0]]));
        page.instruments.push(page.instruments[0].clone());
        assert!(matches!(make(&page), Err(Error::Twice { .. })));
        page.instruments.pop();
        page.instruments[0].months[0].volume = i64::MAX;
        assert!(matches!(make(&page), Err(Error::TooGreat { .. })));
    }
}
