//! `weibull_fit(duration, failed[, confidence])`: a Weibull distribution fitted to lifetimes by maximum likelihood.
//!
//! | lifetimes                                              | result   |
//! |--------------------------------------------------------|----------|
//! | none, or no failure among them                         | NULL     |
//! | all failures at one duration, nothing lasted longer    | NULL     |
//! | NULL, NaN, infinity, or a duration not above 0         | skipped  |

use analytics::reliability::{Lifetime, WeibullFit, weibull_fit};
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
    description = "Weibull distribution fitted to lifetimes by maximum likelihood, those that have not ended counting with the chance to last longer: `shape` (below 1 early failures, 1 chance, above 1 wear) and `scale` (the age by which 63 % have failed) with their bounds, `b10`, the age by which 10 % have failed, `log_likelihood`, and the number of `failures`. As `lifelines.WeibullFitter`, with bounds that stay above 0 (symmetrical in the logarithm; Meeker and Escobar 1998). NULL without failures.",
    syntax_example = "weibull_fit(duration, failed[, confidence])",
    sql_example = r#"```sql
SELECT model, weibull_fit(hours, failed) FROM lifetimes GROUP BY model;
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
    related_udf(name = "weibull_survival"),
    related_udf(name = "weibull_hazard"),
    related_udf(name = "conditional_rul"),
    related_udf(name = "failure_probability"),
    related_udf(name = "optimal_replacement_age"),
    related_udf(name = "kaplan_meier")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct WeibullFitOf;

impl CollectedFunction for WeibullFitOf {
    const NAME: &'static str = "weibull_fit";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("confidence", DataType::Float64)];

    type Row = Lifetime;

    type Output = Struct<WeibullFit>;

    fn bind(&self, call: &Call) -> Result<Formula<Lifetime, Struct<WeibullFit>>> {
        let confidence = confidence(call)?;
        Ok(Formula::new(move |lives: &[Lifetime]| {
            weibull_fit(lives, confidence).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for WeibullFit {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        let numbers = [
            "shape",
            "shape_lower",
            "shape_upper",
            "scale",
            "scale_lower",
            "scale_upper",
            "b10",
            "log_likelihood",
        ];
        let numbers = numbers.map(|name| (name, DataType::Float64));
        let failures = ("failures", DataType::Int64);
        numbers.into_iter().chain([failures]).collect()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |fit| Some(fit.shape.value)),
            floats(records, |fit| Some(fit.shape.lower)),
            floats(records, |fit| Some(fit.shape.upper)),
            floats(records, |fit| Some(fit.scale.value)),
            floats(records, |fit| Some(fit.scale.lower)),
            floats(records, |fit| Some(fit.scale.upper)),
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
        let case = Case::new(Collected::udf(WeibullFitOf));
        let expected = [
            ("shape", 2.2179974188109663),
            ("shape_lower", 1.0590212799921286),
            ("shape_upper", 4.645338713013089),
            ("scale", 478.9297261716318),
            ("scale_lower", 322.58173718031907),
            ("scale_upper", 711.0560089848399),
            ("b10", 173.63574274605173),
            ("log_likelihood", -34.64462521763626),
            ("failures", 5.0),
        ];
        case.check_fields(&columns(&LIVES), Some(&expected), 1e-4);
        case.check_fields(&columns(&[(5.0, 0.0)]), None, 0.0);
        case.check_fields(&columns(&[]), None, 0.0);
        let sure = Case::with(Collected::udf(WeibullFitOf), vec![1.0.into()]);
        let error = sure.error(&columns(&LIVES));
        assert!(
            error.contains("weibull_fit: argument `confidence` must be"),
            "{error}"
        );
    }
}
