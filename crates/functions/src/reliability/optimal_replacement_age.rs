//! `optimal_replacement_age(shape, scale, cost_planned, cost_failure)`: the age replacement of Barlow and Hunter (1960).
//!
//! | arguments                     | result |
//! |-------------------------------|--------|
//! | any is NULL, NaN or infinite  | NULL   |
//! | a shape of 1 or below         | NULL: what does not wear is not worth replacing early |
//! | a failure costs no more than a replacement | NULL |
//! | scale or planned cost not above 0 | NULL |

use analytics::reliability::optimal_replacement_age;
use arrow::array::ArrayRef;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Age at which to replace what wears, so that the cost per time is least (Barlow and Hunter 1960). In the unit of `scale`. NULL when replacing early never pays: a shape of 1 or below, or a failure that costs no more than a replacement.",
    syntax_example = "optimal_replacement_age(shape, scale, cost_planned, cost_failure)",
    sql_example = r#"```sql
SELECT model, optimal_replacement_age(fit['shape'], fit['scale'], 400, 5000) AS hours
FROM (SELECT model, weibull_fit(hours, failed) AS fit FROM lifetimes GROUP BY model);
```"#,
    argument(
        name = "shape",
        description = "The shape of the Weibull distribution, above 0: below 1 early failures, 1 chance, above 1 wear."
    ),
    argument(
        name = "scale",
        description = "Its scale, above 0: the age by which 63 % have failed, in the unit of the age."
    ),
    argument(
        name = "cost_planned",
        description = "What a planned replacement costs, above 0."
    ),
    argument(
        name = "cost_failure",
        description = "What a failure costs, its replacement included."
    ),
    related_udf(name = "weibull_fit"),
    related_udf(name = "conditional_rul")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct OptimalReplacementAge;

impl FloatScalar<4> for OptimalReplacementAge {
    const NAME: &'static str = "optimal_replacement_age";

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 4]>>) -> ArrayRef {
        floats(rows, |[shape, scale, planned, failure]| {
            optimal_replacement_age(shape, scale, planned, failure)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::scalar::Scalar;
    use crate::testing::{call_row, check_row};

    fn check(args: &[f64], expected: Option<f64>) {
        let args: Vec<Option<f64>> = args.iter().copied().map(Some).collect();
        check_row(Scalar::udf(OptimalReplacementAge), &args, expected);
    }

    #[test]
    fn replacing_early_pays_when_things_wear() {
        // Expected: the minimum of the cost per time, scipy.optimize 1.17.1.
        let udf = Scalar::udf(OptimalReplacementAge);
        let args = [3.0, 1000.0, 1.0, 10.0].map(Some);
        let ScalarValue::Float64(Some(age)) = call_row(udf, &args).unwrap() else {
            panic!("a number");
        };
        assert!((age - 382.4555).abs() < 1e-3, "{age}");
        check(&[1.0, 1000.0, 1.0, 10.0], None);
        check(&[3.0, 1000.0, 10.0, 10.0], None);
        check(&[3.0, 1000.0, 0.0, 10.0], None);
        check(&[3.0, 0.0, 1.0, 10.0], None);
    }
}
