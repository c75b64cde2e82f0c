//! What the types of a `lake.yaml` cannot say: forms, ranges, duplicates and limits.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_saphyr::{Location, Spanned};

use super::aws::{EXPRESSIONS, is_expression};
use super::series::parse_until;
use super::{
    Archives, BadConfig, Config, DatasetConfig, Fault, MarketConfig, RangeConfig, Section, Tail,
    Venues, instruments,
};
use crate::market::{Dataset, Market, Source};
use crate::period::{Cadence, Day};
use crate::symbol::Symbol;

/// The library's message without its own position, which [`BadConfig`] states already.
pub(super) fn plain_message(text: &str) -> String {
    let first = text.lines().next().unwrap_or(text).trim();
    let start = first.find(" at line ").unwrap_or(first.len());
    let message = first[..start].trim_end_matches(':').trim();
    match message.strip_prefix("error: line ").and_then(|m| m.split_once(": ")) {
        Some((_, rest)) => rest.to_owned(),
        None => message.to_owned(),
    }
}

/// What the library expected, in our words, with what stands there. Its own messages name Rust's
/// types and not what was found.
pub(super) fn telling_message(message: &str, line: &str) -> String {
    let Some(kind) = message.strip_prefix("invalid ") else { return message.to_owned() };
    let expected = match kind {
        "u32" => "a whole number of at most 4294967295, without leading zeros",
        "u64" => "a whole number, without leading zeros",
        "floating point" => "a number",
        "boolean" => "true or false",
        _ => return message.to_owned(),
    };
    let found = line.split(" #").next().unwrap_or(line).trim();
    format!("bad value in `{found}`, expected {expected}")
}

/// The line, from 1 on, on which the last of nested keys stands, such as `limits`, `batch`,
/// `units`; each is looked for after the one before.
fn line_of(text: &str, keys: &[&str]) -> Option<u64> {
    let mut at = 0;
    for key in keys {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let found = text[at..].match_indices(key).map(|(i, _)| at + i).find(|&i| {
            let line = text[..i].rfind('\n').map_or(0, |n| n + 1);
            let is_comment = text[line..i].contains('#');
            let is_whole = !text[..i].ends_with(is_word);
            is_whole && !is_comment && text[i + key.len()..].trim_start().starts_with(':')
        })?;
        at = found + key.len();
    }
    Some(text[..at].matches('\n').count() as u64 + 1)
}

/// Words of which one is expected: `spot, usdm or coinm`.
fn told(words: &[impl ToString]) -> String {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn bad_url(key: &str, value: &str, why: &str) -> String {
    format!(
        "bad {key} `{value}`: {why}, expected https://host[:port][/path] without a slash at its end \
         (plain http only to 127.0.0.1 or localhost)"
    )
}

/// No archive of any source is older; a day before it is a slip of the pen, such as year 0001.
const EARLIEST: NaiveDate = NaiveDate::from_epoch_days(0).expect("1970-01-01");

struct Checker<'a> {
    file: &'a str,
    text: &'a str,
    venues: &'a dyn Venues,
}

