//! Spreads: of which quotes, and that features know them.

use std::sync::Arc;

use arrow::array::StringArray;
use gold::models::Engine;
use model::schema::Table;

use crate::derive::{kline, klines};
use crate::lab::{Lab, ONE, at, decimals, flags, longs, times};

/// Quotes of a day: (instant, bid, ask), prices in whole units; one whose bid is above its ask is not valid.
async fn quotes(lab: &Lab, day: &str, quotes: &[(i64, i128, i128)]) {
    let partition =
        [("source", "binance"), ("market", "spot"), ("symbol", "BTCUSDT"), ("date", day)];
    let issues: Vec<Option<&str>> =
        quotes.iter().map(|(_, bid, ask)| (bid > ask).then_some("crossed_quote")).collect();
    let columns = vec![
        ("update_id", longs(1..=quotes.len() as i64)),
        ("time", times(quotes.iter().map(|(at, ..)| *at))),
        ("time_us", longs(quotes.iter().map(|(at, ..)| *at))),
        ("bid_price", decimals(18, quotes.iter().map(|(_, bid, _)| Some(bid * ONE)))),
        ("ask_price", decimals(18, quotes.iter().map(|(.., ask)| Some(ask * ONE)))),
        ("is_valid", flags(quotes.iter().map(|(_, bid, ask)| bid <= ask))),
        ("issues", Arc::new(StringArray::from(issues)) as _),
    ];
    lab.fill(Table::Quotes, &partition, columns).await;
}

const SPREADS: &str = "SELECT timeframe, CAST(open_time AS varchar) AS opens, quotes, spread, crossed, locked \
                       FROM gold.spreads ORDER BY timeframe, open_time";

#[tokio::test(flavor = "multi_thread")]
async fn a_bar_knows_its_quotes_and_features_know_the_bar() {
    let lab = Lab::new();
    let hour = |day: &str, hour: i64| at(day, hour, 0, 0);
    let day = "2024-01-31";
    let open = hour(day, 5);
    klines(&lab, "1h", &[kline(hour(day, 5), 100, 100), kline(hour(day, 6), 100, 100)]).await;
    quotes(
        &lab,
        day,
        &[
            (open, 99, 101),
            (open + 1, 199, 201),
            // locked, crossed, and the first of the next hour
            (open + 2, 100, 100),
            (open + 3, 102, 101),
            (hour(day, 6), 98, 102),
        ],
    )
    .await;
    quotes(&lab, "2024-02-01", &[(hour("2024-02-01", 0), 10, 10)]).await;
    lab.gold(true, Engine::Fold).await;
    // (2 + 2 + 0) by (100 + 200 + 100); of the day (2 + 2 + 0 + 4) by (100 + 200 + 100 + 100)
    assert_eq!(
        lab.ask(SPREADS).await,
        [
            "1d 2024-01-31T00:00:00Z 4 0.016 1 1",
            "1d 2024-02-01T00:00:00Z 1 0.0 0 1",
            "1h 2024-01-31T05:00:00Z 3 0.01 1 1",
            "1h 2024-01-31T06:00:00Z 1 0.04 0 0",
            "1h 2024-02-01T00:00:00Z 1 0.0 0 1",
        ]
    );
    let known = "SELECT spread FROM gold.features WHERE timeframe = '1h' ORDER BY open_time";
    assert_eq!(lab.ask(known).await, ["0.01", "0.04"]);
    // a correction of the other month leaves them known
    let files = lab.files().await;
    lab.dirty("BTCUSDT", &["2024-02"]).await;
    lab.gold(false, Engine::Fold).await;
    assert_eq!(lab.files().await, files);
    assert_eq!(lab.ask(known).await, ["0.01", "0.04"]);
    // a table that is younger than the quotes is filled with whatever is made next
    lab.forget(Table::Spreads).await;
    lab.dirty("BTCUSDT", &["2024-02"]).await;
    lab.gold(false, Engine::Fold).await;
    assert_eq!(lab.files().await, files);
    // quotes that are taken away take their spreads with them
    let partition =
        [("source", "binance"), ("market", "spot"), ("symbol", "BTCUSDT"), ("date", "2024-02-01")];
    lab.clear(Table::Quotes, &partition).await;
    lab.dirty("BTCUSDT", &["2024-02"]).await;
    lab.gold(false, Engine::Fold).await;
    assert_eq!(lab.ask(SPREADS).await.len(), 3);
}
