//! One symbol: its dirty months one by one, then its daily figures; the files they become.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::{AsArray as _, RecordBatch, Scalar, StringArray};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{Date32Type, Int64Type, SchemaRef};
use futures::{StreamExt as _, TryStreamExt as _};
use model::fragment::{DataFile, Dirty};
use model::plan::Partition;
use model::schema::Table;
use model::{Dataset, Day, Month, Timeframe, layout, unit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use stage::Meter;
use store::LocalCopy;
use store::parquet::{WriteError, write_batches};
use table::Tables;
use table::datafusion::common::ScalarValue;
use table::datafusion::prelude::{SessionContext, col, lit};
use tokio::sync::Semaphore;

use crate::base::{self, Base};
use crate::fold::{self, Bar, DayFold};
use crate::models::{self, Engine, Parameter};
use crate::scope::{Input, Sources};

/// Rows read at once from a file of trades: their columns stay small enough for the cache, and
/// for the allocator to use the same memory again.
const BATCH: usize = 2_048;

/// What building needs, shared by all symbols.
pub struct Workshop {
    tables: Tables,
    /// The versions that everything rests on.
    pub sources: Arc<Sources>,
    engine: Engine,
    session: SessionContext,
    /// Files being folded at once, of all symbols.
    permits: Arc<Semaphore>,
    cores: usize,
}

/// What was built for a symbol.
#[derive(Debug)]
pub struct Built {
    /// Partitions replaced.
    pub replaces: Vec<(Table, Partition)>,
    /// Their files.
    pub files: Vec<(Table, DataFile)>,
}

impl Workshop {
    /// Gets ready.
    ///
    /// # Errors
    /// What the engine says.
    pub fn new(
        tables: &Tables,
        sources: Arc<Sources>,
        engine: Engine,
        cores: usize,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            session: models::over_lake(tables, sources.versions(), cores)?,
            tables: tables.clone(),
            sources,
            engine,
            permits: Arc::new(Semaphore::new(cores)),
            cores,
        })
    }

    /// Rebuilds the dirty months of a symbol and its daily figures.
    ///
    /// # Errors
    /// Whatever the lake or the engine says.
    pub async fn build(&self, dirty: &Dirty, meter: &Meter) -> anyhow::Result<Built> {
        let memory = models::in_memory(self.session.runtime_env());
        let mut built = Built { replaces: Vec::new(), files: Vec::new() };
        let mut days = self.other_days(&memory, dirty).await?;
        for month in &dirty.months {
            let base = self.base(dirty, *month, meter).await.with_context(|| month.to_string())?;
            let bars = self.bars(&memory, base).await.with_context(|| month.to_string())?;
            for timeframe in Timeframe::GOLD {
                let mut partition = partition_of(dirty);
                partition.insert("timeframe".to_owned(), timeframe.to_string());
                partition.insert("month".to_owned(), month.to_string());
                let rows = of_timeframe(&bars, *timeframe)?;
                let rows = models::conform_all(&rows, Table::Bars)?;
                let file = self.write(Table::Bars, &partition, rows, dirty).await?;
                built.files.extend(file.map(|file| (Table::Bars, file)));
                built.replaces.push((Table::Bars, partition));
            }
            if let Some(first) = bars.first() {
                let schema = as_bars(first)?.schema();
                let bars = bars.iter().map(as_bars).collect::<anyhow::Result<Vec<_>>>()?;
                models::put(&memory, "bars", schema, bars)?;
                days.extend(models::DAYS.run(&memory, Vec::new()).await?);
            }
        }
        let daily = self.daily(&memory, days).await?;
        let partition = partition_of(dirty);
        let file = self.write(Table::Daily, &partition, daily, dirty).await?;
        built.files.extend(file.map(|file| (Table::Daily, file)));
        built.replaces.push((Table::Daily, partition));
        Ok(built)
    }

    /// The base bars of a month.
    async fn base(&self, dirty: &Dirty, month: Month, meter: &Meter) -> anyhow::Result<Base> {
        let mut base = Base::default();
        for dataset in [Dataset::Trades, Dataset::AggTrades] {
            let table = Table::of_dataset(dataset);
            let mut days = self.sources.days(table, dirty, month);
            days.retain(|day, _| !base.traded.contains_key(day));
            if days.is_empty() {
                continue;
            }
            match self.engine {
                Engine::Fold => self.fold(&mut base, dataset, days, meter).await?,
                Engine::Sql => self.sql(&mut base, dirty, dataset, month).await?,
            }
        }
        if self.sources.has(Table::Klines, dirty, month) {
            self.klines(&mut base, dirty, month).await?;
        }
        Ok(base)
    }

    /// Adds days folded from their files.
    async fn fold(
        &self,
        base: &mut Base,
        dataset: Dataset,
        days: BTreeMap<Day, Vec<Input>>,
        meter: &Meter,
    ) -> anyhow::Result<()> {
        let folded: Vec<(Day, Vec<Bar>)> = futures::stream::iter(days)
            .map(async |(day, inputs)| {
                let _permit = self.permits.acquire().await?;
                let mut copies = Vec::with_capacity(inputs.len());
                for input in &inputs {
                    copies.push((
                        input.key.clone(),
                        self.tables.lake().local_copy(&input.key).await?,
                    ));
                }
                let bars = tokio::task::spawn_blocking(move || fold_day(day, dataset, &copies));
                let bars = bars.await.context("the worker ended early")??;
                meter.rows(inputs.iter().map(|input| input.rows).sum());
                anyhow::Ok((day, bars))
            })
            .buffered(self.cores)
            .try_collect()
            .await?;
        for (day, bars) in &folded {
            base.add_folded(*day, dataset, bars)?;
        }
        Ok(())
    }

    /// Adds a month's bars made by SQL.
    async fn sql(
        &self,
        base: &mut Base,
        dirty: &Dirty,
        dataset: Dataset,
        month: Month,
    ) -> anyhow::Result<()> {
        let model = match dataset {
            Dataset::Trades => models::BARS_FROM_TRADES,
            _ => models::BARS_FROM_AGG_TRADES,
        };
        let date = |day: Day| ScalarValue::Date32(Some(day.epoch_days()));
        let mut parameters = parameters_of(dirty);
        parameters.extend([("from", date(month.first())), ("to", date(month.last()))]);
        let bars = model.run(&self.session, parameters).await?;
        base.add_model(&bars, Timeframe::M1, dataset)?;
        for batch in &bars {
            let opens = batch.column_by_name("open_us").context("no column `open_us`")?;
            for open_us in opens.as_primitive::<Int64Type>().values() {
                let day = Day::of_micros(*open_us).context("a bar outside of all days")?;
                base.traded.entry(day).or_insert(dataset);
            }
        }
        Ok(())
    }

    /// Adds the klines of the days that have no trades.
    async fn klines(&self, base: &mut Base, dirty: &Dirty, month: Month) -> anyhow::Result<()> {
        let mut parameters = parameters_of(dirty);
        parameters.push(("month", text(&month.to_string())));
        for batch in models::KLINE_DAYS.run(&self.session, parameters.clone()).await? {
            let timeframes = texts(&batch, "timeframe")?;
            let days = batch.column_by_name("day").context("no column `day`")?;
            let days = days.as_primitive::<Date32Type>();
            for row in 0..batch.num_rows() {
                let day =
                    Day::of_epoch_days(days.value(row)).context("a kline outside all days")?;
                if !base.traded.contains_key(&day) {
                    let timeframe = timeframes.value(row).parse::<Timeframe>()?;
                    base.klines.entry(day).or_default().insert(timeframe);
                }
            }
        }
        for timeframe in base.klines_needed() {
            let width = timeframe.micros().max(fold::MINUTE);
            let mut parameters = parameters.clone();
            parameters.push(("timeframe", text(timeframe.as_str())));
            parameters.push(("width_us", ScalarValue::Int64(Some(width))));
            let bars = models::BARS_FROM_KLINES.run(&self.session, parameters).await?;
            base.add_model(&bars, timeframe, Dataset::Klines)?;
        }
        Ok(())
    }

    /// The bars of all timeframes, in order.
    async fn bars(&self, memory: &SessionContext, base: Base) -> anyhow::Result<Vec<RecordBatch>> {
        let choices = base.choices();
        if choices.is_empty() {
            return Ok(Vec::new());
        }
        let choices = base::choice_batch(&choices)?;
        models::put(memory, "choice", Arc::clone(&base::CHOICE), vec![choices])?;
        models::put(memory, "base", Arc::clone(&base::BASE), base.batches)?;
        let bars = models::BARS.run(memory, Vec::new()).await?;
        models::put(memory, "base", Arc::clone(&base::BASE), Vec::new())?;
        Ok(bars)
    }

    /// What gold.daily needs of the days in months that are not rebuilt, from the bars there are.
    async fn other_days(
        &self,
        memory: &SessionContext,
        dirty: &Dirty,
    ) -> anyhow::Result<Vec<RecordBatch>> {
        if !self.sources.has_other_bars(dirty) {
            return Ok(Vec::new());
        }
        let months = dirty.months.iter().map(|month| lit(month.to_string())).collect();
        let bars = self
            .session
            .table("gold.bars")
            .await?
            .filter(col("source").eq(lit(dirty.source.as_str())))?
            .filter(col("market").eq(lit(dirty.market.as_str())))?
            .filter(col("symbol").eq(lit(dirty.symbol.as_str())))?
            .filter(col("month").in_list(months, true))?;
        memory.deregister_table("bars")?;
        memory.register_table("bars", bars.into_view())?;
        models::DAYS.run(memory, Vec::new()).await
    }

    /// gold.daily of a symbol, from all its days.
    async fn daily(
        &self,
        memory: &SessionContext,
        days: Vec<RecordBatch>,
    ) -> anyhow::Result<Vec<RecordBatch>> {
        let Some(first) = days.first() else { return Ok(Vec::new()) };
        let schema = nullable(&first.schema());
        let days =
            days.iter().map(|d| models::conform(d, &schema)).collect::<anyhow::Result<Vec<_>>>()?;
        models::put(memory, "days", schema, days)?;
        models::conform_all(&models::DAILY.run(memory, Vec::new()).await?, Table::Daily)
    }

    /// Writes the whole content of a partition; `None` where it has no row. The file is named
    /// after its content: the same rows are the same file, whoever writes them.
    async fn write(
        &self,
        table: Table,
        partition: &Partition,
        batches: Vec<RecordBatch>,
        dirty: &Dirty,
    ) -> anyhow::Result<Option<DataFile>> {
        let lake = self.tables.lake().clone();
        let written = tokio::task::spawn_blocking(move || {
            let finished = match write_batches(&lake, table, batches) {
                Ok(finished) => finished,
                Err(WriteError::Empty { .. }) => return anyhow::Ok(None),
                Err(error) => return Err(error.into()),
            };
            let path = finished.staged.path();
            let bytes = std::fs::read(path)
                .with_context(|| format!("cannot read back `{}`", path.display()))?;
            Ok(Some((unit::sha256_hex(&bytes), finished)))
        });
        let Some((content, finished)) = written.await.context("the writer ended early")?? else {
            return Ok(None);
        };
        let pairs: Vec<_> = table
            .schema()
            .partitions
            .iter()
            .filter_map(|column| Some((*column, partition.get(*column)?.as_str())))
            .collect();
        let owner = format!("{}/{}", dirty.id(), layout::data_file(&pairs, ""));
        let path = layout::data_file(&pairs, &layout::data_file_name(&owner, &content, 0));
        let (rows, stats, crc32) = (finished.rows, finished.stats, Some(finished.crc32));
        let bytes = finished.staged.publish(&format!("{}/{path}", layout::table(table))).await?;
        Ok(Some(DataFile { path, partition: partition.clone(), bytes, rows, stats, crc32 }))
    }
}

