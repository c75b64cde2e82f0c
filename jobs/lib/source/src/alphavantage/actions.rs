//! Splits and dividends of Alpha Vantage: the columns of bars by the day, and the functions `SPLITS`
//! and `DIVIDENDS`.

use model::Day;

use super::answer::{HEADERS, bars};
use super::csv::csv;
use super::notice::{object, strange, whole};
use super::request::Ask;
use crate::rest::{
    Actions, Answer, Bars, Body, Dividend, Key, Object, Refusal, Split, is, is_decimal, items, told,
};

/// The bars of `TIME_SERIES_DAILY_ADJUSTED` as traded, and the splits and dividends in them. Rows
/// whose columns for these cannot be read are in [`Actions::unread`] as received.
///
/// # Errors
/// A [`Refusal`] for everything but whole bars of what was asked for, as CSV.
pub fn daily_adjusted(
    ask: &Ask,
    answer: &Answer<'_>,
    key: &Key,
) -> Result<(Bars, Actions), Refusal> {
    let bars = bars(ask, answer, key)?;
    let Body::Text(text) = whole(answer, key)? else {
        return Err(strange("expected a CSV, found an object", key));
    };
    let mut actions = Actions::default();
    for line in csv(text, &HEADERS[2..], key)?.lines {
        let fields: Vec<&str> = line.split(',').collect();
        let [day, _, _, _, _, _, _, amount, factor] = fields[..] else {
            actions.unread.push(line.to_owned());
            continue;
        };
        let Ok(day) = day.parse::<Day>() else {
            actions.unread.push(line.to_owned());
            continue;
        };
        if !is_decimal(amount) || !is_decimal(factor) || is(factor, "0") {
            actions.unread.push(line.to_owned());
            continue;
        }
        if !is(amount, "0") {
            let amount = amount.to_owned();
            actions.dividends.push(dividend(day, amount));
        }
        if !is(factor, "1") {
            actions.splits.push(split(day, factor));
        }
    }
    Ok((bars, actions.sorted()))
}

/// The splits or dividends of an answer to one of the functions. An empty list is an answer: most
/// shares were never split.
///
/// # Errors
/// A [`Refusal`] for everything but a list of the symbol asked for.
pub fn actions(symbol: &str, answer: &Answer<'_>, key: &Key) -> Result<Actions, Refusal> {
    let object = object(answer, key)?;
    let rows = object.get("data").and_then(items);
    let (Some(found), Some(rows)) = (object.text("symbol"), rows) else {
        let words = format!("expected a symbol and data, found {}", object.names());
        return Err(strange(&words, key));
    };
    if !found.eq_ignore_ascii_case(symbol) {
        return Err(strange(&format!("expected the symbol {symbol}, found {found}"), key));
    }
    let mut actions = Actions::default();
    for row in rows {
        let object = Object::of(row).filter(|row| !row.has_doubles());
        if object.and_then(|row| action(&row, &mut actions)).is_none() {
            actions.unread.push(row.get().to_owned());
        }
    }
    Ok(actions.sorted())
}

fn action(row: &Object<'_>, actions: &mut Actions) -> Option<()> {
    let decimal = |name: &str| row.text(name).filter(|text| is_decimal(text));
    let day = |name: &str| row.text(name)?.parse::<Day>().ok();
    // a day that is not told is none; one that cannot be read is no day
    let maybe = |name: &str| match row.text(name).and_then(told) {
        None => Some(None),
        Some(text) => text.parse::<Day>().ok().map(Some),
    };
    if let Some(ex_day) = day("ex_dividend_date") {
        actions.dividends.push(Dividend {
            declared: maybe("declaration_date")?,
            record: maybe("record_date")?,
            paid: maybe("payment_date")?,
            ..dividend(ex_day, decimal("amount")?)
        });
    } else {
        let factor = decimal("split_factor").filter(|factor| !is(factor, "0"))?;
        actions.splits.push(split(day("effective_date")?, &factor));
    }
    Some(())
}

