//! What Alpha Vantage's answers look like: JSON with numbered names, newest first, and CSV with
//! CR LF. Which request gets one is decided above.

use std::fmt::Write as _;

use chrono::{Days, Months, NaiveDate};

use super::super::assets::{Kind, currency_name};
use super::super::company;
use super::super::hours::{NEW_YORK, instant, local, zone};
use super::super::walk::{Bar, EPOCH, Length, Walk, Want};
use super::super::{Ask, Reply, State, fixed, quoted};
use super::{Function, Query};

/// Bars of an answer that is not asked in full.
const COMPACT: usize = 100;

/// The answer to a request that is in order.
pub(super) fn reply(state: &State, ask: &Ask, query: &Query) -> Reply {
    match query.function {
        Function::Quote => quote(state, ask, query),
        Function::Overview => overview(state, ask, query),
        Function::Splits => splits(ask, query),
        Function::Dividends => dividends(state, ask, query),
        _ => {
            let bars = bars(state, ask, query);
            if bars.is_empty() {
                let text = format!(
                    "Invalid API call. Please retry or visit the documentation \
                     (https://www.alphavantage.co/documentation/) for {}.",
                    query.name
                );
                let body = format!("{{\n    \"Error Message\": {}\n}}", quoted(&text));
                return Reply::json(200, body);
            }
            if query.csv {
                Reply::csv(csv(query, &bars))
            } else {
                Reply::json(200, json(query, &bars))
            }
        }
    }
}

/// The last instant that is told: now, or the end of the last day that is over.
fn told(state: &State, ask: &Ask, query: &Query) -> i64 {
    if query.asset.kind != Kind::Stock || state.options.alphavantage.realtime {
        return ask.now;
    }
    // the hours after the session end at 20:00
    let now = local(NEW_YORK, ask.now);
    let evening = now.date().and_hms_opt(20, 0, 0).unwrap_or(now);
    let last = if now < evening { evening - Days::new(1) } else { evening };
    instant(NEW_YORK, last) - 1
}

/// The bars of a request, newest first.
fn bars(state: &State, ask: &Ask, query: &Query) -> Vec<Bar> {
    let now = told(state, ask, query);
    let want = Want {
        length: query.length,
        extended: query.extended,
        adjusted: query.adjusted,
        from_open: false,
        now,
    };
    let today = local(zone(query.asset.kind), now).date();
    let is_intraday = query.length != Length::Day;
    let (first, last) = match query.month {
        Some(first) => {
            let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
            (first, next.pred_opt().unwrap_or(first))
        }
        None if is_intraday => (today - Days::new(30), today),
        None => (EPOCH, today),
    };
    // coins by the day are always told whole
    let whole = query.full || query.function == Function::CryptoDaily;
    let limit = if whole { usize::MAX } else { COMPACT };
    Walk::new(state.options.seed, query.asset).newest(&want, first, last, limit, |_| true)
}

/// The decimals of prices and of volumes.
const fn decimals(query: &Query) -> (u8, u8) {
    match query.function {
        Function::FxIntraday | Function::FxDaily | Function::CryptoIntraday => (5, 0),
        Function::CryptoDaily => (8, 8),
        _ => (4, 0),
    }
}

