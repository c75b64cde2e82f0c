//! What bars are made from, daily figures, dirty partitions only, the same bytes again.

use std::sync::Arc;

use crate::lab::{Lab, ONE, Trade, at, decimals, flags, longs, times};
use arrow::array::{Int64Array, StringArray};
use gold::models::Engine;
use model::schema::Table;
use model::{Day, Timeframe};

/// A kline of price `open` … `close` (whole units) and volume 1.
#[derive(Clone, Copy)]
pub(crate) struct Kline {
    pub(crate) open_us: i64,
    pub(crate) open: i128,
    pub(crate) close: i128,
    pub(crate) trades: i64,
    pub(crate) volume: i64,
    pub(crate) valid: bool,
}

pub(crate) async fn klines(lab: &Lab, timeframe: &str, klines: &[Kline]) {
    let width = timeframe.parse::<Timeframe>().unwrap().micros();
    let month = Day::of_micros(klines[0].open_us).unwrap().month().to_string();
    let partition = [
        ("source", "binance"),
        ("market", "spot"),
        ("symbol", "BTCUSDT"),
        ("timeframe", timeframe),
        ("month", &month),
    ];
    let price = |of: fn(&Kline) -> i128| decimals(18, klines.iter().map(|k| Some(of(k) * ONE)));
    let one = || decimals(28, klines.iter().map(|_| Some(ONE)));
    lab.fill(
        Table::Klines,
        &partition,
        vec![
            ("open_time", times(klines.iter().map(|k| k.open_us))),
            ("open", price(|k| k.open)),
            ("high", price(|k| k.open.max(k.close))),
            ("low", price(|k| k.open.min(k.close))),
            ("close", price(|k| k.close)),
            ("volume", decimals(28, klines.iter().map(|k| Some(ONE * i128::from(k.volume))))),
            ("quote_volume", one()),
            ("trade_count", longs(klines.iter().map(|k| k.trades))),
            ("taker_buy_volume", one()),
            ("taker_buy_quote_volume", one()),
            ("close_time", times(klines.iter().map(|k| k.open_us + width - 1))),
            ("is_valid", flags(klines.iter().map(|k| k.valid))),
        ],
    )
    .await;
}

pub(crate) fn kline(open_us: i64, open: i128, close: i128) -> Kline {
    Kline { open_us, open, close, trades: 3, volume: 1, valid: true }
}

/// An aggregate of the trades first..=last.
async fn agg_trade(lab: &Lab, day: &str, ids: (i64, i64, i64), price: i128, quantity: i128) {
    let time = at(day, 6, 0, 0);
    let partition =
        [("source", "binance"), ("market", "spot"), ("symbol", "BTCUSDT"), ("date", day)];
    lab.fill(
        Table::AggTrades,
        &partition,
        vec![
            ("agg_trade_id", longs([ids.0].into_iter())),
            ("time", times([time].into_iter())),
            ("time_us", longs([time].into_iter())),
            ("price", decimals(18, [Some(price)].into_iter())),
            ("quantity", decimals(28, [Some(quantity)].into_iter())),
            ("first_trade_id", longs([ids.1].into_iter())),
            ("last_trade_id", longs([ids.2].into_iter())),
            ("is_buyer_maker", flags([false].into_iter())),
            ("issues", Arc::new(StringArray::from(vec![None::<&str>]))),
        ],
    )
    .await;
}

