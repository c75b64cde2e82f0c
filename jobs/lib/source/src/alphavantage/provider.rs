//! Alpha Vantage as a provider: its markets, and how a unit becomes questions.
//!
//! Asked for bars it answers with more than a unit: a month, or all there is. What lies outside of the
//! unit is other units' business; the same question is asked once a batch. What it tells of companies and
//! their shares is one answer a unit.

use std::borrow::Cow;
use std::ops::Range;

use chrono::{DateTime, Utc};
use model::config::Section;
use model::instrument::{Facts, PriceBounds};
use model::{Cadence, Dataset, Market, Source, Symbol, Timeframe, Unit};

use super::FREE;
use super::actions::actions;
use super::answer::bars;
use super::company::{overview, quote};
use super::request::{
    Ask, Size, dividends_request, overview_request, quote_request, request, splits_request,
};
use crate::calendar::Calendar;
use crate::form::Form;
use crate::limits::Limits;
use crate::offer::Survey;
use crate::periods::Periods;
use crate::provider::{Provider, Takes};
use crate::questions::{Inquiry, Once, Page, Question, Questions};
use crate::rest::{
    Answer, Concerns, Key, Kind, Notes, Refusal, Unaskable, Why, expected_symbol, form_of_bars,
};
use crate::sheet;

/// The provider's name.
pub const NAME: Source = Source::new("alphavantage");

/// Shares as traded.
const STOCKS: Market = Market::new("stocks");
const FOREX: Market = Market::new("forex");
const CRYPTO: Market = Market::new("crypto");

const TIMEFRAMES: &[Timeframe] =
    &[Timeframe::M1, Timeframe::M5, Timeframe::M15, Timeframe::M30, Timeframe::H1, Timeframe::D1];

/// Alpha Vantage.
#[derive(Debug, Clone, Copy)]
pub struct AlphaVantage;

/// What is traded on a market.
fn kind(market: Market) -> Option<Kind> {
    Some(match market {
        STOCKS => Kind::Stocks,
        FOREX => Kind::Forex,
        CRYPTO => Kind::Crypto,
        _ => return None,
    })
}

fn calendar(market: Market) -> Calendar {
    kind(market).map_or(Calendar::Always, Kind::calendar)
}

impl Provider for AlphaVantage {
    fn name(&self) -> Source {
        NAME
    }

    fn markets(&self) -> &'static [Market] {
        &[STOCKS, FOREX, CRYPTO]
    }

    fn datasets(&self, market: Market) -> &'static [Dataset] {
        const OF_STOCKS: &[Dataset] = &[
            Dataset::Klines,
            Dataset::Fundamentals,
            Dataset::LastQuotes,
            Dataset::Splits,
            Dataset::Dividends,
        ];
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

    fn questions(&self) -> Option<&dyn Questions> {
        Some(self)
    }

    fn expected_symbol(&self, market: Market, symbol: &Symbol) -> Option<Cow<'static, str>> {
        expected_symbol(kind(market)?, symbol)
    }

    fn instrument(&self, market: Market, symbol: &Symbol) -> Facts {
        kind(market).map_or_else(Facts::default, |kind| kind.facts(symbol))
    }

    fn price_bounds(&self, market: Market) -> PriceBounds {
        kind(market).map_or_else(PriceBounds::default, Kind::price_bounds)
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
        let is_bars = unit.dataset == Dataset::Klines;
        is_bars.then_some(form_of_bars(kind(unit.market)? != Kind::Forex))
    }
}

impl Questions for AlphaVantage {
    fn free(&self) -> Limits {
        FREE
    }

    /// Whole months, or all there is.
    fn shares_answers(&self) -> bool {
        true
    }

    fn inquire(
        &self,
        unit: &Unit,
        _: Option<DateTime<Utc>>,
        key: &Key,
    ) -> Result<Box<dyn Inquiry>, Unaskable> {
        let kind = kind(unit.market).ok_or(Unaskable::NoSymbol)?;
        if unit.dataset.tells_now() {
            return of_now(unit, key);
        }
        let timeframe = unit.timeframe.ok_or(Unaskable::NoSymbol)?;
        let symbol = unit.symbol.as_str();
        let ask = if kind == Kind::Stocks && timeframe != Timeframe::D1 {
            let ask = Ask::month(symbol, timeframe, unit.period.month());
            Ask { extended_hours: false, ..ask }
        } else {
            Ask::all(symbol, kind, timeframe, Size::Full)
        };
        let span = unit.period.micros();
        Ok(Box::new(One { ask: Some(ask), span, key: key.clone() }))
    }
}

