//! `integral(value, time[, unit[, method]])`: the area under a signal.
//!
//! By trapezoids as `scipy.integrate.trapezoid` and InfluxQL's `INTEGRAL` (without `GROUP BY time`, which interpolates at the
//! edges of its windows), or by steps, where a value holds until the next.
//!
//! | rows                                   | result                                       |
//! |----------------------------------------|----------------------------------------------|
//! | fewer than two                         | NULL                                         |
//! | several of one time                    | no area between them; the largest value goes on |
//! | NULL, NaN, infinity in value or time   | skipped: the rows around them are neighbours |

use std::sync::Arc;

use analytics::change::{StepIntegral, Stretch, TrapezoidIntegral};
use arrow::datatypes::{DataType, IntervalUnit};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

/// The areas by both methods: which one is wanted is known when the state is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Areas {
    pub(super) lines: TrapezoidIntegral,
    pub(super) steps: StepIntegral,
}

impl Stretch for Areas {
    type Settings = ();

    fn of(value: f64, time: i64, (): ()) -> Self {
        Self {
            lines: TrapezoidIntegral::of(value, time, ()),
            steps: StepIntegral::of(value, time, ()),
        }
    }

    fn join(&mut self, later: &Self) {
        self.lines.join(&later.lines);
        self.steps.join(&later.steps);
    }
}

type Method = fn(&Areas, f64) -> Option<f64>;

#[user_doc(
    doc_section(label = "Change"),
    description = "Area under a signal over time, in units of the signal times `unit`. As InfluxQL's `INTEGRAL` and `scipy.integrate.trapezoid`, or by steps. NULL below two rows.",
    syntax_example = "integral(value, time[, unit[, method]])",
    sql_example = r#"```sql
SELECT asset_id, integral(power_kw, time, INTERVAL '1 hour') AS energy_kwh FROM sensor_data GROUP BY asset_id;
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
        description = "The time that the signal is per: a constant interval or, where times are integers, a number. Default one second, or 1."
    ),
    argument(
        name = "method",
        description = "A constant. `'trapezoid'` (the default): straight lines between the rows. `'step'`: each value holds until the next."
    ),
    related_udf(name = "cumulative_integral"),
    related_udf(name = "energy_total"),
    related_udf(name = "time_weighted_avg")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Integral;

impl StretchFunction for Integral {
    const NAME: &'static str = "integral";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("unit", DataType::Interval(IntervalUnit::MonthDayNano)),
        ("method", DataType::Utf8),
    ];

    type Stretch = Areas;

    type Output = f64;

    fn read(&self, call: &Call) -> Result<Read<Areas, f64>> {
        let unit = call.length("unit")?;
        let words: [(&str, Method); 2] = [
            ("trapezoid", |areas, unit| areas.lines.area(unit)),
            ("step", |areas, unit| areas.steps.area(unit)),
        ];
        let area = call.word("method", &words)?;
        Ok(Arc::new(move |areas: &Areas| area(areas, unit)))
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
        Case::with(Collected::udf(OverStretch(Integral)), options)
    }

    // Expected: scipy 1.17.1 trapezoid, and numpy 2.4.6 sum of x[:-1] * diff(t).
    #[test]
    fn areas_are_those_of_scipy() {
        let columns = [values(&VALUES), seconds(&TIMES)];
        let cycles = [values(&VALUES), integers(TIMES.map(|time| time as i64))];
        case(vec![]).check(&columns, Some(10.75), 1e-12);
        case(vec![]).check(&cycles, Some(10.75), 1e-12);
        case(vec![millis(500)]).check(&columns, Some(21.5), 1e-12);
        case(vec![0.5_f64.into()]).check(&cycles, Some(21.5), 1e-12);
        case(vec![millis(500), "trapezoid".into()]).check(&columns, Some(21.5), 1e-12);
        case(vec![millis(500), "step".into()]).check(&columns, Some(2.0), 1e-12);
    }

    #[test]
    fn too_few_points_have_no_area() {
        case(vec![]).check(&[values(&[]), seconds(&[])], None, 0.0);
        case(vec![]).check(&[values(&[3.0, f64::NAN]), seconds(&[1.0, 2.0])], None, 0.0);
        case(vec![]).check(&[values(&[3.0, 7.0]), seconds(&[1.0, 1.0])], Some(0.0), 0.0);
    }

    #[test]
    fn options_must_make_sense() {
        let columns = [values(&VALUES), seconds(&TIMES)];
        let error = case(vec![millis(500), "simpson".into()]).error(&columns);
        assert!(
            error.contains("`method` must be one of 'trapezoid', 'step'"),
            "{error}"
        );
        let error = case(vec![ScalarValue::new_interval_mdn(1, 0, 0)]).error(&columns);
        assert!(
            error.contains("integral: argument `unit` must be a length of time"),
            "{error}"
        );
    }
}
