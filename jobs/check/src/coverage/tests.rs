//! Tests of the status of a day.

use chrono::{DateTime, Utc};
use model::config::PublicationLag;
use model::period::DAY_MICROS;
use model::{Dataset, Market, Source, Timeframe};

use super::words::missing;
use super::*;

const TODAY: &str = "2024-01-10";

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn series(dataset: Dataset, from: &str, to: &str) -> Series {
    Series {
        source: Source::new("binance"),
        market: Market::new("spot"),
        dataset,
        symbol: "BTCUSDT".parse().unwrap(),
        timeframe: dataset.has_timeframe().then_some(Timeframe::H1),
        from: day(from),
        to: day(to),
        archives: Archives::Auto,
        lag: PublicationLag { daily_days: 2, monthly_days: 16 },
        end: None,
        tail: None,
    }
}

/// Trades with these ids, over the whole day.
fn trades(on: &str, ids: (i64, i64), rows: u64) -> (Day, DayFacts) {
    let start = day(on).start_micros();
    let times = Some((start + 1, start + DAY_MICROS - 1));
    let ids = DayIds { count: rows, ids: Some(ids), times };
    (day(on), DayFacts { rows, ids, ..DayFacts::default() })
}

fn klines(on: &str, bars: BarFacts) -> (Day, DayFacts) {
    let start = day(on).start_micros() + (24 - i64::try_from(bars.slots).unwrap()) * 3_600_000_000;
    let times = Some((start, start));
    let ids = DayIds { times, ..DayIds::default() };
    (day(on), DayFacts { rows: bars.slots, ids, bars: Some(bars), ..DayFacts::default() })
}

fn archive(status: ArchiveStatus) -> ArchiveFacts {
    ArchiveFacts { status, detail: None, is_built: status.is_usable(), until: None }
}

/// The words and reasons of a series' days, with the number of what is missing.
fn judged(series: &Series, facts: &Facts) -> Vec<String> {
    judged_by(Calendar::Always, series, facts)
}

fn judged_by(calendar: Calendar, series: &Series, facts: &Facts) -> Vec<String> {
    of_series(series, calendar, facts, day(TODAY))
        .into_iter()
        .map(|c| {
            let reason = c.reason.unwrap_or_default();
            format!("{} {} {} {reason}", c.day, c.status.as_str(), c.missing).trim().to_owned()
        })
        .collect()
}

fn facts(
    series: &Series,
    days: Vec<(Day, DayFacts)>,
    archives: Vec<(&str, ArchiveStatus)>,
) -> Facts {
    let mut facts = Facts::default();
    facts.days.insert(name(series), days.into_iter().collect());
    let archives =
        archives.into_iter().map(|(period, status)| (period.parse().unwrap(), archive(status)));
    facts.archives.insert(name(series), archives.collect());
    facts
}

#[test]
fn days_without_rows_say_why() {
    let series = series(Dataset::Trades, "2023-12-30", "2024-01-10");
    let mut facts = facts(
        &series,
        vec![trades("2024-01-02", (1, 10), 10)],
        vec![
            ("2024-01-01", ArchiveStatus::Missing),
            ("2024-01-02", ArchiveStatus::Ok),
            ("2024-01-03", ArchiveStatus::ChecksumMismatch),
            ("2024-01-04", ArchiveStatus::Corrupt),
            ("2024-01-05", ArchiveStatus::Ok),
        ],
    );
    facts.absent.insert(name(&series), vec![day("2024-01-06")]);
    assert_eq!(
        judged(&series, &facts),
        [
            // the 404 of the 1st does not tell that the series had begun
            "2024-01-02 available 0",
            "2024-01-03 corrupt 0 its archive does not have the published checksum",
            "2024-01-04 corrupt 0 its archive cannot be read",
            "2024-01-05 degraded 0 the archive holds no row",
            "2024-01-06 missing 0 the source does not list it",
            "2024-01-07 missing 0 no archive of it has been fetched",
            "2024-01-08 pending 0 its archive may come out until 2024-01-11",
            "2024-01-09 pending 0 its archive may come out until 2024-01-12",
        ]
    );
}

#[test]
fn a_404_after_the_beginning_is_missing() {
    let series = series(Dataset::Trades, "2024-01-01", "2024-01-02");
    let facts = facts(
        &series,
        vec![trades("2024-01-01", (1, 10), 10)],
        vec![("2024-01-01", ArchiveStatus::Ok), ("2024-01-02", ArchiveStatus::Missing)],
    );
    assert_eq!(judged(&series, &facts)[1], "2024-01-02 missing 0 the source answers 404");
}

