//! [`Scalar`]: from a formula over floats to a complete SQL scalar function.
//!
//! A function says its name, its arguments and the formula for one row ([`FloatScalar`]); this module supplies the
//! signature, columns and constants in any mix, and the rule that a missing argument gives NULL.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use datafusion_common::cast::as_float64_array;
use datafusion_common::{Result, ScalarValue, internal_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, Volatility,
};

/// A function of `N` floats, the last of which may have defaults.
pub(crate) trait FloatScalar<const N: usize>:
    Debug + Eq + Hash + Send + Sync + 'static
{
    /// The SQL name.
    const NAME: &'static str;

    /// The defaults of the last arguments; the others must be given.
    const DEFAULTS: &'static [f64] = &[];

    /// What a row gives. Floats unless the function says otherwise.
    const RETURN_TYPE: DataType = DataType::Float64;

    /// Refuses constants that make no sense whatever the rows are. Arguments that are columns, or NULL, are `None`.
    fn check_constants(_constants: [Option<f64>; N]) -> Result<()> {
        Ok(())
    }

    /// The results of all rows; each row comes as finite numbers, or `None` when one is missing.
    fn evaluate(rows: impl Iterator<Item = Option<[f64; N]>>) -> ArrayRef;

    /// The generated documentation.
    fn documentation(&self) -> Option<&Documentation>;
}

/// The float column of a formula over rows: for [`FloatScalar::evaluate`].
pub(crate) fn floats<const N: usize>(
    rows: impl Iterator<Item = Option<[f64; N]>>,
    formula: impl Fn([f64; N]) -> Option<f64>,
) -> ArrayRef {
    Arc::new(
        rows.map(|row| row.and_then(&formula))
            .collect::<Float64Array>(),
    )
}

/// The [`ScalarUDFImpl`] of a [`FloatScalar`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scalar<F, const N: usize> {
    function: F,
    signature: Signature,
}

impl<F: FloatScalar<N>, const N: usize> Scalar<F, N> {
    /// The function as DataFusion takes it.
    pub(crate) fn udf(function: F) -> ScalarUDF {
        let counts = N - F::DEFAULTS.len()..=N;
        let signatures = counts.map(|count| TypeSignature::Exact(vec![DataType::Float64; count]));
        let signature = Signature::one_of(signatures.collect(), Volatility::Immutable);
        ScalarUDF::new_from_impl(Self {
            function,
            signature,
        })
    }
}

impl<F: FloatScalar<N>, const N: usize> ScalarUDFImpl for Scalar<F, N> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(F::RETURN_TYPE)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let defaults = &F::DEFAULTS[args.args.len() + F::DEFAULTS.len() - N..];
        let given = args.args.iter().map(Operand::try_new);
        let operands = given.chain(
            defaults
                .iter()
                .map(|value| Ok(Operand::Constant(Some(*value)))),
        );
        let Ok(operands) = <[Operand; N]>::try_from(operands.collect::<Result<Vec<_>>>()?) else {
            return internal_err!("{} takes {N} arguments", F::NAME);
        };
        F::check_constants(operands.each_ref().map(Operand::constant))?;
        let row = |row| {
            let values = operands.each_ref().map(|operand| operand.get(row));
            values
                .iter()
                .all(Option::is_some)
                .then(|| values.map(Option::unwrap_or_default))
        };
        evaluate_rows(&args, |row_count| F::evaluate((0..row_count).map(row)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

/// Evaluates all rows, or a single one when every argument is a constant.
pub(crate) fn evaluate_rows(
    args: &ScalarFunctionArgs,
    evaluate: impl FnOnce(usize) -> ArrayRef,
) -> Result<ColumnarValue> {
    if args
        .args
        .iter()
        .all(|arg| matches!(arg, ColumnarValue::Scalar(_)))
    {
        let value = ScalarValue::try_from_array(&evaluate(1), 0)?;
        return Ok(ColumnarValue::Scalar(value));
    }
    Ok(ColumnarValue::Array(evaluate(args.number_rows)))
}

/// One argument: the same number in every row, or a column.
#[derive(Debug)]
pub(crate) enum Operand<'a> {
    /// A constant; `None` is NULL.
    Constant(Option<f64>),
    /// A column with its NULLs.
    Column(&'a [f64], Option<&'a NullBuffer>),
}

impl<'a> Operand<'a> {
    pub(crate) fn try_new(arg: &'a ColumnarValue) -> Result<Self> {
        match arg {
            ColumnarValue::Scalar(ScalarValue::Float64(value)) => Ok(Self::Constant(*value)),
            ColumnarValue::Scalar(other) => internal_err!("expected DOUBLE, got {other:?}"),
            ColumnarValue::Array(array) => {
                let array = as_float64_array(array)?;
                let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
                Ok(Self::Column(array.values(), nulls))
            }
        }
    }

    /// The value in `row` when it is present: neither NULL nor NaN nor infinite.
    pub(crate) fn get(&self, row: usize) -> Option<f64> {
        let value = match self {
            Self::Constant(value) => *value,
            Self::Column(values, None) => Some(values[row]),
            Self::Column(values, Some(nulls)) => nulls.is_valid(row).then(|| values[row]),
        };
        value.filter(|value| value.is_finite())
    }

    fn constant(&self) -> Option<f64> {
        match self {
            Self::Constant(value) => *value,
            Self::Column(..) => None,
        }
    }
}
