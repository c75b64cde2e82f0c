//! Twelve Data as a provider: its markets, and how a unit becomes pages.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use model::config::Section;
use model::instrument::{Facts, PriceBounds};
use model::{Cadence, Dataset, Market, Source, Symbol, Timeframe, Unit};

use super::actions::{CREDITS, actions, dividends_request, splits_request};
use super::answer::bars;
use super::request::{Ask, Window, next_window, request};
use super::{CREDITS_LEFT, CREDITS_USED, FREE};
use crate::calendar::Calendar;
use crate::form::Form;
use crate::limits::Limits;
use crate::offer::Survey;
use crate::periods::Periods;
use crate::provider::{Provider, Takes};
use crate::questions::{Inquiry, Once, Page, Question, Questions};
use crate::rest::{
    Adjusted, Answer, Key, Kind, Notes, Refusal, Unaskable, Why, expected_symbol, form_of_bars,
};
use crate::sheet;

/// The provider's name.
pub const NAME: Source = Source::new("twelvedata");

/// Shares as traded.
const STOCKS: Market = Market::new("stocks");
/// Shares, changed for splits: a market of its own, so that the two never meet in one series.
const ADJUSTED: Market = Market::new("stocks_splits");
const FOREX: Market = Market::new("forex");
const CRYPTO: Market = Market::new("crypto");

const TIMEFRAMES: &[Timeframe] = &[
    Timeframe::M1,
    Timeframe::M5,
    Timeframe::M15,
    Timeframe::M30,
    Timeframe::H1,
    Timeframe::H2,
    Timeframe::H4,
    Timeframe::H8,
    Timeframe::D1,
];

/// Twelve Data.
#[derive(Debug, Clone, Copy)]
pub struct TwelveData;

/// What is traded on a market, and how its prices are changed.
fn kind(market: Market) -> Option<(Kind, Adjusted)> {
    Some(match market {
        STOCKS => (Kind::Stocks, Adjusted::No),
        ADJUSTED => (Kind::Stocks, Adjusted::Splits),
        FOREX => (Kind::Forex, Adjusted::No),
        CRYPTO => (Kind::Crypto, Adjusted::No),
        _ => return None,
    })
}

fn calendar(market: Market) -> Calendar {
    kind(market).map_or(Calendar::Always, |(kind, _)| kind.calendar())
}

impl Provider for TwelveData {
    fn name(&self) -> Source {
        NAME
    }

    fn markets(&self) -> &'static [Market] {
        &[STOCKS, ADJUSTED, FOREX, CRYPTO]
    }

    fn datasets(&self, market: Market) -> &'static [Dataset] {
        const OF_STOCKS: &[Dataset] = &[Dataset::Klines, Dataset::Splits, Dataset::Dividends];
        if market == STOCKS { OF_STOCKS } else { &[Dataset::Klines] }
    }

    fn only(&self, _: Market, dataset: Dataset) -> Option<Cadence> {
        dataset.tells_now().then_some(Cadence::Daily)
    }

    fn timeframes(&self, _: Market) -> &'static [Timeframe] {
        TIMEFRAMES
    }

    fn calendar(&self, market: Market) -> Calendar {
        calendar(market)
    }

    fn takes(&self) -> Takes {
        Takes::Api
    }

    fn restated_by(&self, market: Market) -> Option<(Market, Dataset)> {
        (market == ADJUSTED).then_some((STOCKS, Dataset::Splits))
    }

    fn questions(&self) -> Option<&dyn Questions> {
        Some(self)
    }

    fn expected_symbol(&self, market: Market, symbol: &Symbol) -> Option<Cow<'static, str>> {
        expected_symbol(kind(market)?.0, symbol)
    }

    fn instrument(&self, market: Market, symbol: &Symbol) -> Facts {
        kind(market).map(|(kind, _)| kind).map_or_else(Facts::default, |kind| kind.facts(symbol))
    }

    fn price_bounds(&self, market: Market) -> PriceBounds {
        match kind(market) {
            Some((kind, Adjusted::No)) => kind.price_bounds(),
            // what was changed for splits since has no bounds
            _ => PriceBounds::default(),
        }
    }

    fn survey<'a>(
        &self,
        _: &'a Section,
        _: &'a dyn crate::ask::Ask,
        _: usize,
    ) -> Box<dyn Survey + 'a> {
        Box::new(Periods { calendar })
    }

    fn form(&self, unit: &Unit) -> Option<&'static Form> {
        let (kind, _) = kind(unit.market)?;
        (unit.dataset == Dataset::Klines).then_some(form_of_bars(kind == Kind::Stocks))
    }
}