#[test]
fn what_an_api_does_not_have_is_told_in_its_words() {
    let told = |detail: &str| missing(Some(detail)).1;
    assert_eq!(
        told("no such symbol: **symbol** is invalid"),
        "the source says: no such symbol: **symbol** is invalid"
    );
    // a host of archives says no more than its status
    assert_eq!(told("answer 404"), "the source answers 404");
    assert_eq!(missing(None).1, "the source answers 404");
}

#[test]
fn a_series_of_which_nothing_is_known_is_missing() {
    let series = series(Dataset::Trades, "2024-01-01", "2024-01-01");
    assert_eq!(
        judged(&series, &Facts::default()),
        ["2024-01-01 missing 0 no archive of it has been fetched"]
    );
}

#[test]
fn holes_in_ids_belong_to_the_day_that_is_silent() {
    let series = series(Dataset::Trades, "2024-01-01", "2024-01-06");
    let ok = |d| (d, ArchiveStatus::Ok);
    let mut partial = trades("2024-01-03", (31, 40), 10);
    // ends at 14:00
    partial.1.ids.times = partial.1.ids.times.map(|(first, _)| (first, first + 50_400_000_000));
    let mut late = trades("2024-01-05", (65, 70), 6);
    late.1.ids.times = late.1.ids.times.map(|(_, last)| (last - 1, last));
    let days = vec![
        trades("2024-01-01", (1, 20), 17),
        trades("2024-01-02", (21, 30), 10),
        partial,
        trades("2024-01-04", (51, 60), 10),
        late,
        trades("2024-01-06", (69, 80), 12),
    ];
    let archives =
        ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-06"];
    let facts = facts(&series, days, archives.map(ok).to_vec());
    assert_eq!(
        judged(&series, &facts),
        [
            "2024-01-01 degraded 3 trade ids missing within the day: 3",
            "2024-01-02 available 0",
            "2024-01-03 degraded 10 trade ids missing after its last row: 10",
            "2024-01-04 available 0",
            "2024-01-05 degraded 4 trade ids missing before its first row: 4",
            "2024-01-06 degraded 0 trade ids overlap those of the day before",
        ]
    );
}

#[test]
fn an_id_that_two_trades_around_midnight_share_is_no_defect() {
    let series = series(Dataset::AggTrades, "2024-01-01", "2024-01-02");
    let days = vec![trades("2024-01-01", (1, 9), 9), trades("2024-01-02", (9, 19), 11)];
    let facts = facts(&series, days, vec![("2024-01", ArchiveStatus::Ok)]);
    assert_eq!(
        judged(&series, &facts),
        [
            "2024-01-01 available 0",
            "2024-01-02 available 0 its ids overlap those of the day before by one: its first id \
             is also the last one there, of another trade",
        ]
    );
}

#[test]
fn a_hole_over_days_that_are_not_there_is_theirs() {
    let series = series(Dataset::AggTrades, "2024-01-01", "2024-01-03");
    let days = vec![trades("2024-01-01", (1, 9), 9), trades("2024-01-03", (20, 29), 10)];
    let facts = facts(&series, days, vec![("2024-01", ArchiveStatus::Ok)]);
    assert_eq!(
        judged(&series, &facts),
        [
            "2024-01-01 available 0",
            "2024-01-02 degraded 0 its archive holds no row of this day",
            "2024-01-03 available 0",
        ]
    );
}

