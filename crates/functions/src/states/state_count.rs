//! `state_count(state, time, wanted)`: how often it came to a state.

use analytics::states::runs;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::observed::{Observed, State};
use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "States"),
    description = "How many times something came to a state: the number of maximal runs of it. 0 when it never did, NULL without rows.",
    syntax_example = "state_count(state, time, wanted)",
    sql_example = r#"```sql
SELECT asset_id, state_count(mode, time, 'tripped') AS trips FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "state",
        description = "The state: text, a boolean or a number. NULL is skipped."
    ),
    argument(name = "time", description = "Its time, a timestamp or an integer."),
    argument(name = "wanted", description = "The state that counts: a constant."),
    related_udf(name = "state_runs"),
    related_udf(name = "state_duration")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct StateCount;

impl CollectedFunction for StateCount {
    const NAME: &'static str = "state_count";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("wanted", DataType::Utf8)];

    const REQUIRED: usize = 1;

    type Row = Observed;

    type Output = i64;

    fn bind(&self, call: &Call) -> Result<Formula<Observed, i64>> {
        let wanted = State::wanted(call)?;
        Ok(Formula::new(move |rows: &[Observed]| {
            let (states, times) = Observed::columns_of(rows);
            let runs = runs(&states, &times);
            let count = runs
                .iter()
                .filter(|run| *states[run.first] == wanted)
                .count();
            (!rows.is_empty()).then_some(count as i64)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
