//! `sn_scale(x)`: the robust spread S_n of Rousseeuw and Croux, 1.1926 · lomed_i himed_j |x_i − x_j|.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | fewer than two                 | NULL              |
//! | all equal                      | 0                 |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::statistics::sn_scale;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Robust spread S_n of a signal (Rousseeuw and Croux 1993), 1.1926 · lomed_i himed_j |x_i − x_j|: estimates the standard deviation of normal values, resists half of the values being wrong, and needs no centre. No correction for small samples. NULL below two values.",
    syntax_example = "sn_scale(x)",
    sql_example = r#"```sql
SELECT asset_id, sn_scale(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "mad"),
    related_udf(name = "qn_scale")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SnScale;

impl CollectedFunction for SnScale {
    const NAME: &'static str = "sn_scale";

    type Row = f64;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<f64, f64>> {
        Ok(Formula::new(sn_scale))
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
        let case = Case::new(Collected::udf(SnScale));
        // Neighbours one apart; the outlier does not count.
        case.check(
            &[values(&[1.0, 2.0, 3.0, f64::NAN, 4.0, 1e9])],
            Some(2.3852),
            1e-12,
        );
        case.check(&[values(&[5.0, 5.0])], Some(0.0), 0.0);
        case.check(&[values(&[5.0])], None, 0.0);
        case.check(&[values(&[])], None, 0.0);
    }
}
