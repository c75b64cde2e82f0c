//! From ranges to series: which (market, dataset, symbol, timeframe) over which days.

use std::ops::Range;

use chrono::{NaiveTime, Timelike as _};
use serde::{Deserialize, Serialize};

use super::{
    Archives, Config, DatasetConfig, PublicationLag, RangeConfig, Recheck, Section, Venues,
};
use crate::market::{Dataset, Market, Source, Timeframe};
use crate::period::{Cadence, DAY_MICROS, Day};
use crate::symbol::Symbol;
use crate::unit::short_hash;

/// One series of archives that the configuration wants.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// The provider.
    pub source: Source,
    /// The kind of market.
    pub market: Market,
    /// What the archives hold.
    pub dataset: Dataset,
    /// The instrument.
    pub symbol: Symbol,
    /// The bar length; `Some` exactly for bars.
    pub timeframe: Option<Timeframe>,
    /// First day wanted.
    pub from: Day,
    /// Last day wanted, never after [`Self::end`].
    pub to: Day,
    /// Which archives to use.
    pub archives: Archives,
    /// How late they may come.
    pub lag: PublicationLag,
    /// When the series ends for good, in µs since the epoch: the first instant of which nothing
    /// is expected any more. From the configuration's `until`, else from the symbol
    /// ([`Venues::expiry`]); `None` where neither tells.
    pub end: Option<i64>,
    /// How many minutes after a minute's end what no archive holds yet is asked for; `None` where
    /// nobody asks.
    pub tail: Option<u32>,
}

impl Series {
    /// What of a day belongs to the series, in µs since the epoch: the whole day, up to the end
    /// on the last one, nothing (an empty range) after it.
    pub fn span(&self, day: Day) -> Range<i64> {
        let (start, midnight) = (day.start_micros(), day.start_micros() + DAY_MICROS);
        start..self.end.map_or(midnight, |end| end.clamp(start, midnight))
    }

    /// The last day of which anything is expected.
    pub fn last_day(&self) -> Option<Day> {
        last_day(self.end?)
    }
}

/// The last day before an end.
fn last_day(end: i64) -> Option<Day> {
    Day::of_micros(end.checked_sub(1)?)
}

/// The end that an `until` states: the day is the last one, an instant is the first one after.
pub(super) fn parse_until(text: &str) -> Option<i64> {
    if let Ok(day) = text.parse::<Day>() {
        return Some(day.start_micros() + DAY_MICROS);
    }
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (day, time) = text.split_once(['T', ' '])?;
    let day: Day = day.parse().ok()?;
    let is_time = time.bytes().enumerate().all(|(i, b)| match i % 3 {
        2 => b == b':',
        _ => b.is_ascii_digit(),
    });
    let form = match time.len() {
        5 => "%H:%M",
        8 => "%H:%M:%S",
        _ => return None,
    };
    let time = is_time.then(|| NaiveTime::parse_from_str(time, form).ok()).flatten()?;
    let seconds = i64::from(time.num_seconds_from_midnight());
    // 23:59:60 is a leap second to the parser, and no second of ours
    (time.nanosecond() < 1_000_000_000).then(|| day.start_micros() + seconds * 1_000_000)
}

/// What narrows a run: `--from --to --source --symbol --dataset`. Empty means everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// First day.
    pub from: Option<Day>,
    /// Last day.
    pub to: Option<Day>,
    /// Sources. Left out where there is none, so that hashes of former versions hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// Symbols.
    pub symbols: Vec<Symbol>,
    /// Datasets.
    pub datasets: Vec<Dataset>,
}

impl Scope {
    /// Stands for this scope in a plan, and for whether the plan tries archives again that
    /// failed before.
    pub fn hash(&self, retry_bad: bool) -> String {
        let scope = short_hash(&serde_json::to_string(self).unwrap_or_default());
        if retry_bad { short_hash(&format!("{scope} retry-bad")) } else { scope }
    }

