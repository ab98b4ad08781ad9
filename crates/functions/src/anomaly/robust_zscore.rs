//! `robust_zscore(x[, normalize])`: how many scaled median absolute deviations a row is from the median of its frame.
//!
//! | row                                                           | result                                    |
//! |---------------------------------------------------------------|-------------------------------------------|
//! | fewer than three present rows in the frame                    | NULL                                      |
//! | the value is NULL, NaN or infinite                            | NULL; other rows are not compared with it |
//! | more than half of the frame is equal, the value at the centre | 0                                         |
//! | more than half of the frame is equal, another value           | ±infinity; normalised, 1                  |

use analytics::anomaly::Robust;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use super::finish;
use crate::window::{Argument, Arguments, WindowFunction, framed};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "How far a row is from the median of its frame, in units of 1.4826 times the median absolute deviation, which is the standard deviation of normal values; negative below the median. Outliers in the frame hardly move it. Compares a row with the rows of its frame: `ROWS 99 PRECEDING` takes the row and the 99 before it, `ROWS BETWEEN 100 PRECEDING AND 1 PRECEDING` only those before, no frame and no order all rows of the partition. NULL below three rows. Where more than half of the frame is equal, 0 for the same value and infinity for another.",
    syntax_example = "robust_zscore(x[, normalize]) OVER (…)",
    sql_example = r#"```sql
SELECT time, robust_zscore(current_a) OVER (PARTITION BY asset_id ORDER BY time RANGE INTERVAL '1 hour' PRECEDING) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. A row where it is NULL, NaN or infinite has no score, and others are not compared with it."
    ),
    argument(
        name = "normalize",
        description = "A constant: whether to give the chance that a normal value is nearer to the centre, from 0 to 1, in place of the score. Default false."
    ),
    related_udf(name = "zscore"),
    related_udf(name = "moving_mad"),
    related_udf(name = "hampel_flag")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RobustZscore;

impl WindowFunction for RobustZscore {
    const NAME: &'static str = "robust_zscore";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value],
        &[Argument::Value, Argument::Flag("normalize")],
    ];

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let finish = finish(arguments)?;
        Ok(framed(arguments, Robust::default(), finish))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, values};

    const NAN: f64 = f64::NAN;

    fn case(constants: Vec<datafusion_common::ScalarValue>) -> WindowCase {
        WindowCase::with(Window::udf(RobustZscore), constants)
    }

    const X: [f64; 9] = [2.0, 8.0, 0.0, NAN, 4.0, 1.0, 9.0, 30.0, 3.0];

    // Expected: numpy 2.4.6 and scipy 1.17.1.
    #[test]
    fn rows_are_compared_with_their_frame() {
        let x = [values(&X)];
        case(vec![]).check_frames(
            &x,
            |_| 0..9,
            &[
                -0.33724487509804085,
                1.0117346252941224,
                -0.7869047085620953,
                NAN,
                0.11241495836601362,
                -0.562074791830068,
                1.2365645420261497,
                5.957992793398722,
                -0.11241495836601362,
            ],
        );
        case(vec![]).check_frames(
            &x,
            |row| row.saturating_sub(4)..row + 1,
            &[
                NAN,
                NAN,
                -0.6744897501960817,
                NAN,
                0.33724487509804085,
                -0.5058673126470612,
                2.1920916881372654,
                3.96262728240198,
                -0.22482991673202724,
            ],
        );
        case(vec![]).check_frames(
            &x,
            |row| row.saturating_sub(5)..row,
            &[
                NAN,
                NAN,
                NAN,
                NAN,
                0.6744897501960817,
                -0.6744897501960817,
                2.1920916881372654,
                9.274234065196122,
                -0.5901785314215715,
            ],
        );
    }

    #[test]
    fn without_spread_only_the_centre_is_usual() {
        let x = [values(&[5.0, 5.0, 5.0, 5.0, 5.0, 9.0])];
        case(vec![]).check_frames(&x, |row| 0..row, &[NAN, NAN, NAN, 0.0, 0.0, f64::INFINITY]);
        case(vec![true.into()]).check_frames(&x, |row| 0..row, &[NAN, NAN, NAN, 0.0, 0.0, 1.0]);
        case(vec![]).check_frames(&[values(&[])], |_| 0..0, &[]);
    }
}
