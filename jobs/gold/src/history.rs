//! All bars of a symbol and timeframe with their indicators, for the tables that need the whole series: bars
//! that the piece has just made, and of all other months those that are there.

use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, TimeUnit, TimestampMicrosecondType};
use model::schema::Table;
use model::{Timeframe, layout};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use series::bars::Bars;
use series::indicators::indicators;
use store::LocalCopy;

use crate::analysis::Analysis;
use crate::beside;
use crate::columns::column;
use crate::piece::Piece;
use crate::sessions;

/// What is read of a bar. The amounts may be null.
const COLUMNS: [&str; 8] =
    ["open_time", "open", "high", "low", "close", "volume", "contract_volume", "quote_volume"];

/// A symbol's bars of a timeframe, what stands beside them and their indicators; made once.
pub(crate) async fn analysis(
    piece: &mut Piece<'_>,
    timeframe: Timeframe,
) -> anyhow::Result<Arc<Analysis>> {
    if let Some((_, made)) = piece.analyses.iter().find(|(of, _)| *of == timeframe) {
        return Ok(Arc::clone(made));
    }
    let (bars, beside) = (bars(piece, timeframe).await?, beside::of(piece, timeframe).await?);
    let settings = piece.workshop.settings.indicators.clone();
    let work = move || {
        let indicators = indicators(&bars, &settings);
        Analysis { bars, indicators, beside }
    };
    let made = tokio::task::spawn_blocking(work).await.context("the worker ended early")?;
    let made = Arc::new(made);
    piece.analyses.push((timeframe, Arc::clone(&made)));
    Ok(made)
}

/// Reads the bars.
async fn bars(piece: &Piece<'_>, timeframe: Timeframe) -> anyhow::Result<Bars> {
    let lake = piece.workshop.tables.lake();
    let mut copies = Vec::new();
    for path in piece.files_of_bars(timeframe) {
        let key = format!("{}/{path}", layout::table(Table::Bars));
        copies.push((lake.local_copy(&key).await?, key));
    }
    let read = move || {
        let mut bars = Bars { width_us: timeframe.micros(), ..Bars::default() };
        for (copy, key) in &copies {
            read(&mut bars, copy).with_context(|| format!("cannot read `{key}`"))?;
        }
        anyhow::Ok(bars)
    };
    let mut bars = tokio::task::spawn_blocking(read).await.context("the reader ended early")??;
    let calendar = piece.workshop.providers.calendar(piece.dirty.source, piece.dirty.market);
    bars.place = sessions::places(calendar, timeframe, &bars.open_us);
    bars.session = sessions::of(calendar, &bars.open_us);
    Ok(bars)
}

/// Adds the bars of a file. Blocks.
fn read(bars: &mut Bars, copy: &LocalCopy) -> anyhow::Result<()> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(copy.open()?)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), COLUMNS);
    for batch in builder.with_projection(mask).build()? {
        add(bars, &batch?)?;
    }
    Ok(())
}

fn add(bars: &mut Bars, batch: &RecordBatch) -> anyhow::Result<()> {
    let column = |name: &str| column(batch, name);
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let opens = arrow::compute::cast(column("open_time")?, &micros)?;
    bars.open_us.extend(opens.as_primitive::<TimestampMicrosecondType>().values());
    let [_, prices @ .., _, _, _] = COLUMNS;
    let targets = [&mut bars.open, &mut bars.high, &mut bars.low, &mut bars.close];
    for (name, target) in prices.into_iter().zip(targets) {
        let price = column(name)?.as_primitive_opt::<Decimal128Type>();
        for price in price.context("a price that is no decimal")?.values() {
            target.push(i64::try_from(*price).context("a price that no column holds")?);
        }
    }
    let amounts = |name: &str| -> anyhow::Result<Vec<Option<i128>>> {
        let amounts = column(name)?.as_primitive_opt::<Decimal128Type>();
        Ok(amounts.context("an amount that is no decimal")?.iter().collect())
    };
    // a market that counts in contracts states its volume in them
    let contracts = amounts("contract_volume")?;
    let volume = amounts("volume")?.into_iter().zip(contracts);
    bars.volume.extend(volume.map(|(volume, contracts)| volume.or(contracts)));
    bars.quote_volume.extend(amounts("quote_volume")?);
    Ok(())
}
