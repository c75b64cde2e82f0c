//! What Alpha Vantage tells of one company: `OVERVIEW` and `GLOBAL_QUOTE`. Numbers are text as
//! received; `None`, `-` and nothing are told as `None`.

use super::csv::csv;
use super::notice::{object, refuse, strange, whole};
use crate::rest::{Answer, Body, Key, Object, Refusal, Why};

/// What `OVERVIEW` tells. Money is in `currency`, shares are whole ones, ratios and yields are parts
/// of one (`0.0308` is 3.08 %), days are `2024-01-31`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overview {
    /// The symbol.
    pub symbol: String,
    /// The type of instrument, such as `Common Stock`.
    pub asset_type: Option<String>,
    /// The company's name.
    pub name: Option<String>,
    /// The company's number at the SEC.
    pub cik: Option<String>,
    /// The venue, such as `NYSE`.
    pub exchange: Option<String>,
    /// The currency of all money here.
    pub currency: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// The sector.
    pub sector: Option<String>,
    /// The industry.
    pub industry: Option<String>,
    /// The month in which the fiscal year ends, such as `December`.
    pub fiscal_year_end: Option<String>,
    /// The last day of the latest quarter reported.
    pub latest_quarter: Option<String>,
    /// Price of all shares.
    pub market_capitalization: Option<String>,
    /// Earnings before interest, taxes, depreciation and amortisation.
    pub ebitda: Option<String>,
    /// Price by earnings of the last twelve months.
    pub pe_ratio: Option<String>,
    /// Price by earnings expected.
    pub forward_pe: Option<String>,
    /// Price by earnings by growth.
    pub peg_ratio: Option<String>,
    /// Book value a share.
    pub book_value: Option<String>,
    /// Price by book value.
    pub price_to_book: Option<String>,
    /// Price by sales of the last twelve months.
    pub price_to_sales: Option<String>,
    /// Dividend a share and year.
    pub dividend_per_share: Option<String>,
    /// Dividend by price, a part of one.
    pub dividend_yield: Option<String>,
    /// Earnings a share.
    pub eps: Option<String>,
    /// Earnings a share of the last twelve months, with all shares that may come.
    pub diluted_eps: Option<String>,
    /// Revenue of the last twelve months.
    pub revenue: Option<String>,
    /// Gross profit of the last twelve months.
    pub gross_profit: Option<String>,
    /// Profit by revenue, a part of one.
    pub profit_margin: Option<String>,
    /// How much the price moves with the market's.
    pub beta: Option<String>,
    /// Highest price of 52 weeks.
    pub high_52_weeks: Option<String>,
    /// Lowest price of 52 weeks.
    pub low_52_weeks: Option<String>,
    /// Shares there are.
    pub shares_outstanding: Option<String>,
    /// Shares that are traded.
    pub shares_float: Option<String>,
    /// The day on which the next or last dividend is paid.
    pub dividend_date: Option<String>,
    /// The day from which a buyer does not get it.
    pub ex_dividend_date: Option<String>,
}

/// What `GLOBAL_QUOTE` tells of the latest trading day. Prices are in the share's currency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quote {
    /// The symbol.
    pub symbol: String,
    /// First price.
    pub open: Option<String>,
    /// Highest price.
    pub high: Option<String>,
    /// Lowest price.
    pub low: Option<String>,
    /// Last price.
    pub price: Option<String>,
    /// Shares traded.
    pub volume: Option<String>,
    /// The trading day, `2024-01-31`.
    pub latest_day: Option<String>,
    /// Last price of the trading day before.
    pub previous_close: Option<String>,
    /// What the price changed by since then.
    pub change: Option<String>,
    /// The same in percent, with its sign `%` as received.
    pub change_percent: Option<String>,
}

/// The columns of a quote as CSV.
const QUOTE_HEADER: &str =
    "symbol,open,high,low,price,volume,latestDay,previousClose,change,changePercent";

