//! `qn_scale(x)`: the robust spread Q_n of Rousseeuw and Croux, 2.2191 times the first quartile, roughly, of all |x_i − x_j|.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | fewer than two                 | NULL              |
//! | all equal                      | 0                 |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::statistics::qn_scale;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Robust spread Q_n of a signal (Rousseeuw and Croux 1993), 2.2191 times the first quartile, roughly, of all |x_i − x_j|: estimates the standard deviation of normal values, resists half of the values being wrong, and needs no centre. As `statsmodels.robust.scale.qn_scale`. NULL below two values.",
    syntax_example = "qn_scale(x)",
    sql_example = r#"```sql
SELECT asset_id, qn_scale(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "mad"),
    related_udf(name = "sn_scale")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct QnScale;

impl CollectedFunction for QnScale {
    const NAME: &'static str = "qn_scale";

    type Row = f64;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<f64, f64>> {
        Ok(Formula::new(qn_scale))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    #[test]
    fn distances_between_values_give_the_spread() {
        let case = Case::new(Collected::udf(QnScale));
        // Neighbours one apart; the outlier does not count.
        case.check(
            &[values(&[1.0, 2.0, 3.0, f64::NAN, 4.0, 1e9])],
            Some(2.219144465985076),
            1e-12,
        );
        case.check(&[values(&[5.0, 5.0])], Some(0.0), 0.0);
        case.check(&[values(&[5.0])], None, 0.0);
        case.check(&[values(&[])], None, 0.0);
    }
}
