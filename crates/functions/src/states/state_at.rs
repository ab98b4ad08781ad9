//! `state_at(state, time, at)`: the state at a time.

use analytics::states::state_at;
use arrow::datatypes::DataType;
use datafusion_common::{Result, plan_err};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::observed::{Observed, State};
use crate::collected::{Call, CollectedFunction, Formula};
use crate::span;

#[user_doc(
    doc_section(label = "States"),
    description = "The state at a time: that of the latest row that is not after it. NULL when there is none.",
    syntax_example = "state_at(state, time, at)",
    sql_example = r#"```sql
SELECT asset_id, state_at(mode, time, TIMESTAMP '2026-03-01T06:00:00') FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "state",
        description = "The state: text, a boolean or a number. NULL is skipped."
    ),
    argument(name = "time", description = "Its time, a timestamp or an integer."),
    argument(
        name = "at",
        description = "The time in question: a constant timestamp, or an integer for integer times."
    ),
    related_udf(name = "state_runs")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct StateAt;

impl CollectedFunction for StateAt {
    const NAME: &'static str = "state_at";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("at", DataType::Utf8)];

    const REQUIRED: usize = 1;

    type Row = Observed;

    type Output = State;

    fn bind(&self, call: &Call) -> Result<Formula<Observed, State>> {
        let Some(at) = span::moment(call, 1, "at")? else {
            return plan_err!("{}: argument `at` is missing", Self::NAME);
        };
        Ok(Formula::new(move |rows: &[Observed]| {
            let (states, times) = Observed::columns_of(rows);
            state_at(&states, &times, at).map(|state| State::clone(state))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
