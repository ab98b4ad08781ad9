//! `pf_score(pf[, lo, hi])`: `100 · clamp((pf − lo) / (hi − lo), 0, 1)`.
//!
//! | arguments                     | result               |
//! |-------------------------------|----------------------|
//! | any is NULL, NaN or infinite  | NULL                 |
//! | constant limits, not rising   | an error             |
//! | limits from columns, likewise | NULL in such rows    |

use analytics::motor::{PF_HI, PF_LO, pf_score};
use arrow::array::ArrayRef;
use datafusion_common::{Result, exec_err};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Motors"),
    description = "Power factor efficiency score: 0 at a power factor of `lo` and below, 100 at `hi` and above, linear between.",
    syntax_example = "pf_score(power_factor[, lo, hi])",
    sql_example = r#"```sql
SELECT time, asset_id, pf_score(power_factor) AS power_factor_efficiency_score FROM sensor_data;
```"#,
    argument(name = "power_factor", description = "The power factor, 0 to 1."),
    argument(
        name = "lo",
        description = "The power factor that scores 0. Default 0.8."
    ),
    argument(
        name = "hi",
        description = "The power factor that scores 100; must be above `lo`. Default 1.0."
    ),
    related_udf(name = "voltage_stability"),
    related_udf(name = "power_vibration_ratio")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PfScore;

impl FloatScalar<3> for PfScore {
    const NAME: &'static str = "pf_score";

    const DEFAULTS: &'static [f64] = &[PF_LO, PF_HI];

    fn check_constants([_, lo, hi]: [Option<f64>; 3]) -> Result<()> {
        match (lo, hi) {
            (Some(lo), Some(hi)) if lo >= hi => {
                exec_err!("pf_score: `lo` ({lo}) must be below `hi` ({hi})")
            }
            _ => Ok(()),
        }
    }

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 3]>>) -> ArrayRef {
        floats(rows, |[power_factor, lo, hi]| {
            pf_score(power_factor, lo, hi)
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
    use crate::testing::{check_row, error_of};

    #[test]
    fn pf_score_is_linear_between_its_limits() {
        let check =
            |args: &[Option<f64>], expected| check_row(Scalar::udf(PfScore), args, expected);
        check(&[Some(0.9)], Some(50.0));
        check(&[Some(0.7)], Some(0.0));
        check(&[Some(1.0)], Some(100.0));
        check(&[Some(0.9), Some(0.6)], Some(75.0));
        check(&[Some(0.6), Some(0.5), Some(0.9)], Some(25.0));
        check(&[None], None);
        check(&[Some(f64::NAN)], None);
        check(&[Some(f64::INFINITY)], None);
        check(&[Some(0.9), None, Some(1.0)], None);
    }

    #[test]
    fn pf_score_refuses_limits_that_do_not_rise() {
        let error = error_of(Scalar::udf(PfScore), &[Some(0.9), Some(1.0), Some(0.8)]);
        assert!(
            error.contains("pf_score: `lo` (1) must be below `hi` (0.8)"),
            "{error}"
        );
        let error = error_of(Scalar::udf(PfScore), &[Some(0.9), Some(1.5)]);
        assert!(
            error.contains("pf_score: `lo` (1.5) must be below `hi` (1)"),
            "{error}"
        );
    }
}
