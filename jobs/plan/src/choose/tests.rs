//! The decisions as a table: what is listed, what the ledger has, what is then planned.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use model::RawArchive;
use model::config::{Config, PublicationLag};
use model::fragment::ArchiveStatus;
use model::ledger::{BuildRow, Ledger, LedgerRow};
use proptest::prelude::*;
use source::Providers;
use source::offer::Checksum;

use super::*;
use crate::state::changed;

mod bad;
mod now;
mod offers;
mod tails;

const TRADES: &str = "binance/spot/trades/BTCUSDT";
const KLINES: &str = "binance/usdm/klines/BTCUSDT/1h";

/// The way to a source at `https://host`.
static WAY: LazyLock<Way<'static>> = LazyLock::new(|| {
    static CONFIG: LazyLock<Config> = LazyLock::new(|| {
        let text = "environment: test\nsources:\n  binance:\n    url: https://host\n    markets:\n      \
                    spot: {symbols: [BTCUSDT], range: {last_days: 1}, datasets: {trades: {}}}\n";
        Providers::ALL.read("lake.yaml", text).expect("a configuration")
    });
    let (source, section) = CONFIG.sources.iter().next().expect("a section");
    Way { provider: Providers::ALL.of(*source).expect("a provider"), section }
});

fn fetched_at() -> DateTime<Utc> {
    "2024-06-01T00:00:00Z".parse().expect("time")
}

/// `2024-01-01..05` is five days, anything else one period.
fn periods(text: &str) -> Vec<Period> {
    let Some((first, last)) = text.split_once("..") else {
        return vec![text.parse().expect(text)];
    };
    let last = format!("{}{last}", &first[..first.len() - last.len()]);
    let (first, last): (Day, Day) = (first.parse().expect(first), last.parse().expect("last day"));
    first.to(last).map(Period::Day).collect()
}

/// A scene: words of `PERIOD[:KiB][@ETAG][!]`; `!` is a checksum file that is newer than what
/// was fetched, `-` at the end no checksum file.
fn offer(text: &str, first: &str) -> Offer {
    let mut archives = BTreeMap::new();
    for word in text.split_whitespace() {
        let checksum = match word.chars().last() {
            Some('!') => Checksum::Listed(Some(fetched_at() + TimeDelta::days(1))),
            Some('-') => Checksum::Absent,
            _ => Checksum::Listed(Some(fetched_at() - TimeDelta::days(1))),
        };
        let word = word.trim_end_matches(['!', '-']);
        let (word, etag) = word.split_once('@').unwrap_or((word, "e"));
        let (span, kib) = word.split_once(':').unwrap_or((word, "100"));
        for period in periods(span) {
            archives.insert(
                period,
                Listed {
                    path: None,
                    bytes: Some(kib.parse::<u64>().expect(kib) << 10),
                    etag: Some(format!("\"{etag}\"").into()),
                    modified: None,
                    checksum,
                    until: None,
                },
            );
        }
    }
    let first = first.parse().ok().or_else(|| archives.keys().map(|p| p.first()).min());
    Offer { archives, first, later: Some(false), ..Offer::default() }
}

