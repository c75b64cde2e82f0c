//! The base bars of a month: those that all others are made from, whatever they were made from
//! themselves, and the choice of what to make each bar from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, new_null_array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use model::schema::{ColumnType, PRICE, SUM};
use model::{Dataset, Day, Timeframe};
use store::schema::data_type;

use crate::fold::Bar;
use crate::models;

/// The columns of base bars.
pub static BASE: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |name: &str, kind: ColumnType| Field::new(name, data_type(kind), true);
    let mut fields = vec![
        field("timeframe", ColumnType::Text),
        field("made_from", ColumnType::Text),
        field("open_us", ColumnType::Long),
    ];
    fields.extend(["open", "high", "low", "close"].map(|name| field(name, PRICE)));
    fields.extend(["volume", "quote_volume", "contract_volume"].map(|name| field(name, SUM)));
    fields.push(field("trade_count", ColumnType::Long));
    fields.extend(
        ["taker_buy_volume", "taker_buy_quote_volume", "taker_buy_contract_volume"]
            .map(|name| field(name, SUM)),
    );
    Arc::new(Schema::new(fields))
});

/// The columns of the choice.
pub static CHOICE: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |name: &str, kind: DataType| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        field("day_us", DataType::Int64),
        field("timeframe", DataType::Utf8),
        field("width_us", DataType::Int64),
        field("base", DataType::Utf8),
        field("made_from", DataType::Utf8),
    ]))
});

/// The base bars of a month and what is known of them.
#[derive(Debug, Default)]
pub struct Base {
    /// The bars.
    pub batches: Vec<RecordBatch>,
    /// Days with a bar from trades or aggregate trades.
    pub traded: BTreeMap<Day, Dataset>,
    /// Timeframes of klines, by day.
    pub klines: BTreeMap<Day, BTreeSet<Timeframe>>,
}

/// What to make the bars of one day and timeframe from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The day.
    pub day: Day,
    /// The timeframe wanted.
    pub timeframe: Timeframe,
    /// The timeframe of the base bars.
    pub base: Timeframe,
    /// What those were made from.
    pub made_from: Dataset,
}

impl Base {
    /// For each day and timeframe what to make it from.
    pub fn choices(&self) -> Vec<Choice> {
        let days: BTreeSet<Day> = self.traded.keys().chain(self.klines.keys()).copied().collect();
        let mut choices = Vec::new();
        for day in days {
            for timeframe in Timeframe::GOLD {
                let (made_from, base) = match self.traded.get(&day) {
                    Some(dataset) => (*dataset, Some(Timeframe::M1)),
                    None => (Dataset::Klines, self.shortest(day, *timeframe)),
                };
                if let Some(base) = base {
                    choices.push(Choice { day, timeframe: *timeframe, base, made_from });
                }
            }
        }
        choices
    }

    /// The shortest kline of a day that divides a timeframe.
    fn shortest(&self, day: Day, timeframe: Timeframe) -> Option<Timeframe> {
        let there = self.klines.get(&day)?.iter();
        there.filter(|k| timeframe.micros() % k.micros() == 0).min_by_key(|k| k.micros()).copied()
    }

    /// The timeframes of klines that any day needs.
    pub fn klines_needed(&self) -> BTreeSet<Timeframe> {
        let choices = self.choices();
        choices.iter().filter(|c| c.made_from == Dataset::Klines).map(|c| c.base).collect()
    }

    /// Adds the bars of a day that were folded from trades or aggregate trades.
    ///
    /// # Errors
    /// A value that does not fit its column.
    pub fn add_folded(&mut self, day: Day, from: Dataset, bars: &[Bar]) -> anyhow::Result<()> {
        if bars.is_empty() {
            return Ok(());
        }
        self.traded.insert(day, from);
        self.batches.push(batch_of(bars, from)?);
        Ok(())
    }

    /// Adds the bars that a model gave.
    ///
    /// # Errors
    /// A column that is missing or does not fit.
    pub fn add_model(
        &mut self,
        batches: &[RecordBatch],
        timeframe: Timeframe,
        from: Dataset,
    ) -> anyhow::Result<()> {
        for batch in batches {
            let mut fields = batch.schema().fields().to_vec();
            let mut columns = batch.columns().to_vec();
            for (name, word) in [("timeframe", timeframe.as_str()), ("made_from", from.as_str())] {
                fields.push(Arc::new(Field::new(name, DataType::Utf8, false)));
                columns.push(Arc::new(StringArray::from(vec![word; batch.num_rows()])));
            }
            let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
            self.batches.push(models::conform(&batch, &BASE)?);
        }
        Ok(())
    }
}

