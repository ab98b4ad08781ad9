//! `rul_label(time, failure_time[, cap])`: the remaining life of a row of a run to failure, to train on.
//!
//! | row                                   | result                                        |
//! |---------------------------------------|-----------------------------------------------|
//! | before the failure                    | `failure_time − time`, at most `cap`          |
//! | after the failure                     | NULL: there is nothing left to predict        |
//! | any argument is NULL, NaN or infinite | NULL                                          |
//! | a cap of zero or below                | an error; from a column, NULL in such rows    |

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use datafusion_common::{Result, ScalarValue, exec_err, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion_macros::user_doc;

use crate::scalar::evaluate_rows;

const NANOS_PER_SECOND: f64 = 1e9;

/// The function as DataFusion takes it.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(RulLabel {
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

#[user_doc(
    doc_section(label = "Remaining useful life"),
    description = "Remaining life of each row of a run to failure, to train a model on: `failure_time - time`, in seconds or in units of the number, at most `cap`, because a machine that is as new shows no sign of when it will fail. NULL after the failure.",
    syntax_example = "rul_label(time, failure_time[, cap])",
    sql_example = r#"```sql
SELECT *, rul_label(time_cycles, max(time_cycles) OVER (PARTITION BY unit_number), 125) AS rul FROM engines;
```"#,
    argument(
        name = "time",
        description = "The time of the row: a timestamp, or a number such as a cycle."
    ),
    argument(
        name = "failure_time",
        description = "When it failed, of the same kind."
    ),
    argument(
        name = "cap",
        description = "The greatest label, above 0. Default: none."
    ),
    related_udf(name = "phm08_score"),
    related_udf(name = "rul_linear")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
struct RulLabel {
    signature: Signature,
}

impl ScalarUDFImpl for RulLabel {
    fn name(&self) -> &str {
        "rul_label"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        use DataType::{Float64, Timestamp};
        let is_time =
            |given: &DataType| matches!(given, Timestamp(..) | DataType::Date32 | DataType::Date64);
        let is_number = |given: &DataType| given.is_numeric() || given.is_null();
        let (times, cap) = match arg_types {
            [_, _] => (arg_types, &[][..]),
            [_, _, cap] if is_number(cap) => arg_types.split_at(2),
            _ => return plan_err!("rul_label takes (time, failure_time[, cap]), cap a number"),
        };
        let time = if times.iter().all(is_number) {
            Float64
        } else if times.iter().all(|given| is_time(given) || given.is_null()) {
            Timestamp(TimeUnit::Nanosecond, None)
        } else {
            return plan_err!(
                "rul_label: time and failure_time must be two numbers or two timestamps, not {} and {}",
                times[0],
                times[1]
            );
        };
        let cap = cap.iter().map(|_| Float64);
        Ok([time.clone(), time].into_iter().chain(cap).collect())
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let Some(ColumnarValue::Scalar(ScalarValue::Float64(Some(cap)))) = args.args.get(2)
            && *cap <= 0.0
        {
            return exec_err!("rul_label: `cap` ({cap}) must be above 0");
        }
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let left = left(&arrays[0], &arrays[1])?;
        let caps = arrays.get(2).map(|caps| caps.as_primitive::<Float64Type>());
        let label = |row: usize| {
            let left = left[row].filter(|left| left.is_finite() && *left >= 0.0)?;
            match caps {
                None => Some(left),
                Some(caps) if caps.is_null(row) => None,
                Some(caps) => {
                    let cap = caps.value(row);
                    (cap.is_finite() && cap > 0.0).then(|| left.min(cap))
                }
            }
        };
        evaluate_rows(&args, |row_count| {
            Arc::new((0..row_count).map(label).collect::<Float64Array>())
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The time from each row to its failure, which may be past.
fn left(times: &ArrayRef, failures: &ArrayRef) -> Result<Vec<Option<f64>>> {
    if let (Some(times), Some(failures)) = (
        times.as_primitive_opt::<Float64Type>(),
        failures.as_primitive_opt::<Float64Type>(),
    ) {
        let pairs = times.iter().zip(failures.iter());
        return Ok(pairs
            .map(|(time, failure)| Some(failure? - time?))
            .collect());
    }
    let nanos = |column: &ArrayRef| -> Result<Int64Array> {
        Ok(cast(column, &DataType::Int64)?
            .as_primitive::<Int64Type>()
            .clone())
    };
    let (times, failures) = (nanos(times)?, nanos(failures)?);
    let pairs = times.iter().zip(failures.iter());
    Ok(pairs
        .map(|(time, failure)| {
            let left = i128::from(failure?) - i128::from(time?);
            Some(left as f64 / NANOS_PER_SECOND)
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_row, error_of};

    fn check(args: &[f64], expected: Option<f64>) {
        let args: Vec<Option<f64>> = args.iter().copied().map(Some).collect();
        check_row(udf(), &args, expected);
    }

    #[test]
    fn labels_count_down_to_the_failure() {
        check(&[5.0, 200.0], Some(195.0));
        check(&[5.0, 200.0, 125.0], Some(125.0));
        check(&[150.0, 200.0, 125.0], Some(50.0));
        check(&[200.0, 200.0, 125.0], Some(0.0));
        check(&[201.0, 200.0], None);
        check(&[f64::NAN, 200.0], None);
        check(&[1.0, f64::INFINITY], None);
        let error = error_of(udf(), &[Some(1.0), Some(2.0), Some(0.0)]);
        assert!(
            error.contains("rul_label: `cap` (0) must be above 0"),
            "{error}"
        );
    }

    #[test]
    fn timestamps_count_in_seconds() {
        use DataType::{Float64, Int64, Null, Timestamp, Utf8};
        let nanos = Timestamp(TimeUnit::Nanosecond, None);
        let check = |given: &[DataType], expected: Option<&[DataType]>| {
            let coerced = udf().coerce_types(given).ok();
            assert_eq!(coerced.as_deref(), expected, "{given:?}");
        };
        let zoned = Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        check(
            &[zoned, nanos.clone()],
            Some(&[nanos.clone(), nanos.clone()]),
        );
        check(&[Int64, Null, Int64], Some(&[Float64, Float64, Float64]));
        check(&[Int64, nanos.clone()], None);
        check(&[Int64, Int64, Utf8], None);
        check(&[Int64], None);
        let seconds = crate::window::testing::seconds;
        let left = left(
            &seconds(&[1e9, 1.0, -1.0]),
            &seconds(&[1e9 + 1.5, 0.0, 1.0]),
        )
        .unwrap();
        assert_eq!(left, [Some(1.5), Some(-1.0), None]);
    }
}
