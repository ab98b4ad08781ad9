//! `sample_entropy(value, time[, m[, r]])`: sample entropy: how unpredictable the next value is.
//!
//! | values                                    | result                           |
//! |-------------------------------------------|----------------------------------|
//! | fewer than m + 2                          | NULL                             |
//! | all equal                                 | NULL                             |
//! | no stretches alike, or none that stays so | NULL                             |
//! | more than 20000                           | an error: all pairs are compared |
//! | NULL, NaN, infinity among them            | those rows are skipped           |

use analytics::statistics::sample_entropy;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, QUADRATIC_COUNT_MAX, Timed};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Sample entropy of a signal: minus the logarithm of the share of stretches of `m` rows that are alike and stay alike for one row more. Stretches are alike when no value differs by below `r` standard deviations. Low for regular signals. As `antropy.sample_entropy`. NULL below m + 2 values, when all are equal, or when no stretches are alike. At most 20000 rows per group.",
    syntax_example = "sample_entropy(value, time[, m[, r]])",
    sql_example = r#"```sql
SELECT asset_id, sample_entropy(vibration_g, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows with a NULL, NaN or infinity are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the values: a timestamp or an integer such as a cycle number. Rows without a time are skipped; equal times are ordered by value."
    ),
    argument(
        name = "m",
        description = "A constant: the length of the stretches, 1 to 100. Default 2."
    ),
    argument(
        name = "r",
        description = "A constant: the tolerance in population standard deviations, above 0. Default 0.2."
    ),
    related_udf(name = "approx_entropy"),
    related_udf(name = "perm_entropy")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SampleEntropy;

impl CollectedFunction for SampleEntropy {
    const NAME: &'static str = "sample_entropy";

    const OPTIONS: &'static [(&'static str, DataType)] =
        &[("m", DataType::Int64), ("r", DataType::Float64)];

    const COUNT_MAX: usize = QUADRATIC_COUNT_MAX;

    type Row = Timed;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, f64>> {
        let m = call.count("m", 2, 1, 100)?;
        let r = call.float("r", 0.2, "a number above 0", |r| r > 0.0)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            sample_entropy(&Timed::values(rows), m, r)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};

    #[test]
    fn regular_signals_have_little_entropy() {
        let case = Case::new(Collected::udf(SampleEntropy));
        let ramp = |i: i32| f64::from(i * i % 11) + 0.05 * f64::from(i);
        let x: Vec<f64> = (0..60).map(ramp).chain([f64::NAN]).collect();
        // antropy 0.2.3.
        case.check(&signal(&x), Some(0.10109611687136875), 1e-9);
        case.check(&signal(&[5.0; 9]), None, 0.0);
        case.check(&signal(&[1.0, 2.0, 3.0]), None, 0.0);
        case.check(&signal(&[]), None, 0.0);
        let options = vec![ScalarValue::from(1_i64), ScalarValue::from(0.5)];
        let other = Case::with(Collected::udf(SampleEntropy), options);
        assert_ne!(other.run(&signal(&x)), case.run(&signal(&x)));
    }

    #[test]
    fn options_must_make_sense() {
        let error =
            |options| Case::with(Collected::udf(SampleEntropy), options).error(&signal(&[1.0]));
        let error_m = error(vec![ScalarValue::from(0_i64)]);
        assert!(
            error_m.contains("argument `m` must be a whole number from 1 to 100"),
            "{error_m}"
        );
        let error_r = error(vec![ScalarValue::from(2_i64), ScalarValue::from(0.0)]);
        assert!(
            error_r.contains("argument `r` must be a number above 0"),
            "{error_r}"
        );
    }
}
