//! Days whose archive is not there yet: what is asked for, and what replaces it.

use model::layout;

use super::*;

const BARS: &str = "binance/spot/klines/BTCUSDT/1m";

/// An offer in which these days are to be asked for up to an hour, `2024-01-10@12`.
fn with_tails(mut offer: Offer, tails: &str) -> Offer {
    for word in tails.split_whitespace() {
        let (day, hour) = word.split_once('@').expect(word);
        let day: Day = day.parse().expect("day");
        let until = day.start_micros() + hour.parse::<i64>().expect("hour") * 3_600_000_000;
        let listed = Listed {
            path: None,
            bytes: None,
            etag: None,
            modified: None,
            checksum: Checksum::Absent,
            until: DateTime::from_timestamp_micros(until),
        };
        offer.archives.insert(Period::Day(day), listed);
    }
    offer
}

/// A ledger in which these days are held as tails up to an hour.
fn held(series: &str, text: &str, tails: &str) -> Ledger {
    let mut ledger = ledger(series, text);
    for word in tails.split_whitespace() {
        let (day, hour) = word.split_once('@').expect(word);
        let unit: model::Unit = format!("{series}/{day}").parse().expect("unit");
        let start = unit.period.micros().start;
        let until = start + hour.parse::<i64>().expect("hour") * 3_600_000_000;
        let until = DateTime::from_timestamp_micros(until).expect("time");
        let row = ledger.archives.get_mut(&unit.id()).expect("a row");
        row.status = ArchiveStatus::Unverified;
        row.etag = Some("\"answers-0\"".to_owned());
        let archive = row.archive.as_mut().expect("a raw object");
        archive.object = layout::raw(&unit, "e", &layout::tail_name("a.zip", until));
    }
    ledger
}

fn chosen(series: &'static str, window: &'static str, offer: &Offer, ledger: &Ledger) -> Choice {
    let days = periods(window);
    let unit: model::Unit = format!("{series}/{}", days[0]).parse().expect("series");
    let series = Series {
        source: unit.source,
        market: unit.market,
        dataset: unit.dataset,
        symbol: unit.symbol,
        timeframe: unit.timeframe,
        from: days[0].first(),
        to: days[days.len() - 1].first(),
        archives: Archives::Auto,
        lag: PublicationLag::default(),
        end: None,
        tail: Some(1),
    };
    let rules = Rules {
        today: days[days.len() - 1].first(),
        now: fetched_at() + TimeDelta::hours(1),
        retry_bad: false,
    };
    choose(&series, offer, &Known::new(ledger), &rules, &WAY)
}

/// The groups, and the tails that they replace.
fn told(choice: &Choice) -> String {
    let tails = choice.groups.iter().flat_map(|group| &group.tails);
    let tails: Vec<String> = tails.map(|tail| tail.unit.period.to_string()).collect();
    format!("{} | {}", text(choice), tails.join(" "))
}

#[track_caller]
fn check(listed: &str, asked: &str, row: &str, tails: &str, expect: &str) {
    let offer = with_tails(offer(listed, "2024-01-01"), asked);
    let ledger = held(BARS, row, tails);
    let choice = chosen(BARS, "2024-01-08..11", &offer, &ledger);
    assert_eq!(told(&choice), expect, "{listed}; {asked}; {row}; {tails}");
}

#[test]
fn a_tail_is_asked_for_and_asked_for_again() {
    let archives = "2024-01-08 2024-01-09";
    let both = "2024-01-08=ok 2024-01-09=ok";
    check(
        archives,
        "2024-01-10@24 2024-01-11@12",
        both,
        "",
        "2024-01[=2024-01-08..09 +2024-01-10..11] | ",
    );
    // what is held as long as it is asked for is not asked for again, and is part of its month
    let held = format!("{both} 2024-01-10=ok 2024-01-11=ok");
    let asked = "2024-01-10@24 2024-01-11@12";
    let tails = "2024-01-10@24 2024-01-11@11";
    check(archives, asked, &held, tails, "2024-01[=2024-01-08..10 +2024-01-11] | ");
    let built = format!("{held} built:2024-01=2024-01-08..11");
    check(archives, asked, &built, "2024-01-10@24 2024-01-11@12", " | ");
}

#[test]
fn the_way_to_a_tail_is_the_api() {
    let offer = with_tails(offer("2024-01-10", "2024-01-01"), "2024-01-11@12");
    let ledger = held(BARS, "2024-01-10=ok 2024-01-11=ok", "2024-01-11@11");
    let choice = chosen(BARS, "2024-01-10..11", &offer, &ledger);
    let remote = match &choice.groups[0].units[1].archive {
        Origin::Fetch(remote) => remote,
        held @ Origin::Held(_) => panic!("{held:?}"),
    };
    assert_eq!(remote.url, "https://data-api.binance.vision");
    assert_eq!(remote.until, "2024-01-11T12:00:00Z".parse().ok());
    let held = remote.held.as_ref().map(|held| held.object.as_str()).unwrap_or_default();
    assert!(held.ends_with("a.until-2024-01-11T1100Z.zip"), "{held}");
    assert_eq!((choice.fetch, choice.republished), (1, 0));
}

