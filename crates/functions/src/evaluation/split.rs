//! What [`kfold_by_group`](super::kfold_by_group) and [`train_test_split_by`](super::train_test_split_by) share: keys, which may be
//! of any type that has a text, and a constant behind them.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

/// The types of a call with a key, one constant number that must be given and a seed that may be.
pub(super) fn coerce(
    function: &str,
    number: (&str, DataType),
    given: &[DataType],
) -> Result<Vec<DataType>> {
    let (name, number_type) = number;
    let is_number = |kind: &DataType| kind.is_numeric() || kind.is_null();
    match given {
        [key, number, seed @ ..]
            if is_key(key) && is_number(number) && seed.len() < 2 && seed.iter().all(is_number) =>
        {
            let mut types = vec![DataType::Utf8, number_type];
            types.extend(seed.iter().map(|_| DataType::Int64));
            Ok(types)
        }
        _ => {
            let given: Vec<String> = given.iter().map(DataType::to_string).collect();
            plan_err!(
                "{function} takes a key (text, a whole number or a boolean), a constant `{name}` and optionally a constant `seed`, not ({})",
                given.join(", ")
            )
        }
    }
}

/// Whether keys of a type have one text each; floats have several spellings.
fn is_key(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_key(value),
        kind => {
            kind.is_string() || kind.is_integer() || kind.is_null() || kind == &DataType::Boolean
        }
    }
}

/// The constant at a place.
pub(super) fn constant<'a>(
    args: &'a ScalarFunctionArgs,
    index: usize,
    function: &str,
    name: &str,
) -> Result<&'a ScalarValue> {
    match &args.args[index] {
        ColumnarValue::Scalar(value) => Ok(value),
        ColumnarValue::Array(_) => plan_err!("{function}: argument `{name}` must be a constant"),
    }
}

/// The seed: 0 unless it is given.
pub(super) fn seed(args: &ScalarFunctionArgs, function: &str) -> Result<u64> {
    if args.args.len() < 3 {
        return Ok(0);
    }
    match constant(args, 2, function, "seed")? {
        ScalarValue::Int64(Some(seed)) => Ok(seed.cast_unsigned()),
        other => plan_err!("{function}: argument `seed` must be a whole number, not {other}"),
    }
}

/// What is said of each key, NULL where it is missing.
pub(super) fn by_key<A: Array + FromIterator<Option<T>> + 'static, T>(
    args: &ScalarFunctionArgs,
    say: impl Fn(&str) -> T,
) -> Result<ColumnarValue> {
    let of = |keys: &ArrayRef| -> Result<ArrayRef> {
        let keys = cast(keys, &DataType::Utf8)?;
        let keys: &StringArray = keys.as_string();
        let said = keys.iter().map(|key| key.map(&say));
        Ok(std::sync::Arc::new(said.collect::<A>()))
    };
    match &args.args[0] {
        ColumnarValue::Array(keys) => Ok(ColumnarValue::Array(of(keys)?)),
        ColumnarValue::Scalar(key) => {
            let said = of(&key.to_array()?)?;
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &said, 0,
            )?))
        }
    }
}

/// Calls of these functions in tests.
#[cfg(test)]
pub(super) mod testing {
    use std::sync::Arc;

    use arrow::datatypes::Field;
    use datafusion_common::config::ConfigOptions;
    use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

    use super::*;

    /// The results of a call over a column of keys, its types coerced.
    pub(crate) fn call(
        udf: &ScalarUDF,
        keys: &ArrayRef,
        constants: &[ScalarValue],
    ) -> Result<ArrayRef> {
        let mut given = vec![keys.data_type().clone()];
        given.extend(constants.iter().map(ScalarValue::data_type));
        let types = udf.coerce_types(&given)?;
        let return_type = udf.return_type(&types)?;
        let mut args = vec![ColumnarValue::Array(cast(keys, &types[0])?)];
        for (constant, data_type) in constants.iter().zip(&types[1..]) {
            args.push(ColumnarValue::Scalar(constant.cast_to(data_type)?));
        }
        let fields = types
            .into_iter()
            .map(|data_type| Arc::new(Field::new("x", data_type, true)));
        let result = udf.invoke_with_args(ScalarFunctionArgs {
            args,
            arg_fields: fields.collect(),
            number_rows: keys.len(),
            return_field: Arc::new(Field::new("r", return_type, true)),
            config_options: Arc::new(ConfigOptions::default()),
        })?;
        result.into_array(keys.len())
    }
}
