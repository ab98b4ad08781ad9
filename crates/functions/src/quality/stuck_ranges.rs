//! `stuck_ranges(value, time, min_rows[, tolerance])`: where a signal does not move.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | none                                 | NULL                                         |
//! | nothing is stuck                     | an empty list                                |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use analytics::quality::stuck_ranges;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{COUNT_MAX, Call, CollectedFunction, Formula, Record, Timed};

#[user_doc(
    doc_section(label = "Data quality"),
    description = "The ranges of time in which a signal does not move, as a sensor that hangs: a list of structs of `start` and `end` time, the `value` at the start and the number of rows `n`. A range goes on while values stay within `tolerance` of its first one. NULL without rows.",
    syntax_example = "stuck_ranges(value, time, min_rows[, tolerance])",
    sql_example = r#"```sql
SELECT asset_id, r['start'] AS start, r['n'] AS rows
FROM (SELECT asset_id, unnest(stuck_ranges(temperature_c, time, 60, 0.01)) AS r FROM sensor_data GROUP BY asset_id);
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
        name = "min_rows",
        description = "The fewest rows of a range: a constant from 2 to 2000000."
    ),
    argument(
        name = "tolerance",
        description = "How far values may be from the first of their range, in the signal's unit: a constant, 0 or more. Default 0."
    ),
    related_udf(name = "state_runs"),
    related_udf(name = "missing_ranges")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct StuckRanges;

/// A range with times in place of indices.
#[derive(Debug)]
pub(crate) struct TimedRange {
    start: i64,
    end: i64,
    value: f64,
    count: usize,
}

impl Record for TimedRange {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("start", argument_types[1].clone()),
            ("end", argument_types[1].clone()),
            ("value", DataType::Float64),
            ("n", DataType::Int64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |range| Some(range.start)),
            integers(records, |range| Some(range.end)),
            floats(records, |range| Some(range.value)),
            integers(records, |range| Some(range.count as i64)),
        ]
    }
}

fn timed_ranges(rows: &[Timed], count_min: usize, tolerance: f64) -> Option<Vec<TimedRange>> {
    if rows.is_empty() {
        return None;
    }
    let ranges = stuck_ranges(&Timed::values(rows), count_min, tolerance);
    let timed = ranges.into_iter().map(|range| TimedRange {
        start: rows[range.first].time,
        end: rows[range.last].time,
        value: rows[range.first].value,
        count: range.last - range.first + 1,
    });
    Some(timed.collect())
}

impl CollectedFunction for StuckRanges {
    const NAME: &'static str = "stuck_ranges";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("min_rows", DataType::Int64),
        ("tolerance", DataType::Float64),
    ];

    const REQUIRED: usize = 1;

    type Row = Timed;

    type Output = Vec<TimedRange>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<TimedRange>>> {
        let count_min = call.count("min_rows", 2, 2, COUNT_MAX)?;
        let tolerance = call.float("tolerance", 0.0, "a number, 0 or more", |x| x >= 0.0)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            timed_ranges(rows, count_min, tolerance)
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
    use crate::collected::testing::{Case, signal};

    fn case(options: Vec<datafusion_common::ScalarValue>) -> Case {
        Case::with(Collected::udf(StuckRanges), options)
    }

    #[test]
    fn ranges_do_not_move() {
        let x = signal(&[1.0, 1.0, f64::NAN, 1.0, 2.0, 2.0, 3.0, 3.1, 2.9]);
        case(vec![3_i64.into()]).check_list(&x, "start", Some(&[0.0]), 0.0);
        case(vec![3_i64.into()]).check_list(&x, "end", Some(&[3.0]), 0.0);
        case(vec![2_i64.into()]).check_list(&x, "n", Some(&[3.0, 2.0]), 0.0);
        let loose = case(vec![3_i64.into(), 0.2_f64.into()]);
        loose.check_list(&x, "value", Some(&[1.0, 3.0]), 0.0);
        case(vec![2_i64.into()]).check_list(&signal(&[]), "n", None, 0.0);
        case(vec![2_i64.into()]).check_list(&signal(&[1.0]), "n", Some(&[]), 0.0);
    }

    #[test]
    fn options_must_make_sense() {
        let error = case(vec![1_i64.into()]).error(&signal(&[1.0]));
        assert!(error.contains("stuck_ranges: argument `min_rows` must be a whole number from 2"));
        let error = case(vec![2_i64.into(), (-1.0).into()]).error(&signal(&[1.0]));
        assert!(
            error.contains("`tolerance` must be a number, 0 or more, not -1"),
            "{error}"
        );
    }
}