#[test]
fn klines_are_held_against_their_grid() {
    let series = series(Dataset::Klines, "2024-01-01", "2024-01-05");
    let whole = BarFacts { slots: 24, ..BarFacts::default() };
    let days = vec![
        klines("2024-01-01", BarFacts { slots: 20, ..BarFacts::default() }),
        klines("2024-01-02", whole.clone()),
        klines("2024-01-03", BarFacts { slots: 23, off_grid: 1, early: 2, ..BarFacts::default() }),
        klines("2024-01-04", BarFacts { flat: true, ..whole.clone() }),
        klines("2024-01-05", whole),
    ];
    let mut facts = facts(&series, days, vec![("2024-01", ArchiveStatus::Ok)]);
    facts.archives.entry(name(&series)).or_default().insert(
        Period::Day(day("2024-01-05")),
        ArchiveFacts {
            status: ArchiveStatus::TruncatedSuspect,
            detail: Some("3 MB, expected about 800 MB".to_owned()),
            is_built: true,
            until: None,
        },
    );
    facts.rejected.insert(name(&series), [(day("2024-01-05"), 1)].into_iter().collect());
    assert_eq!(
        judged(&series, &facts),
        [
            "2024-01-01 degraded 4 bars missing: 4 of 24, all before the first one there is \
             (the series may begin here)",
            "2024-01-02 available 0",
            "2024-01-03 degraded 1 bars missing: 1 of 24; bars that do not open on the grid: 1; \
             bars that close early: 2",
            "2024-01-04 available 0 no trade on this day: flat bars only",
            "2024-01-05 degraded 0 lines of its archives that were rejected: 1; \
             its archive may be truncated: 3 MB, expected about 800 MB",
        ]
    );
}

#[test]
fn rows_of_an_older_version_are_told() {
    let series = series(Dataset::Trades, "2024-01-01", "2024-01-01");
    let facts = facts(
        &series,
        vec![trades("2024-01-01", (1, 9), 9)],
        vec![("2024-01-01", ArchiveStatus::Corrupt)],
    );
    assert_eq!(
        judged(&series, &facts),
        ["2024-01-01 degraded 0 its archive cannot be read; \
          the rows are those that were taken before"]
    );
}

#[test]
fn monthly_archives_have_their_own_lag() {
    let mut series = series(Dataset::Trades, "2023-12-31", "2024-01-02");
    series.archives = Archives::Monthly;
    assert_eq!(
        judged(&series, &Facts::default()),
        [
            "2023-12-31 pending 0 its archive may come out until 2024-01-17",
            "2024-01-01 pending 0 its archive may come out until 2024-02-17",
            "2024-01-02 pending 0 its archive may come out until 2024-02-17",
        ]
    );
}

#[test]
fn empty_archives_have_words_of_their_own() {
    let series = series(Dataset::Trades, "2024-01-01", "2024-01-05");
    let days = vec![trades("2024-01-01", (1, 9), 9), trades("2024-01-03", (10, 12), 3)];
    let archives = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]
        .map(|day| (day, ArchiveStatus::Unverified));
    let facts = facts(&series, days, archives.into());
    assert_eq!(
        judged(&series, &facts),
        [
            "2024-01-01 available 0",
            "2024-01-02 available 0 the archive holds no row, and no id is missing: nothing was \
             traded",
            "2024-01-03 available 0",
            "2024-01-04 degraded 0 the archive holds no row",
            "2024-01-05 degraded 0 the archive holds no row",
        ]
    );
}

#[test]
fn an_archive_that_silver_was_not_built_from_is_no_empty_one() {
    let series = series(Dataset::Klines, "2024-01-01", "2024-01-04");
    let days = vec![klines("2024-01-01", BarFacts { slots: 24, ..BarFacts::default() })];
    let archives = vec![
        ("2024-01-01", ArchiveStatus::Ok),
        ("2024-01-02", ArchiveStatus::Ok),
        ("2024-01-03", ArchiveStatus::Ok),
        ("2024-01-04", ArchiveStatus::Missing),
    ];
    let mut facts = facts(&series, days, archives);
    let not_built = |status| ArchiveFacts { status, detail: None, is_built: false, until: None };
    let put = |facts: &mut Facts, period: &str, archive: ArchiveFacts| {
        let of_series = facts.archives.entry(name(&series)).or_default();
        of_series.insert(period.parse().unwrap(), archive);
    };
    put(&mut facts, "2024-01-03", not_built(ArchiveStatus::Unverified));
    assert_eq!(
        judged(&series, &facts),
        [
            "2024-01-01 available 0",
            "2024-01-02 degraded 0 the archive holds no row",
            "2024-01-03 missing 0 its archive is held, and silver was not built from it",
            "2024-01-04 missing 0 the source answers 404",
        ]
    );
    // the same of a month's archive
    put(&mut facts, "2024-01", not_built(ArchiveStatus::Ok));
    assert_eq!(
        judged(&series, &facts)[2..],
        [
            "2024-01-03 missing 0 its archive is held, and silver was not built from it",
            "2024-01-04 missing 0 its archive is held, and silver was not built from it",
        ]
    );
    put(&mut facts, "2024-01", archive(ArchiveStatus::Ok));
    assert_eq!(
        judged(&series, &facts)[1..],
        [
            "2024-01-02 degraded 0 the archive holds no row",
            "2024-01-03 degraded 0 its archive holds no row of this day",
            "2024-01-04 degraded 0 its archive holds no row of this day",
        ]
    );
}