impl Questions for TwelveData {
    fn free(&self) -> Limits {
        FREE
    }

    fn credits(&self, dataset: Dataset) -> u32 {
        if matches!(dataset, Dataset::Splits | Dataset::Dividends) { CREDITS } else { 1 }
    }

    fn inquire(
        &self,
        unit: &Unit,
        _: Option<DateTime<Utc>>,
        key: &Key,
    ) -> Result<Box<dyn Inquiry>, Unaskable> {
        let (kind, adjusted) = kind(unit.market).ok_or(Unaskable::NoSymbol)?;
        if unit.dataset.tells_now() {
            return of_now(unit, key);
        }
        let timeframe = unit.timeframe.ok_or(Unaskable::NoSymbol)?;
        let ask = Ask::new(unit.symbol.as_str(), kind, timeframe, unit.period);
        let ask = Ask { adjusted, ..ask };
        let window = Some(ask.window);
        Ok(Box::new(Pages { ask, window, key: key.clone(), is_first: true }))
    }

    fn told(&self, header: &dyn Fn(&str) -> Option<u32>) -> Option<(u32, u32)> {
        Some((header(CREDITS_USED)?, header(CREDITS_LEFT)?))
    }
}

/// The question of a unit that one answer tells whole.
fn of_now(unit: &Unit, key: &Key) -> Result<Box<dyn Inquiry>, Unaskable> {
    let (symbol, dataset) = (unit.symbol.to_string(), unit.dataset);
    let request = match dataset {
        Dataset::Splits => splits_request(&symbol, key)?,
        _ => dividends_request(&symbol, key)?,
    };
    let key = key.clone();
    let read = move |answer: &Answer<'_>| {
        actions(&symbol, answer, &key).map(|found| sheet::of_actions(&found))
    };
    Ok(Box::new(Once::new(Question { request, credits: CREDITS }, read)))
}

/// The pages of a unit, newest first.
struct Pages {
    ask: Ask,
    /// What is still to be asked for.
    window: Option<Window>,
    key: Key,
    is_first: bool,
}

impl Inquiry for Pages {
    fn question(&self) -> Result<Option<Question>, Unaskable> {
        let Some(window) = self.window else { return Ok(None) };
        let request = request(&Ask { window, ..self.ask.clone() }, &self.key)?;
        Ok(Some(Question { request, credits: 1 }))
    }

