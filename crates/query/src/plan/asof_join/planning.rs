//! From the logical node to the operator.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::{Expr, ExprSchemable, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::{AsofJoinExec, Spec};
use super::node::AsofJoin;
use crate::plan::constant::{constant, interval};

/// Plans the operator over the plans of the node's inputs.
pub(crate) fn physical_plan(
    node: &AsofJoin,
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    session: &dyn Session,
) -> Result<Arc<dyn ExecutionPlan>> {
    let (left_schema, right_schema) = (node.left.schema(), node.right.schema());
    let of_left = |expression: Expr| session.create_physical_expr(expression, left_schema);
    let of_right = |expression: Expr| session.create_physical_expr(expression, right_schema);
    let matching = node.matching.clone();
    let on = matching.on.into_iter();
    let on = on.map(|(left, right)| Ok((of_left(left)?, of_right(right)?)));
    let kind = matching.left_time.get_type(left_schema)?;
    let spec = Spec {
        on: on.collect::<Result<_>>()?,
        left_time: of_left(as_instants(matching.left_time, left_schema)?)?,
        right_time: of_right(as_instants(matching.right_time, right_schema)?)?,
        direction: matching.direction,
        is_strict: matching.is_strict,
        tolerance: match matching.tolerance {
            Some(tolerance) => distance(&tolerance, &kind, session)?,
            None => u64::MAX,
        },
        shown: node.shown(),
    };
    let schema = Arc::new(node.schema().as_arrow().clone());
    Ok(Arc::new(AsofJoinExec::try_new(
        left,
        right,
        Arc::new(spec),
        schema,
    )?))
}

/// Times in nanoseconds; whole numbers as they are.
fn as_instants(time: Expr, schema: &DFSchema) -> Result<Expr> {
    let kind = time.get_type(schema)?;
    match &kind {
        DataType::Timestamp(TimeUnit::Nanosecond, _) | DataType::Int64 => Ok(time),
        DataType::Timestamp(_, zone) => {
            let nanos = DataType::Timestamp(TimeUnit::Nanosecond, zone.clone());
            time.cast_to(&nanos, schema)
        }
        DataType::Date32 | DataType::Date64 => {
            time.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, None), schema)
        }
        kind if kind.is_integer() => time.cast_to(&DataType::Int64, schema),
        kind => plan_err!("an ASOF JOIN matches times or whole numbers, not {kind}"),
    }
}

/// The greatest distance of two times of a type.
fn distance(tolerance: &Expr, kind: &DataType, session: &dyn Session) -> Result<u64> {
    const MESSAGE: &str = "the greatest distance of an ASOF JOIN is positive: an interval without \
                           months between times, or a whole number between whole numbers";
    let distance = match kind.is_integer() {
        true => match constant(tolerance, session)?.cast_to(&DataType::Int64)? {
            ScalarValue::Int64(distance) => distance,
            _ => None,
        },
        false => interval(tolerance, session)?.and_then(crate::plan::constant::nanoseconds),
    };
    match distance.map(u64::try_from) {
        Some(Ok(distance)) => Ok(distance),
        _ => plan_err!("{MESSAGE}"),
    }
}
