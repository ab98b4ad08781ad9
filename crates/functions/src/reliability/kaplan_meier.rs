//! `kaplan_meier(duration, failed[, confidence])`: the survival curve of Kaplan and Meier (1958).
//!
//! | lifetimes                                              | result   |
//! |--------------------------------------------------------|----------|
//! | none                                                   | NULL     |
//! | NULL, NaN, infinity in a column                        | skipped  |

use analytics::reliability::{Lifetime, SurvivalPoint, kaplan_meier};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record};
use crate::rul::confidence;

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Survival curve of lifetimes without assuming a distribution (Kaplan and Meier 1958): a list with one record per duration for `unnest`: `duration`, how many were `at_risk`, how many had `failures` and were `censored` then, `survival`, the share that lasts longer, and its `lower` and `upper` bound (log-log, Greenwood's variance). As `lifelines.KaplanMeierFitter`. NULL without rows.",
    syntax_example = "kaplan_meier(duration, failed[, confidence])",
    sql_example = r#"```sql
SELECT p['duration'], p['survival'], p['lower'], p['upper']
FROM (SELECT unnest(kaplan_meier(hours, failed)) AS p FROM lifetimes);
```"#,
    argument(
        name = "duration",
        description = "How long something lasted, or had lasted when it was last looked at, in any unit. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "failed",
        description = "Whether it failed then, true or false or a number that is not 0; if not, it is censored."
    ),
    argument(
        name = "confidence",
        description = "A constant above 0 and below 1: the confidence of the bounds. Default 0.95."
    ),
    related_udf(name = "nelson_aalen"),
    related_udf(name = "logrank_test"),
    related_udf(name = "weibull_fit")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct KaplanMeier;

impl CollectedFunction for KaplanMeier {
    const NAME: &'static str = "kaplan_meier";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("confidence", DataType::Float64)];

    type Row = Lifetime;

    type Output = Vec<SurvivalPoint>;

    fn bind(&self, call: &Call) -> Result<Formula<Lifetime, Vec<SurvivalPoint>>> {
        let confidence = confidence(call)?;
        Ok(Formula::new(move |lives: &[Lifetime]| {
            (!lives.is_empty()).then(|| kaplan_meier(lives, confidence))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for SurvivalPoint {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("duration", DataType::Float64),
            ("at_risk", DataType::Int64),
            ("failures", DataType::Int64),
            ("censored", DataType::Int64),
            ("survival", DataType::Float64),
            ("lower", DataType::Float64),
            ("upper", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |point| Some(point.duration)),
            integers(records, |point| Some(point.at_risk as i64)),
            integers(records, |point| Some(point.failures as i64)),
            integers(records, |point| Some(point.censored as i64)),
            floats(records, |point| Some(point.survival)),
            floats(records, |point| point.lower),
            floats(records, |point| point.upper),
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
    fn curves_have_a_point_per_duration() {
        let case = Case::new(Collected::udf(KaplanMeier));
        let check = |field, expected: [f64; 6]| {
            case.check_list(&columns(&LIVES), field, Some(&expected), 1e-9);
        };
        check("duration", [100.0, 250.0, 300.0, 340.0, 500.0, 610.0]);
        check("at_risk", [7.0, 6.0, 5.0, 4.0, 3.0, 1.0]);
        check("failures", [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
        check("censored", [0.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
        check(
            "survival",
            [
                0.8571428571428572,
                0.7142857142857143,
                0.7142857142857143,
                0.5357142857142858,
                0.3571428571428571,
                0.0,
            ],
        );
        check(
            "lower",
            [
                0.3340538792922218,
                0.2581536654587949,
                0.2581536654587949,
                0.13198817696263862,
                0.051976519457499495,
                0.0,
            ],
        );
        check(
            "upper",
            [
                0.9785610585261756,
                0.9197974560448583,
                0.9197974560448583,
                0.8249970420397139,
                0.6987130319850487,
                0.0,
            ],
        );
        case.check_list(&columns(&[]), "duration", None, 0.0);
    }
}
