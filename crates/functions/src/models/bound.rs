//! From what a function computes of a model to SQL functions with and without one: [`ModelFunction`], [`Named`],
//! [`Bound`].

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::cast::as_float64_array;
use datafusion_common::{DataFusionError, Result, ScalarValue, internal_err, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use models::Model;

use super::{ModelCall, ModelVersion};

/// What a function computes of a model and columns.
pub(super) trait ModelFunction: Debug + Clone + Eq + Hash + Send + Sync + 'static {
    /// The SQL name.
    const NAME: &'static str;

    /// How many constant texts follow the name of the model.
    const CONSTANTS: usize = 0;

    /// What a row gives, if that does not depend on the model.
    fn return_type() -> DataType;

    /// What a row gives as long as all that is known of the model is its name, if that is a constant.
    fn named_return_type(&self, _model: Option<&str>) -> Result<DataType> {
        Ok(Self::return_type())
    }

    /// What a row gives.
    fn return_type_of(_model: &Model) -> DataType {
        Self::return_type()
    }

    /// The results of some rows. The columns are the model's features, missing values NaN.
    fn evaluate(
        model: &Model,
        constants: &[String],
        columns: &[&[f64]],
        rows: usize,
    ) -> models::Result<ArrayRef>;

    /// The generated documentation.
    fn documentation(&self) -> Option<&Documentation>;
}

/// The function as SQL finds it by its name.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Named<F> {
    function: F,
    signature: Signature,
}

impl<F: ModelFunction> Named<F> {
    pub(super) fn udf(function: F) -> ScalarUDF {
        ScalarUDF::new_from_impl(Self {
            function,
            signature: Signature::variadic_any(Volatility::Immutable),
        })
    }
}

impl<F: ModelFunction> ScalarUDFImpl for Named<F> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        self.function.named_return_type(None)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let model = args.scalar_arguments.first().copied().flatten();
        let model = model.and_then(|model| model.try_as_str().flatten());
        let returned = self.function.named_return_type(model)?;
        Ok(Arc::new(Field::new(F::NAME, returned, true)))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        unbound(F::NAME)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

/// Nobody has put a model into the function.
pub(super) fn unbound<T>(name: &str) -> Result<T> {
    plan_err!("{name}: there are no models here")
}

/// How the function is called, if it is this one without a model.
pub(super) fn call<F: ModelFunction>(function: &ScalarUDF) -> Option<ModelCall> {
    let named = function.inner().downcast_ref::<Named<F>>();
    named.map(|_| ModelCall {
        constants: F::CONSTANTS,
    })
}

/// The function with a model, if it is this one without a model.
pub(super) fn bind<F: ModelFunction>(
    function: &ScalarUDF,
    version: &ModelVersion,
    constants: &[String],
) -> models::Result<Option<ScalarUDF>> {
    let Some(named) = function.inner().downcast_ref::<Named<F>>() else {
        return Ok(None);
    };
    // A model of the wrong kind says so of any row.
    let missing = vec![[f64::NAN].as_slice(); version.model.names().len()];
    F::evaluate(&version.model, constants, &missing, 1)?;
    Ok(Some(ScalarUDF::new_from_impl(Bound {
        function: named.function.clone(),
        version: version.clone(),
        constants: constants.to_vec(),
        signature: Signature::user_defined(Volatility::Immutable),
    })))
}

/// The function with a model in it. It still takes the name and the constants, which it does not look at, so that a
/// plan reads as it was written.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bound<F> {
    function: F,
    version: ModelVersion,
    constants: Vec<String>,
    signature: Signature,
}

impl<F: ModelFunction> ScalarUDFImpl for Bound<F> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(coerced(arg_types, F::CONSTANTS))
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(F::return_type_of(&self.version.model))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let features = &args.args[1 + F::CONSTANTS..];
        let is_constant = |arg: &ColumnarValue| matches!(arg, ColumnarValue::Scalar(_));
        let is_one = features.iter().all(is_constant);
        let rows = if is_one { 1 } else { args.number_rows };
        let columns = Feature::all(features, rows)?;
        let columns: Vec<&[f64]> = columns.iter().map(Feature::values).collect();
        let model = &self.version.model;
        let result = F::evaluate(model, &self.constants, &columns, rows).map_err(failed)?;
        match is_one {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &result, 0,
            )?)),
            false => Ok(ColumnarValue::Array(result)),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