/// The question of a unit that one answer tells whole.
fn of_now(unit: &Unit, key: &Key) -> Result<Box<dyn Inquiry>, Unaskable> {
    let (symbol, dataset) = (unit.symbol.to_string(), unit.dataset);
    let request = match dataset {
        Dataset::Fundamentals => overview_request(&symbol, key)?,
        Dataset::LastQuotes => quote_request(&symbol, key)?,
        Dataset::Splits => splits_request(&symbol, key)?,
        _ => dividends_request(&symbol, key)?,
    };
    let key = key.clone();
    let read = move |answer: &Answer<'_>| {
        let lines = match dataset {
            Dataset::Fundamentals => overview(&symbol, answer, &key),
            Dataset::LastQuotes => quote(&symbol, answer, &key),
            _ => actions(&symbol, answer, &key).map(|found| sheet::of_actions(&found)),
        };
        lines.map_err(not_there)
    };
    Ok(Box::new(Once::new(Question { request, credits: 1 }, read)))
}

/// A bad call of a symbol is what it says of symbols and months that it does not have.
fn not_there(refusal: Refusal) -> Refusal {
    if refusal.why == Why::BadRequest && refusal.concerns == Concerns::Symbol {
        return Refusal { why: Why::NoData, ..refusal };
    }
    refusal
}

/// The one answer in which a unit lies.
struct One {
    /// What is still to be asked.
    ask: Option<Ask>,
    /// The unit's time, µs since the epoch.
    span: Range<i64>,
    key: Key,
}

impl Inquiry for One {
    fn question(&self) -> Result<Option<Question>, Unaskable> {
        let Some(ask) = &self.ask else { return Ok(None) };
        Ok(Some(Question { request: request(ask, &self.key)?, credits: 1 }))
    }

    fn take(&mut self, answer: &Answer<'_>) -> Result<Page, Refusal> {
        let Some(ask) = &mut self.ask else { return Ok(Page::default()) };
        let found = match bars(ask, answer, &self.key) {
            // all days of a stock need a plan; the newest hundred do not
            Err(refusal)
                if refusal.why == Why::PremiumOnly
                    && ask.size == Size::Full
                    && ask.kind == Kind::Stocks
                    && ask.is_daily() =>
            {
                ask.size = Size::Compact;
                return Ok(Page {
                    notes: "only the newest 100 days".to_owned(),
                    ..Page::default()
                });
            }
            other => other.map_err(not_there)?,
        };
        let lines = inside(&found.csv, &self.span);
        if lines.is_empty() {
            let words = "the answer has nothing of these days";
            return Err(Refusal::new(Why::NoData, words, &self.key, super::notice::DAY));
        }
        self.ask = None;
        // it always has the newest first
        let notes = Notes { turned: false, ..found.notes };
        Ok(Page { lines, notes: notes.to_string() })
    }
}

