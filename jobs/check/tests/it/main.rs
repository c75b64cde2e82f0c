//! check over a lake in a temporary folder, filled as silver, gold and commit would leave it.

#[cfg(test)]
mod lab;

use check::Options;
use lab::{Bar, KLINES, Lab};
use model::exit::Exit;
use model::schema::Table;
use stage::{Clock, ManualClock};

const ALL: Options = Options { all: true, strict: false };
/// The group of the first day's trades.
const TRADES: &str = "binance/spot/trades/BTCUSDT/2024-01-01";

/// Two days with a trade an hour, klines and bars that agree.
async fn sound() -> Lab {
    let lab = Lab::new();
    for (day, first_id) in [("2024-01-01", 0), ("2024-01-02", 24)] {
        lab.trades(day, &(first_id..first_id + 24).collect::<Vec<_>>()).await;
        lab.archive("trades", None, day, "ok").await;
    }
    lab.bars(Table::Klines, &hours(48)).await;
    lab.bars(Table::Bars, &hours(48)).await;
    lab.archive("klines", Some("1h"), "2024-01", "ok").await;
    lab
}

fn hours(n: i64) -> Vec<Bar> {
    (0..n).map(|hour| Bar { hour, volume: 100_000_000, trades: Some(1) }).collect()
}

