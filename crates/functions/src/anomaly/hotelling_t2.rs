//! `hotelling_t2(x1, x2[, …])`: how far a row is from the rows of its frame in all features at once.
//!
//! | row                                             | result                                                 |
//! |-------------------------------------------------|--------------------------------------------------------|
//! | no more present rows in the frame than features | NULL                                                   |
//! | one of the values is NULL, NaN or infinite      | NULL; other rows are not compared with it              |
//! | a feature does not vary in the frame            | it takes no part; infinity where the row differs in it |
//! | a feature is determined by others               | NULL: the covariance is singular                       |

use analytics::anomaly::Hotelling;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use super::features;
use crate::window::{Argument, Arguments, WindowFunction, framed};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "Hotelling's T²: the squared distance of a row from the mean of its frame, in all features at once and in units of their sample covariance, so that a row stands out which breaks how features move together even where none is unusual by itself. Compares a row with the rows of its frame: `ROWS 99 PRECEDING` takes the row and the 99 before it, `ROWS BETWEEN 100 PRECEDING AND 1 PRECEDING` only those before, no frame and no order all rows of the partition. NULL unless the frame has more rows than there are features, or where a feature is determined by others. A feature that does not vary takes no part. Costs the cube of the number of features per row.",
    syntax_example = "hotelling_t2(x1, x2[, …]) OVER (…)",
    sql_example = r#"```sql
SELECT time, hotelling_t2(voltage_v, current_a, vibration_g) OVER (PARTITION BY asset_id ORDER BY time ROWS 999 PRECEDING) FROM sensor_data;
```"#,
    argument(
        name = "x1, x2, …",
        description = "The features, up to 16 of any numeric type. A row where one is NULL, NaN or infinite has no score, and others are not compared with it."
    ),
    related_udf(name = "spe_q"),
    related_udf(name = "zscore"),
    related_udf(name = "fleet_deviation")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct HotellingT2;

impl WindowFunction for HotellingT2 {
    const NAME: &'static str = "hotelling_t2";

    const FORMS: &'static [&'static [Argument]] = features::FORMS;

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(framed(
            arguments,
            Hotelling::default(),
            std::convert::identity,
        ))
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
        WindowCase::with(Window::udf(HotellingT2), constants)
    }

    const COLUMNS: [[f64; 7]; 3] = [
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
        [2.0, 1.5, 4.0, 3.0, 6.0, 4.0, 9.0],
        [0.5, 0.7, 0.1, 0.9, 0.2, 0.8, 0.3],
    ];

    fn check(expected: [f64; 7], frame: impl Fn(usize) -> std::ops::Range<usize>) {
        let columns = COLUMNS.map(|column| values(&column));
        let case = case(vec![]);
        case.check_frames_to(1e-9, &columns, frame, &expected);
    }

    // Expected: numpy 2.4.6, cov and linalg.solve.
    #[test]
    fn features_are_compared_together() {
        check(
            [
                2.6851880629966827,
                1.190720903688382,
                3.003279514288927,
                1.8288918778434504,
                1.256027179242603,
                3.5885977932941415,
                4.447294668645802,
            ],
            |_| 0..7,
        );
        check(
            [
                NAN,
                NAN,
                NAN,
                2.249999999999999,
                2.46967862133209,
                3.1730176211453776,
                2.855374592833875,
            ],
            |row| row.saturating_sub(4)..row + 1,
        );
        let gap = [values(&[1.0, NAN, 3.0]), values(&[1.0, 2.0, 2.5])];
        case(vec![]).check_frames(&gap, |_| 0..3, &[NAN; 3]);
        case(vec![]).check_frames(&[values(&[]), values(&[])], |_| 0..0, &[]);
    }

    #[test]
    fn features_are_more_than_one() {
        let error = case(vec![]).error(&[values(&[1.0])]);
        assert!(
            error.contains("hotelling_t2 takes hotelling_t2(value, value) or "),
            "{error}"
        );
    }
}
