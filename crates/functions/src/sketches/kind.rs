//! [`Kind`]: what tells the sketches apart.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use analytics::sketches::{HyperLogLog, QuantileSketch, SketchError, xxh64};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion_common::{Result, ScalarValue, exec_datafusion_err, internal_err, plan_err};

use crate::runs::Groups;
use crate::values::is_present;

/// One kind of sketch.
pub(crate) trait Kind: Debug + Send + Sync + 'static {
    /// The sketch itself.
    type Sketch: Clone + Debug + Send + Sync + 'static;

    /// What is added to a sketch.
    type Item: Copy;

    /// The SQL name of the aggregate over values.
    const NAME: &'static str;

    /// What can be read from a sketch.
    const READS: &'static [Reading<Self::Sketch>];

    /// The name, the type, and the description of the argument that says how exact a sketch is.
    const PARAMETER: (&'static str, DataType, &'static str);

    /// What it is for and how far it errs, for the reference.
    const DESCRIPTION: &'static str;

    /// The type that values are cast to.
    fn value_type(data_type: &DataType) -> Result<DataType>;

    /// Calls `each` with the groups and the items of neighbouring rows of one group, of those that have a value and that
    /// the filter keeps.
    fn for_each_run(
        column: &ArrayRef,
        groups: Groups,
        filter: Option<&BooleanArray>,
        each: impl FnMut(usize, &[Self::Item]) + Send,
    ) -> Result<()>;

    /// An empty sketch with the parameter, or its default.
    fn empty(parameter: Option<&ScalarValue>) -> Result<Self::Sketch>;

    /// Adds items.
    fn extend(sketch: &mut Self::Sketch, items: &[Self::Item]);

    /// Adds all that another sketch has seen.
    fn merge(sketch: &mut Self::Sketch, other: &Self::Sketch) -> Result<(), SketchError>;

    /// The bytes to store.
    fn encode(sketch: &mut Self::Sketch) -> Vec<u8>;

    /// Reads stored bytes.
    fn decode(bytes: &[u8]) -> Result<Self::Sketch, SketchError>;

    /// Heap memory in use, in bytes.
    fn heap_bytes(sketch: &Self::Sketch) -> usize;
}

/// Something that can be read from a sketch.
#[derive(Debug)]
pub(crate) struct Reading<S> {
    /// What is added to the name of the sketch.
    pub(crate) suffix: &'static str,
    /// The second argument: its name and description.
    pub(crate) argument: Option<(&'static str, &'static str)>,
    /// Refuses a constant argument; the text completes "must be …".
    pub(crate) limits: Option<(f64, f64, &'static str)>,
    /// For the reference.
    pub(crate) description: &'static str,
    /// How it is read.
    pub(crate) read: Read<S>,
}

/// How something is read from a sketch.
#[derive(Debug)]
pub(crate) enum Read<S> {
    /// A number that depends on the argument.
    Float(fn(&S, f64) -> Option<f64>),
    /// A count.
    Count(fn(&S) -> u64),
}

/// The error of a sketch in a function.
pub(crate) fn error(function: &str, error: &SketchError) -> datafusion_common::DataFusionError {
    exec_datafusion_err!("{function}: {error}")
}

/// The sketches that know quantiles.
#[derive(Debug)]
pub(crate) struct Quantiles<S>(PhantomData<S>);

impl<S: DescribedSketch> Kind for Quantiles<S> {
    type Sketch = S;

    type Item = f64;

    const NAME: &'static str = S::NAME;

    const READS: &'static [Reading<S>] = &[
        Reading {
            suffix: "quantile",
            argument: Some(("q", "The share of the values that are below, 0 to 1.")),
            limits: Some((0.0, 1.0, "a number from 0 to 1")),
            description: S::QUANTILE,
            read: Read::Float(|sketch, q| sketch.quantile(q)),
        },
        Reading {
            suffix: "rank",
            argument: Some(("value", "A value of the sketched signal.")),
            limits: None,
            description: "Share of the values (0 to 1) that are at or below a value.",
            read: Read::Float(|sketch, value| sketch.rank(value)),
        },
        Reading {
            suffix: "count",
            argument: None,
            limits: None,
            description: "How many values a sketch was made from.",
            read: Read::Count(|sketch| sketch.count()),
        },
    ];

    const PARAMETER: (&'static str, DataType, &'static str) =
        (S::PARAMETER.0, DataType::Float64, S::PARAMETER_DESCRIPTION);

    const DESCRIPTION: &'static str = S::DESCRIPTION;

