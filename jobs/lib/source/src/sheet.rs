//! Lines of what a source tells of companies and their shares, in the one form that all sources'
//! answers are brought to: a JSON object with a field for each column of the table that a source
//! states, in the table's order, each a text as received or `null`. What an answer means is the
//! provider's business; which day it is of is the unit's.
//!
//! Such tables have texts, days and many figures in a few rows a day, unlike those of trades and bars,
//! whose lines are read by a [`Form`](crate::form::Form).

use std::borrow::Cow;
use std::fmt::Write as _;

use model::schema::{Column, ColumnType, Issue, Issues, RejectReason, Table};
use model::{Dataset, Day, Unit};

use crate::form::Fault;
use crate::number::{self, Bad};
use crate::rest::{Actions, Object, text};

/// Columns behind the stated ones: `is_valid`, `issues`, `raw_sha256`.
const BEHIND: usize = 3;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// The source does not tell.
    Null,
    /// A text.
    Text(String),
    /// A number in units of its column's last digit.
    Number(i128),
    /// A day, since the epoch.
    Day(i32),
}

/// One row: a value for each stated column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The values, in the order of [`stated`].
    pub cells: Vec<Cell>,
    /// What is remarkable about it.
    pub issues: Issues,
}

/// The columns of a table that its sources state, in order: all of a file's but the day of asking and
/// what silver adds.
pub fn stated(table: Table) -> &'static [Column] {
    let columns = table.schema().file_columns();
    &columns[1..columns.len() - BEHIND]
}

/// The places in a row that tell it from others of its day.
pub fn key(table: Table) -> Vec<usize> {
    let columns = stated(table).iter().enumerate();
    let is_key = |(_, column): &(usize, &Column)| table.schema().key.contains(&column.name);
    columns.filter(is_key).map(|(place, _)| place).collect()
}

/// The line of a row, its end included, given the text of each column.
pub(crate) fn line(table: Table, value: impl Fn(&str) -> Option<String>) -> String {
    let mut line = "{".to_owned();
    for (place, column) in stated(table).iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        // as a value of JSON, a text has no line's end in it
        let value = value(column.name).map_or(serde_json::Value::Null, serde_json::Value::from);
        // writing to a string cannot fail
        let _ = write!(line, "{comma}\"{}\":{value}", column.name);
    }
    line + "}\n"
}

/// The lines of splits and dividends, and at the end of what cannot be read, as received.
pub(crate) fn of_actions(actions: &Actions) -> String {
    let day = |day: Option<Day>| day.map(|day| day.to_string());
    let splits = actions.splits.iter().map(|split| {
        line(Table::Actions, |column| match column {
            "ex_date" => day(Some(split.day)),
            "shares_new" => Some(split.new.clone()),
            "shares_old" => Some(split.old.clone()),
            _ => None,
        })
    });
    let dividends = actions.dividends.iter().map(|dividend| {
        line(Table::Actions, |column| match column {
            "ex_date" => day(Some(dividend.ex_day)),
            "amount" => Some(dividend.amount.clone()),
            "currency" => dividend.currency.clone(),
            "declared_date" => day(dividend.declared),
            "record_date" => day(dividend.record),
            "payment_date" => day(dividend.paid),
            _ => None,
        })
    });
    splits.chain(dividends).chain(actions.unread.iter().map(|row| odd(row))).collect()
}

/// The line of something as received of which no row can be made. It is none of [`line`]'s, for it
/// lacks their fields.
pub(crate) fn odd(received: &str) -> String {
    received.replace(['\n', '\r'], " ") + "\n"
}

/// Reads a line of a unit, without its end.
///
/// # Errors
/// The [`Fault`] that keeps it out of silver.
pub fn read(line: &[u8], unit: &Unit) -> Result<Entry, Fault> {
    let table = Table::of_dataset(unit.dataset);
    let columns = stated(table);
    let line = std::str::from_utf8(line).map_err(|_| strange(line, columns))?;
    let object: Object<'_> =
        serde_json::from_str(line).map_err(|_| strange(line.as_bytes(), columns))?;
    let names = object.fields().iter().map(|(name, _)| name.as_str());
    if !names.eq(columns.iter().map(|column| column.name)) {
        return Err(strange(line.as_bytes(), columns));
    }
    let values = object.fields().iter().map(|(_, value)| text(value));
    let cells = columns
        .iter()
        .zip(values)
        .map(|(column, value)| cell(column, value, is_needed(unit.dataset, column)))
        .collect::<Result<Vec<_>, _>>()?;
    let issues = judge(table, &cells);
    Ok(Entry { cells, issues })
}

/// Whether a row without this value says nothing.
fn is_needed(dataset: Dataset, column: &Column) -> bool {
    let of_kind = match dataset {
        Dataset::Splits => matches!(column.name, "shares_new" | "shares_old"),
        Dataset::Dividends => column.name == "amount",
        _ => false,
    };
    of_kind || !column.nullable
}

