//! Finds the places in a plan where only the newest row of each series counts.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::expr::{
    AggregateFunction, AggregateFunctionParams, NullTreatment, Sort as SortExpr,
    WindowFunctionDefinition,
};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Expr, Filter, LogicalPlan, Operator, Window,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::relation::{Kind, Relation};
use super::table::LastRowsTable;
use crate::table::SnapshotTable;

/// Replaces scans by scans of last rows.
#[derive(Debug)]
pub(crate) struct LastRows;

impl OptimizerRule for LastRows {
    fn name(&self) -> &str {
        "last_rows"
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
        match relation_of_newest(&plan) {
            Some(relation) => with_last_rows(plan, &relation),
            None => Ok(Transformed::no(plan)),
        }
    }
}

/// The relation below a node that looks at nothing but its newest rows.
fn relation_of_newest(plan: &LogicalPlan) -> Option<Relation> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let relation = Relation::of(&aggregate.input)?;
            aggregates_newest(aggregate, &relation).then_some(relation)
        }
        LogicalPlan::Filter(filter) => {
            let (window, place) = first_of_window(filter)?;
            let relation = Relation::of(&window.input)?;
            ranks_newest_first(window, place, &relation).then_some(relation)
        }
        LogicalPlan::Sort(sort) if sort.fetch == Some(1) => {
            let relation = Relation::of(&sort.input)?;
            let schema = sort.input.schema();
            begins_with_newest(&sort.expr, true, &relation, schema).then_some(relation)
        }
        _ => None,
    }
}

fn aggregates_newest(aggregate: &Aggregate, relation: &Relation) -> bool {
    let schema = aggregate.input.schema();
    let is_of_series = |expression: &Expr| relation.kind(expression, schema) == Kind::OfSeries;
    let groups_series = aggregate.group_expr.iter().all(is_of_series);
    let mut functions = aggregate.aggr_expr.iter();
    // The time of the newest row of all is known from the statistics of files.
    let is_worth_it =
        !aggregate.group_expr.is_empty() || !aggregate.aggr_expr.iter().all(|call| is_max(call));
    groups_series
        && is_worth_it
        && functions.all(|function| takes_newest(function, relation, schema))
}

fn is_max(call: &Expr) -> bool {
    let call = call.clone().unalias_nested().data;
    matches!(call, Expr::AggregateFunction(call) if call.func.name() == "max")
}

/// Whether an aggregate is the same over the newest row of each series as over all rows.
fn takes_newest(call: &Expr, relation: &Relation, schema: &DFSchema) -> bool {
    let call = match call {
        Expr::Alias(alias) => return takes_newest(&alias.expr, relation, schema),
        Expr::AggregateFunction(call) => call,
        _ => return false,
    };
    let AggregateFunction { func, params } = call;
    let AggregateFunctionParams {
        args,
        distinct,
        filter,
        order_by,
        null_treatment,
    } = params;
    let is_filter_fine = match filter {
        Some(filter) => relation.keeps_newest(filter, schema),
        None => true,
    };
    let of_series = || {
        let mut args = args.iter();
        args.all(|arg| relation.kind(arg, schema) == Kind::OfSeries)
    };
    let of_time = || matches!(&args[..], [arg] if relation.kind(arg, schema) == Kind::Time);
    let takes = match func.name() {
        "last_value" | "first_value" => {
            let newest_first = func.name() == "first_value";
            *null_treatment != Some(NullTreatment::IgnoreNulls)
                && !distinct
                && begins_with_newest(order_by, newest_first, relation, schema)
        }
        "max" => of_time() || of_series(),
        "min" => of_series(),
        "count" => *distinct && of_series(),
        _ => false,
    };
    is_filter_fine && takes
}

/// Whether the first row in an order is the newest of its series; the last one, if not `newest_first`.
fn begins_with_newest(
    order: &[SortExpr],
    newest_first: bool,
    relation: &Relation,
    schema: &DFSchema,
) -> bool {
    for sort in order {
        match relation.kind(&sort.expr, schema) {
            // It decides between series, not between rows of one.
            Kind::OfSeries => {}
            Kind::Time => return sort.asc != newest_first,
            Kind::Other => return false,
        }
    }
    false
}

/// The window function, by its place, of which a filter leaves the rows with 1.
fn first_of_window(filter: &Filter) -> Option<(&Window, usize)> {
    let parts = split_conjunction(&filter.predicate).into_iter();
    let mut columns = parts.filter_map(column_that_is_one);
    columns.find_map(|column| window_column(&filter.input, column))
}

/// The column of a condition that says it is 1 or less.
fn column_that_is_one(condition: &Expr) -> Option<&Column> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else {
        return None;
    };
    let (column, op, value) = match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), Expr::Literal(value, _)) => (column, *op, value),
        (Expr::Literal(value, _), Expr::Column(column)) => (column, op.swap()?, value),
        _ => return None,
    };
    let value = match value.cast_to(&arrow::datatypes::DataType::Int64).ok()? {
        ScalarValue::Int64(Some(value)) => value,
        _ => return None,
    };
    let is_one = match op {
        Operator::Eq | Operator::LtEq => value == 1,
        Operator::Lt => value == 2,
        _ => false,
    };
    is_one.then_some(column)
}

fn window_column<'a>(plan: &'a LogicalPlan, column: &Column) -> Option<(&'a Window, usize)> {
    let place = plan.schema().maybe_index_of_column(column)?;
    match plan {
        LogicalPlan::Window(window) => {
            let place = place.checked_sub(window.input.schema().fields().len())?;
            Some((window, place))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let below = Column::from(alias.input.schema().qualified_field(place));
            window_column(&alias.input, &below)
        }
        LogicalPlan::Projection(projection) => {
            let below = projection.expr[place].clone().unalias_nested().data;
            match below {
                Expr::Column(below) => window_column(&projection.input, &below),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether the rows that a window function gives 1 are the newest of their series.
fn ranks_newest_first(window: &Window, place: usize, relation: &Relation) -> bool {
    // Another function of the same window would look at the rows that are not there.
    let [function] = &window.window_expr[..] else {
        return false;
    };
    let function = function.clone().unalias_nested().data;
    let Expr::WindowFunction(function) = function else {
        return false;
    };
    let WindowFunctionDefinition::WindowUDF(udf) = &function.fun else {
        return false;
    };
    let schema = window.input.schema();
    let params = &function.params;
    let is_of_series = |expression: &Expr| relation.kind(expression, schema) == Kind::OfSeries;
    place == 0
        && matches!(udf.name(), "row_number" | "rank" | "dense_rank")
        && params.filter.is_none()
        && params.partition_by.iter().all(is_of_series)
        && begins_with_newest(&params.order_by, true, relation, schema)
}

/// The same plan over the last rows of the table it scans, if those are cheaper to get.
fn with_last_rows(plan: LogicalPlan, relation: &Relation) -> Result<Transformed<LogicalPlan>> {
    plan.transform_down(|node| {
        let LogicalPlan::TableScan(mut scan) = node else {
            return Ok(Transformed::no(node));
        };
        let provider = source_as_provider(&scan.source)?;
        let Some(table) = provider.downcast_ref::<SnapshotTable>() else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        let last_rows = LastRowsTable::of(table);
        if !last_rows.is_cheaper_than_scan(&relation.filters, relation.has_filter_on_series()) {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        }
        scan.source = provider_as_source(Arc::new(last_rows));
        // They are applied above as well.
        scan.filters.clear();
        let scan = LogicalPlan::TableScan(scan);
        Ok(Transformed::new(scan, true, TreeNodeRecursion::Stop))
    })
}
