//! `lognormal_fit(duration, failed[, confidence])`: a lognormal distribution fitted to lifetimes by maximum likelihood.
//!
//! | lifetimes                                              | result   |
//! |--------------------------------------------------------|----------|
//! | none, or no failure among them                         | NULL     |
//! | all of one duration                                    | NULL     |
//! | NULL, NaN, infinity, or a duration not above 0         | skipped  |

use analytics::reliability::{Lifetime, LognormalFit, lognormal_fit};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct};
use crate::rul::confidence;

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Lognormal distribution fitted to lifetimes by maximum likelihood, those that have not ended counting with the chance to last longer: `mu` and `sigma`, mean and standard deviation of the logarithm, with their bounds, `median` and `b10`, the ages by which half and 10 % have failed, `log_likelihood`, and the number of `failures`. As `lifelines.LogNormalFitter`; compare its `log_likelihood` with that of `weibull_fit`. NULL without failures.",
    syntax_example = "lognormal_fit(duration, failed[, confidence])",
    sql_example = r#"```sql
SELECT model, lognormal_fit(hours, failed) FROM lifetimes GROUP BY model;
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
    related_udf(name = "exponential_fit")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LognormalFitOf;

impl CollectedFunction for LognormalFitOf {
    const NAME: &'static str = "lognormal_fit";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("confidence", DataType::Float64)];

    type Row = Lifetime;

    type Output = Struct<LognormalFit>;

    fn bind(&self, call: &Call) -> Result<Formula<Lifetime, Struct<LognormalFit>>> {
        let confidence = confidence(call)?;
        Ok(Formula::new(move |lives: &[Lifetime]| {
            lognormal_fit(lives, confidence).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for LognormalFit {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        let numbers = [
            "mu",
            "mu_lower",
            "mu_upper",
            "sigma",
            "sigma_lower",
            "sigma_upper",
            "median",
            "b10",
            "log_likelihood",
        ];
        let numbers = numbers.map(|name| (name, DataType::Float64));
        let failures = ("failures", DataType::Int64);
        numbers.into_iter().chain([failures]).collect()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |fit| Some(fit.mu.value)),
            floats(records, |fit| Some(fit.mu.lower)),
            floats(records, |fit| Some(fit.mu.upper)),
            floats(records, |fit| Some(fit.sigma.value)),
            floats(records, |fit| Some(fit.sigma.lower)),
            floats(records, |fit| Some(fit.sigma.upper)),
            floats(records, |fit| Some(fit.median)),
            floats(records, |fit| Some(fit.b10)),
            floats(records, |fit| Some(fit.log_likelihood)),
            integers(records, |fit| Some(fit.failures as i64)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
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

    // Expected: lifelines 0.30.3.
    #[test]
    fn lifetimes_are_fitted() {
        let case = Case::new(Collected::udf(LognormalFitOf));
        let expected = [
            ("mu", 5.944677002306232),
            ("mu_lower", 5.393662521195518),
            ("mu_upper", 6.495691483416946),
            ("sigma", 0.6898214323368816),
            ("sigma_lower", 0.3661494432091644),
            ("sigma_upper", 1.2996158189962714),
            ("median", 381.71604798060855),
            ("b10", 157.6906599862561),
            ("log_likelihood", -35.224676328173985),
            ("failures", 5.0),
        ];
        case.check_fields(&columns(&LIVES), Some(&expected), 1e-4);
        case.check_fields(&columns(&[(5.0, 0.0)]), None, 0.0);
        case.check_fields(&columns(&[]), None, 0.0);
        let sure = Case::with(Collected::udf(LognormalFitOf), vec![1.0.into()]);
        let error = sure.error(&columns(&LIVES));
        assert!(
            error.contains("lognormal_fit: argument `confidence` must be"),
            "{error}"
        );
    }
}
