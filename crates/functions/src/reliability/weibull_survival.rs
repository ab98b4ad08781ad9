//! `weibull_survival(age, shape, scale)`: `exp(−(age/scale)^shape)`.
//!
//! | arguments                     | result |
//! |-------------------------------|--------|
//! | any is NULL, NaN or infinite  | NULL   |
//! | shape or scale not above 0    | NULL   |
//! | an age below 0                | as 0   |

use analytics::reliability::weibull_survival;
use arrow::array::ArrayRef;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Share that is still alive at an age, `exp(-(age / scale)^shape)`. As `scipy.stats.weibull_min.sf`. NULL when shape or scale is not above 0.",
    syntax_example = "weibull_survival(age, shape, scale)",
    sql_example = r#"```sql
SELECT pump_id, weibull_survival(hours, fit['shape'], fit['scale']) AS reliability
FROM pumps, (SELECT weibull_fit(hours, failed) AS fit FROM lifetimes);
```"#,
    argument(name = "age", description = "The age; below 0 counts as 0."),
    argument(
        name = "shape",
        description = "The shape of the Weibull distribution, above 0: below 1 early failures, 1 chance, above 1 wear."
    ),
    argument(
        name = "scale",
        description = "Its scale, above 0: the age by which 63 % have failed, in the unit of the age."
    ),
    related_udf(name = "weibull_fit"),
    related_udf(name = "weibull_hazard"),
    related_udf(name = "failure_probability")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct WeibullSurvival;

impl FloatScalar<3> for WeibullSurvival {
    const NAME: &'static str = "weibull_survival";

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 3]>>) -> ArrayRef {
        floats(rows, |[age, shape, scale]| {
            weibull_survival(age, shape, scale)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Scalar;
    use crate::testing::check_row;

    fn check(args: &[f64], expected: Option<f64>) {
        let args: Vec<Option<f64>> = args.iter().copied().map(Some).collect();
        check_row(Scalar::udf(WeibullSurvival), &args, expected);
    }

    // Expected: scipy.stats 1.17.1, weibull_min.sf.
    #[test]
    fn the_share_alive_falls_with_age() {
        check(&[800.0, 2.0, 1000.0], Some(0.5272924240430485));
        check(&[0.0, 2.0, 1000.0], Some(1.0));
        check(&[-3.0, 2.0, 1000.0], Some(1.0));
        check(&[1e6, 2.0, 1000.0], Some(0.0));
        check(&[800.0, 0.0, 1000.0], None);
        check(&[800.0, 2.0, -1.0], None);
        check(&[f64::NAN, 2.0, 1000.0], None);
    }
}
