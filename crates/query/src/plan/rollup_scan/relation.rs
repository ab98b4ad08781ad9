//! What a plan reads of one table: its columns and conditions in terms of those of the table.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};

use crate::table::SnapshotTable;

/// Some rows of one table, and expressions over its columns, which are named without the table.
pub(super) struct Relation {
    provider: Arc<dyn TableProvider>,
    pub(super) name: TableReference,
    columns: Vec<Expr>,
    pub(super) filters: Vec<Expr>,
}

impl Relation {
    /// Reads a plan; `None` if it does more than choose and compute columns and filter rows.
    pub(super) fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
        match plan {
            LogicalPlan::TableScan(scan) => Self::of_scan(scan),
            LogicalPlan::Filter(filter) => {
                let Some(mut relation) = Self::of(&filter.input)? else {
                    return Ok(None);
                };
                for part in split_conjunction(&filter.predicate) {
                    let part = relation.resolved(part, filter.input.schema())?;
                    relation.add_filter(part);
                }
                Ok(Some(relation))
            }
            LogicalPlan::Projection(projection) => {
                let Some(mut relation) = Self::of(&projection.input)? else {
                    return Ok(None);
                };
                let schema = projection.input.schema();
                let columns = projection.expr.iter();
                let columns = columns.map(|expression| relation.resolved(expression, schema));
                relation.columns = columns.collect::<Result<_>>()?;
                Ok(Some(relation))
            }
            LogicalPlan::SubqueryAlias(alias) => Self::of(&alias.input),
            _ => Ok(None),
        }
    }

    fn of_scan(scan: &TableScan) -> Result<Option<Self>> {
        let provider = source_as_provider(&scan.source)?;
        if scan.fetch.is_some() || !provider.is::<SnapshotTable>() {
            return Ok(None);
        }
        let fields = scan.projected_schema.fields().iter();
        let columns = fields.map(|field| Expr::Column(Column::new_unqualified(field.name())));
        let mut relation = Self {
            provider,
            name: scan.table_name.clone(),
            columns: columns.collect(),
            filters: Vec::new(),
        };
        for part in scan.filters.iter().flat_map(split_conjunction) {
            let part = part.clone().transform(|part| {
                Ok(match part {
                    Expr::Column(column) => {
                        let column = Column::new_unqualified(column.name);
                        Transformed::yes(Expr::Column(column))
                    }
                    other => Transformed::no(other),
                })
            })?;
            relation.add_filter(part.data);
        }
        Ok(Some(relation))
    }

    pub(super) fn table(&self) -> &SnapshotTable {
        let table = self.provider.downcast_ref();
        table.expect("a relation is made of such a table alone")
    }

    fn add_filter(&mut self, filter: Expr) {
        // What is pushed down to a scan stands above it as well.
        if !self.filters.contains(&filter) {
            self.filters.push(filter);
        }
    }

    /// An expression over the columns of the plan, in terms of those of the table.
    pub(super) fn resolved(&self, expression: &Expr, schema: &DFSchema) -> Result<Expr> {
        let resolved = expression.clone().transform_up(|part| {
            Ok(match part {
                Expr::Column(column) => {
                    let at = schema.index_of_column(&column)?;
                    Transformed::yes(self.columns[at].clone())
                }
                Expr::Alias(alias) => Transformed::yes(*alias.expr),
                other => Transformed::no(other),
            })
        });
        Ok(resolved?.data)
    }
}
