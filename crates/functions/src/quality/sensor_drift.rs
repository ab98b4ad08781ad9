//! `sensor_drift(value, reference, time)`: how a sensor drifts away from a reference.
//!
//! | rows                               | result                     |
//! |------------------------------------|----------------------------|
//! | fewer than two, or all at one time | NULL                       |
//! | the same distance in all           | slope 0; r, p, stderr NULL |
//! | NULL, NaN, infinity in any column  | skipped                    |

use analytics::statistics::{LinearTrend, linear_trend};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::referenced::Referenced;
use crate::collected::{Call, CollectedFunction, Formula, Struct, Timed};

#[user_doc(
    doc_section(label = "Data quality"),
    description = "How a sensor drifts away from a reference: a line fitted by least squares to their difference over time, with the fields of `linear_trend`: `slope`, the drift per second (or per unit of an integer time); `intercept`, the difference at the earliest time (or at an integer time of 0); `r`, `p`, the chance of such a drift without one, and `stderr`. NULL below two rows or when all times are equal.",
    syntax_example = "sensor_drift(value, reference, time)",
    sql_example = r#"```sql
SELECT asset_id, d['slope'] * 86400 AS per_day, d['p']
FROM (SELECT asset_id, sensor_drift(temperature_c, model_temperature_c, time) AS d FROM sensor_data GROUP BY asset_id);
```"#,
    argument(
        name = "value",
        description = "The sensor, any numeric type. Rows with a NULL, NaN or infinity are skipped."
    ),
    argument(
        name = "reference",
        description = "What it should show, any numeric type: another sensor, or a model. Rows with a NULL, NaN or infinity are skipped."
    ),
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer."
    ),
    related_udf(name = "linear_trend"),
    related_udf(name = "sensor_noise")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SensorDrift;

impl CollectedFunction for SensorDrift {
    const NAME: &'static str = "sensor_drift";

    type Row = Referenced;

    type Output = Struct<LinearTrend>;

    fn bind(&self, call: &Call) -> Result<Formula<Referenced, Struct<LinearTrend>>> {
        let has_timestamps = Referenced::has_timestamps(call);
        Ok(Formula::new(move |rows: &[Referenced]| {
            let residuals: Vec<Timed> = rows.iter().map(Referenced::residual).collect();
            let times = Timed::times(&residuals, has_timestamps);
            linear_trend(&times, &Timed::values(&residuals)).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};
    use crate::window::testing::seconds;

    const VALUE: [f64; 6] = [21.0, 20.0, f64::NAN, 23.0, 22.0, 26.0];
    const REFERENCE: [f64; 6] = [20.0, 20.0, 20.0, 20.0, f64::INFINITY, 17.0];
    const TIMES: [f64; 6] = [1.0, 0.0, 2.0, 3.0, 9.0, 4.0];

    // Expected: scipy 1.17.1, stats.linregress([0, 1, 3, 4], [0, 1, 3, 9]).
    #[test]
    fn the_distance_from_the_reference_has_a_trend() {
        let case = Case::new(Collected::udf(SensorDrift));
        let expected = [
            ("slope", 2.0),
            ("intercept", -0.75),
            ("r", 0.9058216273156766),
            ("p", 0.09417837268432339),
            ("stderr", 0.6614378277661477),
        ];
        let times = seconds(&TIMES);
        let columns = [values(&VALUE), values(&REFERENCE), times];
        case.check_fields(&columns, Some(&expected), 1e-9);
        let cycles = integers(TIMES.map(|time| time as i64));
        let columns = [values(&VALUE), values(&REFERENCE), cycles];
        case.check_fields(&columns, Some(&expected), 1e-9);
    }

    #[test]
    fn too_few_rows_have_no_drift() {
        let case = Case::new(Collected::udf(SensorDrift));
        case.check_fields(&[values(&[]), values(&[]), integers([])], None, 0.0);
        case.check_fields(&[values(&[1.0]), values(&[1.0]), integers([5])], None, 0.0);
        let same = [values(&[3.0, 4.0]), values(&[1.0, 2.0]), integers([5, 6])];
        let flat = [("slope", 0.0), ("p", f64::NAN)];
        case.check_fields(&same, Some(&flat), 0.0);
    }
}
