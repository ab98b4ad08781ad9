//! `duplicate_times(value, time)`: times that more than one row has.
//!
//! | rows                             | result                             |
//! |----------------------------------|------------------------------------|
//! | none                             | NULL                               |
//! | every time is there once         | an empty list                      |
//! | NULL, NaN, infinity in the value | the row counts, its value does not |
//! | NULL time                        | skipped                            |

use analytics::quality::{Repeat, duplicate_times};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::reading::Reading;
use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record};

#[user_doc(
    doc_section(label = "Data quality"),
    description = "The times that more than one row has: a list of structs of `time`, the number of rows `n`, and the `min` and `max` of their values, which differ where the rows contradict one another. NULL without rows.",
    syntax_example = "duplicate_times(value, time)",
    sql_example = r#"```sql
SELECT asset_id, d['time'] AS time, d['n'] AS n, d['max'] - d['min'] AS contradiction
FROM (SELECT asset_id, unnest(duplicate_times(vibration_g, time)) AS d FROM raw_data GROUP BY asset_id);
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. A row where it is NULL, NaN or infinite is a row without a value."
    ),
    argument(
        name = "time",
        description = "The times of the rows, timestamps or integers, in any order."
    ),
    related_udf(name = "consistency"),
    related_udf(name = "sampling_stats")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DuplicateTimes;

/// A time with the values of its rows.
#[derive(Debug)]
pub(crate) struct Duplicate {
    time: i64,
    count: usize,
    min: Option<f64>,
    max: Option<f64>,
}

impl Duplicate {
    fn of(rows: &[Reading], repeat: Repeat) -> Self {
        let rows = &rows[repeat.first..repeat.first + repeat.count];
        let values = || rows.iter().filter_map(|row| row.value);
        Self {
            time: rows[0].time,
            count: rows.len(),
            min: values().reduce(f64::min),
            max: values().reduce(f64::max),
        }
    }
}

impl Record for Duplicate {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("time", argument_types[1].clone()),
            ("n", DataType::Int64),
            ("min", DataType::Float64),
            ("max", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |duplicate| Some(duplicate.time)),
            integers(records, |duplicate| Some(duplicate.count as i64)),
            floats(records, |duplicate| duplicate.min),
            floats(records, |duplicate| duplicate.max),
        ]
    }
}

impl CollectedFunction for DuplicateTimes {
    const NAME: &'static str = "duplicate_times";

    type Row = Reading;

    type Output = Vec<Duplicate>;

    fn bind(&self, _call: &Call) -> Result<Formula<Reading, Vec<Duplicate>>> {
        Ok(Formula::new(|rows: &[Reading]| {
            let repeats = duplicate_times(&Reading::times(rows));
            let duplicates = repeats
                .into_iter()
                .map(|repeat| Duplicate::of(rows, repeat));
            (!rows.is_empty()).then(|| duplicates.collect())
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

    const NAN: f64 = f64::NAN;

    #[test]
    fn rows_of_one_time_are_compared() {
        let case = Case::new(Collected::udf(DuplicateTimes));
        let x = values(&[1.0, 4.0, 2.0, NAN, NAN, f64::INFINITY]);
        let columns = [x, integers([5, 7, 5, 5, 9, 9])];
        case.check_list(&columns, "time", Some(&[5.0, 9.0]), 0.0);
        case.check_list(&columns, "n", Some(&[3.0, 2.0]), 0.0);
        case.check_list(&columns, "min", Some(&[1.0, NAN]), 0.0);
        case.check_list(&columns, "max", Some(&[2.0, NAN]), 0.0);
        case.check_list(&signal(&[1.0, 1.0]), "n", Some(&[]), 0.0);
        case.check_list(&signal(&[]), "n", None, 0.0);
    }
}