/// Words of `PERIOD=STATUS[@ETAG]`, and of `built:PERIOD=UNIT+UNIT`, with `~UNIT` for one that
/// silver could not read, `*UNIT` for one that was spoiled since, and `!DAYS` for days of the month's archive that lack rows. The sha of a unit is its period and ETag.
fn ledger(series: &str, text: &str) -> Ledger {
    let mut ledger = Ledger::default();
    let id = |period: Period| format!("{series}/{period}").parse::<model::Unit>().expect("id").id();
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=').expect(word);
        if let Some(group) = name.strip_prefix("built:") {
            let mut build = BuildRow {
                inputs: String::new(),
                units: Vec::new(),
                corrupt: BTreeMap::new(),
                spoiled: Vec::new(),
                short_days: Vec::new(),
                replaced: BTreeMap::new(),
            };
            for word in value.split('+') {
                if let Some(days) = word.strip_prefix('!') {
                    build.short_days.extend(periods(days).into_iter().map(Period::first));
                    continue;
                }
                for period in periods(word.trim_start_matches(['~', '*'])) {
                    let unit = id(period);
                    let sha256 = ledger.archives[&unit].archive.as_ref().expect("archive");
                    if word.starts_with('~') {
                        build.corrupt.insert(unit.clone(), sha256.sha256.clone());
                    }
                    if word.starts_with('*') {
                        build.spoiled.push(unit.clone());
                    }
                    build.units.push(unit);
                }
            }
            let read = build.units.iter().filter(|u| !build.corrupt.contains_key(u));
            build.inputs =
                Group::inputs(read.map(|u| {
                    (u, ledger.archives[u].archive.as_ref().expect("raw").sha256.as_str())
                }));
            ledger.builds.insert(format!("{series}/{group}"), build);
            continue;
        }
        let (status, etag) = value.split_once('@').unwrap_or((value, "e"));
        let status: ArchiveStatus = status.parse().expect("status");
        for period in periods(name) {
            let archive = (status != ArchiveStatus::Missing).then(|| RawArchive {
                object: "raw".to_owned(),
                sha256: format!("{period}-{etag}"),
                bytes: 100 << 10,
                fetched_at: fetched_at(),
            });
            let row = LedgerRow {
                status,
                etag: Some(format!("\"{etag}\"")),
                last_modified: None,
                published_sha256: None,
                checksum_modified: None,
                usable: None,
                // a mismatch that was asked for often enough
                tries: if status == ArchiveStatus::ChecksumMismatch { 7 } else { 1 },
                checksum_refused: false,
                archive,
                fetched_at: fetched_at(),
            };
            ledger.archives.insert(id(period), row);
        }
    }
    ledger
}

struct Scene {
    series: &'static str,
    archives: Archives,
    window: &'static str,
    retry_bad: bool,
    /// Hours after what is held was fetched.
    hours: i64,
}

const JANUARY: Scene = Scene {
    series: TRADES,
    archives: Archives::Auto,
    window: "2024-01-01..31",
    retry_bad: false,
    hours: 1,
};

impl Scene {
    fn choose(&self, listed: &str, first: &str, held: &str) -> Choice {
        let days = periods(self.window);
        let unit: model::Unit = format!("{}/{}", self.series, days[0]).parse().expect("series");
        let series = Series {
            source: unit.source,
            market: unit.market,
            dataset: unit.dataset,
            symbol: unit.symbol,
            timeframe: unit.timeframe,
            from: days[0].first(),
            to: days[days.len() - 1].first(),
            archives: self.archives,
            lag: PublicationLag::default(),
            end: None,
            tail: None,
        };
        let ledger = ledger(self.series, held);
        let rules = Rules {
            today: "2024-02-10".parse().expect("day"),
            now: fetched_at() + TimeDelta::hours(self.hours),
            retry_bad: self.retry_bad,
        };
        choose(&series, &offer(listed, first), &Known::new(&ledger), &rules, &WAY)
    }

    /// Groups as `PERIOD[+FETCHED =HELD]`; equal runs of days are written as `FIRST..LAST`.
    #[track_caller]
    fn check(&self, listed: &str, held: &str, expect: &str) {
        let choice = self.choose(listed, "", held);
        assert_eq!(text(&choice), expect, "listed {listed}; held {held}");
    }
}

fn text(choice: &Choice) -> String {
    let groups: Vec<(String, String)> = choice
        .groups
        .iter()
        .map(|group| {
            let units: Vec<(String, String)> = group
                .units
                .iter()
                .map(|unit| match unit.archive {
                    Origin::Fetch(_) => ("+".to_owned(), unit.unit.period.to_string()),
                    Origin::Held(_) => ("=".to_owned(), unit.unit.period.to_string()),
                })
                .collect();
            (group.id.rsplit('/').next().unwrap_or("").to_owned(), runs(&units).join(" "))
        })
        .collect();
    let groups: Vec<(String, String)> = groups
        .into_iter()
        .map(|(id, units)| {
            // a day group holds exactly its day
            let own = units.strip_prefix(['+', '=']) == Some(&id) && id.len() == 10;
            if own {
                (units[..1].to_owned(), id)
            } else {
                (format!("{id}[{units}]"), String::new())
            }
        })
        .collect();
    runs(&groups).join(" ")
}

