//! `state_duration(state, time, wanted)`: how long it was in a state.

use analytics::states::runs;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::observed::{Observed, State};
use crate::collected::{Call, CollectedFunction, Formula};
use crate::span;

#[user_doc(
    doc_section(label = "States"),
    description = "How long something was in a state: in seconds, or in units of an integer time. A state lasts until the next row; the last row has no length. 0 when it never was in the state, NULL without rows.",
    syntax_example = "state_duration(state, time, wanted)",
    sql_example = r#"```sql
SELECT asset_id, state_duration(mode, time, 'running') / 3600 AS hours FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "state",
        description = "The state: text, a boolean or a number. NULL is skipped."
    ),
    argument(name = "time", description = "Its time, a timestamp or an integer."),
    argument(name = "wanted", description = "The state that counts: a constant."),
    related_udf(name = "state_runs"),
    related_udf(name = "state_count")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct StateDuration;

impl CollectedFunction for StateDuration {
    const NAME: &'static str = "state_duration";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("wanted", DataType::Utf8)];

    const REQUIRED: usize = 1;

    type Row = Observed;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Observed, f64>> {
        let wanted = State::wanted(call)?;
        let units = span::units(call, 1);
        Ok(Formula::new(move |rows: &[Observed]| {
            let (states, times) = Observed::columns_of(rows);
            let runs = runs(&states, &times);
            let runs = runs.iter().filter(|run| *states[run.first] == wanted);
            let length: i128 = runs
                .map(|run| i128::from(run.end) - i128::from(run.start))
                .sum();
            (!rows.is_empty()).then(|| length as f64 / units)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
