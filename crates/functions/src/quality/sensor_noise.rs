//! `sensor_noise(value, time)`: the standard deviation of what is not smooth from row to row.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | fewer than three                     | NULL                                         |
//! | all equal, or on a line              | 0                                            |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use std::sync::Arc;

use analytics::indicators::Dynamics;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Data quality"),
    description = "Noise of a sensor: the standard deviation of what is not smooth from row to row, from second differences (Gasser, Sroka, Jennen-Steinmetz 1986), so that drifts and slow changes do not count. NULL below three rows.",
    syntax_example = "sensor_noise(value, time)",
    sql_example = r#"```sql
SELECT asset_id, sensor_noise(temperature_c, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    related_udf(name = "sensor_drift"),
    related_udf(name = "moving_std")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SensorNoise;

impl StretchFunction for SensorNoise {
    const NAME: &'static str = "sensor_noise";

    type Stretch = Dynamics;

    type Output = f64;

    fn read(&self, _call: &Call) -> Result<Read<Dynamics, f64>> {
        Ok(Arc::new(Dynamics::noise))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};
    use crate::stretch::OverStretch;

    // Expected: numpy 2.4.6, sqrt(mean(diff(x, 2)**2) / 6).
    #[test]
    fn noise_is_what_bends() {
        let case = Case::new(Collected::udf(OverStretch(SensorNoise)));
        let x = [3.0, 1.0, -2.0, f64::NAN, 0.5, 4.0];
        case.check(&signal(&x), Some(1.3385315336840842), 1e-12);
        case.check(&signal(&[1.0, 2.0, 3.0]), Some(0.0), 0.0);
        case.check(&signal(&[1.0, 2.0]), None, 0.0);
        case.check(&signal(&[]), None, 0.0);
    }
}