/// Joins consecutive entries with the same mark to `MARKfirst..last`.
fn runs(words: &[(String, String)]) -> Vec<String> {
    let mut out: Vec<(String, String, String)> = Vec::new();
    for (mark, word) in words {
        match out.last_mut() {
            Some((m, _, last)) if m == mark && word.len() == 10 && last.len() == 10 => {
                last.clone_from(word);
            }
            _ => out.push((mark.clone(), word.clone(), word.clone())),
        }
    }
    out.into_iter()
        .map(
            |(mark, first, last)| {
                if first == last { mark + &first } else { format!("{mark}{first}..{}", &last[8..]) }
            },
        )
        .collect()
}

#[test]
fn monthly_against_daily() {
    let scene = JANUARY;
    // the month is cheaper in bytes and requests
    scene.check("2024-01:2000 2024-01-01..31:100", "", "2024-01[+2024-01]");
    // the days are cheaper: 31 × (100 + 64) against 9000 + 64
    scene.check("2024-01:9000 2024-01-01..31:100", "", "+2024-01-01..31");
    // a day that only the month covers
    scene.check("2024-01:9000 2024-01-01..30:100", "", "2024-01[+2024-01]");
    // days that only daily archives cover: the month is not out yet
    scene.check("2024-01-01..03", "", "+2024-01-01..03");
    // what is held costs nothing, so the last days are fetched as days
    scene.check(
        "2024-01:2000 2024-01-01..31:100",
        "2024-01-01..29=ok built:2024-01-01=2024-01-01",
        "=2024-01-02..29 +2024-01-30..31",
    );
    // all days are held: the month, though cheap, is not needed
    scene.check("2024-01:1 2024-01-01..31", "2024-01-01..31=ok", "=2024-01-01..31");
    // a few held days do not outweigh the month, and stay in its group
    scene.check(
        "2024-01:2000 2024-01-01..31:100",
        "2024-01-30..31=ok",
        "2024-01[+2024-01 =2024-01-30..31]",
    );
}

#[test]
fn a_part_of_a_month_prefers_days() {
    let scene = Scene { window: "2024-01-02..31", ..JANUARY };
    scene.check("2024-01:1 2024-01-02..31:100", "", "+2024-01-02..31");
    scene.check("2024-01:1 2024-01-02..30:100", "", "2024-01[+2024-01]");
}

#[test]
fn the_configuration_may_choose() {
    let daily = Scene { archives: Archives::Daily, ..JANUARY };
    daily.check("2024-01-01..31:100", "", "+2024-01-01..31");
    let monthly = Scene { archives: Archives::Monthly, ..JANUARY };
    monthly.check("2024-01:9000", "", "2024-01[+2024-01]");
    let part = Scene { window: "2024-01-05..06", ..monthly };
    part.check("2024-01:9000", "", "2024-01[+2024-01]");
    part.check("", "", "");
}

