//! Files of a local clock without a lake: made-up ticks whose every row is known beforehand, and the real
//! bars of a year.

use std::fmt::Write as _;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, TimeDelta, Utc};
use model::fragment::{RowCounts, SilverFragment};
use model::{Dataset, Market};
use silver::file::{self, Files};
use source::histdata::HistData;
use stage::{Clock, Meter};
use store::Lake;

use crate::common::{archive_of, read, shared_data};

/// A row of `silver.quotes`: time (µs), bid and ask (1e-8), issues.
type Quote = (i64, i128, i128, String);

/// A tick: instant (ms), bid and ask in units of 1e-6.
type Tick = (i64, i64, i64);

fn run(
    folder: &std::path::Path,
    dataset: Dataset,
    name: &str,
    zip: &[u8],
    clock: &str,
) -> Vec<SilverFragment> {
    let path = folder.join(name);
    std::fs::write(&path, zip).unwrap();
    let out = folder.join("out");
    let lake = Lake::open(out.to_str().unwrap(), None).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let files = Files {
        provider: &HistData,
        market: Market::new("forex"),
        dataset,
        clock: Some(clock.to_owned()),
        zips: vec![path],
        workers: 2,
        // so little that sorting spills
        memory_mib: 1,
    };
    let meter = Meter::new("silver", false);
    file::run(runtime.handle(), &lake, &Clock::System, &meter, &files).unwrap()
}

fn ticks(folder: &std::path::Path, text: &str, report: &str, clock: &str) -> Vec<SilverFragment> {
    let zip = archive_of(&[
        ("DAT_ASCII_EURUSD_T_201901.csv", text.as_bytes()),
        ("DAT_ASCII_EURUSD_T_201901.txt", report.as_bytes()),
    ]);
    run(folder, Dataset::Quotes, "HISTDATA_COM_ASCII_EURUSD_T201901.zip", &zip, clock)
}

/// All rows of the quotes, in the order of partitions and of rows in their files.
fn quotes(folder: &std::path::Path, fragments: &[SilverFragment]) -> Vec<Quote> {
    let mut files: Vec<_> = fragments.iter().flat_map(|fragment| &fragment.files).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut rows = Vec::new();
    for file in files {
        for batch in read(&folder.join("out/silver/quotes").join(&file.path)) {
            for column in ["update_id", "event_time", "bid_quantity", "ask_quantity"] {
                assert_eq!(batch[column].null_count(), batch.num_rows(), "{column}");
            }
            let times = batch["time"].as_primitive::<TimestampMicrosecondType>();
            assert_eq!(
                times.values(),
                batch["time_us"].as_primitive::<Int64Type>().values(),
                "both are the instant"
            );
            let bids = batch["bid_price"].as_primitive::<Decimal128Type>();
            let asks = batch["ask_price"].as_primitive::<Decimal128Type>();
            let (issues, valid) =
                (batch["issues"].as_string::<i32>(), batch["is_valid"].as_boolean());
            for row in 0..batch.num_rows() {
                let mut words = if issues.is_null(row) { "" } else { issues.value(row) }.to_owned();
                if !valid.value(row) {
                    words += " x";
                }
                rows.push((times.value(row), bids.value(row), asks.value(row), words));
            }
        }
    }
    rows
}