    fn value_type(_data_type: &DataType) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn for_each_run(
        column: &ArrayRef,
        groups: Groups,
        filter: Option<&BooleanArray>,
        each: impl FnMut(usize, &[f64]) + Send,
    ) -> Result<()> {
        <f64 as crate::aggregate::Item>::for_each_run(
            std::slice::from_ref(column),
            groups,
            filter,
            each,
        )
    }

    fn empty(parameter: Option<&ScalarValue>) -> Result<S> {
        let parameter = match parameter {
            None => S::PARAMETER.1,
            Some(ScalarValue::Float64(Some(parameter))) => *parameter,
            Some(other) => {
                return plan_err!(
                    "{}: argument `{}` must be a number, not {other}",
                    S::NAME,
                    S::PARAMETER.0
                );
            }
        };
        S::with_parameter(parameter).map_err(|refusal| error(S::NAME, &refusal))
    }

    fn extend(sketch: &mut S, items: &[f64]) {
        sketch.extend(items);
    }

    fn merge(sketch: &mut S, other: &S) -> Result<(), SketchError> {
        sketch.merge(other)
    }

    fn encode(sketch: &mut S) -> Vec<u8> {
        sketch.encode()
    }

    fn decode(bytes: &[u8]) -> Result<S, SketchError> {
        S::decode(bytes)
    }

    fn heap_bytes(sketch: &S) -> usize {
        sketch.heap_bytes()
    }
}

/// The words about a sketch in the reference.
pub(crate) trait DescribedSketch: QuantileSketch {
    /// What it is for and how far it errs.
    const DESCRIPTION: &'static str;

    /// What a quantile of it is.
    const QUANTILE: &'static str;

    /// What its parameter means.
    const PARAMETER_DESCRIPTION: &'static str;
}

impl DescribedSketch for analytics::sketches::PercentileAgg {
    const DESCRIPTION: &'static str = "A sketch for percentiles: exact up to 256 values, beyond that within a relative error of the value. The one to take when nothing speaks for another. The same whatever the order of rows and merges.";

    const QUANTILE: &'static str =
        "Value below which a share of the values are, interpolated as by `percentile_cont`.";

    const PARAMETER_DESCRIPTION: &'static str =
        "A constant: the largest relative error, 0.0001 to 0.5. Default 0.01.";
}

impl DescribedSketch for analytics::sketches::DdSketch {
    const DESCRIPTION: &'static str = "A sketch for quantiles within a relative error of the value (DDSketch). The same whatever the order of rows and merges. Values that span more than 8192 buckets (71 powers of ten at the default accuracy) coarsen it.";

    const QUANTILE: &'static str =
        "Value at position ⌊q·(n − 1)⌋ of the sorted values, within the accuracy of the sketch.";

    const PARAMETER_DESCRIPTION: &'static str =
        "A constant: the largest relative error, 0.0001 to 0.5. Default 0.01.";
}

impl DescribedSketch for analytics::sketches::TDigest {
    const DESCRIPTION: &'static str = "A sketch for quantiles that is best in the tails (t-digest). At the default compression quantiles err by at most 1.6 % in rank at the median, 0.3 % at the 99th percentile and 0.1 % at the 99.9th, and usually by a third of that; several times that when the values span dozens of powers of ten. Sketches of the same rows in another order differ within it.";

    const QUANTILE: &'static str = "Value below which a share of the values are, interpolated between the means of the sketch.";

    const PARAMETER_DESCRIPTION: &'static str = "A constant: about the largest number of means, 10 to 10000; more is more exact. Default 100.";
}

/// The sketch that counts distinct values.
#[derive(Debug)]
pub(crate) struct Hll;

impl Kind for Hll {
    type Sketch = HyperLogLog;

    type Item = u64;

    const NAME: &'static str = "hll";

