//! What an offer may be like: long silences, touched checksum files, names of their own.

use std::collections::BTreeSet;

use super::*;

#[test]
fn long_silences_are_gaps_and_ends() {
    // days without an archive, and gaps as `FROM..TO`, with nothing for the end of a series
    let check = |offer: &Offer, window: [&str; 2], archives, expect: &str| {
        let [from, to] = window.map(|day| day.parse().expect(day));
        let unit: model::Unit = format!("{TRADES}/{from}").parse().expect("series");
        let series = Series {
            source: unit.source,
            market: unit.market,
            dataset: unit.dataset,
            symbol: unit.symbol,
            timeframe: None,
            from,
            to,
            archives,
            lag: PublicationLag::default(),
            end: None,
            tail: None,
        };
        let rules = Rules {
            today: "2024-06-10".parse().expect("day"),
            now: "2024-06-10T00:00:00Z".parse().expect("time"),
            retry_bad: false,
        };
        let ledger = ledger(TRADES, "");
        let choice = choose(&series, offer, &Known::new(&ledger), &rules, &WAY);
        let gaps = choice.gaps.iter().map(|gap| {
            assert_eq!(gap.series, TRADES);
            format!("{}..{}", gap.from, gap.to.map_or(String::new(), |to| to.to_string()))
        });
        let text = format!("{} {}", choice.absent.len(), gaps.collect::<Vec<_>>().join(" "));
        assert_eq!(text.trim_end(), expect, "{window:?} {archives:?}");
    };
    let auto = Archives::Auto;
    let year = ["2024-01-01", "2024-06-09"];
    let yesterday = "2024-06-01..09";
    // 29 days are missing one by one, 30 are a gap: told once, with its ends
    let listed = |text: &str| offer(text, "");
    check(&listed("2024-01-01..31 2024-03-01..31 2024-04-01..30"), year, auto, "29 2024-05-01..");
    let resumed =
        format!("2024-01-01..31 2024-03-01..31 2024-04-01..30 2024-05-30..31 {yesterday}");
    check(&listed(&resumed), year, auto, "58");
    let resumed = format!("2024-01-01..31 2024-03-01..31 2024-04-01..30 2024-05-31 {yesterday}");
    check(&listed(&resumed), year, auto, "29 2024-05-01..2024-05-30");
    check(&listed(&format!("2024-01-30..31 {yesterday}")), year, auto, "0 2024-02-01..2024-05-31");
    // silent since a week only: that is missing
    check(&listed("2024-05-01..31 2024-06-01"), year, auto, "6");
    // what comes after the days wanted tells that it has not ended
    let old = ["2024-01-01", "2024-04-30"];
    let later = Offer { later: Some(true), ..listed("2024-01-01..31") };
    check(&later, old, auto, "0 2024-02-01..2024-04-30");
    check(&listed("2024-01-01..31"), old, auto, "0 2024-02-01..");
    // who only asks for heads cannot know it unless the days reach to yesterday
    let probed = Offer { later: None, ..listed("2024-01-01..31") };
    check(&probed, old, auto, "0 2024-02-01..2024-04-30");
    check(&probed, year, auto, "0 2024-02-01..");
    // a few days at the end of a long silence: what lies before them counts
    let week = ["2024-06-01", "2024-06-07"];
    let before = |day: &str| Offer { before: day.parse().ok(), ..offer("", "2023-01-01") };
    check(&before("2024-05-20"), week, auto, "7");
    check(&before("2024-05-01"), week, auto, "0 2024-05-02..");
    // months come late: one that is not there yet ends nothing
    let monthly = Archives::Monthly;
    check(&listed("2024-01 2024-02 2024-03 2024-04"), year, monthly, "0");
    check(&listed("2024-01 2024-02 2024-03"), year, monthly, "30");
    check(&listed("2024-01 2024-02"), year, monthly, "0 2024-03-01..");
    check(&listed("2024-01 2024-04"), year, monthly, "0 2024-02-01..2024-03-31");
    check(&listed("2024-01 2024-02 2024-03 2024-04"), year, auto, "38");
}

