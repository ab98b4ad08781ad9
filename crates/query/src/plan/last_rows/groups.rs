//! The newest row of each group of last rows, whole.
//!
//! `DISTINCT ON` and aggregates of `first_value` and `last_value` with one order take all their values from
//! one row of a group. Aggregation finds that row once for every value; with a value of another type, an
//! object for each group and value besides. Last rows are few to a group and many to a query, so here each
//! group's row is found once and its values are taken from it.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchemaRef, Result, internal_err};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment, Sort as SortExpr};
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, Extension, LogicalPlan, UserDefinedLogicalNodeCore,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;

use super::groups_exec::NewestOfGroupExec;
use super::table::LastRowsTable;

/// Replaces aggregates over last rows; to come after [`super::LastRows`].
#[derive(Debug)]
pub(crate) struct NewestOfGroups;

impl OptimizerRule for NewestOfGroups {
    fn name(&self) -> &str {
        "newest_of_groups"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let node = match &plan {
            LogicalPlan::Aggregate(aggregate) => NewestOfGroup::of(aggregate),
            _ => None,
        };
        Ok(match node {
            Some(node) => Transformed::yes(LogicalPlan::Extension(Extension {
                node: Arc::new(node),
            })),
            None => Transformed::no(plan),
        })
    }
}

/// The first row of each group in an order, as groups and values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct NewestOfGroup {
    input: Arc<LogicalPlan>,
    group: Vec<Expr>,
    order: Vec<SortExpr>,
    values: Vec<Expr>,
    schema: DFSchemaRef,
}

impl NewestOfGroup {
    fn of(aggregate: &Aggregate) -> Option<Self> {
        let group = &aggregate.group_expr;
        let has_sets = group.iter().any(|key| matches!(key, Expr::GroupingSet(_)));
        if group.is_empty() || has_sets || !reads_last_rows(&aggregate.input) {
            return None;
        }
        let takes = aggregate.aggr_expr.iter().map(taken);
        let takes: Vec<_> = takes.collect::<Option<_>>()?;
        // What is the same for all rows of a group puts none before another.
        let matters = |sort: &SortExpr| !group.contains(&sort.expr);
        let order = |sorts: &[SortExpr]| -> Vec<_> {
            sorts.iter().filter(|sort| matters(sort)).cloned().collect()
        };
        let first = order(takes.iter().find_map(|(sorts, _)| sorts.as_ref())?);
        let newest = first.first()?;
        let is_of_that_row = |(sorts, value): &(Option<Vec<SortExpr>>, Expr)| match sorts {
            Some(sorts) => order(sorts) == first,
            // The greatest of what the order begins with.
            None => {
                let is_nullable = value.nullable(aggregate.input.schema());
                *value == newest.expr && !newest.asc && is_nullable.is_ok_and(|is| !is)
            }
        };
        if !takes.iter().all(is_of_that_row) {
            return None;
        }
        Some(Self {
            input: Arc::clone(&aggregate.input),
            group: group.clone(),
            order: first,
            values: takes.into_iter().map(|(_, value)| value).collect(),
            schema: Arc::clone(&aggregate.schema),
        })
    }
}

/// Whether all rows come from last rows, at most one of each series.
fn reads_last_rows(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(scan) => {
            source_as_provider(&scan.source).is_ok_and(|provider| provider.is::<LastRowsTable>())
        }
        LogicalPlan::Filter(filter) => reads_last_rows(&filter.input),
        LogicalPlan::Projection(projection) => reads_last_rows(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => reads_last_rows(&alias.input),
        _ => false,
    }
}

/// What an aggregate takes from the first row in an order; without an order it is the greatest.
fn taken(call: &Expr) -> Option<(Option<Vec<SortExpr>>, Expr)> {
    let call = match call {
        Expr::Alias(alias) => return taken(&alias.expr),
        Expr::AggregateFunction(call) => call,
        _ => return None,
    };
    let AggregateFunction { func, params } = call;
    let [value] = &params.args[..] else {
        return None;
    };
    let is_plain = !params.distinct
        && params.filter.is_none()
        && params.null_treatment != Some(NullTreatment::IgnoreNulls);
    let order = match func.name() {
        "first_value" => Some(params.order_by.clone()),
        "last_value" => Some(params.order_by.iter().map(reversed).collect()),
        "max" if params.order_by.is_empty() => None,
        _ => return None,
    };
    is_plain.then(|| (order, value.clone()))
}

fn reversed(sort: &SortExpr) -> SortExpr {
    SortExpr::new(sort.expr.clone(), !sort.asc, !sort.nulls_first)
}

impl PartialOrd for NewestOfGroup {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let key = |node: &Self| (Arc::clone(&node.input), node.expressions());
        let ordering = key(self).partial_cmp(&key(other))?;
        // Only equal nodes may be equal in order.
        (ordering != Ordering::Equal || self == other).then_some(ordering)
    }
}

impl UserDefinedLogicalNodeCore for NewestOfGroup {
    fn name(&self) -> &str {
        "NewestOfGroup"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let order = self.order.iter().map(|sort| sort.expr.clone());
        let all = self.group.iter().cloned().chain(order);
        all.chain(self.values.iter().cloned()).collect()
    }

    fn fmt_for_explain(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let group: Vec<_> = self.group.iter().map(ToString::to_string).collect();
        let order: Vec<_> = self.order.iter().map(ToString::to_string).collect();
        write!(
            f,
            "NewestOfGroup: group=[{}], order=[{}]",
            group.join(", "),
            order.join(", ")
        )
    }

    fn with_exprs_and_inputs(
        &self,
        mut expressions: Vec<Expr>,
        mut inputs: Vec<LogicalPlan>,
    ) -> Result<Self> {
        let expected = self.group.len() + self.order.len() + self.values.len();
        let (Some(input), None) = (inputs.pop(), inputs.pop()) else {
            return internal_err!("the newest rows of groups have one input");
        };
        if expressions.len() != expected {
            return internal_err!(
                "{expected} expressions are needed, not {}",
                expressions.len()
            );
        }
        let values = expressions.split_off(self.group.len() + self.order.len());
        let order = expressions.split_off(self.group.len()).into_iter();
        let order = order
            .zip(&self.order)
            .map(|(expression, sort)| SortExpr::new(expression, sort.asc, sort.nulls_first));
        Ok(Self {
            input: Arc::new(input),
            group: expressions,
            order: order.collect(),
            values,
            schema: Arc::clone(&self.schema),
        })
    }
}

/// Plans the operator over the plan of the node's input.
pub(crate) fn physical_plan(
    node: &NewestOfGroup,
    input: Arc<dyn ExecutionPlan>,
    session: &dyn Session,
) -> Result<Arc<dyn ExecutionPlan>> {
    let given = node.input.schema();
    let physical = |expression: &Expr| session.create_physical_expr(expression.clone(), given);
    let all = |expressions: &[Expr]| -> Result<Vec<Arc<dyn PhysicalExpr>>> {
        expressions.iter().map(physical).collect()
    };
    let order = node.order.iter().map(|sort| {
        let options = arrow::compute::SortOptions {
            descending: !sort.asc,
            nulls_first: sort.nulls_first,
        };
        Ok(PhysicalSortExpr::new(physical(&sort.expr)?, options))
    });
    let order = order.collect::<Result<_>>()?;
    let schema = Arc::clone(node.schema.inner());
    let (group, values) = (all(&node.group)?, all(&node.values)?);
    Ok(Arc::new(NewestOfGroupExec::new(
        input, group, order, values, schema,
    )))
}
