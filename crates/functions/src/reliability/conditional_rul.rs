//! `conditional_rul(age, shape, scale)`: the mean remaining life of what is alive at an age, `∫S(t)dt / S(age)` over t above it.
//!
//! | arguments                     | result |
//! |-------------------------------|--------|
//! | any is NULL, NaN or infinite  | NULL   |
//! | shape or scale not above 0    | NULL   |
//! | an age below 0                | as 0   |

use analytics::reliability::conditional_rul;
use arrow::array::ArrayRef;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Mean remaining life of what is alive at an age, by a Weibull distribution: the integral of the survival after that age over the survival at it. At age 0 the mean life. In the unit of the age. NULL when shape or scale is not above 0.",
    syntax_example = "conditional_rul(age, shape, scale)",
    sql_example = r#"```sql
SELECT pump_id, conditional_rul(hours, fit['shape'], fit['scale']) AS hours_left
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
    related_udf(name = "failure_probability"),
    related_udf(name = "optimal_replacement_age")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConditionalRul;

impl FloatScalar<3> for ConditionalRul {
    const NAME: &'static str = "conditional_rul";

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 3]>>) -> ArrayRef {
        floats(rows, |[age, shape, scale]| {
            conditional_rul(age, shape, scale)
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
        check_row(Scalar::udf(ConditionalRul), &args, expected);
    }

    // Expected: scipy 1.17.1, integrate.quad.
    #[test]
    fn what_wears_has_less_left_the_older_it_is() {
        check(&[0.0, 2.0, 1000.0], Some(886.2269254527579));
        check(&[800.0, 2.0, 1000.0], Some(433.4541114243334));
        check(&[400.0, 1.0, 1000.0], Some(1000.0));
        check(&[800.0, 2.0, 0.0], None);
        check(&[f64::INFINITY, 2.0, 1000.0], None);
    }
}