#[test]
fn a_dated_contract_ends_in_the_morning_and_is_not_missing_after() {
    let mut series = series(Dataset::Klines, "2024-01-01", "2024-01-03");
    series.end = Some(day("2024-01-03").start_micros() + 8 * 3_600_000_000);
    let start = day("2024-01-03").start_micros();
    let of = |slots| {
        let ids = DayIds { times: Some((start, start)), ..DayIds::default() };
        let bars = Some(BarFacts { slots, ..BarFacts::default() });
        (day("2024-01-03"), DayFacts { rows: slots, ids, bars, ..DayFacts::default() })
    };
    let told = |slots| {
        let facts = facts(&series, vec![of(slots)], vec![("2024-01-03", ArchiveStatus::Ok)]);
        judged(&series, &facts).join("; ")
    };
    assert_eq!(told(8), "2024-01-03 available 0");
    assert_eq!(told(7), "2024-01-03 degraded 1 bars missing: 1 of 8");
}

#[test]
fn a_long_silence_is_not_told_day_by_day() {
    let series = series(Dataset::Trades, "2024-01-01", "2024-01-08");
    let days = vec![
        trades("2024-01-01", (1, 9), 9),
        trades("2024-01-05", (1, 9), 9),
        trades("2024-01-06", (10, 12), 3),
    ];
    let mut facts = facts(&series, days, vec![("2024-01-01", ArchiveStatus::Ok)]);
    let gaps = vec![(day("2024-01-02"), Some(day("2024-01-04"))), (day("2024-01-06"), None)];
    facts.gaps.insert(name(&series), gaps);
    assert_eq!(
        judged(&series, &facts),
        ["2024-01-01 available 0", "2024-01-05 available 0", "2024-01-06 available 0"]
    );
}

#[test]
fn what_the_exchange_voided_is_no_defect_and_what_counts_once_is_told() {
    let series = series(Dataset::AggTrades, "2024-01-01", "2024-01-02");
    let mut days = vec![trades("2024-01-01", (1, 9), 9), trades("2024-01-02", (10, 19), 10)];
    days[0].1.voided = 2;
    days[1].1.repeating = 1;
    let facts = facts(&series, days, vec![("2024-01", ArchiveStatus::Ok)]);
    assert_eq!(
        judged(&series, &facts),
        [
            "2024-01-01 available 0 rows that the exchange voided, which is no defect: 2",
            "2024-01-02 degraded 0 aggregates whose trades are in another one, counted once: 1",
        ]
    );
}

#[test]
fn a_series_that_cannot_be_looked_at_says_so() {
    let series = series(Dataset::Trades, "2024-01-01", "2024-01-01");
    let mut facts = facts(&series, Vec::new(), vec![("2024-01-01", ArchiveStatus::Ok)]);
    facts.failed.insert(name(&series), "a file is damaged".to_owned());
    assert_eq!(
        judged(&series, &facts),
        ["2024-01-01 corrupt 0 cannot be looked at: a file is damaged"]
    );
}

#[test]
fn ids_as_far_apart_as_they_can_be_are_counted() {
    let series = series(Dataset::Trades, "2024-01-01", "2024-01-02");
    let days = vec![
        trades("2024-01-01", (i64::MIN, i64::MAX), 2),
        trades("2024-01-02", (i64::MIN, i64::MAX), 2),
    ];
    let facts = facts(&series, days, vec![("2024-01", ArchiveStatus::Ok)]);
    let told = judged(&series, &facts);
    assert!(told[0].starts_with("2024-01-01 degraded 18446744073709551613 "), "{told:?}");
    assert!(told[1].contains("overlap those of the day before"), "{told:?}");
}

