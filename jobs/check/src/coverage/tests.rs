//! Tests of the status of a day.

use model::{Market, Source, Timeframe};

use super::*;

const TODAY: &str = "2024-01-10";

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn series(dataset: Dataset, from: &str, to: &str) -> Series {
    Series {
        source: Source::Binance,
        market: Market::Spot,
        dataset,
        symbol: "BTCUSDT".parse().unwrap(),
        timeframe: dataset.has_timeframe().then_some(Timeframe::H1),
        from: day(from),
        to: day(to),
        archives: Archives::Auto,
        end: None,
    }
}

/// Trades with these ids, over the whole day.
fn trades(on: &str, ids: (i64, i64), rows: u64) -> (Day, DayFacts) {
    let start = day(on).start_micros();
    let times = Some((start + 1, start + DAY_MICROS - 1));
    (day(on), DayFacts { rows, ids: Some(ids), times, ..DayFacts::default() })
}

fn klines(on: &str, bars: BarFacts) -> (Day, DayFacts) {
    let start = day(on).start_micros() + (24 - i64::try_from(bars.slots).unwrap()) * 3_600_000_000;
    let times = Some((start, start));
    (day(on), DayFacts { rows: bars.slots, times, bars: Some(bars), ..DayFacts::default() })
}

fn archive(status: ArchiveStatus) -> ArchiveFacts {
    ArchiveFacts { status, detail: None }
}

/// The words and reasons of a series' days, with the number of what is missing.
fn judged(series: &Series, facts: &Facts) -> Vec<String> {
    let lag = PublicationLag { daily_days: 2, monthly_days: 16 };
    of_series(series, facts, lag, day(TODAY))
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
            "2024-01-05 degraded 0 its archive holds no row of this day",
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
    partial.1.times = partial.1.times.map(|(first, _)| (first, first + 50_400_000_000));
    let mut late = trades("2024-01-05", (65, 70), 6);
    late.1.times = late.1.times.map(|(_, last)| (last - 1, last));
    let days = vec![
        trades("2024-01-01", (1, 20), 17),
        trades("2024-01-02", (21, 30), 10),
        partial,
        trades("2024-01-04", (51, 60), 10),
        late,
        trades("2024-01-06", (70, 80), 11),
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
        klines("2024-01-03", BarFacts { slots: 23, off_grid: 1, early: 2, flat: false }),
        klines("2024-01-04", BarFacts { flat: true, ..whole.clone() }),
        klines("2024-01-05", whole),
    ];
    let mut facts = facts(&series, days, vec![("2024-01", ArchiveStatus::Ok)]);
    facts.archives.entry(name(&series)).or_default().insert(
        Period::Day(day("2024-01-05")),
        ArchiveFacts {
            status: ArchiveStatus::TruncatedSuspect,
            detail: Some("3 MB, expected about 800 MB".to_owned()),
        },
    );
    facts
        .rejected
        .insert(name(&series), [(Period::Day(day("2024-01-05")), 1)].into_iter().collect());
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
        ["2024-01-01 degraded 0 its archive cannot be read in its latest version; \
          the rows are those of the version before"]
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