#[test]
fn a_preference_that_changes_is_a_change() {
    let daily = Scene { archives: Archives::Daily, ..JANUARY };
    let days = "2024-01-01..31:100";
    // the days come though the month is there, and share its group: a day's row goes last
    let month = "2024-01=ok built:2024-01=2024-01";
    daily.check(days, month, "2024-01[=2024-01 +2024-01-01..31]");
    let both = "2024-01=ok 2024-01-01..31=ok built:2024-01=2024-01+2024-01-01..31";
    daily.check(days, both, "");
    // back again: nothing is forgotten, and nothing to do
    JANUARY.check("2024-01:2000 2024-01-01..31:100", both, "");
    // a day that the source has not stays the month's; one that is bad is not asked for again
    let bad = "2024-01=ok 2024-01-07=corrupt built:2024-01=2024-01";
    let choice = daily.choose("2024-01-01..30:100", "", bad);
    assert_eq!(text(&choice), "2024-01[=2024-01 +2024-01-01..30]");
    assert_eq!((choice.fetch, choice.known_bad, choice.held), (29, 1, 1));
    let week = Scene { window: "2024-01-10..16", ..daily };
    week.check(days, month, "2024-01[=2024-01 +2024-01-10..16]");
    let bars = Scene { series: KLINES, ..daily };
    bars.check(days, month, "2024-01[=2024-01 +2024-01-01..31]");

    let monthly = Scene { archives: Archives::Monthly, ..JANUARY };
    let held = "2024-01-05..06=ok built:2024-01-05=2024-01-05 built:2024-01-06=2024-01-06";
    monthly.check("2024-01:9000", held, "2024-01[+2024-01 =2024-01-05..06]");
    let part = Scene { window: "2024-01-05..06", ..monthly };
    part.check("2024-01:9000", held, "2024-01[+2024-01 =2024-01-05..06]");
    part.check("", held, "");
    let auto = Scene { window: "2024-01-05..06", ..JANUARY };
    auto.check("2024-01:9000 2024-01-05..06", held, "");
}

#[test]
fn klines_are_grouped_by_month() {
    let scene = Scene { series: KLINES, window: "2024-01-04..06", ..JANUARY };
    scene.check("2024-01-04..06", "", "2024-01[+2024-01-04..06]");
    // what was held before belongs to the month's partition, wanted now or not
    scene.check(
        "2024-01-04..06",
        "2024-01-01..04=ok built:2024-01=2024-01-01..04",
        "2024-01[=2024-01-01..04 +2024-01-05..06]",
    );
    scene.check("2024-01-04..06", "2024-01-01..06=ok built:2024-01=2024-01-01..06", "");
    scene.check("2024-01-04..06", "2024-01=ok built:2024-01=2024-01", "");
}

#[test]
fn nothing_to_do() {
    let scene = JANUARY;
    let listed = "2024-01:9000 2024-01-01..31:100";
    scene.check("", "", "");
    scene.check(listed, "2024-01=ok built:2024-01=2024-01", "");
    scene.check("2024-01-01..02", "2024-01-01..02=ok built:2024-01-01=2024-01-01", "=2024-01-02");
    // the days were built as part of their month, which is bad now
    scene.check(
        "2024-01-01",
        "2024-01-01=ok 2024-01=corrupt built:2024-01=~2024-01+2024-01-01",
        "",
    );
    // built before, but from another version
    scene.check(
        "2024-01-01@f",
        "2024-01-01=ok@e built:2024-01-01=2024-01-01 2024-01-01=ok@f",
        "=2024-01-01",
    );
}

#[test]
fn days_that_the_month_lacks() {
    let listed = "2024-01:9000 2024-01-01..30:100";
    let held = "2024-01=ok built:2024-01=2024-01+!2024-01-09..10+!2024-01-31";
    // the 31st has no archive of its own
    JANUARY.check(listed, held, "2024-01[=2024-01 +2024-01-09..10]");
    // once they are fetched, the month is as whole as it can be
    let repaired = "2024-01=ok 2024-01-09..10=ok \
                    built:2024-01=2024-01+2024-01-09..10+!2024-01-09..10+!2024-01-31";
    JANUARY.check(listed, repaired, "");
    // one of them cannot be read: nothing is asked for again
    let bad = "2024-01=ok 2024-01-09=ok 2024-01-10=corrupt \
               built:2024-01=2024-01+2024-01-09+!2024-01-09..10";
    JANUARY.check(listed, bad, "");
    let monthly = Scene { archives: Archives::Monthly, ..JANUARY };
    monthly.check(listed, held, "");
    let week = Scene { window: "2024-01-10..16", ..JANUARY };
    week.check(listed, held, "2024-01[=2024-01 +2024-01-10]");
}