/// Folds the files of a day. Blocks.
fn fold_day(day: Day, dataset: Dataset, files: &[(String, LocalCopy)]) -> anyhow::Result<Vec<Bar>> {
    let mut fold = DayFold::new(day);
    for (key, copy) in files {
        let file: File = copy.open()?;
        fold_file(&mut fold, dataset, file).with_context(|| format!("cannot read `{key}`"))?;
    }
    Ok(fold.bars()?)
}

fn fold_file(fold: &mut DayFold, dataset: Dataset, file: File) -> anyhow::Result<()> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let columns = match dataset {
        Dataset::Trades => fold::TRADE_COLUMNS,
        _ => fold::AGG_TRADE_COLUMNS,
    };
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    for batch in builder.with_projection(mask).with_batch_size(BATCH).build()? {
        match dataset {
            Dataset::Trades => fold.trades(&batch?)?,
            _ => fold.agg_trades(&batch?)?,
        }
    }
    Ok(())
}

fn partition_of(dirty: &Dirty) -> Partition {
    [
        ("source", dirty.source.to_string()),
        ("market", dirty.market.to_string()),
        ("symbol", dirty.symbol.to_string()),
    ]
    .map(|(column, value)| (column.to_owned(), value))
    .into()
}

fn parameters_of(dirty: &Dirty) -> Vec<Parameter> {
    vec![
        ("source", text(dirty.source.as_str())),
        ("market", text(dirty.market.as_str())),
        ("symbol", text(dirty.symbol.as_str())),
    ]
}

