//! Questions of the lake's tables, and the columns of their answers.

use anyhow::Context as _;
use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use model::schema::Table;
use table::datafusion::prelude::SessionContext;

/// What is asked. A table that the lake does not have has no row.
pub(crate) struct Reader(pub(crate) SessionContext);

/// An answer, as columns.
pub(crate) struct Answer(RecordBatch);

impl Reader {
    /// Asks a table; none where the answer has no row.
    pub(crate) async fn ask(&self, table: Table, sql: &str) -> anyhow::Result<Option<Answer>> {
        let told = || format!("cannot ask {table}");
        let batches = self.0.sql(sql).await.with_context(told)?.collect().await;
        let batches = batches.with_context(told)?;
        let Some(first) = batches.first() else { return Ok(None) };
        Ok(Some(Answer(concat_batches(&first.schema(), &batches)?)))
    }
}

impl Answer {
    /// How many rows.
    pub(crate) fn rows(&self) -> usize {
        self.0.num_rows()
    }

    fn column(&self, name: &str, kind: &DataType) -> anyhow::Result<ArrayRef> {
        let column = self.0.column_by_name(name).with_context(|| format!("no column `{name}`"))?;
        cast(column, kind).with_context(|| format!("column `{name}`"))
    }

    /// A column of words; empty where there is none.
    pub(crate) fn words(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let column = self.column(name, &DataType::Utf8)?;
        let column = column.as_string::<i32>();
        Ok(column.iter().map(|word| word.unwrap_or_default().to_owned()).collect())
    }

    /// A column of whole numbers; 0 where there is none.
    pub(crate) fn counts(&self, name: &str) -> anyhow::Result<Vec<u64>> {
        let column = self.column(name, &DataType::Int64)?;
        let column = column.as_primitive::<Int64Type>();
        Ok(column.iter().map(|n| n.unwrap_or_default().max(0).unsigned_abs()).collect())
    }

    /// A column of instants, in µs since the epoch.
    pub(crate) fn micros(&self, name: &str) -> anyhow::Result<Vec<Option<i64>>> {
        let kind = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let column = self.column(name, &kind)?;
        Ok(column.as_primitive::<TimestampMicrosecondType>().iter().collect())
    }

    /// A column of days, since the epoch.
    pub(crate) fn days(&self, name: &str) -> anyhow::Result<Vec<i32>> {
        let column = self.column(name, &DataType::Date32)?;
        Ok(column.as_primitive::<Date32Type>().iter().map(Option::unwrap_or_default).collect())
    }

    /// A column of doubles.
    pub(crate) fn doubles(&self, name: &str) -> anyhow::Result<Vec<Option<f64>>> {
        let column = self.column(name, &DataType::Float64)?;
        Ok(column.as_primitive::<Float64Type>().iter().collect())
    }

    /// A column of decimals, in units of 1e-8; 0 where there is none.
    pub(crate) fn units(&self, name: &str) -> anyhow::Result<Vec<i128>> {
        let column = self.column(name, &DataType::Decimal128(38, 8))?;
        let column = column.as_primitive::<Decimal128Type>();
        Ok((0..column.len())
            .map(|row| if column.is_valid(row) { column.value(row) } else { 0 })
            .collect())
    }
}
