//! From the logical node to the operator: constants get their values, and times their bins.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result, ScalarValue, ToDFSchema, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ExprSchemable, UserDefinedLogicalNodeCore, col};
use datafusion::physical_plan::ExecutionPlan;

use super::bounds::{Bound, Bounds};
use super::exec::{FilledSpec, GapFillExec, Spec};
use super::functions::{Bins, Fill};
use super::grid::{Binning, Grid};
use super::node::{FilledColumn, GapFill};
use crate::plan::constant::{self, interval, nanoseconds};

/// Plans the operator over the plan of the node's input.
pub(crate) fn physical_plan(
    node: &GapFill,
    input: Arc<dyn ExecutionPlan>,
    session: &dyn Session,
) -> Result<Arc<dyn ExecutionPlan>> {
    let given = node.input.schema();
    let place = |column: &Expr| match column {
        Expr::Column(column) => given.index_of_column(column),
        other => plan_err!("a group of gap filling is a column, not {other}"),
    };
    let filled = node.filled.iter();
    let filled = filled.map(|column| filled_spec(column, given, session));
    let spec = Spec {
        column_count: given.fields().len(),
        group: node.group.iter().map(place).collect::<Result<_>>()?,
        time: place(&node.time)?,
        grid: grid(node, session)?,
        filled: filled.collect::<Result<_>>()?,
    };
    let schema = Arc::new(node.schema().as_arrow().clone());
    Ok(Arc::new(GapFillExec::new(input, Arc::new(spec), schema)))
}

fn grid(node: &GapFill, session: &dyn Session) -> Result<Grid> {
    let stride = interval(&node.stride, session)?;
    let Some(stride) = stride else {
        return plan_err!("the interval of {} is NULL", node.bins.name());
    };
    let Some((lower, upper)) = range(&node.bounds, session)? else {
        return Ok(Grid::empty());
    };
    let time = node.time.get_type(node.input.schema())?;
    let schema = Arc::new(Schema::new(vec![Field::new("time", time, false)]));
    let mut arguments = vec![node.stride.clone(), col("time")];
    arguments.extend(node.origin.clone());
    let start = ScalarFunction::new_udf(Arc::clone(&node.binning), arguments);
    let named = Arc::clone(&schema).to_dfschema()?;
    let binning = Binning {
        stride,
        is_wall_clock: node.bins == Bins::WallClock,
        start: session.create_physical_expr(Expr::ScalarFunction(start), &named)?,
        schema,
    };
    Grid::over(&binning, lower, upper)
}

/// The times that the query asks for, both inclusive; `None` if there are none.
fn range(bounds: &Bounds, session: &dyn Session) -> Result<Option<(i64, i64)>> {
    let (mut lower, mut upper) = (i64::MIN, i64::MAX);
    for Bound {
        value,
        is_inclusive,
    } in &bounds.lower
    {
        let Some(time) = time(value, session)? else {
            return Ok(None);
        };
        lower = lower.max(time.saturating_add(i64::from(!is_inclusive)));
    }
    for Bound {
        value,
        is_inclusive,
    } in &bounds.upper
    {
        let Some(time) = time(value, session)? else {
            return Ok(None);
        };
        upper = upper.min(time.saturating_sub(i64::from(!is_inclusive)));
    }
    Ok(Some((lower, upper)))
}

fn filled_spec(
    column: &FilledColumn,
    given: &DFSchema,
    session: &dyn Session,
) -> Result<FilledSpec> {
    let (mut gap_max, mut constant) = (u64::MAX, None);
    match (&column.argument, column.fill) {
        (None, _) => {}
        (Some(value), Fill::Constant) => {
            let kind = column.source.get_type(given)?;
            constant = Some(constant::constant(value, session)?.cast_to(&kind)?);
        }
        (Some(longest), fill) => gap_max = longest_gap(longest, fill, session)?,
    }
    Ok(FilledSpec {
        fill: column.fill,
        source: session.create_physical_expr(column.source.clone(), given)?,
        gap_max,
        constant,
    })
}

fn longest_gap(longest: &Expr, fill: Fill, session: &dyn Session) -> Result<u64> {
    let Some(longest) = interval(longest, session)? else {
        return Ok(u64::MAX);
    };
    match nanoseconds(longest).map(u64::try_from) {
        Some(Ok(nanos)) => Ok(nanos),
        _ => plan_err!(
            "the longest gap that {} fills is a positive interval without months",
            fill.name()
        ),
    }
}

fn time(expression: &Expr, session: &dyn Session) -> Result<Option<i64>> {
    // Without a zone in the target, a cast leaves instants what they are.
    let value = constant::constant(expression, session)?;
    let kind = match value.data_type() {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Nanosecond, zone),
        _ => DataType::Timestamp(TimeUnit::Nanosecond, None),
    };
    match value.cast_to(&kind)? {
        ScalarValue::TimestampNanosecond(time, _) => Ok(time),
        other => plan_err!("a time bound is a time, not {other}"),
    }
}
