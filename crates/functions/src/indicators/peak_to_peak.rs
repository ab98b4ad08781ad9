//! `peak_to_peak(x)`: the largest minus the smallest value.
//!
//! | values                             | result            |
//! |------------------------------------|-------------------|
//! | fewer than two                     | NULL              |
//! | all equal                          | 0                 |
//! | NULL, NaN, infinity among them     | those are skipped |
//! | further apart than a float can say | NULL              |

use analytics::indicators::Extremes;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Distance between the largest and the smallest value of a signal. NULL below two values.",
    syntax_example = "peak_to_peak(x)",
    sql_example = r#"```sql
SELECT date_bin(INTERVAL '1 second', time) AS second, peak_to_peak(current_a)
FROM sensor_data GROUP BY second;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "crest_factor"),
    related_udf(name = "rms")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PeakToPeak;

impl FloatAggregate for PeakToPeak {
    const NAME: &'static str = "peak_to_peak";

    type State = Extremes;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<Extremes>> {
        Ok(Extremes::peak_to_peak)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AggregateCase;

    #[test]
    fn peak_to_peak_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(PeakToPeak);
        case.check(&[1.0, -2.0, 0.5], Some(3.0));
        case.check(&[7.0, f64::NEG_INFINITY, 7.0], Some(0.0));
        case.check(&[7.0], None);
        case.check(&[], None);
        case.check(&[f64::MAX, f64::MIN], None);
    }
}
