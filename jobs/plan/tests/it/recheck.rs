//! Sources that are asked: what is held and young is asked for again, and what silver was built from is
//! known to whoever builds something newer.

use std::collections::BTreeMap;

use model::fragment::ArchiveStatus;
use model::ledger::{BuildRow, Ledger, LedgerRow};
use model::plan::{Origin, PlannedUnit};
use model::{RawArchive, Unit, UnitId};

use crate::kit::context;

const SERIES: &str = "twelvedata/stocks/klines/AAPL/1m";

fn id(day: u32) -> UnitId {
    format!("{SERIES}/2024-05-{day}").parse::<Unit>().expect("unit").id()
}

/// A version of a day, with the time at which it was fetched.
fn raw(day: u32, version: &str, at: &str) -> RawArchive {
    RawArchive {
        object: format!("{day}-{version}"),
        sha256: format!("{day}-{version}"),
        bytes: 1,
        fetched_at: at.parse().expect("time"),
    }
}

/// A row of the ledger of answers that are held.
fn row(etag: &str, raw: RawArchive) -> LedgerRow {
    LedgerRow {
        status: ArchiveStatus::Unverified,
        etag: Some(etag.to_owned()),
        last_modified: None,
        published_sha256: None,
        checksum_modified: None,
        fetched_at: raw.fetched_at,
        archive: Some(raw),
        usable: None,
        tries: 1,
        checksum_refused: false,
    }
}

/// What is planned on 2024-06-01 of the days of which the ledger has versions, and of the 31st, of which it
/// has none.
async fn planned(
    of_source: &str,
    of_klines: &str,
    held: &[RawArchive],
    replaced: &[(u32, RawArchive)],
) -> Vec<PlannedUnit> {
    let (_folder, context) = context(&format!(
        "environment: test\nsources:\n  twelvedata:\n    url: http://localhost:1\n    key: env:KEY\n\
         {of_source}    markets:\n      stocks:\n        symbols: [AAPL]\n        range: {{from: \
         2024-05-28, to: 2024-05-31}}\n        datasets:\n          klines: {{timeframes: [1m]{of_klines}}}\n"
    ));
    let mut ledger = Ledger::default();
    let mut build = BuildRow {
        inputs: "i".to_owned(),
        units: Vec::new(),
        corrupt: BTreeMap::new(),
        spoiled: Vec::new(),
        short_days: Vec::new(),
        replaced: replaced.iter().map(|(day, raw)| (id(*day), raw.clone())).collect(),
    };
    for (day, raw) in (28..).zip(held) {
        let row = row("\"answers-0\"", raw.clone());
        ledger.archives.insert(id(day), row);
        build.units.push(id(day));
    }
    ledger.builds.insert(format!("{SERIES}/2024-05"), build);
    context.lake.write_ledger(0, &ledger).await.expect("ledger");
    let report = plan::run(&context, &plan::Options::default()).await.map_err(|f| f.error);
    let report = report.expect("a plan");
    assert_eq!(report.plan.batches.len(), 1);
    let mut batch = context.lake.batch(&context.run, 1).await.expect("batch");
    assert_eq!(batch.groups.len(), 1);
    batch.groups.remove(0).units
}

/// Days that are fetched, and whether they replace something; the others are held.
fn fetched(units: &[PlannedUnit]) -> Vec<(String, bool)> {
    units
        .iter()
        .filter_map(|planned| match &planned.archive {
            Origin::Fetch(remote) => {
                assert_eq!(remote.held, planned.before, "{planned:?}");
                Some((planned.unit.period.to_string(), planned.before.is_some()))
            }
            Origin::Held(_) => None,
        })
        .collect()
}

#[tokio::test]
async fn what_is_young_is_asked_for_again() {
    let held = [
        // a few hours after its end, and that was days ago
        raw(28, "a", "2024-05-29T06:00:00Z"),
        // more than a day after its end
        raw(29, "a", "2024-05-31T06:00:00Z"),
        // less than a day ago
        raw(30, "a", "2024-05-31T06:00:00Z"),
    ];
    let check = async |of_source: &str, of_klines: &str, expect: &[(&str, bool)]| {
        let found = fetched(&planned(of_source, of_klines, &held, &[]).await);
        let found: Vec<_> = found.iter().map(|(day, held)| (day.as_str(), *held)).collect();
        assert_eq!(found, expect, "{of_source}{of_klines}");
    };
    let (young, new) = (("2024-05-28", true), ("2024-05-31", false));
    check("", "", &[young, new]).await;
    check("    recheck: {days: 1}\n", "", &[young, new]).await;
    check("    recheck: {days: 0}\n", "", &[new]).await;
    // a dataset's own goes before its source's
    check("    recheck: {days: 0}\n", ", recheck: {days: 1}", &[young, new]).await;
    check("    recheck: {days: 9}\n", ", recheck: {days: 0}", &[new]).await;
}

