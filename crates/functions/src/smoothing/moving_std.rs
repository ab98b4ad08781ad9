//! `moving_std(x)`: the sample standard deviation of a frame, without what subtracting leaves behind.
//!
//! As `Series.rolling(n, min_periods=2).std()` in pandas. It costs constant time per row over any frame.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | fewer than two                 | NULL              |
//! | all equal                      | 0                 |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::indicators::Spread;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Smoothing"),
    description = "Sample standard deviation of a signal over a moving frame. The same as `stddev`, except that values which have left the frame leave no rounding error behind, that it stays exact for small changes of a large signal, and that NaN and infinities are skipped. NULL below two values.",
    syntax_example = "moving_std(x) OVER (… ROWS n PRECEDING)",
    sql_example = r#"```sql
SELECT time, moving_std(vibration_g) OVER (PARTITION BY asset_id ORDER BY time ROWS 99 PRECEDING) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "ewm_std"),
    related_udf(name = "moving_avg"),
    related_udf(name = "moving_mad")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct MovingStd;

impl FloatAggregate for MovingStd {
    const NAME: &'static str = "moving_std";

    type State = Spread;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<Spread>> {
        Ok(Spread::std_sample)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AggregateCase;

    // Expected: numpy 2.4.6, std(ddof=1).
    #[test]
    fn deviations_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(MovingStd);
        case.check(&[2.0, 8.0, 0.0, f64::NAN, 4.0, 1.0], Some(10.0_f64.sqrt()));
        case.check(
            &[1e9 + 2.0, 1e9 + 8.0, 1e9, 1e9 + 4.0, 1e9 + 1.0],
            Some(10.0_f64.sqrt()),
        );
        case.check(&[7.0; 5], Some(0.0));
        case.check(&[3.0], None);
        case.check(&[], None);
    }
}