fn sum(fragments: &[SilverFragment]) -> RowCounts {
    let mut counts = RowCounts::default();
    for fragment in fragments {
        counts += fragment.counts;
        assert!(fragment.counts.add_up());
    }
    counts
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A month of trading in New York's hours: a tick every some seconds, a few of them in one millisecond.
fn month() -> Vec<Tick> {
    let mut random = fastrand::Rng::with_seed(11);
    let (mut ticks, mut bid) = (Vec::new(), 1_145_000);
    // weeks from Sunday, 17:00 to Friday, 17:00; the last one goes on in the next month
    for day in [6, 13, 20, 27] {
        let open = instant(&format!("2019-01-{day:02}T22:00:00Z"));
        let close = (open + TimeDelta::days(5)).min(instant("2019-02-01T05:00:00Z"));
        let mut at = open.timestamp_millis();
        while at < close.timestamp_millis() {
            bid += random.i64(-20..=20);
            ticks.push((at, bid, bid + 10));
            match ticks.len() % 1_000 {
                0..5 => ticks.push((at, bid + 1, bid + 11)),
                // there and back
                5..10 => ticks.extend([(at, bid + 1, bid + 11), (at, bid, bid + 10)]),
                // the same again
                10..15 => ticks.push((at, bid, bid + 10)),
                _ => {}
            }
            at += random.i64(1..40_000);
        }
    }
    ticks
}

/// A line by a clock that is five hours behind UTC.
fn line(tick: &Tick) -> String {
    let (at, bid, ask) = tick;
    let local = DateTime::from_timestamp_millis(at - 5 * 3_600_000).unwrap();
    let price = |price: &i64| format!("{}.{:06}", price / 1_000_000, price % 1_000_000);
    format!("{},{},{},0\n", local.format("%Y%m%d %H%M%S%3f"), price(bid), price(ask))
}

fn row(tick: &Tick, words: &str) -> Quote {
    let (at, bid, ask) = *tick;
    (at * 1_000, i128::from(bid) * 100, i128::from(ask) * 100, words.to_owned())
}

/// What is kept of some ticks in order: the same again in one millisecond is no change.
fn rows(ticks: &[Tick]) -> Vec<Quote> {
    let mut rows: Vec<Quote> = ticks.iter().map(|tick| row(tick, "")).collect();
    rows.dedup();
    rows
}

/// Where two lists differ first: whole ones are too long to be shown.
fn same(found: &[Quote], expect: &[Quote]) {
    let at = found.iter().zip(expect).position(|(a, b)| a != b);
    let near =
        |rows: &[Quote], at: usize| rows[at.saturating_sub(2)..rows.len().min(at + 3)].to_vec();
    assert_eq!(at.map(|at| (at, near(found, at))), at.map(|at| (at, near(expect, at))));
    assert_eq!(found.len(), expect.len());
}

#[test]
fn a_month_of_ticks_loses_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let month = month();
    let text: String = month.iter().map(line).collect();
    assert!(text.len() > 3 << 20, "several blocks");
    let fragments = ticks(folder.path(), &text, "", "UTC-5");
    let counts = sum(&fragments);
    let (lines, kept) = (month.len() as u64, rows(&month));
    assert_eq!((counts.read, counts.silver), (lines, kept.len() as u64));
    assert_eq!((counts.rejected, counts.duplicate, counts.invalid), (0, lines - counts.silver, 0));
    assert!(counts.duplicate > 100, "{counts:?}");
    assert!(fragments.iter().all(|fragment| !fragment.sorted), "they are in order");
    // the evening of the last day is the first day of the next month, a group of its own
    let groups: Vec<&str> = fragments.iter().map(|fragment| fragment.group.as_str()).collect();
    let series = "histdata/forex/quotes/EURUSD";
    assert_eq!(groups, [format!("{series}/2019-01"), format!("{series}/2019-02-01")]);
    same(&quotes(folder.path(), &fragments), &kept);
    // several ticks of one millisecond, in the order of their lines
    let shared = kept.windows(2).filter(|pair| pair[0].0 == pair[1].0).count();
    assert!(shared > 100, "{shared}");
    // weeks that bear the clock out say nothing of it
    let told: Vec<&String> =
        fragments.iter().flat_map(|f| &f.units).flat_map(|u| &u.notes).collect();
    assert!(told.iter().all(|note| !note.contains("UTC")), "{told:?}");
}

