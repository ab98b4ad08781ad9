//! `moving_avg(x)`: the mean of a frame, without the rounding that adding and subtracting leaves behind.
//!
//! As `Series.rolling(n, min_periods=1).mean()` in pandas. It costs constant time per row over any frame.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | none                           | NULL              |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::indicators::Mean;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Smoothing"),
    description = "Mean of a signal over a moving frame. The same as `avg`, except that values which have left the frame leave no rounding error behind, and that NaN and infinities are skipped.",
    syntax_example = "moving_avg(x) OVER (… ROWS n PRECEDING)",
    sql_example = r#"```sql
SELECT time, moving_avg(vibration_g) OVER (PARTITION BY asset_id ORDER BY time ROWS 99 PRECEDING) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "ewma"),
    related_udf(name = "moving_median"),
    related_udf(name = "moving_std")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct MovingAvg;

impl FloatAggregate for MovingAvg {
    const NAME: &'static str = "moving_avg";

    type State = Mean;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<Mean>> {
        Ok(Mean::mean)
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
    fn means_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(MovingAvg);
        case.check(&[2.0, 8.0, 0.0, f64::NAN, 4.0, 1.0], Some(3.0));
        case.check(&[1e9 + 1.0, 1e9 + 2.0], Some(1e9 + 1.5));
        case.check(&[3.0], Some(3.0));
        case.check(&[f64::INFINITY], None);
        case.check(&[], None);
    }
}