pub(crate) fn trade(id: i64, time_us: i64, price: i128) -> Trade {
    let price = i64::try_from(price * ONE).unwrap();
    Trade { id, time_us, price, quantity: ONE, quote: price.into(), maker: false, valid: true }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_day_is_made_from_the_best_there_is() {
    for engine in [Engine::Fold, Engine::Sql] {
        let lab = Lab::new();
        lab.trades("BTCUSDT", &[trade(1, at("2024-01-01", 6, 0, 0), 10)]).await;
        // 1.5e-16 and 0.5e-8 of quote: summed exactly, rounded once, half away from zero
        agg_trade(&lab, "2024-01-01", (1, 1, 9), 99 * ONE, ONE).await;
        agg_trade(&lab, "2024-01-02", (2, 2, 4), 3, ONE / 2).await;
        let day = |d: &str, h| at(d, h, 0, 0);
        klines(
            &lab,
            "1h",
            &[
                // no more trades than there are: they are whole
                Kline { trades: 1, ..kline(day("2024-01-01", 0), 1, 2) },
                kline(day("2024-01-03", 3), 5, 6),
                // no trade, not valid: no bar
                Kline { trades: 0, ..kline(day("2024-01-03", 4), 6, 6) },
                Kline { valid: false, ..kline(day("2024-01-03", 5), 6, 6) },
                // off the grid: it counts in the hour that it opens in
                kline(day("2024-01-03", 9) + 1_714_789_000, 7, 4),
            ],
        )
        .await;
        klines(&lab, "1d", &[kline(day("2024-01-04", 0), 8, 9)]).await;
        lab.gold(true, engine).await;
        let found = lab
            .ask(
                "SELECT timeframe, CAST(open_time AS varchar) AS opens, open, high, low, close, volume, \
                 quote_volume, trade_count, made_from FROM gold.bars \
                 WHERE timeframe IN ('1m', '1h', '1d') ORDER BY open_time, timeframe",
            )
            .await;
        assert_eq!(
            found,
            [
                "1d 2024-01-01T00:00:00Z 10.00000000 10.00000000 10.00000000 10.00000000 1.00000000 10.00000000 1 trades",
                "1h 2024-01-01T06:00:00Z 10.00000000 10.00000000 10.00000000 10.00000000 1.00000000 10.00000000 1 trades",
                "1m 2024-01-01T06:00:00Z 10.00000000 10.00000000 10.00000000 10.00000000 1.00000000 10.00000000 1 trades",
                "1d 2024-01-02T00:00:00Z 0.00000003 0.00000003 0.00000003 0.00000003 0.50000000 0.00000002 3 agg_trades",
                "1h 2024-01-02T06:00:00Z 0.00000003 0.00000003 0.00000003 0.00000003 0.50000000 0.00000002 3 agg_trades",
                "1m 2024-01-02T06:00:00Z 0.00000003 0.00000003 0.00000003 0.00000003 0.50000000 0.00000002 3 agg_trades",
                "1d 2024-01-03T00:00:00Z 5.00000000 7.00000000 4.00000000 4.00000000 2.00000000 2.00000000 6 klines",
                "1h 2024-01-03T03:00:00Z 5.00000000 6.00000000 5.00000000 6.00000000 1.00000000 1.00000000 3 klines",
                "1h 2024-01-03T09:00:00Z 7.00000000 7.00000000 4.00000000 4.00000000 1.00000000 1.00000000 3 klines",
                "1d 2024-01-04T00:00:00Z 8.00000000 9.00000000 8.00000000 9.00000000 1.00000000 1.00000000 3 klines",
            ],
            "{engine:?}"
        );
    }
}

/// Klines of a source that does not say how many trades they had, nor always what was traded.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_does_not_state_is_null_and_no_wrong_sum() {
    let lab = Lab::new();
    let hours = [
        ("2024-01-01", 0, None, None),
        ("2024-01-01", 1, Some(5), Some(1)),
        // no trade: no bar
        ("2024-01-01", 2, Some(0), Some(0)),
        ("2024-01-01", 4, Some(7), Some(2)),
        ("2024-01-01", 5, Some(8), Some(4)),
        ("2024-01-01", 8, None, Some(0)),
        ("2024-01-02", 3, None, None),
        ("2024-01-03", 3, Some(2), Some(9)),
        // a day without a trade, and one of which that is not said
        ("2024-01-04", 3, Some(0), Some(0)),
        ("2024-01-05", 3, None, Some(0)),
    ];
    let times = || times(hours.iter().map(|(day, hour, ..)| at(day, *hour, 0, 0)));
    let price =
        || decimals(18, hours.iter().map(|(_, hour, ..)| Some(i128::from(*hour + 1) * ONE)));
    let volume = || decimals(28, hours.iter().map(|(.., volume)| volume.map(|v: i128| v * ONE)));
    let partition = [
        ("source", "binance"),
        ("market", "spot"),
        ("symbol", "BTCUSDT"),
        ("timeframe", "1h"),
        ("month", "2024-01"),
    ];
    let counts: Int64Array = hours.iter().map(|(.., count, _)| *count).collect();
    lab.fill(
        Table::Klines,
        &partition,
        vec![
            ("open_time", times()),
            ("open", price()),
            ("high", price()),
            ("low", price()),
            ("close", price()),
            ("volume", volume()),
            ("quote_volume", volume()),
            ("trade_count", Arc::new(counts)),
        ],
    )
    .await;
    lab.gold(true, Engine::Fold).await;
    let bars = "SELECT timeframe, CAST(open_time AS varchar) AS opens, close, volume, quote_volume, trade_count, \
                taker_buy_volume, vwap FROM gold.bars WHERE open_time < '2024-01-02T00:00:00Z' \
                ORDER BY timeframe, open_time";
    assert_eq!(
        lab.ask(bars).await,
        [
            "1d 2024-01-01T00:00:00Z 9.00000000 - - - - -",
            "1h 2024-01-01T00:00:00Z 1.00000000 - - - - -",
            "1h 2024-01-01T01:00:00Z 2.00000000 1.00000000 1.00000000 5 - 1.0",
            "1h 2024-01-01T04:00:00Z 5.00000000 2.00000000 2.00000000 7 - 1.0",
            "1h 2024-01-01T05:00:00Z 6.00000000 4.00000000 4.00000000 8 - 1.0",
            "1h 2024-01-01T08:00:00Z 9.00000000 0.00000000 0.00000000 - - -",
            "4h 2024-01-01T00:00:00Z 2.00000000 - - - - -",
            "4h 2024-01-01T04:00:00Z 6.00000000 6.00000000 6.00000000 15 - 1.0",
            "4h 2024-01-01T08:00:00Z 9.00000000 0.00000000 0.00000000 - - -",
        ]
    );
    let daily = "SELECT date, open, close, volume, trade_count, bars FROM gold.daily ORDER BY date";
    assert_eq!(
        lab.ask(daily).await,
        [
            "2024-01-01 1.00000000 9.00000000 - - 5",
            "2024-01-02 4.00000000 4.00000000 - - 1",
            "2024-01-03 4.00000000 4.00000000 9.00000000 2 1",
            "2024-01-05 4.00000000 4.00000000 0.00000000 - 1",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn daily_figures_are_right() {
    let lab = Lab::new();
    lab.trades(
        "BTCUSDT",
        &[
            trade(1, at("2024-01-30", 6, 0, 0), 100),
            trade(2, at("2024-01-30", 6, 0, 1), 104),
            trade(3, at("2024-01-30", 7, 0, 0), 96),
            // no trades on the 31st: the previous close is that of the 30th
            trade(4, at("2024-02-01", 0, 0, 0), 120),
            trade(5, at("2024-02-02", 0, 0, 0), 150),
        ],
    )
    .await;
    lab.gold(true, Engine::Fold).await;
    let daily = "SELECT date, open, high, low, close, volume, quote_volume, trade_count, vwap, \
                 average_price, previous_close, price_change, pct_change, daily_return, \
                 price_range, typical_price, bars, made_from, is_complete, days_since_previous, \
                 previous_is_complete FROM gold.daily ORDER BY date";
    assert_eq!(
        lab.ask(daily).await,
        [
            "2024-01-30 100.00000000 104.00000000 96.00000000 96.00000000 3.00000000 \
             300.00000000 3 100.0 100.0 - - - - 8.00000000 98.66666666666667 2 trades true - -",
            // a day lies between: no return of one day
            "2024-02-01 120.00000000 120.00000000 120.00000000 120.00000000 1.00000000 \
             120.00000000 1 120.0 120.0 96.00000000 - - - 0.00000000 120.0 1 trades true 2 true",
            "2024-02-02 150.00000000 150.00000000 150.00000000 150.00000000 1.00000000 \
             150.00000000 1 150.0 150.0 120.00000000 30.00000000 25.0 0.25 0.00000000 150.0 1 \
             trades true 1 true",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_dirty_months_are_rebuilt_and_daily_figures_stay_whole() {
    let lab = Lab::new();
    let trades = [
        trade(1, at("2024-01-31", 6, 0, 0), 10),
        trade(2, at("2024-02-01", 6, 0, 0), 20),
        trade(3, at("2024-03-01", 6, 0, 0), 30),
    ];
    lab.trades("BTCUSDT", &trades).await;
    lab.gold(true, Engine::Fold).await;
    let before = lab.tables.live_files(Table::Bars, |_| true).await.unwrap();

    lab.trades("BTCUSDT", &[trade(2, at("2024-02-01", 6, 0, 0), 40)]).await;
    lab.dirty("BTCUSDT", &["2024-02"]).await;
    let summary = lab.gold(false, Engine::Fold).await;
    assert_eq!((summary.symbols, summary.months, summary.bars, summary.days), (1, 1, 6, 3));
    let after = lab.tables.live_files(Table::Bars, |_| true).await.unwrap();
    let paths = |files: &[table::LiveFile], february: bool| {
        let mut paths: Vec<String> = files
            .iter()
            .filter(|f| (f.partition["month"] == "2024-02") == february)
            .map(|f| f.path.clone())
            .collect();
        paths.sort();
        paths
    };
    assert_eq!(paths(&before, false), paths(&after, false));
    assert!(paths(&before, true).iter().all(|p| !paths(&after, true).contains(p)));
    assert_eq!(
        lab.ask("SELECT date, close, previous_close FROM gold.daily ORDER BY date").await,
        [
            "2024-01-31 10.00000000 -",
            "2024-02-01 40.00000000 10.00000000",
            "2024-03-01 30.00000000 40.00000000"
        ]
    );
    // the run again: the fragment is there and still fits
    let again = lab.gold(false, Engine::Fold).await;
    assert_eq!(again.done_before, 1, "the commit of the bars leaves the inputs as they were");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rows_are_the_same_files_whoever_builds_them() {
    let mut all = Vec::new();
    for engine in [Engine::Fold, Engine::Fold, Engine::Sql] {
        let lab = Lab::new();
        let trades: Vec<_> = (0..500)
            .map(|n| trade(n, at("2024-01-01", 0, 0, 0) + n * 977_000_000, i128::from(n % 13 + 1)))
            .collect();
        lab.trades("BTCUSDT", &trades).await;
        lab.gold(true, engine).await;
        let mut files = Vec::new();
        for (table, file) in &lab.fragments().await[0].files {
            let key = format!("{}/{}", model::layout::table(*table), file.path);
            let bytes = lab.context.lake.read(&key).await.unwrap();
            files.push((key, model::unit::sha256_hex(&bytes)));
        }
        files.sort();
        assert!(files.len() > 6);
        all.push(files);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_goes_on_and_one_overtaken_builds_again() {
    let lab = Lab::new();
    lab.trades("BTCUSDT", &[trade(1, at("2024-01-31", 6, 0, 0), 10)]).await;
    lab.dirty("BTCUSDT", &["2024-01"]).await;
    let options = gold::Options::default();
    let first = gold::run(&lab.context, &options).await.unwrap();
    assert_eq!((first.symbols, first.done_before), (1, 0));
    let second = gold::run(&lab.context, &options).await.unwrap();
    assert_eq!((second.symbols, second.done_before), (0, 1));
    lab.trades("BTCUSDT", &[trade(2, at("2024-01-30", 6, 0, 0), 10)]).await;
    let third = gold::run(&lab.context, &options).await.unwrap();
    assert_eq!((third.symbols, third.done_before), (1, 0));
}

/// COIN-M states contracts; trades state the base asset too, aggregate trades do not.
#[tokio::test(flavor = "multi_thread")]
async fn contracts_are_summed_where_there_is_no_quote() {
    let amounts = |values: [i128; 3]| decimals(28, values.into_iter().map(|v| Some(v * ONE)));
    let prices = || decimals(18, [50_000, 50_100, 49_900].into_iter().map(|p| Some(p * ONE)));
    let makers = || flags([false, true, false].into_iter());
    for engine in [Engine::Fold, Engine::Sql] {
        let lab = Lab::new();
        let partition = |day| {
            [("source", "binance"), ("market", "coinm"), ("symbol", "BTCUSD_PERP"), ("date", day)]
        };
        let when = |day: &str| {
            let day = day.to_owned();
            [1, 2, 3].map(|s| at(&day, 0, 0, s)).into_iter()
        };
        lab.fill(
            Table::Trades,
            &partition("2024-01-01"),
            vec![
                ("trade_id", longs(7..10)),
                ("time", times(when("2024-01-01"))),
                ("time_us", longs(when("2024-01-01"))),
                ("price", prices()),
                ("quantity", amounts([1, 2, 3])),
                ("contracts", amounts([10, 20, 30])),
                ("is_buyer_maker", makers()),
            ],
        )
        .await;
        lab.fill(
            Table::AggTrades,
            &partition("2024-01-02"),
            vec![
                ("agg_trade_id", longs(7..10)),
                ("time", times(when("2024-01-02"))),
                ("time_us", longs(when("2024-01-02"))),
                ("price", prices()),
                ("contracts", amounts([10, 20, 30])),
                ("first_trade_id", longs([10, 15, 16].into_iter())),
                ("last_trade_id", longs([14, 15, 18].into_iter())),
                ("is_buyer_maker", makers()),
            ],
        )
        .await;
        lab.gold(true, engine).await;
        let found = lab
            .ask(
                "SELECT open, close, volume, quote_volume, contract_volume, trade_count, \
                 taker_buy_volume, taker_buy_quote_volume, taker_buy_contract_volume, vwap, \
                 made_from FROM gold.bars WHERE timeframe = '1d' ORDER BY open_time",
            )
            .await;
        assert_eq!(
            found,
            [
                "50000.00000000 49900.00000000 6.00000000 - 60.00000000 3 4.00000000 - \
                 40.00000000 - trades",
                "50000.00000000 49900.00000000 - - 60.00000000 9 - - 40.00000000 - agg_trades",
            ],
            "{engine:?}"
        );
    }
}
