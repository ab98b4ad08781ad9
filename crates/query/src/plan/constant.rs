//! The values of constant expressions in a plan, when it becomes physical.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, Schema};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::Expr;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// The value of an expression without columns.
pub(crate) fn constant(expression: &Expr, session: &dyn Session) -> Result<ScalarValue> {
    if let Expr::Literal(value, _) = expression {
        return Ok(value.clone());
    }
    let expression = session.create_physical_expr(expression.clone(), &DFSchema::empty())?;
    let one_row = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &one_row)?;
    let value = expression.evaluate(&row)?.into_array(1)?;
    ScalarValue::try_from_array(&value, 0)
}

/// The value of an expression that is an interval; `None` for NULL.
pub(crate) fn interval(
    expression: &Expr,
    session: &dyn Session,
) -> Result<Option<IntervalMonthDayNano>> {
    let kind = DataType::Interval(IntervalUnit::MonthDayNano);
    match constant(expression, session)?.cast_to(&kind)? {
        ScalarValue::IntervalMonthDayNano(interval) => Ok(interval),
        other => plan_err!("an interval is needed, not {other}"),
    }
}

/// The length of an interval of days and smaller units; `None` with months or beyond all times.
pub(crate) fn nanoseconds(interval: IntervalMonthDayNano) -> Option<i64> {
    if interval.months != 0 {
        return None;
    }
    let days = i64::from(interval.days).checked_mul(DAY_NANOS)?;
    days.checked_add(interval.nanoseconds)
}
