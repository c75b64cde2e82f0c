//! What a source has answered, day by day, of the instruments of a market: since when each of their terms
//! holds, as far as anybody has asked. The answers themselves lie in bronze; this is made of them in the
//! order of their days, and can be made again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Facts, Statement};
use crate::{Day, Symbol};

/// What the answers up to a day say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The day of the last answer; `None` before the first one.
    pub as_of: Option<Day>,
    /// When the source was asked since then and did not say it, or said what nobody understands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_vain_at: Option<DateTime<Utc>>,
    /// All instruments that were ever told of.
    pub instruments: BTreeMap<Symbol, Terms>,
}

/// What was told of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The first day of trading, by the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_from: Option<Day>,
    /// The last day of trading, by the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_to: Option<Day>,
    /// The terms of trading, each from the day on whose answer was the first to say so; nothing is told of
    /// the days before. They are empty from the day on on which the source does not know the instrument.
    pub since: Vec<(Day, Facts)>,
}

impl Known {
    /// Takes note of a day's answer. One that is not later than the last changes nothing. Of an instrument
    /// that is told and was not understood what was known holds on.
    pub fn learn(&mut self, day: Day, told: BTreeMap<Symbol, Option<Facts>>) {
        if self.as_of >= Some(day) {
            return;
        }
        self.as_of = Some(day);
        for (symbol, terms) in &mut self.instruments {
            if !told.contains_key(symbol) {
                terms.hold(day, Facts::default());
            }
        }
        for (symbol, facts) in told {
            let Some(mut facts) = facts else { continue };
            let terms = self.instruments.entry(symbol).or_default();
            (terms.listed_from, terms.listed_to) =
                (facts.listed_from.take(), facts.listed_to.take());
            terms.hold(day, facts);
        }
    }
}

impl Terms {
    fn hold(&mut self, day: Day, facts: Facts) {
        if self.since.last().is_none_or(|(_, last)| *last != facts) {
            self.since.push((day, facts));
        }
    }

