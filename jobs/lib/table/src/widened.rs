//! A table whose metadata lack columns of the model, with those columns: they are null. What they
//! lack is told by `evolve`.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Fields, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

/// The wider table. A view with constants instead would do for reading, but the engine folds
/// them into filters that the scan below then takes for fulfilled.
#[derive(Debug)]
pub(crate) struct Widened {
    stored: Arc<dyn TableProvider>,
    schema: SchemaRef,
    /// Where each column is in the stored table; `None` for one that is null.
    places: Vec<Option<usize>>,
}

impl Widened {
    /// `stored` with the columns of `schema`, in its order.
    pub(crate) fn new(stored: Arc<dyn TableProvider>, schema: &SchemaRef) -> Self {
        let found = stored.schema();
        let places: Vec<_> =
            schema.fields().iter().map(|f| found.index_of(f.name()).ok()).collect();
        let fields = schema.fields().iter().zip(&places).map(|(field, place)| {
            place.map_or_else(|| Arc::clone(field), |place| Arc::clone(&found.fields()[place]))
        });
        let schema = Arc::new(Schema::new(fields.collect::<Fields>()));
        Self { stored, schema, places }
    }
}

#[async_trait]
impl TableProvider for Widened {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        self.stored.table_type()
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let stored = self.stored.schema();
        filters
            .iter()
            .map(|filter| {
                if filter.column_refs().iter().all(|c| stored.index_of(&c.name).is_ok()) {
                    let answers = self.stored.supports_filters_pushdown(&[*filter])?;
                    Ok(answers
                        .into_iter()
                        .next()
                        .unwrap_or(TableProviderFilterPushDown::Unsupported))
                } else {
                    Ok(TableProviderFilterPushDown::Unsupported)
                }
            })
            .collect()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = projection.cloned().unwrap_or_else(|| (0..self.places.len()).collect());
        let stored: Vec<usize> = wanted.iter().filter_map(|n| self.places[*n]).collect();
        let below = self.stored.scan(state, Some(&stored), filters, limit).await?;
        let mut place = 0;
        let columns = wanted.iter().map(|n| {
            let field = self.schema.field(*n);
            let column: Arc<dyn PhysicalExpr> = if self.places[*n].is_some() {
                place += 1;
                Arc::new(Column::new(field.name(), place - 1))
            } else {
                Arc::new(Literal::new(ScalarValue::try_from(field.data_type())?))
            };
            Ok((column, field.name().clone()))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(ProjectionExec::try_new(columns, below)?))
    }
}