async fn statuses(lab: &Lab, check: &str) -> Vec<String> {
    lab.ask(&format!(
        "SELECT status, subject, detail FROM ops.checks \
         WHERE check_name = '{check}' AND field IS NULL AND time IS NULL ORDER BY subject"
    ))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_lake_passes() {
    let lab = sound().await;
    lab.build(Table::Trades, TRADES, [24, 24, 0]).await;
    lab.build(Table::Trades, "binance/spot/trades/BTCUSDT/2024-01-02", [24, 24, 0]).await;
    lab.build(Table::Klines, KLINES, [48, 48, 0]).await;
    let summary = check::run(&lab.context, ALL).await.unwrap();
    assert!(summary.warned.is_empty() && summary.failed.is_empty(), "{}", summary.text());
    assert_eq!(
        statuses(&lab, "reconciliation").await,
        ["pass binance/spot/BTCUSDT/1h 48 bars of 2 days compared in every field, 0 differ"]
    );
    assert_eq!(
        lab.ask(
            "SELECT dataset, date, status, archive_status, rows, rows_rejected, missing, run \
             FROM ops.coverage WHERE source = 'binance' AND market = 'spot' ORDER BY 1, 2"
        )
        .await,
        [
            format!("klines 2024-01-01 available ok 24 0 0 {}", lab.context.run),
            format!("klines 2024-01-02 available ok 24 0 0 {}", lab.context.run),
            format!("trades 2024-01-01 available ok 24 0 0 {}", lab.context.run),
            format!("trades 2024-01-02 available ok 24 0 0 {}", lab.context.run),
        ]
    );
    let text = summary.text();
    assert!(text.contains("binance/spot/trades/BTCUSDT") && text.contains("reconciliation"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_klines_do_not_state_is_not_compared() {
    let lab = sound().await;
    let mut klines = hours(48);
    // one alone, a whole day, and one of another volume
    klines[3].trades = None;
    for kline in &mut klines[24..] {
        kline.trades = None;
    }
    klines[30].volume += 1;
    lab.bars(Table::Klines, &klines).await;
    let summary = check::run(&lab.context, ALL).await.unwrap();
    assert_eq!(
        statuses(&lab, "reconciliation").await,
        ["warn binance/spot/BTCUSDT/1h 48 bars of 2 days compared in every field, 1 differ"],
        "{}",
        summary.text()
    );
    assert_eq!(
        lab.ask(
            "SELECT CAST(time AS varchar), field, expected, found FROM ops.checks \
             WHERE check_name = 'reconciliation' AND time IS NOT NULL"
        )
        .await,
        ["2024-01-02T06:00:00Z volume 1.00000001 1.00000000"]
    );
    let coverage =
        "SELECT date, status, reason FROM ops.coverage WHERE dataset = 'klines' ORDER BY 1";
    assert_eq!(lab.ask(coverage).await, ["2024-01-01 available -", "2024-01-02 available -"]);
    // of none of them is it stated
    for kline in &mut klines {
        kline.trades = None;
    }
    lab.bars(Table::Klines, &klines).await;
    check::run(&lab.context, ALL).await.unwrap();
    assert_eq!(lab.ask(coverage).await, ["2024-01-01 available -", "2024-01-02 available -"]);
    // not flat unless all say so
    for kline in &mut klines {
        kline.trades = Some(0);
    }
    klines[0].trades = None;
    lab.bars(Table::Klines, &klines).await;
    check::run(&lab.context, ALL).await.unwrap();
    assert_eq!(
        lab.ask(coverage).await,
        ["2024-01-01 available -", "2024-01-02 available no trade on this day: flat bars only"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_digit_that_differs_is_listed() {
    let lab = sound().await;
    let mut bars = hours(48);
    bars[5].volume += 1;
    bars[30].trades = Some(2);
    lab.bars(Table::Bars, &bars).await;
    // a kline without a trade has no bar, and that is right; a kline with one has
    let mut klines = hours(48);
    klines[40].trades = Some(0);
    lab.bars(Table::Klines, &klines).await;

    let summary = check::run(&lab.context, ALL).await.unwrap();
    assert_eq!(summary.warned.get("reconciliation"), Some(&1), "{}", summary.text());
    assert_eq!(
        statuses(&lab, "reconciliation").await,
        ["warn binance/spot/BTCUSDT/1h 48 bars of 2 days compared in every field, 3 differ"]
    );
    assert_eq!(
        lab.ask(
            "SELECT CAST(time AS varchar), field, expected, found, detail FROM ops.checks \
             WHERE check_name = 'reconciliation' AND time IS NOT NULL ORDER BY 1, 2"
        )
        .await,
        [
            "2024-01-01T05:00:00Z volume 1.00000000 1.00000001 made from trades",
            "2024-01-02T06:00:00Z trade_count 1 2 made from trades",
            "2024-01-02T16:00:00Z - - - a bar and no kline with trades",
        ]
    );
    // the same run again: its rows are replaced, not doubled
    let before = lab.ask("SELECT count(*) FROM ops.checks").await;
    check::run(&lab.context, ALL).await.unwrap();
    assert_eq!(lab.ask("SELECT count(*) FROM ops.checks").await, before);

    let strict = Options { strict: true, ..ALL };
    let failure = check::run(&lab.context, strict).await.unwrap_err();
    assert_eq!(failure.exit, Exit::DataRefused);
    assert!(format!("{:#}", failure.error).contains("3 differ"), "{:#}", failure.error);
    let failed = lab.ask("SELECT count(*) FROM ops.checks WHERE status = 'fail'").await;
    assert_eq!(failed, ["4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn holes_are_listed_and_their_days_not_compared() {
    let lab = sound().await;
    let ids: Vec<i64> = (0..24).filter(|id| ![3, 4, 9].contains(id)).collect();
    lab.trades("2024-01-01", &ids).await;
    let klines: Vec<Bar> = hours(48).into_iter().filter(|b| ![30, 31].contains(&b.hour)).collect();
    lab.bars(Table::Klines, &klines).await;
    let summary = check::run(&lab.context, ALL).await.unwrap();
    assert_eq!(
        statuses(&lab, "reconciliation").await,
        [
            "skip binance/spot/BTCUSDT/1h nothing compared; 2 days not compared, for trades or klines \
          of them are not whole"
        ],
    );
    assert_eq!(
        lab.ask(
            "SELECT check_name, CAST(time AS varchar), expected, detail FROM ops.checks \
             WHERE time IS NOT NULL ORDER BY 1, 2"
        )
        .await,
        [
            "kline_grid 2024-01-02T06:00:00Z - bars missing from here on: 2",
            "trade_ids 2024-01-01T05:00:00Z 3 to 4 2 missing before this trade",
            "trade_ids 2024-01-01T10:00:00Z 9 1 missing before this trade",
        ]
    );
    assert_eq!(
        lab.ask(
            "SELECT dataset, date, missing, reason FROM ops.coverage \
             WHERE status = 'degraded' ORDER BY 1"
        )
        .await,
        [
            "klines 2024-01-02 2 bars missing: 2 of 24",
            "trades 2024-01-01 3 trade ids missing within the day: 3",
        ]
    );
    assert_eq!(summary.coverage["binance/spot/trades/BTCUSDT"]["degraded"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_changed_means_nothing_compared() {
    let lab = sound().await;
    let summary = check::run(&lab.context, Options::default()).await.unwrap();
    assert_eq!(summary.passed.get("reconciliation"), None);
    assert_eq!(summary.coverage.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_not_accounted_for_fail() {
    let check_of = async |units: &str, counts: [i64; 3], expect: Result<&str, &str>| {
        let lab = sound().await;
        lab.build_of(Table::Trades, TRADES, units, counts).await;
        let found = check::run(&lab.context, ALL).await;
        match (found, expect) {
            (Ok(_), Ok(_)) => {}
            (Err(failure), Err(part)) => {
                assert_eq!(failure.exit, Exit::DataRefused);
                let text = format!("{:#}", failure.error);
                let expect = format!("a check failed: row_accounting of silver.trades: {part}");
                assert!(text.starts_with(&expect) && !text.contains('\n'), "{text}");
            }
            (found, _) => panic!("{found:?}, expected {expect:?}"),
        }
        let rows = statuses(&lab, "row_accounting").await.join("\n");
        let (Ok(part) | Err(part)) = expect;
        assert!(rows.contains(part), "{rows}");
    };
    let check = async |counts, expect| check_of("[]", counts, expect).await;
    check([24, 24, 0], Ok("24 rows of 1 builds, 0 figures differ")).await;
    check([23, 23, 0], Err("24 rows of 1 builds, 1 figures differ")).await;
    check([25, 24, 0], Err("24 rows of 1 builds, 1 figures differ")).await;
    // what lost against another row must stand in the rejects
    check([26, 24, 2], Err("24 rows of 1 builds, 1 figures differ")).await;
    // where a former version of silver may have kept none nobody can tell, and where the build tells it can
    // be told, though its archives be read as configured
    let unit = |rest: &str| format!(r#"[{{"unit":"{TRADES}","sha256":"a"{rest}}}]"#);
    check_of(&unit(""), [26, 24, 2], Ok("24 rows of 1 builds, 0 figures differ")).await;
    let lost = Err("24 rows of 1 builds, 1 figures differ");
    check_of(&unit(r#","rejects":2"#), [26, 24, 2], lost).await;
    check_of(&unit(r#","rejects":0"#), [24, 24, 0], Ok("24 rows of 1 builds, 0 figures differ"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_nothing_is_held_of_any_more_fails() {
    let lab = sound().await;
    // rows of a day that no file holds: something took them
    lab.build(Table::Trades, "binance/spot/trades/BTCUSDT/2024-01-05", [7, 7, 0]).await;
    let failure = check::run(&lab.context, ALL).await.unwrap_err();
    assert_eq!(failure.exit, Exit::DataRefused);
    assert_eq!(
        lab.ask(
            "SELECT subject, field, expected, found FROM ops.checks \
             WHERE check_name = 'row_accounting' AND field IS NOT NULL"
        )
        .await,
        ["binance/spot/trades/BTCUSDT/2024-01-05 rows_silver 7 0"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_silver_was_not_built_from_is_no_empty_one() {
    const SECOND: &str = "binance/spot/trades/BTCUSDT/2024-01-02";
    const FIRST_READ: &str = r#"{"unit":"binance/spot/trades/BTCUSDT/2024-01-01","sha256":"a"}"#;
    const READ: &str = r#"{"unit":"binance/spot/trades/BTCUSDT/2024-01-02","sha256":"b"}"#;
    const CORRUPT: &str =
        r#"{"unit":"binance/spot/trades/BTCUSDT/2024-01-02","sha256":"b","corrupt":"no csv"}"#;
    const WITHHELD: &str =
        r#"{"unit":"binance/spot/trades/BTCUSDT/2024-01-03","sha256":"c","corrupt":"no csv"}"#;
    let check = async |units: &[&str], expect: &str| {
        let lab = Lab::new();
        lab.trades("2024-01-01", &(0..24).collect::<Vec<_>>()).await;
        lab.archive("trades", None, "2024-01-01", "ok").await;
        lab.archive("trades", None, "2024-01-02", "ok").await;
        if !units.is_empty() {
            let units = format!("[{}]", units.join(","));
            lab.build_of(Table::Trades, SECOND, &units, [0, 0, 0]).await;
        }
        check::run(&lab.context, ALL).await.unwrap();
        let told = "SELECT date, status, reason FROM ops.coverage \
                    WHERE dataset = 'trades' ORDER BY date";
        assert_eq!(lab.ask(told).await, ["2024-01-01 available -", expect], "{units:?}");
    };
    let not_built = "2024-01-02 missing its archive is held, and silver was not built from it";
    check(&[], not_built).await;
    check(&[FIRST_READ], not_built).await;
    check(&[CORRUPT], not_built).await;
    check(&[READ, WITHHELD], not_built).await;
    check(&[READ], "2024-01-02 degraded the archive holds no row").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_check_leaves_newer_coverage_alone() {
    let lab = sound().await;
    let mut younger = lab.context.clone();
    younger.run = model::RunId::new(younger.clock.now() + chrono::TimeDelta::hours(1), 8);
    check::run(&younger, ALL).await.unwrap();
    let told = "SELECT DISTINCT run FROM ops.coverage";
    assert_eq!(lab.ask(told).await, [younger.run.to_string()]);
    // the older one comes late: its findings are its own, coverage is not
    check::run(&lab.context, ALL).await.unwrap();
    assert_eq!(lab.ask(told).await, [younger.run.to_string()]);
    assert_eq!(lab.ask("SELECT count(DISTINCT run) FROM ops.checks").await, ["2"]);
    // and a still younger one tells it anew
    let mut youngest = lab.context.clone();
    youngest.run = model::RunId::new(youngest.clock.now() + chrono::TimeDelta::hours(2), 9);
    check::run(&youngest, ALL).await.unwrap();
    assert_eq!(lab.ask(told).await, [youngest.run.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_that_were_merged_with_others_are_replaced() {
    let lab = sound().await;
    let mut other = lab.context.clone();
    other.run = model::RunId::new(other.clock.now() + chrono::TimeDelta::hours(1), 8);
    for context in [&lab.context, &other] {
        check::run(context, ALL).await.unwrap();
    }
    let told = "SELECT run, count(*), count(DISTINCT checked_at) FROM ops.checks \
                GROUP BY run ORDER BY run";
    let before = lab.ask(told).await;
    lab.make_anew(Table::Checks).await;
    assert_eq!(lab.ask(told).await, before);
    // later, so that its rows are others
    let mut again = lab.context.clone();
    let later = again.clock.now() + chrono::TimeDelta::hours(1);
    again.clock = Clock::Manual(ManualClock::at(later));
    check::run(&again, ALL).await.unwrap();
    assert_eq!(lab.ask(told).await, before);
    let own = format!(
        "SELECT DISTINCT CAST(checked_at AS varchar) FROM ops.checks WHERE run = '{}'",
        again.run
    );
    assert_eq!(lab.ask(&own).await, ["2024-01-10T13:00:00Z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_line_costs_its_own_day() {
    let lab = sound().await;
    let month = "binance/spot/klines/BTCUSDT/1h/2024-01";
    lab.rejects(month, &[Some("2024-02-01"), Some("2024-01-02"), None]).await;
    let summary = check::run(&lab.context, ALL).await.unwrap();
    assert_eq!(
        lab.ask(
            "SELECT dataset, date, status, rows_rejected, reason FROM ops.coverage \
             WHERE dataset = 'klines' ORDER BY date"
        )
        .await,
        [
            "klines 2024-01-01 available 0 -",
            "klines 2024-01-02 degraded 1 lines of its archives that were rejected: 1",
        ]
    );
    assert_eq!(summary.reasons["degraded"]["with rejected lines"], 1);
    assert_eq!(
        statuses(&lab, "lines_without_day").await,
        ["warn binance/spot/klines/BTCUSDT/1h 1 lines of 2024-01 were rejected that tell no day; \
          see `query rejects`"]
    );
    // the day that lost no line is compared
    let told = statuses(&lab, "reconciliation").await.join("");
    assert!(told.contains("24 bars of 1 days compared"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bars_from_klines_are_not_held_against_klines() {
    let lab = sound().await;
    lab.bars_from(&hours(24), "klines").await;
    let summary = check::run(&lab.context, ALL).await.unwrap();
    assert_eq!(
        statuses(&lab, "reconciliation").await,
        [
            "warn binance/spot/BTCUSDT/1h 24 bars of 1 days compared in every field, 24 differ; 1 days \
          not compared, for trades or klines of them are not whole, on 1 of them klines count more \
          trades than there are"
        ]
    );
    assert_eq!((summary.bars_compared, summary.bars_differ), (24, 24));
}