#[test]
fn a_venue_that_closes_owes_what_it_was_open_for() {
    let mut series = series(Dataset::Klines, "2024-01-04", "2024-01-10");
    series.market = Market::new("stocks");
    let bars =
        |slots, in_session| BarFacts { slots, in_session: Some(in_session), ..BarFacts::default() };
    let mut facts = facts(
        &series,
        vec![
            // Thursday, whole; Friday with one bar before the market and six of seven
            klines("2024-01-04", bars(7, 7)),
            klines("2024-01-05", bars(7, 6)),
            // Saturday: more than there should be is no fault
            klines("2024-01-06", bars(2, 0)),
            // Monday with bars of other times alone
            klines("2024-01-08", bars(2, 0)),
        ],
        vec![],
    );
    assert_eq!(
        judged_by(Calendar::Nyse, &series, &facts),
        [
            "2024-01-04 available 0",
            "2024-01-05 available 1 without a bar, maybe without a trade: 1 of 7",
            "2024-01-06 available 0",
            "2024-01-07 closed 0 closed all day by calendar xnys",
            "2024-01-08 degraded 7 no bar within the hours of xnys, of 7",
            "2024-01-09 pending 0 its archive may come out until 2024-01-12",
        ]
    );
    // an archive that cannot be read is told on a closed day too, and so are lines of it
    let archives = facts.archives.entry(name(&series)).or_default();
    archives.insert(Period::Day(day("2024-01-07")), archive(ArchiveStatus::Corrupt));
    assert_eq!(
        judged_by(Calendar::Nyse, &series, &facts)[3],
        "2024-01-07 corrupt 0 its archive cannot be read"
    );
    let archives = facts.archives.entry(name(&series)).or_default();
    archives.insert(Period::Day(day("2024-01-07")), archive(ArchiveStatus::Ok));
    let found = &judged_by(Calendar::Nyse, &series, &facts)[3];
    assert_eq!(found, "2024-01-07 closed 0 closed all day by calendar xnys");
    facts.rejected.entry(name(&series)).or_default().insert(day("2024-01-07"), 2);
    let found = &judged_by(Calendar::Nyse, &series, &facts)[3];
    assert!(found.starts_with("2024-01-07 degraded 0 no row could be taken"), "{found}");
    // a series ends within a session
    series.end = Some(day("2024-01-05").start_micros() + 16 * 3_600_000_000);
    series.to = day("2024-01-05");
    assert_eq!(judged_by(Calendar::Nyse, &series, &facts)[1], "2024-01-05 available 0");
}

#[test]
fn a_day_that_the_calendar_does_not_know_is_told_and_not_guessed() {
    let series = series(Dataset::Klines, "1950-01-06", "1950-01-08");
    let bars = BarFacts { slots: 3, in_session: Some(0), ..BarFacts::default() };
    let facts = facts(&series, vec![klines("1950-01-06", bars)], vec![]);
    let found = judged_by(Calendar::Nyse, &series, &facts);
    assert!(
        found[0].starts_with("1950-01-06 available 0 calendar `xnys` vouches for "),
        "{found:?}"
    );
    let expect =
        "1950-01-07 missing 0 no archive of it has been fetched; calendar `xnys` vouches for ";
    assert!(found[1].starts_with(expect), "{found:?}");
}

#[test]
fn rows_that_come_at_equal_distances_are_counted_by_day() {
    const HOUR: i64 = 3_600_000_000;
    let check =
        |dataset: Dataset, slots: u64, step: Option<i64>, end: Option<&str>, expect: &str| {
            let mut series = series(dataset, "2024-01-01", "2024-01-01");
            series.end = end.map(|end| day("2024-01-01").start_micros() + hours(end));
            let bars = BarFacts { slots, step, ..BarFacts::default() };
            let start = day("2024-01-01").start_micros();
            let ids = DayIds { times: Some((start, start)), ..DayIds::default() };
            let facts_of_day =
                DayFacts { rows: slots, ids, bars: Some(bars), ..DayFacts::default() };
            let found = (day("2024-01-01"), facts_of_day);
            let facts = facts(&series, vec![found], vec![("2024-01-01", ArchiveStatus::Ok)]);
            assert_eq!(judged(&series, &facts), [expect]);
        };
    check(Dataset::Funding, 3, Some(8 * HOUR), None, "2024-01-01 available 0");
    check(Dataset::Funding, 2, Some(8 * HOUR), None, "2024-01-01 degraded 1 rates missing: 1 of 3");
    // on a day on which the interval changes there may be more
    check(Dataset::Funding, 5, Some(8 * HOUR), None, "2024-01-01 available 0");
    check(Dataset::Metrics, 288, Some(HOUR / 12), None, "2024-01-01 available 0");
    check(
        Dataset::Metrics,
        163,
        Some(HOUR / 12),
        None,
        "2024-01-01 degraded 125 rows missing: 125 of 288",
    );
    check(Dataset::Metrics, 96, Some(HOUR / 12), Some("8"), "2024-01-01 available 0");
    check(Dataset::MarkKlines, 23, None, None, "2024-01-01 degraded 1 bars missing: 1 of 24");
}

