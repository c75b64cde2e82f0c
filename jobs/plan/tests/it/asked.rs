//! What a source says of its instruments: asked once a day, kept as received, and told from the day on on
//! which it was learnt.

use std::sync::Arc;

use exchange::Range;
use exchange::rest::{Rest, RestHandle, RestOptions};
use model::instrument::Statement;
use model::{Dataset, RunId, Timeframe};
use plan::Options;
use stage::{Clock, Context, ManualClock};

use crate::kit;

fn api(tick: &str) -> RestHandle {
    let symbols =
        vec![format!("spot:BTCUSDT,tick={tick},step=0.00001,trades=40").parse().expect("symbol")];
    Rest::start(&RestOptions { symbols, ..RestOptions::default() }).expect("servers")
}

/// A plan at noon of a day, or at an instant: what it tells of BTCUSDT, one line a statement, and its remarks.
async fn planned(
    context: &Context,
    url: &str,
    day: &str,
    config: &str,
) -> (Vec<String>, Vec<String>) {
    let mut context = context.clone();
    let now = if day.contains('T') { day.to_owned() } else { format!("{day}T12:00:00Z") };
    let now = now.parse().expect("time");
    context.clock = Clock::Manual(ManualClock::at(now));
    // another plan than the one before
    context.run = RunId::new(now, next());
    let text = config.replace("API", url);
    context.config = Arc::new(source::Providers::ALL.read("lake.yaml", &text).expect("config"));
    let plan = plan::run(&context, &Options::default()).await.expect("a plan").plan;
    let [told] = plan.instruments.as_slice() else { panic!("{:?}", plan.instruments) };
    let line = |statement: &Statement| {
        let from = statement.from.map_or_else(|| "-".to_owned(), |from| from.to_string());
        let size = |of: Option<model::decimal::Decimal>| {
            of.map_or_else(|| "-".to_owned(), |size| size.to_string())
        };
        let facts = &statement.facts;
        let (tick, lot) = (size(facts.tick_size), size(facts.lot_size));
        format!("{from} {tick} {lot} {}", facts.status.as_deref().unwrap_or("-"))
    };
    let remarks = plan.remarks.into_iter().filter(|remark| remark.contains("instruments"));
    (told.statements.iter().map(line).collect(), remarks.collect())
}

