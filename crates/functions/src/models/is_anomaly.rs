//! `is_anomaly(model, feature, …)`: whether a row's anomaly score is above 0.65.
//!
//! | row                  | result |
//! |----------------------|--------|
//! | a feature is missing | NULL   |

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;
use models::Model;

use super::bound::{ModelFunction, array, presence};

/// Rows above this score are called anomalous.
const SCORE_MAX: f64 = 0.65;

#[user_doc(
    doc_section(label = "Models"),
    description = "Whether a row is anomalous: its `anomaly_score` is above 0.65. NULL where a feature is missing.",
    syntax_example = "is_anomaly(model[, feature, …])",
    sql_example = r#"```sql
SELECT time, asset_id FROM sensor_data WHERE is_anomaly('motor', voltage_v, current_a, vibration_g);
```"#,
    argument(
        name = "model",
        description = "The name of a model of the database, a constant text; with `@` and a number a version of it."
    ),
    argument(
        name = "feature",
        description = "The features of the model in their order, numbers of any type or records of them. Without any, the columns under the names that the model learned from."
    ),
    related_udf(name = "anomaly_score"),
    related_udf(name = "explain")
)]
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct IsAnomaly;

impl ModelFunction for IsAnomaly {
    const NAME: &'static str = "is_anomaly";

    fn return_type() -> DataType {
        DataType::Boolean
    }

    fn evaluate(
        model: &Model,
        _constants: &[String],
        columns: &[&[f64]],
        rows: usize,
    ) -> models::Result<ArrayRef> {
        let mut scores = vec![0.0; rows];
        model.score(columns, &mut scores)?;
        let nulls = presence(&scores);
        let above: Vec<bool> = scores.iter().map(|score| *score > SCORE_MAX).collect();
        array(BooleanArray::new(above.into(), nulls))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
