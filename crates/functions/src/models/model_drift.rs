//! `model_drift(model, feature, …)`: how far the features of some rows are from those that a model was trained on.
//!
//! | rows                                             | result                           |
//! |--------------------------------------------------|----------------------------------|
//! | none                                             | NULL                             |
//! | all values of a feature missing, now or then     | its `ks` is NULL                 |
//! | missing values                                   | count in `psi` as a share more   |
//!
//! Memory does not grow with the rows: values are counted between the points that the model keeps.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, ListArray, StringArray, StructArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, UInt64Type};
use datafusion_common::utils::SingleRowListArrayBuilder;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::format_state_name;
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, Volatility,
};
use datafusion_macros::user_doc;
use models::{Drift, DriftCounts, Model};

use super::bound::{Feature, coerced, failed, unbound};
use super::{ModelCall, ModelVersion};

pub(super) const NAME: &str = "model_drift";

#[user_doc(
    doc_section(label = "Models"),
    description = "How far the features of some rows have moved from the rows that a model was trained on, to tell when it has to be trained again: a list with a record `feature`, `psi` and `ks` for each. `psi`, the population stability index over the deciles of training, is below 0.1 for none, above 0.25 for a shift; `ks` is the distance of Kolmogorov and Smirnov, from 0 to 1. NULL without rows; `ks` is NULL where all values are missing.",
    syntax_example = "model_drift(model[, feature, …])",
    sql_example = r#"```sql
SELECT day, d['feature'] AS feature, d['psi'] AS psi
FROM (
  SELECT date_trunc('day', time) AS day, unnest(model_drift('motor', voltage_v, current_a, vibration_g)) AS d
  FROM sensor_data GROUP BY 1
)
WHERE d['psi'] > 0.25;
```"#,
    argument(
        name = "model",
        description = "The name of a model of the database, a constant text; with `@` and a number a version of it."
    ),
    argument(
        name = "feature",
        description = "The features of the model in their order, numbers of any type or records of them. Without any, the columns under the names that the model learned from."
    ),
    related_udf(name = "psi"),
    related_udf(name = "anomaly_score")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
struct ModelDrift {
    /// Nothing in the function that SQL finds by its name.
    version: Option<ModelVersion>,
    signature: Signature,
}

pub(super) fn udf() -> AggregateUDF {
    AggregateUDF::new_from_impl(ModelDrift {
        version: None,
        signature: Signature::variadic_any(Volatility::Immutable),
    })
}

/// How the function is called, if it is this one without a model.
pub(super) fn call(function: &AggregateUDF) -> Option<ModelCall> {
    let drift = function.inner().downcast_ref::<ModelDrift>()?;
    let is_named = drift.version.is_none();
    is_named.then_some(ModelCall { constants: 0 })
}

/// The function with a model, if it is this one without a model.
pub(super) fn bind(function: &AggregateUDF, version: &ModelVersion) -> Option<AggregateUDF> {
    call(function)?;
    Some(AggregateUDF::new_from_impl(ModelDrift {
        version: Some(version.clone()),
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("feature", DataType::Utf8, true),
        Field::new("psi", DataType::Float64, true),
        Field::new("ks", DataType::Float64, true),
    ])
}

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(fields()), true))
}

impl AggregateUDFImpl for ModelDrift {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(coerced(arg_types, 0))
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(item()))
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let Some(version) = &self.version else {
            return unbound(NAME);
        };
        Ok(Box::new(Counting {
            counts: version.model.drift_counts(),
            model: Arc::clone(&version.model),
            rows: 0,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "counts");
        let item = Field::new_list_field(DataType::UInt64, true);
        Ok(vec![Arc::new(Field::new(
            name,
            DataType::List(Arc::new(item)),
            true,
        ))])
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The rows so far.
#[derive(Debug)]
struct Counting {
    model: Arc<Model>,
    counts: DriftCounts,
    rows: u64,
}

impl Accumulator for Counting {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        // The first is the name of the model.
        let columns = Feature::of_columns(&values[1..])?;
        let columns: Vec<&[f64]> = columns.iter().map(Feature::values).collect();
        self.model
            .count_drift(&mut self.counts, &columns)
            .map_err(failed)?;
        self.rows += columns.first().map_or(0, |column| column.len()) as u64;
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let numbers = std::iter::once(self.rows).chain(self.counts.numbers());
        let numbers: UInt64Array = numbers.map(Some).collect();
        let list = SingleRowListArrayBuilder::new(Arc::new(numbers));
        Ok(vec![list.build_list_scalar()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states[0].as_list::<i32>();
        for at in 0..lists.len() {
            let list = lists.value(at);
            if let [rows, numbers @ ..] = &**list.as_primitive::<UInt64Type>().values() {
                self.rows += rows;
                self.counts.add_numbers(numbers).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.rows == 0 {
            return ScalarValue::try_from(DataType::List(item()));
        }
        Ok(ScalarValue::List(Arc::new(list(
            &self.model.drift_of(&self.counts),
        ))))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.numbers().count() * size_of::<u64>()
    }
}

/// A single list of all features.
fn list(drifts: &[Drift]) -> ListArray {
    let names = drifts.iter().map(|drift| Some(drift.feature.as_str()));
    let numbers = |number: fn(&Drift) -> Option<f64>| -> ArrayRef {
        Arc::new(drifts.iter().map(number).collect::<Float64Array>())
    };
    let names: ArrayRef = Arc::new(names.collect::<StringArray>());
    let columns = vec![names, numbers(|drift| drift.psi), numbers(|drift| drift.ks)];
    let records = StructArray::new(fields(), columns, None);
    SingleRowListArrayBuilder::new(Arc::new(records))
        .with_nullable(true)
        .build_list_array()
}
