//! Every way in which a `lake.yaml` can be wrong, with the line and the words of the message.

use crate::config::{Config, Scope};

const GOOD: &str = "\
environment: dev
sources:
  binance:
    url: https://data.binance.vision
    markets:
      spot:
        symbols:
          - BTCUSDT
          - PEPEUSDT
        range: {from: 2024-12-30, to: 2025-01-02}
        datasets:
          trades: {}
          klines: {timeframes: [1m, 1h]}
        overrides:
          PEPEUSDT: {range: {last_days: 3}}
";

fn check(from: &str, to: &str, line: u64, expect: &str) {
    assert!(GOOD.contains(from), "{from}");
    let error = Config::parse("lake.yaml", &GOOD.replace(from, to)).expect_err(to);
    assert!(error.message.contains(expect), "{to}: {error}");
    assert_eq!((error.file.as_str(), error.line), ("lake.yaml", line), "{to}: {error}");
}

#[test]
fn a_good_one_gives_its_series() {
    let config = Config::parse("lake.yaml", GOOD).expect("good");
    let today = "2025-02-01".parse().expect("day");
    let list = |scope: &Scope| -> Vec<String> {
        config
            .series(today, scope)
            .iter()
            .map(|s| {
                let timeframe = s.timeframe.map_or("-", |t| t.as_str());
                format!("{} {} {timeframe} {} {}", s.dataset, s.symbol, s.from, s.to)
            })
            .collect()
    };
    assert_eq!(
        list(&Scope::default()),
        [
            "trades BTCUSDT - 2024-12-30 2025-01-02",
            "trades PEPEUSDT - 2025-01-29 2025-01-31",
            "klines BTCUSDT 1m 2024-12-30 2025-01-02",
            "klines BTCUSDT 1h 2024-12-30 2025-01-02",
            "klines PEPEUSDT 1m 2025-01-29 2025-01-31",
            "klines PEPEUSDT 1h 2025-01-29 2025-01-31",
        ]
    );
    let scope = Scope {
        from: "2025-01-01".parse().ok(),
        datasets: vec![crate::Dataset::Trades],
        symbols: vec!["BTCUSDT".parse().expect("symbol")],
        ..Scope::default()
    };
    assert_eq!(list(&scope), ["trades BTCUSDT - 2025-01-01 2025-01-02"]);
}

#[test]
fn unknown_words() {
    check("environment: dev", "environment: dev\ncolour: red", 2, "unknown field `colour`");
    check("      spot:", "      spott:", 6, "spott");
    check("          trades: {}", "          ticks: {}", 12, "ticks");
    check("[1m, 1h]", "[1m, 1x]", 13, "1x");
    check("{last_days: 3}", "{last_day: 3}", 15, "last_day");
}

#[test]
fn bad_forms() {
    check("environment: dev", "environment: Dev_1", 1, "bad environment `Dev_1`");
    check("https://data.binance.vision", "http://example.com", 4, "bad url");
    check("https://data.binance.vision", "https://example.com/", 4, "bad url");
    check("- BTCUSDT", "- btcusdt", 8, "bad symbol `btcusdt`");
    check("- BTCUSDT", "- BTCUSD_PERP", 8, "for market spot");
    check("2025-01-02", "2025-02-30", 10, "bad to `2025-02-30`");
    check("trades: {}", "trades: {timeframes: [1m]}", 12, "klines only");
    check("{timeframes: [1m, 1h]}", "{}", 13, "without timeframes");
}

#[test]
fn impossible_ranges() {
    check("to: 2025-01-02", "to: 2024-12-29", 10, "from 2024-12-30 is after to 2024-12-29");
    check("{last_days: 3}", "{last_days: 0}", 15, "bad last_days 0");
    check("{last_days: 3}", "{last_days: 3, from: 2024-01-01}", 15, "bad range");
    check(
        "environment: dev",
        "environment: dev\nlimits: {download: {attempts: 0}}",
        1,
        "attempts 0",
    );
}

#[test]
fn doubled_entries() {
    check("- PEPEUSDT", "- BTCUSDT", 9, "symbol `BTCUSDT` stands twice, first on line 8");
    check("[1m, 1h]", "[1m, 1m]", 13, "timeframe 1m stands twice");
    check("environment: dev", "environment: dev\nenvironment: dev", 2, "duplicate");
    check("PEPEUSDT: {range", "DOGEUSDT: {range", 15, "override of `DOGEUSDT`");
}

#[test]
fn no_text_makes_it_panic() {
    for text in ["", "-", "a: b: c", "\u{0}", "environment: [", "sources: {binance: 3}"] {
        assert!(Config::parse("lake.yaml", text).is_err(), "{text:?}");
    }
}
