//! What Twelve Data's answers mean: bars of one symbol or of many, or a refusal. How it is asked is
//! in the module beside.

use chrono_tz::Tz;

use super::request::{Ask, Times, interval};
use crate::rest::{
    Adjusted, Answer, Bars, Body, Concerns, Key, Kind, Meta, Object, Refusal, Table, Why, finish,
    good, items, read, to_provider, zone,
};

/// The provider's day ends at midnight UTC.
pub(super) const DAY: Tz = Tz::UTC;

/// What became of each symbol of a batch, as the lake writes it.
pub type Batch = Vec<(String, Result<Bars, Refusal>)>;

/// The bars of an answer to a request for one symbol.
///
/// # Errors
/// A [`Refusal`] for everything but whole bars of what was asked for.
pub fn bars(ask: &Ask, answer: &Answer<'_>, key: &Key) -> Result<Bars, Refusal> {
    let object = good(answer, whole(answer, key)?, key, DAY)?;
    match ask.symbols.as_slice() {
        [symbol] => of_symbol(ask, symbol, &object, key),
        many => {
            let words = format!("bars of one symbol are to be read, asked for {}", many.len());
            Err(refuse(Why::NotUnderstood, &words, key))
        }
    }
}

/// The bars of an answer to a request for many symbols, in the order asked. One symbol's refusal leaves the others whole.
///
/// # Errors
/// A [`Refusal`] of the whole answer.
pub fn batch(ask: &Ask, answer: &Answer<'_>, key: &Key) -> Result<Batch, Refusal> {
    // the status is that of one of the items, which tell their own
    let object = whole(answer, key)?;
    if let [symbol] = ask.symbols.as_slice() {
        return Ok(vec![(symbol.clone(), of_symbol(ask, symbol, &object, key))]);
    }
    let mut names = Vec::new();
    for symbol in &ask.symbols {
        let name = to_provider(ask.kind, symbol)
            .map_err(|bad| refuse(Why::NotUnderstood, &bad.to_string(), key))?;
        names.push((symbol, name));
    }
    let strange = object.fields().iter().find(|(n, _)| !names.iter().any(|(_, name)| name == n));
    if let Some((strange, _)) = strange {
        good(answer, object.clone(), key, DAY)?;
        let words = format!("`{strange}` was not asked for, expected the symbols of the request");
        return Err(refuse(Why::NotUnderstood, &words, key));
    }
    if object.has_doubles() {
        return Err(refuse(Why::NotUnderstood, "a symbol comes twice", key));
    }
    let each = names.into_iter().map(|(symbol, name)| {
        let found = match object.get(&name).map(Object::of) {
            Some(Some(item)) => match refusal_of(&item, key) {
                None => of_symbol(ask, symbol, &item, key),
                Some(refusal) => Err(refusal),
            },
            Some(None) => Err(refuse(Why::NotUnderstood, "no object for the symbol", key)),
            None => Err(refuse(Why::NotUnderstood, "nothing for the symbol", key)),
        };
        (symbol.clone(), found)
    });
    Ok(each.collect())
}

/// The object of an answer that is no refusal as a whole.
pub(super) fn whole<'a>(answer: &Answer<'a>, key: &Key) -> Result<Object<'a>, Refusal> {
    match read(answer, key, DAY)? {
        Body::Object(object) => match refusal_of(&object, key) {
            Some(refusal) => Err(refusal),
            None => Ok(object),
        },
        Body::Text(text) => {
            let words = format!("expected an object, found {text}");
            Err(refuse(Why::NotUnderstood, &words, key))
        }
    }
}

pub(super) fn refuse(why: Why, words: &str, key: &Key) -> Refusal {
    Refusal::new(why, words, key, DAY)
}

/// The refusal that an object is, where it is one.
fn refusal_of(object: &Object<'_>, key: &Key) -> Option<Refusal> {
    let code = object.text("code").and_then(|code| code.parse::<u16>().ok());
    let is_error = object.text("status").is_some_and(|status| status == "error");
    if !is_error && code.is_none_or(|code| code < 400) {
        return None;
    }
    let message = object.text("message").unwrap_or_else(|| "no message".to_owned());
    let why = why(code.unwrap_or_default(), &message.to_lowercase());
    let words = code.map_or(message.clone(), |code| format!("{code}: {message}"));
    let refusal = refuse(why, &words, key);
    let of_symbol = message.to_lowercase().contains("symbol");
    Some(match why {
        // a plan lacks single symbols as well as whole functions
        Why::PremiumOnly if of_symbol => refusal.concerning(Concerns::Symbol),
        // a parameter, named in stars, is wrong for every symbol alike
        Why::BadRequest if !of_symbol && message.contains("**") => {
            refusal.concerning(Concerns::Function)
        }
        _ => refusal,
    })
}

