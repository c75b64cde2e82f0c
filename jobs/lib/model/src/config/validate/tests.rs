//! Every way in which a `lake.yaml` can be wrong, with the line and the words of the message.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::config::Scope;
use crate::config::sample::{parse, venues};

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
    let error = parse(&GOOD.replace(from, to)).expect_err(to);
    assert!(error.message.contains(expect), "{to}: {error}");
    assert_eq!((error.file.as_str(), error.line), ("lake.yaml", line), "{to}: {error}");
}

#[test]
fn a_good_one_gives_its_series() {
    let config = parse(GOOD).expect("good");
    let today = "2025-02-01".parse().expect("day");
    let list = |scope: &Scope| -> Vec<String> {
        config
            .series(today, scope, venues())
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
fn what_has_a_tail_reaches_today() {
    let list = |tail: &str, range: &str, archives: &str| -> Vec<String> {
        let text = GOOD
            .replace("    markets:", &format!("    {tail}\n    markets:"))
            .replace("{from: 2024-12-30, to: 2025-01-02}", range)
            .replace("[1m, 1h]", &format!("[1m], archives: {archives}"));
        let config = parse(&text).expect(&text);
        let today = "2025-02-01".parse().expect("day");
        let series = config.series(today, &Scope::default(), venues());
        series
            .iter()
            .map(|s| format!("{} {} {} {} {:?}", s.dataset, s.symbol, s.from, s.to, s.tail))
            .collect()
    };
    let with = |klines: [&str; 2]| {
        let trades = ["BTCUSDT 2024-12-30", "PEPEUSDT 2025-01-29"]
            .map(|s| format!("trades {s} 2025-01-31 None"));
        trades.into_iter().chain(klines.map(str::to_owned)).collect::<Vec<_>>()
    };
    let tail = "tail: {minutes: 2}";
    assert_eq!(
        list(tail, "{from: 2024-12-30}", "auto"),
        with([
            "klines BTCUSDT 2024-12-30 2025-02-01 Some(2)",
            "klines PEPEUSDT 2025-01-29 2025-02-01 Some(2)",
        ])
    );
    // months alone, and without the wish
    for (tail, archives) in [(tail, "monthly"), ("discovery: probe", "auto")] {
        assert_eq!(
            list(tail, "{from: 2024-12-30, to: 2030-01-01}", archives),
            with([
                "klines BTCUSDT 2024-12-30 2025-01-31 None",
                "klines PEPEUSDT 2025-01-29 2025-01-31 None",
            ])
        );
    }
    let ended = list(tail, "{from: 2024-12-30, to: 2025-01-02}", "auto");
    assert_eq!(ended[2], "klines BTCUSDT 2024-12-30 2025-01-02 Some(2)");
    // trades only where somebody says so
    let trades = list("tail: {minutes: 2, datasets: [trades]}", "{from: 2024-12-30}", "auto");
    assert_eq!(trades[0], "trades BTCUSDT 2024-12-30 2025-02-01 Some(2)");
    assert_eq!(trades[2], "klines BTCUSDT 2024-12-30 2025-01-31 None");
}

#[test]
fn tails_have_bounds() {
    let check = |tail: &str, expect: &str| {
        check("    markets:", &format!("    tail: {tail}\n    markets:"), 5, expect);
    };
    check("{minutes: 0}", "bad minutes 0, expected 1 to 60");
    check("{minutes: 61}", "bad minutes 61, expected 1 to 60");
    check(
        "{minutes: 1, urls: {mars: https://x}}",
        "unknown market `mars` of binance, expected spot",
    );
    check("{minutes: 1, urls: {spot: http://x}}", "bad url `http://x`: ");
    check("{minutes: 1, seconds: 3}", "unknown field `seconds`");
    check("{}", "missing field `minutes`");
}

#[test]
fn a_series_ends_by_its_name_or_by_until() {
    let text = "\
environment: dev
sources:
  binance:
    url: https://data.binance.vision
    markets:
      coinm:
        symbols: [BTCUSD_210625, ETHUSD_210625, BTCUSD_PERP]
        range: {from: 2021-06-20, to: 2021-06-30}
        datasets:
          trades: {}
        overrides:
          ETHUSD_210625: {until: 2021-06-23T12:00}
      usdm:
        symbols: [LITUSDT, BTCUSDT]
        range: {from: 2021-06-20, to: 2021-06-30}
        datasets:
          trades: {}
        until: 2021-06-28
        overrides:
          LITUSDT: {until: 2021-06-01}
";
    let config = parse(text).expect("good");
    let list: Vec<String> = config
        .series("2025-02-01".parse().expect("day"), &Scope::default(), venues())
        .iter()
        .map(|s| format!("{} {} {:?}", s.symbol, s.to, s.last_day().map(|d| d.to_string())))
        .collect();
    assert_eq!(
        list,
        [
            "BTCUSD_210625 2021-06-25 Some(\"2021-06-25\")",
            "BTCUSD_PERP 2021-06-30 None",
            "ETHUSD_210625 2021-06-23 Some(\"2021-06-23\")",
            // LITUSDT ended before the first day wanted
            "BTCUSDT 2021-06-28 Some(\"2021-06-28\")",
        ]
    );
    let bad = text.replace("2021-06-23T12:00", "2021-06-23T12:00+02:00");
    let error = parse(&bad).expect_err("a zone").to_string();
    assert!(error.starts_with("lake.yaml:12: bad until `2021-06-23T12:00+02:00`"), "{error}");
}

#[test]
fn no_range_is_without_bounds() {
    check("from: 2024-12-30", "from: 0001-01-01", 10, "bad from `0001-01-01`, expected 1970-01-01");
    let url = "url: https://data.binance.vision";
    let lag = format!("{url}\n    publication_lag: {{daily_days: 4000000000}}");
    check(
        url,
        &lag,
        5,
        "bad sources.binance.publication_lag.daily_days 4000000000, expected 0 to 366",
    );
    // a last day far ahead is yesterday, seen from today
    let text = GOOD.replace("2025-01-02", "9999-12-31");
    let config = parse(&text).expect("good");
    let series = config.series("2025-02-01".parse().expect("day"), &Scope::default(), venues());
    assert!(series.iter().all(|s| s.to.to_string() == "2025-01-31"), "{series:?}");
    // a first day ahead leaves none
    let text = text.replace("2024-12-30", "9999-01-01");
    let config = parse(&text).expect("good");
    let series = config.series("2025-02-01".parse().expect("day"), &Scope::default(), venues());
    assert!(series.iter().all(|s| s.symbol.as_str() == "PEPEUSDT"), "{series:?}");
}

#[test]
fn what_is_told_of_now_is_wanted_today_and_so_often() {
    let text = GOOD
        .replace(", to: 2025-01-02", "")
        .replace(
            "klines: {timeframes: [1m, 1h]}",
            "splits: {}\n          fundamentals: {every: 3d}",
        )
        .replace("{last_days: 3}}", "{last_days: 3}, datasets: {splits: {every: 30d}}}");
    let config = parse(&text).expect("good");
    let today = "2025-02-01".parse().expect("day");
    let list: Vec<String> = config
        .series(today, &Scope::default(), venues())
        .iter()
        .map(|s| {
            let section = &config.sources[&s.source];
            let every = section.every(s.market, &s.symbol, s.dataset);
            format!("{} {} {} {} every {every}", s.dataset, s.symbol, s.from, s.to)
        })
        .collect();
    assert_eq!(
        list,
        [
            "trades BTCUSDT 2024-12-30 2025-01-31 every 1",
            "fundamentals BTCUSDT 2024-12-30 2025-02-01 every 3",
            "splits BTCUSDT 2024-12-30 2025-02-01 every 7",
            "splits PEPEUSDT 2025-01-29 2025-02-01 every 30",
        ]
    );
    check("trades: {}", "splits: {every: 7}", 12, "7");
    check("trades: {}", "splits: {every: 0d}", 12, "bad every `0d`, expected days such as 7d");
    check("trades: {}", "trades: {every: 7d}", 12, "trades with every, expected it for what");
    check(
        "trades: {}",
        "splits: {recheck: {days: 7}}",
        12,
        "splits with recheck, expected `every`",
    );
    check("trades: {}", "trades: {recheck: {days: 367}}", 12, "bad days 367, expected 0 to 366");
    check("trades: {}", "trades: {recheck: 7}", 12, "");
    check("trades: {}", "trades: {recheck: {day: 7}}", 12, "unknown field `day`");
}

#[test]
fn unknown_words() {
    check("environment: dev", "environment: dev\ncolour: red", 2, "unknown field `colour`");
    check(
        "      spot:",
        "      spott:",
        6,
        "unknown market `spott` of binance, expected spot, usdm or coinm",
    );
    check("      spot:", "      Spot:", 6, "bad market `Spot`");
    check("  binance:", "  kraken:", 3, "unknown source `kraken`, expected binance");
    check("          trades: {}", "          ticks: {}", 12, "ticks");
    check("[1m, 1h]", "[1m, 1x]", 13, "1x");
    check("{last_days: 3}", "{last_day: 3}", 15, "last_day");
}

#[test]
fn bad_forms() {
    check("environment: dev", "environment: Dev_1", 1, "bad environment `Dev_1`");
    let aws = "\naws: {region: eu-central-1}";
    for name in ["github", "state", "my-dev", "1st"] {
        let text = format!("environment: {name}{aws}");
        check("environment: dev", &text, 1, "beside a section aws, expected 1 to 16");
    }
    check("https://data.binance.vision", "http://example.com", 4, "bad url");
    check("https://data.binance.vision", "https://example.com/", 4, "bad url");
    let url = "https://data.binance.vision";
    let crontab = format!("{url}\n    schedule: 30 3 * * *");
    check(url, &crontab, 5, "bad schedule `30 3 * * *` of binance, expected cron(30 3 * * ? *) or");
    check("- BTCUSDT", "- btcusdt", 8, "bad symbol `btcusdt`");
    check("- BTCUSDT", "- BTCUSD_PERP", 8, "for market spot");
    check("- BTCUSDT", "- \"BTC\\u202eUSDT\"", 8, "bad symbol `BTC\\u{202e}USDT`: U+202E does");
    check(
        "- BTCUSDT",
        "- ＰＥＰＥUSDT",
        9,
        "`PEPEUSDT` cannot be told from `ＰＥＰＥUSDT` on line 8",
    );
    check(
        "- BTCUSDT",
        "- ΩUSDT\n          - ωUSDT",
        9,
        "`ωUSDT` cannot be told from `ΩUSDT` on line 8",
    );
    check("- BTCUSDT", "- A\u{308}USDT", 8, "not composed (NFC), as in `ÄUSDT`");
    check("2025-01-02", "2025-02-30", 10, "bad to `2025-02-30`");
    check("trades: {}", "trades: {timeframes: [1m]}", 12, "expected them for bars");
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
        2,
        "attempts 0",
    );
    check(
        "environment: dev",
        "environment: dev\n# units: 0\nlimits:\n  run: {attempts: 1}\n  batch:\n    mib: 5\n    units: 0",
        7,
        "bad limits.batch.units 0, expected 1 to 100000",
    );
}

#[test]
fn values_of_another_kind() {
    check(
        "environment: dev",
        "environment: dev\nlimits:\n  batch: {units: thirty} # a comment",
        3,
        "bad value in `batch: {units: thirty}`, expected a whole number of at most",
    );
    check(
        "environment: dev",
        "environment: dev\nlimits:\n  batch: {mib: -1}",
        3,
        "bad value in `batch: {mib: -1}`, expected a whole number, without",
    );
    check(
        "environment: dev",
        "environment: dev\naws: {region: eu-central-1, scan_limit_gib: ten}",
        2,
        "expected a number",
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
fn short_texts_do_not_make_it_panic() {
    for text in ["", "-", "a: b: c", "\u{0}", "environment: [", "sources: {binance: 3}"] {
        assert!(parse(text).is_err(), "{text:?}");
    }
}

/// What a `lake.yaml` is made of, and what breaks one.
const WORDS: &[&str] = &[
    "\n",
    "\n  ",
    "\n      ",
    "  ",
    ": ",
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "'",
    "\"",
    "|",
    ">",
    "!!int ",
    "~",
    "0",
    "-1",
    "1e9",
    "99999999999999999999",
    "0x1f",
    ".nan",
    "true",
    "environment",
    "sources",
    "binance",
    "url",
    "markets",
    "spot",
    "symbols",
    "range",
    "from",
    "to",
    "last_days",
    "datasets",
    "trades",
    "klines",
    "timeframes",
    "overrides",
    "limits",
    "batch",
    "download",
    "attempts",
    "2024-12-30",
    "0000-00-00",
    "+262142-12-31",
    "BTCUSDT",
    "1m",
    "https://x",
    "é",
    "\u{feff}",
    "\t",
    "\0",
];

/// A text that reads gives its series too.
fn read(text: &str) {
    let today = "2025-02-01".parse().expect("day");
    match parse(text) {
        Ok(config) => {
            assert!(
                config.series(today, &Scope::default(), venues()).iter().all(|s| s.from <= s.to)
            );
        }
        Err(error) => assert!(!error.message.is_empty() && error.line > 0, "{error:?}"),
    }
}

proptest! {
    #[test]
    fn no_random_text_makes_it_panic(text in r"[ -~\n\t]{0,300}|\PC{0,100}") {
        read(&text);
    }

    #[test]
    fn no_order_of_its_words_makes_it_panic(words in vec(select(WORDS), 0..60)) {
        read(&words.concat());
    }

    #[test]
    fn no_damage_makes_it_panic(
        damage in vec((any::<Index>(), select(WORDS), any::<bool>()), 1..6),
    ) {
        let mut text: Vec<char> = GOOD.chars().collect();
        for (place, word, over) in damage {
            let at = place.index(text.len() + 1);
            let end = if over { (at + word.chars().count()).min(text.len()) } else { at };
            text.splice(at..end, word.chars());
        }
        read(&text.into_iter().collect::<String>());
    }
}

/// What stands under `spot`, before its overrides.
fn with(text: &str) -> String {
    GOOD.replace("        overrides:\n", &format!("{text}        overrides:\n"))
}

#[test]
fn what_is_said_of_instruments_is_read_and_checked() {
    let good = with(
        "        price_bounds: {min: 0.01, max: 1000000}\n        instruments:\n          BTCUSDT:\n            \
         - {tick_size: 0.10, lot_size: 0.00001, renamed_from: XBTUSDT}\n            \
         - {from: 2024-03-01, tick_size: 0.01, quote: USDT, time_zone: America/New_York}\n",
    );
    let config = parse(&good).expect("good");
    let market = config.sources.values().next().and_then(|of| of.markets.values().next());
    let market = market.expect("a market");
    let bounds = market.price_bounds.as_ref().map(|bounds| bounds.value.to_string());
    assert_eq!(bounds.as_deref(), Some("0.01..1000000"));
    let told: Vec<String> = market.instruments["BTCUSDT"]
        .iter()
        .map(|one| serde_json::to_string(&one.value.statement()).expect("json"))
        .collect();
    assert_eq!(
        told,
        [
            r#"{"facts":{"tick_size":"0.1","lot_size":"0.00001","renamed_from":"XBTUSDT"}}"#,
            r#"{"from":"2024-03-01","facts":{"quote":"USDT","time_zone":"America/New_York","tick_size":"0.01"}}"#,
        ]
    );
    let check = |said: &str, expect: &str| {
        let error = parse(&with(&format!("        instruments: {said}\n"))).expect_err(said);
        assert!(error.message.contains(expect), "{said}: {error}");
        assert_eq!(error.line, 14, "{said}: {error}");
    };
    check("{ETHUSDT: [{tick_size: 1}]}", "expected one of the market's symbols");
    check("{BTCUSDT: [{tick_size: 1e-2}]}", "bad decimal `1e-2`, expected at most ten digits");
    check("{BTCUSDT: [{tick_size: 0}]}", "bad instruments.BTCUSDT: tick_size 0, expected more");
    check("{BTCUSDT: [{tick: 1}]}", "unknown field `tick`");
    check("{BTCUSDT: [{}, {tick_size: 1}]}", "only the first entry may lack `from`");
    let twice = "{BTCUSDT: [{from: 2024-01-02}, {from: 2024-01-02}]}";
    check(twice, "from 2024-01-02, expected a day after 2024-01-02");
    check("{BTCUSDT: [{from: 1970-01-01}]}", "expected a day after 1970-01-01");
    check("{BTCUSDT: [{currency: usd}]}", "currency `usd`, expected three capitals");
    check("{BTCUSDT: [{quote: usdt}]}", "quote `usdt`, expected such as BTC");
    check("{BTCUSDT: [{time_zone: New York}]}", "time_zone `New York`, expected such as");
    let days = "{BTCUSDT: [{listed_from: 2024-02-01, listed_to: 2024-01-01}]}";
    check(days, "listed_from 2024-02-01 is after listed_to 2024-01-01");
    check("{BTCUSDT: [{renamed_to: metausdt}]}", "bad symbol `metausdt`");
    let error = parse(&with("        instruments: {BTCUSDT: []}\n")).expect_err("nothing");
    assert!(error.message.contains("bad instruments.BTCUSDT: it says nothing"), "{error}");
}

#[test]
fn bounds_of_prices_are_checked() {
    let check = |said: &str, expect: Option<&str>| {
        let read = parse(&with(&format!("        price_bounds: {said}\n")));
        let found = read.err().map(|error| format!("{}: {}", error.line, error.message));
        match expect {
            None => assert_eq!(found, None, "{said}"),
            Some(expect) => {
                let found = found.expect(said);
                assert!(found.contains(expect) && found.starts_with("14: "), "{found}");
            }
        }
    };
    check("{}", None);
    check("{min: 0}", None);
    check("{max: 0.5}", None);
    check("{min: 2, max: 1}", Some("bad price_bounds: min 2, expected less than max 1"));
    check("{min: -1}", Some("bad decimal `-1`"));
    check("{least: 1}", Some("unknown field `least`"));
}
