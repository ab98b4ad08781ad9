//! `model_output(model, output, feature, …)`: one of the columns that a model makes of its features.
//!
//! | kind of model  | outputs                                                                     |
//! |----------------|-----------------------------------------------------------------------------|
//! | a scaler       | the features, scaled, under their names                                     |
//! | `pca`, `kmeans` | distances, scores, the cluster: an error about a wrong one names them      |
//!
//! NULL where a feature is missing that the output needs.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;
use models::{Error, Model};

use super::bound::{ModelFunction, array, present};

#[user_doc(
    doc_section(label = "Models"),
    description = "One of the columns that a model makes of its features: of `standard_scaler` and `robust_scaler` a scaled feature, by its name; of `pca` and `kmeans` the distances, scores and the cluster. NULL where a feature is missing. An output that the model does not have is an error that names those it has.",
    syntax_example = "model_output(model, output[, feature, …])",
    sql_example = r#"```sql
CREATE MODEL normal USING standard_scaler WITH (regime = (setting_1, setting_2)) AS
SELECT setting_1, setting_2, s_2, s_3 FROM cmapss;

SELECT unit_number, model_output('normal', 's_2', setting_1, setting_2, s_2, s_3) AS s_2 FROM cmapss;
```"#,
    argument(
        name = "model",
        description = "The name of a model of the database, a constant text; with `@` and a number a version of it."
    ),
    argument(
        name = "output",
        description = "The name of the output, a constant text."
    ),
    argument(
        name = "feature",
        description = "The features of the model in their order, numbers of any type or records of them. Without any, the columns under the names that the model learned from."
    ),
    related_udf(name = "condition_normalize"),
    related_udf(name = "predict")
)]
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct ModelOutput;

impl ModelFunction for ModelOutput {
    const NAME: &'static str = "model_output";

    const CONSTANTS: usize = 1;

    fn return_type() -> DataType {
        DataType::Float64
    }

    fn evaluate(
        model: &Model,
        constants: &[String],
        columns: &[&[f64]],
        _rows: usize,
    ) -> models::Result<ArrayRef> {
        // First: a kind without outputs says so.
        let mut outputs = model.transform(columns)?;
        let names = model.outputs();
        let wanted = constants.first().map_or("", String::as_str);
        match names.iter().position(|name| name == wanted) {
            Some(place) => array(present(outputs.swap_remove(place))),
            None => Err(Error::InvalidOption {
                name: "output".to_owned(),
                expected: format!("one of {}", names.join(", ")),
                given: format!("'{wanted}'"),
            }),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
