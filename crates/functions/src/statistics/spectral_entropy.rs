//! `spectral_entropy(value, time[, normalize])`: how evenly the power of a signal is spread over frequencies.
//!
//! | values                         | result                 |
//! |--------------------------------|------------------------|
//! | fewer than two, or all equal   | NULL                   |
//! | times that are not regular     | NULL                   |
//! | NULL, NaN, infinity among them | those rows are skipped |

use analytics::statistics::{is_regular, spectral_entropy};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Spectral entropy of a signal, in bits: the entropy of its periodogram about the mean; low for a pure tone, high for noise. Normalized, it is between 0 and 1. As `antropy.spectral_entropy(method='fft')`. NULL below two values, when all are equal, or when more than 1 % of the steps in time differ by over 10 % from the median step: resample such a signal first.",
    syntax_example = "spectral_entropy(value, time[, normalize])",
    sql_example = r#"```sql
SELECT asset_id, spectral_entropy(vibration_g, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows with a NULL, NaN or infinity are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the values: a timestamp or an integer such as a cycle number. Rows without a time are skipped; equal times are ordered by value."
    ),
    argument(
        name = "normalize",
        description = "A constant: whether to divide by the greatest entropy there can be. Default false."
    ),
    related_udf(name = "perm_entropy"),
    related_udf(name = "shannon_entropy")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SpectralEntropy;

impl CollectedFunction for SpectralEntropy {
    const NAME: &'static str = "spectral_entropy";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("normalize", DataType::Boolean)];

    type Row = Timed;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, f64>> {
        let is_normalized = call.flag("normalize", false)?;
        let has_timestamps = call.has_timestamps();
        Ok(Formula::new(move |rows: &[Timed]| {
            if !is_regular(&Timed::times(rows, has_timestamps)) {
                return None;
            }
            spectral_entropy(&Timed::values(rows), is_normalized)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};

    #[test]
    fn tones_have_little_entropy_and_noise_has_much() {
        let case = Case::new(Collected::udf(SpectralEntropy));
        let x: Vec<f64> = (0..60_i32).map(|i| f64::from(i * i % 11)).collect();
        // antropy 0.2.3.
        case.check(&signal(&x), Some(2.0094281364010604), 1e-9);
        let normalized = Case::with(
            Collected::udf(SpectralEntropy),
            vec![ScalarValue::from(true)],
        );
        normalized.check(&signal(&x), Some(0.4056012338849252), 1e-9);
        case.check(&signal(&[5.0; 9]), None, 0.0);
        case.check(&signal(&[1.0]), None, 0.0);
        case.check(&signal(&[]), None, 0.0);
        let gap = [1.0, 2.0, 1.0, f64::NAN, f64::NAN, 2.0];
        case.check(&signal(&gap), None, 0.0);
    }

    #[test]
    fn normalize_is_true_or_false() {
        let case = Case::with(
            Collected::udf(SpectralEntropy),
            vec![ScalarValue::Boolean(None)],
        );
        let error = case.error(&signal(&[1.0]));
        assert!(
            error.contains("argument `normalize` must be true or false"),
            "{error}"
        );
    }
}
