//! `moving_mad(x)`: the median absolute deviation of a frame, in O(log² n) per row.
//!
//! As `scipy.stats.median_abs_deviation` over `Series.rolling(n, min_periods=1)`; not scaled: times 1.4826 it estimates the
//! σ of normal noise.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | none                           | NULL              |
//! | more than half of them equal   | 0                 |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::smoothing::OrderedWindow;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::ordered::{OrderedFunction, Read};

#[user_doc(
    doc_section(label = "Smoothing"),
    description = "Median of the distances from the median over a moving frame: a spread that spikes do not touch. Times 1.4826 it estimates the sigma of normal noise. As `scipy.stats.median_abs_deviation`. Nearly logarithmic time per row however wide the frame is.",
    syntax_example = "moving_mad(x) OVER (… ROWS n PRECEDING)",
    sql_example = r#"```sql
SELECT time, moving_mad(vibration_g) OVER (PARTITION BY asset_id ORDER BY time ROWS 99 PRECEDING) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "moving_median"),
    related_udf(name = "moving_std")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct MovingMad;

impl OrderedFunction for MovingMad {
    const NAME: &'static str = "moving_mad";

    fn read(&self, _constants: &[ScalarValue]) -> Result<Read> {
        Ok(Box::new(OrderedWindow::median_absolute_deviation))
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

    // Expected: scipy 1.17.1, stats.median_abs_deviation.
    #[test]
    fn deviations_of_whole_columns_groups_and_frames() {
        let case = OrderedCase::new(Ordered::udf(MovingMad), vec![]);
        case.check(
            &values(&[2.0, 8.0, 0.0, 4.0, f64::INFINITY, 1.0, 9.0, 9.0, 0.0]),
            Some(3.0),
        );
        case.check(&values(&[4.0, 1.0, 3.0, 2.0]), Some(1.0));
        case.check(&values(&[5.0, 5.0, 5.0, 99.0]), Some(0.0));
        case.check(&values(&[3.0]), Some(0.0));
        case.check(&values(&[]), None);
    }
}