#[test]
fn published_anew() {
    let scene = JANUARY;
    let built = "2024-01-01..02=ok built:2024-01-01=2024-01-01 built:2024-01-02=2024-01-02";
    scene.check("2024-01-01 2024-01-02@new", built, "+2024-01-02");
    // the checksum file alone was mended
    scene.check("2024-01-01! 2024-01-02", built, "+2024-01-01");
    // a month that is in use is fetched again, with it what is held of its days
    scene.check(
        "2024-01@new 2024-01-01..31",
        "2024-01=ok 2024-01-09=ok built:2024-01=2024-01+2024-01-09",
        "2024-01[+2024-01 =2024-01-09]",
    );
    scene.check(
        "2024-01 2024-01-09@new",
        "2024-01=ok 2024-01-09=ok built:2024-01=2024-01+2024-01-09",
        "2024-01[=2024-01 +2024-01-09]",
    );
    let choice = scene.choose("2024-01-01 2024-01-02@new 2024-01-03", "", built);
    assert_eq!((choice.fetch, choice.republished, choice.held), (2, 1, 1));
    assert_eq!(choice.fetch_bytes, 200 << 10);
}

#[test]
fn absent_days() {
    let absent = |scene: &Scene, listed: &str, first: &str, held: &str| -> String {
        let choice = scene.choose(listed, first, held);
        let days: Vec<(String, String)> = choice
            .absent
            .iter()
            .map(|id| (String::new(), id.as_str().rsplit('/').next().unwrap_or("").to_owned()))
            .collect();
        runs(&days).join(" ")
    };
    assert_eq!(absent(&JANUARY, "2024-01-01..10 2024-01-13..31", "", ""), "2024-01-11..12");
    assert_eq!(absent(&JANUARY, "2024-01-01..10 2024-01", "", ""), "");
    assert_eq!(absent(&JANUARY, "2024-01-01..30", "", "2024-01-31=ok"), "");
    // before the first archive the series had not begun
    assert_eq!(absent(&JANUARY, "2024-01-11..31", "2024-01-11", ""), "");
    assert_eq!(absent(&JANUARY, "2024-01-11..31", "2023-12-01", ""), "2024-01-01..10");
    assert_eq!(absent(&JANUARY, "", "", ""), "");
    // today is 2024-02-10: a day comes out within 2 days after its end, a month within 16
    let february = Scene { window: "2024-02-01..09", ..JANUARY };
    assert_eq!(absent(&february, "2024-02-01..05", "", ""), "2024-02-06..07");
    let monthly = Scene { archives: Archives::Monthly, ..JANUARY };
    assert_eq!(absent(&monthly, "", "2023-12-01", ""), "");
    let december = Scene { window: "2023-12-30..31", ..monthly };
    assert_eq!(absent(&december, "", "2023-12-01", ""), "2023-12-30..31");
}

#[test]
fn what_is_planned_is_complete() {
    let choice = JANUARY.choose("2024-01:1@m- 2024-01-30", "", "2024-01-31=ok");
    assert_eq!(choice.groups.len(), 1);
    let group = &choice.groups[0];
    assert_eq!(group.id, "binance/spot/trades/BTCUSDT/2024-01");
    assert_eq!(group.partitions.len(), 31);
    assert_eq!(
        group.partitions[30].iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
        ["date=2024-01-31", "market=spot", "source=binance", "symbol=BTCUSDT"]
    );
    let Origin::Fetch(remote) = &group.units[0].archive else { panic!("{group:?}") };
    assert_eq!(
        *remote,
        Remote {
            url: "https://host/data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-01.zip"
                .to_owned(),
            odd_name: None,
            bytes: Some(1024),
            etag: Some("\"m\"".to_owned()),
            last_modified: None,
            checksum_url: None,
            checksum_modified: None,
            held: None,
            until: None,
        }
    );
    for table in [Table::Trades, Table::Klines] {
        let scene =
            Scene { series: if table == Table::Klines { KLINES } else { TRADES }, ..JANUARY };
        let choice = scene.choose("2024-01-30", "", "");
        let group = &choice.groups[0];
        assert_eq!(group.table, table);
        let mut columns: Vec<&str> = table.schema().partitions.to_vec();
        columns.sort_unstable();
        assert!(group.partitions.iter().all(|p| p.keys().eq(columns.iter())), "{group:?}");
        let Origin::Fetch(remote) = &group.units[0].archive else { panic!("{group:?}") };
        assert_eq!(remote.checksum_url, Some(format!("{}.CHECKSUM", remote.url)));
    }
}

