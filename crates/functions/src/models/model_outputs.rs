//! `model_outputs(model, feature, …)`: all columns that a model makes of its features, as a record.
//!
//! | kind of model   | fields                                         |
//! |-----------------|------------------------------------------------|
//! | a scaler        | the features, scaled, under their names        |
//! | `pca`, `kmeans` | distances, scores, the cluster                 |
//!
//! A field is NULL where a feature is missing that it needs. The type of the result follows from the model, so that whoever
//! plans queries says beforehand which models there are ([`typed`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion_common::Result;
use datafusion_expr::{Documentation, ScalarUDF};
use datafusion_macros::user_doc;
use models::Model;

use super::ModelVersion;
use super::bound::{ModelFunction, Named, array, present, unbound};

#[user_doc(
    doc_section(label = "Models"),
    description = "All columns that a model makes of its features, as a record: of `standard_scaler` and `robust_scaler` the scaled features, under their names; of `pca` and `kmeans` the distances, scores and the cluster. A field is NULL where a feature is missing that it needs.",
    syntax_example = "model_outputs(model[, feature, …])",
    sql_example = r#"```sql
CREATE MODEL normal USING standard_scaler WITH (regime = (setting_1, setting_2)) AS
SELECT setting_1, setting_2, s_2, s_3 FROM engines;

SELECT unit_number, o['s_2'], o['s_3'] FROM (SELECT unit_number, model_outputs('normal') AS o FROM engines);
```"#,
    argument(
        name = "model",
        description = "The name of a model of the database, a constant text; with `@` and a number a version of it."
    ),
    argument(
        name = "feature",
        description = "The features of the model in their order, numbers of any type or records of them. Without any, the columns under the names that the model learned from."
    ),
    related_udf(name = "model_output"),
    related_udf(name = "trailing_features")
)]
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct ModelOutputs {
    /// By the names of models as they are written.
    types: BTreeMap<String, DataType>,
}

/// The function, knowing what these models give, by their names as they are written.
pub(super) fn typed<'a>(
    models: impl IntoIterator<Item = (&'a str, &'a ModelVersion)>,
) -> models::Result<ScalarUDF> {
    let typed = |(name, version): (&str, &ModelVersion)| {
        // A kind without outputs says so.
        let missing = vec![<&[f64]>::default(); version.model.names().len()];
        version.model.transform(&missing)?;
        let record = ModelOutputs::return_type_of(&version.model);
        Ok((name.to_owned(), record))
    };
    let types = models.into_iter().map(typed);
    let types = types.collect::<models::Result<_>>()?;
    Ok(Named::udf(ModelOutputs { types }))
}

fn fields(model: &Model) -> Fields {
    let names = model.outputs().into_iter();
    names
        .map(|name| Field::new(name, DataType::Float64, true))
        .collect()
}

impl ModelFunction for ModelOutputs {
    const NAME: &'static str = "model_outputs";

    fn return_type() -> DataType {
        DataType::Struct(Fields::empty())
    }

    fn named_return_type(&self, model: Option<&str>) -> Result<DataType> {
        match model.and_then(|name| self.types.get(name)) {
            Some(known) => Ok(known.clone()),
            None => unbound(Self::NAME),
        }
    }

    fn return_type_of(model: &Model) -> DataType {
        DataType::Struct(fields(model))
    }

    fn evaluate(
        model: &Model,
        _constants: &[String],
        columns: &[&[f64]],
        _rows: usize,
    ) -> models::Result<ArrayRef> {
        let outputs = model.transform(columns)?.into_iter();
        let outputs = outputs.map(|output| Arc::new(present(output)) as ArrayRef);
        array(StructArray::new(fields(model), outputs.collect(), None))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
