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
        match Newest::of(&plan) {
            Some(newest) => with_last_rows(plan, &newest),
            None => Ok(Transformed::no(plan)),
        }
    }
}

/// A relation of which the node above looks at nothing but the newest rows.
struct Newest {
    relation: Relation,
    /// Columns of the table without NULL in any newest row; otherwise older rows count too.
    present: Vec<String>,
}

impl Newest {
    fn of(plan: &LogicalPlan) -> Option<Self> {
        let mut present = Vec::new();
        let relation = match plan {
            LogicalPlan::Aggregate(aggregate) => {
                let relation = Relation::of(&aggregate.input)?;
                let fits = aggregates_newest(aggregate, &relation, &mut present);
                fits.then_some(relation)?
            }
            LogicalPlan::Filter(filter) => {
                let (window, place) = first_of_window(filter)?;
                let relation = Relation::of(&window.input)?;
                ranks_newest_first(window, place, &relation).then_some(relation)?
            }
            LogicalPlan::Sort(sort) if sort.fetch == Some(1) => {
                let relation = Relation::of(&sort.input)?;
                let schema = sort.input.schema();
                begins_with_newest(&sort.expr, true, &relation, schema).then_some(relation)?
            }
            _ => return None,
        };
        Some(Self { relation, present })
    }
}

fn aggregates_newest(
    aggregate: &Aggregate,
    relation: &Relation,
    present: &mut Vec<String>,
) -> bool {
    let schema = aggregate.input.schema();
    let is_of_series = |expression: &Expr| relation.kind(expression, schema) == Kind::OfSeries;
    let groups_series = aggregate.group_expr.iter().all(is_of_series);
    let mut functions = aggregate.aggr_expr.iter();
    // The time of the newest row of all is known from the statistics of files.
    let is_worth_it = !aggregate.group_expr.is_empty() || !aggregate.aggr_expr.iter().all(is_max);
    groups_series
        && is_worth_it
        && functions.all(|function| takes_newest(function, relation, schema, present))
}

fn is_max(call: &Expr) -> bool {
    let call = call.clone().unalias_nested().data;
    matches!(call, Expr::AggregateFunction(call) if call.func.name() == "max")
}

/// Whether an aggregate is the same over the newest row of each series as over all rows.
fn takes_newest(
    call: &Expr,
    relation: &Relation,
    schema: &DFSchema,
    present: &mut Vec<String>,
) -> bool {
    let call = match call {
        Expr::Alias(alias) => return takes_newest(&alias.expr, relation, schema, present),
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
    let kind = |arg: &Expr| relation.kind(arg, schema);
    let of_series = || args.iter().all(|arg| kind(arg) == Kind::OfSeries);
    let of_time = || matches!(&args[..], [arg] if kind(arg) == Kind::Time);
    let takes = match (func.name(), &args[..]) {
        ("last_value" | "first_value", [value]) => {
            let newest_first = func.name() == "first_value";
            let skips_null = *null_treatment == Some(NullTreatment::IgnoreNulls);
            !distinct
                && begins_with_newest(order_by, newest_first, relation, schema)
                && (!skips_null || is_present(value, relation, schema, present))
        }
        // They skip rows without a value.
        ("selector_last" | "last_by", [value, time, ..]) => {
            kind(time) == Kind::Time
                && order_by.is_empty()
                && is_present(value, relation, schema, present)
        }
        ("max", _) => of_time() || of_series(),
        ("min", _) => of_series(),
        ("count", _) => *distinct && of_series(),
        _ => false,
    };
    is_filter_fine && takes
}

/// Whether a value that is not NULL in the newest rows is all that counts; if that cannot be told
/// before the query runs, its column is added to those it has to be checked of.
fn is_present(
    value: &Expr,
    relation: &Relation,
    schema: &DFSchema,
    present: &mut Vec<String>,
) -> bool {
    if relation.kind(value, schema) != Kind::Other {
        return true;
    }
    let name = relation.name(value, schema);
    present.extend(name.map(str::to_owned));
    name.is_some()
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
fn with_last_rows(plan: LogicalPlan, newest: &Newest) -> Result<Transformed<LogicalPlan>> {
    let Newest { relation, present } = newest;
    plan.transform_down(|node| {
        let LogicalPlan::TableScan(mut scan) = node else {
            return Ok(Transformed::no(node));
        };
        let provider = source_as_provider(&scan.source)?;
        let Some(table) = provider.downcast_ref::<SnapshotTable>() else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        let last_rows = LastRowsTable::of(table, present.clone());
        if !last_rows.is_cheaper_than_scan(&relation.filters, relation.has_filter_on_series()) {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        }
        scan.source = provider_as_source(Arc::new(last_rows));
        let scan = LogicalPlan::TableScan(scan);
        Ok(Transformed::new(scan, true, TreeNodeRecursion::Stop))
    })
}