proptest! {
    /// Whatever is listed and held: groups share no partition, no unit stands in two groups,
    /// every wanted day that can be had is in a group or built, and building what was planned
    /// leaves nothing to do.
    #[test]
    fn plans_are_closed_and_settle(
        listed in proptest::collection::vec(0_u8..4, 31),
        held in proptest::collection::vec(0_u8..5, 31),
        month in 0_u8..3,
        month_held in 0_u8..4,
        klines: bool,
        archives in 0_u8..3,
    ) {
        let series = if klines { KLINES } else { TRADES };
        let archives = [Archives::Auto, Archives::Daily, Archives::Monthly][archives as usize];
        let scene = Scene { series, archives, ..JANUARY };
        let mut offered = String::new();
        let mut owned = String::new();
        let statuses = ["ok", "missing", "corrupt", "ok@old"];
        for (i, (listed, held)) in listed.iter().zip(&held).enumerate() {
            let day = format!("2024-01-{:02}", i + 1);
            if *listed > 0 && archives != Archives::Monthly {
                let _ = write!(offered, "{day}:{} ", u32::from(*listed) * 100);
            }
            if *held > 0 {
                let _ = write!(owned, "{day}={} ", statuses[usize::from(*held) - 1]);
            }
        }
        if month > 0 && archives != Archives::Daily {
            let _ = write!(offered, "2024-01:{} ", u32::from(month) * 2_500);
        }
        if month_held > 0 {
            let _ = write!(owned, "2024-01={} ", statuses[usize::from(month_held) - 1]);
        }
        let choice = scene.choose(&offered, "", &owned);
        let mut partitions = HashSet::new();
        let mut units = HashSet::new();
        for group in &choice.groups {
            prop_assert!(!group.units.is_empty());
            prop_assert!(group.units.windows(2).all(|w| w[0].unit < w[1].unit), "rank order");
            for partition in &group.partitions {
                prop_assert!(partitions.insert(format!("{partition:?}")), "{partition:?} twice");
            }
            for unit in &group.units {
                prop_assert!(units.insert(unit.unit.id()), "{} twice", unit.unit);
                // a unit's days lie within the group's partitions
                if !klines && group.partitions.len() == 1 {
                    prop_assert!(matches!(unit.unit.period, Period::Day(_)));
                }
            }
        }
        let fetched: u64 = choice
            .groups
            .iter()
            .flat_map(|g| &g.units)
            .filter(|u| matches!(u.archive, Origin::Fetch(_)))
            .count() as u64;
        prop_assert_eq!(fetched, choice.fetch);

        // do what was planned, then plan again
        for unit in choice.groups.iter().flat_map(|g| &g.units) {
            if matches!(unit.archive, Origin::Fetch(_)) {
                let _ = write!(owned, "{}=ok ", unit.unit.period);
            }
        }
        for group in &choice.groups {
            let period = group.id.rsplit('/').next().unwrap_or("");
            let units: Vec<String> =
                group.units.iter().map(|u| u.unit.period.to_string()).collect();
            let _ = write!(owned, "built:{period}={} ", units.join("+"));
        }
        let again = scene.choose(&offered, "", &owned);
        prop_assert_eq!(text(&again), "", "offered {}; owned {}", offered, owned);
    }
}
