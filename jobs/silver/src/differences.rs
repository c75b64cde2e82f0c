//! How the rows of two versions differ, by the table's key and by every value that the source states.
//! Both are read in the order of their keys, side by side: nothing is held but the rows of one key. What is
//! made of a difference is the caller's.

use chrono::{DateTime, SecondsFormat};
use model::schema::{Column, ColumnType, Table};
use source::form::{Form, MadeOf};
use source::rows::{NO_AMOUNT, NO_PRICE, Row};
use store::parquet::decimal;

use crate::error::SilverError;
use crate::versions::{Halt, Keys};

/// How a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference<'r> {
    /// It has other values: as it was, as it is.
    Changed(&'r Row, &'r Row),
    /// It is there no more.
    Removed(&'r Row),
    /// It was not there.
    Added(&'r Row),
}

/// A column as rows of a form have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    /// The column.
    pub(crate) column: &'static Column,
    from: MadeOf,
}

impl Cell {
    /// Its value of a row, in units of its last digit; `None` where the source left it blank.
    fn value(self, row: &Row) -> Option<i128> {
        match self.from {
            MadeOf::Long(slot) | MadeOf::Instant(slot) => Some(i128::from(row.longs[slot])),
            MadeOf::Price(slot) => Some(i128::from(row.prices[slot])),
            MadeOf::MaybePrice(slot) => {
                (row.prices[slot] != NO_PRICE).then(|| i128::from(row.prices[slot]))
            }
            MadeOf::Amount(slot) => Some(row.amounts[slot]),
            MadeOf::MaybeFine(slot) => {
                (row.amounts[slot] != NO_AMOUNT).then_some(row.amounts[slot])
            }
            MadeOf::Flag(slot) => Some(i128::from(row.flags[slot])),
            MadeOf::Null | MadeOf::Valid | MadeOf::Issues | MadeOf::Raw => None,
        }
    }

    /// The same as text, to the last digit.
    pub(crate) fn text(self, row: &Row) -> Option<String> {
        let value = self.value(row)?;
        Some(match self.column.kind {
            ColumnType::Decimal(_, scale) => decimal(value, scale),
            ColumnType::Boolean => (value != 0).to_string(),
            ColumnType::Timestamp => {
                i64::try_from(value).ok().and_then(DateTime::from_timestamp_micros).map_or_else(
                    || value.to_string(),
                    |at| at.to_rfc3339_opts(SecondsFormat::Micros, true),
                )
            }
            _ => value.to_string(),
        })
    }

    /// The slot that it is made from; `None` where it is no value of the source's.
    const fn slot(self) -> Option<(u8, usize)> {
        match self.from {
            MadeOf::Long(slot) | MadeOf::Instant(slot) => Some((0, slot)),
            MadeOf::Price(slot) | MadeOf::MaybePrice(slot) => Some((1, slot)),
            MadeOf::Amount(slot) | MadeOf::MaybeFine(slot) => Some((2, slot)),
            MadeOf::Flag(slot) => Some((3, slot)),
            MadeOf::Null | MadeOf::Valid | MadeOf::Issues | MadeOf::Raw => None,
        }
    }
}

/// What rows of a form are compared by.
#[derive(Debug)]
pub(crate) struct Measure {
    key: Vec<Cell>,
    /// Every other value, each once.
    pub(crate) values: Vec<Cell>,
}

impl Measure {
    /// Of rows of a table.
    pub(crate) fn of(table: Table, form: &Form) -> Self {
        let schema = table.schema();
        let mut measure = Self { key: Vec::new(), values: Vec::new() };
        let mut seen = Vec::new();
        for (column, from) in schema.file_columns().iter().zip(form.columns) {
            let cell = Cell { column, from: *from };
            // an instant stands in two columns
            let Some(slot) = cell.slot().filter(|slot| !seen.contains(slot)) else { continue };
            seen.push(slot);
            let is_key = schema.key.contains(&column.name);
            let cells = if is_key { &mut measure.key } else { &mut measure.values };
            cells.push(cell);
        }
        measure
    }

    /// What tells a row from others, as text.
    pub(crate) fn key(&self, row: &Row) -> String {
        self.key.iter().filter_map(|cell| cell.text(row)).collect::<Vec<_>>().join(",")
    }

    fn same_key(&self, a: &Row, b: &Row) -> bool {
        self.key.iter().all(|cell| cell.value(a) == cell.value(b))
    }

    /// The columns in which two rows differ.
    pub(crate) fn changed<'s>(&'s self, a: &'s Row, b: &'s Row) -> impl Iterator<Item = Cell> + 's {
        self.values.iter().copied().filter(|cell| cell.value(a) != cell.value(b))
    }
}