    fn admits(&self, series: &Series) -> bool {
        (self.sources.is_empty() || self.sources.contains(&series.source))
            && (self.symbols.is_empty() || self.symbols.contains(&series.symbol))
            && (self.datasets.is_empty() || self.datasets.contains(&series.dataset))
    }
}

impl RangeConfig {
    /// First and last day, not after `newest`, seen from `today`. The validation has made sure that it
    /// reads.
    fn days(&self, today: Day, newest: Day) -> Option<(Day, Day)> {
        if let Some(n) = self.last_days {
            return Some((today.minus(n), newest));
        }
        let from = self.from.as_ref()?.parse().ok()?;
        let to = match &self.to {
            Some(to) => to.parse::<Day>().ok()?.min(newest),
            None => newest,
        };
        Some((from, to))
    }
}

impl Section {
    /// How a dataset of a symbol is taken.
    fn dataset(&self, market: Market, symbol: &Symbol, dataset: Dataset) -> Option<&DatasetConfig> {
        let of = self.markets.get(&market)?;
        let special = of.overrides.get(symbol.as_str());
        let special = special.and_then(|special| special.value.datasets.as_ref());
        Some(&special.unwrap_or(&of.datasets).get(&dataset)?.value)
    }

    /// Days from one asking to the next for a dataset of a symbol of which the source tells what it
    /// knows now alone.
    pub fn every(&self, market: Market, symbol: &Symbol, dataset: Dataset) -> u32 {
        let how = self.dataset(market, symbol, dataset);
        let every = how.and_then(|how| how.every.as_ref());
        every.map_or(dataset.asked_every().unwrap_or(1), |every| every.value.days())
    }

    /// For how long the answers of a dataset of a symbol are asked for again.
    pub fn recheck_of(&self, market: Market, symbol: &Symbol, dataset: Dataset) -> Recheck {
        let how = self.dataset(market, symbol, dataset);
        let own = how.and_then(|how| how.recheck.as_ref()).map(|recheck| recheck.value);
        own.or(self.recheck).unwrap_or_default()
    }
}

impl Config {
    /// When a symbol of a market ends for good, in µs since the epoch: by `until`, the override's
    /// before the market's, else by its name.
    pub fn end(
        &self,
        source: Source,
        market: Market,
        symbol: &Symbol,
        venues: &dyn Venues,
    ) -> Option<i64> {
        let section = self.sources.get(&source).and_then(|section| section.markets.get(&market));
        let special = section
            .and_then(|s| s.overrides.get(symbol.as_str()))
            .and_then(|o| o.value.until.as_ref());
        let until = special.or_else(|| section.and_then(|s| s.until.as_ref()));
        until
            .and_then(|until| parse_until(&until.value))
            .or_else(|| venues.expiry(source, market, symbol))
    }

