//! `sampling_stats(time)`: how regular the times of a series are.
//!
//! | rows           | result  |
//! |----------------|---------|
//! | fewer than two | NULL    |
//! | NULL time      | skipped |

use std::sync::Arc;

use analytics::quality::{SamplingStats as Stats, sampling_stats};
use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct};
use crate::span;
use crate::states::beat::Beat;

#[user_doc(
    doc_section(label = "Data quality"),
    description = "How regular the times of a series are: a struct of the number of rows `n`, the median `step`, `step_min` and `step_max` (the longest gap), `jitter`, the population standard deviation of the steps, and `is_regular`, whether at most 1 % of the steps differ by over 10 % from the median, as functions that take a regular series want it. In seconds, or in the unit of integer times. NULL below two rows.",
    syntax_example = "sampling_stats(time)",
    sql_example = r#"```sql
SELECT asset_id, s['step'], s['step_max'], s['is_regular']
FROM (SELECT asset_id, sampling_stats(time) AS s FROM sensor_data GROUP BY asset_id);
```"#,
    argument(
        name = "time",
        description = "The times of the rows, timestamps or integers, in any order. NULL is skipped."
    ),
    related_udf(name = "missing_ranges"),
    related_udf(name = "resample"),
    related_udf(name = "consistency")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SamplingStats;

impl Record for Stats {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("n", DataType::Int64),
            ("step", DataType::Float64),
            ("step_min", DataType::Float64),
            ("step_max", DataType::Float64),
            ("jitter", DataType::Float64),
            ("is_regular", DataType::Boolean),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        let is_regular = |record: &Option<Self>| record.map(|stats| stats.is_regular);
        vec![
            integers(records, |stats| i64::try_from(stats.count).ok()),
            floats(records, |stats| Some(stats.step)),
            floats(records, |stats| Some(stats.step_min)),
            floats(records, |stats| Some(stats.step_max)),
            floats(records, |stats| Some(stats.jitter)),
            Arc::new(BooleanArray::from_iter(records.iter().map(is_regular))),
        ]
    }
}

impl CollectedFunction for SamplingStats {
    const NAME: &'static str = "sampling_stats";

    type Row = Beat;

    type Output = Struct<Stats>;

    fn bind(&self, call: &Call) -> Result<Formula<Beat, Struct<Stats>>> {
        let unit = span::units(call, 0);
        Ok(Formula::new(move |beats: &[Beat]| {
            let times: Vec<i64> = beats.iter().map(|beat| beat.0).collect();
            let stats = sampling_stats(&times)?;
            Some(Struct(Stats {
                step: stats.step / unit,
                step_min: stats.step_min / unit,
                step_max: stats.step_max / unit,
                jitter: stats.jitter / unit,
                ..stats
            }))
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
    use crate::collected::testing::{Case, integers};
    use crate::window::testing::seconds;

    #[test]
    fn steps_have_statistics() {
        let case = Case::new(Collected::udf(SamplingStats));
        let expected = [
            ("n", 5.0),
            ("step", 10.0),
            ("step_min", 8.0),
            ("step_max", 12.0),
            ("jitter", 2f64.sqrt()),
            ("is_regular", 0.0),
        ];
        let cycles = [integers([40, 0, 10, 20, 32])];
        case.check_fields(&cycles, Some(&expected), 1e-12);
        let times = [seconds(&[0.0, 10.0, -1.0, 20.0, 32.0, 40.0])];
        case.check_fields(&times, Some(&expected), 1e-12);
        let regular = [("step", 1.0), ("is_regular", 1.0)];
        case.check_fields(&[seconds(&[1.0, 2.0, 3.0])], Some(&regular), 1e-12);
    }

    #[test]
    fn too_few_times_have_no_steps() {
        let case = Case::new(Collected::udf(SamplingStats));
        case.check_fields(&[integers([])], None, 0.0);
        case.check_fields(&[integers([5])], None, 0.0);
        case.check_fields(
            &[integers([5, 5])],
            Some(&[("step", 0.0), ("jitter", 0.0)]),
            0.0,
        );
    }
}
