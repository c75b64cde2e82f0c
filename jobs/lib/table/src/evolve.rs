//! Tables of a lake that a former version of the programs made: what their metadata lack of the
//! model's, and the commit that adds it. How a table is made anew is in `create`.
//!
//! A nullable column that is added to the model is an evolution: old files answer null, and the
//! first writer evolves the metadata in a commit of its own before it commits anything. So is a
//! column that may be null from now on: what is there fits. A column that the model does not know was
//! added by a later version, and any other difference is a change that no reader can bridge; both
//! are refused by name.

use std::collections::HashMap;

use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::kernel::{Action, MetadataExt as _, StructField, StructType};
use deltalake_core::protocol::DeltaOperation;

use crate::create::{self, SCHEMA_VERSION, SCHEMA_VERSION_KEY};
use crate::error::TableError;
use crate::snapshot::Snapshot;
use crate::submit::submit;

/// What a table's metadata lack.
#[derive(Debug, Default)]
pub(crate) struct Lacks {
    /// Whether the log's columns are not those of the model, in the model's order.
    pub(crate) differs: bool,
    /// Columns that are to be added.
    columns: Vec<StructField>,
    /// Properties that are to be set.
    properties: HashMap<String, String>,
}

impl Lacks {
    /// Compares a table's metadata with the model.
    ///
    /// # Errors
    /// [`TableError::LaterSchema`], [`TableError::OtherSchema`], [`TableError::OtherColumn`].
    pub(crate) fn of(snapshot: &Snapshot) -> Result<Self, TableError> {
        let table = snapshot.table;
        check_version(snapshot)?;
        let found = snapshot.state.schema();
        let fields = create::fields(table)?;
        if let Some(unknown) = found.fields().find(|f| fields.iter().all(|m| m.name() != f.name()))
        {
            let what = format!("column `{}`", unknown.name());
            return Err(TableError::LaterSchema { table, what });
        }
        let order = fields.iter().map(StructField::name);
        let differs = !found.fields().map(StructField::name).eq(order);
        let mut lacks = Self { differs, ..Self::default() };
        for field in fields {
            let other = |found: String, expected: String| TableError::OtherColumn {
                table,
                column: field.name().clone(),
                found,
                expected,
            };
            let kind = || words(&field);
            match found.field(field.name()) {
                None if field.is_nullable() => lacks.columns.push(field),
                None => return Err(other("no such column".to_owned(), kind())),
                // where only nulls became possible, what is there fits
                Some(old)
                    if old.data_type() == field.data_type()
                        && (field.is_nullable() || !old.is_nullable()) =>
                {
                    lacks.differs |= old.is_nullable() != field.is_nullable();
                }
                Some(old) => return Err(other(words(old), kind())),
            }
        }
        let partitions = snapshot.state.metadata().partition_columns();
        if !partitions.iter().eq(table.schema().partitions) {
            return Err(TableError::OtherSchema {
                table,
                found: format!("partitions {}", partitions.join(", ")),
                expected: table.schema().partitions.join(", "),
            });
        }
        let configuration = snapshot.state.metadata().configuration();
        for (key, value) in create::properties(table) {
            // what stands there already may have been set by hand; the model decides the rest
            let is_ours = key == SCHEMA_VERSION_KEY || key.starts_with(create::CONSTRAINT);
            match configuration.get(&key) {
                Some(old) if !is_ours || *old == value => {}
                _ => {
                    lacks.properties.insert(key, value);
                }
            }
        }
        Ok(lacks)
    }

    /// Whether the metadata are as the model has them.
    pub(crate) fn is_nothing(&self) -> bool {
        !self.differs && self.properties.is_empty()
    }

    /// Adds it to the metadata: a commit on exactly this version.
    pub(crate) async fn add(
        self,
        snapshot: &Snapshot,
    ) -> Result<(), deltalake_core::DeltaTableError> {
        let fields = create::fields(snapshot.table)
            .map_err(|error| deltalake_core::DeltaTableError::generic(error.to_string()))?;
        let mut metadata =
            snapshot.state.metadata().clone().with_schema(&StructType::try_new(fields)?)?;
        let columns: Vec<&str> = self.columns.iter().map(|c| c.name().as_str()).collect();
        tracing::info!(
            table = %snapshot.table, added = columns.join(", "), "the table's metadata evolve"
        );
        for (key, value) in &self.properties {
            metadata = metadata.add_config_key(key.clone(), value.clone())?;
        }
        let operation = if self.columns.is_empty() {
            DeltaOperation::SetTableProperties { properties: self.properties }
        } else {
            DeltaOperation::AddColumn { fields: self.columns }
        };
        commit_metadata(snapshot, Action::Metadata(metadata), operation).await
    }
}

/// Commits other metadata on exactly this version.
pub(crate) async fn commit_metadata(
    snapshot: &Snapshot,
    metadata: Action,
    operation: DeltaOperation,
) -> Result<(), deltalake_core::DeltaTableError> {
    let ours = serde_json::json!({ "previous": snapshot.entry });
    let properties = CommitProperties::default().with_metadata([("marketLake".to_owned(), ours)]);
    submit(snapshot, properties, vec![metadata], operation).await?;
    Ok(())
}

fn check_version(snapshot: &Snapshot) -> Result<(), TableError> {
    let table = snapshot.table;
    let text = snapshot.property(SCHEMA_VERSION_KEY).unwrap_or_else(|| "none".to_owned());
    match (text.parse::<u32>(), SCHEMA_VERSION.parse::<u32>()) {
        (Ok(found), Ok(ours)) if found > ours => {
            Err(TableError::LaterSchema { table, what: format!("schema {found}") })
        }
        (Ok(_), _) => Ok(()),
        (Err(_), _) => Err(TableError::OtherSchema {
            table,
            found: text,
            expected: format!("1 to {SCHEMA_VERSION}"),
        }),
    }
}

/// A column's type in words.
fn words(field: &StructField) -> String {
    let null = if field.is_nullable() { "" } else { " not null" };
    format!("{}{null}", field.data_type())
}