#[test]
fn ticks_that_are_copied_doubled_out_of_order_or_unreadable_are_all_accounted_for() {
    let folder = tempfile::tempdir().unwrap();
    let month = month();
    let at = |text: &str| {
        let at = instant(text).timestamp_millis();
        month.iter().position(|tick| tick.0 >= at).unwrap()
    };
    let (from, to) = (at("2019-01-15T15:00:00Z"), at("2019-01-15T16:00:00Z"));
    let mut lines: Vec<String> = month.iter().map(line).collect();
    // three are added beside the copy
    let (read, mut duplicates) = (lines.len() + 3 + (to - from), to - from);
    duplicates += month.len() - rows(&month).len();
    let mut expect = rows(&month);
    // from the end, so that places stay
    let late = at("2019-01-22T12:00:00Z");
    lines.insert(late, "20190122 070000000,1.1,1.x,0\n".to_owned());
    lines.insert(late, lines[late - 1].clone());
    let crossed: Tick = (month[late - 1].0 + 1, 1_200_000, 1_100_000);
    assert!(crossed.0 < month[late].0);
    lines.insert(late, line(&crossed));
    let copy = lines[from..to].to_vec();
    lines.splice(to..to, copy);
    let early = at("2019-01-08T12:00:00Z");
    assert!(month[early].0 < month[early + 1].0);
    lines.swap(early, early + 1);
    let fragments = ticks(folder.path(), &lines.concat(), "", "UTC-5");

    let times = month[from].0 * 1_000..month[to].0 * 1_000;
    expect.iter_mut().filter(|row| times.contains(&row.0)).for_each(|row| {
        "ambiguous_time".clone_into(&mut row.3);
    });
    let place = expect.partition_point(|row| row.0 < crossed.0 * 1_000);
    expect.insert(place, row(&crossed, "crossed_quote x"));
    same(&quotes(folder.path(), &fragments), &expect);
    let counts = sum(&fragments);
    assert_eq!(counts.read, read as u64);
    assert_eq!((counts.silver, counts.invalid), (expect.len() as u64, 1));
    assert_eq!((counts.rejected, counts.conflicting), (1, 0));
    // and the line that stands again after the crossed one
    assert_eq!(counts.duplicate, duplicates as u64 + 1);
    let rejects: Vec<_> = fragments.iter().flat_map(|fragment| &fragment.rejects).collect();
    assert_eq!(rejects.len(), 1);
    let batch = &read_rejects(folder.path(), &rejects[0].path)[0];
    let text = |column: &str| batch[column].as_string::<i32>().value(0).to_owned();
    assert_eq!(text("raw_text"), "20190122 070000000,1.1,1.x,0");
    assert_eq!((text("field"), text("found")), ("ask".to_owned(), "1.x".to_owned()));
    let told: Vec<&String> =
        fragments.iter().flat_map(|f| &f.units).flat_map(|u| &u.notes).collect();
    assert!(told.iter().any(|note| note.contains("the lines before were copied")), "{told:#?}");
}

fn read_rejects(folder: &std::path::Path, path: &str) -> Vec<arrow::array::RecordBatch> {
    read(&folder.join("out/silver/rejects").join(path))
}

#[test]
fn the_clock_of_ticks_is_held_against_the_market_and_their_gaps_against_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let month = month();
    let text: String = month.iter().map(line).collect();
    // the provider's report of the weekends, by the file's clock
    let mut report = String::from("HistData.com (c) 2012\n");
    for pair in month.windows(2).filter(|pair| pair[1].0 - pair[0].0 > 70_000) {
        let stamp = |tick: &Tick| line(tick)[..15].replace(' ', "");
        let seconds = (pair[1].0 - pair[0].0) / 1_000 - 6;
        let (from, to) = (stamp(&pair[0]), stamp(&pair[1]));
        let _ = writeln!(report, "Gap of {seconds}s found between {from} and {to}.");
    }
    assert_eq!(report.lines().count(), 4, "three weekends");
    let notes = |clock: &str, report: &str| {
        let fragments = ticks(folder.path(), &text, report, clock);
        let rows = quotes(folder.path(), &fragments);
        let notes: Vec<String> =
            fragments.into_iter().flat_map(|f| f.units).flat_map(|unit| unit.notes).collect();
        (rows, notes)
    };
    let (_, told) = notes("UTC-5", &report);
    assert_eq!(told, [""; 0]);
    let more = report + "Gap of 300s found between 20190108100000 and 20190108100506.\n";
    let (_, told) = notes("UTC-5", &more);
    assert!(
        told.len() == 1 && told[0].contains("agree on 3; 1 are in the report alone"),
        "{told:?}"
    );
    let (rows, told) = notes("UTC-4", &more);
    assert!(rows.iter().all(|row| row.3 == "contradicts_clock x"));
    assert!(told[0].contains("UTC-4 is contradicted, the market's hours say UTC-5"), "{told:?}");
}

#[test]
fn the_real_bars_of_2019_lose_no_row() {
    let Some(folder) = shared_data("histdata") else { return };
    let name = "HISTDATA_COM_ASCII_EURUSD_M12019.zip";
    let zip = std::fs::read(folder.join(name)).unwrap();
    let out = tempfile::tempdir().unwrap();
    let clock = "UTC-5 with the DST dates of Europe/London";
    let fragments = run(out.path(), Dataset::Klines, name, &zip, clock);
    let counts = sum(&fragments);
    let expect =
        RowCounts { read: 372_530, silver: 372_470, duplicate: 60, ..RowCounts::default() };
    assert_eq!(counts, expect);
    // twelve months have rows, and the day after them none
    let with_rows = fragments.iter().filter(|fragment| fragment.counts.read > 0).count();
    assert_eq!((fragments.len(), with_rows), (13, 12));
}
