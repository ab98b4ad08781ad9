//! [`ReadingsScalar`]: functions over any number of readings, each `value, healthy, degraded`.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::Float64Array;
use arrow::datatypes::DataType;
use datafusion_common::{Result, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::scalar::{Operand, evaluate_rows};

/// A function of one row's readings; a missing number is NaN, and whether it matters is for the function to say.
pub(crate) trait OverReadings: Debug + Eq + Hash + Send + Sync + 'static {
    /// The SQL name.
    const NAME: &'static str;

    /// The result of one row.
    fn evaluate(readings: impl Iterator<Item = [f64; 3]>) -> Option<f64>;

    /// The generated documentation.
    fn documentation(&self) -> Option<&Documentation>;
}

/// The [`ScalarUDFImpl`] of an [`OverReadings`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ReadingsScalar<F> {
    function: F,
    signature: Signature,
}

impl<F: OverReadings> ReadingsScalar<F> {
    /// The function as DataFusion takes it.
    pub(crate) fn udf(function: F) -> ScalarUDF {
        let signature = Signature::variadic(vec![DataType::Float64], Volatility::Immutable);
        ScalarUDF::new_from_impl(Self {
            function,
            signature,
        })
    }
}

impl<F: OverReadings> ScalarUDFImpl for ReadingsScalar<F> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        if arg_types.is_empty() || !arg_types.len().is_multiple_of(3) {
            return plan_err!(
                "{}: takes groups of three arguments (value, healthy, degraded), got {} arguments",
                F::NAME,
                arg_types.len()
            );
        }
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let operands = args
            .args
            .iter()
            .map(Operand::try_new)
            .collect::<Result<Vec<_>>>()?;
        let (sensors, _) = operands.as_chunks::<3>();
        let evaluate = |row| {
            let reading = |sensor: &[Operand; 3]| {
                sensor
                    .each_ref()
                    .map(|operand| operand.get(row).unwrap_or(f64::NAN))
            };
            F::evaluate(sensors.iter().map(reading))
        };
        evaluate_rows(&args, |row_count| {
            Arc::new((0..row_count).map(evaluate).collect::<Float64Array>())
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}
