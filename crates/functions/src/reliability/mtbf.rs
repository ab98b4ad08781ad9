//! `mtbf(is_up, time[, unit])`: the mean time between failures: the time up per failure.
//!
//! | rows                                   | result                     |
//! |----------------------------------------|----------------------------|
//! | no change from up to down              | NULL: no failure           |
//! | NULL in is_up or time                  | skipped                    |

use std::sync::Arc;

use analytics::reliability::Switching;
use arrow::datatypes::{DataType, IntervalUnit};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Mean time between failures: the time that something was up over how often it went from up to down; a state lasts until the next row. NULL without a failure. Over frames at constant cost per row.",
    syntax_example = "mtbf(is_up, time[, unit])",
    sql_example = r#"```sql
SELECT asset_id, mtbf(operating_state = 'RUNNING', time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "is_up",
        description = "Whether it was up, true or false or a number that is not 0. Rows where it is NULL are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer."
    ),
    argument(
        name = "unit",
        description = "The unit of the result: a constant interval or, where times are integers, a number. Default one second, or 1."
    ),
    related_udf(name = "mttr"),
    related_udf(name = "availability"),
    related_udf(name = "crow_amsaa"),
    related_udf(name = "exponential_fit")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mtbf;

impl StretchFunction for Mtbf {
    const NAME: &'static str = "mtbf";

    const OPTIONS: &'static [(&'static str, DataType)] =
        &[("unit", DataType::Interval(IntervalUnit::MonthDayNano))];

    type Stretch = Switching;

    type Output = f64;

    fn read(&self, call: &Call) -> Result<Read<Switching, f64>> {
        let unit = call.length("unit")?;
        Ok(Arc::new(move |switching: &Switching| {
            switching.mean_time_between_failures(unit)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, BooleanArray};

    use super::super::switch::OverSwitch;
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};

    /// Checks numbers and booleans, each with a missing one among them.
    fn check(options: &[f64], expected: Option<f64>, ups: [f64; 6], times: [i64; 6]) {
        let case = || {
            let options = options.iter().map(|x| (*x).into()).collect();
            Case::with(Collected::udf(OverSwitch(Mtbf)), options)
        };
        let times = integers(times.into_iter().chain([7]));
        let numbers = [&ups[..], &[f64::NAN]].concat();
        case().check(&[values(&numbers), Arc::clone(&times)], expected, 1e-12);
        let flags = ups.iter().map(|up| Some(*up != 0.0)).chain([None]);
        let flags: ArrayRef = Arc::new(flags.collect::<BooleanArray>());
        case().check(&[flags, times], expected, 1e-12);
    }

    #[test]
    fn times_are_added_up() {
        check(
            &[],
            Some(3.5),
            [1.0, 1.0, 0.0, 1.0, 0.0, 0.0],
            [0, 4, 6, 8, 9, 10],
        );
        check(
            &[2.0],
            Some(1.75),
            [1.0, 1.0, 0.0, 1.0, 0.0, 0.0],
            [0, 4, 6, 8, 9, 10],
        );
        check(
            &[],
            None,
            [0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
            [0, 4, 6, 8, 9, 10],
        );
        let case = Case::new(Collected::udf(OverSwitch(Mtbf)));
        case.check(&[values(&[1.0]), integers([3])], None, 0.0);
        case.check(&[values(&[]), integers([])], None, 0.0);
    }
}
