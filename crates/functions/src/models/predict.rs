//! `predict(model, feature, …)`: what a regression predicts, or the number of a row's cluster.
//!
//! | row                  | result                                                            |
//! |----------------------|-------------------------------------------------------------------|
//! | a feature is missing | NULL, but gradient boosting has learned what a missing value means |

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;
use models::Model;

use super::bound::{ModelFunction, array, numbers};

#[user_doc(
    doc_section(label = "Models"),
    description = "What a model of kind `ridge` or `gradient_boosting` predicts for a row, or the number of the cluster that `kmeans` puts it in. NULL where a feature is missing; gradient boosting has learned what a missing value means and predicts all the same.",
    syntax_example = "predict(model[, feature, …])",
    sql_example = r#"```sql
CREATE MODEL rul USING gradient_boosting PREDICT rul GROUP BY unit_number AS
SELECT unit_number, s_2, s_3, s_4, s_11, rul FROM training;

SELECT unit_number, predict('rul', s_2, s_3, s_4, s_11) AS cycles_left FROM cmapss;
```"#,
    argument(
        name = "model",
        description = "The name of a model of the database, a constant text; with `@` and a number a version of it."
    ),
    argument(
        name = "feature",
        description = "The features of the model in their order, numbers of any type or records of them. Without any, the columns under the names that the model learned from."
    ),
    related_udf(name = "predict_interval"),
    related_udf(name = "explain")
)]
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Predict;

impl ModelFunction for Predict {
    const NAME: &'static str = "predict";

    fn return_type() -> DataType {
        DataType::Float64
    }

    fn evaluate(
        model: &Model,
        _constants: &[String],
        columns: &[&[f64]],
        rows: usize,
    ) -> models::Result<ArrayRef> {
        array(numbers(rows, |out| model.predict(columns, out))?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
