//! [`SketchScalar`]: `kind_quantile(sketch, q)`, `kind_rank(sketch, value)` and `kind_count(sketch)`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, Float64Array, Int64Array};
use arrow::datatypes::DataType;
use datafusion_common::cast::as_binary_array;
use datafusion_common::{Result, exec_err, internal_err, plan_err};
use datafusion_doc::DocSection;
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::aggregate::sketch_type;
use super::kind::{Kind, Read, Reading, error};
use crate::scalar::{Operand, evaluate_rows};

/// The heading in the reference.
const SECTION: DocSection = DocSection {
    include: true,
    label: "Reading sketches",
    description: None,
};

/// A function that reads something from a stored sketch.
#[derive(Debug)]
struct SketchScalar<K: Kind> {
    name: String,
    reading: &'static Reading<K::Sketch>,
    signature: Signature,
    documentation: Documentation,
}

/// The scalar function of a reading.
pub(crate) fn read<K: Kind>(reading: &'static Reading<K::Sketch>) -> ScalarUDF {
    let name = format!("{}_{}", K::NAME, reading.suffix);
    ScalarUDF::new_from_impl(SketchScalar::<K> {
        documentation: documentation::<K>(&name, reading),
        name,
        reading,
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

impl<K: Kind> PartialEq for SketchScalar<K> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl<K: Kind> Eq for SketchScalar<K> {}

impl<K: Kind> Hash for SketchScalar<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl<K: Kind> SketchScalar<K> {
    /// The numbers of all rows; NULL where the sketch or the argument is missing or the argument is out of range.
    fn numbers(&self, sketches: &BinaryArray, argument: Option<&Operand>) -> Result<ArrayRef> {
        let decode = |row: usize| {
            let bytes = sketches.is_valid(row).then(|| sketches.value(row));
            let sketch = bytes.map(K::decode).transpose();
            sketch.map_err(|refusal| error(&self.name, &refusal))
        };
        let argument = |row: usize| {
            let value = argument.and_then(|argument| argument.get(row))?;
            let limits = self.reading.limits;
            limits
                .is_none_or(|(min, max, _)| (min..=max).contains(&value))
                .then_some(value)
        };
        let rows = 0..sketches.len();
        Ok(match &self.reading.read {
            Read::Count(read) => {
                let count = |row| Ok(decode(row)?.map(|sketch| read(&sketch) as i64));
                Arc::new(rows.map(count).collect::<Result<Int64Array>>()?)
            }
            Read::Float(read) => {
                let number = |row| {
                    let Some(value) = argument(row) else {
                        return Ok(None);
                    };
                    Ok(decode(row)?.and_then(|sketch| read(&sketch, value)))
                };
                Arc::new(rows.map(number).collect::<Result<Float64Array>>()?)
            }
        })
    }
}

impl<K: Kind> ScalarUDFImpl for SketchScalar<K> {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match (arg_types, self.reading.argument) {
            ([sketch], None) => Ok(vec![sketch_type(&self.name, sketch)?]),
            ([sketch, _], Some(_)) => Ok(vec![sketch_type(&self.name, sketch)?, DataType::Float64]),
            _ => plan_err!("{}: takes {}", self.name, self.documentation.syntax_example),
        }
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(match self.reading.read {
            Read::Count(_) => DataType::Int64,
            Read::Float(_) => DataType::Float64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [sketches, rest @ ..] = args.args.as_slice() else {
            return internal_err!("{}: takes a sketch", self.name);
        };
        let argument = rest.first().map(Operand::try_new).transpose()?;
        if let (Some(Operand::Constant(Some(value))), Some((min, max, expected))) =
            (&argument, self.reading.limits)
            && !(min..=max).contains(value)
            && let Some((name, _)) = self.reading.argument
        {
            return exec_err!(
                "{}: argument `{name}` must be {expected}, not {value}",
                self.name
            );
        }
        let is_constant = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let sketches = sketches.to_array(if is_constant { 1 } else { args.number_rows })?;
        let numbers = self.numbers(as_binary_array(&sketches)?, argument.as_ref())?;
        evaluate_rows(&args, |_| numbers)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

fn documentation<K: Kind>(name: &str, reading: &Reading<K::Sketch>) -> Documentation {
    let kind = K::NAME;
    let syntax = match reading.argument {
        Some((argument, _)) => format!("{name}(sketch, {argument})"),
        None => format!("{name}(sketch)"),
    };
    let builder = Documentation::builder(SECTION, reading.description, syntax).with_argument(
        "sketch",
        format!("What `{kind}` or `{kind}_merge` returned."),
    );
    let builder = match reading.argument {
        Some((argument, meaning)) => builder.with_argument(argument, meaning),
        None => builder,
    };
    builder.with_related_udf(kind).build()
}
