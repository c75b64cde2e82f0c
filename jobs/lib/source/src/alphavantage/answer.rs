//! What Alpha Vantage's answers mean: bars, as CSV or as JSON, or a refusal. How it is asked, and
//! what its notices say, is in the modules beside.

use super::csv::csv;
use super::notice::{DAY, strange, whole};
use super::request::{Ask, interval};
use crate::rest::{
    Adjusted, Answer, Bars, Body, Key, Kind, Meta, Object, Pair, Refusal, Table, finish, zone,
};

/// The columns of bars: with and without a volume, and with splits and dividends.
pub(super) const HEADERS: [&str; 3] = [
    "timestamp,open,high,low,close,volume",
    "timestamp,open,high,low,close",
    "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient",
];

/// The bars of an answer.
///
/// # Errors
/// A [`Refusal`] for everything but whole bars of what was asked for.
pub fn bars(ask: &Ask, answer: &Answer<'_>, key: &Key) -> Result<Bars, Refusal> {
    match whole(answer, key)? {
        Body::Text(text) => of_csv(ask, text, key),
        Body::Object(object) => of_json(ask, &object, key),
    }
}

/// The bars of a CSV, which says nothing of symbol and zone.
fn of_csv(ask: &Ask, text: &str, key: &Key) -> Result<Bars, Refusal> {
    let csv = csv(text, &HEADERS, key)?;
    let meta = meta(ask, key)?;
    let mut table = Table::new(meta.zone, ask.is_daily());
    for line in csv.lines {
        let fields: Vec<&str> = line.split(',').collect();
        // a lone CR would be taken for a part of the line's end
        let fields = if line.contains('\r') { &[][..] } else { &fields };
        match (csv.header, fields) {
            (0, [time, open, high, low, close, volume])
            | (2, [time, open, high, low, close, _, volume, _, _]) => {
                table.row(time, [open, high, low, close, volume]);
            }
            (1, [time, open, high, low, close]) => table.row(time, [open, high, low, close, ""]),
            _ => table.odd(line),
        }
    }
    finish(table, meta, key, DAY)
}

/// The bars of an object, which says of what they are.
fn of_json(ask: &Ask, object: &Object<'_>, key: &Key) -> Result<Bars, Refusal> {
    let mut meta = meta(ask, key)?;
    let (Some(described), Some((_, series))) = (
        object.object("Meta Data"),
        object.fields().iter().find(|(name, _)| name.starts_with("Time Series")),
    ) else {
        let words = format!("expected Meta Data and a Time Series, found {}", object.names());
        return Err(strange(&words, key));
    };
    confirm(ask, &described, &mut meta).map_err(|words| strange(&words, key))?;
    let rows = Object::of(series).ok_or_else(|| strange("the Time Series is no object", key))?;
    let mut table = Table::new(meta.zone, ask.is_daily());
    for (time, value) in rows.fields() {
        // fields are called `1. open`, with numbers that differ from function to function
        let row = Object::of(value).filter(|row| !row.has_doubles());
        match row.and_then(|row| row.bar(unnumbered)) {
            Some(fields) => table.row(time, fields.each_ref().map(AsRef::as_ref)),
            None => table.odd(&format!("{time:?}: {}", value.get())),
        }
    }
    finish(table, meta, key, DAY)
}

/// What is known of bars from the request alone.
fn meta(ask: &Ask, key: &Key) -> Result<Meta, Refusal> {
    let interval = interval(ask.timeframe).map_err(|bad| strange(&bad.to_string(), key))?;
    Ok(Meta {
        symbol: ask.symbol.clone(),
        kind: ask.kind,
        interval: interval.to_owned(),
        zone: ask.zone(),
        exchange_zone: None,
        currency: Pair::of_lake(ask.kind, &ask.symbol).ok().map(|pair| pair.quote),
        exchange: None,
        instrument: None,
        adjusted: (ask.kind == Kind::Stocks).then_some(Adjusted::No),
        extended_hours: ask.has_hours().then_some(ask.extended_hours),
    })
}

/// Holds the meta data of an answer against the request; in words where they differ.
fn confirm(ask: &Ask, described: &Object<'_>, meta: &mut Meta) -> Result<(), String> {
    let told = |wanted: &str| {
        let found = described.fields().iter().find(|(name, _)| unnumbered(name) == wanted);
        found.and_then(|(_, value)| crate::rest::text(value))
    };
    let pair = Pair::of_lake(ask.kind, &ask.symbol).ok();
    let pair = pair.as_ref().map(|pair| (pair.base.as_str(), pair.quote.as_str()));
    let names = match (ask.kind, pair) {
        (Kind::Forex, Some((base, quote))) => vec![("From Symbol", base), ("To Symbol", quote)],
        (Kind::Crypto, Some((base, quote))) => {
            vec![("Digital Currency Code", base), ("Market Code", quote)]
        }
        _ => vec![("Symbol", ask.symbol.as_str())],
    };
    for (name, wanted) in names {
        let found = told(name).ok_or_else(|| format!("expected Meta Data with {name}"))?;
        if !found.eq_ignore_ascii_case(wanted) {
            return Err(format!("bars of the {name} {found}, expected {wanted}"));
        }
    }
    if let Some(found) = told("Interval").filter(|found| *found != meta.interval) {
        return Err(format!("bars of the Interval {found}, expected {}", meta.interval));
    }
    if let Some(name) = told("Time Zone") {
        meta.zone = zone(&name)
            .ok_or_else(|| format!("unknown time zone {name}, expected such as US/Eastern"))?;
        meta.exchange_zone = Some(name);
    }
    Ok(())
}

/// A field's name without its number: `1. open` is `open`.
fn unnumbered(name: &str) -> &str {
    name.split_once(". ").map_or(name, |(_, name)| name)
}

#[cfg(test)]
mod tests;
