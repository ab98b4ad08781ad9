//! `hurst(value, time)`: the Hurst exponent, by rescaled range.
//!
//! | values                         | result                 |
//! |--------------------------------|------------------------|
//! | fewer than about ten           | NULL                   |
//! | all equal                      | NULL                   |
//! | NULL, NaN, infinity among them | those rows are skipped |

use analytics::statistics::hurst;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Hurst exponent of a signal by rescaled range, corrected for short windows (Anis and Lloyd 1976): 0.5 without memory, above when rises follow rises, below when they are taken back. As `nolds.hurst_rs(fit='poly')`. NULL when the signal is too short or does not vary.",
    syntax_example = "hurst(value, time)",
    sql_example = r#"```sql
SELECT asset_id, hurst(vibration_g, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows with a NULL, NaN or infinity are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the values: a timestamp or an integer such as a cycle number. Rows without a time are skipped; equal times are ordered by value."
    ),
    related_udf(name = "dfa"),
    related_udf(name = "acf")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Hurst;

impl CollectedFunction for Hurst {
    const NAME: &'static str = "hurst";

    type Row = Timed;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<Timed, f64>> {
        Ok(Formula::new(|rows: &[Timed]| hurst(&Timed::values(rows))))
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

    #[test]
    fn memory_has_an_exponent() {
        let case = Case::new(Collected::udf(Hurst));
        let x: Vec<f64> = (0..120_i64)
            .map(|i| (i * i * i % 101) as f64)
            .chain([f64::NAN])
            .collect();
        // nolds 0.6.3.
        case.check(&signal(&x), Some(0.5527314767638428), 1e-9);
        case.check(&signal(&[5.0; 80]), None, 0.0);
        case.check(&signal(&[1.0, 2.0]), None, 0.0);
        case.check(&signal(&[]), None, 0.0);
    }
}