fn batch_of(bars: &[Bar], from: Dataset) -> anyhow::Result<RecordBatch> {
    let prices = |of: fn(&Bar) -> i64| -> anyhow::Result<ArrayRef> {
        let array: Decimal128Array = bars.iter().map(|bar| Some(i128::from(of(bar)))).collect();
        Ok(Arc::new(array.with_precision_and_scale(18, 8)?))
    };
    let sums = |of: fn(&Bar) -> &[Option<i128>; 3], at: usize| -> anyhow::Result<ArrayRef> {
        if bars.iter().all(|bar| of(bar)[at].is_none()) {
            return Ok(new_null_array(&data_type(SUM), bars.len()));
        }
        let array: Decimal128Array = bars.iter().map(|bar| of(bar)[at]).collect();
        Ok(Arc::new(array.with_precision_and_scale(38, 8)?))
    };
    let longs =
        |of: fn(&Bar) -> i64| -> ArrayRef { Arc::new(bars.iter().map(of).collect::<Int64Array>()) };
    let words = |word: &str| -> ArrayRef { Arc::new(StringArray::from(vec![word; bars.len()])) };
    let columns = vec![
        words(Timeframe::M1.as_str()),
        words(from.as_str()),
        longs(|b| b.open_us),
        prices(|b| b.open)?,
        prices(|b| b.high)?,
        prices(|b| b.low)?,
        prices(|b| b.close)?,
        sums(|b| &b.volume, 0)?,
        sums(|b| &b.volume, 1)?,
        sums(|b| &b.volume, 2)?,
        longs(|b| b.trades),
        sums(|b| &b.taker_buy, 0)?,
        sums(|b| &b.taker_buy, 1)?,
        sums(|b| &b.taker_buy, 2)?,
    ];
    Ok(RecordBatch::try_new(Arc::clone(&BASE), columns)?)
}

/// The choices as rows.
///
/// # Errors
/// Never for choices of the model's days.
pub fn choice_batch(choices: &[Choice]) -> anyhow::Result<RecordBatch> {
    let texts = |of: fn(&Choice) -> &'static str| -> ArrayRef {
        Arc::new(StringArray::from(choices.iter().map(of).collect::<Vec<_>>()))
    };
    let longs = |of: fn(&Choice) -> i64| -> ArrayRef {
        Arc::new(choices.iter().map(of).collect::<Int64Array>())
    };
    let columns = vec![
        longs(|c| c.day.start_micros()),
        texts(|c| c.timeframe.as_str()),
        longs(|c| c.timeframe.micros()),
        texts(|c| c.base.as_str()),
        texts(|c| c.made_from.as_str()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(&CHOICE), columns)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_made_from_the_best_there_is() {
        let day: Day = "2024-01-01".parse().unwrap();
        let check = |traded: Option<Dataset>, klines: &str, expect: &str| {
            let mut base = Base::default();
            base.traded.extend(traded.map(|dataset| (day, dataset)));
            let klines: BTreeSet<Timeframe> =
                klines.split_whitespace().map(|k| k.parse().unwrap()).collect();
            if !klines.is_empty() {
                base.klines.insert(day, klines);
            }
            let found: Vec<String> =
                base.choices().iter().map(|c| format!("{}<{}", c.timeframe, c.base)).collect();
            assert_eq!(found.join(" "), expect);
        };
        let all_from_1m = "1m<1m 5m<1m 15m<1m 1h<1m 4h<1m 1d<1m";
        check(None, "", "");
        check(Some(Dataset::Trades), "1s 1d", all_from_1m);
        check(None, "1m 1h 1d", all_from_1m);
        check(None, "1s", "1m<1s 5m<1s 15m<1s 1h<1s 4h<1s 1d<1s");
        check(None, "1h 1d", "1h<1h 4h<1h 1d<1h");
        check(None, "3m 5m", "5m<5m 15m<3m 1h<3m 4h<3m 1d<3m");
        check(None, "6h", "1d<6h");
    }
}
