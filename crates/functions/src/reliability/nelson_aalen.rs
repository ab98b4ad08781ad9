//! `nelson_aalen(duration, failed[, confidence])`: the cumulative hazard of Nelson (1972) and Aalen (1978).
//!
//! | lifetimes                                              | result   |
//! |--------------------------------------------------------|----------|
//! | none                                                   | NULL     |
//! | NULL, NaN, infinity in a column                        | skipped  |

use analytics::reliability::{HazardPoint, Lifetime, nelson_aalen};
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
    description = "Cumulative hazard of lifetimes without assuming a distribution (Nelson 1972, Aalen 1978): a list with one record per duration for `unnest`: `duration`, how many were `at_risk` and had `failures` then, `hazard`, the sum of failures over those at risk so far, and its `lower` and `upper` bound. A straight line is failure by chance, one that bends up is wear. As `lifelines.NelsonAalenFitter(nelson_aalen_smoothing=False)`. NULL without rows.",
    syntax_example = "nelson_aalen(duration, failed[, confidence])",
    sql_example = r#"```sql
SELECT p['duration'], p['hazard'], p['lower'], p['upper']
FROM (SELECT unnest(nelson_aalen(hours, failed)) AS p FROM lifetimes);
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
    related_udf(name = "kaplan_meier"),
    related_udf(name = "weibull_hazard")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct NelsonAalen;

impl CollectedFunction for NelsonAalen {
    const NAME: &'static str = "nelson_aalen";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("confidence", DataType::Float64)];

    type Row = Lifetime;

    type Output = Vec<HazardPoint>;

    fn bind(&self, call: &Call) -> Result<Formula<Lifetime, Vec<HazardPoint>>> {
        let confidence = confidence(call)?;
        Ok(Formula::new(move |lives: &[Lifetime]| {
            (!lives.is_empty()).then(|| nelson_aalen(lives, confidence))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for HazardPoint {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("duration", DataType::Float64),
            ("at_risk", DataType::Int64),
            ("failures", DataType::Int64),
            ("hazard", DataType::Float64),
            ("lower", DataType::Float64),
            ("upper", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |point| Some(point.duration)),
            integers(records, |point| Some(point.at_risk as i64)),
            integers(records, |point| Some(point.failures as i64)),
            floats(records, |point| Some(point.hazard)),
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
        let case = Case::new(Collected::udf(NelsonAalen));
        let check = |field, expected: [f64; 6]| {
            case.check_list(&columns(&LIVES), field, Some(&expected), 1e-9);
        };
        check("duration", [100.0, 250.0, 300.0, 340.0, 500.0, 610.0]);
        check(
            "hazard",
            [
                0.14285714285714285,
                0.30952380952380953,
                0.30952380952380953,
                0.5595238095238095,
                0.8928571428571428,
                1.8928571428571428,
            ],
        );
        check(
            "lower",
            [
                0.02327246909881446,
                0.08635718000468763,
                0.08635718000468763,
                0.19850536784870362,
                0.3694483014067192,
                1.2483885327227424,
            ],
        );
        check(
            "upper",
            [
                0.8769229933727034,
                1.1094038579876166,
                1.1094038579876166,
                1.5771205424663826,
                2.1577954872592673,
                2.8700264936357294,
            ],
        );
        case.check_list(&columns(&[]), "duration", None, 0.0);
    }
}
