//! From the rows of a query to a trained model.
//!
//! | column of the query             | becomes                                                            |
//! |---------------------------------|--------------------------------------------------------------------|
//! | the one after `PREDICT`         | the target                                                         |
//! | the one after `GROUP BY`        | says which rows are of one machine, whatever its type              |
//! | those after `IGNORE`            | nothing                                                            |
//! | `time`, a timestamp             | the range of times that is kept with the model                     |
//! | any other that is a number      | a feature; NULL is a missing value                                 |
//! | a record of numbers             | a feature for each of its fields, `f['mean']` say                  |
//! | any other                       | an error that names it                                             |
//!
//! The columns are held in memory while the model is trained, and counted against the memory of queries together
//! with as much again for what training makes of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use analytics::sketches::xxh64;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, max, min};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, TimeUnit, TimestampNanosecondType};
use catalog::TIME_COLUMN;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use futures::StreamExt;
use models::{Control, Options, Trained, TrainingData};

use super::feature_names;
use crate::advice;
use crate::error::{Error, Result};

/// What is to be trained.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) options: Options,
    /// The column to learn.
    pub(crate) target: Option<String>,
    /// The column that says which rows are of one machine.
    pub(crate) group: Option<String>,
    /// Columns that are left aside.
    pub(crate) ignored: Vec<String>,
}

/// Rows to learn from.
#[derive(Debug)]
pub(crate) struct Training {
    recipe: Recipe,
    names: Vec<String>,
    features: Vec<Vec<f64>>,
    target: Option<Vec<f64>>,
    groups: Option<Vec<u64>>,
    /// The first and the last time, nanoseconds since 1970.
    pub(crate) times: Option<(i64, i64)>,
    memory: MemoryReservation,
}

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Feature,
    Target,
    Group,
    Time,
    Ignored,
}

impl Training {
    /// Reads all rows of a query.
    pub(crate) async fn collect(
        recipe: Recipe,
        mut rows: SendableRecordBatchStream,
        pool: &Arc<dyn MemoryPool>,
    ) -> Result<Self> {
        let schema = rows.schema();
        let roles = roles(&recipe, &schema)?;
        let places = || roles.iter().enumerate();
        let features = places().filter(|(_, role)| **role == Role::Feature);
        let names: Vec<String> = features
            .flat_map(|(place, _)| names(schema.field(place)))
            .collect();
        let mut training = Self {
            features: vec![Vec::new(); names.len()],
            names,
            target: roles.contains(&Role::Target).then(Vec::new),
            groups: roles.contains(&Role::Group).then(Vec::new),
            times: None,
            memory: MemoryConsumer::new("rows of CREATE MODEL").register(pool),
            recipe,
        };
        while let Some(batch) = rows.next().await.transpose()? {
            training.add(&batch, &roles)?;
        }
        // Once more for the copies that training makes.
        training.memory.try_grow(training.memory.size())?;
        Ok(training)
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.features.first().map_or(0, Vec::len)
    }

    fn add(&mut self, batch: &RecordBatch, roles: &[Role]) -> Result<()> {
        let columns = self.features.len() + 2;
        self.memory.try_grow(batch.num_rows() * columns * 8)?;
        let mut features = self.features.iter_mut();
        for (column, role) in batch.columns().iter().zip(roles) {
            match role {
                Role::Feature => {
                    for column in parts(column) {
                        let feature = features.next().expect("there is one for each such column");
                        append(feature, &column)?;
                    }
                }
                Role::Target => append(self.target.get_or_insert_default(), column)?,
                Role::Group => group(self.groups.get_or_insert_default(), column)?,
                Role::Time => self.times = widened(self.times, column)?,
                Role::Ignored => {}
            }
        }
        Ok(())
    }

    /// Trains. `is_cancelled` is looked at between steps.
    pub(crate) fn train(&self, threads: usize, is_cancelled: &AtomicBool) -> Result<Trained> {
        let columns: Vec<&[f64]> = self.features.iter().map(Vec::as_slice).collect();
        let data = TrainingData {
            names: &self.names,
            columns: &columns,
            target: self.target.as_deref(),
            groups: self.groups.as_deref(),
        };
        let is_cancelled = || is_cancelled.load(Ordering::Relaxed);
        let control = Control::default()
            .with_threads(threads)
            .with_cancellation(&is_cancelled);
        Ok(models::train(&self.recipe.options, &data, &control)?)
    }
}

