//! `mode(x)`: the value that occurs most often.
//!
//! | values                         | result               |
//! |--------------------------------|----------------------|
//! | none                           | NULL                 |
//! | several equally often          | the smallest of them |
//! | NULL, NaN, infinity among them | those are skipped    |

use analytics::statistics::mode;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "The value that occurs most often, the smallest of several: the usual step of a coarse sensor or set point. As `scipy.stats.mode`. NULL without values.",
    syntax_example = "mode(x)",
    sql_example = r#"```sql
SELECT asset_id, mode(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "trimmed_mean")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mode;

impl CollectedFunction for Mode {
    const NAME: &'static str = "mode";

    type Row = f64;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<f64, f64>> {
        Ok(Formula::new(mode))
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
    fn mode_is_the_most_frequent_value() {
        let case = Case::new(Collected::udf(Mode));
        case.check(&[values(&[3.0, 1.0, 3.0, f64::NAN, 2.0])], Some(3.0), 0.0);
        case.check(&[values(&[2.0, 1.0, 2.0, 1.0])], Some(1.0), 0.0);
        case.check(&[values(&[7.0])], Some(7.0), 0.0);
        case.check(&[values(&[f64::INFINITY])], None, 0.0);
        case.check(&[values(&[])], None, 0.0);
    }
}
