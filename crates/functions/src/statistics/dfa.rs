//! `dfa(value, time)`: the exponent of detrended fluctuation analysis.
//!
//! | values                         | result                 |
//! |--------------------------------|------------------------|
//! | fewer than 58                  | NULL                   |
//! | all equal                      | NULL                   |
//! | NULL, NaN, infinity among them | those rows are skipped |

use analytics::statistics::dfa;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Exponent of detrended fluctuation analysis of a signal (Peng et al. 1994): 0.5 for white noise, 1 for 1/f noise, 1.5 for a random walk. As `antropy.detrended_fluctuation`. NULL below 58 values or when the signal does not vary.",
    syntax_example = "dfa(value, time)",
    sql_example = r#"```sql
SELECT asset_id, dfa(vibration_g, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows with a NULL, NaN or infinity are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the values: a timestamp or an integer such as a cycle number. Rows without a time are skipped; equal times are ordered by value."
    ),
    related_udf(name = "hurst"),
    related_udf(name = "acf")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Dfa;

impl CollectedFunction for Dfa {
    const NAME: &'static str = "dfa";

    type Row = Timed;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<Timed, f64>> {
        Ok(Formula::new(|rows: &[Timed]| dfa(&Timed::values(rows))))
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
        let case = Case::new(Collected::udf(Dfa));
        let x: Vec<f64> = (0..120_i64)
            .map(|i| (i * i * i % 101) as f64)
            .chain([f64::NAN])
            .collect();
        // antropy 0.2.3.
        case.check(&signal(&x), Some(0.6856204335984554), 1e-6);
        case.check(&signal(&[5.0; 80]), None, 0.0);
        case.check(&signal(&[1.0, 2.0]), None, 0.0);
        case.check(&signal(&[]), None, 0.0);
    }
}
