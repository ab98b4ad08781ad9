//! `state_runs(state, time)`: the maximal runs of equal states.

use analytics::states::runs;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::observed::{Observed, State, column};
use crate::collected::output::integers;
use crate::collected::{Call, CollectedFunction, Formula, Record};

#[user_doc(
    doc_section(label = "States"),
    description = "A list of the maximal runs of equal states: structs of `state`, `start`, `end` and the number of rows `n`. A run ends where the next one starts; the last one ends at its last row.",
    syntax_example = "state_runs(state, time)",
    sql_example = r#"```sql
SELECT asset_id, r['state'] AS state, r['start'] AS since, r['end'] - r['start'] AS lasted
FROM (SELECT asset_id, unnest(state_runs(mode, time)) AS r FROM sensor_data GROUP BY asset_id);
```"#,
    argument(
        name = "state",
        description = "The state: text, a boolean or a number. NULL is skipped."
    ),
    argument(name = "time", description = "Its time, a timestamp or an integer."),
    related_udf(name = "state_duration"),
    related_udf(name = "state_count")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct StateRuns;

/// A run with its state and times.
#[derive(Debug)]
pub(crate) struct StateRun {
    state: State,
    start: i64,
    end: i64,
    count: usize,
}

impl Record for StateRun {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("state", argument_types[0].clone()),
            ("start", argument_types[1].clone()),
            ("end", argument_types[1].clone()),
            ("n", DataType::Int64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        let states = records.iter().map(|run| run.as_ref().map(|run| &run.state));
        vec![
            column(states),
            integers(records, |run| Some(run.start)),
            integers(records, |run| Some(run.end)),
            integers(records, |run| Some(run.count as i64)),
        ]
    }
}

impl CollectedFunction for StateRuns {
    const NAME: &'static str = "state_runs";

    type Row = Observed;

    type Output = Vec<StateRun>;

    fn bind(&self, _call: &Call) -> Result<Formula<Observed, Vec<StateRun>>> {
        Ok(Formula::new(|rows: &[Observed]| {
            let (states, times) = Observed::columns_of(rows);
            let runs = runs(&states, &times).into_iter().map(|run| StateRun {
                state: states[run.first].clone(),
                start: run.start,
                end: run.end,
                count: run.count,
            });
            (!rows.is_empty()).then(|| runs.collect())
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
