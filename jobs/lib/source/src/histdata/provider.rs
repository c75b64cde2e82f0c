//! HistData.com as a provider of bars and quotes: files that a person drops into the lake.

use std::borrow::Cow;

use model::config::{ClockRange, Section};
use model::instrument::Facts;
use model::plan::Remote;
use model::{Cadence, Dataset, Day, Market, Period, Source, Symbol, Timeframe, Unit, layout};

use super::folder::{Folder, Wanted, name_of};
use super::form::{BARS, OF_BARS, OF_TICKS, TICKS};
use super::names::{Kind, Name, Role, Series, Span};
use super::rule::{Clock, Range};
use super::span;
use super::translate::Lines;
use crate::calendar::Calendar;
use crate::currency::currency;
use crate::form::Form;
use crate::offer::{Dropped, Listed, Survey};
use crate::provider::{Packing, Provider, Takes};
use crate::translation::{Received, Translation};

/// The provider's name.
pub const NAME: Source = Source::new("histdata");

const FOREX: Market = Market::new("forex");

/// HistData.com.
#[derive(Debug, Clone, Copy)]
pub struct HistData;

/// The clock of a section.
fn clock(section: &Section) -> Result<Clock, String> {
    let range = |range: &ClockRange| {
        let rule = range.rule.parse().map_err(|error: super::rule::BadRule| error.to_string())?;
        Ok(Range { from: range.from, to: range.to, rule })
    };
    let ranges = section.clock.iter().flatten().map(range).collect::<Result<Vec<_>, String>>()?;
    Clock::new(ranges).map_err(|error| error.to_string())
}

/// The clock that [`Provider::reading`] told.
fn told(reading: Option<&str>) -> Result<Clock, String> {
    let reading = reading.ok_or("it is not said by which clock, expected a plan that says it")?;
    serde_json::from_str(reading).map(Clock::restored).map_err(|error| error.to_string())
}

/// The days, by the file's clock, of all files that a unit and its neighbours may be of. A file is read as
/// a whole: what one of its lines means may depend on the clock of any other.
fn days(unit: &Unit) -> (Day, Day) {
    let month = unit.period.month();
    let (before, after) = (month.first().minus(1).month(), month.next());
    let span = |month: model::Month| match Kind::of(unit.dataset) {
        Some(Kind::Ticks) => Span::Month(month),
        _ => Span::Year(u16::try_from(chrono::Datelike::year(&month.first().date())).unwrap_or(0)),
    };
    (span::months(span(before)).0.first(), span::months(span(after)).1.last())
}

impl Provider for HistData {
    fn name(&self) -> Source {
        NAME
    }

