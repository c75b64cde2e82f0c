//! Splits and dividends of Twelve Data: requests and answers. Both functions need a plan.

use model::Day;

use super::answer::{DAY, refuse, whole};
use crate::rest::{
    Actions, Answer, Dividend, Key, KeyIn, Kind, Object, Refusal, Request, Split, Unaskable, Why,
    good, is_decimal, items, to_provider, told,
};

/// What either function costs for a symbol.
pub(super) const CREDITS: u32 = 20;

/// The request for all splits of a stock.
///
/// # Errors
/// [`Unaskable`] for what is no symbol of a stock.
pub fn splits_request(symbol: &str, key: &Key) -> Result<Request, Unaskable> {
    let symbol = to_provider(Kind::Stocks, symbol)?;
    let parameters = [("symbol", symbol.as_str()), ("range", "full")];
    Ok(Request::new("/splits", &parameters, key, KeyIn::Header))
}

/// The request for all dividends of a stock, as paid: not changed for later splits.
///
/// # Errors
/// [`Unaskable`] for what is no symbol of a stock.
pub fn dividends_request(symbol: &str, key: &Key) -> Result<Request, Unaskable> {
    let symbol = to_provider(Kind::Stocks, symbol)?;
    let parameters = [("symbol", symbol.as_str()), ("range", "full"), ("adjust", "false")];
    Ok(Request::new("/dividends", &parameters, key, KeyIn::Header))
}

/// The splits or dividends of an answer to one of these requests. An empty list is an answer: most
/// shares were never split.
///
/// # Errors
/// A [`Refusal`] for everything but a list of the symbol asked for.
pub fn actions(symbol: &str, answer: &Answer<'_>, key: &Key) -> Result<Actions, Refusal> {
    let object = good(answer, whole(answer, key)?, key, DAY)?;
    let strange = |words: String| refuse(Why::NotUnderstood, &words, key);
    let meta = object.object("meta");
    let of_meta = |name: &str| meta.as_ref().and_then(|meta| meta.text(name));
    let found = of_meta("symbol");
    if found.as_deref() != Some(symbol) {
        let found = found.unwrap_or_else(|| object.names());
        return Err(strange(format!("expected meta with the symbol {symbol}, found {found}")));
    }
    let mut actions = Actions::default();
    let mut known = false;
    for (name, value) in object.fields() {
        let read: fn(&Object<'_>, &mut Actions) -> Option<()> = match name.as_str() {
            "splits" => split,
            "dividends" => dividend,
            _ => continue,
        };
        let rows = items(value).ok_or_else(|| strange(format!("{name} is no list")))?;
        known = true;
        for row in rows {
            let object = Object::of(row).filter(|row| !row.has_doubles());
            if object.and_then(|row| read(&row, &mut actions)).is_none() {
                actions.unread.push(row.get().to_owned());
            }
        }
    }
    if !known {
        let found = object.names();
        return Err(strange(format!("expected splits or dividends, found {found}")));
    }
    let currency = of_meta("currency").and_then(told);
    actions.dividends.iter_mut().for_each(|dividend| dividend.currency.clone_from(&currency));
    Ok(actions.sorted())
}

/// `from_factor` counts the new shares: in a 4-for-1 split it is 4.
fn split(row: &Object<'_>, actions: &mut Actions) -> Option<()> {
    let decimal = |name: &str| row.text(name).filter(|text| is_decimal(text));
    let (new, old) = (decimal("from_factor")?, decimal("to_factor")?);
    actions.splits.push(Split { day: day(row, "date")?, new, old });
    Some(())
}

fn dividend(row: &Object<'_>, actions: &mut Actions) -> Option<()> {
    let amount = row.text("amount").filter(|text| is_decimal(text))?;
    let ex_day = day(row, "ex_date")?;
    let (currency, declared, record, paid) = (None, None, None, None);
    actions.dividends.push(Dividend { ex_day, amount, currency, declared, record, paid });
    Some(())
}

fn day(row: &Object<'_>, name: &str) -> Option<Day> {
    row.text(name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new("SECRET0123456789").expect("key")
    }

    #[test]
    fn requests_ask_for_all_there_is() {
        let splits = splits_request("BRK.B", &key()).expect("request");
        assert_eq!((splits.path(), splits.query()), ("/splits", "symbol=BRK.B&range=full"));
        let dividends = dividends_request("AAPL", &key()).expect("request");
        assert_eq!(dividends.query(), "symbol=AAPL&range=full&adjust=false");
        assert!(splits_request("EURUSD", &key()).is_err());
    }

    #[test]
    fn answers_are_read_to_the_last_digit() {
        let check = |body: &str, expect: &str| {
            let answer = Answer { status: 200, content_type: None, body: body.as_bytes() };
            let found = match actions("AAPL", &answer, &key()) {
                Ok(Actions { splits, dividends, unread }) => {
                    let splits = splits.iter().map(|s| format!("{} {}:{}", s.day, s.new, s.old));
                    let dividends = dividends.iter().map(|d| {
                        let currency = d.currency.as_deref().unwrap_or_default();
                        format!("{} {} {currency}", d.ex_day, d.amount)
                    });
                    splits.chain(dividends).chain(unread).collect::<Vec<_>>().join(", ")
                }
                Err(refusal) => format!("{:?} {}", refusal.why, refusal.words),
            };
            assert_eq!(found, expect, "{body}");
        };
        let meta = r#""meta": {"symbol": "AAPL", "currency": "USD"}"#;
        let splits = r#"[{"date": "2020-08-31", "description": "4-for-1 split", "ratio": 0.25,
            "from_factor": 4, "to_factor": 1}, {"date": "2014-06-09", "from_factor": "7",
            "to_factor": 1}, {"date": "2000-13-01", "from_factor": 2, "to_factor": 1}]"#;
        check(
            &format!("{{{meta}, \"splits\": {splits}}}"),
            "2014-06-09 7:1, 2020-08-31 4:1, \
             {\"date\": \"2000-13-01\", \"from_factor\": 2, \"to_factor\": 1}",
        );
        let dividends =
            r#"[{"ex_date": "2021-08-06", "amount": 0.2200}, {"ex_date": "2021-05-07"}]"#;
        check(
            &format!("{{{meta}, \"dividends\": {dividends}}}"),
            "2021-08-06 0.2200 USD, {\"ex_date\": \"2021-05-07\"}",
        );
        check(&format!("{{{meta}, \"splits\": []}}"), "");
        check(&format!("{{{meta}}}"), "NotUnderstood expected splits or dividends, found meta");
        check(
            r#"{"meta": {"symbol": "MSFT"}, "splits": []}"#,
            "NotUnderstood expected meta with the symbol AAPL, found MSFT",
        );
        check(
            r#"{"code": 403, "message": "/splits is available exclusively with grow or pro plans.",
                "status": "error"}"#,
            "PremiumOnly 403: /splits is available exclusively with grow or pro plans.",
        );
    }
}
