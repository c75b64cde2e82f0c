//! One symbol: its dirty months one by one, then its daily figures; the files they become. How a
//! month's bars are made lives in [`crate::month`].

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::{AsArray as _, RecordBatch, Scalar, StringArray};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::SchemaRef;
use model::fragment::{DataFile, Dirty};
use model::plan::Partition;
use model::schema::Table;
use model::{Timeframe, layout, unit};
use source::Providers;
use source::calendar::Calendar;
use stage::Meter;
use store::Staged;
use store::parquet::{WriteError, write_batches};
use table::Tables;
use table::datafusion::common::ScalarValue;
use table::datafusion::prelude::{SessionContext, col, lit};
use tokio::sync::Semaphore;

use crate::models::{self, Engine, Parameter};
use crate::scope::Sources;
use crate::sessions;

/// What building needs, shared by all symbols.
pub struct Workshop {
    pub(crate) tables: Tables,
    /// The versions that everything rests on.
    pub sources: Arc<Sources>,
    /// The providers there are.
    pub(crate) providers: Providers,
    pub(crate) engine: Engine,
    pub(crate) session: SessionContext,
    /// Files being folded at once, of all symbols.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) cores: usize,
}

/// What was built for a symbol.
#[derive(Debug)]
pub struct Built {
    /// Partitions replaced.
    pub replaces: Vec<(Table, Partition)>,
    /// Their files.
    pub files: Vec<(Table, DataFile)>,
}

/// The whole content of a partition, not published yet; no file where it has no row.
struct Written {
    table: Table,
    partition: Partition,
    file: Option<(Staged, DataFile)>,
}

impl Workshop {
    /// Gets ready.
    ///
    /// # Errors
    /// What the engine says.
    pub fn new(
        tables: &Tables,
        sources: Arc<Sources>,
        providers: Providers,
        engine: Engine,
        cores: usize,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            session: models::over_lake(tables, sources.versions(), cores)?,
            tables: tables.clone(),
            sources,
            providers,
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
        let memory = models::in_memory(&self.session);
        let mut built = Built { replaces: Vec::new(), files: Vec::new() };
        let mut days = self.other_days(&memory, dirty).await?;
        for month in &dirty.months {
            if !self.sources.has_any(dirty, *month) {
                // a month beside one that changed, with nothing in it and nothing made of it
                continue;
            }
            let bars = self.bars_of_month(&memory, dirty, *month, meter).await;
            let bars = bars.with_context(|| month.to_string())?;
            let mut written = Vec::with_capacity(Timeframe::GOLD.len());
            for timeframe in Timeframe::GOLD {
                let mut partition = partition_of(dirty);
                partition.insert("timeframe".to_owned(), timeframe.to_string());
                partition.insert("month".to_owned(), month.to_string());
                let rows = of_timeframe(&bars, *timeframe)?;
                let rows = models::conform_all(&rows, Table::Bars)?;
                written.push(self.write(Table::Bars, partition, rows, dirty).await?);
            }
            built.take(written).await?;
            if let Some(first) = bars.first() {
                let schema = as_bars(first)?.schema();
                let bars = bars.iter().map(as_bars).collect::<anyhow::Result<Vec<_>>>()?;
                models::put(&memory, "bars", schema, bars)?;
                days.extend(models::DAYS.run(&memory, Vec::new()).await?);
            }
        }
        let calendar = self.providers.calendar(dirty.source, dirty.market);
        let daily = self.daily(&memory, calendar, days).await?;
        let file = self.write(Table::Daily, partition_of(dirty), daily, dirty).await?;
        built.take(vec![file]).await?;
        Ok(built)
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
        calendar: Calendar,
        days: Vec<RecordBatch>,
    ) -> anyhow::Result<Vec<RecordBatch>> {
        let Some(first) = days.first() else { return Ok(Vec::new()) };
        let schema = nullable(&first.schema());
        let days =
            days.iter().map(|d| models::conform(d, &schema)).collect::<anyhow::Result<Vec<_>>>()?;
        let days = sessions::number(calendar, &days)?;
        let schema = days.first().map_or(schema, RecordBatch::schema);
        models::put(memory, "days", schema, days)?;
        models::conform_all(&models::DAILY.run(memory, Vec::new()).await?, Table::Daily)
    }

    /// Writes the whole content of a partition. The file is named after its content: the same rows
    /// are the same file, whoever writes them.
    async fn write(
        &self,
        table: Table,
        partition: Partition,
        batches: Vec<RecordBatch>,
        dirty: &Dirty,
    ) -> anyhow::Result<Written> {
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
            return Ok(Written { table, partition, file: None });
        };
        let pairs: Vec<_> = table
            .schema()
            .partitions
            .iter()
            .filter_map(|column| Some((*column, partition.get(*column)?.as_str())))
            .collect();
        let owner = format!("{}/{}", dirty.id(), layout::data_file(&pairs, ""));
        let path = layout::data_file(&pairs, &layout::data_file_name(&owner, &content, 0));
        let file = DataFile {
            path,
            partition: partition.clone(),
            bytes: finished.staged.bytes(),
            rows: finished.rows,
            stats: finished.stats,
            crc32: Some(finished.crc32),
        };
        Ok(Written { table, partition, file: Some((finished.staged, file)) })
    }
}

impl Built {
    /// Publishes the files of partitions and takes them in.
    async fn take(&mut self, written: Vec<Written>) -> anyhow::Result<()> {
        let mut staged = Vec::with_capacity(written.len());
        for Written { table, partition, file } in written {
            self.replaces.push((table, partition));
            if let Some((object, file)) = file {
                staged.push((object, format!("{}/{}", layout::table(table), file.path)));
                self.files.push((table, file));
            }
        }
        Ok(Staged::publish_all(staged).await?)
    }
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

pub(crate) fn parameters_of(dirty: &Dirty) -> Vec<Parameter> {
    vec![
        ("source", text(dirty.source.as_str())),
        ("market", text(dirty.market.as_str())),
        ("symbol", text(dirty.symbol.as_str())),
    ]
}

pub(crate) fn text(value: &str) -> ScalarValue {
    ScalarValue::Utf8(Some(value.to_owned()))
}

/// A text column, whatever form of text the engine gave it.
pub(crate) fn texts(batch: &RecordBatch, name: &str) -> anyhow::Result<StringArray> {
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
