//! A symbol's series of bars with its indicators, which several tables are made of; and columns of what is made.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, StringArray, TimestampMicrosecondArray};
use series::bars::Bars;
use series::beside::Beside;
use series::indicators::Indicators;

/// Bars of a timeframe and what is made of each.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub(crate) bars: Bars,
    pub(crate) indicators: Indicators,
    pub(crate) beside: Beside,
}

/// A column of instants.
pub(crate) fn instants(micros: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

/// A column of words.
pub(crate) fn words<'a>(words: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(words))
}

/// A column of prices.
pub(crate) fn prices(units: &[i64]) -> anyhow::Result<ArrayRef> {
    let array: Decimal128Array = units.iter().map(|price| Some(i128::from(*price))).collect();
    Ok(Arc::new(array.with_precision_and_scale(18, 8)?))
}
