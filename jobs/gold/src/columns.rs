//! Columns of rows in memory: read by name out of what a model gave, and made of values.

use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::{
    ArrayRef, AsArray as _, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type};
use model::Day;

/// A column as it is.
pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> anyhow::Result<&'a ArrayRef> {
    batch.column_by_name(name).with_context(|| format!("no column `{name}`"))
}

/// A text column, whatever form of text the engine gave it.
pub(crate) fn texts(batch: &RecordBatch, name: &str) -> anyhow::Result<StringArray> {
    let column = arrow::compute::cast(column(batch, name)?, &DataType::Utf8)?;
    Ok(column.as_string::<i32>().clone())
}

/// A column of days.
pub(crate) fn dates(batch: &RecordBatch, name: &str) -> anyhow::Result<Vec<Day>> {
    let days = column(batch, name)?.as_primitive_opt::<Date32Type>();
    let days = days.context("a column that has no days")?.values().iter();
    days.map(|day| Day::of_epoch_days(*day).context("a row outside of all days")).collect()
}

/// A column of counts, of whatever type of number; what 64 bits do not hold is their greatest.
pub(crate) fn counts(batch: &RecordBatch, name: &str) -> anyhow::Result<Vec<u64>> {
    let wide = arrow::compute::cast(column(batch, name)?, &DataType::Decimal128(38, 0))?;
    let wide = wide.as_primitive::<Decimal128Type>().values();
    Ok(wide.iter().map(|n| u64::try_from((*n).max(0)).unwrap_or(u64::MAX)).collect())
}

/// A column of doubles.
pub(crate) fn doubles(batch: &RecordBatch, name: &str) -> anyhow::Result<Vec<Option<f64>>> {
    let column = arrow::compute::cast(column(batch, name)?, &DataType::Float64)?;
    Ok(column.as_primitive::<Float64Type>().iter().collect())
}

/// Of instants, in µs since the epoch.
pub(crate) fn instants(micros: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

/// Of words.
pub(crate) fn words<'a>(words: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(words))
}

/// Of prices, in units of 1e-8.
pub(crate) fn prices(units: &[i64]) -> anyhow::Result<ArrayRef> {
    let array: Decimal128Array = units.iter().map(|price| Some(i128::from(*price))).collect();
    Ok(Arc::new(array.with_precision_and_scale(18, 8)?))
}
