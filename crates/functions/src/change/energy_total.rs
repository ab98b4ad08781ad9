//! `energy_total(value, time[, unit])`: the energy of a signal, the sum of its squares times the time to the next row.
//!
//! `numpy.sum(x[:-1]**2 * numpy.diff(t))`: of samples at even steps, dt·Σx², the last sample having no step after it.
//!
//! | rows                                   | result                                       |
//! |----------------------------------------|----------------------------------------------|
//! | fewer than two                         | NULL                                         |
//! | several of one time                    | no area between them; the largest value goes on |
//! | NULL, NaN, infinity in value or time   | skipped: the rows around them are neighbours |

use std::sync::Arc;

use analytics::change::Energy;
use arrow::datatypes::{DataType, IntervalUnit};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Change"),
    description = "Energy of a signal: the sum of squares, each times the time until the next row. NULL below two rows.",
    syntax_example = "energy_total(value, time[, unit])",
    sql_example = r#"```sql
SELECT date_bin(INTERVAL '1 minute', time) AS minute, energy_total(vibration_g, time) FROM vibration GROUP BY minute;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    argument(
        name = "unit",
        description = "The time that steps are measured in: a constant interval or, where times are integers, a number. Default one second, or 1."
    ),
    related_udf(name = "integral"),
    related_udf(name = "rms")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct EnergyTotal;

impl StretchFunction for EnergyTotal {
    const NAME: &'static str = "energy_total";

    const OPTIONS: &'static [(&'static str, DataType)] =
        &[("unit", DataType::Interval(IntervalUnit::MonthDayNano))];

    type Stretch = Energy;

    type Output = f64;

    fn read(&self, call: &Call) -> Result<Read<Energy, f64>> {
        let unit = call.length("unit")?;
        Ok(Arc::new(move |energy: &Energy| energy.area(unit)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};
    use crate::stretch::OverStretch;
    use crate::window::testing::{millis, seconds};

    const VALUES: [f64; 6] = [3.0, 1.0, -2.0, f64::NAN, 0.5, 4.0];
    const TIMES: [f64; 6] = [2.0, 0.0, 3.0, 5.0, 8.0, 7.0];

    fn case(options: Vec<ScalarValue>) -> Case {
        Case::with(Collected::udf(OverStretch(EnergyTotal)), options)
    }

    // Expected: numpy 2.4.6, sum of x[:-1]**2 * diff(t).
    #[test]
    fn squares_are_summed_over_time() {
        let columns = [values(&VALUES), seconds(&TIMES)];
        case(vec![]).check(&columns, Some(43.0), 1e-12);
        case(vec![millis(500)]).check(&columns, Some(86.0), 1e-12);
        let cycles = [values(&VALUES), integers(TIMES.map(|time| time as i64))];
        case(vec![]).check(&cycles, Some(43.0), 1e-12);
    }

    #[test]
    fn too_few_points_have_no_energy() {
        case(vec![]).check(&[values(&[]), seconds(&[])], None, 0.0);
        case(vec![]).check(&[values(&[3.0, f64::NAN]), seconds(&[1.0, 2.0])], None, 0.0);
        case(vec![]).check(&[values(&[1e200, 1.0]), seconds(&[1.0, 2.0])], None, 0.0);
    }
}