#[test]
fn a_venue_that_is_closed_owes_nothing() {
    let way = Way { provider: &source::twelvedata::TwelveData, section: WAY.section };
    let check = |listed: &str, from: &str, timeframe: &str, expect: &str| {
        let name = format!("twelvedata/stocks/klines/IBM/{timeframe}");
        let unit: model::Unit = format!("{name}/2024-01-01").parse().expect("unit");
        let series = Series {
            source: unit.source,
            market: unit.market,
            dataset: unit.dataset,
            symbol: unit.symbol,
            timeframe: unit.timeframe,
            from: from.parse().expect(from),
            to: "2024-06-09".parse().expect("day"),
            archives: Archives::Daily,
            lag: PublicationLag { daily_days: 0, monthly_days: 0 },
            end: None,
            tail: None,
        };
        let rules = Rules {
            today: "2024-06-10".parse().expect("day"),
            now: "2024-06-10T00:00:00Z".parse().expect("time"),
            retry_bad: false,
        };
        let ledger = Ledger::default();
        let choice = choose(&series, &offer(listed, ""), &Known::new(&ledger), &rules, &way);
        let days = choice.absent.iter().map(|unit| unit.as_str().rsplit('/').next().unwrap_or(""));
        let gaps = choice.gaps.iter().map(|gap| format!("{}..{:?}", gap.from, gap.to));
        let mut text = days.map(str::to_owned).chain(gaps).collect::<Vec<_>>();
        if text.len() > 3 {
            text = vec![text.len().to_string()];
        }
        assert_eq!(text.join(" "), expect, "{listed}");
    };
    // a weekend and a holiday, on Monday 27 May, are not absent
    let june = "2024-05-28..31 2024-06-03..07";
    check(&format!("2024-05-24 {june}"), "2024-05-24", "1m", "");
    check(&format!("2024-05-23 {june}"), "2024-05-23", "1d", "2024-05-24");
    check("2024-05-24 2024-05-29..31 2024-06-03..07", "2024-05-24", "1m", "2024-05-28");
    // they do not end a long silence, of which 30 days of trading make a gap
    check("2024-04-26", "2024-04-26", "1m", "29");
    check("2024-04-25", "2024-04-25", "1m", "2024-04-26..None");
}

#[test]
fn what_larger_files_do_not_take_back_is_told() {
    let check = |replaced: &str, held: &str, expect: &[&str]| {
        let offer = Offer {
            replaced: BTreeSet::from_iter(replaced.parse::<Day>()),
            ..offer("2024-02", "")
        };
        let unit: model::Unit = format!("{KLINES}/2024-02").parse().expect("series");
        let series = Series {
            source: unit.source,
            market: unit.market,
            dataset: unit.dataset,
            symbol: unit.symbol,
            timeframe: unit.timeframe,
            from: "2024-02-01".parse().expect("day"),
            to: "2024-02-29".parse().expect("day"),
            archives: Archives::Monthly,
            lag: PublicationLag::default(),
            end: None,
            tail: None,
        };
        let rules = Rules {
            today: "2024-06-10".parse().expect("day"),
            now: "2024-06-10T00:00:00Z".parse().expect("time"),
            retry_bad: false,
        };
        let ledger = ledger(KLINES, held);
        let choice = choose(&series, &offer, &Known::new(&ledger), &rules, &WAY);
        assert_eq!(choice.remarks, expect, "{replaced} {held}");
    };
    let told = "binance/usdm/klines/BTCUSDT/1h: larger files have come in the place of those that were \
                taken before; what the former ones had of 2024-02-01 stays, and what the new ones say \
                otherwise of it goes to silver.rejects";
    check("2024-02-01", "2024-02-01=ok", &[told]);
    check("", "2024-02-01=ok", &[]);
    check("2024-02-01", "", &[]);
    // once it was taken it is told no more
    check("2024-02-01", "2024-02-01=ok 2024-02=ok", &[]);
}

