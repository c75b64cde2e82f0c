//! Rows of small tables to Arrow and back, and questions to them.

use std::sync::Arc;

use model::Day;
use model::decimal::Decimal;
use model::schema::{ColumnType, Table};
use table::datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use table::datafusion::arrow::error::ArrowError;
use table::datafusion::execution::SendableRecordBatchStream;
use table::datafusion::prelude::SessionContext;
use table::{SessionOptions, Snapshot, TableError, Tables};

/// The answer to a query over one version of a table, which it calls `ledger`, its files verified.
pub(crate) async fn stream(
    tables: &Tables,
    snapshot: &Snapshot,
    sql: &str,
) -> Result<SendableRecordBatchStream, TableError> {
    Ok(session(tables, snapshot).await?.sql(sql).await?.execute_stream().await?)
}

/// A session for several queries over one version of a table, as [`stream`] has it.
pub(crate) async fn session(
    tables: &Tables,
    snapshot: &Snapshot,
) -> Result<SessionContext, TableError> {
    tables.verify(snapshot).await?;
    let session =
        tables.session(&SessionOptions { target_partitions: Some(1), ..Default::default() })?;
    session.register_table("ledger", tables.provider(snapshot)?)?;
    Ok(session)
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Text(Option<String>),
    Long(Option<i64>),
    Micros(Option<i64>),
    Bool(bool),
    /// Days since the epoch.
    Date(Option<i32>),
    /// In units of the column's last digit.
    Decimal(Option<i128>),
}

impl From<Option<Day>> for Cell {
    fn from(day: Option<Day>) -> Self {
        Self::Date(day.map(Day::epoch_days))
    }
}

impl From<Option<Decimal>> for Cell {
    /// Of a column with eight digits after the point.
    fn from(decimal: Option<Decimal>) -> Self {
        Self::Decimal(decimal.map(|decimal| decimal.units().into()))
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<Option<&str>> for Cell {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Long(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<chrono::DateTime<chrono::Utc>> for Cell {
    fn from(at: chrono::DateTime<chrono::Utc>) -> Self {
        Self::Micros(Some(at.timestamp_micros()))
    }
}

/// Rows with the columns of a table's data files as a batch.
pub(crate) fn batch(table: Table, rows: &[Vec<Cell>]) -> Result<RecordBatch, TableError> {
    let misfit = |column: &str| TableError::Change {
        table,
        source: format!("a row has a value of another type in column {column}").into(),
    };
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (i, column) in table.schema().file_columns().iter().enumerate() {
        macro_rules! gather {
            ($variant:path) => {
                rows.iter()
                    .map(|row| match row.get(i) {
                        Some($variant(value)) => Ok(value.clone()),
                        _ => Err(misfit(column.name)),
                    })
                    .collect::<Result<Vec<_>, _>>()?
            };
        }
        columns.push(match column.kind {
            ColumnType::Text => Arc::new(StringArray::from(gather!(Cell::Text))),
            ColumnType::Long => Arc::new(Int64Array::from(gather!(Cell::Long))),
            ColumnType::Boolean => Arc::new(BooleanArray::from(gather!(Cell::Bool))),
            ColumnType::Timestamp => Arc::new(
                TimestampMicrosecondArray::from(gather!(Cell::Micros)).with_timezone("UTC"),
            ),
            ColumnType::Date => Arc::new(Date32Array::from(gather!(Cell::Date))),
            ColumnType::Decimal(precision, scale) => Arc::new(
                Decimal128Array::from(gather!(Cell::Decimal))
                    .with_precision_and_scale(precision, scale)
                    .map_err(|error| TableError::from(arrow_error(error)))?,
            ),
            _ => return Err(misfit(column.name)),
        });
    }
    RecordBatch::try_new(store::schema::file_schema(table), columns)
        .map_err(|error| TableError::from(arrow_error(error)))
}

pub(crate) fn arrow_error(error: ArrowError) -> table::datafusion::error::DataFusionError {
    table::datafusion::error::DataFusionError::ArrowError(Box::new(error), None)
}

/// The columns of a batch that was read.
pub(crate) struct Reader<'a> {
    pub(crate) table: Table,
    pub(crate) batch: &'a RecordBatch,
}

impl<'a> Reader<'a> {
    fn column<A: 'static>(&self, name: &str) -> Result<&'a A, TableError> {
        self.batch.column_by_name(name).and_then(|c| c.as_any().downcast_ref::<A>()).ok_or_else(
            || TableError::Change {
                table: self.table,
                source: format!("column {name} has not the type it should have").into(),
            },
        )
    }

    pub(crate) fn text(&self, name: &str) -> Result<impl Fn(usize) -> Option<&'a str>, TableError> {
        let array: &StringArray = self.column(name)?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    pub(crate) fn long(&self, name: &str) -> Result<impl Fn(usize) -> Option<i64>, TableError> {
        let array: &Int64Array = self.column(name)?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    pub(crate) fn micros(&self, name: &str) -> Result<impl Fn(usize) -> Option<i64>, TableError> {
        let array: &TimestampMicrosecondArray = self.column(name)?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    /// Days since the epoch.
    pub(crate) fn days(&self, name: &str) -> Result<impl Fn(usize) -> Option<i32>, TableError> {
        let array: &Date32Array = self.column(name)?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    /// Decimals in units of their last digit.
    pub(crate) fn units(&self, name: &str) -> Result<impl Fn(usize) -> Option<i128>, TableError> {
        let array: &Decimal128Array = self.column(name)?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }
}
