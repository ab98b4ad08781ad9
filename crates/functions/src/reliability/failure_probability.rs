//! `failure_probability(age, horizon, shape, scale)`: `1 − S(age + horizon) / S(age)`.
//!
//! | arguments                     | result |
//! |-------------------------------|--------|
//! | any is NULL, NaN or infinite  | NULL   |
//! | shape or scale not above 0    | NULL   |
//! | an age below 0                | as 0   |
//! | a horizon below 0             | 0      |

use analytics::reliability::failure_probability;
use arrow::array::ArrayRef;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Chance that what is alive at an age fails within a horizon, by a Weibull distribution: `1 - S(age + horizon) / S(age)`. NULL when shape or scale is not above 0.",
    syntax_example = "failure_probability(age, horizon, shape, scale)",
    sql_example = r#"```sql
SELECT pump_id, failure_probability(hours, 168, fit['shape'], fit['scale']) AS within_a_week
FROM pumps, (SELECT weibull_fit(hours, failed) AS fit FROM lifetimes);
```"#,
    argument(name = "age", description = "The age; below 0 counts as 0."),
    argument(
        name = "horizon",
        description = "How far ahead, in the unit of the age."
    ),
    argument(
        name = "shape",
        description = "The shape of the Weibull distribution, above 0: below 1 early failures, 1 chance, above 1 wear."
    ),
    argument(
        name = "scale",
        description = "Its scale, above 0: the age by which 63 % have failed, in the unit of the age."
    ),
    related_udf(name = "conditional_rul"),
    related_udf(name = "weibull_survival")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct FailureProbability;

impl FloatScalar<4> for FailureProbability {
    const NAME: &'static str = "failure_probability";

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 4]>>) -> ArrayRef {
        floats(rows, |[age, horizon, shape, scale]| {
            failure_probability(age, horizon, shape, scale)
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
        check_row(Scalar::udf(FailureProbability), &args, expected);
    }

    // Expected: scipy.stats 1.17.1, weibull_min.sf.
    #[test]
    fn the_chance_is_that_of_survivors() {
        check(&[800.0, 100.0, 2.0, 1000.0], Some(0.15633518340361627));
        check(&[0.0, 100.0, 2.0, 1000.0], Some(0.009950166250831949));
        check(&[9000.0, 100.0, 3.5, 1000.0], Some(1.0));
        check(&[800.0, 0.0, 2.0, 1000.0], Some(0.0));
        check(&[800.0, -5.0, 2.0, 1000.0], Some(0.0));
        check(&[800.0, 100.0, 2.0, 0.0], None);
    }
}
