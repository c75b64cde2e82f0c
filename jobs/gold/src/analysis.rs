//! A symbol's series of bars with its indicators, which several tables are made of; and how rows of a series
//! become the files of their months.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::{
    ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use model::schema::Table;
use model::{Day, Month, Timeframe};
use series::bars::Bars;
use series::beside::Beside;
use series::indicators::{Indicators, indicators};

use crate::beside;
use crate::history;
use crate::piece::Piece;

/// Bars of a timeframe and what is made of each.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub(crate) bars: Bars,
    pub(crate) indicators: Indicators,
    pub(crate) beside: Beside,
}

impl Piece<'_> {
    /// Of all bars of a timeframe; made once.
    pub(crate) async fn analysis(&mut self, timeframe: Timeframe) -> anyhow::Result<Arc<Analysis>> {
        if let Some((_, made)) = self.analyses.iter().find(|(of, _)| *of == timeframe) {
            return Ok(Arc::clone(made));
        }
        let (bars, beside) = (history::bars(self, timeframe).await?, beside::of(self).await?);
        let settings = self.workshop.settings.indicators.clone();
        let work = move || {
            let indicators = indicators(&bars, &settings);
            Analysis { bars, indicators, beside }
        };
        let made = tokio::task::spawn_blocking(work).await.context("the worker ended early")?;
        let made = Arc::new(made);
        self.analyses.push((timeframe, Arc::clone(&made)));
        Ok(made)
    }

    /// The first month that is made anew: of no month before it does anything change that rests on its own
    /// and earlier bars.
    pub(crate) fn first_month(&self) -> Option<Month> {
        self.dirty.months.first().copied()
    }

    /// Replaces the months of a table from `first` on with their rows, and those that the table lacks. `rows`
    /// are of all bars, which open at `open_us`.
    pub(crate) async fn replace_months(
        &mut self,
        table: Table,
        timeframe: Timeframe,
        first: Option<Month>,
        open_us: &[i64],
        rows: &RecordBatch,
    ) -> anyhow::Result<()> {
        let held = self.workshop.sources.months(table, self.dirty, timeframe);
        let months: BTreeSet<Month> =
            open_us.chunk_by(|a, b| month(*a) == month(*b)).filter_map(|of| month(of[0])).collect();
        let changes = |month: &Month| Some(*month) >= first || !held.contains(month);
        let mut partitions = Vec::new();
        for month in months.union(&held).filter(|month| changes(month)) {
            let from = open_us.partition_point(|open| *open < month.first().start_micros());
            let to = open_us.partition_point(|open| *open < month.last().next().start_micros());
            let mut partition = self.partition();
            partition.insert("timeframe".to_owned(), timeframe.to_string());
            partition.insert("month".to_owned(), month.to_string());
            let of_month = (from < to).then(|| rows.slice(from, to - from));
            partitions.push((partition, of_month.into_iter().collect()));
        }
        self.replace(table, partitions).await
    }
}

fn month(micros: i64) -> Option<Month> {
    Day::of_micros(micros).map(Day::month)
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
