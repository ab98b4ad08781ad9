//! `weibull_hazard(age, shape, scale)`: `shape/scale · (age/scale)^(shape − 1)`.
//!
//! | arguments                     | result |
//! |-------------------------------|--------|
//! | any is NULL, NaN or infinite  | NULL   |
//! | shape or scale not above 0    | NULL   |
//! | an age below 0                | as 0   |
//! | age 0, a shape below 1        | NULL: it is infinite |

use analytics::reliability::weibull_hazard;
use arrow::array::ArrayRef;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Failures per unit of time among those alive at an age, `shape / scale * (age / scale)^(shape - 1)`: falls with age below a shape of 1, rises above it. NULL when shape or scale is not above 0, and at age 0 with a shape below 1.",
    syntax_example = "weibull_hazard(age, shape, scale)",
    sql_example = r#"```sql
SELECT pump_id, weibull_hazard(hours, fit['shape'], fit['scale']) AS failures_per_hour
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
    related_udf(name = "weibull_survival")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct WeibullHazard;

impl FloatScalar<3> for WeibullHazard {
    const NAME: &'static str = "weibull_hazard";

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 3]>>) -> ArrayRef {
        floats(rows, |[age, shape, scale]| {
            weibull_hazard(age, shape, scale)
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
        check_row(Scalar::udf(WeibullHazard), &args, expected);
    }

    // Expected: scipy.stats 1.17.1, weibull_min.pdf over weibull_min.sf.
    #[test]
    fn wear_raises_the_hazard() {
        check(&[800.0, 2.0, 1000.0], Some(0.0016));
        check(&[400.0, 1.0, 1000.0], Some(0.001));
        check(&[50.0, 0.7, 1000.0], Some(0.0017195192365621068));
        check(&[0.0, 0.7, 1000.0], None);
        check(&[0.0, 2.0, 1000.0], Some(0.0));
        check(&[800.0, -2.0, 1000.0], None);
    }
}
