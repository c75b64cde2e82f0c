//! The SQL of `sql/gold/` and how it is run: with typed parameters, over tables of the lake or
//! over rows in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use model::schema::Table;
use store::schema::file_schema;
use table::datafusion::common::ScalarValue;
use table::datafusion::datasource::MemTable;
use table::datafusion::prelude::{SessionConfig, SessionContext};
use table::{SessionOptions, TableError, Tables, memory};

/// How trades become 1m bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Engine {
    /// One pass over the files.
    #[default]
    Fold,
    /// The SQL of `sql/gold/`.
    Sql,
}

/// A model: a file of `sql/gold/`.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
}

macro_rules! models {
    ($($(#[$doc:meta])* $constant:ident = $name:literal),+ $(,)?) => {
        $($(#[$doc])* pub const $constant: Model = Model {
            name: $name,
            sql: include_str!(concat!("../../../sql/gold/", $name, ".sql")),
        };)+
        /// All of them.
        pub const ALL: &[Model] = &[$($constant),+];
    };
}

models! {
    /// How whole single days of trades are.
    EVENT_DAYS = "event_days",
    /// Trades to 1m bars.
    BARS_FROM_TRADES = "bars_from_trades",
    /// Aggregate trades to 1m bars.
    BARS_FROM_AGG_TRADES = "bars_from_agg_trades",
    /// How whole the klines of each day are.
    KLINE_DAYS = "kline_days",
    /// How many places within a venue's hours have a kline.
    KLINE_SESSIONS = "kline_sessions",
    /// Klines to bars of their own timeframe.
    BARS_FROM_KLINES = "bars_from_klines",
    /// Base bars to bars of every timeframe.
    BARS = "bars",
    /// Bars to what gold.daily needs of each day.
    DAYS = "days",
    /// gold.daily.
    DAILY = "daily",
    /// gold.spreads.
    SPREADS = "spreads",
}

/// A typed parameter.
pub type Parameter = (&'static str, ScalarValue);

impl Model {
    /// Runs the model.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn run(
        &self,
        session: &SessionContext,
        parameters: Vec<Parameter>,
    ) -> anyhow::Result<Vec<RecordBatch>> {
        self.run_with(session, &[], parameters).await
    }

    /// As [`Self::run`], with words put in the place of `{name}`: what no parameter can be.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn run_with(
        &self,
        session: &SessionContext,
        words: &[(&str, &str)],
        parameters: Vec<Parameter>,
    ) -> anyhow::Result<Vec<RecordBatch>> {
        let mut sql = self.sql.to_owned();
        for (name, word) in words {
            sql = sql.replace(&format!("{{{name}}}"), word);
        }
        let run = async {
            let frame = session.sql(&sql).await?;
            let frame =
                if parameters.is_empty() { frame } else { frame.with_param_values(parameters)? };
            frame.collect().await
        };
        run.await.with_context(|| format!("cannot run sql/gold/{}.sql", self.name))
    }
}

/// A session over the lake's tables at these versions.
///
/// # Errors
/// [`TableError`].
pub fn over_lake(
    tables: &Tables,
    versions: BTreeMap<Table, u64>,
    cores: usize,
) -> Result<SessionContext, TableError> {
    tables.session(&SessionOptions {
        target_partitions: Some(cores),
        memory_mib: Some(memory::of_stage()),
        versions,
        ..SessionOptions::default()
    })
}

/// A session over rows in memory that shares the memory of `session`. It works on one core: the
/// rows are few, and many symbols are built at once.
pub fn in_memory(session: &SessionContext) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1);
    let options = config.options_mut();
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.sort_spill_reservation_bytes =
        session.copied_config().options().execution.sort_spill_reservation_bytes;
    SessionContext::new_with_config_rt(config, session.runtime_env())
}

/// Puts rows into a session under a name, in the place of what had the name.
///
/// # Errors
/// What the engine says.
pub fn put(
    session: &SessionContext,
    name: &str,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> anyhow::Result<()> {
    session.deregister_table(name)?;
    session.register_table(name, Arc::new(MemTable::try_new(schema, vec![batches])?))?;
    Ok(())
}

/// Rows with the columns and types of a table's data files, taken by name.
///
/// # Errors
/// A column that is not there, or a value that does not fit its type.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> anyhow::Result<RecordBatch> {
    let options = arrow::compute::CastOptions { safe: false, ..Default::default() };
    let columns = schema
        .fields()
        .iter()
        .map(|field| {
            let column = batch
                .column_by_name(field.name())
                .with_context(|| format!("the model gives no column `{}`", field.name()))?;
            arrow::compute::cast_with_options(column, field.data_type(), &options)
                .with_context(|| format!("column `{}` does not fit", field.name()))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// As [`conform`], for the data files of a table.
///
/// # Errors
/// As [`conform`].
pub fn conform_all(batches: &[RecordBatch], table: Table) -> anyhow::Result<Vec<RecordBatch>> {
    let schema = file_schema(table);
    batches.iter().map(|batch| conform(batch, &schema)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_model_and_says_what_it_is() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sql/gold");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        let mut names: Vec<_> = ALL.iter().map(|m| m.name.to_owned()).collect();
        files.sort();
        names.sort();
        assert_eq!(files, names);
        for model in ALL {
            for word in ["-- purpose: ", "-- grain: ", "-- input: "] {
                assert!(model.sql.contains(word), "{}: {word}", model.name);
            }
        }
    }
}
