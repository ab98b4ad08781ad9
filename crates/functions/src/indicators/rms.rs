//! `rms(x)`: root mean square, `sqrt(mean(x²))`.
//!
//! | values                         | result                     |
//! |--------------------------------|----------------------------|
//! | fewer than two                 | NULL                       |
//! | all zero                       | 0                          |
//! | NULL, NaN, infinity among them | those are skipped          |
//! | magnitudes above about 1e154   | NULL: the squares overflow |

use analytics::indicators::SquareSum;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Root mean square of a signal, `sqrt(mean(x²))`: its energy in its own unit. NULL below two values.",
    syntax_example = "rms(x)",
    sql_example = r#"```sql
SELECT time, rms(vibration_g) OVER (PARTITION BY asset_id ORDER BY time RANGE INTERVAL '1 hour' PRECEDING) AS vibration_intensity_rms
FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "crest_factor"),
    related_udf(name = "peak_to_peak")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rms;

impl FloatAggregate for Rms {
    const NAME: &'static str = "rms";

    type State = SquareSum;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<SquareSum>> {
        Ok(SquareSum::rms)
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
    fn rms_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(Rms);
        case.check(&[3.0, 4.0], Some(12.5_f64.sqrt()));
        case.check(&[-2.0, 2.0, f64::NAN, -2.0], Some(2.0));
        case.check(&[0.0, 0.0], Some(0.0));
        case.check(&[3.0], None);
        case.check(&[], None);
        case.check(&[1e200, 1e200], None);
    }
}
