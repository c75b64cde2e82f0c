//! HistData.com as a provider of bars: files that a person drops into the lake.

use std::borrow::Cow;

use model::config::{ClockRange, Section};
use model::instrument::Facts;
use model::plan::Remote;
use model::{Dataset, Market, Period, Source, Symbol, Timeframe, Unit, layout};

use super::folder::{Folder, name_of};
use super::form::{BARS, fault};
use super::names::{Kind, Name, Series, Span};
use super::rule::{Clock, Range};
use super::span;
use super::translate::Lines;
use crate::calendar::Calendar;
use crate::currency::currency;
use crate::form::{Fault, Form};
use crate::offer::{Dropped, Listed, Survey};
use crate::provider::{Packing, Provider, Takes};
use crate::translation::Translation;

/// The provider's name.
pub const NAME: Source = Source::new("histdata");

const FOREX: Market = Market::new("forex");

/// HistData.com.
#[derive(Debug, Clone, Copy)]
pub struct HistData;

/// The clock of a section.
fn clock(section: &Section) -> Result<(Clock, Vec<Range>), String> {
    let range = |range: &ClockRange| {
        let rule = range.rule.parse().map_err(|error: super::rule::BadRule| error.to_string())?;
        Ok(Range { from: range.from, to: range.to, rule })
    };
    let ranges = section.clock.iter().flatten().map(range).collect::<Result<Vec<_>, String>>()?;
    let clock = Clock::new(ranges.clone()).map_err(|error| error.to_string())?;
    Ok((clock, ranges))
}

/// The clock that [`Provider::reading`] told.
fn told(reading: Option<&str>) -> Result<Clock, String> {
    let reading = reading.ok_or("it is not said by which clock, expected a plan that says it")?;
    let ranges = serde_json::from_str(reading).map_err(|error| error.to_string())?;
    Clock::new(ranges).map_err(|error| error.to_string())
}

impl Provider for HistData {
    fn name(&self) -> Source {
        NAME
    }

    fn markets(&self) -> &'static [Market] {
        &[FOREX]
    }

    fn datasets(&self, _: Market) -> &'static [Dataset] {
        &[Dataset::Klines]
    }

    fn timeframes(&self, _: Market) -> &'static [Timeframe] {
        &[Timeframe::M1]
    }

    fn calendar(&self, _: Market) -> Calendar {
        Calendar::Forex
    }

    fn takes(&self) -> Takes {
        Takes::Dropped
    }

    fn expected_symbol(&self, _: Market, symbol: &Symbol) -> Option<Cow<'static, str>> {
        let named =
            Series { pair: symbol.to_string(), kind: Kind::Minutes, span: Span::Year(2000) };
        let is_pair = named.zip().parse::<Name>().is_ok_and(|name| name.series == named);
        (!is_pair).then_some(Cow::Borrowed("a pair as in the names of the files, such as EURUSD"))
    }

    /// Six letters, of which the last three are a currency: `EURUSD`, and `SPXUSD` of an index.
    fn instrument(&self, market: Market, symbol: &Symbol) -> Facts {
        let time_zone = Some(self.calendar(market).time_zone().to_owned());
        let quoted = symbol.as_str().split_at_checked(3);
        let Some((base, quote)) = quoted.and_then(|(base, quote)| Some((base, currency(quote)?)))
        else {
            return Facts { time_zone, ..Facts::default() };
        };
        let own = |text: &str| Some(text.to_owned());
        let currency = own(quote);
        Facts { base: own(base), quote: own(quote), currency, time_zone, ..Facts::default() }
    }

    fn dropped<'a>(&self, section: &'a Section, files: Vec<Dropped>) -> Box<dyn Survey + 'a> {
        let symbols = section.markets.values().flat_map(|market| &market.symbols);
        let symbols = symbols.map(|symbol| symbol.value.clone()).collect();
        match clock(section) {
            Ok((clock, _)) => Box::new(Folder { files, clock, symbols }),
            // such a section is refused before
            Err(_) => Box::new(crate::offer::Nothing),
        }
    }

    fn remote(&self, _: &Section, unit: &Unit, listed: &Listed) -> Remote {
        let path = listed.path.as_deref();
        let path = path.map_or_else(|| Cow::Owned(self.file_name(unit)), Cow::Borrowed);
        Remote {
            odd_name: Some(name_of(&path).to_owned()),
            bytes: listed.bytes,
            etag: listed.etag.as_deref().map(str::to_owned),
            last_modified: listed.modified,
            ..Remote::asked(&format!("{}/{path}", layout::drop(NAME)))
        }
    }

    fn file_name(&self, unit: &Unit) -> String {
        series(unit).zip()
    }

    /// A file is of many units.
    fn home(&self, unit: &Unit, name: &str) -> Unit {
        let first = name.parse::<Name>().map(|name| span::months(name.series.span).0);
        let period = first.map_or(unit.period, Period::Month);
        Unit { period, ..unit.clone() }
    }

    fn packing(&self, unit: &Unit, name: &str) -> Packing {
        let series = name.parse::<Name>().map_or_else(|_| series(unit), |name| name.series);
        Packing::Zip(vec![series.member()])
    }

    fn reading(&self, section: &Section) -> Result<Option<String>, String> {
        let (_, ranges) = clock(section)?;
        serde_json::to_string(&ranges).map(Some).map_err(|error| error.to_string())
    }

    fn translation(
        &self,
        unit: &Unit,
        name: &str,
        reading: Option<&str>,
    ) -> Result<Option<Box<dyn Translation>>, String> {
        let name: Name = name.parse().map_err(|error: super::names::BadName| error.to_string())?;
        Ok(Some(Box::new(Lines::new(unit, name.series, told(reading)?))))
    }

    fn untranslated(&self) -> Option<fn(&[u8]) -> Fault> {
        Some(fault)
    }

    fn form(&self, unit: &Unit) -> Option<&'static Form> {
        let is_minutes = unit.timeframe == Some(Timeframe::M1);
        (unit.dataset == Dataset::Klines && is_minutes).then_some(&BARS)
    }
}

