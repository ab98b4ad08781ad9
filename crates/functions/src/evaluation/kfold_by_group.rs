//! `kfold_by_group(key, k[, seed])`: which of `k` folds a machine belongs to.
//!
//! By hash of the key, see [`analytics::evaluation::fold_of`]; a NULL key gives NULL.

use analytics::evaluation::fold_of;
use arrow::array::Int64Array;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion_macros::user_doc;

use super::split;

const NAME: &str = "kfold_by_group";

/// The most folds.
const FOLDS_MAX: i64 = 1_000_000;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "The fold of a machine, from 0 to `k` − 1, for cross-validation in which no machine is learned from and tested on: all rows of a key have one fold. It follows from a hash of the key and the seed alone, and not from sharing keys out so that folds are of one size (as `GroupKFold` of scikit-learn): a machine stays in its fold whatever other machines there are, and every query, statement by statement, agrees on it. So folds are of one size on average only, and of few keys some may be empty. A number and its text have one fold.",
    syntax_example = "kfold_by_group(key, k[, seed])",
    sql_example = r#"```sql
CREATE MODEL rul_fold_0 USING gradient_boosting PREDICT rul GROUP BY unit_number AS
SELECT * FROM features WHERE kfold_by_group(unit_number, 5, 42) <> 0;
```"#,
    argument(
        name = "key",
        description = "What belongs together, the name of a machine say: text, a whole number or a boolean. NULL gives NULL."
    ),
    argument(
        name = "k",
        description = "How many folds: a constant from 1 to 1000000."
    ),
    argument(
        name = "seed",
        description = "A constant whole number: another one gives other folds. Default 0."
    ),
    related_udf(name = "train_test_split_by")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct KfoldByGroup {
    signature: Signature,
}

/// The function as DataFusion takes it.
pub(crate) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(KfoldByGroup {
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

impl ScalarUDFImpl for KfoldByGroup {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        split::coerce(NAME, ("k", DataType::Int64), arg_types)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let count = match split::constant(&args, 1, NAME, "k")? {
            ScalarValue::Int64(Some(count)) if (1..=FOLDS_MAX).contains(count) => *count,
            other => {
                return plan_err!(
                    "{NAME}: argument `k` must be a whole number from 1 to {FOLDS_MAX}, not {other}"
                );
            }
        };
        let seed = split::seed(&args, NAME)?;
        let fold = |key: &str| fold_of(key.as_bytes(), count.cast_unsigned(), seed).cast_signed();
        split::by_key::<Int64Array, i64>(&args, fold)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, StringArray};

    use super::*;
    use crate::collected::testing::integers;

    fn check(keys: ArrayRef, constants: &[ScalarValue], expected: &[Option<i64>]) {
        let folds = split::testing::call(&udf(), &keys, constants).unwrap();
        let expected: Int64Array = expected.iter().copied().collect();
        assert_eq!(folds.as_ref(), &expected as &dyn arrow::array::Array);
    }

    // Expected: xxhash 4.1.0 and splitmix64.
    #[test]
    fn folds_follow_from_the_key_and_the_seed() {
        let pumps = |count: usize| -> ArrayRef {
            let names = (0..count).map(|i| Some(format!("pump-{i}")));
            Arc::new(names.chain([None]).collect::<StringArray>())
        };
        let folds = [3, 2, 0, 0, 0, 4, 2, 1].map(Some);
        check(pumps(8), &[5.into()], &[&folds[..], &[None]].concat());
        let folds = [4, 0, 1, 4, 2, 0, 3, 4].map(Some);
        check(
            pumps(8),
            &[5.into(), 9.into()],
            &[&folds[..], &[None]].concat(),
        );
        let numbers = [0, 3, 4, 2, 3, 0, 4, 3].map(Some);
        check(integers(0..8), &[5.into()], &numbers);
        let texts = StringArray::from_iter_values((0..8).map(|i| i.to_string()));
        check(Arc::new(texts), &[5.into()], &numbers);
    }

    #[test]
    fn arguments_must_make_sense() {
        let error = |keys: &ArrayRef, constants: &[ScalarValue]| {
            let result = split::testing::call(&udf(), keys, constants);
            result.unwrap_err().strip_backtrace()
        };
        let message = error(&integers([1]), &[0.into()]);
        assert!(
            message.contains("argument `k` must be a whole number from 1 to 1000000, not 0"),
            "{message}"
        );
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
        let message = error(&floats, &[2.into()]);
        assert!(message.contains("kfold_by_group takes a key"), "{message}");
    }
}
