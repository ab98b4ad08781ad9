//! `first_by(value, by)`: the value of the row whose `by` is smallest. Ties and gaps: see the table of the family.

use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::picked::Output;
use super::plan::Rule;
use super::selector::Selects;

#[user_doc(
    doc_section(label = "Selectors"),
    description = "Value of the row whose `by` is smallest, such as its time or its cycle number. Of equals, the larger value. Rows without a value or a `by` are skipped.",
    syntax_example = "first_by(value, by)",
    sql_example = r#"```sql
SELECT asset_id, first_by(health, cycle) FROM runs GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The column to select from, of any type."
    ),
    argument(name = "by", description = "What orders the rows, of any type."),
    related_udf(name = "last_by"),
    related_udf(name = "selector_first")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct FirstBy;

impl Selects for FirstBy {
    const NAME: &'static str = "first_by";

    const RULE: Rule = Rule::First;

    const OUTPUT: Output = Output::Value;

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
