//! Rows of validity, run by run.

use super::*;

fn day(text: &str) -> Day {
    text.parse().expect(text)
}

fn at(text: &str) -> DateTime<Utc> {
    format!("{text}T03:00:00Z").parse().expect(text)
}

/// Facts in words: `tick 0.01, from 2020-01-01`.
fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    for (key, value) in text.split(", ").filter_map(|fact| fact.split_once(' ')) {
        let own = || Some(value.to_owned());
        match key {
            "base" => facts.base = own(),
            "quote" => facts.quote = own(),
            "tick" => facts.tick_size = Some(value.parse().expect(value)),
            "from" => facts.listed_from = Some(day(value)),
            "to" => facts.listed_to = Some(day(value)),
            "now" => facts.renamed_to = Some(value.parse().expect(value)),
            _ => panic!("{key}"),
        }
    }
    facts
}

fn words(facts: &Facts) -> String {
    let text = |value: &Option<String>| value.clone();
    let all = [
        ("base", text(&facts.base)),
        ("quote", text(&facts.quote)),
        ("tick", facts.tick_size.map(|tick| tick.to_string())),
        ("from", facts.listed_from.map(|day| day.to_string())),
        ("to", facts.listed_to.map(|day| day.to_string())),
        ("now", facts.renamed_to.as_ref().map(ToString::to_string)),
    ];
    let told = all.iter().filter_map(|(key, value)| Some(format!("{key} {}", value.as_ref()?)));
    told.collect::<Vec<_>>().join(", ")
}

fn told(statements: &[(&str, &str)], seen: Option<Seen>) -> Told {
    // `+2024-01-01` goes on with the listing before
    let statement = |(from, text): &(&str, &str)| Statement {
        from: (!from.is_empty()).then(|| day(from.trim_start_matches('+'))),
        goes_on: from.starts_with('+'),
        facts: facts(text),
    };
    Told {
        source: Source::new("acme"),
        market: Market::new("spot"),
        symbol: "BTCUSDT".parse().expect("symbol"),
        statements: statements.iter().map(statement).collect(),
        seen,
    }
}

/// What is held after runs, each with its day, what it tells, and the rows expected after it.
fn check(runs: &[(&str, Told, &[&str])]) {
    let mut held: Vec<Row> = Vec::new();
    for (on, told, expect) in runs {
        let teller = Teller { at: at(on), run: on };
        if let Some(rows) = merge(&held, told, &teller) {
            assert_ne!(rows, held, "{on}");
            held = rows;
        }
        let shown: Vec<String> = held
            .iter()
            .map(|row| {
                let to = row.to.map_or_else(String::new, |to| to.to_string());
                format!("{}..{to} {} ({})", row.from, words(&row.facts), row.run)
            })
            .collect();
        assert_eq!(shown, *expect, "{on}");
        // the same again changes nothing, whoever repeats it
        assert_eq!(merge(&held, told, &teller), None, "{on}");
        let later = Teller { at: at("2030-01-01"), run: "later" };
        assert_eq!(merge(&held, told, &later), None, "{on}");
        for (a, b) in held.iter().zip(held.iter().skip(1)) {
            assert!(a.to == Some(b.from) && a.from < b.from, "{on}: {held:?}");
        }
        let (first, last) = (held.first().expect("a row"), held.last().expect("a row"));
        assert_eq!((first.from, last.to), (Day::new(BEGINNING), None), "{on}");
    }
}

#[test]
fn a_change_closes_a_row_and_opens_one() {
    check(&[
        ("2024-01-01", told(&[("", "base BTC")], None), &["1970-01-01.. base BTC (2024-01-01)"]),
        // better knowledge is no change
        (
            "2024-01-02",
            told(&[("", "base BTC, tick 0.1")], None),
            &["1970-01-01.. base BTC, tick 0.1 (2024-01-02)"],
        ),
        (
            "2024-01-03",
            told(&[("", "base BTC, tick 0.01")], None),
            &[
                "1970-01-01..2024-01-03 base BTC, tick 0.1 (2024-01-03)",
                "2024-01-03.. base BTC, tick 0.01 (2024-01-03)",
            ],
        ),
        // corrected on the same day
        (
            "2024-01-03",
            told(&[("", "base BTC, tick 0.02")], None),
            &[
                "1970-01-01..2024-01-03 base BTC, tick 0.1 (2024-01-03)",
                "2024-01-03.. base BTC, tick 0.02 (2024-01-03)",
            ],
        ),
        // and taken back
        (
            "2024-01-05",
            told(&[("", "base BTC, now XBTUSDT")], None),
            &[
                "1970-01-01..2024-01-03 base BTC, tick 0.1 (2024-01-03)",
                "2024-01-03.. base BTC, now XBTUSDT (2024-01-05)",
            ],
        ),
    ]);
}

