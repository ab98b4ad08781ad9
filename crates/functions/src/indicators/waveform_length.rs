//! `waveform_length(value, time)`: how far a signal moves, the sum of the sizes of its steps.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | fewer than two                       | NULL                                         |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use std::sync::Arc;

use analytics::indicators::Path;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "How far a signal moves from row to row: the sum of the sizes of all steps, in the signal's unit. As `tsfresh.absolute_sum_of_changes`; also called `abs_sum_changes`. NULL below two rows.",
    syntax_example = "waveform_length(value, time)",
    sql_example = r#"```sql
SELECT asset_id, waveform_length(current_a, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    related_udf(name = "cid_ce"),
    related_udf(name = "willison_amplitude")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct WaveformLength;

impl StretchFunction for WaveformLength {
    const NAME: &'static str = "waveform_length";

    const ALIASES: &'static [&'static str] = &["abs_sum_changes"];

    type Stretch = Path;

    type Output = f64;

    fn read(&self, _call: &Call) -> Result<Read<Path, f64>> {
        Ok(Arc::new(Path::length))
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
        Case::with(Collected::udf(OverStretch(WaveformLength)), options)
    }

    #[test]
    fn steps_are_summed_in_the_order_of_time() {
        let values = [1.0, -1.0, f64::NAN, 4.0, 3.0, 5.0];
        case(vec![]).check(&signal(&values), Some(10.0), 1e-12);
    }

    #[test]
    fn too_few_values_give_null() {
        case(vec![]).check(&signal(&[]), None, 1e-12);
        case(vec![]).check(&signal(&[3.0, f64::INFINITY]), None, 1e-12);
        case(vec![]).check(&signal(&[3.0, 3.0]), Some(0.0), 1e-12);
    }
}
