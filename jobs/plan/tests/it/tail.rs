//! A plan at a made-up minute: what is asked of the API beside what the host of archives lists.

use exchange::Range;
use model::Dataset;
use model::Timeframe;
use model::plan::{Origin, Remote};
use plan::Options;
use stage::{Clock, ManualClock};

use crate::kit;

#[tokio::test(flavor = "multi_thread")]
async fn days_without_an_archive_are_asked_for_up_to_the_minute() {
    let range = Range {
        from: "2024-05-29".parse().expect("day"),
        to: "2024-05-30".parse().expect("day"),
        timeframes: vec![Timeframe::M1],
        daily: vec![Dataset::Klines],
        monthly: Vec::new(),
    };
    let exchange = kit::exchange(40, range);
    let text = |tail: &str| {
        format!(
            "environment: test\nsources:\n  binance:\n    url: {}\n{tail}    markets:\n      spot:\n        \
             symbols: [BTCUSDT]\n        range: {{from: 2024-05-30}}\n        \
             datasets: {{klines: {{timeframes: [1m]}}}}\n",
            exchange.url()
        )
    };
    let planned = async |tail: &str| -> (Vec<String>, u64, u64, usize) {
        let (_folder, mut context) = kit::context(&text(tail));
        let now = "2024-06-01T12:34:00Z".parse().expect("time");
        context.clock = Clock::Manual(ManualClock::at(now));
        let report = plan::run(&context, &Options::default()).await.expect("plan");
        let mut units = Vec::new();
        for line in &report.plan.batches {
            let batch = context.lake.batch(&context.run, line.number).await.expect("batch");
            for planned in batch.groups.iter().flat_map(|group| &group.units) {
                let Origin::Fetch(Remote { url, until, .. }) = &planned.archive else {
                    panic!("{planned:?}");
                };
                let host = url.strip_prefix(exchange.url()).map_or(url.as_str(), |_| "archives");
                let until =
                    until.map_or_else(String::new, |u| u.format(" %m-%d %H:%M").to_string());
                units.push(format!("{} {host}{until}", planned.unit.period));
            }
        }
        let totals = report.plan.totals;
        (units, totals.listed, totals.fetch, report.plan.batches.len())
    };
    let api = "http://127.0.0.1:7";
    let (units, listed, fetch, batches) =
        planned(&format!("    tail: {{minutes: 1, urls: {{spot: \"{api}\"}}}}\n")).await;
    assert_eq!(
        units,
        [
            "2024-05-30 archives".to_owned(),
            format!("2024-05-31 {api} 06-01 00:00"),
            format!("2024-06-01 {api} 06-01 12:33"),
        ]
    );
    // what is asked is no archive that is listed, and one batch keeps the API's limits
    assert_eq!((listed, fetch, batches), (1, 3, 1));
    // who does not want it gets what there was without it
    let (units, listed, fetch, _) = planned("").await;
    assert_eq!(units, ["2024-05-30 archives"]);
    assert_eq!((listed, fetch), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn trades_and_contracts_are_asked_for_where_somebody_says_so() {
    let range = Range {
        from: "2024-05-30".parse().expect("day"),
        to: "2024-05-30".parse().expect("day"),
        timeframes: vec![Timeframe::H1],
        daily: vec![Dataset::AggTrades, Dataset::Klines],
        monthly: Vec::new(),
    };
    let symbols = vec!["coinm:BTCUSD_PERP,trades=40".parse().expect("symbol")];
    let options = exchange::Options { symbols, range, ..exchange::Options::default() };
    let exchange = exchange::Exchange::start(&options).expect("exchange");
    let asked = async |tail: &str| -> Vec<String> {
        let (_folder, mut context) = kit::context(&format!(
            "environment: test\nsources:\n  binance:\n    url: {}\n    tail: {tail}\n    markets:\n      \
             coinm:\n        symbols: [BTCUSD_PERP]\n        range: {{from: 2024-05-30}}\n        \
             datasets: {{agg_trades: {{}}, klines: {{timeframes: [1h]}}}}\n",
            exchange.url()
        ));
        let now = "2024-05-31T12:34:56Z".parse().expect("time");
        context.clock = Clock::Manual(ManualClock::at(now));
        let report = plan::run(&context, &Options::default()).await.expect("plan");
        let mut units = Vec::new();
        for line in &report.plan.batches {
            let batch = context.lake.batch(&context.run, line.number).await.expect("batch");
            for planned in batch.groups.iter().flat_map(|group| &group.units) {
                if let Origin::Fetch(Remote { url, until: Some(until), .. }) = &planned.archive {
                    assert_eq!(url, "https://dapi.binance.com");
                    units.push(format!("{} {}", planned.unit, until.format("%m-%d %H:%M")));
                }
            }
        }
        units.sort();
        units
    };
    let (bars, trades) = (
        "binance/coinm/klines/BTCUSD_PERP/1h/2024-05-31 05-31 12:00",
        "binance/coinm/agg_trades/BTCUSD_PERP/2024-05-31 05-31 12:33",
    );
    assert_eq!(asked("{minutes: 1}").await, [bars]);
    assert_eq!(asked("{minutes: 1, datasets: [agg_trades]}").await, [trades]);
    assert_eq!(asked("{minutes: 1, datasets: [agg_trades, klines]}").await, [trades, bars]);
}