    fn markets(&self) -> &'static [Market] {
        &[FOREX]
    }

    fn datasets(&self, _: Market) -> &'static [Dataset] {
        &[Dataset::Klines, Dataset::Quotes]
    }

    fn only(&self, _: Market, _: Dataset) -> Option<Cadence> {
        Some(Cadence::Monthly)
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
        match clock(section) {
            Ok(clock) => Box::new(Folder { files, clock, wanted: Wanted::of(section) }),
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

    fn units_of(
        &self,
        market: Market,
        dataset: Dataset,
        name: &str,
        clock: Option<&str>,
    ) -> Result<Vec<(Unit, Option<String>)>, String> {
        let is_of = |name: &Name| {
            name.role == Role::Zip && market == FOREX && Kind::of(dataset) == Some(name.series.kind)
        };
        let Some(name) = name.parse::<Name>().ok().filter(is_of) else { return Ok(Vec::new()) };
        let Ok(symbol) = name.series.pair.parse::<Symbol>() else { return Ok(Vec::new()) };
        let rule = clock.ok_or("it is not said by which clock, expected a rule such as UTC-5")?;
        let rule = rule.parse().map_err(|error: super::rule::BadRule| error.to_string())?;
        let clock = Clock::of(rule);
        let reading = serde_json::to_string(clock.ranges()).map_err(|error| error.to_string())?;
        let timeframe = (name.series.kind == Kind::Minutes).then_some(Timeframe::M1);
        let unit = |period| Unit {
            source: NAME,
            market,
            dataset,
            symbol: symbol.clone(),
            timeframe,
            period,
        };
        let periods = span::periods(name.series.span, &clock).into_iter();
        Ok(periods.map(|period| (unit(period), Some(reading.clone()))).collect())
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

    fn check_reading(&self, section: &Section) -> Result<(), String> {
        clock(section).map(|_| ())
    }

    fn reading(&self, section: &Section, unit: &Unit) -> Option<String> {
        let (first, last) = days(unit);
        // such a section is refused before where it says none
        serde_json::to_string(clock(section).ok()?.within(first, last).ranges()).ok()
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

    fn received(&self, unit: &Unit) -> Option<&'static Received> {
        match Kind::of(unit.dataset)? {
            Kind::Minutes => Some(&OF_BARS),
            Kind::Ticks => Some(&OF_TICKS),
        }
    }

    fn form(&self, unit: &Unit) -> Option<&'static Form> {
        match (unit.dataset, unit.timeframe) {
            (Dataset::Klines, Some(Timeframe::M1)) => Some(&BARS),
            (Dataset::Quotes, None) => Some(&TICKS),
            _ => None,
        }
    }
}

/// What a unit's file would be called if it was of its month.
fn series(unit: &Unit) -> Series {
    let span = Span::Month(unit.period.month());
    let kind = Kind::of(unit.dataset).unwrap_or(Kind::Minutes);
    Series { pair: unit.symbol.to_string(), kind, span }
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
        let daily = yaml(clock, "EURUSD", "1m").replace("[1m]", "[1m], archives: daily");
        let found = Providers::new(ALL).read("lake.yaml", &daily).map(|_| ());
        let found = found.expect_err("it has months alone").to_string();
        let expect =
            "histdata has monthly archives only of klines, expected archives: monthly or none said";
        assert!(found.contains(expect), "{found}");
    }

    #[test]
    fn the_clock_comes_back_from_the_plan() {
        let head = "    clock: [{to: 2019-03-30, rule: UTC-5}, {from: 2019-03-31, rule: \
                    UTC-5 with the DST dates of Europe/London}]\n";
        let config = Providers::new(ALL).read("lake.yaml", &yaml(head, "EURUSD", "1m"));
        let section = config.expect("a configuration").sources.remove(&NAME).expect("a section");
        let unit: Unit = "histdata/forex/klines/EURUSD/1m/2019-07".parse().expect("unit");
        let reading = HistData.reading(&section, &unit);
        let days = ["2019-01-01", "2019-12-31"].map(|day| day.parse().expect("day"));
        let expect = clock(&section).expect("a clock").within(days[0], days[1]);
        assert_eq!(told(reading.as_deref()), Ok(expect));
        assert!(told(None).is_err() && told(Some("x")).is_err());
    }

    #[test]
    fn a_range_of_other_files_changes_nothing() {
        let section = |head: &str| {
            let config = Providers::new(ALL).read("lake.yaml", &yaml(head, "EURUSD", "1m"));
            config.expect("a configuration").sources.remove(&NAME).expect("a section")
        };
        let before = section("    clock: [{from: 2018-01-01, to: 2019-12-31, rule: UTC-5}]\n");
        let after = section(
            "    clock: [{from: 2018-01-01, to: 2019-12-31, rule: UTC-5}, {from: 2020-01-01, to: \
             2020-06-30, rule: UTC-4}]\n",
        );
        let check = |unit: &str, changes: bool| {
            let unit: Unit = unit.parse().expect(unit);
            let of = |section: &Section| HistData.reading(section, &unit).expect("a clock");
            assert_eq!(of(&before) != of(&after), changes, "{unit}");
        };
        check("histdata/forex/klines/EURUSD/1m/2018-12", false);
        check("histdata/forex/klines/EURUSD/1m/2019-11", false);
        // the first file of 2020 reaches into 2019 where its clock is ahead of UTC
        check("histdata/forex/klines/EURUSD/1m/2019-12", true);
        // a file of 2020 is read as a whole
        check("histdata/forex/klines/EURUSD/1m/2020-11", true);
        check("histdata/forex/klines/EURUSD/1m/2021-01", true);
        check("histdata/forex/klines/EURUSD/1m/2021-02", false);
        // ticks are of a month each
        check("histdata/forex/quotes/EURUSD/2019-11", false);
        check("histdata/forex/quotes/EURUSD/2019-12", true);
        check("histdata/forex/quotes/EURUSD/2020-07-01", true);
        check("histdata/forex/quotes/EURUSD/2020-08", false);
        // where there is no rule at all the lines are told, and the unit does not fail
        let reading = HistData
            .reading(&before, &"histdata/forex/quotes/EURUSD/2021-01".parse().expect("unit"));
        assert_eq!(told(reading.as_deref()).map(|clock| clock.ranges().len()), Ok(0));
    }

    #[test]
    fn a_name_tells_all_units_of_its_file() {
        let check = |dataset: Dataset, name: &str, clock: Option<&str>, expect: &str| {
            let found = HistData.units_of(FOREX, dataset, name, clock).map(|units| {
                assert!(units.iter().all(|(_, reading)| told(reading.as_deref()).is_ok()));
                let ids = units.iter().map(|(unit, _)| unit.to_string());
                ids.collect::<Vec<_>>().join(" ")
            });
            assert!(found.clone().unwrap_or_else(|error| error).starts_with(expect), "{found:?}");
        };
        let (year, ticks) =
            ("HISTDATA_COM_ASCII_EURUSD_M12019.zip", "HISTDATA_COM_ASCII_EURUSD_T201901.zip");
        let clock = Some("UTC-5");
        check(Dataset::Klines, year, clock, "histdata/forex/klines/EURUSD/1m/2019-01 histdata/");
        check(
            Dataset::Quotes,
            ticks,
            clock,
            "histdata/forex/quotes/EURUSD/2019-01 histdata/forex/quotes/EURUSD/2019-02-01",
        );
        check(Dataset::Quotes, ticks, None, "it is not said by which clock");
        check(Dataset::Quotes, ticks, Some("EDT?"), "bad rule of a clock");
        for (dataset, name) in [
            (Dataset::Quotes, year),
            (Dataset::Klines, ticks),
            (Dataset::Klines, "DAT_ASCII_EURUSD_M1_2019.csv"),
        ] {
            assert_eq!(HistData.units_of(FOREX, dataset, name, clock), Ok(Vec::new()), "{name}");
        }
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
        check("EURQQQ", ["", "", "", "America/New_York"]);
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
        let unit: Unit = "histdata/forex/quotes/EURUSD/2019-08-01".parse().expect("unit");
        let name = "HISTDATA_COM_ASCII_EURUSD_T201907.zip";
        assert_eq!(HistData.home(&unit, name).to_string(), "histdata/forex/quotes/EURUSD/2019-07");
        let Packing::Zip(members) = HistData.packing(&unit, name) else { panic!("{name}") };
        assert_eq!(members, ["DAT_ASCII_EURUSD_T_201907.csv"]);
    }
}
