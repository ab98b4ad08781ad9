//! `iqr_score(x[, k[, normalize]])`: how far a row is beyond Tukey's fences around the quartiles of its frame.
//!
//! | row                                                  | result                                    |
//! |------------------------------------------------------|-------------------------------------------|
//! | fewer than three present rows in the frame           | NULL                                      |
//! | the value is NULL, NaN or infinite                   | NULL; other rows are not compared with it |
//! | between the fences                                   | 0                                         |
//! | the middle half of the frame is equal, another value | ±infinity; normalised, 1                  |

use analytics::anomaly::{Quartiles, from_quartiles};
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, framed};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "How far a row is beyond the fences `k` interquartile ranges outside the quartiles of its frame, in interquartile ranges: 0 between the fences, negative below them. Compares a row with the rows of its frame: `ROWS 99 PRECEDING` takes the row and the 99 before it, `ROWS BETWEEN 100 PRECEDING AND 1 PRECEDING` only those before, no frame and no order all rows of the partition. NULL below three rows. Where the middle half of the frame is equal, 0 for the same value and infinity for another.",
    syntax_example = "iqr_score(x[, k[, normalize]]) OVER (…)",
    sql_example = r#"```sql
SELECT time, iqr_score(temperature_c, 1.5) OVER (PARTITION BY asset_id ORDER BY time ROWS 999 PRECEDING) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. A row where it is NULL, NaN or infinite has no score, and others are not compared with it."
    ),
    argument(
        name = "k",
        description = "The distance of the fences: a constant, 0 or more. Default 1.5."
    ),
    argument(
        name = "normalize",
        description = "A constant: whether to give d / (1 + d) of the size d of the score, from 0 to 1, in its place. Default false."
    ),
    related_udf(name = "robust_zscore"),
    related_udf(name = "iqr")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct IqrScore;

impl WindowFunction for IqrScore {
    const NAME: &'static str = "iqr_score";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value],
        &[Argument::Value, Argument::Number("k")],
        &[
            Argument::Value,
            Argument::Number("k"),
            Argument::Flag("normalize"),
        ],
    ];

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let k = arguments.number_or("k", 1.5, "a number, 0 or more", |k| k >= 0.0)?;
        let finish: fn(f64) -> f64 = if arguments.flag("normalize", false)? {
            from_quartiles
        } else {
            std::convert::identity
        };
        Ok(framed(arguments, Quartiles::new(k), finish))
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
        WindowCase::with(Window::udf(IqrScore), constants)
    }

    const X: [f64; 9] = [2.0, 8.0, 0.0, NAN, 4.0, 1.0, 9.0, 30.0, 3.0];

    // Expected: numpy 2.4.6 and scipy 1.17.1.
    #[test]
    fn rows_are_compared_with_their_frame() {
        let x = [values(&X)];
        case(vec![]).check_frames(
            &x,
            |_| 0..9,
            &[0.0, 0.0, 0.0, NAN, 0.0, 0.0, 0.0, 1.8461538461538463, 0.0],
        );
        case(vec![]).check_frames(
            &x,
            |row| row.saturating_sub(4)..row + 1,
            &[NAN, NAN, 0.0, NAN, 0.0, 0.0, 0.0, 0.0, 0.0],
        );
        case(vec![]).check_frames(
            &x,
            |row| row.saturating_sub(5)..row,
            &[NAN, NAN, NAN, NAN, 0.0, 0.0, 0.0, 4.0, 0.0],
        );
    }

    #[test]
    fn without_spread_only_the_centre_is_usual() {
        let x = [values(&[5.0, 5.0, 5.0, 5.0, 5.0, 9.0])];
        case(vec![]).check_frames(&x, |row| 0..row, &[NAN, NAN, NAN, 0.0, 0.0, f64::INFINITY]);
        case(vec![1.5_f64.into(), true.into()]).check_frames(
            &x,
            |row| 0..row,
            &[NAN, NAN, NAN, 0.0, 0.0, 1.0],
        );
        case(vec![]).check_frames(&[values(&[])], |_| 0..0, &[]);
    }

    #[test]
    fn fences_must_make_sense() {
        let error = case(vec![(-1.0_f64).into()]).error(&[values(&[1.0])]);
        assert!(
            error.contains("iqr_score: argument `k` must be a number, 0 or more, not -1"),
            "{error}"
        );
    }
}
