//! Days with holes: what is made of them, how it is told, and that what changed is what is rebuilt.

use std::collections::BTreeMap;

use crate::derive::{Kline, kline, klines, trade};
use crate::lab::{Lab, ONE, Trade, at, decimals, flags, issues, longs, times};
use gold::models::Engine;
use model::dirty::months_of;
use model::plan::Partition;
use model::schema::Table;
use model::{Day, Month};
use proptest::prelude::*;

/// An aggregate of one row.
#[derive(Debug, Clone, Copy)]
struct Agg {
    id: i64,
    time_us: i64,
    price: i64,
    trades: (i64, i64),
    issue: Option<&'static str>,
}

fn partition(day: &str) -> [(&str, &str); 4] {
    [("source", "binance"), ("market", "spot"), ("symbol", "BTCUSDT"), ("date", day)]
}

async fn agg_trades(lab: &Lab, day: &str, rows: &[Agg]) {
    let valid = |agg: &Agg| agg.issue.is_none_or(|issue| issue == "id_repeated");
    let columns = vec![
        ("agg_trade_id", longs(rows.iter().map(|a| a.id))),
        ("time", times(rows.iter().map(|a| a.time_us))),
        ("time_us", longs(rows.iter().map(|a| a.time_us))),
        ("price", decimals(18, rows.iter().map(|a| Some(i128::from(a.price) * ONE)))),
        ("quantity", decimals(28, rows.iter().map(|_| Some(ONE)))),
        ("first_trade_id", longs(rows.iter().map(|a| a.trades.0))),
        ("last_trade_id", longs(rows.iter().map(|a| a.trades.1))),
        ("is_buyer_maker", flags(rows.iter().map(|_| false))),
        ("is_valid", flags(rows.iter().map(valid))),
        ("issues", issues(rows.iter().map(|a| a.issue))),
    ];
    lab.fill(Table::AggTrades, &partition(day), columns).await;
}

fn agg(id: i64, time_us: i64, price: i64) -> Agg {
    Agg { id, time_us, price, trades: (id, id), issue: None }
}

/// A whole day of hours with so many trades in each.
fn hours(day: &str, trades: i64) -> Vec<Kline> {
    (0..24).map(|h| Kline { trades, ..kline(at(day, h, 0, 0), 7, 8) }).collect()
}

