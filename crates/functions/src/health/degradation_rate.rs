//! `degradation_rate(health, time[, unit])`: the robust slope of a health signal, per day or cycle.
//!
//! The median of the slopes between all pairs of rows (Theil 1950, Sen 1968).
//!
//! | rows                                   | result                     |
//! |----------------------------------------|----------------------------|
//! | fewer than two, or all at one time     | NULL                       |
//! | all equal                              | 0                          |
//! | NULL, NaN, infinity in health or time  | skipped                    |

use analytics::statistics::theil_sen;
use arrow::datatypes::{DataType, IntervalUnit};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, QUADRATIC_COUNT_MAX, Timed};

const DAY_SECONDS: f64 = 86_400.0;

#[user_doc(
    doc_section(label = "Health"),
    description = "Change of a health signal per day, or per unit of an integer time: the median of the slopes between all pairs of rows (Theil-Sen), which a few wild readings do not move. Below 0 where health is lost. NULL below two rows or when all are at one time. At most 20000 rows per group.",
    syntax_example = "degradation_rate(health, time[, unit])",
    sql_example = r#"```sql
SELECT asset_id, degradation_rate(health, time, INTERVAL '1 hour') AS per_hour FROM health GROUP BY asset_id;
```"#,
    argument(
        name = "health",
        description = "The health signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer."
    ),
    argument(
        name = "unit",
        description = "The time that the slope is per: a constant interval or, where times are integers, a number. Default one day, or 1."
    ),
    related_udf(name = "theil_sen"),
    related_udf(name = "degradation_fit"),
    related_udf(name = "rul_linear")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DegradationRate;

impl CollectedFunction for DegradationRate {
    const NAME: &'static str = "degradation_rate";

    const OPTIONS: &'static [(&'static str, DataType)] =
        &[("unit", DataType::Interval(IntervalUnit::MonthDayNano))];

    const COUNT_MAX: usize = QUADRATIC_COUNT_MAX;

    type Row = Timed;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, f64>> {
        let has_timestamps = call.has_timestamps();
        let ticks = if has_timestamps { 1e9 } else { 1.0 };
        let unit = call.length_or("unit", DAY_SECONDS)? / ticks;
        Ok(Formula::new(move |rows: &[Timed]| {
            let times = Timed::times(rows, has_timestamps);
            theil_sen(&times, &Timed::values(rows), 0.95).map(|trend| trend.slope * unit)
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
    use crate::collected::testing::{Case, integers, signal, values};
    use crate::window::testing::{millis, seconds};

    #[test]
    fn one_wild_reading_does_not_bend_the_slope() {
        let case = Case::new(Collected::udf(DegradationRate));
        case.check(
            &signal(&[10.0, 9.0, 90.0, 7.0, 6.0, f64::NAN]),
            Some(-1.0),
            1e-12,
        );
        case.check(&signal(&[5.0, 5.0]), Some(0.0), 0.0);
        case.check(&signal(&[5.0]), None, 0.0);
        case.check(&signal(&[]), None, 0.0);
        case.check(&[values(&[1.0, 2.0]), integers([3, 3])], None, 0.0);
        // A point per hour is 24 a day.
        let columns = [values(&[10.0, 11.0, 12.0]), seconds(&[0.0, 3600.0, 7200.0])];
        case.check(&columns, Some(24.0), 1e-12);
        let hourly = Case::with(Collected::udf(DegradationRate), vec![millis(3_600_000)]);
        hourly.check(&columns, Some(1.0), 1e-12);
        let error = Case::with(Collected::udf(DegradationRate), vec![millis(0)]).error(&columns);
        assert!(
            error.contains("degradation_rate: argument `unit` must be a length of time"),
            "{error}"
        );
    }
}