/// The kind of an error, by its code and its message in small letters.
fn why(code: u16, message: &str) -> Why {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let of_plan = says(&["available starting with", "available exclusively", "upgrad", "plan"]);
    match code {
        400 if says(&["no data is available"]) => Why::NoData,
        400 | 404 if says(&["available starting with", "available exclusively"]) => {
            Why::PremiumOnly
        }
        400 if says(&["symbol"]) && says(&["not found", "missing or invalid"]) => Why::NoSuchSymbol,
        400 => Why::BadRequest,
        401 => Why::BadKey,
        403 if says(&["'demo'", "demo api key"]) => Why::DemoKey,
        403 if !of_plan && says(&["apikey", "api key"]) => Why::BadKey,
        403 => Why::PremiumOnly,
        404 if says(&["symbol", "figi"]) => Why::NoSuchSymbol,
        404 if of_plan => Why::PremiumOnly,
        404 => Why::NoData,
        414 => Why::BatchTooLong,
        429 if says(&["for the day", "daily limit", "next day"]) && !says(&["current minute"]) => {
            Why::DayLimit
        }
        429 => Why::MinuteLimit,
        500..=599 => Why::ServerTrouble,
        _ => Why::NotUnderstood,
    }
}

/// The bars of one symbol.
fn of_symbol(ask: &Ask, symbol: &str, object: &Object<'_>, key: &Key) -> Result<Bars, Refusal> {
    let strange = |words: String| refuse(Why::NotUnderstood, &words, key);
    let status = object.text("status");
    if status.as_deref() != Some("ok") {
        let found = status.unwrap_or_else(|| format!("none beside {}", object.names()));
        return Err(strange(format!("expected the status ok, found {found}")));
    }
    let described = object
        .object("meta")
        .ok_or_else(|| strange(format!("expected meta and values, found {}", object.names())))?;
    let meta = meta(ask, symbol, &described).map_err(strange)?;
    let values = object
        .get("values")
        .and_then(items)
        .ok_or_else(|| strange(format!("expected a list of values, found {}", object.names())))?;
    let mut table = Table::new(meta.zone, ask.is_daily());
    for value in values {
        let row = Object::of(value).filter(|row| !row.has_doubles());
        match row.and_then(|row| Some((row.text("datetime")?, row.bar(|name| name)?))) {
            Some((time, fields)) => table.row(&time, fields.each_ref().map(AsRef::as_ref)),
            None => table.odd(value.get()),
        }
    }
    finish(table, meta, key, DAY)
}

/// What is said of the bars; in words where it is not what was asked for.
fn meta(ask: &Ask, symbol: &str, meta: &Object<'_>) -> Result<Meta, String> {
    let wanted = to_provider(ask.kind, symbol).map_err(|bad| bad.to_string())?;
    let asked = interval(ask.timeframe).map_err(|bad| bad.to_string())?;
    for (name, wanted) in [("symbol", wanted.as_str()), ("interval", asked)] {
        let found = meta.text(name).ok_or_else(|| format!("expected meta with a {name}"))?;
        if !found.eq_ignore_ascii_case(wanted) {
            return Err(format!("bars of the {name} {found}, expected {wanted}"));
        }
    }
    let exchange_zone = meta.text("exchange_timezone").filter(|zone| !zone.is_empty());
    let zone = match (&exchange_zone, ask.times) {
        (_, Times::Utc) if !ask.is_daily() => Tz::UTC,
        (Some(name), _) => zone(name).ok_or_else(|| {
            format!("unknown time zone {name}, expected such as America/New_York")
        })?,
        // forex and crypto have no exchange: their times are UTC
        (None, _) if ask.kind != Kind::Stocks => Tz::UTC,
        (None, _) => return Err("expected meta with an exchange_timezone".to_owned()),
    };
    let currency = meta.text("currency").or_else(|| {
        let quote = to_provider(ask.kind, symbol).ok()?;
        Some(quote.split_once('/')?.1.to_owned())
    });
    Ok(Meta {
        symbol: symbol.to_owned(),
        kind: ask.kind,
        interval: asked.to_owned(),
        zone,
        exchange_zone,
        currency,
        exchange: meta.text("exchange").filter(|exchange| !exchange.is_empty()),
        instrument: meta.text("type"),
        adjusted: adjusted(ask),
        extended_hours: (ask.kind == Kind::Stocks && !ask.is_daily()).then_some(false),
    })
}

fn adjusted(ask: &Ask) -> Option<Adjusted> {
    (ask.kind == Kind::Stocks).then_some(ask.adjusted)
}

#[cfg(test)]
mod tests;
