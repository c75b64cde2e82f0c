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

/// What is planned on 2024-06-01 of the days of which the ledger has versions, and of the 31st, of which it
/// has none.
async fn planned(
    recheck: &str,
    held: &[RawArchive],
    replaced: &[(u32, RawArchive)],
) -> Vec<PlannedUnit> {
    let (_folder, context) = context(&format!(
        "environment: test\nsources:\n  twelvedata:\n    url: http://localhost:1\n    key: env:KEY\n\
         {recheck}    markets:\n      stocks:\n        symbols: [AAPL]\n        range: {{from: \
         2024-05-28, to: 2024-05-31}}\n        datasets:\n          klines: {{timeframes: [1m]}}\n"
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
        let row = LedgerRow {
            status: ArchiveStatus::Unverified,
            etag: Some("\"answers-0\"".to_owned()),
            last_modified: None,
            published_sha256: None,
            checksum_modified: None,
            archive: Some(raw.clone()),
            usable: None,
            fetched_at: raw.fetched_at,
            tries: 1,
            checksum_refused: false,
        };
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
    let check = async |recheck: &str, expect: &[(&str, bool)]| {
        let found = fetched(&planned(recheck, &held, &[]).await);
        let found: Vec<_> = found.iter().map(|(day, held)| (day.as_str(), *held)).collect();
        assert_eq!(found, expect, "{recheck}");
    };
    let (young, new) = (("2024-05-28", true), ("2024-05-31", false));
    check("", &[young, new]).await;
    check("    recheck: {days: 1}\n", &[young, new]).await;
    check("    recheck: {days: 0}\n", &[new]).await;
}

#[tokio::test]
async fn what_was_fetched_and_never_built_is_held_against_what_silver_has() {
    let held = [raw(28, "b", "2024-05-31T06:00:00Z")];
    let old = raw(28, "a", "2024-05-29T06:00:00Z");
    let units = planned("    recheck: {days: 0}\n", &held, &[(28, old.clone())]).await;
    assert_eq!(units[0].archive, Origin::Held(held[0].clone()));
    assert_eq!(units[0].before.as_ref(), Some(&old));
    assert_eq!(units.iter().filter(|unit| unit.before.is_some()).count(), 1);
    let units = planned("    recheck: {days: 0}\n", &held, &[]).await;
    assert_eq!(units[0].before, None, "it was built from what is held");
}
