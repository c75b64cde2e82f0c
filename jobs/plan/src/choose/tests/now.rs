//! What a source tells of now alone: asked today or never, and so often.

use super::*;

const FUNDAMENTALS: &str = "alphavantage/stocks/fundamentals/IBM";
const SPLITS: &str = "alphavantage/stocks/splits/IBM";

/// The way to a source that is asked for a company's figures every day, and for one's every third.
static ASKED: LazyLock<Way<'static>> = LazyLock::new(|| {
    static CONFIG: LazyLock<Config> = LazyLock::new(|| {
        let text = "environment: test\nsources:\n  alphavantage:\n    url: https://host\n    key: env:K\n    \
                    markets:\n      stocks:\n        symbols: [IBM, NVDA]\n        \
                    range: {from: 2024-01-01}\n        \
                    datasets: {fundamentals: {}, splits: {}}\n        overrides:\n          \
                    NVDA: {datasets: {fundamentals: {every: 3d}}}\n";
        Providers::ALL.read("lake.yaml", text).expect("a configuration")
    });
    let (source, section) = CONFIG.sources.iter().next().expect("a section");
    Way { provider: Providers::ALL.of(*source).expect("a provider"), section }
});

/// What is planned of a series on a day: of its configured range, what is held, and the groups.
fn check(series: &'static str, [from, to, today]: [&str; 3], held: &str, expect: &str) {
    let day = |text: &str| text.parse::<Day>().expect("a day");
    let unit: model::Unit = format!("{series}/{to}").parse().expect("series");
    let wanted = Series {
        source: unit.source,
        market: unit.market,
        dataset: unit.dataset,
        symbol: unit.symbol,
        timeframe: None,
        from: day(from),
        to: day(to),
        archives: Archives::Daily,
        lag: PublicationLag::default(),
        end: None,
        tail: None,
    };
    let offer = offer(&format!("{to}-"), from);
    let ledger = ledger(series, held);
    let now = format!("{today}T09:00:00Z").parse().expect("time");
    let rules = Rules { today: day(today), now, retry_bad: false };
    let choice = choose(&wanted, &offer, &Known::new(&ledger), &rules, &ASKED);
    assert_eq!(text(&choice), expect, "{series} on {today}; held {held}");
    assert!(choice.absent.is_empty() && choice.gaps.is_empty(), "{choice:?}");
}

#[test]
fn it_is_asked_for_today_and_no_other_day() {
    // a month without an answer before is no loss that anybody could make good
    let first = ["2024-01-02", "2024-02-14", "2024-02-14"];
    check(FUNDAMENTALS, first, "", "2024-02[+2024-02-14]");
    // asked already
    let built = "2024-02-14=unverified built:2024-02=2024-02-14";
    check(FUNDAMENTALS, first, built, "");
    // nor again on its day, however long ago that was and though bars would be, for corrections
    let monday = ["2024-01-02", "2024-06-03", "2024-06-03"];
    check(FUNDAMENTALS, monday, "2024-06-03=unverified built:2024-06=2024-06-03", "");
    check(FUNDAMENTALS, monday, "2024-06-03=missing", "");
    // the next day; what is held of the month goes with it
    let next = ["2024-01-02", "2024-02-15", "2024-02-15"];
    check(FUNDAMENTALS, next, built, "2024-02[=2024-02-14 +2024-02-15]");
    // nor is a day that is spoiled ever had again: the others go on without it
    let spoiled = "2024-02-13=corrupt 2024-02-14=unverified built:2024-02=*2024-02-13+2024-02-14";
    check(FUNDAMENTALS, next, spoiled, "2024-02[=2024-02-14 +2024-02-15]");
    // a month of its own
    let march = ["2024-01-02", "2024-03-01", "2024-03-01"];
    check(FUNDAMENTALS, march, built, "2024-03[+2024-03-01]");
    // on a Saturday nothing is news, and of a range that is over nothing can be had
    check(FUNDAMENTALS, ["2024-01-02", "2024-02-17", "2024-02-17"], built, "");
    check(FUNDAMENTALS, ["2024-01-02", "2024-02-14", "2024-02-15"], "", "");
}

#[test]
fn it_is_asked_for_so_often() {
    let on = |day: &'static str| ["2024-01-02", day, day];
    let held = "2024-02-14=unverified built:2024-02=2024-02-14";
    for day in ["2024-02-15", "2024-02-16", "2024-02-20"] {
        check(SPLITS, on(day), held, "");
    }
    check(SPLITS, on("2024-02-21"), held, "2024-02[=2024-02-14 +2024-02-21]");
    // who has nothing of it has hardly more of it tomorrow
    check(SPLITS, on("2024-02-15"), "2024-02-14=missing", "");
    check(SPLITS, on("2024-02-21"), "2024-02-14=missing", "2024-02[+2024-02-21]");
    let nvidia = "alphavantage/stocks/fundamentals/NVDA";
    check(nvidia, on("2024-02-16"), held, "");
    check(nvidia, on("2024-02-20"), held, "2024-02[=2024-02-14 +2024-02-20]");
    // a day that is held and of which nothing was built yet needs no question
    check(SPLITS, on("2024-02-15"), "2024-02-14=unverified", "2024-02[=2024-02-14]");
}
