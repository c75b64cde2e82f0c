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
    let (places, unread) = choose(builder.metadata(), columns)?;
    let mask = ProjectionMask::leaves(builder.parquet_schema(), places);
    for batch in builder.with_projection(mask).with_batch_size(BATCH).build()? {
        match dataset {
            Dataset::Trades => fold.trades(&batch?, &unread)?,
            _ => fold.agg_trades(&batch?, &unread)?,
        }
    }
    Ok(())
}

/// The places in the file of the columns that have to be read, and the amounts that need not be. One
/// that the market does not have is all nulls, and the footer says so: decoding it would be a fifth of
/// the work.
fn choose(
    file: &ParquetMetaData,
    columns: &Columns,
) -> Result<(Vec<usize>, Vec<&'static str>), BadRows> {
    let schema = file.file_metadata().schema_descr();
    let place = |name: &&'static str| {
        let place = schema.columns().iter().position(|column| column.path().string() == **name);
        place.ok_or(BadRows::Column(name))
    };
    let mut places = columns.always.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let mut unread = Vec::new();
    for name in columns.amounts {
        let amount = place(name)?;
        let is_empty = file.row_groups().iter().all(|group| {
            let statistics = group.column(amount).statistics();
            let nulls = statistics.and_then(Statistics::null_count_opt);
            nulls == Some(group.num_rows().unsigned_abs())
        });
        if is_empty {
            unread.push(*name);
        } else {
            places.push(amount);
        }
    }
    Ok((places, unread))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::{EnabledStatistics, WriterProperties};

    use super::*;

    const COLUMNS: Columns = Columns { always: &["id"], amounts: &["quantity", "contracts"] };

    /// What is chosen of a file with two groups of two rows, in which `quantity` is all nulls and
    /// `contracts` is as given: the places of what is read, the names of what is not.
    fn chosen(
        contracts: [Option<i64>; 4],
        statistics: EnabledStatistics,
    ) -> (Vec<usize>, Vec<&'static str>) {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=4));
        let contracts: ArrayRef = Arc::new(Int64Array::from(contracts.to_vec()));
        let nulls: ArrayRef = Arc::new(Int64Array::new_null(4));
        let columns = [("contracts", contracts), ("id", ids), ("quantity", nulls)];
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.map(|(name, column)| (name, column, true)),
        )
        .unwrap();
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(2))
            .set_statistics_enabled(statistics)
            .build();
        let file = tempfile::tempfile().unwrap();
        let mut writer =
            ArrowWriter::try_new(file.try_clone().unwrap(), batch.schema(), Some(properties))
                .unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let file = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        assert_eq!(file.metadata().num_row_groups(), 2);
        choose(file.metadata(), &COLUMNS).unwrap()
    }

    #[test]
    fn an_amount_is_left_out_only_where_the_footer_says_that_there_is_none() {
        let read = EnabledStatistics::Page;
        assert_eq!(chosen([None; 4], read), (vec![1], vec!["quantity", "contracts"]));
        // of a group that has one and a group that has none
        let one = (vec![1, 0], vec!["quantity"]);
        assert_eq!(chosen([None, None, None, Some(7)], read), one);
        assert_eq!(chosen([Some(7), None, None, None], read), one);
        // a footer that says nothing
        assert_eq!(chosen([None; 4], EnabledStatistics::None), (vec![1, 2, 0], vec![]));
    }
}