fn strange(line: &[u8], columns: &[Column]) -> Fault {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    Fault {
        reason: RejectReason::Unreadable,
        field: None,
        found: crate::form::lossy(line),
        expected: Cow::Owned(format!("what makes a row of {}", names.join(", "))),
    }
}

fn cell(column: &Column, value: Option<String>, is_needed: bool) -> Result<Cell, Fault> {
    let fault = |reason, found: &str, expected: Cow<'static, str>| {
        Err(Fault { reason, field: Some(column.name), found: found.to_owned(), expected })
    };
    let unreadable = RejectReason::Unreadable;
    let Some(value) = value else {
        return if is_needed {
            fault(unreadable, "nothing", Cow::Borrowed("a value"))
        } else {
            Ok(Cell::Null)
        };
    };
    match column.kind {
        ColumnType::Date => match value.parse::<Day>() {
            Ok(day) => Ok(Cell::Day(day.epoch_days())),
            Err(_) => fault(unreadable, &value, Cow::Borrowed("a day such as 2024-01-31")),
        },
        ColumnType::Decimal(digits, scale) => {
            let (digits, scale) = (u32::from(digits), u32::from(scale.unsigned_abs()));
            match number::scaled(value.as_bytes(), digits, scale) {
                Ok((number, _)) => Ok(Cell::Number(number)),
                Err(Bad::Form) => fault(unreadable, &value, Cow::Borrowed("a decimal number")),
                Err(Bad::Range | Bad::Underflow) => {
                    let whole = digits - scale;
                    let expected =
                        format!("at most {whole} digits before the point and {scale} after it");
                    fault(RejectReason::OutOfRange, &value, Cow::Owned(expected))
                }
            }
        }
        _ => Ok(Cell::Text(value)),
    }
}

