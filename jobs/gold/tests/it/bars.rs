//! Bars from trades: exact, whoever makes them, whatever the order of the rows.

use std::collections::BTreeMap;

use crate::lab::{Lab, ONE, Trade, at, text};
use gold::models::Engine;
use model::Timeframe;
use model::schema::Table;
use proptest::prelude::*;

const COLUMNS: &str = "timeframe, CAST(open_time AS bigint) AS open_us, open, high, low, close, volume, \
                       quote_volume, trade_count, taker_buy_volume, taker_buy_quote_volume, \
                       made_from";

/// All bars of a lake, as lines.
async fn bars(lab: &Lab) -> Vec<String> {
    lab.ask(&format!("SELECT {COLUMNS} FROM gold.bars ORDER BY timeframe, open_time")).await
}

/// The bars that the trades must give, worked out the slow way.
fn expected(trades: &[Trade]) -> Vec<String> {
    let mut valid: Vec<Trade> = trades.iter().copied().filter(|t| t.valid).collect();
    valid.sort_by_key(|t| t.id);
    let mut groups: BTreeMap<(&str, i64), Vec<Trade>> = BTreeMap::new();
    for timeframe in Timeframe::GOLD {
        for trade in &valid {
            let open = trade.time_us.div_euclid(timeframe.micros()) * timeframe.micros();
            groups.entry((timeframe.as_str(), open)).or_default().push(*trade);
        }
    }
    groups
        .into_iter()
        .map(|((timeframe, open), mut group)| {
            // a longer bar opens with its first minute and closes with its last one; within a
            // minute the ids decide
            let minute = |t: &Trade| t.time_us.div_euclid(60_000_000);
            group.sort_by_key(|t| (minute(t), t.id));
            let prices: Vec<i128> = group.iter().map(|t| i128::from(t.price)).collect();
            let sum = |of: fn(&Trade) -> i128| text(group.iter().map(of).sum());
            format!(
                "{timeframe} {open} {} {} {} {} {} {} {} {} {} trades",
                text(prices[0]),
                text(*prices.iter().max().unwrap()),
                text(*prices.iter().min().unwrap()),
                text(*prices.last().unwrap()),
                sum(|t| t.quantity),
                sum(|t| t.quote),
                group.len(),
                sum(|t| if t.maker { 0 } else { t.quantity }),
                sum(|t| if t.maker { 0 } else { t.quote }),
            )
        })
        .collect()
}

/// Both engines make of the trades what the slow way makes of them.
async fn check(trades: &[Trade]) {
    for engine in [Engine::Fold, Engine::Sql] {
        let lab = Lab::new();
        lab.trades("BTCUSDT", trades).await;
        lab.gold(true, engine).await;
        let (found, expect) = (bars(&lab).await, expected(trades));
        let first = found.iter().zip(&expect).find(|(found, expect)| found != expect);
        assert_eq!(first, None, "{engine:?} of {} trades", trades.len());
        assert_eq!(found.len(), expect.len(), "{engine:?} of {} trades", trades.len());
    }
}

fn trade(id: i64, time_us: i64, price: i64, quantity: i128) -> Trade {
    let quote = i128::from(price).saturating_mul(quantity) / ONE;
    Trade { id, time_us, price, quantity, quote, maker: id % 2 == 0, valid: true }
}