#[test]
fn what_a_person_dates_holds_as_dated() {
    let now = "2024-03-01.. base BTC, tick 0.01 (2024-01-05)";
    check(&[
        ("2024-01-01", told(&[("", "tick 1")], None), &["1970-01-01.. tick 1 (2024-01-01)"]),
        (
            "2024-01-04",
            told(&[("2023-01-01", "tick 1")], None),
            &["1970-01-01..2023-01-01  (2024-01-04)", "2023-01-01.. tick 1 (2024-01-04)"],
        ),
        (
            "2024-01-05",
            told(&[("", "base BTC, tick 1"), ("2024-03-01", "base BTC, tick 0.01")], None),
            &["1970-01-01..2024-03-01 base BTC, tick 1 (2024-01-05)", now],
        ),
        // the past is corrected, and what stays keeps the name of who told it
        (
            "2024-01-06",
            told(&[("", "base BTC, tick 0.1"), ("2024-03-01", "base BTC, tick 0.01")], None),
            &["1970-01-01..2024-03-01 base BTC, tick 0.1 (2024-01-06)", now],
        ),
        // without days again: what was stays
        (
            "2024-06-01",
            told(&[("", "base BTC, tick 0.001")], None),
            &[
                "1970-01-01..2024-03-01 base BTC, tick 0.1 (2024-01-06)",
                "2024-03-01..2024-06-01 base BTC, tick 0.01 (2024-06-01)",
                "2024-06-01.. base BTC, tick 0.001 (2024-06-01)",
            ],
        ),
    ]);
}

#[test]
fn what_a_source_dates_leaves_the_changes_before_it() {
    let before = "1970-01-01..2024-01-03 tick 1 (2024-01-03)";
    check(&[
        ("2024-01-01", told(&[("", "tick 1")], None), &["1970-01-01.. tick 1 (2024-01-01)"]),
        (
            "2024-01-03",
            told(&[("", "tick 0.1")], None),
            &[before, "2024-01-03.. tick 0.1 (2024-01-03)"],
        ),
        // from here on the source is asked, and tells its terms with the day
        (
            "2024-01-07",
            told(&[("", "tick 0.1"), ("+2024-01-07", "tick 0.01")], None),
            &[
                before,
                "2024-01-03..2024-01-07 tick 0.1 (2024-01-07)",
                "2024-01-07.. tick 0.01 (2024-01-07)",
            ],
        ),
        (
            "2024-01-09",
            told(&[("", "tick 0.1"), ("+2024-01-07", "tick 0.01"), ("+2024-01-09", "tick 2")], None),
            &[
                before,
                "2024-01-03..2024-01-07 tick 0.1 (2024-01-07)",
                "2024-01-07..2024-01-09 tick 0.01 (2024-01-09)",
                "2024-01-09.. tick 2 (2024-01-09)",
            ],
        ),
        // whoever dates what came before corrects it
        (
            "2024-01-11",
            told(&[("2024-01-02", "tick 0.1"), ("+2024-01-07", "tick 0.01")], None),
            &[
                "1970-01-01..2024-01-02  (2024-01-11)",
                "2024-01-02..2024-01-07 tick 0.1 (2024-01-11)",
                "2024-01-07.. tick 0.01 (2024-01-11)",
            ],
        ),
    ]);
}

#[test]
fn what_was_dated_ahead_and_is_stated_no_longer_never_comes() {
    check(&[
        (
            "2024-01-01",
            told(&[("", "tick 1"), ("2027-01-01", "tick 0.1")], None),
            &["1970-01-01..2027-01-01 tick 1 (2024-01-01)", "2027-01-01.. tick 0.1 (2024-01-01)"],
        ),
        (
            "2024-01-03",
            told(&[("", "tick 0.01")], None),
            &["1970-01-01..2024-01-03 tick 1 (2024-01-03)", "2024-01-03.. tick 0.01 (2024-01-03)"],
        ),
    ]);
}

