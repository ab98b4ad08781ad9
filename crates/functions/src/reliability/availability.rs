//! `availability(is_up, time)`: the share of the time that something was up.
//!
//! | rows                                   | result                     |
//! |----------------------------------------|----------------------------|
//! | fewer than two, or all at one time     | NULL                       |
//! | NULL in is_up or time                  | skipped                    |

use std::sync::Arc;

use analytics::reliability::Switching;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Share of the time that something was up; a state lasts until the next row. NULL below two rows or when all are at one time. Over frames at constant cost per row.",
    syntax_example = "availability(is_up, time)",
    sql_example = r#"```sql
SELECT asset_id, availability(operating_state = 'RUNNING', time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "is_up",
        description = "Whether it was up, true or false or a number that is not 0. Rows where it is NULL are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer."
    ),
    related_udf(name = "mtbf"),
    related_udf(name = "mttr"),
    related_udf(name = "oee"),
    related_udf(name = "uptime")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Availability;

impl StretchFunction for Availability {
    const NAME: &'static str = "availability";

    type Stretch = Switching;

    type Output = f64;

    fn read(&self, _call: &Call) -> Result<Read<Switching, f64>> {
        Ok(Arc::new(Switching::availability))
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
            Case::with(Collected::udf(OverSwitch(Availability)), options)
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
            Some(0.7),
            [1.0, 1.0, 0.0, 1.0, 0.0, 0.0],
            [0, 4, 6, 8, 9, 10],
        );
        let case = Case::new(Collected::udf(OverSwitch(Availability)));
        case.check(&[values(&[1.0]), integers([3])], None, 0.0);
        case.check(&[values(&[]), integers([])], None, 0.0);
    }
}