#[test]
fn a_touched_checksum_file_is_looked_at_once() {
    let at = |seconds: i64| DateTime::from_timestamp(1_700_000_000 + seconds, 0);
    let check = |held: Option<i64>, listed: Checksum, expect: bool| {
        let mut ledger = ledger(TRADES, "2024-01-01=ok");
        let row = ledger.archives.values_mut().next().expect("row");
        row.checksum_modified = held.and_then(at);
        row.fetched_at = at(100).expect("time");
        let row = row.clone();
        let mut offer = offer("2024-01-01", "");
        let found = offer.archives.values_mut().next().expect("archive");
        found.checksum = listed;
        assert_eq!(changed(&row, found), expect, "{held:?} {listed:?}");
    };
    let listed = |seconds| Checksum::Listed(at(seconds));
    check(Some(50), listed(50), false);
    check(Some(500), listed(500), false);
    check(Some(50), listed(60), true);
    check(Some(50), listed(40), true);
    check(Some(50), Checksum::Absent, false);
    check(Some(50), Checksum::Unknown, false);
    check(Some(50), Checksum::Listed(None), false);
    // rows of a former version know no such time
    check(None, listed(50), false);
    check(None, listed(500), true);
}

#[test]
fn a_name_without_its_zero_keeps_it_out() {
    let mut offer = offer("2024-01:1", "");
    let path = "data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-1.zip";
    offer.archives.values_mut().next().expect("archive").path = Some(path.into());
    let unit: model::Unit = format!("{TRADES}/2024-01").parse().expect("unit");
    let series = Series {
        source: unit.source,
        market: unit.market,
        dataset: unit.dataset,
        symbol: unit.symbol.clone(),
        timeframe: None,
        from: "2024-01-01".parse().expect("day"),
        to: "2024-01-31".parse().expect("day"),
        archives: Archives::Auto,
        lag: PublicationLag::default(),
        end: None,
        tail: None,
    };
    let rules = Rules {
        today: "2024-02-10".parse().expect("day"),
        now: "2024-02-10T00:00:00Z".parse().expect("time"),
        retry_bad: false,
    };
    let choice = choose(&series, &offer, &Known::new(&Ledger::default()), &rules, &WAY);
    let planned = &choice.groups[0].units[0];
    assert_eq!(planned.unit, unit);
    let Origin::Fetch(remote) = &planned.archive else { panic!("{planned:?}") };
    assert_eq!(remote.url, format!("https://host/{path}"));
    assert_eq!(WAY.provider.name_of(remote, &unit), "BTCUSDT-trades-2024-1.zip");
    assert_eq!(remote.checksum_url, Some(format!("https://host/{path}.CHECKSUM")));
}

#[test]
fn changes_without_an_etag() {
    let at = |seconds: i64| DateTime::from_timestamp(1_700_000_000 + seconds, 0);
    let check = |held: (Option<&str>, Option<i64>, u64), now: (Option<&str>, Option<i64>, u64)| {
        let row = LedgerRow {
            status: ArchiveStatus::Ok,
            etag: held.0.map(str::to_owned),
            last_modified: held.1.and_then(at),
            published_sha256: None,
            checksum_modified: None,
            usable: None,
            tries: 0,
            checksum_refused: false,
            archive: Some(RawArchive {
                object: String::new(),
                sha256: String::new(),
                bytes: held.2,
                fetched_at: fetched_at(),
            }),
            fetched_at: fetched_at(),
        };
        let listed = Listed {
            path: None,
            bytes: Some(now.2),
            etag: now.0.map(Into::into),
            modified: now.1.and_then(at),
            checksum: Checksum::Unknown,
            until: None,
        };
        changed(&row, &listed)
    };
    assert!(!check((Some("\"a\""), Some(0), 1), (Some("\"a\""), Some(9), 2)));
    assert!(!check((Some("\"a\""), None, 1), (Some("W/\"a\""), None, 1)));
    assert!(check((Some("\"a\""), Some(0), 1), (Some("\"b\""), Some(0), 1)));
    assert!(check((None, Some(0), 1), (Some("\"b\""), Some(1), 1)));
    assert!(!check((None, Some(0), 1), (Some("\"b\""), Some(0), 2)));
    assert!(check((None, None, 1), (None, Some(0), 2)));
    assert!(!check((None, None, 1), (None, Some(0), 1)));
}
