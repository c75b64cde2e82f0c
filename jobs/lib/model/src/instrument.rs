//! What an instrument is and was: the facts, what a run tells of them, and how that is merged with what
//! `silver.instruments` holds. Pure; where facts come from is `source`'s and `plan`'s affair, the table
//! is written by `commit`.
//!
//! The rows of an instrument follow each other without a gap from [`BEGINNING`] on, and the last one
//! is open. So a day of any figure has exactly one row, whatever is known of it.

pub mod known;

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::{Day, Market, Source, Symbol};

/// The first day of an instrument's first row: as far as anybody knows it was always so.
pub const BEGINNING: NaiveDate = NaiveDate::from_epoch_days(0).expect("1970-01-01");

/// What is known of an instrument at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// What is priced, such as `BTC` or `EUR`; none of a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// What the price counts, such as `USDT` or `USD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// The national currency of the price (ISO 4217); none of a price in coins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The zone of the venue's hours, such as `America/New_York`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The least step of the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tick_size: Option<Decimal>,
    /// The least step of the quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot_size: Option<Decimal>,
    /// Whether it is traded, in the source's word, such as `TRADING`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What kind of contract it is, in the source's word, such as `PERPETUAL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract_type: Option<String>,
    /// The first day of which the source has anything, or on which it was listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed_from: Option<Day>,
    /// The last day on which it is traded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed_to: Option<Day>,
    /// What it was called before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<Symbol>,
    /// What it is called since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_to: Option<Symbol>,
}

impl Facts {
    /// These, and where they are silent those of `others`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            base: self.base.or(others.base),
            quote: self.quote.or(others.quote),
            currency: self.currency.or(others.currency),
            time_zone: self.time_zone.or(others.time_zone),
            tick_size: self.tick_size.or(others.tick_size),
            lot_size: self.lot_size.or(others.lot_size),
            status: self.status.or(others.status),
            contract_type: self.contract_type.or(others.contract_type),
            listed_from: self.listed_from.or(others.listed_from),
            listed_to: self.listed_to.or(others.listed_to),
            renamed_from: self.renamed_from.or(others.renamed_from),
            renamed_to: self.renamed_to.or(others.renamed_to),
        }
    }

    /// Whether both cannot be true of one day: a term of trading that both state differs. What is
    /// filled in, and the days and names between which an instrument lives, are better knowledge.
    fn contradicts(&self, other: &Self) -> bool {
        fn differ<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.zip(b).is_some_and(|(a, b)| a != b)
        }
        differ(self.base.as_ref(), other.base.as_ref())
            || differ(self.quote.as_ref(), other.quote.as_ref())
            || differ(self.currency.as_ref(), other.currency.as_ref())
            || differ(self.time_zone.as_ref(), other.time_zone.as_ref())
            || differ(self.tick_size.as_ref(), other.tick_size.as_ref())
            || differ(self.lot_size.as_ref(), other.lot_size.as_ref())
            || differ(self.status.as_ref(), other.status.as_ref())
            || differ(self.contract_type.as_ref(), other.contract_type.as_ref())
    }
}

/// The prices that a market's instruments may have, both ends included. An end that is left out is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceBounds {
    /// The least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Decimal>,
    /// The greatest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Decimal>,
}

impl PriceBounds {
    /// Whether nothing is out of them.
    pub const fn is_open(self) -> bool {
        self.min.is_none() && self.max.is_none()
    }

    /// The least and the greatest price, in units of 1e-8.
    pub fn units(self) -> (i64, i64) {
        let of = |end: Option<Decimal>, open: i64| end.map_or(open, Decimal::units);
        (of(self.min, i64::MIN), of(self.max, i64::MAX))
    }
}

impl fmt::Display for PriceBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |end: Option<Decimal>| end.map_or_else(String::new, |end| end.to_string());
        write!(f, "{}..{}", of(self.min), of(self.max))
    }
}

/// What a run tells of one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The provider.
    pub source: Source,
    /// The kind of market.
    pub market: Market,
    /// The instrument.
    pub symbol: Symbol,
    /// What holds from when on, in order of days; at least one. Only the first may lack its day: it
    /// holds before the second, or where it is the only one, now.
    pub statements: Vec<Statement>,
    /// What the source's listing shows; `None` of a source that has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

/// What holds from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Day>,
    /// Whether it is of the same listing as the statement before: terms of trading are others, the days
    /// and names between which the instrument lives are not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub goes_on: bool,
    /// What holds.
    pub facts: Facts,
}

/// What a listing shows of an instrument, as far as a run looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seen {
    /// The first day that is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Day>,
    /// The last day that is offered, of one that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Day>,
    /// Whether it goes on: what was taken for its end was none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub goes_on: bool,
}

/// A row of an instrument, without its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The first day on which it holds.
    pub from: Day,
    /// The first day on which it holds no more; `None` of the last row.
    pub to: Option<Day>,
    /// What holds.
    pub facts: Facts,
    /// When the plan was made that told it.
    pub told_at: DateTime<Utc>,
    /// Its run.
    pub run: String,
}

