//! The base bars of a month: those that all others are made from, whatever they were made from
//! themselves. What to make them from is chosen in [`crate::held`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray, new_null_array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use model::schema::{ColumnType, PRICE, SUM};
use model::{Dataset, Day, Timeframe};
use store::schema::data_type;

use crate::fold::Bar;
use crate::held::{Choice, Held, Sums};
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
        Field::new("is_complete", DataType::Boolean, true),
    ]))
});

/// The base bars of a month and what is known of them.
#[derive(Debug, Default)]
pub struct Base {
    /// The bars.
    pub batches: Vec<RecordBatch>,
    /// What silver holds of each day.
    pub days: BTreeMap<Day, Held>,
    /// Days that are made already, by what from.
    made: BTreeSet<(Day, Dataset)>,
    /// Days whose files are known to be what was committed.
    sound: BTreeSet<(Day, Dataset)>,
}

impl Base {
    /// Nothing made yet of these days. The files of the days of `sound` are known to be what was
    /// committed.
    pub fn new(days: BTreeMap<Day, Held>, sound: BTreeSet<(Day, Dataset)>) -> Self {
        Self { days, sound, ..Self::default() }
    }

    /// Whether a day's files are known to be what was committed.
    pub fn is_sound(&self, day: Day, dataset: Dataset) -> bool {
        self.sound.contains(&(day, dataset))
    }

    /// For each day and timeframe what to make it from.
    pub fn choices(&self) -> Vec<Choice> {
        let days = self.days.iter();
        days.flat_map(|(day, held)| Timeframe::GOLD.iter().filter_map(|t| held.choose(*day, *t)))
            .collect()
    }

    /// Days whose bars are made from a dataset of trades and have not been made yet.
    pub fn wanted(&self, dataset: Dataset) -> BTreeSet<Day> {
        let choices = self.choices().into_iter();
        choices
            .filter(|c| c.made_from == dataset && !self.made.contains(&(c.day, dataset)))
            .map(|c| c.day)
            .collect()
    }

    /// The timeframes of klines that any day needs.
    pub fn klines_needed(&self) -> BTreeSet<Timeframe> {
        let choices = self.choices();
        choices.iter().filter(|c| c.made_from == Dataset::Klines).map(|c| c.base).collect()
    }

    /// Days are made from a dataset of trades, and this is what their rows amount to.
    pub fn made(&mut self, dataset: Dataset, sums: &BTreeMap<Day, Sums>) {
        for (day, sums) in sums {
            self.made.insert((*day, dataset));
            let Some(held) = self.days.get_mut(day) else { continue };
            match dataset {
                Dataset::Trades => held.trades.sums = Some(*sums),
                Dataset::AggTrades => held.agg_trades.sums = Some(*sums),
                _ => {}
            }
        }
    }

    /// Adds the bars of a day that were folded from trades or aggregate trades.
    ///
    /// # Errors
    /// A value that does not fit its column.
    pub fn add_folded(&mut self, from: Dataset, bars: &[Bar]) -> anyhow::Result<()> {
        if !bars.is_empty() {
            self.batches.push(batch_of(bars, from)?);
        }
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
        Arc::new(choices.iter().map(|c| c.is_complete).collect::<BooleanArray>()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(&CHOICE), columns)?)
}