#[test]
fn an_archive_replaces_its_tail() {
    let row = "2024-01-08=ok 2024-01-09=ok built:2024-01=2024-01-08..09";
    check(
        "2024-01-08 2024-01-09",
        "2024-01-10@12",
        row,
        "2024-01-09@24",
        "2024-01[=2024-01-08 +2024-01-09..10] | 2024-01-09",
    );
    // no version published anew: it is the first
    let offer = offer("2024-01-08 2024-01-09", "2024-01-01");
    let ledger = held(BARS, row, "2024-01-09@24");
    let choice = chosen(BARS, "2024-01-08..09", &offer, &ledger);
    assert_eq!((choice.fetch, choice.republished), (1, 0));
    // an archive that is there already is never replaced by a tail
    check("2024-01-08", "2024-01-09@24", row, "", " | ");
}

#[test]
fn an_archive_whose_build_failed_is_compared_when_it_is_built() {
    let row = "2024-01-08=ok 2024-01-09=ok built:2024-01=2024-01-08..09";
    let mut ledger = held(BARS, row, "");
    let unit: model::Unit = format!("{BARS}/2024-01-09").parse().expect("unit");
    let until = DateTime::from_timestamp_micros(unit.period.micros().end).expect("time");
    // what silver has of the day is what the API said, and its archive is in the ledger
    let said = RawArchive {
        object: layout::raw(&unit, "e", &layout::tail_name("a.zip", until)),
        sha256: "said".to_owned(),
        bytes: 1,
        fetched_at: fetched_at(),
    };
    let build = ledger.builds.get_mut(&format!("{BARS}/2024-01")).expect("a build");
    build.inputs = "of the tail".to_owned();
    build.replaced.insert(unit.id(), said.clone());
    let days = || offer("2024-01-08 2024-01-09", "2024-01-01");
    let choice = chosen(BARS, "2024-01-08..09", &days(), &ledger);
    assert_eq!(told(&choice), "2024-01[=2024-01-08..09] | 2024-01-09");
    assert_eq!(choice.groups[0].tails[0].archive, said);
    // it is no version of the archive, whose restatement would be told
    assert!(choice.groups[0].units.iter().all(|unit| unit.before.is_none()));
    // published anew in between, the newest is compared
    let anew = offer("2024-01-08 2024-01-09@f", "2024-01-01");
    let choice = chosen(BARS, "2024-01-08..09", &anew, &ledger);
    assert_eq!(told(&choice), "2024-01[=2024-01-08 +2024-01-09] | 2024-01-09");
}

#[test]
fn a_month_replaces_the_tails_of_days_that_never_came() {
    let days = "2024-01-08=ok 2024-01-09=ok built:2024-01=2024-01-08..09";
    let offer = || offer("2024-01 2024-01-08", "2024-01-01");
    let choice = chosen(BARS, "2024-01-08..09", &offer(), &held(BARS, days, "2024-01-09@24"));
    assert_eq!(told(&choice), "2024-01[+2024-01 =2024-01-08] | 2024-01-09");
    // where the month cannot be had, what silver has stays
    assert!(choice.groups[0].units[0].keeps);
    // a month that lacks the day: its tail fills it, and goes before what the month says of it
    let row = "2024-01=ok 2024-01-08=ok 2024-01-09=ok built:2024-01=2024-01+2024-01-08+!2024-01-09";
    let choice = chosen(BARS, "2024-01-08..09", &offer(), &held(BARS, row, "2024-01-09@24"));
    assert_eq!(told(&choice), "2024-01[=2024-01-09 =2024-01 =2024-01-08] | ");
    // of trades each day is a group, and the month is one of all its days
    let choice =
        chosen(TRADES, "2024-01-08..09", &offer(), &held(TRADES, "2024-01-09=ok", "2024-01-09@24"));
    assert_eq!(told(&choice), "2024-01[+2024-01] | 2024-01-09");
}

#[test]
fn days_are_groups_of_their_own_where_their_table_has_days() {
    let offer = with_tails(offer("2024-01-08", "2024-01-01"), "2024-01-09@12");
    let ledger = held(TRADES, "2024-01-08=ok 2024-01-09=ok", "2024-01-08@24 2024-01-09@11");
    let choice = chosen(TRADES, "2024-01-08..09", &offer, &ledger);
    assert_eq!(told(&choice), "+2024-01-08..09 | 2024-01-08");
    assert_eq!(choice.groups[0].tails.len(), 1);
}

#[test]
fn a_day_without_an_archive_is_absent_whatever_the_api_says() {
    let absent = |choice: Choice| {
        choice.absent.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let tails = "2024-01-08@24 2024-01-10@24 2024-01-11@12";
    let offer = with_tails(offer("2024-01-07 2024-01-09", "2024-01-01"), tails);
    let ledger = held(BARS, "2024-01-07=ok 2024-01-09=ok 2024-01-08=ok", "2024-01-08@24");
    let choice = chosen(BARS, "2024-01-07..11", &offer, &ledger);
    assert_eq!(absent(choice), format!("{BARS}/2024-01-08"));
    // a symbol that the API does not know is not asked for every minute
    let ledger = held(BARS, "2024-01-11=missing", "");
    let choice =
        chosen(BARS, "2024-01-11..11", &with_tails(Offer::default(), "2024-01-11@12"), &ledger);
    assert_eq!((text(&choice).as_str(), choice.known_bad), ("", 1));
}