#[test]
fn a_listing_tells_the_days_between_which_it_lives() {
    let seen = |first: &str, last: &str, goes_on: bool| {
        let of = |text: &str| (!text.is_empty()).then(|| day(text));
        Some(Seen { first: of(first), last: of(last), goes_on })
    };
    let plain = |seen| told(&[("", "base LUNA")], seen);
    check(&[
        (
            "2022-01-01",
            plain(seen("2021-03-01", "", true)),
            &["1970-01-01.. base LUNA, from 2021-03-01 (2022-01-01)"],
        ),
        // another dataset begins later, and a run that looks at old days sees no end
        (
            "2022-01-02",
            plain(seen("2021-12-01", "", false)),
            &["1970-01-01.. base LUNA, from 2021-03-01 (2022-01-01)"],
        ),
        (
            "2022-07-01",
            plain(seen("2020-08-21", "2022-05-13", false)),
            &["1970-01-01.. base LUNA, from 2020-08-21, to 2022-05-13 (2022-07-01)"],
        ),
        (
            "2022-07-02",
            plain(seen("", "", false)),
            &["1970-01-01.. base LUNA, from 2020-08-21, to 2022-05-13 (2022-07-01)"],
        ),
        // it comes back
        (
            "2022-09-01",
            plain(seen("", "", true)),
            &["1970-01-01.. base LUNA, from 2020-08-21 (2022-09-01)"],
        ),
        // what is said counts more than what is seen; a name that was given again is listed again
        (
            "2022-09-02",
            told(
                &[
                    ("", "base LUNA, to 2022-05-13, now LUNCUSDT"),
                    ("2022-05-31", "base LUNA, from 2022-05-31"),
                ],
                seen("2020-08-21", "", true),
            ),
            &[
                "1970-01-01..2022-05-31 base LUNA, from 2020-08-21, to 2022-05-13, now LUNCUSDT (2022-09-02)",
                "2022-05-31.. base LUNA, from 2022-05-31 (2022-09-02)",
            ],
        ),
    ]);
}

#[test]
fn an_older_plan_is_not_listened_to() {
    let newer = Teller { at: at("2024-01-02"), run: "newer" };
    let held = merge(&[], &told(&[("", "tick 1")], None), &newer).expect("a row");
    let older = Teller { at: at("2024-01-01"), run: "older" };
    assert_eq!(merge(&held, &told(&[("", "tick 2")], None), &older), None);
}

#[test]
fn what_is_told_goes_through_the_plan() {
    let told = told(&[("", "base BTC, tick 0.10"), ("2024-01-01", "to 2024-03-29")], None);
    let text = serde_json::to_string(&told).expect("json");
    assert_eq!(
        text,
        r#"{"source":"acme","market":"spot","symbol":"BTCUSDT","statements":[{"facts":{"base":"BTC","tick_size":"0.1"}},{"from":"2024-01-01","facts":{"listed_to":"2024-03-29"}}]}"#
    );
    assert_eq!(serde_json::from_str::<Told>(&text).expect("told"), told);
    // a run repeated from its plan tells the same
    let teller = Teller { at: at("2024-02-01"), run: "r" };
    let again = merge(&[], &serde_json::from_str(&text).expect("told"), &teller);
    assert_eq!(merge(&[], &told, &teller), again);
}

#[test]
fn terms_that_a_source_dates_are_of_one_listing() {
    let first = |text: &str| Some(Seen { first: Some(day(text)), ..Seen::default() });
    check(&[
        (
            "2024-01-05",
            told(&[("", "base BTC"), ("+2024-01-05", "base BTC, tick 0.1")], first("2019-09-08")),
            &[
                "1970-01-01..2024-01-05 base BTC, from 2019-09-08 (2024-01-05)",
                "2024-01-05.. base BTC, tick 0.1, from 2019-09-08 (2024-01-05)",
            ],
        ),
        // a run that does not see the first day knows it by the row before
        (
            "2024-01-07",
            told(
                &[
                    ("", "base BTC"),
                    ("+2024-01-05", "base BTC, tick 0.1"),
                    ("+2024-01-07", "base BTC, tick 0.01"),
                ],
                Some(Seen { last: Some(day("2024-03-01")), ..Seen::default() }),
            ),
            &[
                "1970-01-01..2024-01-05 base BTC, from 2019-09-08, to 2024-03-01 (2024-01-07)",
                "2024-01-05..2024-01-07 base BTC, tick 0.1, from 2019-09-08, to 2024-03-01 (2024-01-07)",
                "2024-01-07.. base BTC, tick 0.01, from 2019-09-08, to 2024-03-01 (2024-01-07)",
            ],
        ),
    ]);
}
