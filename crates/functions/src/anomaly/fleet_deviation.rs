//! `fleet_deviation(x[, normalize])`: how far a machine is from the others at the same time.
//!
//! | row                                                    | result                                    |
//! |--------------------------------------------------------|-------------------------------------------|
//! | fewer than two other rows in the frame                 | NULL                                      |
//! | the value is NULL, NaN or infinite                     | NULL; other rows are not compared with it |
//! | more than half of the others are equal, the same value | 0                                         |
//! | more than half of the others are equal, another value  | ±infinity; normalised, 1                  |

use analytics::anomaly::Fleet;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use super::finish;
use crate::window::{Argument, Arguments, WindowFunction, framed};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "How far a machine is from its peers: the distance from the median of the other rows of the frame, in units of 1.4826 times their median absolute deviation; negative below them. Partition by the time, or by a bin of it, so that the frame is the fleet. NULL with fewer than two peers. Where more than half of the peers are equal, 0 for the same value and infinity for another.",
    syntax_example = "fleet_deviation(x[, normalize]) OVER (…)",
    sql_example = r#"```sql
SELECT minute, asset_id, fleet_deviation(v) OVER (PARTITION BY minute) AS deviation
FROM (SELECT date_bin(INTERVAL '1 minute', time) AS minute, asset_id, avg(vibration_g) AS v FROM sensor_data GROUP BY minute, asset_id);
```"#,
    argument(
        name = "x",
        description = "What the machines are compared by, any numeric type. A row where it is NULL, NaN or infinite has no score, and others are not compared with it."
    ),
    argument(
        name = "normalize",
        description = "A constant: whether to give the chance that a normal value is nearer to the centre, from 0 to 1, in place of the score. Default false."
    ),
    related_udf(name = "robust_zscore"),
    related_udf(name = "hotelling_t2")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct FleetDeviation;

impl WindowFunction for FleetDeviation {
    const NAME: &'static str = "fleet_deviation";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value],
        &[Argument::Value, Argument::Flag("normalize")],
    ];

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let finish = finish(arguments)?;
        Ok(framed(arguments, Fleet::default(), finish))
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
        WindowCase::with(Window::udf(FleetDeviation), constants)
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
                1.6862243754902042,
                -0.8993196669281089,
                NAN,
                0.22482991673202724,
                -0.5058673126470612,
                2.023469250588245,
                9.105611627647102,
                -0.16862243754902043,
            ],
        );
        case(vec![]).check_frames(
            &x,
            |row| row.saturating_sub(4)..row + 1,
            &[
                NAN,
                NAN,
                -1.124149583660136,
                NAN,
                0.6744897501960817,
                -0.5058673126470612,
                5.395918001568654,
                5.8455778350327074,
                -0.5901785314215715,
            ],
        );
        case(vec![]).check_frames(
            &x,
            |row| row.saturating_sub(5)..row,
            &[
                NAN,
                NAN,
                -1.124149583660136,
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
        case(vec![]).check_frames(&x, |row| 0..row, &[NAN, NAN, 0.0, 0.0, 0.0, f64::INFINITY]);
        case(vec![true.into()]).check_frames(&x, |row| 0..row, &[NAN, NAN, 0.0, 0.0, 0.0, 1.0]);
        case(vec![]).check_frames(&[values(&[])], |_| 0..0, &[]);
    }
}
