//! `missing_ranges(value, time[, step])`: where rows are missing.
//!
//! | rows                                 | result             |
//! |--------------------------------------|--------------------|
//! | none                                 | NULL               |
//! | nothing is missing                   | an empty list      |
//! | NULL, NaN, infinity in value or time | the row is missing |

use analytics::quality::{MissingRange, missing_ranges};
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, IntervalUnit};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::reading::step;
use crate::collected::output::integers;
use crate::collected::{Call, CollectedFunction, Formula, Record, Timed};

#[user_doc(
    doc_section(label = "Data quality"),
    description = "The ranges of time in which rows are missing: a list of structs of `start`, the time of the last row before, `end`, that of the first row after, and `n`, how many rows are missing between them. Rows are missing where times are one and a half steps or more apart; a row without a value is missing too. NULL without rows.",
    syntax_example = "missing_ranges(value, time[, step])",
    sql_example = r#"```sql
SELECT asset_id, r['start'] AS start, r['end'] AS end, r['n'] AS missing
FROM (SELECT asset_id, unnest(missing_ranges(vibration_g, time, INTERVAL '1 second')) AS r FROM sensor_data GROUP BY asset_id);
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. A row where it is NULL, NaN or infinite is missing."
    ),
    argument(
        name = "time",
        description = "The times of the rows, timestamps or integers, in any order."
    ),
    argument(
        name = "step",
        description = "The time between rows: a constant interval or, where times are integers, a number. Default: the median between different times."
    ),
    related_udf(name = "completeness"),
    related_udf(name = "num_gaps"),
    related_udf(name = "sampling_stats")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MissingRanges;

impl Record for MissingRange {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("start", argument_types[1].clone()),
            ("end", argument_types[1].clone()),
            ("n", DataType::Int64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |range| Some(range.start)),
            integers(records, |range| Some(range.end)),
            integers(records, |range| i64::try_from(range.count).ok()),
        ]
    }
}

impl CollectedFunction for MissingRanges {
    const NAME: &'static str = "missing_ranges";

    const OPTIONS: &'static [(&'static str, DataType)] =
        &[("step", DataType::Interval(IntervalUnit::MonthDayNano))];

    type Row = Timed;

    type Output = Vec<MissingRange>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<MissingRange>>> {
        let step = step(call)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            let times: Vec<i64> = rows.iter().map(|row| row.time).collect();
            (!times.is_empty()).then(|| missing_ranges(&times, step))
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
    fn ranges_lie_between_rows() {
        let case = Case::new(Collected::udf(MissingRanges));
        let columns = [values(&[1.0; 6]), integers([60, 0, 10, 20, 50, 70])];
        case.check_list(&columns, "start", Some(&[20.0]), 0.0);
        case.check_list(&columns, "end", Some(&[50.0]), 0.0);
        case.check_list(&columns, "n", Some(&[2.0]), 0.0);
        // A row without a value is missing.
        let columns = [
            values(&[1.0, f64::NAN, 1.0, 1.0]),
            integers([0, 10, 20, 30]),
        ];
        case.check_list(&columns, "n", Some(&[]), 0.0);
        let case = Case::with(Collected::udf(MissingRanges), vec![millis(1_000)]);
        let columns = [values(&[1.0, f64::NAN, 1.0]), seconds(&[5.0, 6.0, 7.0])];
        case.check_list(&columns, "start", Some(&[5e9]), 0.0);
        case.check_list(&columns, "n", Some(&[1.0]), 0.0);
    }

    #[test]
    fn no_rows_have_no_ranges() {
        let case = Case::new(Collected::udf(MissingRanges));
        case.check_list(&signal(&[]), "n", None, 0.0);
        case.check_list(&signal(&[1.0]), "n", Some(&[]), 0.0);
        case.check_list(&signal(&[f64::NAN]), "n", None, 0.0);
    }
}
