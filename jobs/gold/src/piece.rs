//! One symbol at work: what its tables hand on to each other, and the files they become. How each is made
//! lives in a file of its own.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::RecordBatch;
use model::config::Gold;
use model::dirty::Dirty;
use model::fragment::DataFile;
use model::plan::Partition;
use model::schema::Table;
use model::{Day, Month, Timeframe, layout, unit};
use source::Providers;
use stage::Meter;
use store::Staged;
use store::parquet::{WriteError, write_batches};
use table::Tables;
use table::datafusion::common::ScalarValue;
use table::datafusion::prelude::SessionContext;
use tokio::sync::Semaphore;

use crate::analysis::Analysis;
use crate::models::{self, Engine, Parameter};
use crate::scope::Sources;

/// What building needs, shared by all symbols.
pub struct Workshop {
    pub(crate) tables: Tables,
    /// The versions that everything rests on.
    pub sources: Arc<Sources>,
    /// The providers there are.
    pub(crate) providers: Providers,
    pub(crate) engine: Engine,
    /// What is made of bars, and how.
    pub(crate) settings: Gold,
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

/// One symbol at work: what its tables hand on to each other.
pub(crate) struct Piece<'a> {
    pub(crate) workshop: &'a Workshop,
    pub(crate) dirty: &'a Dirty,
    pub(crate) meter: &'a Meter,
    /// Rows in memory, for models.
    pub(crate) memory: SessionContext,
    /// What gold.daily needs of each day of the months that were made anew.
    pub(crate) days: Vec<RecordBatch>,
    /// The spreads of the months that were made anew.
    pub(crate) spreads: Vec<(Timeframe, RecordBatch)>,
    /// The series that are at hand.
    pub(crate) analyses: Vec<(Timeframe, Arc<Analysis>)>,
    built: Built,
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
        settings: Gold,
        cores: usize,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            session: models::over_lake(tables, sources.versions(), cores)?,
            tables: tables.clone(),
            sources,
            providers,
            engine,
            settings,
            permits: Arc::new(Semaphore::new(cores)),
            cores,
        })
    }
}

impl<'a> Piece<'a> {
    /// Nothing made yet.
    pub(crate) fn new(workshop: &'a Workshop, dirty: &'a Dirty, meter: &'a Meter) -> Self {
        Self {
            workshop,
            dirty,
            meter,
            memory: models::in_memory(&workshop.session),
            days: Vec::new(),
            spreads: Vec::new(),
            analyses: Vec::new(),
            built: Built { replaces: Vec::new(), files: Vec::new() },
        }
    }

    /// What was built.
    pub(crate) fn built(self) -> Built {
        self.built
    }

    /// The partition of the symbol in a table that has no other columns of partitions.
    pub(crate) fn partition(&self) -> Partition {
        let Dirty { source, market, symbol, .. } = self.dirty;
        [
            ("source", source.to_string()),
            ("market", market.to_string()),
            ("symbol", symbol.to_string()),
        ]
        .map(|(column, value)| (column.to_owned(), value))
        .into()
    }

    /// The symbol's partition of a table that lies in timeframes and months.
    pub(crate) fn partition_of(&self, timeframe: Timeframe, month: Month) -> Partition {
        let mut partition = self.partition();
        partition.insert("timeframe".to_owned(), timeframe.to_string());
        partition.insert("month".to_owned(), month.to_string());
        partition
    }

    /// The data files of all bars of a timeframe, in order of time: those of the months that were made anew, and
    /// of all others those that are there.
    pub(crate) fn files_of_bars(&self, timeframe: Timeframe) -> Vec<String> {
        let others =
            self.workshop.sources.files_of_other_months(Table::Bars, self.dirty, timeframe);
        let made = self.built.files.iter().filter(|(table, file)| {
            *table == Table::Bars
                && file.partition.get("timeframe").is_some_and(|t| t == timeframe.as_str())
        });
        let made =
            made.filter_map(|(_, f)| Some((f.partition.get("month")?.clone(), f.path.clone())));
        let mut all: Vec<(String, String)> = made.collect();
        for (month, files) in others {
            all.extend(files.into_iter().map(|file| (month.to_string(), file.path.clone())));
        }
        all.sort();
        all.into_iter().map(|(_, path)| path).collect()
    }

    /// Writes the whole content of partitions of a table, and publishes it at once.
    pub(crate) async fn replace(
        &mut self,
        table: Table,
        partitions: Vec<(Partition, Vec<RecordBatch>)>,
    ) -> anyhow::Result<()> {
        let mut written = Vec::with_capacity(partitions.len());
        for (partition, rows) in partitions {
            let rows = models::conform_all(&rows, table)?;
            written.push(self.write(table, partition, rows).await?);
        }
        self.built.take(written).await
    }

    /// Takes away what a table has of timeframes that are configured no more: nobody keeps it up.
    pub(crate) async fn drop_others(&mut self, table: Table) -> anyhow::Result<()> {
        let of_now = &self.workshop.settings.timeframes;
        for timeframe in Timeframe::GOLD.iter().filter(|timeframe| !of_now.contains(timeframe)) {
            let held = self.workshop.sources.months(table, self.dirty, Some(*timeframe));
            let none = |month| (self.partition_of(*timeframe, month), Vec::new());
            let partitions = held.into_iter().map(none).collect();
            self.replace(table, partitions).await?;
        }
        Ok(())
    }

    /// The first month that is made anew: of no month before it does anything change that rests on its own
    /// and earlier bars.
    pub(crate) fn first_month(&self) -> Option<Month> {
        self.dirty.months.first().copied()
    }

    /// Replaces the months of a table from `first` on with their rows, and those that the table lacks. `rows`
    /// gives those of a range of what opens at `open_us`: a month at a time.
    pub(crate) async fn replace_months(
        &mut self,
        table: Table,
        timeframe: Timeframe,
        first: Option<Month>,
        open_us: &[i64],
        rows: impl Fn(Range<usize>) -> anyhow::Result<RecordBatch>,
    ) -> anyhow::Result<()> {
        let held = self.workshop.sources.months(table, self.dirty, Some(timeframe));
        let months: BTreeSet<Month> =
            open_us.chunk_by(|a, b| month(*a) == month(*b)).filter_map(|of| month(of[0])).collect();
        let changes = |month: &Month| Some(*month) >= first || !held.contains(month);
        for month in months.union(&held).filter(|month| changes(month)) {
            let from = open_us.partition_point(|open| *open < month.first().start_micros());
            let to = open_us.partition_point(|open| *open < month.last().next().start_micros());
            let of_month = if from < to { vec![rows(from..to)?] } else { Vec::new() };
            let partition = self.partition_of(timeframe, *month);
            self.replace(table, vec![(partition, of_month)]).await?;
        }
        Ok(())
    }

    /// Writes the whole content of a partition. The file is named after its content: the same rows
    /// are the same file, whoever writes them.
    async fn write(
        &self,
        table: Table,
        partition: Partition,
        batches: Vec<RecordBatch>,
    ) -> anyhow::Result<Written> {
        let lake = self.workshop.tables.lake().clone();
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
        let owner = format!("{}/{}", self.dirty.id(), layout::data_file(&pairs, ""));
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

fn month(micros: i64) -> Option<Month> {
    Day::of_micros(micros).map(Day::month)
}
