//! `explain(model, feature, …)`: which features make a row's score or prediction what it is.
//!
//! | kind of model             | a contribution is                                                             |
//! |---------------------------|-------------------------------------------------------------------------------|
//! | isolation forest, scalers | standard deviations from the training mean; of a forest only those from 1.5   |
//! | principal components      | the part of the distance that is farther over its limit, in limits            |
//! | k-means                   | the part of the squared distance to the centre                                |
//! | ridge, gradient boosting  | what the feature adds to the mean prediction                                  |
//!
//! A feature that is missing contributes nothing; without any there is an empty list.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, ListArray, StringBuilder, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;
use models::Model;

use super::bound::{ModelFunction, array};

#[user_doc(
    doc_section(label = "Models"),
    description = "Why a model gives a row its score or prediction: a list of records `feature` and `contribution`, the largest first. Of an isolation forest or a scaler they are standard deviations from the mean of the training rows (of a forest those from 1.5), of `pca` and `kmeans` parts of the distance, of `ridge` and `gradient_boosting` what the feature adds to the mean prediction. A missing feature is left out.",
    syntax_example = "explain(model[, feature, …])",
    sql_example = r#"```sql
SELECT time, asset_id, why['feature'] AS feature, why['contribution'] AS contribution
FROM (
  SELECT time, asset_id, unnest(explain('motor', voltage_v, current_a, vibration_g)) AS why
  FROM sensor_data WHERE is_anomaly('motor', voltage_v, current_a, vibration_g)
);
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
    related_udf(name = "predict"),
    related_udf(name = "explain_deviation")
)]
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Explain;

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("feature", DataType::Utf8, true),
        Field::new("contribution", DataType::Float64, true),
    ])
}

fn item() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Struct(fields()), true))
}

impl ModelFunction for Explain {
    const NAME: &'static str = "explain";

    fn return_type() -> DataType {
        DataType::List(item())
    }

    fn evaluate(
        model: &Model,
        _constants: &[String],
        columns: &[&[f64]],
        rows: usize,
    ) -> models::Result<ArrayRef> {
        let (mut names, mut values) = (StringBuilder::new(), Float64Builder::new());
        let mut lengths = Vec::with_capacity(rows);
        let mut row = Vec::with_capacity(columns.len());
        for at in 0..rows {
            row.clear();
            row.extend(columns.iter().map(|column| column[at]));
            let contributions = model.explain(&row)?.contributions;
            lengths.push(contributions.len());
            for contribution in contributions {
                names.append_value(contribution.feature);
                values.append_value(contribution.value);
            }
        }
        let records = vec![
            Arc::new(names.finish()) as ArrayRef,
            Arc::new(values.finish()),
        ];
        let records = StructArray::new(fields(), records, None);
        let offsets = OffsetBuffer::from_lengths(lengths);
        array(ListArray::new(item(), offsets, Arc::new(records), None))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
