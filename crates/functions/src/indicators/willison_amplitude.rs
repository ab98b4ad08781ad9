//! `willison_amplitude(value, time, threshold)`: how often a signal moves by more than a threshold in one step.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | fewer than two                       | NULL                                         |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use std::sync::Arc;

use analytics::indicators::Jumps;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "How often a signal moves by more than `threshold` from one row to the next (Willison 1963). NULL below two rows.",
    syntax_example = "willison_amplitude(value, time, threshold)",
    sql_example = r#"```sql
SELECT asset_id, willison_amplitude(current_a, time, 0.5) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    argument(
        name = "threshold",
        description = "The size that a step must exceed, in the signal's unit: a constant, 0 or more."
    ),
    related_udf(name = "waveform_length"),
    related_udf(name = "slope_sign_changes")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct WillisonAmplitude;

impl StretchFunction for WillisonAmplitude {
    const NAME: &'static str = "willison_amplitude";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("threshold", DataType::Float64)];

    const REQUIRED: usize = 1;

    type Stretch = Jumps;

    type Output = i64;

    fn settings(&self, call: &Call) -> Result<f64> {
        call.float("threshold", 0.0, "a number, 0 or more", |threshold| {
            threshold >= 0.0
        })
    }

    fn read(&self, _call: &Call) -> Result<Read<Jumps, i64>> {
        Ok(Arc::new(Jumps::count))
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
    use crate::stretch::OverStretch;

    fn case(options: Vec<datafusion_common::ScalarValue>) -> Case {
        Case::with(Collected::udf(OverStretch(WillisonAmplitude)), options)
    }

    #[test]
    fn large_steps_are_counted() {
        let values = [1.0, -1.0, f64::NAN, 4.0, 3.0, 5.0];
        case(vec![2.0_f64.into()]).check(&signal(&values), Some(1.0), 1e-12);
        case(vec![0.0_f64.into()]).check(&signal(&values), Some(4.0), 1e-12);
    }

    #[test]
    fn too_few_values_give_null() {
        case(vec![2.0_f64.into()]).check(&signal(&[]), None, 1e-12);
        case(vec![2.0_f64.into()]).check(&signal(&[3.0]), None, 1e-12);
        case(vec![0.0_f64.into()]).check(&signal(&[3.0, 3.0]), Some(0.0), 1e-12);
    }

    #[test]
    fn threshold_must_make_sense() {
        let error = case(vec![f64::NAN.into()]).error(&signal(&[1.0, 2.0]));
        assert!(
            error.contains(
                "willison_amplitude: argument `threshold` must be a number, 0 or more, not NaN"
            ),
            "{error}"
        );
    }
}
