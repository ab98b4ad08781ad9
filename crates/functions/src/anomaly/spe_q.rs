//! `spe_q(x1, x2[, …], k)`: how far a row is from the plane of the first principal components of its frame.
//!
//! | row                                             | result                                                 |
//! |-------------------------------------------------|--------------------------------------------------------|
//! | no more present rows in the frame than features | NULL                                                   |
//! | one of the values is NULL, NaN or infinite      | NULL; other rows are not compared with it              |
//! | a feature does not vary in the frame            | it takes no part; infinity where the row differs in it |
//! | as many components as features vary             | 0                                                      |

use analytics::anomaly::PredictionError;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use super::features;
use crate::window::{Argument, Arguments, WindowFunction, framed};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "Squared prediction error Q of principal components: the squared distance of a row from the plane of the first `k` components of its frame, the features scaled to unit variance there. It is large where the features break how they move together. Compares a row with the rows of its frame: `ROWS 99 PRECEDING` takes the row and the 99 before it, `ROWS BETWEEN 100 PRECEDING AND 1 PRECEDING` only those before, no frame and no order all rows of the partition. NULL unless the frame has more rows than there are features. A feature that does not vary takes no part. Costs the cube of the number of features per row, several times over.",
    syntax_example = "spe_q(x1, x2[, …], k) OVER (…)",
    sql_example = r#"```sql
SELECT time, spe_q(voltage_v, current_a, vibration_g, 1) OVER (PARTITION BY asset_id ORDER BY time ROWS 999 PRECEDING) FROM sensor_data;
```"#,
    argument(
        name = "x1, x2, …",
        description = "The features, up to 16 of any numeric type. A row where one is NULL, NaN or infinite has no score, and others are not compared with it."
    ),
    argument(
        name = "k",
        description = "How many components explain a row: a constant from 1 to 16."
    ),
    related_udf(name = "hotelling_t2")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SpeQ;

impl WindowFunction for SpeQ {
    const NAME: &'static str = "spe_q";

    const FORMS: &'static [&'static [Argument]] = features::FORMS_WITH_K;

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let components = arguments.count("k", 1, features::COUNT_MAX)?;
        let reference = PredictionError::new(components);
        Ok(framed(arguments, reference, std::convert::identity))
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
        WindowCase::with(Window::udf(SpeQ), constants)
    }

    const COLUMNS: [[f64; 7]; 3] = [
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
        [2.0, 1.5, 4.0, 3.0, 6.0, 4.0, 9.0],
        [0.5, 0.7, 0.1, 0.9, 0.2, 0.8, 0.3],
    ];

    fn check(k: i64, expected: [f64; 7], frame: impl Fn(usize) -> std::ops::Range<usize>) {
        let columns = COLUMNS.map(|column| values(&column));
        let case = case(vec![k.into()]);
        case.check_frames_to(1e-9, &columns, frame, &expected);
    }

    // Expected: numpy 2.4.6, corrcoef and linalg.eigh.
    #[test]
    fn rows_are_compared_with_the_plane_of_the_others() {
        check(
            1,
            [
                0.6240767694735996,
                0.0012742862099435087,
                1.845258087887475,
                1.17359608575945,
                0.32029520525238964,
                1.7821731167169417,
                0.1339732026283426,
            ],
            |_| 0..7,
        );
        check(
            2,
            [
                0.04948544089320339,
                0.0006241657793861662,
                0.04972814657335324,
                0.01099023063640546,
                0.013143569579117944,
                0.0822884268500054,
                0.07411039515619755,
            ],
            |_| 0..7,
        );
        check(3, [0.0; 7], |_| 0..7);
        check(
            1,
            [
                NAN,
                NAN,
                NAN,
                2.3011968390864586,
                0.03798620137871672,
                1.9178754775046771,
                0.09423032659337327,
            ],
            |row| row.saturating_sub(4)..row + 1,
        );
    }

    #[test]
    fn components_are_counted_from_one() {
        let columns = [values(&[1.0]), values(&[1.0])];
        let error = case(vec![0_i64.into()]).error(&columns);
        assert!(
            error.contains("argument `k` must be a whole number from 1 to 16, not 0"),
            "{error}"
        );
    }
}
