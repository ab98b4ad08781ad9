//! [`SketchAggregate`]: `kind(x[, parameter])` and `kind_merge(sketch)` as DataFusion takes them.

use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, not_impl_err, plan_err};
use datafusion_doc::DocSection;
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF,
    Signature, Volatility,
};

pub(crate) use super::groups::Source;
use super::groups::{FrameSketch, OneSketch, Sketches};
use super::kind::Kind;
use crate::constant::constant;
use crate::runs::RunsAccumulator;

/// The heading in the reference.
const SECTION: DocSection = DocSection {
    include: true,
    label: "Sketches",
    description: None,
};

/// An aggregate whose result is a stored sketch.
#[derive(Debug)]
struct SketchAggregate<K> {
    name: String,
    source: Source,
    signature: Signature,
    documentation: Documentation,
    kind: PhantomData<K>,
}

/// The aggregate over values or over stored sketches.
pub(crate) fn aggregate<K: Kind>(source: Source) -> AggregateUDF {
    let (name, documentation) = match source {
        Source::Values => (K::NAME.to_owned(), values_documentation::<K>()),
        Source::Sketches => (merge_name::<K>(), merge_documentation::<K>()),
    };
    AggregateUDF::new_from_impl(SketchAggregate::<K> {
        name,
        source,
        signature: Signature::user_defined(Volatility::Immutable),
        documentation,
        kind: PhantomData,
    })
}

fn merge_name<K: Kind>() -> String {
    format!("{}_merge", K::NAME)
}

impl<K> PartialEq for SketchAggregate<K> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl<K> Eq for SketchAggregate<K> {}

impl<K> Hash for SketchAggregate<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl<K: Kind> SketchAggregate<K> {
    fn sketches(&self, args: &AccumulatorArgs) -> Result<Sketches<K>> {
        if args.is_distinct {
            return not_impl_err!("{}(DISTINCT …) is not supported", self.name);
        }
        let parameter = match args.exprs.len() {
            0 | 1 => None,
            _ => Some(constant(args, 1, &self.name, K::PARAMETER.0)?),
        };
        let empty = K::empty(parameter.as_ref())?;
        Ok(Sketches::new(&self.name, self.source, empty))
    }
}

impl<K: Kind> AggregateUDFImpl for SketchAggregate<K> {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.source, arg_types) {
            (Source::Values, [value]) => Ok(vec![K::value_type(value)?]),
            (Source::Values, [value, _]) => Ok(vec![K::value_type(value)?, K::PARAMETER.1]),
            (Source::Sketches, [sketch]) => Ok(vec![sketch_type(&self.name, sketch)?]),
            _ => plan_err!("{}: takes {}", self.name, self.documentation.syntax_example),
        }
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "sketch");
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneSketch::new(self.sketches(&args)?)))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(FrameSketch::new(self.sketches(&args)?)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(RunsAccumulator::new(self.sketches(&args)?)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// The type that stored sketches are cast to.
pub(crate) fn sketch_type(function: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        kind if kind.is_binary() || kind.is_null() => Ok(DataType::Binary),
        other => plan_err!("{function}: a stored sketch is BINARY, not {other}"),
    }
}

fn values_documentation<K: Kind>() -> Documentation {
    let name = K::NAME;
    let (parameter, _, meaning) = K::PARAMETER;
    let reading = &K::READS[0];
    let argument = if reading.argument.is_some() {
        ", 0.95"
    } else {
        ""
    };
    let example = format!(
        "```sql\nSELECT date_bin(INTERVAL '1 hour', time) AS hour, {name}_{}({name}(current_a){argument}) \
         FROM sensor_data GROUP BY hour;\n```",
        reading.suffix
    );
    Documentation::builder(SECTION, K::DESCRIPTION, format!("{name}(x[, {parameter}])"))
        .with_sql_example(example)
        .with_argument("x", "The values. NULL, NaN and infinities are skipped.")
        .with_argument(parameter, meaning)
        .with_related_udf(merge_name::<K>())
        .build()
}

fn merge_documentation<K: Kind>() -> Documentation {
    let (kind, name) = (K::NAME, merge_name::<K>());
    let (parameter, ..) = K::PARAMETER;
    let example = format!(
        "```sql\nSELECT asset_id, {kind}_count({name}(hourly.sketch)) FROM hourly GROUP BY asset_id;\n```"
    );
    let description = format!(
        "One `{kind}` sketch of all that stored ones have seen. They must have the same {parameter}; bytes that are no such sketch are an error."
    );
    Documentation::builder(SECTION, description, format!("{name}(sketch)"))
        .with_sql_example(example)
        .with_argument(
            "sketch",
            format!("What `{kind}` returned. NULL is skipped."),
        )
        .with_related_udf(kind)
        .build()
}
