//! Reading arguments of aggregates that must be constants, such as a threshold or a mode.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::ColumnarValue;
use datafusion_expr::function::AccumulatorArgs;

/// The value of the constant argument at `index`, called `argument` in messages.
///
/// # Errors
/// When it is not a constant.
pub(crate) fn constant(
    args: &AccumulatorArgs,
    index: usize,
    function: &str,
    argument: &str,
) -> Result<ScalarValue> {
    // A constant is an expression that needs no columns; parsers and optimizers wrap literals in casts.
    let no_columns = RecordBatch::new_empty(Arc::new(Schema::empty()));
    match args.exprs[index].evaluate(&no_columns) {
        Ok(ColumnarValue::Scalar(value)) => Ok(value),
        _ => plan_err!("{function}: argument `{argument}` must be a constant"),
    }
}
