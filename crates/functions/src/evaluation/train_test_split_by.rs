//! `train_test_split_by(key, share[, seed])`: whether a machine is held out for a test.
//!
//! By hash of the key, see [`analytics::evaluation::is_in_share`]; a NULL key gives NULL.

use analytics::evaluation::is_in_share;
use arrow::array::BooleanArray;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion_macros::user_doc;

use super::split;

const NAME: &str = "train_test_split_by";

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Whether a machine is held out for a test: true for about a `share` of the keys, false for those to learn from; all rows of a key are on one side. It follows from a hash of the key and the seed alone, so that a machine stays on its side whatever other machines there are; a greater share holds out those of a smaller one and others. Independent of `kfold_by_group`, whose folds divide those that are left evenly.",
    syntax_example = "train_test_split_by(key, share[, seed])",
    sql_example = r#"```sql
CREATE MODEL rul USING gradient_boosting PREDICT rul GROUP BY unit_number AS
SELECT * FROM features WHERE NOT train_test_split_by(unit_number, 0.2, 42);
```"#,
    argument(
        name = "key",
        description = "What belongs together, the name of a machine say: text, a whole number or a boolean. NULL gives NULL."
    ),
    argument(
        name = "share",
        description = "The share of keys that is held out: a constant from 0 to 1."
    ),
    argument(
        name = "seed",
        description = "A constant whole number: another one holds out others. Default 0."
    ),
    related_udf(name = "kfold_by_group")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TrainTestSplitBy {
    signature: Signature,
}

/// The function as DataFusion takes it.
pub(crate) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(TrainTestSplitBy {
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

impl ScalarUDFImpl for TrainTestSplitBy {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        split::coerce(NAME, ("share", DataType::Float64), arg_types)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let share = match split::constant(&args, 1, NAME, "share")? {
            ScalarValue::Float64(Some(share)) if (0.0..=1.0).contains(share) => *share,
            other => {
                return plan_err!("{NAME}: argument `share` must be from 0 to 1, not {other}");
            }
        };
        let seed = split::seed(&args, NAME)?;
        let is_held_out = |key: &str| is_in_share(key.as_bytes(), share, seed);
        split::by_key::<BooleanArray, bool>(&args, is_held_out)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, StringArray};

    use super::*;
    use crate::collected::testing::integers;

    fn check(constants: &[ScalarValue], expected: &[usize]) {
        let names = StringArray::from_iter_values((0..30).map(|i| format!("pump-{i}")));
        let keys: ArrayRef = Arc::new(names);
        let flags = split::testing::call(&udf(), &keys, constants).unwrap();
        let flags = datafusion_common::cast::as_boolean_array(&flags).unwrap();
        let held_out: Vec<usize> = (0..30).filter(|row| flags.value(*row)).collect();
        assert_eq!(held_out, expected);
    }

    // Expected: xxhash 4.1.0 and splitmix64.
    #[test]
    fn greater_shares_hold_out_more() {
        check(&[0.into()], &[]);
        check(&[0.15.into()], &[12, 14, 18, 25]);
        check(&[0.3.into()], &[12, 13, 14, 18, 20, 22, 25]);
        check(&[1.into()], &(0..30).collect::<Vec<_>>());
    }

    #[test]
    fn arguments_must_make_sense() {
        let error = |constants: &[ScalarValue]| {
            let result = split::testing::call(&udf(), &integers([1]), constants);
            result.unwrap_err().strip_backtrace()
        };
        let message = error(&[1.5.into()]);
        assert!(
            message.contains("argument `share` must be from 0 to 1, not 1.5"),
            "{message}"
        );
        let message = error(&["half".into()]);
        assert!(
            message.contains("train_test_split_by takes a key"),
            "{message}"
        );
    }

    #[test]
    fn missing_keys_are_on_no_side() {
        let keys: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
        let flags = split::testing::call(&udf(), &keys, &[0.5.into()]).unwrap();
        assert_eq!(flags.null_count(), 1);
    }
}