/// What is known of a company.
///
/// # Errors
/// A [`Refusal`]; of a symbol that is not known, which has an empty object, [`Why::NoSuchSymbol`].
pub fn overview(symbol: &str, answer: &Answer<'_>, key: &Key) -> Result<Overview, Refusal> {
    let object = object(answer, key)?;
    if object.fields().is_empty() {
        return Err(refuse(Why::NoSuchSymbol, "an empty object", key));
    }
    let field = |name: &str| object.get(name).and_then(crate::rest::text).and_then(told);
    confirm(symbol, field("Symbol"), &object, key)?;
    Ok(Overview {
        symbol: symbol.to_owned(),
        asset_type: field("AssetType"),
        name: field("Name"),
        cik: field("CIK"),
        exchange: field("Exchange"),
        currency: field("Currency"),
        country: field("Country"),
        sector: field("Sector"),
        industry: field("Industry"),
        fiscal_year_end: field("FiscalYearEnd"),
        latest_quarter: field("LatestQuarter"),
        market_capitalization: field("MarketCapitalization"),
        ebitda: field("EBITDA"),
        pe_ratio: field("PERatio"),
        forward_pe: field("ForwardPE"),
        peg_ratio: field("PEGRatio"),
        book_value: field("BookValue"),
        price_to_book: field("PriceToBookRatio"),
        price_to_sales: field("PriceToSalesRatioTTM"),
        dividend_per_share: field("DividendPerShare"),
        dividend_yield: field("DividendYield"),
        eps: field("EPS"),
        diluted_eps: field("DilutedEPSTTM"),
        revenue: field("RevenueTTM"),
        gross_profit: field("GrossProfitTTM"),
        profit_margin: field("ProfitMargin"),
        beta: field("Beta"),
        high_52_weeks: field("52WeekHigh"),
        low_52_weeks: field("52WeekLow"),
        shares_outstanding: field("SharesOutstanding"),
        shares_float: field("SharesFloat"),
        dividend_date: field("DividendDate"),
        ex_dividend_date: field("ExDividendDate"),
    })
}

/// A stock's last price, from JSON or CSV.
///
/// # Errors
/// A [`Refusal`]; of a symbol that is not known, which has an empty quote, [`Why::NoSuchSymbol`].
pub fn quote(symbol: &str, answer: &Answer<'_>, key: &Key) -> Result<Quote, Refusal> {
    match whole(answer, key)? {
        Body::Object(object) => quote_of_json(symbol, &object, key),
        Body::Text(text) => quote_of_csv(symbol, text, key),
    }
}

fn quote_of_json(symbol: &str, object: &Object<'_>, key: &Key) -> Result<Quote, Refusal> {
    let Some(quote) = object.object("Global Quote") else {
        let words = format!("expected a Global Quote, found {}", object.names());
        return Err(strange(&words, key));
    };
    if quote.fields().is_empty() {
        return Err(refuse(Why::NoSuchSymbol, "an empty quote", key));
    }
    let field = |name: &str| quote.get(name).and_then(crate::rest::text).and_then(told);
    confirm(symbol, field("01. symbol"), &quote, key)?;
    Ok(Quote {
        symbol: symbol.to_owned(),
        open: field("02. open"),
        high: field("03. high"),
        low: field("04. low"),
        price: field("05. price"),
        volume: field("06. volume"),
        latest_day: field("07. latest trading day"),
        previous_close: field("08. previous close"),
        change: field("09. change"),
        change_percent: field("10. change percent"),
    })
}

