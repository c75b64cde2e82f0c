//! Indicators in their table: of which bars, null where there are too few, and the same files however they
//! came to be.

use std::sync::Arc;

use gold::models::Engine;
use model::Timeframe;
use model::schema::Table;

use crate::derive::{Kline, kline, klines};
use crate::lab::{Lab, at};

const MONTHS: [&str; 3] = ["2024-01", "2024-02", "2024-03"];

/// The klines of the first ten days of a month, an hour each, but for those of the second day.
fn of_month(month: &str, drift: i64) -> Vec<Kline> {
    let hours = (0..240).filter(|hour| !(24..48).contains(hour));
    let price = |hour: i64| i128::from(1_000 + (hour * 7_919 + drift) % 97);
    let open = at(&format!("{month}-01"), 0, 0, 0);
    hours.map(|hour| kline(open + hour * 3_600_000_000, price(hour), price(hour + 1))).collect()
}

async fn lab(drift: i64) -> Lab {
    let lab = Lab::new();
    for month in MONTHS {
        klines(&lab, "1h", &of_month(month, drift)).await;
    }
    lab
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bar_has_a_row_and_a_gap_is_told() {
    let lab = lab(0).await;
    lab.gold(true, Engine::Fold).await;
    let count = "SELECT timeframe, count(*) AS n, count(sma_short) AS short, count(sma_long) AS long, \
                 count(rsi) AS rsi, min(settings) AS settings FROM gold.indicators \
                 GROUP BY timeframe ORDER BY timeframe";
    let settings = "sma 20/50, ema 20/50, macd 12-26-9, rsi 14, bollinger 20±2, atr 14, roc 10, volatility 7/30";
    // three times ten days without the second, of 24 hours each
    assert_eq!(
        lab.ask(count).await,
        [format!("1d 27 8 0 13 {settings}"), format!("1h 648 629 599 634 {settings}")]
    );
    let around = "SELECT bars_short, bars_long, bars_unbroken, close - avg_close AS off FROM ( \
                  SELECT *, avg(close) OVER (ORDER BY open_time ROWS BETWEEN 19 PRECEDING AND CURRENT ROW) AS mean, \
                  CAST(sma_short AS decimal(38, 12)) - CAST(avg(close) OVER (ORDER BY open_time ROWS BETWEEN 19 \
                  PRECEDING AND CURRENT ROW) AS decimal(38, 12)) + close AS avg_close \
                  FROM gold.indicators WHERE timeframe = '1h') \
                  WHERE open_time IN (TIMESTAMP '2024-01-01T23:00:00Z', TIMESTAMP '2024-01-03T00:00:00Z', \
                  TIMESTAMP '2024-01-03T05:00:00Z') ORDER BY open_time";
    let zero = "0.000000000000";
    assert_eq!(
        lab.ask(around).await,
        [format!("20 24 24 {zero}"), format!("1 25 1 {zero}"), format!("6 26 6 {zero}")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn month_by_month_or_at_once_the_files_are_the_same() {
    let expected = lab(0).await;
    expected.gold(true, Engine::Fold).await;
    let expected = expected.files().await;
    let one_by_one = Lab::new();
    for month in MONTHS {
        klines(&one_by_one, "1h", &of_month(month, 0)).await;
        one_by_one.dirty("BTCUSDT", &[month]).await;
        one_by_one.gold(false, Engine::Fold).await;
    }
    assert_eq!(one_by_one.files().await, expected);
    // a month that was wrong at first: all that follows rests on it
    let corrected = lab(0).await;
    klines(&corrected, "1h", &of_month("2024-01", 5)).await;
    corrected.gold(true, Engine::Fold).await;
    assert_ne!(corrected.files().await, expected);
    klines(&corrected, "1h", &of_month("2024-01", 0)).await;
    corrected.dirty("BTCUSDT", &["2024-01"]).await;
    corrected.gold(false, Engine::Fold).await;
    assert_eq!(corrected.files().await, expected);
    // a table that is younger than the lake is filled by the first piece that is made anew
    corrected.dirty("BTCUSDT", &["2024-03"]).await;
    corrected.forget(Table::Indicators).await;
    corrected.gold(false, Engine::Fold).await;
    assert_eq!(corrected.files().await, expected);
    // a month whose bars are gone has no indicators either
    let february = [
        ("source", "binance"),
        ("market", "spot"),
        ("symbol", "BTCUSDT"),
        ("timeframe", "1h"),
        ("month", "2024-02"),
    ];
    corrected.clear(Table::Klines, &february).await;
    corrected.dirty("BTCUSDT", &["2024-02"]).await;
    corrected.gold(false, Engine::Fold).await;
    let months = "SELECT DISTINCT month FROM gold.indicators ORDER BY month";
    assert_eq!(corrected.ask(months).await, ["2024-01", "2024-03"]);
}

/// Of which bars indicators are made from now on.
fn configure(lab: &mut Lab, timeframes: &[Timeframe]) {
    let mut config = (*lab.context.config).clone();
    config.gold.timeframes = timeframes.to_vec();
    lab.context.config = Arc::new(config);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeframe_that_is_taken_away_takes_its_rows_with_it() {
    let expected = lab(0).await;
    expected.gold(true, Engine::Fold).await;
    let expected = expected.files().await;
    let mut changed = lab(0).await;
    klines(&changed, "1h", &of_month("2024-01", 5)).await;
    changed.gold(true, Engine::Fold).await;
    configure(&mut changed, &[Timeframe::D1]);
    klines(&changed, "1h", &of_month("2024-01", 0)).await;
    changed.dirty("BTCUSDT", &["2024-01"]).await;
    changed.gold(false, Engine::Fold).await;
    for table in ["indicators", "features", "labels", "anomalies", "signals"] {
        let sql = format!("SELECT DISTINCT timeframe FROM gold.{table} WHERE timeframe <> '1d'");
        assert_eq!(changed.ask(&sql).await, Vec::<String>::new(), "{table}");
    }
    // and when it comes back it is whole
    configure(&mut changed, &[Timeframe::H1, Timeframe::D1]);
    changed.dirty("BTCUSDT", &["2024-03"]).await;
    changed.gold(false, Engine::Fold).await;
    assert_eq!(changed.files().await, expected);
}

/// A deviation that slides over its window leaves rests, and the root of one below 0 is no number.
#[tokio::test(flavor = "multi_thread")]
async fn the_volatility_of_days_that_do_not_move_is_none() {
    let lab = Lab::new();
    let close = |day: i64| if day < 20 { 1_000 + i128::from((day * 7_919) % 97) } else { 1_234 };
    let open = at("2024-01-01", 0, 0, 0);
    let days: Vec<Kline> = (0..31)
        .map(|day| kline(open + day * 86_400_000_000, close((day - 1).max(0)), close(day)))
        .collect();
    klines(&lab, "1d", &days).await;
    lab.gold(true, Engine::Fold).await;
    let quiet = "SELECT volatility_score, avg_7d FROM gold.daily WHERE date >= DATE '2024-01-28' ORDER BY date";
    assert_eq!(lab.ask(quiet).await, vec!["0.0 1234.0"; 4]);
    let lively = "SELECT count(volatility_score), sum(CASE WHEN volatility_score > 0 THEN 1 ELSE 0 END), \
                  count(avg_7d) FROM gold.daily WHERE date < DATE '2024-01-21'";
    assert_eq!(lab.ask(lively).await, ["13 13 14"]);
}
