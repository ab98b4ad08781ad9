//! `exponential_fit(duration, failed[, confidence])`: an exponential distribution fitted to lifetimes.
//!
//! | lifetimes                                              | result   |
//! |--------------------------------------------------------|----------|
//! | none, or no failure among them                         | NULL     |
//! | NULL, NaN, infinity, or a duration not above 0         | skipped  |

use std::sync::Arc;

use analytics::reliability::{ExponentialFit, ExponentialLives, Lifetime};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{Reading, SummaryFunction};
use crate::collected::output::{floats, integers};
use crate::collected::{Call, Record, Struct};
use crate::rul::confidence;

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Exponential distribution fitted to lifetimes by maximum likelihood, for what fails by chance at any age: `mean`, the mean life, with `lower` and `upper` bounds from chi-squared (Epstein and Sobel 1953), `rate`, failures per unit of time, `log_likelihood`, and the number of `failures`. NULL without failures. Over moving frames at constant cost per row.",
    syntax_example = "exponential_fit(duration, failed[, confidence])",
    sql_example = r#"```sql
SELECT model, exponential_fit(hours, failed)['mean'] AS mean_life FROM lifetimes GROUP BY model;
```"#,
    argument(
        name = "duration",
        description = "How long something lasted, or had lasted when it was last looked at, in any unit. Rows where it is NULL, NaN, infinite, or not above 0 are skipped."
    ),
    argument(
        name = "failed",
        description = "Whether it failed then, true or false or a number that is not 0; if not, it is censored."
    ),
    argument(
        name = "confidence",
        description = "A constant above 0 and below 1: the confidence of the bounds. Default 0.95."
    ),
    related_udf(name = "weibull_fit"),
    related_udf(name = "spare_demand"),
    related_udf(name = "mtbf")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ExponentialFitOf;

impl SummaryFunction for ExponentialFitOf {
    const NAME: &'static str = "exponential_fit";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("confidence", DataType::Float64)];

    type Item = Lifetime;

    type State = ExponentialLives;

    type Output = Struct<ExponentialFit>;

    fn bind(&self, call: &Call) -> Result<Reading<ExponentialLives, Struct<ExponentialFit>>> {
        let confidence = confidence(call)?;
        Ok(Arc::new(move |lives: &ExponentialLives| {
            lives.fit(confidence).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for ExponentialFit {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        let numbers = ["mean", "lower", "upper", "rate", "log_likelihood"];
        let numbers = numbers.map(|name| (name, DataType::Float64));
        let failures = ("failures", DataType::Int64);
        numbers.into_iter().chain([failures]).collect()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |fit| Some(fit.mean)),
            floats(records, |fit| Some(fit.lower)),
            floats(records, |fit| Some(fit.upper)),
            floats(records, |fit| Some(fit.rate)),
            floats(records, |fit| Some(fit.log_likelihood)),
            integers(records, |fit| Some(fit.failures as i64)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregate;
    use crate::collected::testing::{Case, values};

    fn columns(lives: &[(f64, f64)]) -> [ArrayRef; 2] {
        let column =
            |field: fn(&(f64, f64)) -> f64| values(&lives.iter().map(field).collect::<Vec<_>>());
        [column(|life| life.0), column(|life| life.1)]
    }

    const LIVES: [(f64, f64); 8] = [
        (100.0, 1.0),
        (250.0, 1.0),
        (300.0, 0.0),
        (340.0, 1.0),
        (500.0, 1.0),
        (500.0, 0.0),
        (610.0, 1.0),
        (f64::NAN, 1.0),
    ];

    // Expected: 2600 hours with 5 failures; chi-squared by scipy.stats 1.17.1.
    #[test]
    fn lifetimes_are_fitted() {
        let case = Case::new(Aggregate::over(ExponentialFitOf)).approximately(1e-12);
        let expected = [
            ("mean", 520.0),
            ("lower", 222.82533461722716),
            ("upper", 1601.4917130351487),
            ("rate", 1.0 / 520.0),
            ("failures", 5.0),
        ];
        case.check_fields(&columns(&LIVES), Some(&expected), 1e-9);
        case.check_fields(&columns(&[(5.0, 0.0)]), None, 0.0);
        case.check_fields(&columns(&[]), None, 0.0);
    }
}