fn text(value: &str) -> ScalarValue {
    ScalarValue::Utf8(Some(value.to_owned()))
}

/// A text column, whatever form of text the engine gave it.
fn texts(batch: &RecordBatch, name: &str) -> anyhow::Result<StringArray> {
    let column = batch.column_by_name(name).with_context(|| format!("no column `{name}`"))?;
    let column = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8)?;
    Ok(column.as_string::<i32>().clone())
}

/// The rows of one timeframe.
fn of_timeframe(bars: &[RecordBatch], timeframe: Timeframe) -> anyhow::Result<Vec<RecordBatch>> {
    let Some(first) = bars.first() else { return Ok(Vec::new()) };
    let wanted = Scalar::new(StringArray::from(vec![timeframe.as_str()]));
    let mut found = Vec::new();
    for batch in bars {
        let keep = arrow::compute::kernels::cmp::eq(&texts(batch, "timeframe")?, &wanted)?;
        if keep.true_count() > 0 {
            found.push(filter_record_batch(batch, &keep)?);
        }
    }
    Ok(if found.is_empty() { found } else { vec![concat_batches(&first.schema(), &found)?] })
}

/// Bars of the model as rows of gold.bars: with instants, and the timeframe kept.
fn as_bars(batch: &RecordBatch) -> anyhow::Result<RecordBatch> {
    let schema = store::schema::table_schema(Table::Bars);
    let there: BTreeSet<String> =
        batch.schema().fields().iter().map(|f| f.name().clone()).collect();
    let fields: Vec<_> =
        schema.fields().iter().filter(|f| there.contains(f.name())).cloned().collect();
    models::conform(batch, &Arc::new(arrow::datatypes::Schema::new(fields)))
}

fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields: Vec<_> =
        schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    Arc::new(arrow::datatypes::Schema::new(fields))
}
