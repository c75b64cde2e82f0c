//! SQL sessions: every table of the model under its own name, `silver.trades`, `gold.bars`.
//!
//! A table is loaded when a query first names it, and stays at that version for the session's
//! life, so that all queries of a session agree. A table that was never created is empty.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::config::ConfigNonZeroUsize;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::execution::context::{SessionConfig, SessionContext};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use deltalake_core::delta_datafusion::{DeltaScanConfig, DeltaScanNext};
use model::schema::Table;
use tokio::sync::OnceCell;

use crate::error::TableError;
use crate::evolve::Lacks;
use crate::snapshot::Snapshot;
use crate::tables::Tables;
use crate::widened::Widened;

/// How a session works.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// Partitions that a query works on at once; default: one a core.
    pub target_partitions: Option<usize>,
    /// Memory that sorts, joins and aggregations may take together, in MiB, before they spill to
    /// the lake's folder for temporary files; default: no limit.
    pub memory_mib: Option<usize>,
    /// Whether row filters run inside the Parquet reader; default: yes. Measured on six days of
    /// 400,000 trades: half the time where few rows pass, no difference where most do.
    pub pushdown_filters: bool,
    /// Tables to read at an old version.
    pub versions: BTreeMap<Table, u64>,
    /// How deep SQL may nest; default: what the engine allows. More needs a larger stack.
    pub depth: Option<usize>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            target_partitions: None,
            memory_mib: None,
            pushdown_filters: true,
            versions: BTreeMap::new(),
            depth: None,
        }
    }
}

impl Tables {
    /// A session over all tables.
    ///
    /// # Errors
    /// [`TableError::Sql`] when the engine cannot start.
    pub fn session(&self, options: &SessionOptions) -> Result<SessionContext, TableError> {
        let mut config = SessionConfig::new().with_information_schema(true);
        if let Some(partitions) = options.target_partitions {
            config = config.with_target_partitions(partitions.max(1));
        }
        let settings = config.options_mut();
        // plain strings everywhere, so that results have the types of the model
        settings.execution.parquet.schema_force_view_types = false;
        settings.sql_parser.map_string_types_to_utf8view = false;
        // `price > 0.1` compares decimals, as Trino does; a float would be another number
        settings.sql_parser.parse_float_as_decimal = true;
        if let Some(depth) = options.depth {
            settings.sql_parser.recursion_limit = ConfigNonZeroUsize::try_new(depth)?;
        }
        settings.execution.parquet.pushdown_filters = options.pushdown_filters;
        settings.execution.parquet.reorder_filters = options.pushdown_filters;
        let mut runtime = RuntimeEnvBuilder::new().with_temp_file_path(self.lake.temp());
        if let Some(mib) = options.memory_mib {
            let bytes = mib << 20;
            let partitions = settings.execution.target_partitions.max(1);
            // what a sort keeps back for merging its spills must leave it room to work
            settings.execution.sort_spill_reservation_bytes =
                settings.execution.sort_spill_reservation_bytes.min(bytes / partitions / 8);
            runtime = runtime.with_memory_pool(Arc::new(FairSpillPool::new(bytes)));
        }
        let context = SessionContext::new_with_config_rt(config, runtime.build_arc()?);
        context.runtime_env().register_object_store(self.lake.url(), self.lake.root());
        if let Some(catalog) = context.catalog("datafusion") {
            let mut zones: BTreeMap<&str, Vec<Table>> = BTreeMap::new();
            for table in Table::ALL {
                zones.entry(table.zone()).or_default().push(*table);
            }
            for (zone, members) in zones {
                let schema = Zone::new(self.clone(), &members, options);
                catalog.register_schema(zone, Arc::new(schema))?;
            }
        }
        Ok(context)
    }

    /// One version of a table, to register in a session under a name of the caller's choice.
    ///
    /// # Errors
    /// [`TableError::Sql`].
    pub fn provider(&self, snapshot: &Snapshot) -> Result<Arc<dyn TableProvider>, TableError> {
        provider(snapshot, true)
    }
}

/// The table with the model's columns, in the model's order: what its metadata lack is null.
fn provider(snapshot: &Snapshot, pushdown: bool) -> Result<Arc<dyn TableProvider>, TableError> {
    let lacks = Lacks::of(snapshot)?;
    let scan: Arc<dyn TableProvider> = Arc::new(scan(snapshot, pushdown)?);
    if !lacks.differs {
        return Ok(scan);
    }
    Ok(Arc::new(Widened::new(scan, &store::schema::table_schema(snapshot.table))))
}

/// A scan of a table's version; partition values come as plain columns.
pub(crate) fn scan(snapshot: &Snapshot, pushdown: bool) -> Result<DeltaScanNext, TableError> {
    let config = DeltaScanConfig {
        file_column_name: None,
        wrap_partition_values: false,
        enable_parquet_pushdown: pushdown,
        schema_force_view_types: false,
        schema: None,
    };
    Ok(DeltaScanNext::new(Arc::clone(&snapshot.state), config)?)
}

/// The tables of one zone as a schema of the session.
struct Zone {
    tables: Tables,
    members: BTreeMap<&'static str, Member>,
    pushdown: bool,
}

struct Member {
    table: Table,
    version: Option<u64>,
    provider: OnceCell<Arc<dyn TableProvider>>,
}

impl Zone {
    fn new(tables: Tables, members: &[Table], options: &SessionOptions) -> Self {
        let members = members
            .iter()
            .map(|table| {
                let version = options.versions.get(table).copied();
                (table.name(), Member { table: *table, version, provider: OnceCell::new() })
            })
            .collect();
        Self { tables, members, pushdown: options.pushdown_filters }
    }

    async fn load(&self, member: &Member) -> Result<Arc<dyn TableProvider>, TableError> {
        let snapshot = match member.version {
            Some(version) => Some(self.tables.as_of(member.table, version).await?),
            None => self.tables.snapshot(member.table).await?,
        };
        match snapshot {
            Some(snapshot) => provider(&snapshot, self.pushdown),
            None => Ok(Arc::new(EmptyTable::new(store::schema::table_schema(member.table)))),
        }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.members.keys()).finish()
    }
}

#[async_trait]
impl SchemaProvider for Zone {
    fn table_names(&self) -> Vec<String> {
        self.members.keys().map(|name| (*name).to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let Some(member) = self.members.get(name) else { return Ok(None) };
        let provider = member
            .provider
            .get_or_try_init(|| self.load(member))
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(Some(Arc::clone(provider)))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }
}