    /// `stated` by the configuration and by names, and where these are silent the terms, each from its day
    /// on.
    pub fn beside(&self, stated: Vec<Statement>) -> Vec<Statement> {
        let mut all: Vec<Statement> = Vec::new();
        let ends: Vec<Option<Day>> = stated.iter().skip(1).map(|next| next.from).collect();
        for (n, statement) in stated.into_iter().enumerate() {
            let end = ends.get(n).copied().flatten();
            let at_once = self.since.iter().rev().find(|(day, _)| Some(*day) <= statement.from);
            let later = self
                .since
                .iter()
                .filter(|(day, _)| Some(*day) > statement.from && end.is_none_or(|end| *day < end));
            let later = later.map(|(day, terms)| Statement {
                from: Some(*day),
                goes_on: true,
                facts: statement.facts.clone().or(terms.clone()),
            });
            let later: Vec<Statement> = later.collect();
            let terms = at_once.map(|(_, terms)| terms.clone()).unwrap_or_default();
            all.push(Statement { facts: statement.facts.or(terms), ..statement });
            for one in later {
                if all.last().is_none_or(|last| last.facts != one.facts) {
                    all.push(one);
                }
            }
        }
        // the source tells of what is listed now, which of a name that is given again is the last
        let last = all.iter().rposition(|one| !one.goes_on).unwrap_or_default();
        for one in all.iter_mut().skip(last) {
            one.facts.listed_to = one.facts.listed_to.or(self.listed_to);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect(text)
    }

    fn ticks(of: &[(&str, &str)]) -> BTreeMap<Symbol, Option<Facts>> {
        let facts = |tick: &str| Facts {
            tick_size: Some(tick.parse().expect(tick)),
            status: Some("TRADING".to_owned()),
            listed_from: Some(day("2019-09-08")),
            ..Facts::default()
        };
        of.iter()
            .map(|(symbol, tick)| {
                let facts = (!tick.is_empty()).then(|| facts(tick));
                (symbol.parse().expect(symbol), facts)
            })
            .collect()
    }

    #[test]
    fn a_term_holds_from_the_day_on_on_which_it_was_learnt() {
        let mut known = Known::default();
        known.learn(day("2024-01-02"), ticks(&[("BTCUSDT", "0.1"), ("LUNAUSDT", "1")]));
        known.learn(day("2024-01-03"), ticks(&[("BTCUSDT", ""), ("LUNAUSDT", "1")]));
        known.learn(day("2024-01-05"), ticks(&[("BTCUSDT", "0.01")]));
        let before = known.clone();
        // an answer of a day that is known already
        known.learn(day("2024-01-04"), ticks(&[("BTCUSDT", "7")]));
        known.learn(day("2024-01-05"), ticks(&[("BTCUSDT", "7")]));
        assert_eq!(known, before);
        let json = serde_json::to_string(&known).expect("json");
        assert_eq!(serde_json::from_str::<Known>(&json).expect("the same"), known);
        let terms =
            |symbol: &str| known.instruments[&symbol.parse::<Symbol>().expect(symbol)].clone();
        let shown = |symbol: &str| -> Vec<String> {
            let tick =
                |facts: &Facts| facts.tick_size.map_or("-".to_owned(), |tick| tick.to_string());
            terms(symbol)
                .since
                .iter()
                .map(|(day, facts)| format!("{day} {}", tick(facts)))
                .collect()
        };
        assert_eq!(shown("BTCUSDT"), ["2024-01-02 0.1", "2024-01-05 0.01"]);
        assert_eq!(shown("LUNAUSDT"), ["2024-01-02 1", "2024-01-05 -"]);
        assert_eq!(terms("BTCUSDT").listed_from, Some(day("2019-09-08")));
    }

    #[test]
    fn what_is_stated_goes_before_and_terms_begin_on_their_days() {
        let mut known = Known::default();
        known.learn(day("2024-01-02"), ticks(&[("BTCUSDT", "0.1")]));
        known.learn(day("2024-01-05"), ticks(&[("BTCUSDT", "0.01")]));
        let terms = &known.instruments[&"BTCUSDT".parse::<Symbol>().expect("symbol")];
        let check = |stated: &[(&str, &str)], expect: &[&str]| {
            let stated = stated.iter().map(|(from, tick)| Statement {
                from: (!from.is_empty()).then(|| day(from)),
                goes_on: false,
                facts: Facts {
                    tick_size: (!tick.is_empty()).then(|| tick.parse().expect(tick)),
                    ..Facts::default()
                },
            });
            let found = terms.beside(stated.collect());
            let shown: Vec<String> = found
                .iter()
                .map(|one| {
                    let from = one.from.map_or_else(|| "-".to_owned(), |from| from.to_string());
                    let tick = one.facts.tick_size.map_or("-".to_owned(), |tick| tick.to_string());
                    let status = one.facts.status.as_deref().unwrap_or("-");
                    format!("{}{from} {tick} {status}", if one.goes_on { "+" } else { "" })
                })
                .collect();
            assert_eq!(shown, expect);
        };
        let learnt = ["- - -", "+2024-01-02 0.1 TRADING", "+2024-01-05 0.01 TRADING"];
        check(&[("", "")], &learnt);
        // what is configured holds on all days, and what it leaves open is told
        check(&[("", "5")], &["- 5 -", "+2024-01-02 5 TRADING"]);
        check(
            &[("", ""), ("2024-01-03", "5")],
            &["- - -", "+2024-01-02 0.1 TRADING", "2024-01-03 5 TRADING"],
        );
        check(
            &[("", "5"), ("2024-01-05", "")],
            &["- 5 -", "+2024-01-02 5 TRADING", "2024-01-05 0.01 TRADING"],
        );
        check(
            &[("", ""), ("2025-01-01", "")],
            &[&learnt[..], &["2025-01-01 0.01 TRADING"]].concat(),
        );
    }
}