fn stamp(query: &Query, bar: &Bar) -> String {
    let format = if query.length == Length::Day { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" };
    bar.stamp.format(format).to_string()
}

fn csv(query: &Query, bars: &[Bar]) -> String {
    let is_forex = query.asset.kind == Kind::Forex;
    let (price, volume) = decimals(query);
    let mut text = "timestamp,open,high,low,close".to_owned();
    text.push_str(if is_forex { "\r\n" } else { ",volume\r\n" });
    for bar in bars {
        text.push_str(&stamp(query, bar));
        for amount in [bar.open, bar.high, bar.low, bar.close] {
            text.push(',');
            text.push_str(&fixed(amount, price));
        }
        if !is_forex {
            text.push(',');
            text.push_str(&fixed(bar.volume, volume));
        }
        text.push_str("\r\n");
    }
    text
}

/// The name of the series and the meta data, in their order.
fn head(query: &Query, refreshed: &str) -> (String, Vec<(&'static str, String)>) {
    let (base, quote) = query.asset.sides();
    let interval = &query.interval;
    let size = if query.full { "Full size" } else { "Compact" }.to_owned();
    let own = |text: &str| text.to_owned();
    match query.function {
        Function::Intraday => {
            let what = format!("Intraday ({interval}) open, high, low, close prices and volume");
            let meta = vec![
                ("1. Information", what),
                ("2. Symbol", own(query.asset.symbol)),
                ("3. Last Refreshed", own(refreshed)),
                ("4. Interval", interval.clone()),
                ("5. Output Size", size),
                ("6. Time Zone", own("US/Eastern")),
            ];
            (format!("Time Series ({interval})"), meta)
        }
        Function::FxIntraday => {
            let meta = vec![
                ("1. Information", format!("FX Intraday ({interval}) Time Series")),
                ("2. From Symbol", own(base)),
                ("3. To Symbol", own(quote)),
                ("4. Last Refreshed", own(refreshed)),
                ("5. Interval", interval.clone()),
                ("6. Output Size", size),
                ("7. Time Zone", own("UTC")),
            ];
            (format!("Time Series FX ({interval})"), meta)
        }
        Function::FxDaily => {
            let meta = vec![
                ("1. Information", own("Forex Daily Prices (open, high, low, close)")),
                ("2. From Symbol", own(base)),
                ("3. To Symbol", own(quote)),
                ("4. Output Size", size),
                ("5. Last Refreshed", own(refreshed)),
                ("6. Time Zone", own("UTC")),
            ];
            (own("Time Series FX (Daily)"), meta)
        }
        Function::CryptoIntraday => {
            let meta = vec![
                ("1. Information", format!("Crypto Intraday ({interval}) Time Series")),
                ("2. Digital Currency Code", own(base)),
                ("3. Digital Currency Name", own(currency_name(base))),
                ("4. Market Code", own(quote)),
                ("5. Market Name", market_name(quote)),
                ("6. Last Refreshed", own(refreshed)),
                ("7. Interval", interval.clone()),
                ("8. Output Size", size),
                ("9. Time Zone", own("UTC")),
            ];
            (format!("Time Series Crypto ({interval})"), meta)
        }
        Function::CryptoDaily => {
            let meta = vec![
                ("1. Information", own("Daily Prices and Volumes for Digital Currency")),
                ("2. Digital Currency Code", own(base)),
                ("3. Digital Currency Name", own(currency_name(base))),
                ("4. Market Code", own(quote)),
                ("5. Market Name", market_name(quote)),
                ("6. Last Refreshed", format!("{refreshed} 00:00:00")),
                ("7. Time Zone", own("UTC")),
            ];
            (own("Time Series (Digital Currency Daily)"), meta)
        }
        _ => {
            let meta = vec![
                ("1. Information", own("Daily Prices (open, high, low, close) and Volumes")),
                ("2. Symbol", own(query.asset.symbol)),
                ("3. Last Refreshed", own(refreshed)),
                ("4. Output Size", size),
                ("5. Time Zone", own("US/Eastern")),
            ];
            (own("Time Series (Daily)"), meta)
        }
    }
}

/// A currency's name as Alpha Vantage has it.
fn market_name(code: &str) -> String {
    if code == "USD" { "United States Dollar" } else { currency_name(code) }.to_owned()
}

fn json(query: &Query, bars: &[Bar]) -> String {
    let newest = bars.first().map(|bar| stamp(query, bar)).unwrap_or_default();
    let (series, meta) = head(query, &newest);
    let (price, volume) = decimals(query);
    let days: Vec<String> = bars
        .iter()
        .map(|bar| {
            let mut fields = vec![
                ("1. open", quoted(&fixed(bar.open, price))),
                ("2. high", quoted(&fixed(bar.high, price))),
                ("3. low", quoted(&fixed(bar.low, price))),
                ("4. close", quoted(&fixed(bar.close, price))),
            ];
            let traded = fixed(bar.volume, volume);
            match query.asset.kind {
                Kind::Forex => {}
                // the one number that has no quotes
                Kind::Crypto if query.length != Length::Day => fields.push(("5. volume", traded)),
                _ => fields.push(("5. volume", quoted(&traded))),
            }
            format!("        {}: {}", quoted(&stamp(query, bar)), object(&fields, 8))
        })
        .collect();
    let meta: Vec<_> = meta.iter().map(|(name, value)| (*name, quoted(value))).collect();
    format!(
        "{{\n    \"Meta Data\": {},\n    {}: {{\n{}\n    }}\n}}",
        object(&meta, 4),
        quoted(&series),
        days.join(",\n")
    )
}

/// An object whose own line is indented by so many spaces.
fn object(fields: &[(&str, String)], indent: usize) -> String {
    let outer = " ".repeat(indent);
    let mut text = "{".to_owned();
    for (n, (name, value)) in fields.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(text, "{comma}\n{outer}    {}: {value}", quoted(name));
    }
    text + "\n" + &outer + "}"
}

/// The last two daily bars of a stock, as traded.
fn last_days(state: &State, ask: &Ask, query: &Query, days: usize) -> Vec<Bar> {
    let now = told(state, ask, query);
    let want =
        Want { length: Length::Day, extended: false, adjusted: false, from_open: false, now };
    Walk::new(state.options.seed, query.asset).newest(&want, EPOCH, NaiveDate::MAX, days, |_| true)
}

fn quote(state: &State, ask: &Ask, query: &Query) -> Reply {
    let days = last_days(state, ask, query, 2);
    let [day, before] = days.as_slice() else { return super::empty(Function::Quote) };
    let change = day.close - before.close;
    // per cent with four decimals, in units of 1e-8
    let percent = i128::from(change) * 10_000_000_000 / i128::from(before.close.max(1));
    let price = |amount| fixed(amount, 4);
    let values = [
        query.asset.symbol.to_owned(),
        price(day.open),
        price(day.high),
        price(day.low),
        price(day.close),
        fixed(day.volume, 0),
        day.stamp.format("%Y-%m-%d").to_string(),
        price(before.close),
        price(change),
        format!("{}%", price(percent as i64)),
    ];
    if query.csv {
        let names =
            "symbol,open,high,low,price,volume,latestDay,previousClose,change,changePercent";
        return Reply::csv(format!("{names}\r\n{}\r\n", values.join(",")));
    }
    let names = [
        "01. symbol",
        "02. open",
        "03. high",
        "04. low",
        "05. price",
        "06. volume",
        "07. latest trading day",
        "08. previous close",
        "09. change",
        "10. change percent",
    ];
    let fields: Vec<_> = names.into_iter().zip(values.iter().map(|v| quoted(v))).collect();
    Reply::json(200, format!("{{\n    \"Global Quote\": {}\n}}", object(&fields, 4)))
}

/// The splits that have happened, the latest first.
fn splits(ask: &Ask, query: &Query) -> Reply {
    let today = local(NEW_YORK, ask.now).date();
    let rows = company::splits(query.asset, today).into_iter().map(|(day, new)| {
        vec![
            ("effective_date", quoted(&day.to_string())),
            ("split_factor", quoted(&format!("{new}.0000"))),
        ]
    });
    list(query, rows)
}

/// The dividends that are known, the latest first.
fn dividends(state: &State, ask: &Ask, query: &Query) -> Reply {
    let today = local(NEW_YORK, ask.now).date();
    let known = company::dividends(state.options.seed, query.asset, today).into_iter();
    let rows = known.map(|dividend| {
        let text = |value: String| quoted(&value);
        vec![
            ("ex_dividend_date", text(dividend.ex.to_string())),
            ("declaration_date", text(dividend.declared.to_string())),
            ("record_date", text(dividend.record.to_string())),
            ("payment_date", text(dividend.paid.to_string())),
            ("amount", text(fixed(dividend.amount, 4))),
        ]
    });
    list(query, rows)
}

/// The answer of functions that have a list.
fn list(query: &Query, rows: impl Iterator<Item = Vec<(&'static str, String)>>) -> Reply {
    let rows: Vec<String> = rows.map(|row| format!("        {}", object(&row, 8))).collect();
    let rows =
        if rows.is_empty() { "[]".to_owned() } else { format!("[\n{}\n    ]", rows.join(",\n")) };
    let fields = [("symbol", quoted(query.asset.symbol)), ("data", rows)];
    Reply::json(200, object(&fields, 0))
}

/// Facts of a company; those that are no prices, earnings or dividends are the same for all.
fn overview(state: &State, ask: &Ask, query: &Query) -> Reply {
    let year = last_days(state, ask, query, 252);
    let Some(last) = year.first() else { return super::empty(Function::Overview) };
    let two = |amount: i64| fixed(amount, 2);
    let mean = |days: usize| {
        let closes = year.iter().take(days).map(|bar| i128::from(bar.close));
        let count = days.min(year.len()).max(1) as i128;
        two((closes.sum::<i128>() / count) as i64)
    };
    let symbol = query.asset.symbol;
    let seed = state.options.seed;
    let quarter = company::latest_quarter(last.stamp.date());
    let earned = company::earnings(seed, query.asset, quarter);
    // by hundredths, cut
    let by_earnings = i128::from(last.close) * 100 / i128::from(earned.max(1)) * 1_000_000;
    let paid = company::dividends(seed, query.asset, last.stamp.date());
    let day = |day: Option<NaiveDate>| day.map_or_else(|| "None".to_owned(), |day| day.to_string());
    let year_of = paid.iter().take(4).map(|dividend| dividend.amount).sum::<i64>();
    let dividend = if paid.is_empty() { "None".to_owned() } else { fixed(year_of, 4) };
    // a company without earnings has no ratio; the provider has two words for that
    let (ratio, eps) = match symbol {
        "TSLA" => ("None".to_owned(), "-0.52".to_owned()),
        "BRK.B" => ("-".to_owned(), "None".to_owned()),
        _ => (two(by_earnings as i64), two(earned)),
    };
    let own = |text: &str| text.to_owned();
    let fields: Vec<(&str, String)> = vec![
        ("Symbol", own(symbol)),
        ("AssetType", own("Common Stock")),
        ("Name", own(query.asset.name)),
        ("Description", own("A company of the sample server.")),
        ("CIK", own("1")),
        ("Exchange", own(query.asset.exchange)),
        ("Currency", own("USD")),
        ("Country", own("USA")),
        ("Sector", own("TECHNOLOGY")),
        ("Industry", own("SAMPLES")),
        ("FiscalYearEnd", own("December")),
        ("LatestQuarter", quarter.to_string()),
        ("MarketCapitalization", fixed(last.close, 0) + "000000000"),
        ("PERatio", ratio.clone()),
        ("PEGRatio", own("2.152")),
        ("BookValue", own("35.08")),
        ("DividendPerShare", dividend),
        ("DividendYield", own("0")),
        ("EPS", eps),
        ("ProfitMargin", own("0.156")),
        ("TrailingPE", ratio),
        ("ForwardPE", own("-")),
        ("Beta", own("0.581")),
        ("52WeekHigh", two(year.iter().map(|bar| bar.high).max().unwrap_or(0))),
        ("52WeekLow", two(year.iter().map(|bar| bar.low).min().unwrap_or(0))),
        ("50DayMovingAverage", mean(50)),
        ("200DayMovingAverage", mean(200)),
        ("SharesOutstanding", own("1000000000")),
        ("DividendDate", day(paid.first().map(|dividend| dividend.paid))),
        ("ExDividendDate", day(paid.first().map(|dividend| dividend.ex))),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, quoted(value))).collect();
    Reply::json(200, object(&fields, 0))
}