/// Who tells, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Teller<'a> {
    /// When the plan was made.
    pub at: DateTime<Utc>,
    /// Its run.
    pub run: &'a str,
}

impl Teller<'_> {
    /// The day from which on a change holds of which nobody says when it happened.
    fn today(&self) -> Day {
        Day::new(self.at.date_naive())
    }
}

/// The rows of an instrument after a run has told of it; `None` where they stay as they are.
///
/// What is told again changes nothing. What a person dates holds as dated. Of all else a term of
/// trading that has changed closes the last row on the day of the plan and opens a new one; what is
/// only known better is put right where it stands. A plan that is older than what is held is not
/// listened to.
pub fn merge(held: &[Row], told: &Told, teller: &Teller<'_>) -> Option<Vec<Row>> {
    if held.iter().any(|row| row.told_at > teller.at) {
        return None;
    }
    let mut rows = match told.statements.as_slice() {
        [Statement { from: None, facts, .. }] => stated_now(held, told, facts, teller),
        dated => stated_with_days(held, told, dated, teller),
    };
    // who told first what still holds stays named
    for row in &mut rows {
        let is_same = |old: &&Row| (old.from, old.to, &old.facts) == (row.from, row.to, &row.facts);
        if let Some(old) = held.iter().find(is_same) {
            row.clone_from(old);
        }
    }
    (rows != held).then_some(rows)
}

fn row(from: Day, to: Option<Day>, facts: Facts, teller: &Teller<'_>) -> Row {
    Row { from, to, facts, told_at: teller.at, run: teller.run.to_owned() }
}

fn stated_now(held: &[Row], told: &Told, facts: &Facts, teller: &Teller<'_>) -> Vec<Row> {
    let today = teller.today();
    // what was stated for days to come is stated no longer
    let mut rows: Vec<Row> = held.iter().filter(|row| row.from <= today).cloned().collect();
    let facts = with_seen(facts.clone(), told.seen, rows.last());
    let Some(last) = rows.last_mut() else {
        return vec![row(Day::new(BEGINNING), None, facts, teller)];
    };
    last.to = None;
    if facts.contradicts(&last.facts) && last.from < today {
        // a closed row is no longer what its teller told
        *last = row(last.from, Some(today), last.facts.clone(), teller);
        rows.push(row(today, None, facts, teller));
    } else if last.facts != facts {
        *last = row(last.from, None, facts, teller);
    }
    rows
}

fn stated_with_days(
    held: &[Row],
    told: &Told,
    statements: &[Statement],
    teller: &Teller<'_>,
) -> Vec<Row> {
    let mut rows = closed_before(held, statements);
    if statements.first().is_some_and(|first| first.from > Some(Day::new(BEGINNING))) {
        // nobody says what was before
        rows.push(row(Day::new(BEGINNING), None, Facts::default(), teller));
    }
    for (n, statement) in statements.iter().enumerate() {
        let closed = rows.last().and_then(|row| row.to);
        let from = statement.from.or(closed).unwrap_or(Day::new(BEGINNING));
        let is_first = statements.iter().take(n + 1).skip(1).all(|other| other.goes_on);
        let is_last = statements.iter().skip(n + 1).all(|other| other.goes_on);
        // a name that is given again is listed again: what a listing shows is of the first and the last
        let seen = told.seen.map(|seen| Seen {
            first: seen.first.filter(|_| is_first),
            last: seen.last.filter(|_| is_last),
            goes_on: seen.goes_on || !is_last,
        });
        let before = held
            .iter()
            .rev()
            .find(|row| row.from == from || (statement.goes_on && row.from < from));
        let facts = with_seen(statement.facts.clone(), seen, before);
        if let Some(before) = rows.last_mut() {
            before.to = Some(from);
        }
        rows.push(row(from, None, facts, teller));
    }
    rows
}

/// What was closed when a term changed, which nobody dates, before the first day that `statements` say: an
/// undated statement is of what came after. A row that a statement's day closed is told otherwise now.
fn closed_before(held: &[Row], statements: &[Statement]) -> Vec<Row> {
    let [Statement { from: None, .. }, Statement { from: Some(dated), .. }, ..] = statements else {
        return Vec::new();
    };
    let closed_as_told = |row: &&Row| {
        row.to.is_some_and(|to| to < *dated && to == Day::new(row.told_at.date_naive()))
    };
    held.iter().take_while(closed_as_told).cloned().collect()
}

/// Facts with the days that a listing shows, where nobody has said them. What it showed once stays: a
/// run may look at a part of it only.
fn with_seen(facts: Facts, seen: Option<Seen>, held: Option<&Row>) -> Facts {
    let Some(seen) = seen else { return facts };
    let held = held.map(|row| &row.facts);
    let first = [seen.first, held.and_then(|held| held.listed_from)].into_iter().flatten().min();
    let last = match seen {
        Seen { goes_on: true, .. } => None,
        Seen { last: Some(last), .. } => Some(last),
        Seen { .. } => held.and_then(|held| held.listed_to),
    };
    Facts { listed_from: facts.listed_from.or(first), listed_to: facts.listed_to.or(last), ..facts }
}

#[cfg(test)]
mod tests;
