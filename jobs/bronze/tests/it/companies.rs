//! What a provider tells of now alone: asked on its day, first of all, and never for another day.

use chrono::TimeDelta;
use exchange::rest::twelvedata::Habits;
use model::fragment::ArchiveStatus;
use source::questions;

use crate::asked::{KEY, Lab};

/// Units of the day on which the clock of a lab stands, a Monday.
const TODAY: [&str; 4] = [
    "alphavantage/stocks/fundamentals/IBM/2024-02-05",
    "alphavantage/stocks/last_quotes/IBM/2024-02-05",
    "alphavantage/stocks/splits/AAPL/2024-02-05",
    "alphavantage/stocks/dividends/IBM/2024-02-05",
];

#[tokio::test(flavor = "multi_thread")]
async fn each_is_one_question() {
    let lab = Lab::unlimited();
    let context = lab.context(1, "per_day: 20");
    let (outcome, fragments) = lab.fetch(&context, &TODAY).await;
    outcome.expect("fetched");
    assert_eq!(fragments.len(), TODAY.len());
    let provider = context.providers.iter().find(|p| p.name().as_str() == "alphavantage");
    let how = provider.and_then(|provider| provider.questions()).expect("it is asked");
    for fragment in &fragments {
        assert_eq!(fragment.status, ArchiveStatus::Unverified, "{fragment:?}");
        assert!(fragment.url.ends_with("apikey=***"), "{}", fragment.url);
        let archive = fragment.archive.as_ref().expect("a raw object");
        let object = context.lake.read(&archive.object).await.expect("object");
        let kept = questions::unpack(&object).expect("answers");
        assert_eq!(kept.len(), 1);
        let lines = questions::lines(how, &fragment.unit, None, &kept).expect("lines");
        for line in lines.lines() {
            source::sheet::read(line.as_bytes(), &fragment.unit).expect(line);
        }
        let count = lines.lines().count();
        match fragment.unit.dataset.as_str() {
            "splits" => assert_eq!(count, 2),
            // four a year since 2000
            "dividends" => assert_eq!(count, 97),
            _ => assert_eq!(count, 1),
        }
    }
    assert_eq!(lab.server.count("alphavantage", KEY).requests, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_is_over_is_left_out_without_a_question() {
    let lab = Lab::unlimited();
    lab.advance(TimeDelta::hours(12));
    let context = lab.context(1, "per_day: 20");
    let (outcome, fragments) = lab.fetch(&context, &TODAY).await;
    let report = outcome.expect("a clean end");
    assert!(fragments.is_empty(), "{fragments:?}");
    let words =
        "4 units of alphavantage left out: their day is over, and an answer tells of now alone";
    assert!(report.text().contains(words), "{}", report.text());
    assert_eq!(lab.server.count("alphavantage", KEY).requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_had_today_or_never_goes_first() {
    let lab = Lab::new(Habits::default());
    let bars = "alphavantage/forex/klines/EURUSD/1d/2024-01";
    let units = [bars, TODAY[0], TODAY[2]];
    let (outcome, fragments) = lab.fetch(&lab.context(1, "per_day: 2"), &units).await;
    let report = outcome.expect("a clean end");
    let found: Vec<&str> = fragments.iter().map(|f| f.unit.dataset.as_str()).collect();
    assert!(found.contains(&"fundamentals") && found.contains(&"splits"), "{found:?}");
    assert_eq!(found.len(), 2);
    assert!(report.text().contains("1 unit of alphavantage wait:"), "{}", report.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_that_is_not_known_is_missing() {
    let lab = Lab::unlimited();
    let units = ["fundamentals", "last_quotes"]
        .map(|dataset| format!("alphavantage/stocks/{dataset}/NOPE/2024-02-05"));
    let units = [units[0].as_str(), units[1].as_str()];
    let context = lab.context(1, "per_day: 20");
    let (outcome, fragments) = lab.fetch(&context, &units).await;
    outcome.expect("fetched");
    assert!(fragments.iter().all(|f| f.status == ArchiveStatus::Missing), "{fragments:?}");
    let details: Vec<&str> = fragments.iter().filter_map(|f| f.detail.as_deref()).collect();
    assert_eq!(details.len(), 2);
    assert!(details.iter().all(|detail| detail.starts_with("no such symbol: an empty")));
}
