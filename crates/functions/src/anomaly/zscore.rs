//! `zscore(x[, normalize])`: how many standard deviations a row is from the mean of its frame.
//!
//! | row                                                        | result                                    |
//! |------------------------------------------------------------|-------------------------------------------|
//! | fewer than two present rows in the frame                   | NULL                                      |
//! | the value is NULL, NaN or infinite                         | NULL; other rows are not compared with it |
//! | all values of the frame are equal, the value at the centre | 0                                         |
//! | all values of the frame are equal, another value           | ±infinity; normalised, 1                  |

use analytics::anomaly::Standard;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use super::finish;
use crate::window::{Argument, Arguments, WindowFunction, framed};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "How many population standard deviations a row is from the mean of its frame, negative below it: as `scipy.stats.zscore` over a whole partition. Compares a row with the rows of its frame: `ROWS 99 PRECEDING` takes the row and the 99 before it, `ROWS BETWEEN 100 PRECEDING AND 1 PRECEDING` only those before, no frame and no order all rows of the partition. NULL below two rows. Where all rows of the frame are equal, 0 for the same value and infinity for another. A row that is part of its own frame of n rows cannot score above (n − 1)/√n.",
    syntax_example = "zscore(x[, normalize]) OVER (…)",
    sql_example = r#"```sql
SELECT time, zscore(vibration_g) OVER (PARTITION BY asset_id ORDER BY time ROWS BETWEEN 100 PRECEDING AND 1 PRECEDING) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. A row where it is NULL, NaN or infinite has no score, and others are not compared with it."
    ),
    argument(
        name = "normalize",
        description = "A constant: whether to give the chance that a normal value is nearer to the centre, from 0 to 1, in place of the score. Default false."
    ),
    related_udf(name = "robust_zscore"),
    related_udf(name = "iqr_score"),
    related_udf(name = "fleet_deviation")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Zscore;

impl WindowFunction for Zscore {
    const NAME: &'static str = "zscore";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value],
        &[Argument::Value, Argument::Flag("normalize")],
    ];

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let finish = finish(arguments)?;
        Ok(framed(arguments, Standard::default(), finish))
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
        WindowCase::with(Window::udf(Zscore), constants)
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
                -0.5604880805441529,
                0.09569308692217245,
                -0.7792151363662614,
                NAN,
                -0.34176102472204445,
                -0.6698516084552071,
                0.20505661483322668,
                2.5016907009653653,
                -0.4511245526330987,
            ],
        );
        case(vec![]).check_frames(
            &x,
            |row| row.saturating_sub(4)..row + 1,
            &[
                NAN,
                1.0,
                -0.9805806756909202,
                NAN,
                0.1690308509457033,
                -0.722897396012249,
                1.5714285714285714,
                1.6761081472866772,
                -0.601954824515307,
            ],
        );
        case(vec![]).check_frames(
            &x,
            |row| row.saturating_sub(5)..row,
            &[
                NAN,
                NAN,
                -1.6666666666666667,
                NAN,
                0.196116135138184,
                -0.8451542547285166,
                1.8474044564757472,
                7.571428571428571,
                -0.7057297462259694,
            ],
        );
    }

    #[test]
    fn without_spread_only_the_centre_is_usual() {
        let x = [values(&[5.0, 5.0, 5.0, 5.0, 5.0, 9.0])];
        case(vec![]).check_frames(&x, |row| 0..row, &[NAN, NAN, 0.0, 0.0, 0.0, f64::INFINITY]);
        case(vec![true.into()]).check_frames(&x, |row| 0..row, &[NAN, NAN, 0.0, 0.0, 0.0, 1.0]);
        case(vec![]).check_frames(&[values(&[])], |_| 0..0, &[]);
    }
}
