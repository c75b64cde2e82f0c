//! The bars of one day from its files of trades: which of their columns have to be read. What is
//! made of the rows is in [`crate::fold`].

use std::fs::File;

use anyhow::Context as _;
use model::{Dataset, Day};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use store::LocalCopy;

use crate::fold::{AGG_TRADE_COLUMNS, BadRows, Bar, Columns, DayFold, TRADE_COLUMNS};

/// Rows read at once from a file of trades: their columns stay small enough for the cache, and
/// for the allocator to use the same memory again.
const BATCH: usize = 2_048;

/// Folds the files of a day. Blocks.
pub(crate) fn fold_day(
    day: Day,
    dataset: Dataset,
    files: &[(String, LocalCopy)],
) -> anyhow::Result<Vec<Bar>> {
    let mut fold = DayFold::new(day);
    for (key, copy) in files {
        let file = copy.open()?;
        fold_file(&mut fold, dataset, file).with_context(|| format!("cannot read `{key}`"))?;
    }
    Ok(fold.bars()?)
}

fn fold_file(fold: &mut DayFold, dataset: Dataset, file: File) -> anyhow::Result<()> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let columns = match dataset {
        Dataset::Trades => &TRADE_COLUMNS,
        _ => &AGG_TRADE_COLUMNS,
    };
    let mask =
        ProjectionMask::leaves(builder.parquet_schema(), needed(builder.metadata(), columns)?);
    for batch in builder.with_projection(mask).with_batch_size(BATCH).build()? {
        match dataset {
            Dataset::Trades => fold.trades(&batch?)?,
            _ => fold.agg_trades(&batch?)?,
        }
    }
    Ok(())
}

/// The columns that have to be read, by their places in the file. An amount that the market does
/// not have is all nulls, and the footer says so: decoding it would be a fifth of the work.
fn needed(file: &ParquetMetaData, columns: &Columns) -> Result<Vec<usize>, BadRows> {
    let schema = file.file_metadata().schema_descr();
    let place = |name: &&'static str| {
        let place = schema.columns().iter().position(|column| column.path().string() == **name);
        place.ok_or(BadRows::Column(name))
    };
    let mut places = columns.always.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    for amount in columns.amounts.iter().map(place) {
        let amount = amount?;
        let is_empty = file.row_groups().iter().all(|group| {
            let statistics = group.column(amount).statistics();
            let nulls = statistics.and_then(Statistics::null_count_opt);
            nulls == Some(group.num_rows().unsigned_abs())
        });
        if !is_empty {
            places.push(amount);
        }
    }
    Ok(places)
}
