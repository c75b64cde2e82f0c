//! What Alpha Vantage tells of one company: `OVERVIEW` and `GLOBAL_QUOTE`, as lines of
//! `silver.fundamentals` and `silver.last_quotes`. Values stay as received; `None`, `-` and nothing
//! are null.

use model::schema::Table;

use super::csv::csv;
use super::notice::{object, refuse, strange, whole};
use crate::rest::{Answer, Body, Key, Object, Refusal, Why, told};
use crate::sheet;

/// Columns of the table, and the fields of `OVERVIEW` that they are. What else it has (descriptions,
/// addresses, opinions of analysts) stays in the raw object.
const OVERVIEW: &[(&str, &str)] = &[
    ("latest_quarter", "LatestQuarter"),
    ("name", "Name"),
    ("asset_type", "AssetType"),
    ("cik", "CIK"),
    ("exchange", "Exchange"),
    ("currency", "Currency"),
    ("country", "Country"),
    ("sector", "Sector"),
    ("industry", "Industry"),
    ("fiscal_year_end", "FiscalYearEnd"),
    ("market_capitalization", "MarketCapitalization"),
    ("ebitda", "EBITDA"),
    ("revenue", "RevenueTTM"),
    ("gross_profit", "GrossProfitTTM"),
    ("shares_outstanding", "SharesOutstanding"),
    ("shares_float", "SharesFloat"),
    ("eps", "EPS"),
    ("diluted_eps", "DilutedEPSTTM"),
    ("book_value", "BookValue"),
    ("revenue_per_share", "RevenuePerShareTTM"),
    ("dividend_per_share", "DividendPerShare"),
    ("dividend_yield", "DividendYield"),
    ("profit_margin", "ProfitMargin"),
    ("operating_margin", "OperatingMarginTTM"),
    ("return_on_assets", "ReturnOnAssetsTTM"),
    ("return_on_equity", "ReturnOnEquityTTM"),
    ("earnings_growth", "QuarterlyEarningsGrowthYOY"),
    ("revenue_growth", "QuarterlyRevenueGrowthYOY"),
    ("pe_ratio", "PERatio"),
    ("trailing_pe", "TrailingPE"),
    ("forward_pe", "ForwardPE"),
    ("peg_ratio", "PEGRatio"),
    ("price_to_sales", "PriceToSalesRatioTTM"),
    ("price_to_book", "PriceToBookRatio"),
    ("ev_to_revenue", "EVToRevenue"),
    ("ev_to_ebitda", "EVToEBITDA"),
    ("beta", "Beta"),
    ("high_52_weeks", "52WeekHigh"),
    ("low_52_weeks", "52WeekLow"),
    ("average_50_days", "50DayMovingAverage"),
    ("average_200_days", "200DayMovingAverage"),
    ("analyst_target_price", "AnalystTargetPrice"),
    ("percent_insiders", "PercentInsiders"),
    ("percent_institutions", "PercentInstitutions"),
    ("dividend_date", "DividendDate"),
    ("ex_dividend_date", "ExDividendDate"),
];

/// Columns of the table, and the fields of `GLOBAL_QUOTE` that they are: as JSON, and as CSV.
const QUOTE: &[(&str, &str, &str)] = &[
    ("open", "02. open", "open"),
    ("high", "03. high", "high"),
    ("low", "04. low", "low"),
    ("price", "05. price", "price"),
    ("volume", "06. volume", "volume"),
    ("latest_day", "07. latest trading day", "latestDay"),
    ("previous_close", "08. previous close", "previousClose"),
    ("change", "09. change", "change"),
    ("change_percent", "10. change percent", "changePercent"),
];

/// The columns of a quote as CSV.
const QUOTE_HEADER: &str =
    "symbol,open,high,low,price,volume,latestDay,previousClose,change,changePercent";

/// What is known of a company: a line of `silver.fundamentals`.
///
/// # Errors
/// A [`Refusal`]; of a symbol that is not known, which has an empty object, [`Why::NoSuchSymbol`].
pub fn overview(symbol: &str, answer: &Answer<'_>, key: &Key) -> Result<String, Refusal> {
    let object = object(answer, key)?;
    if object.fields().is_empty() {
        return Err(refuse(Why::NoSuchSymbol, "an empty object", key));
    }
    confirm(symbol, "Symbol", &object, key)?;
    Ok(sheet::line(Table::Fundamentals, |column| {
        let (_, field) = OVERVIEW.iter().find(|(name, _)| *name == column)?;
        object.text(field).and_then(told)
    }))
}

/// A stock's last price, from JSON or CSV: a line of `silver.last_quotes`.
///
/// # Errors
/// A [`Refusal`]; of a symbol that is not known, which has an empty quote, [`Why::NoSuchSymbol`].
pub fn quote(symbol: &str, answer: &Answer<'_>, key: &Key) -> Result<String, Refusal> {
    match whole(answer, key)? {
        Body::Object(object) => quote_of_json(symbol, &object, key),
        Body::Text(text) => quote_of_csv(symbol, text, key),
    }
}

fn quote_of_json(symbol: &str, object: &Object<'_>, key: &Key) -> Result<String, Refusal> {
    let Some(quote) = object.object("Global Quote") else {
        let words = format!("expected a Global Quote, found {}", object.names());
        return Err(strange(&words, key));
    };
    if quote.fields().is_empty() {
        return Err(refuse(Why::NoSuchSymbol, "an empty quote", key));
    }
    confirm(symbol, "01. symbol", &quote, key)?;
    Ok(sheet::line(Table::LastQuotes, |column| {
        let (_, field, _) = QUOTE.iter().find(|(name, ..)| *name == column)?;
        plain(quote.text(field)?)
    }))
}

