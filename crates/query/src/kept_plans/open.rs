//! The optimized plan of a shape, with places for the constants.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Field, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue, TableReference, internal_datafusion_err};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::builder::LogicalTableSource;
use datafusion::logical_expr::{Expr, LogicalPlan, TableSource, Volatility};
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::sql::parser::Statement;

use super::shape::place;
use crate::models;
use crate::table::SnapshotTable;

/// Plans of wider tables take megabytes, and most of their statements' time is not planning.
const COLUMNS_MAX: usize = 1_000;

/// A plan whose conditions have places for constants, and whose tables have no rows.
#[derive(Debug)]
pub(super) struct OpenPlan {
    plan: LogicalPlan,
    /// The tables with the columns that they had.
    tables: BTreeMap<TableReference, SchemaRef>,
}

impl OpenPlan {
    /// Plans a statement with places for constants like these; `None` if its plan is not one to be kept.
    pub(super) async fn new(
        session: &SessionState,
        statement: Statement,
        constants: &[ScalarValue],
    ) -> Result<Option<Self>> {
        let plan = session.statement_to_plan(statement).await?;
        if models::are_used(&plan)? {
            return Ok(None);
        }
        let plan = session.optimize(&typed(plan, constants)?)?;
        if !may_be_kept(&plan)? {
            return Ok(None);
        }
        let mut tables = BTreeMap::new();
        // A snapshot would keep its rows and files for as long as the plan is kept.
        let plan = plan.transform_up(|node| {
            let LogicalPlan::TableScan(mut scan) = node else {
                return Ok(Transformed::no(node));
            };
            let schema = scan.source.schema();
            scan.source = Arc::new(LogicalTableSource::new(Arc::clone(&schema)));
            tables.insert(scan.table_name.clone(), schema);
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        })?;
        Ok(Some(Self {
            plan: plan.data,
            tables,
        }))
    }

    /// The plan with these constants and the tables as they are now; `None` if those are not what they were.
    pub(super) async fn close(
        &self,
        session: &SessionState,
        constants: &[ScalarValue],
    ) -> Result<Option<LogicalPlan>> {
        let mut sources: BTreeMap<&TableReference, Arc<dyn TableSource>> = BTreeMap::new();
        for (name, schema) in &self.tables {
            let tables = session.schema_for_ref(name.clone())?;
            let Some(table) = tables.table(name.table()).await? else {
                return Ok(None);
            };
            if !is_plain(table.downcast_ref()) || table.schema() != *schema {
                return Ok(None);
            }
            sources.insert(name, provider_as_source(table));
        }
        let plan = self.plan.clone().transform_up(|node| match node {
            LogicalPlan::TableScan(mut scan) => {
                let source = sources.get(&scan.table_name);
                let source = source.ok_or_else(|| internal_datafusion_err!("a table is new"))?;
                scan.source = Arc::clone(source);
                closed(LogicalPlan::TableScan(scan), session, constants)
            }
            LogicalPlan::Filter(_) => closed(node, session, constants),
            _ => Ok(Transformed::no(node)),
        })?;
        Ok(Some(plan.data))
    }
}

/// Whether a table is one of rows alone: which rollups are read is decided by the constants.
fn is_plain(table: Option<&SnapshotTable>) -> bool {
    table.is_some_and(|table| table.rollups().is_empty())
}

/// The places are of the types of the constants, not of what those are compared with.
fn typed(plan: LogicalPlan, constants: &[ScalarValue]) -> Result<LogicalPlan> {
    let field = |id: &str| {
        let index = (0..constants.len()).find(|index| place(*index) == id)?;
        let kind = constants[index].data_type();
        Some(Arc::new(Field::new(id, kind, true)))
    };
    let typed = plan.transform_up(|node| {
        node.map_expressions(|expression| {
            expression.transform_up(|expression| match expression {
                Expr::Placeholder(mut open) => {
                    open.field = field(&open.id);
                    Ok(Transformed::yes(Expr::Placeholder(open)))
                }
                other => Ok(Transformed::no(other)),
            })
        })
    });
    Ok(typed?.data)
}

/// Puts constants into the conditions of a node.
fn closed(
    node: LogicalPlan,
    session: &SessionState,
    constants: &[ScalarValue],
) -> Result<Transformed<LogicalPlan>> {
    let constant = |id: &str| {
        let mut all = constants.iter().enumerate();
        all.find_map(|(index, constant)| (place(index) == id).then(|| constant.clone()))
    };
    let closed = node.map_expressions(|expression| {
        expression.transform_up(|expression| {
            let value = match &expression {
                Expr::Placeholder(open) => constant(&open.id),
                _ => None,
            };
            Ok(match value {
                Some(value) => Transformed::yes(Expr::Literal(value, None)),
                None => Transformed::no(expression),
            })
        })
    })?;
    let simplified = SimplifyExpressions::new().rewrite(closed.data, session)?;
    Ok(Transformed::yes(simplified.data))
}

/// Whether an optimized plan hangs on nothing but its statement and the columns of its tables, and has its places in conditions
/// alone.
fn may_be_kept(plan: &LogicalPlan) -> Result<bool> {
    let mut may = true;
    plan.apply(|node| {
        let has_places = match node {
            LogicalPlan::TableScan(scan) => {
                let table = source_as_provider(&scan.source)?;
                may &= is_plain(table.downcast_ref());
                may &= table.schema().fields().len() <= COLUMNS_MAX;
                true
            }
            LogicalPlan::Filter(_) => true,
            LogicalPlan::Projection(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::SubqueryAlias(_) => false,
            _ => {
                may = false;
                false
            }
        };
        node.apply_expressions(|expression| {
            may &= !expression.exists(|part| Ok(hangs_on_more(part, has_places)))?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(may)
}

fn hangs_on_more(expression: &Expr, has_places: bool) -> bool {
    match expression {
        Expr::ScalarFunction(call) => call.func.signature().volatility != Volatility::Immutable,
        Expr::Placeholder(_) => !has_places,
        Expr::ScalarSubquery(_)
        | Expr::InSubquery(_)
        | Expr::SetComparison(_)
        | Expr::Exists(_)
        | Expr::OuterReferenceColumn(..) => true,
        _ => false,
    }
}