    /// The series wanted within `scope`, in order, seen from `today` (UTC). Series without a
    /// day are left out, and so are days after a series' end.
    pub fn series(&self, today: Day, scope: &Scope, venues: &dyn Venues) -> Vec<Series> {
        let mut all = Vec::new();
        let markets = self
            .sources
            .iter()
            .flat_map(|(source, of)| of.markets.iter().map(move |(m, s)| (*source, of, *m, s)));
        for (source, of, market, section) in markets {
            for symbol in &section.symbols {
                let symbol = &symbol.value;
                let special = section.overrides.get(symbol).map(|o| &o.value);
                let range = special.and_then(|o| o.range.as_ref()).unwrap_or(&section.range);
                let datasets =
                    special.and_then(|o| o.datasets.as_ref()).unwrap_or(&section.datasets);
                let Ok(symbol) = symbol.parse::<Symbol>() else { continue };
                let end = self.end(source, market, &symbol, venues);
                for (dataset, how) in datasets {
                    let archives = match venues.only(source, market, *dataset) {
                        Some(Cadence::Daily) => Archives::Daily,
                        Some(Cadence::Monthly) => Archives::Monthly,
                        None => how.value.archives,
                    };
                    // who wants months alone does not want what comes minute by minute
                    let is_asked =
                        archives != Archives::Monthly && venues.has_tail(source, market, *dataset);
                    let tail = of.tail.as_ref().filter(|tail| tail.datasets.contains(dataset));
                    let tail = tail.filter(|_| is_asked).map(|tail| tail.minutes);
                    // of days that are not over there is no archive, however far ahead `to` lies; what
                    // is told of now is had today or never, and a tail reaches today
                    let reaches_today = dataset.tells_now() || tail.is_some();
                    let newest = if reaches_today { today } else { today.minus(1) };
                    let Some((from, to)) = range.value.days(today, newest) else { continue };
                    let to = end.and_then(last_day).map_or(to, |last| last.min(to));
                    let timeframes: Vec<_> = if dataset.has_timeframe() {
                        how.value.timeframes.iter().map(|t| Some(t.value)).collect()
                    } else {
                        vec![None]
                    };
                    all.extend(timeframes.into_iter().map(|timeframe| Series {
                        source,
                        market,
                        dataset: *dataset,
                        symbol: symbol.clone(),
                        timeframe,
                        from: scope.from.map_or(from, |f| f.max(from)),
                        to: scope.to.map_or(to, |t| t.min(to)),
                        archives,
                        lag: of.publication_lag,
                        end,
                        tail,
                    }));
                }
            }
        }
        all.retain(|s| s.from <= s.to && scope.admits(s));
        all.sort();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_day_or_an_instant() {
        let check = |text: &str, expect: Option<&str>| {
            let expect = expect.map(|time| {
                chrono::DateTime::parse_from_rfc3339(time).expect(time).timestamp_micros()
            });
            assert_eq!(parse_until(text), expect, "{text}");
        };
        check("2025-01-31", Some("2025-02-01T00:00:00Z"));
        check("2025-01-31T09:00", Some("2025-01-31T09:00:00Z"));
        check("2025-01-31 09:00:30Z", Some("2025-01-31T09:00:30Z"));
        check("2025-01-31T00:00", Some("2025-01-31T00:00:00Z"));
        for bad in ["", "2025-02-30", "2025-01-31T", "2025-01-31T9:00", "2025-01-31T24:00"] {
            check(bad, None);
        }
        for bad in ["2025-01-31T09:00+01:00", "2025-01-31T23:59:60", "2025-01-31Tññ:0", "soon"] {
            check(bad, None);
        }
    }

    #[test]
    fn the_last_day_ends_with_its_series() {
        let series = |end| Series {
            source: Source::new("binance"),
            market: Market::new("coinm"),
            dataset: Dataset::Trades,
            symbol: "BTCUSD_210625".parse().expect("symbol"),
            timeframe: None,
            from: Day::of_epoch_days(0).expect("day"),
            to: Day::of_epoch_days(9).expect("day"),
            archives: Archives::Auto,
            lag: PublicationLag::default(),
            end,
            tail: None,
        };
        let day = |text: &str| text.parse::<Day>().expect(text);
        let hours = |series: &Series, text: &str| {
            let span = series.span(day(text));
            (span.end - span.start) / 3_600_000_000
        };
        let dated = series(parse_until("2021-06-25T08:00"));
        assert_eq!(hours(&dated, "2021-06-24"), 24);
        assert_eq!(hours(&dated, "2021-06-25"), 8);
        assert_eq!(hours(&dated, "2021-06-26"), 0);
        assert_eq!(dated.last_day(), Some(day("2021-06-25")));
        assert_eq!(hours(&series(None), "2021-06-26"), 24);
        // an end at midnight leaves the day before whole
        let midnight = series(parse_until("2021-06-25"));
        assert_eq!(hours(&midnight, "2021-06-25"), 24);
        assert_eq!(midnight.last_day(), Some(day("2021-06-25")));
    }
}