fn hours(text: &str) -> i64 {
    text.parse::<i64>().unwrap() * 3_600_000_000
}

#[test]
fn of_quotes_only_rows_are_known() {
    let series = series(Dataset::Quotes, "2024-01-01", "2024-01-02");
    let quotes = |on: &str, rows: u64, invalid: u64| {
        let start = day(on).start_micros();
        let ids = DayIds { times: Some((start, start + 1)), ..DayIds::default() };
        (day(on), DayFacts { rows, invalid, ids, ..DayFacts::default() })
    };
    let days = vec![quotes("2024-01-01", 900, 0), quotes("2024-01-02", 900, 2)];
    let archives = vec![("2024-01-01", ArchiveStatus::Ok), ("2024-01-02", ArchiveStatus::Ok)];
    let facts = facts(&series, days, archives);
    assert_eq!(
        judged(&series, &facts),
        ["2024-01-01 available 0", "2024-01-02 degraded 0 rows that are not valid: 2"]
    );
}

#[test]
fn of_what_is_told_of_now_days_count_on_which_it_was_asked() {
    let mut series = series(Dataset::Dividends, "2024-01-01", TODAY);
    series.archives = Archives::Daily;
    let told = |on: &str, rows: u64| (day(on), DayFacts { rows, ..DayFacts::default() });
    let facts = facts(
        &series,
        vec![told("2024-01-03", 97), told(TODAY, 98)],
        vec![
            ("2024-01-03", ArchiveStatus::Unverified),
            ("2024-01-05", ArchiveStatus::Missing),
            ("2024-01-08", ArchiveStatus::Unverified),
            (TODAY, ArchiveStatus::Unverified),
        ],
    );
    assert_eq!(
        judged(&series, &facts),
        [
            "2024-01-03 available 0",
            "2024-01-05 missing 0 asked on this day, the source knew nothing of it",
            "2024-01-08 available 0 asked on this day, the source knew of none",
            "2024-01-10 available 0",
        ]
    );
}

#[test]
fn a_day_of_the_api_is_partial_until_its_archive_is_there() {
    let series = Series { tail: Some(1), ..series(Dataset::Klines, "2024-01-09", "2024-01-10") };
    let until: DateTime<Utc> = "2024-01-10T12:00:00Z".parse().unwrap();
    let check = |slots: u64, provisional: u64, until: Option<DateTime<Utc>>, today: &str| {
        let bars = BarFacts { slots, ..BarFacts::default() };
        let (on, facts_of_day) = klines("2024-01-10", bars);
        let ids =
            DayIds { times: Some((on.start_micros(), on.start_micros())), ..DayIds::default() };
        let found = (on, DayFacts { provisional, ids, ..facts_of_day });
        let mut facts =
            facts(&series, vec![found], vec![("2024-01-10", ArchiveStatus::Unverified)]);
        for archive in facts.archives.values_mut().flat_map(BTreeMap::values_mut) {
            archive.until = until;
        }
        let days = of_series(&series, Calendar::Always, &facts, day(today));
        let found = days.iter().find(|found| found.day == on).unwrap();
        let reason = found.reason.clone().unwrap_or_default();
        format!("{} {} {reason}", found.status.as_str(), found.missing)
    };
    let told = "what the source's API said up to 2024-01-10 12:00 UTC";
    assert_eq!(
        check(12, 12, Some(until), "2024-01-10"),
        format!("partial 0 {told}: its archive is not there yet")
    );
    assert_eq!(
        check(11, 11, Some(until), "2024-01-10"),
        format!("degraded 1 bars missing: 1 of 12; {told}: its archive is not there yet")
    );
    // its archive is late
    assert_eq!(
        check(12, 12, Some(until), "2024-01-20"),
        format!("degraded 0 {told}: its archive has not come, expected by 2024-01-13")
    );
    assert_eq!(check(24, 0, None, "2024-01-11"), "available 0 ");
}
