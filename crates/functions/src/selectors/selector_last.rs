//! `selector_last(value, time[, others…])`: the row of the latest time. Ties and gaps: see the table of the family.

use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::picked::Output;
use super::plan::Rule;
use super::selector::Selects;

#[user_doc(
    doc_section(label = "Selectors"),
    description = "Value and time of the latest row, as a struct. Of rows of the same time, the one with the larger value, as in InfluxQL. Rows without a value or a time are skipped; when none is left every field is NULL.",
    syntax_example = "selector_last(value, time[, others…])",
    sql_example = r#"```sql
SELECT asset_id, last['value'] AS temperature, last['time'] AS time, last['other_1'] AS load
FROM (SELECT asset_id, selector_last(temperature_c, time, load_pct) AS last FROM sensor_data GROUP BY asset_id);
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
    related_udf(name = "selector_min"),
    related_udf(name = "selector_max")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SelectorLast;

impl Selects for SelectorLast {
    const NAME: &'static str = "selector_last";

    const RULE: Rule = Rule::Last;

    const OUTPUT: Output = Output::Row;

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
