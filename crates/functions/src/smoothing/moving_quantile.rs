//! `moving_quantile(x, q)`: a quantile of a frame, interpolated, in O(log n) per row.
//!
//! As `Series.rolling(n, min_periods=1).quantile(q)` in pandas and `numpy.quantile`.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | none                           | NULL              |
//! | between two ranks              | interpolated      |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::smoothing::OrderedWindow;
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::ordered::{OrderedFunction, Read};

#[user_doc(
    doc_section(label = "Smoothing"),
    description = "Quantile of a signal over a moving frame, interpolated between neighbours, in logarithmic time per row however wide the frame is. As `numpy.quantile`.",
    syntax_example = "moving_quantile(x, q) OVER (… ROWS n PRECEDING)",
    sql_example = r#"```sql
SELECT time, moving_quantile(vibration_g, 0.9) OVER (PARTITION BY asset_id ORDER BY time ROWS 99 PRECEDING) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "q",
        description = "The share of values below the result: a constant from 0 (the minimum) to 1 (the maximum)."
    ),
    related_udf(name = "moving_median")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct MovingQuantile;

impl OrderedFunction for MovingQuantile {
    const NAME: &'static str = "moving_quantile";

    const CONSTANTS: &'static [&'static str] = &["q"];

    fn read(&self, constants: &[ScalarValue]) -> Result<Read> {
        match &constants[0] {
            ScalarValue::Float64(Some(q)) if (0.0..=1.0).contains(q) => {
                let q = *q;
                Ok(Box::new(move |window: &OrderedWindow| window.quantile(q)))
            }
            other => plan_err!(
                "{}: argument `q` must be a number from 0 to 1, not {other}",
                Self::NAME
            ),
        }
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

    // Expected: numpy 2.4.6, quantile.
    #[test]
    fn quantiles_of_whole_columns_groups_and_frames() {
        let case = |q: f64| OrderedCase::new(Ordered::udf(MovingQuantile), vec![q.into()]);
        let x = values(&[2.0, 8.0, 0.0, 4.0, f64::NAN, 1.0, 9.0, 9.0, 0.0]);
        case(0.25).check(&x, Some(0.75));
        case(0.9).check(&x, Some(9.0));
        case(0.8).check(&x, Some(8.6));
        case(0.0).check(&x, Some(0.0));
        case(1.0).check(&x, Some(9.0));
        case(0.3).check(&values(&[5.0]), Some(5.0));
        case(0.3).check(&values(&[]), None);
    }

    #[test]
    fn q_is_a_share() {
        let error = |q| OrderedCase::new(Ordered::udf(MovingQuantile), vec![q]).error();
        for wrong in [
            ScalarValue::from(1.5),
            ScalarValue::from(f64::NAN),
            ScalarValue::Float64(None),
        ] {
            assert!(error(wrong).contains("argument `q` must be a number from 0 to 1"));
        }
    }
}