/// The row rules.
fn judge(table: Table, cells: &[Cell]) -> Issues {
    let number = |name: &str| {
        let place = stated(table).iter().position(|column| column.name == name)?;
        match cells.get(place) {
            Some(Cell::Number(number)) => Some(*number),
            _ => None,
        }
    };
    let any = |names: &[&str], is_bad: fn(i128) -> bool| {
        names.iter().any(|name| number(name).is_some_and(is_bad))
    };
    let above = |low: &str, high: &str| number(low).zip(number(high)).is_some_and(|(l, h)| l > h);
    let mut issues = Issues::default();
    let mut say = |is_so: bool, issue: Issue| {
        if is_so {
            issues.add(issue);
        }
    };
    match table {
        Table::Fundamentals => {
            let counts = ["market_capitalization", "shares_outstanding", "shares_float"];
            say(any(&counts, |n| n < 0), Issue::BadQuantity);
            say(above("low_52_weeks", "high_52_weeks"), Issue::OhlcRelation);
        }
        Table::LastQuotes => {
            let prices = ["open", "high", "low", "price", "previous_close"];
            say(any(&prices, |n| n <= 0), Issue::NonPositivePrice);
            say(any(&["volume"], |n| n < 0), Issue::BadQuantity);
            let is_outside = above("low", "high")
                || ["open", "price"].iter().any(|p| above("low", p) || above(p, "high"));
            say(is_outside, Issue::OhlcRelation);
        }
        _ => {
            say(any(&["amount"], |n| n < 0), Issue::BadQuantity);
            say(any(&["shares_new", "shares_old"], |n| n <= 0), Issue::BadQuantity);
        }
    }
    issues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(dataset: &str) -> Unit {
        format!("acme/stocks/{dataset}/IBM/2026-05-18").parse().expect("unit")
    }

    /// The line of a row of these values.
    fn made(dataset: &str, values: &[(&str, &str)]) -> String {
        line(Table::of_dataset(unit(dataset).dataset), |column| {
            let found = values.iter().find(|(name, _)| *name == column);
            found.map(|(_, text)| (*text).to_owned())
        })
    }

    /// What is read of a line: the values that are there and the issues, or the fault.
    fn check(dataset: &str, line: &str, expect: &str) {
        let unit = unit(dataset);
        let columns = stated(Table::of_dataset(unit.dataset));
        let found = match read(line.trim_end_matches('\n').as_bytes(), &unit) {
            Ok(entry) => {
                let there =
                    columns.iter().zip(&entry.cells).filter(|(_, cell)| **cell != Cell::Null);
                let mut words: Vec<String> = there
                    .map(|(column, cell)| match cell {
                        Cell::Text(text) => format!("{}={text}", column.name),
                        Cell::Number(number) => format!("{}={number}", column.name),
                        Cell::Day(day) => {
                            format!("{}={}", column.name, Day::of_epoch_days(*day).expect("day"))
                        }
                        Cell::Null => String::new(),
                    })
                    .collect();
                words.extend(entry.issues.text());
                words.join(" ")
            }
            Err(fault) => {
                let field = fault.field.unwrap_or("-");
                format!("{} {field}: {}, {}", fault.reason, fault.found, fault.expected)
            }
        };
        assert_eq!(found, expect, "{line}");
    }

    #[test]
    fn values_are_read_to_the_last_digit() {
        let values = [
            ("name", "A \"B\", C\nD"),
            ("eps", "-11.29"),
            ("market_capitalization", "206116848000"),
            ("latest_quarter", "2026-03-31"),
        ];
        let line = made("fundamentals", &values);
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        check(
            "fundamentals",
            &line,
            "latest_quarter=2026-03-31 name=A \"B\", C\nD \
             market_capitalization=20611684800000000000 eps=-1129000000",
        );
        check("fundamentals", &made("fundamentals", &[]), "");
        let check_eps = |eps: &str, expect: &str| {
            check("fundamentals", &made("fundamentals", &[("eps", eps)]), expect);
        };
        check_eps("0.00000001", "eps=1");
        check_eps("9999999999.99999999", "eps=999999999999999999");
        let most = "at most 10 digits before the point and 8 after it";
        check_eps("0.000000001", &format!("out_of_range eps: 0.000000001, {most}"));
        check_eps("10000000000", &format!("out_of_range eps: 10000000000, {most}"));
        check_eps("None", "unreadable eps: None, a decimal number");
        let day = made("fundamentals", &[("latest_quarter", "2026-02-30")]);
        let expect = "unreadable latest_quarter: 2026-02-30, a day such as 2024-01-31";
        check("fundamentals", &day, expect);
    }

    #[test]
    fn what_was_not_made_here_is_no_row() {
        let names = "ex_date, amount, currency, shares_new, shares_old, declared_date, record_date, \
                     payment_date";
        for received in ["{\"ex_date\": \"2021-05-07\"}", "{\"a\":\n1}", "{}", "[", "null"] {
            let line = odd(received);
            let found = line.trim_end_matches('\n');
            let expect = format!("unreadable -: {found}, what makes a row of {names}");
            check("dividends", &line, &expect);
        }
        let ex = ("ex_date", "2021-05-07");
        check("dividends", &made("dividends", &[ex]), "unreadable amount: nothing, a value");
        check("splits", &made("splits", &[ex]), "unreadable shares_new: nothing, a value");
        let amount = [("amount", "0.5")];
        check("dividends", &made("dividends", &amount), "unreadable ex_date: nothing, a value");
        let quote = made("last_quotes", &[("open", "1")]);
        check("last_quotes", &quote, "unreadable price: nothing, a value");
    }

    #[test]
    fn rows_are_judged() {
        let check = |dataset: &str, values: &[(&str, &str)], expect: &str| {
            let entry = read(made(dataset, values).trim_end().as_bytes(), &unit(dataset));
            let entry = entry.expect("a row");
            assert_eq!(entry.issues.text().unwrap_or_default(), expect, "{values:?}");
        };
        check("fundamentals", &[("eps", "-1"), ("book_value", "-1"), ("ebitda", "-5")], "");
        check("fundamentals", &[("shares_float", "-1")], "bad_quantity");
        let range = [("low_52_weeks", "2"), ("high_52_weeks", "1")];
        check("fundamentals", &range, "ohlc_relation");
        let day = [("open", "2"), ("high", "3"), ("low", "1"), ("price", "2"), ("change", "-1")];
        check("last_quotes", &day, "");
        check("last_quotes", &[("price", "0")], "non_positive_price");
        check("last_quotes", &[("price", "5"), ("high", "4")], "ohlc_relation");
        check("last_quotes", &[("price", "5"), ("volume", "-1")], "bad_quantity");
        let split = |new| [("ex_date", "2020-08-31"), ("shares_new", new), ("shares_old", "1")];
        check("splits", &split("4"), "");
        check("splits", &split("0.125"), "");
        check("splits", &split("0"), "bad_quantity");
        check("dividends", &[("ex_date", "2020-08-31"), ("amount", "-1")], "bad_quantity");
    }

    #[test]
    fn tables_of_now_have_their_day_first_and_what_silver_adds_last() {
        for dataset in Dataset::ALL.iter().filter(|dataset| dataset.tells_now()) {
            let table = Table::of_dataset(*dataset);
            let columns = table.schema().file_columns();
            assert_eq!(columns[0], model::schema::AS_OF, "{table}");
            let behind: Vec<&str> =
                columns[columns.len() - BEHIND..].iter().map(|column| column.name).collect();
            assert_eq!(behind, ["is_valid", "issues", "raw_sha256"], "{table}");
            let kinds = stated(table).iter().map(|column| column.kind);
            let is_known = |kind| {
                matches!(kind, ColumnType::Date | ColumnType::Decimal(..) | ColumnType::Text)
            };
            assert!(kinds.into_iter().all(is_known), "{table}");
        }
        assert_eq!(key(Table::Fundamentals), Vec::<usize>::new());
        assert_eq!(key(Table::Actions), [0, 1, 3, 4]);
    }
}
