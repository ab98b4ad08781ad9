//! `selector_max(value, time[, others…])`: the row of the largest value. Ties and gaps: see the table of the family.

use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::picked::Output;
use super::plan::Rule;
use super::selector::Selects;

#[user_doc(
    doc_section(label = "Selectors"),
    description = "Largest value and its time, as a struct. Of equal values, the earliest. Rows without a value or a time are skipped; when none is left every field is NULL.",
    syntax_example = "selector_max(value, time[, others…])",
    sql_example = r#"```sql
SELECT date_bin(INTERVAL '1 hour', time) AS hour, selector_max(vibration_g, time, asset_id)['other_1'] AS worst
FROM sensor_data GROUP BY hour;
```"#,
    argument(
        name = "value",
        description = "The column to select from, of any type; `value` of the result."
    ),
    argument(name = "time", description = "The row's time; `time` of the result."),
    argument(
        name = "others",
        description = "More columns of the selected row: `other_1`, `other_2`, … of the result."
    ),
    related_udf(name = "selector_first"),
    related_udf(name = "selector_last"),
    related_udf(name = "selector_min")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SelectorMax;

impl Selects for SelectorMax {
    const NAME: &'static str = "selector_max";

    const RULE: Rule = Rule::Max;

    const OUTPUT: Output = Output::Row;

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