/// Names and constants as they are, features as floats, records of features as records of floats.
pub(super) fn coerced(arg_types: &[DataType], constants: usize) -> Vec<DataType> {
    let types = arg_types.iter().enumerate();
    let coerced = types.map(|(place, given)| match given {
        _ if place <= constants => given.clone(),
        DataType::Struct(fields) => {
            let float = |field: &FieldRef| Field::new(field.name(), DataType::Float64, true);
            DataType::Struct(fields.iter().map(float).collect())
        }
        _ => DataType::Float64,
    });
    coerced.collect()
}

/// What a model says, as an error of a query.
pub(super) fn failed(error: models::Error) -> DataFusionError {
    DataFusionError::Execution(error.to_string())
}

/// One feature of a batch, missing values NaN.
pub(super) enum Feature {
    /// As it came.
    Whole(Float64Array),
    /// Made for this.
    Own(Vec<f64>),
}

impl Feature {
    /// The features of some arguments: one of each number, and those of the fields of each record.
    fn all(args: &[ColumnarValue], rows: usize) -> Result<Vec<Self>> {
        let mut features = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                ColumnarValue::Scalar(ScalarValue::Float64(value)) => {
                    features.push(Self::Own(vec![value.unwrap_or(f64::NAN); rows]));
                }
                ColumnarValue::Scalar(ScalarValue::Struct(record)) => {
                    let record = ScalarValue::Struct(Arc::clone(record)).to_array_of_size(rows)?;
                    Self::add(&mut features, &record)?;
                }
                ColumnarValue::Scalar(other) => {
                    return internal_err!("expected DOUBLE or a record of it, got {other:?}");
                }
                ColumnarValue::Array(array) => Self::add(&mut features, array)?,
            }
        }
        Ok(features)
    }

    /// The features of some columns.
    pub(super) fn of_columns(columns: &[ArrayRef]) -> Result<Vec<Self>> {
        let mut features = Vec::with_capacity(columns.len());
        for column in columns {
            Self::add(&mut features, column)?;
        }
        Ok(features)
    }

    fn add(features: &mut Vec<Self>, column: &ArrayRef) -> Result<()> {
        match column.as_struct_opt() {
            None => features.push(Self::of(column)?),
            Some(record) => {
                // What is missing as a whole is missing in each field.
                for field in &record.flatten().1 {
                    features.push(Self::of(field)?);
                }
            }
        }
        Ok(())
    }

    fn of(array: &ArrayRef) -> Result<Self> {
        let array = as_float64_array(array)?;
        match array.null_count() {
            0 => Ok(Self::Whole(array.clone())),
            _ => {
                let values = array.iter().map(|value| value.unwrap_or(f64::NAN));
                Ok(Self::Own(values.collect()))
            }
        }
    }

    pub(super) fn values(&self) -> &[f64] {
        match self {
            Self::Whole(array) => array.values(),
            Self::Own(values) => values,
        }
    }
}

/// A column in which what is no number is NULL.
pub(super) fn present(values: Vec<f64>) -> Float64Array {
    let nulls = presence(&values);
    Float64Array::new(values.into(), nulls)
}

/// Where there are numbers; `None` if everywhere.
pub(super) fn presence(values: &[f64]) -> Option<NullBuffer> {
    if values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let present = values.iter().map(|value| value.is_finite());
    Some(present.collect::<Vec<bool>>().into())
}

/// Shared by the functions whose result is one number for each row.
pub(super) fn numbers(
    rows: usize,
    compute: impl FnOnce(&mut [f64]) -> models::Result<()>,
) -> models::Result<Float64Array> {
    let mut out = vec![0.0; rows];
    compute(&mut out)?;
    Ok(present(out))
}

/// An array of what one row gives.
pub(super) fn array(array: impl Array + 'static) -> models::Result<ArrayRef> {
    Ok(Arc::new(array))
}
