//! `trajectory(health, time)`: a machine's health by age, as `rul_similarity` takes it.
//!
//! | rows                                 | result                             |
//! |--------------------------------------|------------------------------------|
//! | none                                 | NULL                               |
//! | several at one time                  | the lowest counts                  |
//! | NULL, NaN, infinity in value or time | skipped                            |

use analytics::rul::RunPoint;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::floats;
use crate::collected::{Call, CollectedFunction, Formula, Record, Timed};
use crate::span;

#[user_doc(
    doc_section(label = "Remaining useful life"),
    description = "The health of a machine by its age, for `rul_similarity`: a list of structs of `age`, from 0 at the first row, in seconds or in units of an integer time, and `health`. Of several rows at one time the lowest counts. NULL without rows. `array_agg` makes a library of the trajectories of machines that have failed.",
    syntax_example = "trajectory(health, time)",
    sql_example = r#"```sql
SELECT array_agg(run) AS library FROM (SELECT unit_number, trajectory(health, time_cycles) AS run FROM failed GROUP BY unit_number);
```"#,
    argument(
        name = "health",
        description = "An indicator of how the machine is, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer."
    ),
    related_udf(name = "rul_similarity"),
    related_udf(name = "health_index")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Trajectory;

impl Record for RunPoint {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![("age", DataType::Float64), ("health", DataType::Float64)]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |point| Some(point.age)),
            floats(records, |point| Some(point.health)),
        ]
    }
}

impl CollectedFunction for Trajectory {
    const NAME: &'static str = "trajectory";

    type Row = Timed;

    type Output = Vec<RunPoint>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<RunPoint>>> {
        let unit = span::units(call, 1);
        Ok(Formula::new(move |rows: &[Timed]| {
            let mut rows = rows.to_vec();
            rows.dedup_by_key(|row| row.time);
            let first = rows.first()?.time;
            let point = |row: &Timed| RunPoint {
                age: row.time.abs_diff(first) as f64 / unit,
                health: row.value,
            };
            Some(rows.iter().map(point).collect())
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
    use crate::window::testing::seconds;

    #[test]
    fn ages_begin_at_zero() {
        let case = Case::new(Collected::udf(Trajectory));
        let health = values(&[0.7, 0.9, f64::NAN, 0.8, 0.6]);
        let cycles = [
            std::sync::Arc::clone(&health),
            integers([12, 10, 11, 11, 12]),
        ];
        case.check_list(&cycles, "age", Some(&[0.0, 1.0, 2.0]), 0.0);
        case.check_list(&cycles, "health", Some(&[0.9, 0.8, 0.6]), 0.0);
        let times = [health, seconds(&[12.5, 10.0, 11.0, 11.0, 12.5])];
        case.check_list(&times, "age", Some(&[0.0, 1.0, 2.5]), 1e-12);
        case.check_list(&signal(&[]), "age", None, 0.0);
    }
}