/// What a unit's file would be called if it was of its month.
fn series(unit: &Unit) -> Series {
    let span = Span::Month(unit.period.month());
    Series { pair: unit.symbol.to_string(), kind: Kind::Minutes, span }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Providers;

    static ALL: &[&dyn Provider] = &[&HistData];

    fn yaml(head: &str, symbol: &str, timeframe: &str) -> String {
        format!(
            "environment: lab\nsources:\n  histdata:\n{head}    markets:\n      forex:\n        \
             symbols: [{symbol}]\n        range: {{from: 2019-01-01, to: 2019-12-31}}\n        \
             datasets: {{klines: {{timeframes: [{timeframe}]}}}}\n"
        )
    }

    #[test]
    fn its_section_says_the_clock_and_nothing_of_a_host() {
        let check = |head: &str, symbol: &str, timeframe: &str, expect: &str| {
            let read = Providers::new(ALL).read("lake.yaml", &yaml(head, symbol, timeframe));
            let found = read.map_or_else(|error| error.to_string(), |_| String::new());
            assert!(
                if expect.is_empty() { found.is_empty() } else { found.contains(expect) },
                "{found}"
            );
        };
        let clock = "    clock: [{rule: UTC-5}]\n";
        check(clock, "EURUSD", "1m", "");
        check(
            "    clock:\n      - {to: 2019-03-30, rule: UTC-5}\n      - {from: 2019-03-31, rule: UTC-4}\n",
            "EURUSD",
            "1m",
            "",
        );
        check(
            "",
            "EURUSD",
            "1m",
            "histdata without clock, expected such as clock: [{rule: UTC-5}]",
        );
        check("    clock: []\n", "EURUSD", "1m", "no rule for the clock");
        check("    clock: [{rule: EST}]\n", "EURUSD", "1m", "");
        check("    clock: [{rule: Eastern}]\n", "EURUSD", "1m", "bad rule of a clock `Eastern`");
        check(
            "    clock: [{rule: UTC-5}, {rule: UTC-4}]\n",
            "EURUSD",
            "1m",
            "the ranges of `UTC-5` and `UTC-4` overlap",
        );
        check(&format!("    url: https://x.example\n{clock}"), "EURUSD", "1m", "url of histdata");
        check(&format!("    key: env:K\n{clock}"), "EURUSD", "1m", "key of histdata");
        check(clock, "EUR.USD", "1m", "expected a pair as in the names of the files");
        check(clock, "EURUSD", "1h", "histdata has no bars of 1h of forex, expected 1m");
    }

    #[test]
    fn the_clock_comes_back_from_the_plan() {
        let head = "    clock: [{to: 2019-03-30, rule: UTC-5}, {from: 2019-03-31, rule: \
                    UTC-5 with the DST dates of Europe/London}]\n";
        let config = Providers::new(ALL).read("lake.yaml", &yaml(head, "EURUSD", "1m"));
        let section = config.expect("a configuration").sources.remove(&NAME).expect("a section");
        let reading = HistData.reading(&section).expect("a clock");
        assert_eq!(told(reading.as_deref()), clock(&section).map(|(clock, _)| clock));
        assert!(told(None).is_err() && told(Some("[]")).is_err() && told(Some("x")).is_err());
    }

    #[test]
    fn names_say_what_is_priced_and_in_what() {
        let check = |symbol: &str, expect: [&str; 4]| {
            let facts = HistData.instrument(FOREX, &symbol.parse().expect(symbol));
            let found = [facts.base, facts.quote, facts.currency, facts.time_zone];
            assert_eq!(found.map(Option::unwrap_or_default), expect, "{symbol}");
        };
        check("EURUSD", ["EUR", "USD", "USD", "America/New_York"]);
        check("JPXJPY", ["JPX", "JPY", "JPY", "America/New_York"]);
        check("EURXXX", ["", "", "", "America/New_York"]);
        check("ÄÖUSD", ["", "", "", "America/New_York"]);
    }

    #[test]
    fn units_of_one_file_have_one_home() {
        let unit: Unit = "histdata/forex/klines/EURUSD/1m/2019-07".parse().expect("unit");
        let check = |name: &str, home: &str, member: &str| {
            assert_eq!(HistData.home(&unit, name).period.to_string(), home);
            let Packing::Zip(members) = HistData.packing(&unit, name) else { panic!("{name}") };
            assert_eq!(members, [member]);
        };
        let year = "DAT_ASCII_EURUSD_M1_2019.csv";
        check("HISTDATA_COM_ASCII_EURUSD_M12019.zip", "2019-01", year);
        check("HISTDATA_COM_ASCII_EURUSD_M12019 (1).zip", "2019-01", year);
        check(
            "HISTDATA_COM_ASCII_EURUSD_M1201907.zip",
            "2019-07",
            "DAT_ASCII_EURUSD_M1_201907.csv",
        );
        assert_eq!(HistData.file_name(&unit), "HISTDATA_COM_ASCII_EURUSD_M1201907.zip");
    }
}