fn quote_of_csv(symbol: &str, text: &str, key: &Key) -> Result<String, Refusal> {
    let rows = csv(text, &[QUOTE_HEADER], key)?.lines;
    let fields: Vec<&str> = match rows.as_slice() {
        [] | [""] => return Err(refuse(Why::NoSuchSymbol, "an empty quote", key)),
        [row] => row.split(',').collect(),
        rows => {
            let words = format!("expected one quote, found {} rows", rows.len());
            return Err(strange(&words, key));
        }
    };
    let names: Vec<&str> = QUOTE_HEADER.split(',').collect();
    if fields.len() != names.len() {
        let words = format!("expected a quote of {} fields, found {}", names.len(), fields.len());
        return Err(strange(&words, key));
    }
    let found = fields.first().copied().unwrap_or_default();
    if !found.eq_ignore_ascii_case(symbol) {
        return Err(strange(&format!("the symbol {found}, expected {symbol}"), key));
    }
    Ok(sheet::line(Table::LastQuotes, |column| {
        let (_, _, field) = QUOTE.iter().find(|(name, ..)| *name == column)?;
        let place = names.iter().position(|name| name == field)?;
        plain(fields.get(place).copied()?.to_owned())
    }))
}

/// A value without the sign of its unit: `0.4259%` is 0.4259, in percent.
fn plain(text: String) -> Option<String> {
    let text = text.strip_suffix('%').map(str::to_owned).unwrap_or(text);
    told(text)
}

/// Refuses what is not of the symbol asked for, or tells a thing twice.
fn confirm(symbol: &str, name: &str, object: &Object<'_>, key: &Key) -> Result<(), Refusal> {
    let found = object.text(name);
    if !found.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(symbol)) {
        let found = found.unwrap_or_else(|| object.names());
        return Err(strange(&format!("expected the symbol {symbol}, found {found}"), key));
    }
    if object.has_doubles() {
        return Err(strange("a field comes twice", key));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheet::stated;

    fn key() -> Key {
        Key::new("SECRET0123456789").expect("key")
    }

    fn answer(body: &str) -> Answer<'_> {
        Answer { status: 200, content_type: None, body: body.as_bytes() }
    }

    /// The values of a line that are there, or the refusal.
    fn show(found: Result<String, Refusal>) -> String {
        let line = match found {
            Ok(line) => line,
            Err(refusal) => return refusal.to_string(),
        };
        let object: Object<'_> = serde_json::from_str(&line).expect("a line");
        let there = object.fields().iter().filter(|(_, value)| value.get() != "null");
        there.map(|(name, value)| format!("{name}={}", value.get())).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_column_is_some_field() {
        let names = |table| stated(table).iter().map(|column| column.name).collect::<Vec<_>>();
        let mut found = names(Table::Fundamentals);
        found.sort_unstable();
        let mut expect: Vec<&str> = OVERVIEW.iter().map(|(column, _)| *column).collect();
        expect.sort_unstable();
        assert_eq!(found, expect);
        let mut found = names(Table::LastQuotes);
        found.sort_unstable();
        let mut expect: Vec<&str> = QUOTE.iter().map(|(column, ..)| *column).collect();
        expect.sort_unstable();
        assert_eq!(found, expect);
    }

    #[test]
    fn companies() {
        let check = |body: &str, expect: &str| {
            assert_eq!(show(overview("IBM", &answer(body), &key())), expect, "{body}");
        };
        check(
            r#"{"Symbol": "IBM", "PERatio": "None", "EPS": "11.290", "DividendDate": "-"}"#,
            r#"eps="11.290""#,
        );
        check(r#"{"Symbol": "IBM", "PERatio": 19.420}"#, r#"pe_ratio="19.420""#);
        check("{}", "no such symbol: an empty object");
        check(
            r#"{"Symbol": "MSFT"}"#,
            "the answer is not understood: expected the symbol IBM, found MSFT",
        );
        check(
            r#"{"Symbol": "IBM", "EPS": "1", "EPS": "2"}"#,
            "the answer is not understood: a field comes twice",
        );
        check(
            "timestamp,open\n",
            "the answer is not understood: expected an object, found timestamp,open",
        );
    }

    #[test]
    fn quotes() {
        let check = |body: &str, expect: &str| {
            assert_eq!(show(quote("IBM", &answer(body), &key())), expect, "{body}");
        };
        check(
            r#"{"Global Quote": {"01. symbol": "IBM", "05. price": "219.3000",
                "07. latest trading day": "2026-05-15", "10. change percent": "-0.4259%"}}"#,
            r#"latest_day="2026-05-15" price="219.3000" change_percent="-0.4259""#,
        );
        let row =
            "IBM,218.2000,220.9100,217.6150,219.3000,6154450,2026-05-15,218.3700,0.9300,0.4259%";
        check(
            &format!("{QUOTE_HEADER}\r\n{row}\r\n"),
            r#"latest_day="2026-05-15" open="218.2000" high="220.9100" low="217.6150" price="219.3000" volume="6154450" previous_close="218.3700" change="0.9300" change_percent="0.4259""#,
        );
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