#[tokio::test]
async fn what_was_fetched_and_never_built_is_held_against_what_silver_has() {
    let held = [raw(28, "b", "2024-05-31T06:00:00Z")];
    let old = raw(28, "a", "2024-05-29T06:00:00Z");
    let units = planned("    recheck: {days: 0}\n", "", &held, &[(28, old.clone())]).await;
    assert_eq!(units[0].archive, Origin::Held(held[0].clone()));
    assert_eq!(units[0].before.as_ref(), Some(&old));
    assert_eq!(units.iter().filter(|unit| unit.before.is_some()).count(), 1);
    let units = planned("    recheck: {days: 0}\n", "", &held, &[]).await;
    assert_eq!(units[0].before, None, "it was built from what is held");
}

/// Units that are asked for on 2024-06-01 of AAPL's bars of a day, changed for splits and not, of May and
/// before, and what is told of it. `splits` are answers by their days, `bars` when those of a month were
/// asked for.
async fn restated(splits: &[(u32, &str)], bars: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let market = |name: &str| {
        format!(
            "      {name}:\n        symbols: [AAPL]\n        range: {{from: 2024-03-01, to: 2024-05-31}}\n        \
             datasets:\n          klines: {{timeframes: [1d], recheck: {{days: 0}}}}\n"
        )
    };
    let (_folder, context) = context(&format!(
        "environment: test\nsources:\n  twelvedata:\n    url: http://localhost:1\n    key: env:KEY\n    \
         markets:\n{}{}",
        market("stocks"),
        market("stocks_splits")
    ));
    let id = |text: &str| text.parse::<Unit>().expect(text).id();
    let mut ledger = Ledger::default();
    for (day, etag) in splits {
        let told = raw(*day, etag, &format!("2024-05-{day:02}T06:00:00Z"));
        let unit = id(&format!("twelvedata/stocks/splits/AAPL/2024-05-{day:02}"));
        let row = match *etag {
            "none" => LedgerRow {
                status: ArchiveStatus::Missing,
                etag: None,
                archive: None,
                ..row(etag, told)
            },
            _ => row(etag, told),
        };
        ledger.archives.insert(unit, row);
    }
    for of in ["stocks", "stocks_splits"] {
        for (month, at) in bars {
            let unit = id(&format!("twelvedata/{of}/klines/AAPL/1d/{month}"));
            ledger.archives.insert(unit, row("\"answers-0\"", raw(1, month, at)));
        }
    }
    context.lake.write_ledger(0, &ledger).await.expect("ledger");
    let report = plan::run(&context, &plan::Options::default()).await.map_err(|f| f.error);
    let report = report.expect("a plan");
    let mut asked = Vec::new();
    for line in &report.plan.batches {
        let batch = context.lake.batch(&context.run, line.number).await.expect("batch");
        for planned in batch.groups.iter().flat_map(|group| &group.units) {
            if let Origin::Fetch(remote) = &planned.archive {
                assert!(remote.held.is_some(), "{planned:?}");
                let (market, period) = (planned.unit.market, planned.unit.period);
                asked.push(format!("{market} {period}"));
            }
        }
    }
    asked.sort();
    let told = report.plan.remarks.iter().filter(|remark| remark.contains("told otherwise"));
    (asked, told.cloned().collect())
}

#[tokio::test]
async fn another_split_asks_once_for_all_that_was_changed_for_splits() {
    let early = [
        ("2024-03", "2024-04-01T06:00:00Z"),
        ("2024-04", "2024-05-01T06:00:00Z"),
        ("2024-05", "2024-06-01T00:00:00Z"),
    ];
    let check = async |splits: &[(u32, &str)], bars: &[(&str, &str)], expect: &[&str]| {
        let (asked, told) = restated(splits, bars).await;
        assert_eq!(asked, expect, "{splits:?} {bars:?}");
        assert_eq!(told.len(), usize::from(!expect.is_empty()), "{told:?}");
        told
    };
    // nothing is known to be new: none was told, or the same each time
    check(&[], &early, &[]).await;
    check(&[(8, "a")], &early, &[]).await;
    check(&[(8, "a"), (15, "a"), (22, "a")], &early, &[]).await;
    check(&[(8, "none"), (15, "none")], &early, &[]).await;
    check(&[(8, "a"), (15, "none"), (22, "a")], &early, &[]).await;
    // what is as traded stays, and what was asked for since has the split already
    let told = [(8, "a"), (15, "b"), (22, "b")];
    let asked = ["stocks_splits 2024-03", "stocks_splits 2024-04"];
    let words = check(&told, &early, &asked).await;
    assert_eq!(
        words,
        [
            "twelvedata/stocks_splits/klines/AAPL/1d: splits of AAPL are told otherwise since 2024-05-15 06:00 \
          UTC; 2 units that were asked for before are asked for anew"
        ]
    );
    // the budget was used up between the two
    let half = [early[0], ("2024-04", "2024-05-16T06:00:00Z"), early[2]];
    check(&told, &half, &asked[..1]).await;
    let done = [("2024-03", "2024-05-17T06:00:00Z"), half[1], early[2]];
    check(&told, &done, &[]).await;
    // the first one of all
    check(&[(1, "none"), (8, "none"), (15, "b"), (22, "b")], &early, &asked).await;
    // the next one
    check(&[(8, "a"), (15, "b"), (22, "c")], &done, &asked).await;
}