/// Tells every difference between two versions, in the order of the keys.
pub(crate) fn differences(
    measure: &Measure,
    before: &mut Keys,
    after: &mut Keys,
    tell: &mut dyn FnMut(Difference<'_>) -> Result<(), SilverError>,
) -> Result<(), Halt> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    before.next(&mut old)?;
    after.next(&mut new)?;
    let key = |rows: &[Row]| rows.first().map(|row| row.longs[0]);
    loop {
        match (key(&old), key(&new)) {
            (None, None) => return Ok(()),
            (Some(a), Some(b)) if a == b => {
                of_one_key(measure, &old, &new, tell)?;
                before.next(&mut old)?;
                after.next(&mut new)?;
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                for row in &old {
                    tell(Difference::Removed(row))?;
                }
                before.next(&mut old)?;
            }
            _ => {
                for row in &new {
                    tell(Difference::Added(row))?;
                }
                after.next(&mut new)?;
            }
        }
    }
}

/// The same of the rows of one first key: few, in an order that does not depend on the archive.
fn of_one_key(
    measure: &Measure,
    old: &[Row],
    new: &[Row],
    tell: &mut dyn FnMut(Difference<'_>) -> Result<(), SilverError>,
) -> Result<(), SilverError> {
    let mut met = vec![false; new.len()];
    for before in old {
        let place = (0..new.len()).find(|at| !met[*at] && measure.same_key(before, &new[*at]));
        let Some(place) = place else {
            tell(Difference::Removed(before))?;
            continue;
        };
        met[place] = true;
        if measure.changed(before, &new[place]).next().is_some() {
            tell(Difference::Changed(before, &new[place]))?;
        }
    }
    for (row, met) in new.iter().zip(met) {
        if !met {
            tell(Difference::Added(row))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::Unit;
    use proptest::prelude::*;
    use source::Provider as _;
    use source::binance::Binance;

    use super::*;

    fn form() -> &'static Form {
        let unit: Unit = "binance/spot/agg_trades/BTCUSDT/2024-01-01".parse().expect("unit");
        Binance.form(&unit).expect("a form")
    }

    /// Prices by id and first trade, as rows: several may have one id.
    fn rows(of: &BTreeMap<(i64, i64), i64>) -> Vec<Row> {
        let row = |((id, first), price): (&(i64, i64), &i64)| {
            let (prices, amounts) = ([*price, 0, 0, 0], [5, 0, 0, 0]);
            // whatever the slots of time and trades are, the span is the trade's own
            Row { longs: [*id, 7, 10 * first, 10 * first + 1], prices, amounts, ..Row::default() }
        };
        of.iter().map(row).collect()
    }

    /// What is told, as `CHANGE KEY OLD NEW`.
    fn told(before: &[Row], after: &[Row]) -> Vec<String> {
        let (form, folder) = (form(), tempfile::tempdir().expect("folder"));
        let measure = Measure::of(Table::AggTrades, form);
        let keys = |rows| Keys::of_rows(rows, form, folder.path());
        let mut told = Vec::new();
        let price = |row: &Row| row.prices[0];
        differences(&measure, &mut keys(before), &mut keys(after), &mut |difference| {
            told.push(match difference {
                Difference::Changed(old, new) => {
                    let columns: Vec<_> =
                        measure.changed(old, new).map(|c| c.column.name).collect();
                    assert_eq!(columns, ["price"]);
                    assert_eq!(measure.key(old), measure.key(new));
                    format!("{} {} {}", measure.key(new), price(old), price(new))
                }
                Difference::Removed(old) => format!("{} {} -", measure.key(old), price(old)),
                Difference::Added(new) => format!("{} - {}", measure.key(new), price(new)),
            });
            Ok(())
        })
        .expect("memory");
        told
    }

    #[test]
    fn every_value_stands_once() {
        let measure = Measure::of(Table::AggTrades, form());
        let names = |cells: &[Cell]| cells.iter().map(|cell| cell.column.name).collect::<Vec<_>>();
        assert_eq!(names(&measure.key), ["agg_trade_id", "first_trade_id"]);
        let values =
            ["time", "price", "quantity", "last_trade_id", "is_buyer_maker", "is_best_match"];
        assert_eq!(names(&measure.values), values);
    }

    proptest! {
        #[test]
        fn differences_are_what_a_plain_look_says(
            before in prop::collection::btree_map((0..5_i64, 0..3_i64), 1..3_i64, 0..12),
            after in prop::collection::btree_map((0..5_i64, 0..3_i64), 1..3_i64, 0..12),
            back in any::<bool>(),
        ) {
            let (old, mut new) = (rows(&before), rows(&after));
            if back {
                new.reverse();
            }
            let mut keys: Vec<_> = before.keys().chain(after.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            let mut expect = Vec::new();
            for key @ (id, first) in keys {
                let name = format!("{id},{}", 10 * first);
                match (before.get(key), after.get(key)) {
                    (Some(old), Some(new)) if old != new => expect.push(format!("{name} {old} {new}")),
                    (Some(old), None) => expect.push(format!("{name} {old} -")),
                    (None, Some(new)) => expect.push(format!("{name} - {new}")),
                    _ => {}
                }
            }
            let found = told(&old, &new);
            let ids: Vec<&str> = found.iter().filter_map(|line| line.split(',').next()).collect();
            prop_assert!(ids.is_sorted(), "{found:?}");
            let sorted = |mut lines: Vec<String>| {
                lines.sort_unstable();
                lines
            };
            prop_assert_eq!(sorted(found), sorted(expect));
        }
    }
}
