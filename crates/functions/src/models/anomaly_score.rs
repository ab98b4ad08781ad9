//! `anomaly_score(model, feature, …)`: how anomalous a row is, from 0 to 1.
//!
//! | row                              | result                                                              |
//! |----------------------------------|---------------------------------------------------------------------|
//! | a feature is missing             | NULL                                                                |
//! | as unusual as the 99th percentile of training | 2/3, with the default calibration                      |
//! | the model learned a target       | an error while the query is planned                                 |

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;
use models::Model;

use super::bound::{ModelFunction, array, numbers};

#[user_doc(
    doc_section(label = "Models"),
    description = "How anomalous a row is, from 0 to 1, by a model of kind `isolation_forest`, `pca` or `kmeans`. With the default calibration one row in a hundred of the training rows is above 0.667, and rows above 0.65 are called anomalous. NULL where a feature is missing.",
    syntax_example = "anomaly_score(model[, feature, …])",
    sql_example = r#"```sql
CREATE MODEL motor USING isolation_forest AS
SELECT voltage_v, current_a, vibration_g FROM sensor_data WHERE time < '2026-02-01';

SELECT time, asset_id, anomaly_score('motor', voltage_v, current_a, vibration_g) AS score FROM sensor_data;
```"#,
    argument(
        name = "model",
        description = "The name of a model of the database, a constant text. `'motor@3'` is its version 3, `'motor'` the current one."
    ),
    argument(
        name = "feature",
        description = "The features of the model in their order, numbers of any type or records of them; `DESCRIBE MODEL` shows them. Without any, the columns under the names that the model learned from."
    ),
    related_udf(name = "is_anomaly"),
    related_udf(name = "explain"),
    related_udf(name = "health_from_score")
)]
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct AnomalyScore;

impl ModelFunction for AnomalyScore {
    const NAME: &'static str = "anomaly_score";

    fn return_type() -> DataType {
        DataType::Float64
    }

    fn evaluate(
        model: &Model,
        _constants: &[String],
        columns: &[&[f64]],
        rows: usize,
    ) -> models::Result<ArrayRef> {
        array(numbers(rows, |out| model.score(columns, out))?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