    fn take(&mut self, answer: &Answer<'_>) -> Result<Page, Refusal> {
        let Some(window) = self.window else { return Ok(Page::default()) };
        let ask = Ask { window, ..self.ask.clone() };
        let found = match bars(&ask, answer, &self.key) {
            // the page before ended where the data do
            Err(refusal) if refusal.why == Why::NoData && !self.is_first => {
                self.window = None;
                return Ok(Page::default());
            }
            other => other?,
        };
        let next = next_window(&ask, &found);
        let strange = |stuck: super::Stuck| {
            Refusal::new(Why::NotUnderstood, &stuck.to_string(), &self.key, super::answer::DAY)
        };
        self.window = next.map_err(strange)?;
        self.is_first = false;
        // it is asked for the newest first
        let notes = Notes { turned: false, ..found.notes };
        Ok(Page { lines: found.csv, notes: notes.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::{Received, lines};

    fn received(values: &[(&str, &str)]) -> Received {
        let values: Vec<String> = values
            .iter()
            .map(|(time, price)| {
                format!(
                    r#"{{"datetime":"{time}","open":"{price}","high":"{price}","low":"{price}","close":"{price}","volume":"5"}}"#
                )
            })
            .collect();
        let meta = r#"{"symbol":"IBM","interval":"1min","exchange_timezone":"America/New_York"}"#;
        let body = format!(r#"{{"meta":{meta},"values":[{}],"status":"ok"}}"#, values.join(","));
        Received { status: 200, content_type: None, body: body.into_bytes() }
    }

    #[test]
    fn answers_become_lines() {
        let unit: Unit = "twelvedata/stocks/klines/IBM/1m/2024-01-05".parse().expect("unit");
        let answer = received(&[("2024-01-05 14:31:00", "7.10"), ("2024-01-05 14:30:00", "7.00")]);
        let found = lines(&TwelveData, &unit, None, std::slice::from_ref(&answer)).expect("lines");
        assert_eq!(
            found,
            "1704465000000000,7.00,7.00,7.00,7.00,5\n1704465060000000,7.10,7.10,7.10,7.10,5\n"
        );
        let error =
            lines(&TwelveData, &unit, None, &[answer.clone(), answer]).expect_err("too many");
        assert_eq!(
            error.to_string(),
            "2 answers, expected fewer: all that was asked for is there before"
        );
        let error = lines(&TwelveData, &unit, None, &[]).expect_err("none");
        assert!(error.to_string().starts_with("0 answers, expected more"));
    }

    #[test]
    fn a_page_is_asked_for_until_there_is_none() {
        let unit: Unit = "twelvedata/stocks/klines/IBM/1m/2024-01".parse().expect("unit");
        let mut pages = TwelveData.inquire(&unit, None, &Key::absent()).expect("pages");
        let query = |pages: &dyn Inquiry| {
            let question = pages.question().expect("askable");
            question.map(|question| question.request.query().to_owned()).unwrap_or_default()
        };
        assert!(
            query(&*pages).contains("start_date=2024-01-01T00:00:00&end_date=2024-01-31T23:59:59")
        );
        let minute = |n: usize| {
            let (day, minute) = (31 - n / 1440, 1439 - n % 1440);
            format!("2024-01-{day:02} {:02}:{:02}:00", minute / 60, minute % 60)
        };
        let times: Vec<String> = (0..super::super::MOST_ROWS).map(minute).collect();
        let full: Vec<(&str, &str)> = times.iter().map(|time| (time.as_str(), "1")).collect();
        let page = pages.take(&received(&full).answer()).expect("a page");
        assert_eq!(page.lines.lines().count(), super::super::MOST_ROWS);
        assert!(query(&*pages).contains("end_date=2024-01-28T12:39:59"), "{}", query(&*pages));
        // that was all there is
        let none = br#"{"code":400,"message":"No data is available on the specified dates. Try setting different start/end dates.","status":"error"}"#;
        let none = Received { status: 400, content_type: None, body: none.to_vec() };
        assert_eq!(pages.take(&none.answer()), Ok(Page::default()));
        assert_eq!(query(&*pages), "");
        // of a first page it is a refusal
        let mut pages = TwelveData.inquire(&unit, None, &Key::absent()).expect("pages");
        assert_eq!(pages.take(&none.answer()).map_err(|refusal| refusal.why), Err(Why::NoData));
    }

    #[test]
    fn splits_and_dividends_are_one_answer() {
        let check = |dataset: &str, body: &str, path: &str, expect: &str| {
            let unit = format!("twelvedata/stocks/{dataset}/AAPL/2026-05-18");
            let unit: Unit = unit.parse().expect("unit");
            let one = TwelveData.inquire(&unit, None, &Key::absent()).expect("askable");
            let question = one.question().expect("askable").expect("a question");
            assert_eq!((question.request.path(), question.credits), (path, 20));
            let body = format!(r#"{{"meta":{{"symbol":"AAPL","currency":"USD"}},{body}}}"#);
            let answer = Received { status: 200, content_type: None, body: body.into_bytes() };
            assert_eq!(lines(&TwelveData, &unit, None, &[answer]).expect("lines"), expect);
        };
        let dates = r#""declared_date":null,"record_date":null,"payment_date":null"#;
        check(
            "splits",
            r#""splits":[{"date":"2020-08-31","from_factor":4,"to_factor":1}]"#,
            "/splits",
            &format!(
                "{{\"ex_date\":\"2020-08-31\",\"amount\":null,\"currency\":null,\
                 \"shares_new\":\"4\",\"shares_old\":\"1\",{dates}}}\n"
            ),
        );
        check(
            "dividends",
            r#""dividends":[{"ex_date":"2021-08-06","amount":0.2200}]"#,
            "/dividends",
            &format!(
                "{{\"ex_date\":\"2021-08-06\",\"amount\":\"0.2200\",\"currency\":\"USD\",\
                 \"shares_new\":null,\"shares_old\":null,{dates}}}\n"
            ),
        );
    }

    #[test]
    fn markets_part_what_is_adjusted_from_what_is_not() {
        let query = |unit: &str| {
            let unit: Unit = unit.parse().expect(unit);
            let pages = TwelveData.inquire(&unit, None, &Key::absent()).expect("pages");
            let question = pages.question().expect("askable").expect("a question");
            question.request.query().to_owned()
        };
        let day = "klines/IBM/1d/2024-01";
        assert!(query(&format!("twelvedata/stocks/{day}")).ends_with("adjust=none"));
        assert!(query(&format!("twelvedata/stocks_splits/{day}")).ends_with("adjust=splits"));
        assert!(!query("twelvedata/forex/klines/EURUSD/1d/2024-01").contains("adjust"));
    }
}