    const READS: &'static [Reading<HyperLogLog>] = &[Reading {
        suffix: "count",
        argument: None,
        limits: None,
        description: "About how many distinct values a sketch has seen.",
        read: Read::Count(HyperLogLog::estimate),
    }];

    const PARAMETER: (&'static str, DataType, &'static str) = (
        "precision",
        DataType::Int64,
        "A constant: the sketch has two to the power of this registers, 4 to 18. Default 14.",
    );

    const DESCRIPTION: &'static str = "A sketch for the number of distinct values (HyperLogLog): almost exact for few, 0.8 % standard error at the default precision for many. The same whatever the order of rows and merges. Equal numbers of different types count once, and so do equal texts.";

    fn value_type(data_type: &DataType) -> Result<DataType> {
        Ok(match data_type {
            DataType::Dictionary(_, values) => Self::value_type(values)?,
            kind if kind.is_unsigned_integer() => DataType::UInt64,
            kind if kind.is_signed_integer() || kind.is_temporal() => match kind {
                DataType::Date32 | DataType::Time32(_) | DataType::Interval(_) => DataType::Utf8,
                kind if kind.is_temporal() => kind.clone(),
                _ => DataType::Int64,
            },
            kind if kind.is_floating() || kind.is_null() || kind.is_decimal() => DataType::Float64,
            DataType::Boolean => DataType::Boolean,
            kind if kind.is_string() => DataType::Utf8,
            other => return plan_err!("hll: values of type {other} cannot be counted"),
        })
    }

    fn for_each_run(
        column: &ArrayRef,
        groups: Groups,
        filter: Option<&BooleanArray>,
        mut each: impl FnMut(usize, &[u64]) + Send,
    ) -> Result<()> {
        for ((hash, group), row) in hashes(column)?.into_iter().zip(groups.of_rows).zip(0..) {
            let is_kept = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if let Some(hash) = hash.filter(|_| is_kept) {
                each(*group, &[hash]);
            }
        }
        Ok(())
    }

    fn empty(parameter: Option<&ScalarValue>) -> Result<HyperLogLog> {
        let precision = match parameter {
            None => HyperLogLog::PRECISION_DEFAULT,
            Some(ScalarValue::Int64(Some(precision))) => {
                u32::try_from(*precision).unwrap_or(u32::MAX)
            }
            Some(other) => {
                return plan_err!("hll: argument `precision` must be a whole number, not {other}");
            }
        };
        HyperLogLog::with_precision(precision).map_err(|refusal| error(Self::NAME, &refusal))
    }

    fn extend(sketch: &mut HyperLogLog, items: &[u64]) {
        items.iter().for_each(|item| sketch.push_hash(*item));
    }

    fn merge(sketch: &mut HyperLogLog, other: &HyperLogLog) -> Result<(), SketchError> {
        sketch.merge(other)
    }

    fn encode(sketch: &mut HyperLogLog) -> Vec<u8> {
        sketch.encode()
    }

    fn decode(bytes: &[u8]) -> Result<HyperLogLog, SketchError> {
        HyperLogLog::decode(bytes)
    }

    fn heap_bytes(sketch: &HyperLogLog) -> usize {
        sketch.heap_bytes()
    }
}

/// The hash of each row; `None` where the value is missing.
fn hashes(column: &ArrayRef) -> Result<Vec<Option<u64>>> {
    let rows = 0..column.len();
    let hash = |row: usize, bytes: &[u8]| column.is_valid(row).then(|| xxh64(bytes));
    Ok(match column.data_type() {
        DataType::Utf8 => {
            let texts = column.as_string::<i32>();
            rows.map(|row| hash(row, texts.value(row).as_bytes()))
                .collect()
        }
        DataType::Boolean => {
            let flags = column.as_boolean();
            rows.map(|row| hash(row, &[flags.value(row).into()]))
                .collect()
        }
        DataType::UInt64 => {
            let numbers = column.as_primitive::<UInt64Type>();
            rows.map(|row| hash(row, &numbers.value(row).to_le_bytes()))
                .collect()
        }
        DataType::Float64 => {
            let numbers = column.as_primitive::<Float64Type>();
            let item =
                |row| is_present(numbers, row).then(|| xxh64(&number_bytes(numbers.value(row))));
            rows.map(item).collect()
        }
        DataType::Int64
        | DataType::Timestamp(..)
        | DataType::Date64
        | DataType::Time64(_)
        | DataType::Duration(_) => {
            let numbers = cast(&Arc::clone(column), &DataType::Int64)?;
            let numbers = numbers.as_primitive::<Int64Type>();
            rows.map(|row| hash(row, &numbers.value(row).to_le_bytes()))
                .collect()
        }
        other => return internal_err!("hll: values of type {other} are cast before"),
    })
}

/// The bytes of a float; those of the integer where it is one, so that 1.0 and 1 are one value.
fn number_bytes(value: f64) -> [u8; 8] {
    let integer = value as i64;
    // 2^63 rounds to the largest integer, which is another number.
    if integer as f64 == value && integer != i64::MAX {
        integer.to_le_bytes()
    } else {
        value.to_le_bytes()
    }
}