/// The lines of an answer that are of a unit: by their time, and where they have none, by the time of
/// the line before, else of the one after.
fn inside(csv: &str, span: &Range<i64>) -> String {
    let time = |line: &str| {
        let field = line.split(',').next().unwrap_or_default();
        (field.len() == 16).then(|| field.parse::<i64>().ok()).flatten()
    };
    let mut at = csv.lines().find_map(time);
    let mut lines = String::new();
    for line in csv.lines() {
        at = time(line).or(at);
        if at.is_none_or(|at| span.contains(&at)) {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::{Received, lines};

    fn received(body: &str) -> Received {
        let content_type = Some("application/x-download".to_owned());
        Received { status: 200, content_type, body: body.as_bytes().to_vec() }
    }

    const MONTH: &str = "timestamp,open,high,low,close,volume\r\n\
        2024-01-08 09:30:00,1.5,1.5,1.5,1.5,7\r\n\
        2024-01-05 15:59:00,1.40,1.5,1.4,1.5,6\r\n\
        2024-01-05 09:30:00,1,2,0.5,1.5,5\r\n";

    #[test]
    fn a_unit_takes_its_own_of_an_answer() {
        let check = |unit: &str, expect: &[&str]| {
            let unit: Unit = unit.parse().expect(unit);
            let found = lines(&AlphaVantage, &unit, None, &[received(MONTH)]).expect("lines");
            assert_eq!(found.lines().collect::<Vec<_>>(), expect);
        };
        let day = ["1704465000000000,1,2,0.5,1.5,5", "1704488340000000,1.40,1.5,1.4,1.5,6"];
        check("alphavantage/stocks/klines/IBM/1m/2024-01-05", &day);
        let monday = "1704724200000000,1.5,1.5,1.5,1.5,7";
        check("alphavantage/stocks/klines/IBM/1m/2024-01", &[day[0], day[1], monday]);
        let unit: Unit = "alphavantage/stocks/klines/IBM/1m/2024-01-06".parse().expect("unit");
        let error = lines(&AlphaVantage, &unit, None, &[received(MONTH)]).expect_err("closed");
        assert!(error.to_string().contains("answer 1 is not what was asked for"), "{error}");
    }

    #[test]
    fn what_is_told_of_now_is_one_answer() {
        let check = |dataset: &str, body: &str, query: &str, expect: &str| {
            let unit = format!("alphavantage/stocks/{dataset}/IBM/2026-05-18");
            let unit: Unit = unit.parse().expect("unit");
            let one = AlphaVantage.inquire(&unit, None, &Key::absent()).expect("askable");
            let question = one.question().expect("askable").expect("a question");
            assert_eq!((question.request.query(), question.credits), (query, 1));
            let found = lines(&AlphaVantage, &unit, None, &[received(body)]);
            let found =
                found.map_err(|error| std::error::Error::source(&error).map(ToString::to_string));
            match found {
                Ok(lines) => assert!(lines.contains(expect), "{lines}"),
                Err(words) => assert_eq!(words.as_deref(), Some(expect), "{body}"),
            }
            assert!(lines(&AlphaVantage, &unit, None, &[]).is_err());
            assert!(lines(&AlphaVantage, &unit, None, &[received(body), received(body)]).is_err());
        };
        let overview = r#"{"Symbol": "IBM", "EPS": "11.29"}"#;
        check("fundamentals", overview, "function=OVERVIEW&symbol=IBM", r#""eps":"11.29""#);
        let quote = r#"{"Global Quote": {"01. symbol": "IBM", "05. price": "219.3000"}}"#;
        check("last_quotes", quote, "function=GLOBAL_QUOTE&symbol=IBM", r#""price":"219.3000""#);
        let row = r#"{"effective_date": "1999-05-27", "split_factor": "2.0000"}"#;
        let splits = format!(r#"{{"symbol": "IBM", "data": [{row}, {{"a": 1}}]}}"#);
        let expect = "\"shares_new\":\"2.0000\",\"shares_old\":\"1\",\"declared_date\":null,\
                      \"record_date\":null,\"payment_date\":null}\n{\"a\": 1}\n";
        check("splits", &splits, "function=SPLITS&symbol=IBM", expect);
        let none = r#"{"symbol": "IBM", "data": []}"#;
        check("dividends", none, "function=DIVIDENDS&symbol=IBM", "");
        let call = r#"{"Error Message": "Invalid API call. Please retry"}"#;
        let words = "no data for the dates: Error Message: Invalid API call. Please retry";
        check("dividends", call, "function=DIVIDENDS&symbol=IBM", words);
    }

    #[test]
    fn lines_without_a_time_go_with_their_neighbours() {
        let check = |csv: &str, expect: &str| assert_eq!(inside(csv, &(10..20)), expect);
        check("0000000000000009,a\n0000000000000010,b\n-\n", "0000000000000010,b\n-\n");
        check("-\n0000000000000010,b\n0000000000000020,c\n-\n", "-\n0000000000000010,b\n");
        check("-\n", "-\n");
        check("", "");
    }

    #[test]
    fn days_of_stocks_fall_back_to_what_is_free() {
        let unit: Unit = "alphavantage/stocks/klines/IBM/1d/2024-01".parse().expect("unit");
        let mut one = AlphaVantage.inquire(&unit, None, &Key::absent()).expect("askable");
        let query = |one: &dyn Inquiry| {
            let question = one.question().expect("askable").expect("a question");
            question.request.query().to_owned()
        };
        assert!(query(&*one).contains("outputsize=full"));
        let premium = "{\"Information\": \"Thank you for using Alpha Vantage! The outputsize=full \
            parameter value is a premium feature for the TIME_SERIES_DAILY endpoint. You may subscribe \
            to any of the premium plans at https://www.alphavantage.co/premium/ to instantly unlock \
            all premium features\"}";
        let page = one.take(&received(premium).answer()).expect("a page");
        assert_eq!((page.lines.as_str(), page.notes.as_str()), ("", "only the newest 100 days"));
        assert!(query(&*one).contains("outputsize=compact"));
        let days = "timestamp,open,high,low,close,volume\n2024-01-05,1,2,0.5,1.5,5\n";
        let page = one.take(&received(days).answer()).expect("a page");
        assert_eq!(page.lines, "1704412800000000,1,2,0.5,1.5,5\n");
        assert!(one.question().expect("askable").is_none());
    }
}
