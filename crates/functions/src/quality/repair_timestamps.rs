//! `repair_timestamps(time[, step])`: the times of a series on the even grid that fits them best.
//!
//! | rows                                  | result                                |
//! |---------------------------------------|---------------------------------------|
//! | none                                  | NULL                                  |
//! | all at one time, no `step`            | NULL: there is no step                |
//! | NULL time                             | skipped                               |
//! | more grid times than a million        | an error                              |

use analytics::quality::{RepairedTime, repair_times, repaired_count, time_grid};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::integers;
use crate::collected::{Call, CollectedFunction, Formula, Record};
use crate::span;
use crate::states::beat::Beat;

/// The most grid times of a result.
const TIMES_MAX: u64 = 1_000_000;

#[user_doc(
    doc_section(label = "Data quality"),
    description = "The times of a series on an even grid, as `TIMESTAMPREPAIR` of Apache IoTDB: a list of structs of `time`, the time on the grid, and `original`, the time of the row that belongs there, NULL where one is missing. The step is given, or the median of the steps; or the mean of what the rows have run through, where that grid is nearer to them. The grid lies where the times are least away from it in sum. A row moves to one of the two grid times beside it, so that the order stays, as many rows as possible have a grid time to themselves and, of the ways to do so, the moves are least in sum; rows that find none, doubled ones say, are left out. NULL without rows, or where there is no step to be found. At most 1000000 grid times.",
    syntax_example = "repair_timestamps(time[, step])",
    sql_example = r#"```sql
SELECT r.time, s.temperature_c
FROM (SELECT p['time'] AS time, p['original'] AS original FROM (SELECT unnest(repair_timestamps(time, INTERVAL '1 second')) AS p FROM sensor_data)) AS r
LEFT JOIN sensor_data AS s ON s.time = r.original;
```"#,
    argument(
        name = "time",
        description = "The times of the rows, timestamps or integers, in any order. NULL is skipped."
    ),
    argument(
        name = "step",
        description = "The distance of grid times: a constant interval without months, or a whole number where times are integers. Default: found in the times."
    ),
    related_udf(name = "sampling_stats"),
    related_udf(name = "duplicate_times"),
    related_udf(name = "missing_ranges"),
    related_udf(name = "resample")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RepairTimestamps;

/// A time on the grid and the one that it was.
#[derive(Debug)]
pub(crate) struct Repaired {
    time: i64,
    original: Option<i64>,
}

impl Record for Repaired {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("time", argument_types[0].clone()),
            ("original", argument_types[0].clone()),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |repaired| Some(repaired.time)),
            integers(records, |repaired| repaired.original),
        ]
    }
}

fn repaired(beats: &[Beat], step: Option<i64>) -> Result<Option<Vec<Repaired>>> {
    let times: Vec<i64> = beats.iter().map(|beat| beat.0).collect();
    let Some(grid) = time_grid(&times, step) else {
        return Ok(None);
    };
    let count = repaired_count(&times, grid);
    if count > TIMES_MAX {
        return exec_err!(
            "repair_timestamps: {count} grid times are more than {TIMES_MAX}: make the groups smaller or the step longer"
        );
    }
    let record = |RepairedTime { time, origin }| Repaired {
        time,
        original: origin.map(|index| times[index]),
    };
    let repaired = repair_times(&times, grid).into_iter().map(record);
    Ok(Some(repaired.collect()))
}

impl CollectedFunction for RepairTimestamps {
    const NAME: &'static str = "repair_timestamps";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("step", DataType::Utf8)];

    type Row = Beat;

    type Output = Vec<Repaired>;

    fn bind(&self, call: &Call) -> Result<Formula<Beat, Vec<Repaired>>> {
        let step = span::length(call, 0, "step")?;
        Ok(Formula::fallible(move |beats: &[Beat]| {
            repaired(beats, step)
        }))
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
    use crate::collected::testing::{Case, integers};
    use crate::window::testing::{millis, seconds};

    const NAN: f64 = f64::NAN;

    fn case(options: Vec<ScalarValue>) -> Case {
        Case::with(Collected::udf(RepairTimestamps), options)
    }

    #[test]
    fn times_go_to_the_grid() {
        let cycles = [integers([39, 0, 10, 21, 30, 60, 30])];
        let grid = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0];
        let original = [0.0, 10.0, 21.0, 30.0, 39.0, NAN, 60.0];
        case(vec![]).check_list(&cycles, "time", Some(&grid), 0.0);
        case(vec![]).check_list(&cycles, "original", Some(&original), 0.0);
        case(vec!["10".into()]).check_list(&cycles, "original", Some(&original), 0.0);
        let times = [seconds(&[1.0, 2.0, 3.25, -1.0, 5.0])];
        let step = vec![millis(1000)];
        let grid = [1e9, 2e9, 3e9, 4e9, 5e9];
        case(step.clone()).check_list(&times, "time", Some(&grid), 0.0);
        let original = [1e9, 2e9, 3.25e9, NAN, 5e9];
        case(step).check_list(&times, "original", Some(&original), 0.0);
    }

    #[test]
    fn without_a_step_there_is_no_grid() {
        case(vec![]).check_list(&[integers([])], "time", None, 0.0);
        case(vec![]).check_list(&[integers([5, 5])], "time", None, 0.0);
        case(vec![3.into()]).check_list(&[integers([5, 5])], "time", Some(&[5.0]), 0.0);
    }

    #[test]
    fn what_cannot_be_done_is_an_error() {
        let error = case(vec![1.into()]).error(&[integers([0, 2_000_000])]);
        assert!(
            error.contains("2000001 grid times are more than 1000000"),
            "{error}"
        );
        let error = case(vec![0.into()]).error(&[integers([0])]);
        assert!(
            error.contains("argument `step` must be a whole number above zero"),
            "{error}"
        );
    }
}