/// The names of the features that a column is.
fn names(field: &Field) -> Vec<String> {
    let column = field.name();
    match field.data_type() {
        DataType::Struct(fields) => {
            let names = fields
                .iter()
                .map(|field| feature_names::of_field(column, field.name()));
            names.collect()
        }
        _ => vec![column.clone()],
    }
}

/// The columns of numbers that a column is.
fn parts(column: &ArrayRef) -> Vec<ArrayRef> {
    match column.as_struct_opt() {
        // What is missing as a whole is missing in each field.
        Some(record) => record.flatten().1,
        None => vec![Arc::clone(column)],
    }
}

/// Whether a column of this type can be learned from.
fn is_feature(kind: &DataType) -> bool {
    match kind {
        DataType::Struct(fields) => fields.iter().all(|field| field.data_type().is_numeric()),
        kind => kind.is_numeric(),
    }
}

fn roles(recipe: &Recipe, schema: &Schema) -> Result<Vec<Role>> {
    let named = [&recipe.target, &recipe.group];
    let named = named.into_iter().flatten().chain(&recipe.ignored);
    for name in named {
        if schema.column_with_name(name).is_none() {
            let all = schema.fields().iter().map(|field| field.name().clone());
            return Err(Error::ColumnNotFound {
                column: name.clone(),
                suggestion: advice::nearest(name, all),
                position: None,
            });
        }
    }
    let role = |field: &Arc<Field>| {
        let (name, kind) = (field.name(), field.data_type());
        let role = match () {
            () if recipe.ignored.contains(name) => Role::Ignored,
            () if recipe.group.as_ref() == Some(name) => Role::Group,
            () if recipe.target.as_ref() == Some(name) => Role::Target,
            () if name == TIME_COLUMN && matches!(kind, DataType::Timestamp(..)) => Role::Time,
            () => Role::Feature,
        };
        let is_fit = match role {
            Role::Feature => is_feature(kind),
            Role::Target => kind.is_numeric(),
            Role::Group | Role::Time | Role::Ignored => true,
        };
        if !is_fit {
            return Err(Error::NotANumber {
                column: name.clone(),
                kind: kind.to_string(),
            });
        }
        Ok(role)
    };
    schema.fields().iter().map(role).collect()
}

fn converted(column: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
    Ok(cast(column, kind).map_err(DataFusionError::from)?)
}

fn append(values: &mut Vec<f64>, column: &ArrayRef) -> Result<()> {
    let column = converted(column, &DataType::Float64)?;
    let column = column.as_primitive::<Float64Type>();
    match column.null_count() {
        0 => values.extend_from_slice(column.values()),
        _ => values.extend(column.iter().map(|value| value.unwrap_or(f64::NAN))),
    }
    Ok(())
}

/// Numbers that follow from the values alone, not from the order of rows.
fn group(groups: &mut Vec<u64>, column: &ArrayRef) -> Result<()> {
    // No text has this byte.
    const NONE: &[u8] = &[0xff];
    let column = converted(column, &DataType::Utf8)?;
    let column = column.as_string::<i32>();
    let number = |text: Option<&str>| xxh64(text.map_or(NONE, str::as_bytes));
    groups.extend(column.iter().map(number));
    Ok(())
}

fn widened(times: Option<(i64, i64)>, column: &ArrayRef) -> Result<Option<(i64, i64)>> {
    let column = converted(column, &DataType::Timestamp(TimeUnit::Nanosecond, None))?;
    let column = column.as_primitive::<TimestampNanosecondType>();
    let (Some(first), Some(last)) = (min(column), max(column)) else {
        return Ok(times);
    };
    Ok(Some(match times {
        None => (first, last),
        Some(times) => (times.0.min(first), times.1.max(last)),
    }))
}