fn quote_of_csv(symbol: &str, text: &str, key: &Key) -> Result<Quote, Refusal> {
    let rows = csv(text, &[QUOTE_HEADER], key)?.lines;
    let fields: Vec<&str> = match rows.as_slice() {
        [] | [""] => return Err(refuse(Why::NoSuchSymbol, "an empty quote", key)),
        [row] => row.split(',').collect(),
        rows => {
            let words = format!("expected one quote, found {} rows", rows.len());
            return Err(strange(&words, key));
        }
    };
    let [found, open, high, low, price, volume, day, previous, change, percent] = fields[..] else {
        let words = format!("expected a quote of 10 fields, found {}", fields.len());
        return Err(strange(&words, key));
    };
    if !found.eq_ignore_ascii_case(symbol) {
        return Err(strange(&format!("the symbol {found}, expected {symbol}"), key));
    }
    let field = |text: &str| told(text.to_owned());
    Ok(Quote {
        symbol: symbol.to_owned(),
        open: field(open),
        high: field(high),
        low: field(low),
        price: field(price),
        volume: field(volume),
        latest_day: field(day),
        previous_close: field(previous),
        change: field(change),
        change_percent: field(percent),
    })
}

/// Refuses what is not of the symbol asked for.
fn confirm(
    symbol: &str,
    found: Option<String>,
    object: &Object<'_>,
    key: &Key,
) -> Result<(), Refusal> {
    if found.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(symbol)) {
        return Ok(());
    }
    let found = found.unwrap_or_else(|| object.names());
    Err(strange(&format!("expected the symbol {symbol}, found {found}"), key))
}

/// A text that tells something.
fn told(text: String) -> Option<String> {
    (!matches!(text.trim(), "" | "-" | "None" | "null")).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new("SECRET0123456789").expect("key")
    }

    fn answer(body: &str) -> Answer<'_> {
        Answer { status: 200, content_type: None, body: body.as_bytes() }
    }

    #[test]
    fn companies() {
        let check = |body: &str, expect: &str| {
            let found = match overview("IBM", &answer(body), &key()) {
                Ok(o) => format!("{:?} {:?} {:?}", o.pe_ratio, o.eps, o.dividend_date),
                Err(refusal) => refusal.to_string(),
            };
            assert_eq!(found, expect, "{body}");
        };
        check(
            r#"{"Symbol": "IBM", "PERatio": "None", "EPS": "11.290", "DividendDate": "-"}"#,
            r#"None Some("11.290") None"#,
        );
        check(r#"{"Symbol": "IBM", "PERatio": 19.420}"#, r#"Some("19.420") None None"#);
        check("{}", "no such symbol: an empty object");
        check(
            r#"{"Symbol": "MSFT"}"#,
            "the answer is not understood: expected the symbol IBM, found MSFT",
        );
        check(
            "timestamp,open\n",
            "the answer is not understood: expected an object, found timestamp,open",
        );
    }

    #[test]
    fn quotes() {
        let check = |body: &str, expect: &str| {
            let found = match quote("IBM", &answer(body), &key()) {
                Ok(q) => format!("{:?} {:?} {:?}", q.price, q.latest_day, q.change_percent),
                Err(refusal) => refusal.to_string(),
            };
            assert_eq!(found, expect, "{body}");
        };
        let told = r#"Some("219.3000") Some("2026-05-15") Some("0.4259%")"#;
        check(
            r#"{"Global Quote": {"01. symbol": "IBM", "05. price": "219.3000",
                "07. latest trading day": "2026-05-15", "10. change percent": "0.4259%"}}"#,
            told,
        );
        let row =
            "IBM,218.2000,220.9100,217.6150,219.3000,6154450,2026-05-15,218.3700,0.9300,0.4259%";
        check(&format!("{QUOTE_HEADER}\r\n{row}\r\n"), told);
        check(&format!("{QUOTE_HEADER}\n"), "no such symbol: an empty quote");
        check(
            &format!("{QUOTE_HEADER}\n{row}"),
            &format!(
                "the answer ends too early: {} bytes, the last line is not whole: {row}",
                QUOTE_HEADER.len() + 1 + row.len()
            ),
        );
        check(r#"{"Global Quote": {}}"#, "no such symbol: an empty quote");
        check("{}", "the answer is not understood: expected a Global Quote, found none");
    }
}
