//! `predict_interval(model, feature, …)`: a prediction with the bounds that the truth is expected between.
//!
//! | row                  | result                                                             |
//! |----------------------|--------------------------------------------------------------------|
//! | a feature is missing | NULL, but gradient boosting has learned what a missing value means |
//! | the model was trained without held-out rows | an error while the query is planned         |

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;
use models::Model;

use super::bound::{ModelFunction, array, presence};

#[user_doc(
    doc_section(label = "Models"),
    description = "What a model of kind `ridge` or `gradient_boosting` predicts for a row, as a record `prediction`, `lower` and `upper`: the truth is between the bounds as often as option `interval` of the training said, 0.9 by default, on machines that the model has not seen. The bounds come from machines that were held out (split-conformal prediction). NULL where a feature is missing that the model cannot do without.",
    syntax_example = "predict_interval(model[, feature, …])",
    sql_example = r#"```sql
SELECT unit_number, p['prediction'], p['lower'], p['upper']
FROM (SELECT unit_number, predict_interval('rul', s_2, s_3, s_4, s_11) AS p FROM cmapss);
```"#,
    argument(
        name = "model",
        description = "The name of a model of the database, a constant text; with `@` and a number a version of it."
    ),
    argument(
        name = "feature",
        description = "The features of the model in their order, numbers of any type or records of them. Without any, the columns under the names that the model learned from."
    ),
    related_udf(name = "predict"),
    related_udf(name = "coverage")
)]
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct PredictInterval;

fn fields() -> Fields {
    let names = ["prediction", "lower", "upper"];
    names
        .map(|name| Field::new(name, DataType::Float64, true))
        .into_iter()
        .collect()
}

impl ModelFunction for PredictInterval {
    const NAME: &'static str = "predict_interval";

    fn return_type() -> DataType {
        DataType::Struct(fields())
    }

    fn evaluate(
        model: &Model,
        _constants: &[String],
        columns: &[&[f64]],
        rows: usize,
    ) -> models::Result<ArrayRef> {
        let [mut prediction, mut lower, mut upper] = [(); 3].map(|()| vec![0.0; rows]);
        model.predict_interval(columns, &mut lower, &mut upper)?;
        model.predict(columns, &mut prediction)?;
        let nulls = presence(&prediction);
        let column = |values| Arc::new(Float64Array::new(Vec::into(values), nulls.clone())) as _;
        let columns = [prediction, lower, upper].map(column);
        array(StructArray::new(fields(), columns.into(), nulls.clone()))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
