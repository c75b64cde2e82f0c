//! Rules at work: which of them fit a path, and how often they have applied.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::faults::{Fault, Faults, Rule, Target};
use crate::random::{of_number, of_words};

/// Rules at work: they remember how often they applied.
#[derive(Debug)]
pub(crate) struct LiveFaults {
    faults: Faults,
    /// For each rule and path: how often it was asked, how often it applied.
    counts: Mutex<HashMap<(usize, String), (u64, u64)>>,
}

impl LiveFaults {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { faults, counts: Mutex::default() }
    }

    pub(crate) const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How often each rule applied.
    pub(crate) fn applied(&self) -> Vec<u64> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut applied = vec![0; self.faults.rules.len()];
        for ((rule, _), (_, hits)) in counts.iter() {
            applied[*rule] += hits;
        }
        applied
    }

    /// The faults of this answer; asking counts.
    pub(crate) fn answer(&self, path: &str) -> Vec<Fault> {
        let mut found = Vec::new();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (n, rule) in self.faults.rules.iter().enumerate() {
            if rule.fault.target() != Target::Answer || !fits(&rule.path, path) {
                continue;
            }
            let used = used(&counts, n, rule, path);
            let (asked, hits) = counts.entry((n, path.to_owned())).or_default();
            *asked += 1;
            let drawn = self.drawn(n, rule, path, *asked);
            if drawn && rule.times.is_none_or(|times| used < times) {
                *hits += 1;
                found.push(rule.fault.clone());
                if matches!(rule.fault, Fault::Status { .. }) {
                    break;
                }
            }
        }
        found
    }

    /// The faults that the archive of `key`, or its checksum file, has now.
    pub(crate) fn standing(&self, key: &str, target: Target) -> Vec<Fault> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        self.standing_rules(&counts, key, target).map(|(_, rule)| rule.fault.clone()).collect()
    }

    /// Notes that the archive of `key`, or its checksum file, was served with its faults.
    pub(crate) fn served(&self, key: &str, target: Target) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let rules: Vec<usize> = self.standing_rules(&counts, key, target).map(|(n, _)| n).collect();
        for n in rules {
            counts.entry((n, key.to_owned())).or_default().1 += 1;
        }
    }

    fn standing_rules<'a>(
        &'a self,
        counts: &'a HashMap<(usize, String), (u64, u64)>,
        key: &'a str,
        target: Target,
    ) -> impl Iterator<Item = (usize, &'a Rule)> {
        self.faults.rules.iter().enumerate().filter(move |(n, rule)| {
            rule.fault.target() == target
                && fits(&rule.path, key)
                && self.drawn(*n, rule, key, 0)
                && rule.times.is_none_or(|times| used(counts, *n, rule, key) < times)
        })
    }

    fn drawn(&self, number: usize, rule: &Rule, path: &str, asked: u64) -> bool {
        rule.probability.is_none_or(|p| {
            let draw = of_words(of_number(self.faults.seed, number as i64), &[path]);
            let draw = of_number(draw, asked as i64);
            ((draw >> 11) as f64) < p * (1_u64 << 53) as f64
        })
    }
}

/// How often a rule has applied, for its path or for all.
fn used(
    counts: &HashMap<(usize, String), (u64, u64)>,
    number: usize,
    rule: &Rule,
    path: &str,
) -> u64 {
    if rule.times.is_none() {
        0
    } else if rule.each {
        counts.get(&(number, path.to_owned())).map_or(0, |c| c.1)
    } else {
        counts.iter().filter(|((n, _), _)| *n == number).map(|(_, c)| c.1).sum()
    }
}

/// Whether a path fits a pattern: `*` within a folder, `**` anything, `?` one character.
pub(crate) fn fits(pattern: &str, path: &str) -> bool {
    fn go(p: &[u8], t: &[u8]) -> bool {
        match p {
            [] => t.is_empty(),
            [b'*', b'*', rest @ ..] => (0..=t.len()).any(|i| go(rest, &t[i..])),
            [b'*', rest @ ..] => {
                let end = t.iter().position(|b| *b == b'/').unwrap_or(t.len());
                (0..=end).any(|i| go(rest, &t[i..]))
            }
            [b'?', rest @ ..] => t.first().is_some_and(|b| *b != b'/') && go(rest, &t[1..]),
            [byte, rest @ ..] => t.first() == Some(byte) && go(rest, &t[1..]),
        }
    }
    go(pattern.as_bytes(), path.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_paths() {
        let check = |pattern: &str, path: &str, expect: bool| {
            assert_eq!(fits(pattern, path), expect, "{pattern} {path}");
        };
        check("**", "data/spot/x.zip", true);
        check("data/*/x.zip", "data/spot/x.zip", true);
        check("data/*.zip", "data/spot/x.zip", false);
        check("data/**.zip", "data/spot/daily/x.zip", true);
        check("**/BTC*2024-01-0?.zip", "data/spot/BTCUSDT-trades-2024-01-02.zip", true);
        check("**/BTC*2024-01-0?.zip", "data/spot/BTCUSDT-trades-2024-01-12.zip", false);
        check("list:**", "list:data/spot/", true);
        check("*", "a", true);
        check("", "a", false);
    }

    #[test]
    fn rules_apply_as_often_as_they_say() {
        let cut = Fault::Cut { at: 1 };
        let faults = Faults::of(vec![
            Rule::always("a*", cut.clone()).times(2),
            Rule::always("b*", cut.clone()).times_each(1),
            Rule::always("c*", cut).likely(0.5),
            Rule::always("d*", Fault::Crlf).times(1),
            Rule::always("e*", Fault::Crlf).likely(0.5),
        ]);
        let live = LiveFaults::new(faults);
        let fired = |path: &str| live.answer(path).len();
        assert_eq!([fired("a1"), fired("a2"), fired("a3")], [1, 1, 0]);
        assert_eq!([fired("b1"), fired("b2"), fired("b1"), fired("b2")], [1, 1, 0, 0]);
        let hits: usize = (0..1000).map(|_| fired("c")).sum();
        assert!((400..600).contains(&hits), "{hits} of 1000");
        let standing = |path: &str| live.standing(path, Target::Archive).len();
        assert_eq!((standing("d1"), standing("d1")), (1, 1), "looking does not count");
        live.served("d1", Target::Archive);
        assert_eq!(standing("d2"), 0);
        let keys = (0..1000).filter(|n| standing(&format!("e{n}")) == 1).count();
        assert!((400..600).contains(&keys), "{keys} of 1000");
        assert_eq!(live.applied()[..2], [2, 2]);
    }
}
