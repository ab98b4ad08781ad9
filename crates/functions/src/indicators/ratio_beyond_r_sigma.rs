//! `ratio_beyond_r_sigma(x, r)`: the share of values far from the mean.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | fewer than two                 | NULL              |
//! | all equal                      | NULL              |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::indicators::ratio_beyond_sigma;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Share of values whose distance from the mean is above `r` population standard deviations, as `tsfresh.ratio_beyond_r_sigma`: 0.0027 for normal values and r = 3. NULL below two values or when all are equal.",
    syntax_example = "ratio_beyond_r_sigma(x, r)",
    sql_example = r#"```sql
SELECT asset_id, ratio_beyond_r_sigma(vibration_g, 3) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "r",
        description = "How many standard deviations: a constant, 0 or more."
    ),
    related_udf(name = "kurtosis"),
    related_udf(name = "spike_count")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RatioBeyondRSigma;

impl CollectedFunction for RatioBeyondRSigma {
    const NAME: &'static str = "ratio_beyond_r_sigma";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("r", DataType::Float64)];

    const REQUIRED: usize = 1;

    type Row = f64;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<f64, f64>> {
        let r = call.float("r", 1.0, "a number, 0 or more", |r| r >= 0.0)?;
        Ok(Formula::new(move |values: &[f64]| {
            ratio_beyond_sigma(values, r)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    fn case(options: Vec<datafusion_common::ScalarValue>) -> Case {
        Case::with(Collected::udf(RatioBeyondRSigma), options)
    }

    #[test]
    fn values_far_from_the_mean_are_counted() {
        case(vec![1.0_f64.into()]).check(
            &[values(&[0.0, 0.0, f64::NAN, 0.0, 8.0])],
            Some(0.25),
            1e-12,
        );
        case(vec![2.0_f64.into()]).check(&[values(&[0.0, 0.0, 0.0, 8.0])], Some(0.0), 1e-12);
        case(vec![0.0_f64.into()]).check(&[values(&[0.0, 8.0])], Some(1.0), 1e-12);
        case(vec![1.0_f64.into()]).check(&[values(&[5.0, 5.0])], None, 1e-12);
        case(vec![1.0_f64.into()]).check(&[values(&[5.0])], None, 1e-12);
        case(vec![1.0_f64.into()]).check(&[values(&[])], None, 1e-12);
    }

    #[test]
    fn r_must_make_sense() {
        let error = case(vec![(-1.0_f64).into()]).error(&[values(&[1.0, 2.0])]);
        assert!(
            error
                .contains("ratio_beyond_r_sigma: argument `r` must be a number, 0 or more, not -1"),
            "{error}"
        );
    }
}
