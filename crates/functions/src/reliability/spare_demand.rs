//! `spare_demand(rate, horizon, service_level)`: a quantile of the Poisson distribution.
//!
//! | arguments                     | result |
//! |-------------------------------|--------|
//! | any is NULL, NaN or infinite  | NULL   |
//! | rate or horizon below 0       | NULL   |
//! | a level not in 0 to below 1   | NULL   |
//! | more than ten million spares  | NULL   |

use std::sync::Arc;

use analytics::reliability::spare_demand;
use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::FloatScalar;

#[user_doc(
    doc_section(label = "Reliability"),
    description = "How many spares to hold so that they last over a horizon with a given chance, when failures come at a constant rate: the quantile of a Poisson distribution, as `scipy.stats.poisson.ppf`. NULL when the level is not in 0 to below 1.",
    syntax_example = "spare_demand(rate, horizon, service_level)",
    sql_example = r#"```sql
SELECT part, spare_demand(failures_per_day * installed, 90, 0.95) AS spares FROM parts;
```"#,
    argument(
        name = "rate",
        description = "Failures per unit of time, of all that is installed."
    ),
    argument(
        name = "horizon",
        description = "How long the spares must last, in that unit."
    ),
    argument(
        name = "service_level",
        description = "The chance that they do, 0 to below 1."
    ),
    related_udf(name = "weibull_hazard")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SpareDemand;

impl FloatScalar<3> for SpareDemand {
    const NAME: &'static str = "spare_demand";

    const RETURN_TYPE: DataType = DataType::Int64;

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 3]>>) -> ArrayRef {
        let spares = |[rate, horizon, level]: [f64; 3]| spare_demand(rate, horizon, level);
        Arc::new(rows.map(|row| row.and_then(spares)).collect::<Int64Array>())
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
    use crate::testing::call_row;

    fn check(args: &[f64], expected: Option<i64>) {
        let args: Vec<Option<f64>> = args.iter().copied().map(Some).collect();
        let spares = call_row(Scalar::udf(SpareDemand), &args).unwrap();
        assert_eq!(spares, ScalarValue::Int64(expected), "{args:?}");
    }

    // Expected: scipy.stats 1.17.1, poisson.ppf.
    #[test]
    fn spares_last_with_the_chance_asked_for() {
        check(&[0.5, 10.0, 0.95], Some(9));
        check(&[100.0, 1.0, 0.99], Some(124));
        check(&[0.0, 10.0, 0.99], Some(0));
        check(&[1.0, 10.0, 1.0], None);
        check(&[-1.0, 10.0, 0.9], None);
        check(&[f64::NAN, 10.0, 0.9], None);
    }
}
