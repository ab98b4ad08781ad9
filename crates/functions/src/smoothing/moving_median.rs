//! `moving_median(x)`: the median of a frame, in O(log n) per row.
//!
//! As `Series.rolling(n, min_periods=1).median()` in pandas.
//!
//! | values                         | result                    |
//! |--------------------------------|---------------------------|
//! | none                           | NULL                      |
//! | an even number                 | the mean of the middle two |
//! | NULL, NaN, infinity among them | those are skipped         |

use analytics::smoothing::OrderedWindow;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::ordered::{OrderedFunction, Read};

#[user_doc(
    doc_section(label = "Smoothing"),
    description = "Median of a signal over a moving frame, in logarithmic time per row however wide the frame is. It follows steps and ignores spikes.",
    syntax_example = "moving_median(x) OVER (… ROWS n PRECEDING)",
    sql_example = r#"```sql
SELECT time, moving_median(vibration_g) OVER (PARTITION BY asset_id ORDER BY time ROWS 99 PRECEDING) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "moving_avg"),
    related_udf(name = "moving_mad"),
    related_udf(name = "moving_quantile")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct MovingMedian;

impl OrderedFunction for MovingMedian {
    const NAME: &'static str = "moving_median";

    fn read(&self, _constants: &[ScalarValue]) -> Result<Read> {
        Ok(Box::new(OrderedWindow::median))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::super::ordered::Ordered;
    use super::*;
    use crate::collected::testing::values;
    use crate::smoothing::testing::OrderedCase;

    // Expected: numpy 2.4.6, median.
    #[test]
    fn medians_of_whole_columns_groups_and_frames() {
        let case = OrderedCase::new(Ordered::udf(MovingMedian), vec![]);
        case.check(&values(&[9.0, 1.0, f64::NAN, 3.0]), Some(3.0));
        case.check(
            &values(&[2.0, 8.0, 0.0, 4.0, f64::INFINITY, 1.0, 9.0, 9.0, 0.0]),
            Some(3.0),
        );
        case.check(&values(&[5.0, 5.0]), Some(5.0));
        case.check(&values(&[f64::NAN]), None);
        case.check(&values(&[]), None);
    }
}
