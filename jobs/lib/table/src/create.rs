//! How a table of the model is created: columns, partitions, properties, constraints and a
//! protocol that makes other writers enforce them.

use deltalake_core::DeltaTable;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::kernel::{Action, DataType, PrimitiveType, Protocol, StructField};
use deltalake_core::logstore::LogStoreRef;
use deltalake_core::operations::create::CreateBuilder;
use model::schema::{Column, ColumnType, Table};

use crate::error::TableError;

/// The version of the tables' schemas: raised when a column is added or may be null that could not
/// before, so that programs of a former version leave the lake alone.
pub(crate) const SCHEMA_VERSION: &str = "3";
/// The property that holds it.
pub(crate) const SCHEMA_VERSION_KEY: &str = "marketlake.schemaVersion";
/// A checkpoint is due after so many commits.
pub(crate) const CHECKPOINT_INTERVAL: u64 = 20;

/// What the names of constraints begin with.
pub(crate) const CONSTRAINT: &str = "delta.constraints.";

/// The columns, in order.
pub(crate) fn fields(table: Table) -> Result<Vec<StructField>, TableError> {
    table.schema().columns.iter().map(|c| field(table, c)).collect()
}

/// The properties, the constraints among them.
pub(crate) fn properties(table: Table) -> Vec<(String, String)> {
    let mut properties: Vec<(String, String)> = [
        ("delta.checkpointInterval", CHECKPOINT_INTERVAL.to_string().as_str()),
        ("delta.logRetentionDuration", "interval 30 days"),
        ("delta.deletedFileRetentionDuration", "interval 7 days"),
        // ids of transactions tell repetitions apart; no run is repeated after half a year
        ("delta.setTransactionRetentionDuration", "interval 180 days"),
        (SCHEMA_VERSION_KEY, SCHEMA_VERSION),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    for (name, sql) in table.schema().constraints {
        properties.push((format!("{CONSTRAINT}{name}"), (*sql).to_owned()));
    }
    properties
}

/// How a table is created. At version 0 or not at all: of two creators one wins.
pub(crate) fn builder(table: Table, log: LogStoreRef) -> Result<CreateBuilder, TableError> {
    let schema = table.schema();
    // minWriterVersion 3 is what makes other writers enforce `delta.constraints.*`
    let protocol: Protocol = serde_json::from_str(r#"{"minReaderVersion":1,"minWriterVersion":3}"#)
        .map_err(|e| TableError::delta("create", table)(e.into()))?;
    Ok(DeltaTable::new(log)
        .create()
        .with_table_name(table.as_str())
        .with_comment(schema.doc)
        .with_columns(fields(table)?)
        .with_partition_columns(schema.partitions.iter().copied())
        .with_raise_if_key_not_exists(false)
        .with_configuration(properties(table).into_iter().map(|(key, value)| (key, Some(value))))
        // the library's own retry would add a second creation as version 1
        .with_commit_properties(CommitProperties::default().with_max_retries(0))
        .with_actions([Action::Protocol(protocol)]))
}

fn field(table: Table, column: &Column) -> Result<StructField, TableError> {
    let kind = match column.kind {
        ColumnType::Boolean => PrimitiveType::Boolean,
        ColumnType::Int => PrimitiveType::Integer,
        ColumnType::Long => PrimitiveType::Long,
        ColumnType::Double => PrimitiveType::Double,
        ColumnType::Decimal(precision, scale) => {
            PrimitiveType::decimal(precision, scale.unsigned_abs())
                .map_err(|e| TableError::delta("create", table)(e.into()))?
        }
        ColumnType::Text => PrimitiveType::String,
        ColumnType::Date => PrimitiveType::Date,
        ColumnType::Timestamp => PrimitiveType::Timestamp,
    };
    Ok(StructField::new(column.name, DataType::Primitive(kind), column.nullable)
        .with_metadata([("comment", column.doc)]))
}