/// The bars of a timeframe.
async fn bars(lab: &Lab, timeframe: &str) -> Vec<String> {
    lab.ask(&format!(
        "SELECT substr(CAST(open_time AS varchar), 1, 13) AS hour, close, trade_count, made_from, \
         is_complete FROM gold.bars WHERE timeframe = '{timeframe}' ORDER BY open_time"
    ))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_day_of_klines_goes_before_damaged_trades() {
    for engine in [Engine::Fold, Engine::Sql] {
        let lab = Lab::new();
        let day = "2024-01-10";
        // a row in three has lost its quantity
        let rows: Vec<Agg> = (0..72)
            .map(|n| Agg {
                issue: (n % 3 == 0).then_some("bad_quantity"),
                ..agg(n, at(day, n / 3, 0, n % 3), 5)
            })
            .collect();
        agg_trades(&lab, day, &rows).await;
        klines(&lab, "1h", &hours(day, 3)).await;
        lab.gold(true, engine).await;
        let hourly = bars(&lab, "1h").await;
        assert_eq!(hourly.len(), 24, "{engine:?}");
        assert_eq!(hourly[0], "2024-01-10T00 8.00000000 3 klines true");
        assert_eq!(bars(&lab, "1d").await, ["2024-01-10T00 8.00000000 72 klines true"]);
        // there are no klines of minutes: those that are made say what they are
        let minutes = bars(&lab, "1m").await;
        assert_eq!(minutes.len(), 24, "{engine:?}");
        assert_eq!(minutes[0], "2024-01-10T00 5.00000000 2 agg_trades false");
        assert_eq!(
            lab.ask("SELECT close, average_price, bars, made_from, is_complete FROM gold.daily")
                .await,
            ["8.00000000 8.0 24 klines true"],
            "no figure of a whole day is made from bars with holes"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_exchange_voided_damage_no_day() {
    for engine in [Engine::Fold, Engine::Sql] {
        let lab = Lab::new();
        let day = "2017-12-04";
        let void = |id| Agg {
            price: 0,
            trades: (-1, -1),
            issue: Some("voided"),
            ..agg(id, at(day, 5, 0, 0), 0)
        };
        let again = Agg { issue: Some("repeats_trades"), ..agg(5, at(day, 6, 0, 0), 9) };
        let rows =
            [agg(1, at(day, 1, 0, 0), 3), void(2), void(3), agg(4, at(day, 6, 0, 0), 4), again];
        agg_trades(&lab, day, &rows).await;
        klines(&lab, "1d", &[Kline { trades: 2, volume: 2, ..kline(at(day, 0, 0, 0), 3, 4) }])
            .await;
        lab.gold(true, engine).await;
        assert_eq!(bars(&lab, "1d").await, ["2017-12-04T00 4.00000000 2 agg_trades true"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregate_that_repeats_trades_in_part_leaves_a_hole() {
    let day = "2017-12-04";
    // trade 5 is in the last row alone, and that does not count
    let part =
        Agg { trades: (4, 5), issue: Some("overlaps_trades"), ..agg(5, at(day, 6, 0, 0), 9) };
    for engine in [Engine::Fold, Engine::Sql] {
        let lab = Lab::new();
        agg_trades(&lab, day, &[agg(3, at(day, 1, 0, 0), 3), agg(4, at(day, 6, 0, 0), 4), part])
            .await;
        lab.gold(true, engine).await;
        assert_eq!(bars(&lab, "1d").await, ["2017-12-04T00 4.00000000 2 agg_trades false"]);
        klines(&lab, "1d", &[Kline { trades: 3, volume: 3, ..kline(at(day, 0, 0, 0), 3, 9) }])
            .await;
        lab.gold(true, engine).await;
        assert_eq!(bars(&lab, "1d").await, ["2017-12-04T00 9.00000000 3 klines true"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_ends_early_is_told_by_the_next_or_by_klines() {
    let (cut, next) = ("2021-12-14", "2021-12-15");
    let rows = [agg(10, at(cut, 0, 0, 0), 5), agg(11, at(cut, 9, 29, 10), 6)];
    for engine in [Engine::Fold, Engine::Sql] {
        // nothing says that anything is missing
        let lab = Lab::new();
        agg_trades(&lab, cut, &rows).await;
        lab.gold(true, engine).await;
        assert_eq!(bars(&lab, "1d").await, ["2021-12-14T00 6.00000000 2 agg_trades true"]);
        // the next day begins much later
        agg_trades(&lab, next, &[agg(700, at(next, 0, 0, 1), 7)]).await;
        lab.gold(true, engine).await;
        let daily = "SELECT date, close, daily_return IS NULL AS none, made_from, is_complete, \
                     previous_is_complete FROM gold.daily ORDER BY date";
        assert_eq!(
            lab.ask(daily).await,
            [
                "2021-12-14 6.00000000 true agg_trades false -",
                "2021-12-15 7.00000000 false agg_trades true false",
            ]
        );
        // the exchange's own day is there
        klines(&lab, "1d", &[Kline { trades: 690, volume: 690, ..kline(at(cut, 0, 0, 0), 5, 9) }])
            .await;
        lab.gold(true, engine).await;
        assert_eq!(
            lab.ask(daily).await,
            [
                "2021-12-14 9.00000000 true klines true -",
                "2021-12-15 7.00000000 false agg_trades true true",
            ]
        );
        assert_eq!(bars(&lab, "1h").await[0], "2021-12-14T00 5.00000000 1 agg_trades false");
        // the klines alone say so, too: of aggregates that is known when they are read
        lab.clear(Table::AggTrades, &partition(next)).await;
        lab.gold(true, engine).await;
        assert_eq!(bars(&lab, "1d").await, ["2021-12-14T00 9.00000000 690 klines true"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_trades_of_one_id_are_two_trades_in_an_order_of_their_own() {
    for engine in [Engine::Fold, Engine::Sql] {
        let lab = Lab::new();
        let day = "2024-01-10";
        let twin = |time_us, price, trades| Agg {
            issue: Some("id_repeated"),
            price,
            trades,
            ..agg(2, time_us, 0)
        };
        let rows = [
            agg(1, at(day, 0, 0, 3), 5),
            twin(at(day, 0, 0, 7), 6, (3, 4)),
            twin(at(day, 0, 0, 5), 9, (2, 2)),
        ];
        agg_trades(&lab, day, &rows).await;
        lab.gold(true, engine).await;
        assert_eq!(bars(&lab, "1m").await, ["2024-01-10T00 6.00000000 4 agg_trades true"]);
        // two of one id are one id: they fill no hole
        let rows =
            [rows[0], rows[1], rows[2], Agg { trades: (5, 5), ..agg(4, at(day, 0, 0, 9), 7) }];
        agg_trades(&lab, day, &rows).await;
        lab.gold(true, engine).await;
        assert_eq!(bars(&lab, "1m").await, ["2024-01-10T00 7.00000000 5 agg_trades false"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_64_bits_neither_wrap_nor_panic() {
    for engine in [Engine::Fold, Engine::Sql] {
        let lab = Lab::new();
        let day = "2024-01-10";
        let mut rows = vec![
            agg(1, at(day, 0, 0, 3), 5),
            Agg { issue: Some("id_out_of_range"), ..agg(i64::MAX, at(day, 0, 0, 4), 6) },
            Agg { issue: Some("id_out_of_range"), ..agg(i64::MIN, at(day, 0, 0, 4), 6) },
            agg(4, at(day, 0, 0, 5), 8),
        ];
        agg_trades(&lab, day, &rows).await;
        lab.gold(true, engine).await;
        assert_eq!(bars(&lab, "1d").await, ["2024-01-10T00 8.00000000 2 agg_trades false"]);
        // were they valid, they would be an error that says so, of this symbol alone
        rows[1] = Agg { trades: (i64::MIN, i64::MAX), issue: None, ..rows[1] };
        agg_trades(&lab, day, &rows).await;
        let options = gold::Options { all: true, engine, ..gold::Options::default() };
        let failure = gold::run(&lab.context, &options).await.unwrap_err();
        let text = format!("{:#}", failure.error);
        assert!(text.contains("binance/spot/BTCUSDT"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticker_that_is_used_again_has_no_return_across_the_hole() {
    let lab = Lab::new();
    lab.trades("BTCUSDT", &[trade(900, at("2025-01-31", 8, 0, 0), 71)]).await;
    lab.trades("BTCUSDT", &[trade(1, at("2025-12-23", 18, 0, 0), 350)]).await;
    lab.gold(true, Engine::Fold).await;
    assert_eq!(
        lab.ask(
            "SELECT date, previous_close, price_change, pct_change, daily_return, \
             days_since_previous, is_complete FROM gold.daily ORDER BY date"
        )
        .await,
        ["2025-01-31 - - - - - true", "2025-12-23 71.00000000 - - - 326 true"]
    );
}

/// What a partition of silver holds; `None`: nothing.
#[derive(Debug, Clone)]
enum Step {
    /// Trades or aggregate trades of a day: the first id after 20 for each day before, their number
    /// (with 20, the next day goes on), and whether one of them is damaged.
    Day { aggregated: bool, day: usize, rows: Option<(i64, i64, bool)> },
    /// Klines of a month: on how many of its last three hours, and their trades.
    Month { month: usize, hours: Option<(i64, i64)> },
}

/// The last and the first days of months: there the days of one month tell of another's.
const DAYS: [&str; 4] = ["2024-01-31", "2024-02-01", "2024-02-29", "2024-03-01"];
const MONTHS: [&str; 3] = ["2024-01", "2024-02", "2024-03"];

/// Puts it in; the months that it changes.
async fn put(lab: &Lab, step: &Step) -> Vec<Month> {
    let owned = |partition: &[(&str, &str)]| -> Partition {
        partition.iter().map(|(c, v)| ((*c).to_owned(), (*v).to_owned())).collect()
    };
    match step {
        Step::Day { aggregated, day, rows } => {
            let before = i64::try_from(*day).unwrap() * 20;
            let rows = rows.map(|(first, count, damaged)| (before + first, count, damaged));
            let day = DAYS[*day];
            let table = if *aggregated { Table::AggTrades } else { Table::Trades };
            let time = |n: i64| at(day, 0, 0, 0) + n * 3_600_000_000;
            match &rows {
                None => lab.clear(table, &partition(day)).await,
                Some((first, count, damaged)) if *aggregated => {
                    let issue = |n| (*damaged && n == 1).then_some("bad_quantity");
                    let rows: Vec<Agg> = (0..*count)
                        .map(|n| Agg { issue: issue(n), ..agg(first + n, time(n), 50 + n) })
                        .collect();
                    agg_trades(lab, day, &rows).await;
                }
                Some((first, count, damaged)) => {
                    let valid = |n| !*damaged || n != 1;
                    let rows: Vec<Trade> = (0..*count)
                        .map(|n| Trade {
                            valid: valid(n),
                            ..trade(first + n, time(n), (70 + n).into())
                        })
                        .collect();
                    lab.trades("BTCUSDT", &rows).await;
                }
            }
            months_of(table, &owned(&partition(day)))
        }
        Step::Month { month, hours } => {
            let month = MONTHS[*month];
            let partition = [
                ("source", "binance"),
                ("market", "spot"),
                ("symbol", "BTCUSDT"),
                ("timeframe", "8h"),
                ("month", month),
            ];
            let last: Day = month.parse::<Month>().unwrap().last();
            match hours {
                None => lab.clear(Table::Klines, &partition).await,
                Some((count, trades)) => {
                    let rows: Vec<Kline> = (0..*count)
                        .map(|n| Kline {
                            trades: *trades,
                            volume: *trades,
                            ..kline(last.start_micros() + n * 28_800_000_000, 30, 31)
                        })
                        .collect();
                    klines(lab, "8h", &rows).await;
                }
            }
            months_of(Table::Klines, &owned(&partition))
        }
    }
}

async fn live(lab: &Lab) -> BTreeMap<Table, Vec<String>> {
    let mut all = BTreeMap::new();
    for table in [Table::Bars, Table::Daily] {
        let files = lab.tables.live_files(table, |_| true).await.unwrap();
        let mut paths: Vec<String> = files.into_iter().map(|f| f.path).collect();
        paths.sort();
        all.insert(table, paths);
    }
    all
}

fn any_step() -> impl Strategy<Value = Step> {
    let count = prop_oneof![Just(20_i64), 1..22_i64];
    let rows = prop::option::weighted(
        0.9,
        (prop_oneof![2 => Just(0_i64), 1 => 1..3_i64], count, prop::bool::weighted(0.2)),
    );
    let hours = prop::option::weighted(0.8, (1..=3_i64, 1..9_i64));
    prop_oneof![
        6 => (prop::bool::weighted(0.8), 0..DAYS.len(), rows)
            .prop_map(|(aggregated, day, rows)| Step::Day { aggregated, day, rows }),
        1 => (0..MONTHS.len(), hours).prop_map(|(month, hours)| Step::Month { month, hours }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_its_neighbour_tells_of_is_rebuilt_in_another_month() {
    let day = |day, count| Step::Day { aggregated: true, day, rows: Some((0, count, false)) };
    let (lab, whole) = (Lab::new(), Lab::new());
    // the last day of January lacks its last ids; nobody can know until February begins
    for step in [day(0, 19), day(1, 20), day(0, 20)] {
        let months: Vec<String> = put(&lab, &step).await.iter().map(Month::to_string).collect();
        lab.dirty("BTCUSDT", &months.iter().map(String::as_str).collect::<Vec<_>>()).await;
        lab.gold(false, Engine::Fold).await;
        put(&whole, &step).await;
        whole.gold(true, Engine::Fold).await;
        assert_eq!(live(&lab).await, live(&whole).await, "{step:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 20, ..ProptestConfig::default() })]

    /// Whatever came in whatever order: what a run rebuilds is what changed, file for file.
    #[test]
    fn run_by_run_is_the_same_as_all_at_once(
        steps in prop::collection::vec((any_step(), prop::bool::weighted(0.3)), 3..10),
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let (lab, whole) = (Lab::new(), Lab::new());
            for (step, by_sql) in &steps {
                let months: Vec<String> = put(&lab, step).await.iter().map(Month::to_string).collect();
                let months: Vec<&str> = months.iter().map(String::as_str).collect();
                put(&whole, step).await;
                lab.dirty("BTCUSDT", &months).await;
                lab.gold(false, if *by_sql { Engine::Sql } else { Engine::Fold }).await;
            }
            whole.gold(true, Engine::Fold).await;
            assert_eq!(live(&lab).await, live(&whole).await);
        });
    }
}
