//! `miner_damage(value, time, sn_slope, sn_intercept)`: the share of its life that a load has used up.
//!
//! Rainflow cycles, each of which uses up `count / N` of the life along the S-N line `log10 N = sn_intercept − sn_slope · log10 range`
//! (Basquin; `m` and `log10 a` of DNV-RP-C203), added up by Palmgren and Miner.
//!
//! | rows                                   | result                        |
//! |----------------------------------------|-------------------------------|
//! | fewer than two                         | NULL                          |
//! | all equal                              | 0: nothing moved              |
//! | NULL, NaN, infinity in value or time   | skipped                       |

use analytics::fatigue::{SnLine, miner_damage};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Fatigue"),
    description = "Cumulative fatigue damage of a load by Palmgren and Miner: its rainflow cycles against the S-N line `log10 N = sn_intercept - sn_slope * log10 range`. Failure is expected at 1. NULL below two rows, 0 when the load never changes.",
    syntax_example = "miner_damage(value, time, sn_slope, sn_intercept)",
    sql_example = r#"```sql
SELECT asset_id, miner_damage(stress_mpa, time, 3, 12.164) AS damage FROM loads GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The load in the unit of the S-N line, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    argument(
        name = "sn_slope",
        description = "The slope m of the S-N line: a constant above 0."
    ),
    argument(
        name = "sn_intercept",
        description = "The decadic logarithm of the cycles that a range of 1 allows: a constant."
    ),
    related_udf(name = "rainflow")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct MinerDamage;

impl CollectedFunction for MinerDamage {
    const NAME: &'static str = "miner_damage";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("sn_slope", DataType::Float64),
        ("sn_intercept", DataType::Float64),
    ];

    const REQUIRED: usize = 2;

    type Row = Timed;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, f64>> {
        // Both are required, so the defaults are never taken.
        let slope = call.float("sn_slope", 3.0, "a number above 0", |slope| slope > 0.0)?;
        let intercept = call.float("sn_intercept", 12.0, "a number", |_| true)?;
        let line = SnLine { slope, intercept };
        Ok(Formula::new(move |rows| {
            miner_damage(&Timed::values(rows), line)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};

    fn case(slope: f64, intercept: f64) -> Case {
        Case::with(
            Collected::udf(MinerDamage),
            vec![slope.into(), intercept.into()],
        )
    }

    // Expected: the cycles of the Python package rainflow 3.2.0, and the formula.
    #[test]
    fn cycles_use_up_the_life() {
        let loads = [-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0];
        case(3.0, 6.0).check(&signal(&loads), Some(1094.0e-6), 1e-12);
        case(2.0, 5.0).check(&signal(&[0.0, 10.0, 0.0, 10.0]), Some(1.5e-3), 1e-12);
    }

    #[test]
    fn a_load_that_does_not_move_does_no_damage() {
        case(3.0, 6.0).check(&signal(&[5.0; 4]), Some(0.0), 0.0);
        case(3.0, 6.0).check(&signal(&[5.0, f64::NAN]), None, 0.0);
        case(3.0, 6.0).check(&signal(&[]), None, 0.0);
    }

    #[test]
    fn the_line_must_fall() {
        let error = case(0.0, 6.0).error(&signal(&[1.0]));
        assert!(
            error.contains("miner_damage: argument `sn_slope` must be a number above 0, not 0"),
            "{error}"
        );
        let error = case(3.0, f64::NAN).error(&signal(&[1.0]));
        assert!(error.contains("`sn_intercept` must be a number"), "{error}");
    }
}