impl Checker<'_> {
    fn refuse(&self, at: Location, message: impl Into<String>) -> BadConfig {
        BadConfig { file: self.file.to_owned(), line: at.line(), message: message.into() }
    }

    /// A refusal of a key; what has no position of its own, as a section once its defaults are filled
    /// in, is looked for in the text.
    fn refuse_key(&self, keys: &[&str], at: Location, message: String) -> BadConfig {
        let mut bad = self.refuse(at, message);
        bad.line = line_of(self.text, keys).unwrap_or(bad.line);
        bad
    }

    fn url(&self, url: &Spanned<String>, key: &str) -> Result<(), BadConfig> {
        let value = url.value.as_str();
        match super::source_url::fault(value) {
            None => Ok(()),
            Some(why) => Err(self.refuse(url.referenced, bad_url(key, value, why))),
        }
    }

    fn day(&self, text: &str, key: &str, at: Location) -> Result<Day, BadConfig> {
        text.parse().map_err(|_| {
            self.refuse(at, format!("bad {key} `{text}`, expected a day such as 2024-01-31"))
        })
    }

    fn range(&self, range: &Spanned<RangeConfig>) -> Result<(), BadConfig> {
        let at = range.referenced;
        let value = &range.value;
        match (&value.from, &value.to, value.last_days) {
            (None, None, Some(1..=20_000)) => Ok(()),
            (None, None, Some(n)) => {
                Err(self.refuse(at, format!("bad last_days {n}, expected 1 to 20000")))
            }
            (Some(from), to, None) => {
                let first = self.day(from, "from", at)?;
                if first < Day::new(EARLIEST) {
                    let message = format!("bad from `{from}`, expected {EARLIEST} or later");
                    return Err(self.refuse(at, message));
                }
                let Some(to) = to else { return Ok(()) };
                let last = self.day(to, "to", at)?;
                if first <= last {
                    Ok(())
                } else {
                    Err(self
                        .refuse(at, format!("impossible range: from {first} is after to {last}")))
                }
            }
            _ => Err(self.refuse(
                at,
                "bad range, expected {from: DAY, to: DAY}, {from: DAY} or {last_days: N}",
            )),
        }
    }

    fn until(&self, until: Option<&Spanned<String>>) -> Result<(), BadConfig> {
        let Some(until) = until else { return Ok(()) };
        if parse_until(&until.value).is_some() {
            return Ok(());
        }
        Err(self.refuse(
            until.referenced,
            format!(
                "bad until `{}`, expected the last day such as 2025-01-31, or the instant of the \
                 end in UTC such as 2025-01-31T09:00",
                until.value
            ),
        ))
    }

    fn symbol(
        &self,
        text: &str,
        (source, market): (Source, Market),
        at: Location,
    ) -> Result<Symbol, BadConfig> {
        let symbol: Symbol = text.parse().map_err(|error| self.refuse(at, format!("{error}")))?;
        match self.venues.expected_symbol(source, market, &symbol) {
            None => Ok(symbol),
            Some(expected) => Err(self.refuse(
                at,
                format!("bad symbol `{text}` for market {market}, expected {expected}"),
            )),
        }
    }

    fn datasets(
        &self,
        datasets: &BTreeMap<Dataset, Spanned<DatasetConfig>>,
        (source, market): (Source, Market),
        at: Location,
    ) -> Result<(), BadConfig> {
        let known = self.venues.datasets(source, market);
        if datasets.is_empty() {
            return Err(self.refuse(at, format!("no dataset, expected {}", told(&known))));
        }
        for (dataset, how) in datasets {
            if !known.contains(dataset) {
                let expected = told(&known);
                let message = format!("{source} has no {dataset} of {market}, expected {expected}");
                return Err(self.refuse(how.referenced, message));
            }
            let (wanted, only) = (how.value.archives, self.venues.only(source, market, *dataset));
            if let (Archives::Daily, Some(Cadence::Monthly))
            | (Archives::Monthly, Some(Cadence::Daily)) = (wanted, only)
            {
                let (had, expected) = match only {
                    Some(Cadence::Monthly) => ("monthly", "archives: monthly"),
                    _ => ("daily", "archives: daily"),
                };
                let message = format!(
                    "{source} has {had} archives only of {dataset}, expected {expected} or none said"
                );
                return Err(self.refuse(how.referenced, message));
            }
            let timeframes = &how.value.timeframes;
            if dataset.has_timeframe() == timeframes.is_empty() {
                let message = if dataset.has_timeframe() {
                    format!("{dataset} without timeframes, expected such as timeframes: [1m, 1h]")
                } else {
                    format!("{dataset} with timeframes, expected them for bars (klines) only")
                };
                return Err(self.refuse(how.referenced, message));
            }
            if let Some(every) = how.value.every.as_ref().filter(|_| !dataset.tells_now()) {
                let message = format!(
                    "{dataset} with every, expected it for what a source tells of now alone \
                     (fundamentals, last_quotes, splits, dividends)"
                );
                return Err(self.refuse(every.referenced, message));
            }
            if let Some(recheck) = how.value.recheck.as_ref().filter(|_| dataset.tells_now()) {
                let message = format!(
                    "{dataset} with recheck, expected `every`: the source tells of now alone, and how \
                     often it is asked is what that says"
                );
                return Err(self.refuse(recheck.referenced, message));
            }
            for (i, timeframe) in timeframes.iter().enumerate() {
                if timeframes[..i].iter().any(|t| t.value == timeframe.value) {
                    return Err(self.refuse(
                        timeframe.referenced,
                        format!("timeframe {} stands twice", timeframe.value),
                    ));
                }
            }
        }
        Ok(())
    }

    /// A source's section.
    fn source(&self, source: Source, section: &Section) -> Result<(), BadConfig> {
        let section_key = ["sources", source.as_str()];
        // a position for what has none: a key is looked for in the text
        let at =
            section.markets.values().next().map_or(Location::UNKNOWN, |of| of.range.referenced);
        let known = self.venues.sources();
        if !known.contains(&source) {
            let known = told(&known);
            return Err(self.refuse_key(
                &section_key,
                at,
                format!("unknown source `{source}`, expected {known}"),
            ));
        }
        if let Some(url) = &section.url {
            self.url(url, "url")?;
        }
        if let Some(url) = &section.listing_url {
            self.url(url, "listing_url")?;
        }
        if let Some(schedule) = &section.schedule
            && !is_expression(&schedule.value)
        {
            let message =
                format!("bad schedule `{}` of {source}, expected {EXPRESSIONS}", schedule.value);
            return Err(self.refuse(schedule.referenced, message));
        }
        let known = self.venues.markets(source);
        if let Some(tail) = &section.tail {
            self.tail(&section_key, tail, &known, at)?;
        }
        if let Some(asked) = &section.instruments {
            self.urls(&section_key, "instruments", &asked.urls, &known, at)?;
        }
        let expected = told(&known);
        if section.markets.is_empty() {
            let message = format!("no market, expected {expected} under markets");
            return Err(self.refuse_key(&section_key, at, message));
        }
        for (market, of) in &section.markets {
            if !known.contains(market) {
                return Err(self.refuse_key(
                    &["sources", source.as_str(), "markets", market.as_str()],
                    of.range.referenced,
                    format!("unknown market `{market}` of {source}, expected {expected}"),
                ));
            }
            self.market((source, *market), of)?;
        }
        match self.venues.fault(source, section) {
            None => Ok(()),
            Some(Fault { keys, message }) => {
                let keys: Vec<&str> =
                    section_key.into_iter().chain(keys.iter().map(String::as_str)).collect();
                Err(self.refuse_key(&keys, at, message))
            }
        }
    }

    fn tail(
        &self,
        section_key: &[&str; 2],
        tail: &Tail,
        known: &[Market],
        at: Location,
    ) -> Result<(), BadConfig> {
        let refuse = |keys: &[&str], message: String| {
            let keys: Vec<&str> =
                section_key.iter().chain(&["tail"]).chain(keys).copied().collect();
            Err(self.refuse_key(&keys, at, message))
        };
        if !(1..=60).contains(&tail.minutes) {
            return refuse(&["minutes"], format!("bad minutes {}, expected 1 to 60", tail.minutes));
        }
        self.urls(section_key, "tail", &tail.urls, known, at)
    }

    /// Hosts by market, in a part of a section.
    fn urls(
        &self,
        section_key: &[&str; 2],
        part: &str,
        urls: &BTreeMap<Market, String>,
        known: &[Market],
        at: Location,
    ) -> Result<(), BadConfig> {
        let refuse = |keys: &[&str], message: String| {
            let keys: Vec<&str> =
                section_key.iter().chain(&[part, "urls"]).chain(keys).copied().collect();
            Err(self.refuse_key(&keys, at, message))
        };
        for (market, url) in urls {
            if !known.contains(market) {
                let (source, expected) = (section_key[1], told(known));
                let message = format!("unknown market `{market}` of {source}, expected {expected}");
                return refuse(&[], message);
            }
            if let Some(why) = super::source_url::fault(url) {
                return refuse(&[market.as_str()], bad_url("url", url, why));
            }
        }
        Ok(())
    }

    fn market(
        &self,
        (source, market): (Source, Market),
        section: &MarketConfig,
    ) -> Result<(), BadConfig> {
        let at = section.range.referenced;
        if section.symbols.is_empty() {
            return Err(self.refuse(at, format!("market {market} has no symbols")));
        }
        let mut seen: BTreeMap<String, &Spanned<String>> = BTreeMap::new();
        for symbol in &section.symbols {
            let folded = self.symbol(&symbol.value, (source, market), symbol.referenced)?.folded();
            let Some(first) = seen.insert(folded, symbol) else { continue };
            let line = first.referenced.line();
            let message = if first.value == symbol.value {
                format!("symbol `{}` stands twice, first on line {line}", symbol.value)
            } else {
                format!(
                    "symbol `{}` cannot be told from `{}` on line {line} where case and Unicode \
                     forms do not count, expected one of them, as the source writes it",
                    symbol.value, first.value
                )
            };
            return Err(self.refuse(symbol.referenced, message));
        }
        self.range(&section.range)?;
        self.until(section.until.as_ref())?;
        self.datasets(&section.datasets, (source, market), at)?;
        for (symbol, special) in &section.overrides {
            if !section.symbols.iter().any(|s| s.value == *symbol) {
                return Err(self.refuse(
                    special.referenced,
                    format!("override of `{symbol}`, expected one of the market's symbols"),
                ));
            }
            if let Some(range) = &special.value.range {
                self.range(range)?;
            }
            self.until(special.value.until.as_ref())?;
            if let Some(datasets) = &special.value.datasets {
                self.datasets(datasets, (source, market), special.referenced)?;
            }
        }
        if let Some(bounds) = &section.price_bounds
            && let (Some(min), Some(max)) = (bounds.value.min, bounds.value.max)
            && min >= max
        {
            let message = format!("bad price_bounds: min {min}, expected less than max {max}");
            return Err(self.refuse(bounds.referenced, message));
        }
        for (symbol, told) in &section.instruments {
            let of = format!("instruments.{symbol}");
            if !section.symbols.iter().any(|s| s.value == *symbol) {
                let at = told.first().map_or(at, |first| first.referenced);
                let message = format!("{of}, expected one of the market's symbols");
                return Err(self.refuse(at, message));
            }
            if let Err((place, why)) = instruments::check(told.iter().map(|one| &one.value)) {
                let at = told.get(place).map_or(at, |one| one.referenced);
                return Err(self.refuse(at, format!("bad {of}: {why}")));
            }
        }
        Ok(())
    }

    fn gold(&self, config: &Config) -> Result<(), BadConfig> {
        match config.gold.fault() {
            None => Ok(()),
            Some((keys, message)) => {
                Err(self.refuse_key(&keys, config.environment.referenced, message))
            }
        }
    }

    fn limits(&self, config: &Config) -> Result<(), BadConfig> {
        let limits = &config.limits;
        let lags = config.sources.iter().flat_map(|(source, section)| {
            let lag = section.publication_lag;
            let key = |of: &str| format!("sources.{source}.publication_lag.{of}");
            [
                (key("daily_days"), u64::from(lag.daily_days), 0, 366),
                (key("monthly_days"), u64::from(lag.monthly_days), 0, 366),
            ]
        });
        let rows = [
            ("limits.download.concurrency", u64::from(limits.download.concurrency), 1, 64),
            ("limits.download.attempts", u64::from(limits.download.attempts), 1, 100),
            ("limits.download.backoff_ms", limits.download.backoff_ms, 1, 600_000),
            ("limits.download.max_backoff_ms", limits.download.max_backoff_ms, 1, 3_600_000),
            (
                "limits.download.idle_timeout_seconds",
                limits.download.idle_timeout_seconds,
                1,
                3_600,
            ),
            (
                "limits.download.total_timeout_seconds",
                limits.download.total_timeout_seconds,
                1,
                86_400,
            ),
            (
                "limits.download.answer_timeout_seconds",
                limits.download.answer_timeout_seconds,
                1,
                3_600,
            ),
            ("limits.download.archive_mib", limits.download.archive_mib, 1, 1 << 24),
            (
                "limits.download.listing_pages",
                u64::from(limits.download.listing_pages),
                1,
                1_000_000,
            ),
            (
                "limits.download.listing_idle_pages",
                u64::from(limits.download.listing_idle_pages),
                1,
                1_000_000,
            ),
            ("limits.silver.workers", u64::from(limits.silver.workers), 0, 256),
            ("limits.silver.memory_mib", limits.silver.memory_mib, 32, 1 << 20),
            ("limits.silver.row_group_rows", limits.silver.row_group_rows, 1_000, 16_777_216),
            ("limits.batch.mib", limits.batch.mib, 1, 1 << 20),
            ("limits.batch.units", u64::from(limits.batch.units), 1, 100_000),
            ("limits.run.concurrency", u64::from(limits.run.concurrency), 1, 10_000),
            ("limits.run.attempts", u64::from(limits.run.attempts), 1, 100),
            ("limits.run.timeout_seconds", limits.run.timeout_seconds, 1, 604_800),
        ];
        let rows = rows.map(|(key, value, least, most)| (key.to_owned(), value, least, most));
        for (key, value, least, most) in lags.chain(rows) {
            if !(least..=most).contains(&value) {
                let message = format!("bad {key} {value}, expected {least} to {most}");
                let keys: Vec<&str> = key.split('.').collect();
                return Err(self.refuse_key(&keys, config.environment.referenced, message));
            }
        }
        Ok(())
    }
}

pub(super) fn check(
    file: &str,
    text: &str,
    config: &Config,
    venues: &dyn Venues,
) -> Result<(), BadConfig> {
    let checker = Checker { file, text, venues };
    let name = &config.environment;
    let fits = (1..=32).contains(&name.value.len())
        && name.value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fits {
        return Err(checker.refuse(
            name.referenced,
            format!("bad environment `{}`, expected 1 to 32 of a-z, 0-9 and -", name.value),
        ));
    }
    if config.sources.is_empty() {
        let at = name.referenced;
        let message = format!("no source, expected {}", told(&venues.sources()));
        return Err(checker.refuse_key(&["sources"], at, message));
    }
    for (source, section) in &config.sources {
        checker.source(*source, section)?;
    }
    checker.limits(config)?;
    checker.gold(config)?;
    config.aws.as_ref().map_or(Ok(()), |aws| super::aws::check(file, name, aws))
}

#[cfg(test)]
mod tests;
