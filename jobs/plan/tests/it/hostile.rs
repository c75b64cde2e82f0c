//! plan against hosts whose listing has no end, drips, lies or leads elsewhere: always an end, the
//! source's trouble and not a wrong configuration, and a plan again once the host is well.

use exchange::faults::{Fault, Rule};
use exchange::{Handle, Range};
use model::Dataset;
use model::exit::Exit;
use plan::Options;
use stage::Context;

use crate::kit;

/// A month of one symbol's trades, by day and whole.
fn exchange() -> Handle {
    let range = Range {
        from: "2024-02-01".parse().expect("day"),
        to: "2024-02-29".parse().expect("day"),
        timeframes: Vec::new(),
        daily: vec![Dataset::Trades],
        monthly: vec![Dataset::Trades],
    };
    kit::exchange(20, range)
}

fn context(url: &str, limits: &str) -> (tempfile::TempDir, Context) {
    kit::context(&format!(
        "environment: test\nsources:\n  binance:\n    url: {url}\n    markets:\n      spot:\n        \
         symbols: [BTCUSDT]\n        range: {{from: 2024-02-01, to: 2024-02-29}}\n        \
         datasets: {{trades: {{}}}}\nlimits:\n  download: {{backoff_ms: 1, attempts: 2, {limits}}}\n"
    ))
}

#[tokio::test]
async fn a_listing_always_ends() {
    let exchange = exchange();
    let slow = Fault::Slow { delay_ms: 0, bytes_per_second: Some(1) };
    let to = |to: String| Fault::Redirect { to };
    let page = format!("{}/?prefix=data/", exchange.url());
    // (what the host does to its listing, limits, what is told, requests at most)
    let cases: Vec<(Fault, &str, &str, usize)> = vec![
        (
            Fault::EndlessListing,
            "listing_idle_pages: 5",
            "5 pages in a row without an archive of the series, more than \
             limits.download.listing_idle_pages (5) allows",
            5,
        ),
        (
            Fault::EndlessListing,
            "listing_pages: 3",
            "3 pages, more than limits.download.listing_pages (3) allows",
            3,
        ),
        (slow, "answer_timeout_seconds: 1", "answer_timeout_seconds (1 s)", 2),
        (Fault::LyingLength { bytes: 1 << 40 }, "concurrency: 1", "after 2 attempts", 2),
        (Fault::LyingLength { bytes: 40 }, "concurrency: 1", "bad listing: byte", 2),
        (to(page), "concurrency: 1", "more than 5 redirects", 12),
        (to("http://127.0.0.1:9/".to_owned()), "concurrency: 1", "redirect to", 2),
        (to("http://example.org/".to_owned()), "concurrency: 1", "expected https", 2),
        (to("https://localhost/".to_owned()), "concurrency: 1", "than this machine", 2),
    ];
    for (fault, limits, expect, most) in cases {
        let name = format!("{fault:?}");
        exchange.set_faults(vec![Rule::always("list:**", fault)]).expect("rules");
        exchange.clear_requests();
        let (_folder, context) = context(exchange.url(), limits);
        let failure = plan::run(&context, &Options::default()).await.expect_err(&name);
        let text = format!("{:#}", failure.error);
        assert_eq!(failure.exit, Exit::SourceUnavailable, "{name}: {text}");
        assert!(text.contains(expect), "{name}: {text}");
        let asked = exchange.requests().len();
        assert!(asked <= most, "{name}: {asked} requests");

        exchange.set_faults(Vec::new()).expect("rules");
        let report = plan::run(&context, &Options::default()).await.expect(&name);
        assert_eq!((report.plan.totals.listed, report.plan.totals.fetch), (30, 1), "{name}");
    }
}

#[tokio::test]
async fn no_listed_size_is_too_large_to_count() {
    let exchange = exchange();
    for bytes in [u64::MAX, u64::MAX - (64 << 10) + 1, i64::MAX as u64, 0] {
        let sizes = Rule::always("list:**", Fault::LyingSizes { bytes });
        exchange.set_faults(vec![sizes]).expect("rules");
        let (_folder, context) = context(exchange.url(), "concurrency: 1");
        let report = plan::run(&context, &Options::default()).await.expect("plan");
        assert_eq!(report.plan.totals.listed, 30, "{bytes}");
        assert!(report.plan.totals.fetch_bytes >= bytes);
        assert!(!report.text().is_empty());
        let weighed: u64 = report.plan.batches.iter().map(|b| b.units).sum();
        assert_eq!(weighed, report.plan.totals.units);
    }
}