/// A number that no other plan of the test has.
fn next() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread")]
async fn instruments_are_asked_for_once_a_day_and_hold_from_then_on() {
    let range = Range {
        from: "2024-05-29".parse().expect("day"),
        to: "2024-05-30".parse().expect("day"),
        timeframes: vec![Timeframe::M1],
        daily: vec![Dataset::Klines],
        monthly: Vec::new(),
    };
    let archives = kit::exchange(40, range);
    let config = |more: &str| {
        format!(
            "environment: test\nsources:\n  binance:\n    url: {}\n    instruments: {{urls: {{spot: \
             \"API\"}}}}\n    markets:\n      spot:\n        symbols: [BTCUSDT]\n        range: {{from: \
             2024-05-30, to: 2024-05-30}}\n        datasets: {{klines: {{timeframes: [1m]}}}}\n{more}",
            archives.url()
        )
    };
    let plain = config("");
    let (folder, context) = kit::context(&plain.replace("API", "http://127.0.0.1:7"));
    let first = ["- - - -", "2024-06-01 0.01 0.00001 TRADING"];
    let server = api("0.01");
    let asked = || server.requests().len();
    let (told, remarks) = planned(&context, server.url(), "2024-06-01", &plain).await;
    assert_eq!((told.as_slice(), remarks.len(), asked()), (&first.map(String::from)[..], 0, 1));
    // the day's answer is there
    let (told, _) = planned(&context, server.url(), "2024-06-01", &plain).await;
    assert_eq!((told.as_slice(), asked()), (&first.map(String::from)[..], 1));
    // the same on the next day
    let (told, _) = planned(&context, server.url(), "2024-06-02", &plain).await;
    assert_eq!((told.as_slice(), asked()), (&first.map(String::from)[..], 2));
    // nobody answers: what was said holds on, and the plan says so
    let nobody = "http://127.0.0.1:7";
    let quick = format!("{plain}limits: {{download: {{attempts: 1}}}}\n");
    let (told, remarks) = planned(&context, nobody, "2024-06-03", &quick).await;
    assert_eq!(told, first);
    let expect = "binance does not say what the instruments of spot are, what it said on 2024-06-02 \
                  stays in force: ";
    assert!(remarks.len() == 1 && remarks[0].starts_with(expect), "{remarks:?}");
    // it is left alone for a while
    let (told, remarks) = planned(&context, server.url(), "2024-06-03T12:59:59Z", &quick).await;
    assert_eq!((told.as_slice(), asked()), (&first.map(String::from)[..], 2));
    let waits = "asked in vain at 2024-06-03T12:00:00Z, it is asked again an hour after";
    assert!(remarks.len() == 1 && remarks[0].ends_with(waits), "{remarks:?}");
    // what is no answer is not kept
    let page = format!("{}/nothing", server.url());
    let (told, remarks) = planned(&context, &page, "2024-06-03T13:00:00Z", &quick).await;
    assert_eq!(told, first);
    assert!(remarks.len() == 1 && remarks[0].starts_with(expect), "{remarks:?}");
    // another step
    let other = api("0.1");
    let (told, _) = planned(&context, other.url(), "2024-06-04", &plain).await;
    let changed = [first[0], first[1], "2024-06-04 0.1 0.00001 TRADING"];
    assert_eq!(told, changed);
    // the answers lie there as received, one a day, and all else can be made of them
    let kept = folder.path().join("bronze/instruments/source=binance/market=spot");
    let mut names: Vec<String> = std::fs::read_dir(&kept)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    let days = ["2024-06-01", "2024-06-02", "2024-06-04", "known"];
    assert_eq!(names, days.map(|day| format!("{day}.json.zst")));
    let key = model::layout::instruments_of(
        model::Source::new("binance"),
        model::Market::new("spot"),
        "2024-06-04".parse().expect("day"),
    );
    let answer = context.lake.read_compressed(&key).await.expect("an answer");
    let answer: serde_json::Value = serde_json::from_slice(&answer).expect("json");
    assert_eq!(answer["symbols"][0]["filters"][0]["tickSize"], "0.10000000");
    std::fs::remove_file(kept.join("known.json.zst")).expect("it was there");
    let (told, _) = planned(&context, nobody, "2024-06-04", &plain).await;
    assert_eq!(told, changed);
    // one of them is damaged, and so is what was made of them: the plan says so and takes the others
    std::fs::write(kept.join("2024-06-02.json.zst"), "no").expect("it can be written");
    std::fs::write(kept.join("known.json.zst"), "no").expect("it can be written");
    let (told, remarks) = planned(&context, nobody, "2024-06-04", &plain).await;
    assert_eq!(told, changed);
    assert!(remarks.len() == 1 && remarks[0].contains("2024-06-02.json.zst"), "{remarks:?}");
    // the day's own is damaged: it stays the day's, and what was said before stays in force
    let day = kept.join("2024-06-04.json.zst");
    let whole = std::fs::read(&day).expect("an answer");
    std::fs::write(&day, "no").expect("it can be written");
    std::fs::remove_file(kept.join("known.json.zst")).expect("it was there");
    let (told, remarks) = planned(&context, other.url(), "2024-06-04", &plain).await;
    assert_eq!(told, first);
    assert!(
        remarks.iter().any(|remark| remark.contains("2024-06-01 stays in force")),
        "{remarks:?}"
    );
    std::fs::write(&day, whole).expect("it can be written");
    std::fs::remove_file(kept.join("known.json.zst")).expect("it was there");
    // what is configured goes before
    let configured = config("        instruments: {BTCUSDT: [{tick_size: 0.5}]}\n");
    let (told, _) = planned(&context, nobody, "2024-06-04", &configured).await;
    assert_eq!(told, ["- 0.5 - -", "2024-06-01 0.5 0.00001 TRADING"]);
}
