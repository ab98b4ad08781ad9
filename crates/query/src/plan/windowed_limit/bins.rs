//! What an order is by: the time, or the start of the bin that it is in.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit, TimestampNanosecondType};
use catalog::TIME_COLUMN;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::datasource::source_as_provider;
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, col};
use datafusion::physical_expr::create_physical_expr;

use crate::table::SnapshotTable;

/// Functions that give the start of the bin of a time: never later than the time, and monotone.
const BINNINGS: [&str; 2] = ["date_bin", "date_trunc"];

/// The time that an expression over a plan's columns is, or the bin of it, as an expression over a column
/// `time`. `None` if it is something else, or if the plan does more than choose, compute and group rows
/// of one table, each group within a bin.
pub(super) fn of_expression(plan: &LogicalPlan, expression: &Expr) -> Option<Expr> {
    match expression {
        Expr::Alias(alias) => of_expression(plan, &alias.expr),
        Expr::Column(column) => of_column(plan, column),
        Expr::ScalarFunction(ScalarFunction { func, args }) if BINNINGS.contains(&func.name()) => {
            let is_constant = |arg: &&Expr| matches!(arg, Expr::Literal(..));
            let mut others = args.iter().filter(|arg| !is_constant(arg));
            let (Some(time), None) = (others.next(), others.next()) else {
                return None;
            };
            let time = of_expression(plan, time)?;
            let args = args.iter().map(|arg| match is_constant(&arg) {
                true => arg.clone(),
                false => time.clone(),
            });
            let call = ScalarFunction::new_udf(Arc::clone(func), args.collect());
            Some(Expr::ScalarFunction(call))
        }
        _ => None,
    }
}

fn of_column(plan: &LogicalPlan, column: &Column) -> Option<Expr> {
    let place = plan.schema().maybe_index_of_column(column)?;
    match plan {
        LogicalPlan::TableScan(scan) => {
            let provider = source_as_provider(&scan.source).ok()?;
            let is_time = provider.is::<SnapshotTable>() && column.name == TIME_COLUMN;
            (is_time && scan.fetch.is_none()).then(|| col(TIME_COLUMN))
        }
        LogicalPlan::Projection(projection) => {
            of_expression(&projection.input, &projection.expr[place])
        }
        LogicalPlan::Aggregate(aggregate) => {
            let key = aggregate.group_expr.get(place)?;
            of_expression(&aggregate.input, key)
        }
        LogicalPlan::Filter(filter) => of_column(&filter.input, column),
        LogicalPlan::SubqueryAlias(alias) => {
            let below = Column::from(alias.input.schema().qualified_field(place));
            of_column(&alias.input, &below)
        }
        _ => None,
    }
}

/// The bins of times.
pub(super) fn starts(bin: &Expr, times: Vec<i64>) -> Result<Vec<Option<i64>>> {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let schema = Schema::new(vec![Field::new(TIME_COLUMN, time, false)]);
    let named = DFSchema::try_from(schema.clone())?;
    let bin = create_physical_expr(
        bin,
        &named,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )?;
    let times = TimestampNanosecondArray::from(times);
    let count = times.len();
    let rows = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(times)])?;
    let starts = bin.evaluate(&rows)?.into_array(count)?;
    let starts = starts.as_primitive_opt::<TimestampNanosecondType>();
    Ok(starts.map_or_else(|| vec![None; count], |starts| starts.iter().collect()))
}
