//! [`Call`]: the constants and the types that a function was called with.

use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::function::AccumulatorArgs;
use datafusion_expr::{Signature, TypeSignature, Volatility};

use crate::constant::constant;
use crate::length::{LENGTH, ticks};

/// The type of an option beside columns of the given types: a length of time is a number where times are integers.
fn option_type(declared: &DataType, columns: &[DataType]) -> DataType {
    match (declared, columns.get(1)) {
        (DataType::Interval(_), Some(DataType::Int64)) => DataType::Float64,
        _ => declared.clone(),
    }
}

/// The signature of a function of columns, in one of several combinations of types, and options after them.
pub(crate) fn signature(
    columns: Vec<Vec<DataType>>,
    options: &[(&'static str, DataType)],
    required: usize,
) -> Signature {
    let with_options = |columns: Vec<DataType>| {
        (required..=options.len()).map(move |count| {
            let options = options[..count].iter();
            let options = options.map(|(_, kind)| option_type(kind, &columns));
            TypeSignature::Exact(columns.iter().cloned().chain(options).collect())
        })
    };
    let signatures = columns.into_iter().flat_map(with_options).collect();
    Signature::one_of(signatures, Volatility::Immutable)
}

/// Reads a call of a function of `width` columns, its constants included, and passes it on.
pub(crate) fn read<T>(
    args: &AccumulatorArgs,
    function: &'static str,
    width: usize,
    options: &[(&'static str, DataType)],
    pass: impl FnOnce(&Call) -> Result<T>,
) -> Result<T> {
    let option = |index: usize| {
        let name = options[index].0;
        Ok((name, constant(args, width + index, function, name)?))
    };
    let given = (0..args.exprs.len() - width).map(option);
    let given = given.collect::<Result<Vec<_>>>()?;
    let columns = args.expr_fields[..width].iter();
    let column_types: Vec<DataType> = columns.map(|field| field.data_type().clone()).collect();
    pass(&Call::new(function, &column_types, &given))
}

/// One call of a function, as it was written in a query.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    function: &'static str,
    column_types: &'a [DataType],
    options: &'a [(&'static str, ScalarValue)],
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        function: &'static str,
        column_types: &'a [DataType],
        options: &'a [(&'static str, ScalarValue)],
    ) -> Self {
        Self {
            function,
            column_types,
            options,
        }
    }

    /// The types of the columns, as the signature has coerced them.
    pub(crate) fn column_types(&self) -> &[DataType] {
        self.column_types
    }

    /// Whether the second column is a timestamp.
    pub(crate) fn has_timestamps(&self) -> bool {
        matches!(self.column_types().get(1), Some(DataType::Timestamp(_, _)))
    }

    /// The length of time that the option `name` gives, in units of the time column: a second or, for integers, one unless
    /// it is given.
    pub(crate) fn length(&self, name: &str) -> Result<f64> {
        self.length_or(name, 1.0)
    }

    /// The same where the default is so many seconds; for integers it is one.
    pub(crate) fn length_or(&self, name: &str, default_seconds: f64) -> Result<f64> {
        let Some(given) = self.option(name) else {
            let ticks = default_seconds * 1e9;
            return Ok(if self.has_timestamps() { ticks } else { 1.0 });
        };
        match ticks(given) {
            Some(length) => Ok(length),
            None => self.refuse(name, LENGTH, given),
        }
    }

    /// The values of the options that were given, in order.
    pub(crate) fn values(&self) -> Vec<ScalarValue> {
        self.options
            .iter()
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// The option of that name, if it was given.
    pub(crate) fn option(&self, name: &str) -> Option<&ScalarValue> {
        let given = self.options.iter().find(|(option, _)| *option == name);
        given.map(|(_, value)| value)
    }

    /// A finite number that `is_valid`, or the default when it was not given. `expected` completes "must be …".
    pub(crate) fn float(
        &self,
        name: &str,
        default: f64,
        expected: &str,
        is_valid: impl Fn(f64) -> bool,
    ) -> Result<f64> {
        match self.option(name) {
            None => Ok(default),
            Some(ScalarValue::Float64(Some(value))) if value.is_finite() && is_valid(*value) => {
                Ok(*value)
            }
            Some(other) => self.refuse(name, expected, other),
        }
    }

    /// A finite number that `is_valid`; `None` when it was not given or is NULL. `expected` completes "must be …".
    pub(crate) fn optional_float(
        &self,
        name: &str,
        expected: &str,
        is_valid: impl Fn(f64) -> bool,
    ) -> Result<Option<f64>> {
        match self.option(name) {
            None | Some(ScalarValue::Float64(None)) => Ok(None),
            Some(_) => self.float(name, 0.0, expected, is_valid).map(Some),
        }
    }

    /// A whole number that `is_valid`, or the default when it was not given. `expected` completes "must be …".
    pub(crate) fn integer(
        &self,
        name: &str,
        default: i64,
        expected: &str,
        is_valid: impl Fn(i64) -> bool,
    ) -> Result<i64> {
        match self.option(name) {
            None => Ok(default),
            Some(ScalarValue::Int64(Some(value))) if is_valid(*value) => Ok(*value),
            Some(other) => self.refuse(name, expected, other),
        }
    }

    /// A whole number between two bounds, or the default when it was not given.
    pub(crate) fn count(
        &self,
        name: &str,
        default: usize,
        min: usize,
        max: usize,
    ) -> Result<usize> {
        let expected = format!("a whole number from {min} to {max}");
        let is_valid = |value: i64| usize::try_from(value).is_ok_and(|n| (min..=max).contains(&n));
        let value = self.integer(name, default as i64, &expected, is_valid)?;
        Ok(value as usize)
    }

    /// One of a few words, the first of which is the default.
    pub(crate) fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<T> {
        let Some(given) = self.option(name) else {
            return Ok(words[0].1);
        };
        let text = given.try_as_str().flatten();
        if let Some((_, meaning)) = words.iter().find(|(word, _)| Some(*word) == text) {
            return Ok(*meaning);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let expected = format!("one of '{}'", names.join("', '"));
        self.refuse(name, &expected, given)
    }

    /// True or false, or the default when it was not given.
    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.option(name) {
            None => Ok(default),
            Some(ScalarValue::Boolean(Some(value))) => Ok(*value),
            Some(other) => self.refuse(name, "true or false", other),
        }
    }

    /// The error of an option that makes no sense.
    pub(crate) fn refuse<T>(&self, name: &str, expected: &str, given: &ScalarValue) -> Result<T> {
        let function = self.function;
        plan_err!("{function}: argument `{name}` must be {expected}, not {given}")
    }
}