#[tokio::test(flavor = "multi_thread")]
async fn bars_are_exact_at_the_ends_of_the_scale() {
    let noon = |s| at("2024-01-31", 12, 0, s);
    // a price of 1e-8 and quantities of 1e12: 4,000 of them leave 64 bits far behind
    let tiny: Vec<_> =
        (0..4_000).map(|n| trade(n, noon(n % 60), 1, 1_000_000_000_000 * ONE + 1)).collect();
    check(&tiny).await;
    // amounts at the greatest that a row can have
    let huge = 10_i128.pow(28) - 1;
    let rows: Vec<_> =
        (0..50).map(|n| Trade { quote: huge, ..trade(n, noon(n), i64::MAX / 10, huge) }).collect();
    check(&rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn first_and_last_are_by_id_and_gaps_stay_gaps() {
    let day = "2024-02-29";
    let same = at(day, 0, 0, 30);
    check(&[
        // one instant, ids not in the order of the rows
        trade(12, same, 3 * ONE as i64, ONE),
        trade(10, same, 5 * ONE as i64, ONE),
        trade(11, same, 4 * ONE as i64, ONE),
        // the clock went back: a later id at an earlier time
        trade(13, same - 1, 7 * ONE as i64, ONE),
        // a row that is not valid leaves no trace
        Trade { valid: false, ..trade(14, same, 1, ONE) },
        // a bar of one trade, at the last microsecond of a month, and the next one's first
        trade(20, at("2024-03-01", 0, 0, 0) - 1, 9, 1),
        trade(21, at("2024-03-01", 0, 0, 0), 8, 2),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_a_valid_trade_has_no_bar() {
    let lab = Lab::new();
    lab.trades("BTCUSDT", &[Trade { valid: false, ..trade(1, at("2024-01-01", 1, 0, 0), 1, 1) }])
        .await;
    let summary = lab.gold(true, Engine::Fold).await;
    assert_eq!((summary.symbols, summary.bars, summary.days, summary.files), (1, 0, 0, 0));
    // the partitions are replaced all the same, for something may have been in them
    // bars by their timeframes, daily figures, anomalies and signals; what lies in months has none
    assert_eq!(lab.fragments().await[0].replaces.len(), Timeframe::GOLD.len() + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trade_in_the_wrong_days_partition_is_an_error_that_names_the_file() {
    let lab = Lab::new();
    lab.trades("BTCUSDT", &[trade(1, at("2024-01-01", 1, 0, 0), 1, 1)]).await;
    let partition =
        [("source", "binance"), ("market", "spot"), ("symbol", "BTCUSDT"), ("date", "2024-01-01")];
    let late = at("2024-01-02", 0, 0, 0);
    lab.fill(
        Table::Trades,
        &partition,
        vec![
            ("trade_id", crate::lab::longs([5].into_iter())),
            ("time", crate::lab::times([late].into_iter())),
            ("time_us", crate::lab::longs([late].into_iter())),
            ("price", crate::lab::decimals(18, [Some(1)].into_iter())),
        ],
    )
    .await;
    let options = gold::Options { all: true, ..gold::Options::default() };
    let failure = gold::run(&lab.context, &options).await.unwrap_err();
    let text = format!("{:#}", failure.error);
    assert!(text.contains("binance/spot/BTCUSDT") && text.contains("2024-01-01"), "{text}");
    assert!(text.contains(".parquet") && text.contains("row 5"), "{text}");
}

fn any_trade() -> impl Strategy<Value = Trade> {
    let start = at("2024-01-31", 22, 0, 0);
    (
        0..10_000_i64,
        prop_oneof![Just(1_i64), 1..1_000_000_i64, Just(10_i64.pow(17))],
        prop_oneof![Just(1_i128), 1..ONE, Just(10_i128.pow(20)), Just(10_i128.pow(27))],
        any::<(bool, u8)>(),
    )
        .prop_map(move |(second, price, quantity, (maker, valid))| Trade {
            id: 0,
            time_us: start + second * 1_000_000 + second % 7,
            price,
            quantity,
            quote: i128::from(price) * (quantity / ONE + 1),
            maker,
            valid: valid > 20,
        })
        .prop_map(|t| Trade { quote: t.quote.min(10_i128.pow(28) - 1), ..t })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_trades_give_the_bars_of_the_slow_way(
        mut trades in prop::collection::vec(any_trade(), 1..300),
        ids in Just(()).prop_perturb(|(), mut rng| {
            let mut ids: Vec<i64> = (0..300).collect();
            for at in (1..ids.len()).rev() {
                ids.swap(at, rng.random_range(0..=at));
            }
            ids
        }),
    ) {
        for (trade, id) in trades.iter_mut().zip(ids) {
            trade.id = id;
        }
        tokio::runtime::Runtime::new().unwrap().block_on(check(&trades));
    }
}
