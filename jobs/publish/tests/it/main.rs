//! publish over a lake that holds nothing. What it makes of a full one is tested end to end.

use std::sync::Arc;

use chrono::DateTime;
use model::{RunId, layout};
use publish::Options;
use stage::{Clock, Context, ManualClock, Meter};
use store::Lake;

#[tokio::test]
async fn a_lake_without_a_run_has_a_page_and_nothing_else_lies_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(folder.path().to_str().expect("a path"), None).expect("a lake");
    let yaml = "environment: test\nsources:\n  binance:\n    url: http://localhost\n    markets:\n      \
                spot:\n        symbols: [BTCUSDT]\n        range: {from: 2024-01-01}\n        \
                datasets:\n          trades: {}\n";
    let context = Context {
        lake: lake.clone(),
        config: Arc::new(source::Providers::ALL.read("lake.yaml", yaml).expect("a configuration")),
        config_sha256: String::new(),
        providers: source::Providers::ALL,
        run: RunId::new(DateTime::UNIX_EPOCH, 7),
        clock: Clock::Manual(ManualClock::at(DateTime::UNIX_EPOCH)),
        meter: Meter::new("publish", false),
    };
    lake.write(&layout::published("data/of-before.js"), "x").await.expect("a file");
    let make = async || publish::run(&context, Options { symbols: 5 }).await.map_err(|f| f.error);
    let summary = make().await.expect("a page");
    assert_eq!((summary.symbols, summary.files, summary.page.as_str()), (0, 1, "page/index.html"));
    let first = lake.read(&summary.page).await.expect("the page");
    assert!(String::from_utf8_lossy(&first).contains("No day is due yet"));
    let there = lake.list(layout::PUBLISHED).await.expect("a listing");
    assert_eq!(
        there.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(),
        ["page/index.html"]
    );
    // the same lake at the same time is the same bytes
    make().await.expect("a page");
    assert_eq!(lake.read(&summary.page).await.expect("the page"), first);
}