/// Of which nothing else is known; the currency is never told.
const fn dividend(ex_day: Day, amount: String) -> Dividend {
    Dividend { ex_day, amount, currency: None, declared: None, record: None, paid: None }
}

/// Factors count the new shares for one old one.
fn split(day: Day, factor: &str) -> Split {
    Split { day, new: factor.to_owned(), old: "1".to_owned() }
}

#[cfg(test)]
mod tests {
    use model::Timeframe;

    use super::*;
    use crate::alphavantage::Size;
    use crate::rest::Kind;

    fn key() -> Key {
        Key::new("SECRET0123456789").expect("key")
    }

    fn show(actions: Actions) -> String {
        let splits = actions.splits.iter().map(|s| format!("{} {}:{}", s.day, s.new, s.old));
        let dividends = actions.dividends.iter().map(|d| {
            let days = [d.declared, d.record, d.paid].into_iter().flatten();
            let days = days.fold(String::new(), |days, day| days + " " + &day.to_string());
            format!("{} {}{days}", d.ex_day, d.amount)
        });
        splits.chain(dividends).chain(actions.unread).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn columns_of_days() {
        let body = format!(
            "{}\n2024-06-11,51,52,50,51,51,2000,0.0000,1.0\n2024-06-10,50,51,49,50,50,2000,0,2.0\n\
             2024-06-07,100,102,98,100,49,1000,0.5000,1.0\n2024-06-06,98,100,97,99,48.5,1000,None,1\n\
             2024-06-05,98\n",
            HEADERS[2]
        );
        let answer = Answer { status: 200, content_type: None, body: body.as_bytes() };
        let ask = Ask::all("NVDA", Kind::Stocks, Timeframe::D1, Size::Full);
        let (bars, actions) = daily_adjusted(&ask, &answer, &key()).expect("bars");
        assert_eq!(
            bars.csv,
            "2024-06-05,98\n1717632000000000,98,100,97,99,1000\n\
             1717718400000000,100,102,98,100,1000\n1717977600000000,50,51,49,50,2000\n\
             1718064000000000,51,52,50,51,2000\n"
        );
        assert_eq!(
            show(actions),
            "2024-06-10 2.0:1, 2024-06-07 0.5000, \
             2024-06-06,98,100,97,99,48.5,1000,None,1, 2024-06-05,98"
        );
    }

    #[test]
    fn functions_of_their_own() {
        let check = |body: &str, expect: &str| {
            let answer = Answer { status: 200, content_type: None, body: body.as_bytes() };
            let found = actions("IBM", &answer, &key());
            assert_eq!(found.map_or_else(|refusal| refusal.to_string(), show), expect, "{body}");
        };
        check(
            r#"{"symbol": "IBM", "data": [{"effective_date": "1999-05-27", "split_factor": "2.0000"},
                {"effective_date": "1997-05-28", "split_factor": "0"}]}"#,
            r#"1999-05-27 2.0000:1, {"effective_date": "1997-05-28", "split_factor": "0"}"#,
        );
        check(
            r#"{"symbol": "IBM", "data": [{"ex_dividend_date": "2026-05-08", "payment_date": "None",
                "amount": "1.68"}, {"ex_dividend_date": "None", "amount": "1"}]}"#,
            r#"2026-05-08 1.68, {"ex_dividend_date": "None", "amount": "1"}"#,
        );
        check(
            r#"{"symbol": "IBM", "data": [{"ex_dividend_date": "2024-11-12", "declaration_date":
                "2024-10-30", "record_date": "2024-11-12", "payment_date": "2024-12-10", "amount":
                "1.67"}]}"#,
            "2024-11-12 1.67 2024-10-30 2024-11-12 2024-12-10",
        );
        let bad = r#"{"ex_dividend_date": "2024-11-12", "record_date": "soon", "amount": "1"}"#;
        check(&format!(r#"{{"symbol": "IBM", "data": [{bad}]}}"#), bad);
        check(r#"{"symbol": "IBM", "data": []}"#, "");
        check("{}", "the answer is not understood: expected a symbol and data, found none");
    }
}
