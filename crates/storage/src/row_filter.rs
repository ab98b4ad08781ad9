//! Rows that are stored and must not be seen: deleted ones, and those older than they are kept.
//!
//! A filter is applied to the rows of one file *before* they are merged with those of other files.
//! That is right because it looks at tags and time alone: it takes away the row of a key as a whole,
//! and never what was written later under the same key. [`matches`] evaluates conditions on rows, and
//! is the one place that gives them their meaning.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Datum, Float64Array, Int64Array, RecordBatch, Scalar,
    StringArray, TimestampNanosecondArray, UInt64Array, new_null_array,
};
use arrow::compute::kernels::{cmp, comparison};
use arrow::compute::{and_kleene, cast, filter_record_batch, is_null, not, or_kleene, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use catalog::{ColumnRef, Comparison, Delete, FileRecord, Predicate, TIME_COLUMN, Table, Value};

/// Which rows of a file a reader must not see.
#[derive(Debug, Clone, Default)]
pub struct RowFilter {
    /// Rows before this time are too old.
    earliest: Option<i64>,
    deletes: Vec<Arc<Delete>>,
}

impl RowFilter {
    /// What applies to a file of this table when rows are kept from `earliest` on.
    pub(crate) fn of(table: &Table, file: &FileRecord, earliest: i64) -> Self {
        Self {
            earliest: (file.time_min < earliest).then_some(earliest),
            deletes: table.deletes_of(file).cloned().collect(),
        }
    }

    /// Hides what these delete.
    pub(crate) fn of_deletes(deletes: Vec<Arc<Delete>>) -> Self {
        let earliest = None;
        Self { earliest, deletes }
    }

    /// Whether it hides nothing.
    pub fn is_empty(&self) -> bool {
        self.earliest.is_none() && self.deletes.is_empty()
    }

    /// What tells filters apart: two with the same hide the same rows.
    pub fn identity(&self) -> (Option<i64>, Vec<u64>) {
        let deletes = self.deletes.iter().map(|delete| delete.id).collect();
        (self.earliest, deletes)
    }

    /// The names of the columns it looks at.
    pub fn columns<'a>(&self, table: &'a Table) -> Vec<&'a str> {
        let mut names = Vec::new();
        if self.earliest.is_some() {
            names.push(TIME_COLUMN);
        }
        for delete in &self.deletes {
            delete
                .predicate
                .visit_columns(&mut |column| names.push(column_name(column, table)));
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The rows that may be seen. The batch must have the [columns](Self::columns) that it looks at.
    pub fn apply(&self, batch: RecordBatch, table: &Table) -> Result<RecordBatch, ArrowError> {
        let mut hidden: Option<BooleanArray> = None;
        let mut hide = |rows: BooleanArray| -> Result<(), ArrowError> {
            hidden = Some(match hidden.take() {
                None => rows,
                Some(others) => or_kleene(&others, &rows)?,
            });
            Ok(())
        };
        if let Some(earliest) = self.earliest {
            hide(cmp::lt(
                column(&batch, TIME_COLUMN)?,
                &TimestampNanosecondArray::new_scalar(earliest),
            )?)?;
        }
        for delete in &self.deletes {
            hide(matches(&delete.predicate, &batch, table)?)?;
        }
        match hidden {
            None => Ok(batch),
            Some(hidden) if hidden.true_count() == 0 => Ok(batch),
            Some(hidden) => filter_record_batch(&batch, &is_not_true(&hidden)),
        }
    }
}

/// The rows of which a condition is not true: false, or neither.
pub(crate) fn is_not_true(rows: &BooleanArray) -> BooleanArray {
    rows.iter().map(|row| Some(row != Some(true))).collect()
}

/// Evaluates a condition on every row: true, false, or NULL for neither. A column of the table that
/// the batch does not have is NULL in all its rows.
pub(crate) fn matches(
    predicate: &Predicate,
    batch: &RecordBatch,
    table: &Table,
) -> Result<BooleanArray, ArrowError> {
    let all = |items: &[Predicate], start, combine: Combine| {
        let start = BooleanArray::from(vec![start; batch.num_rows()]);
        items.iter().try_fold(start, |so_far, item| {
            combine(&so_far, &matches(item, batch, table)?)
        })
    };
    let values = |column: ColumnRef| values_of(column, batch, table);
    match predicate {
        Predicate::All => Ok(BooleanArray::from(vec![true; batch.num_rows()])),
        Predicate::And(items) => all(items, true, and_kleene),
        Predicate::Or(items) => all(items, false, or_kleene),
        Predicate::Not(item) => not(&matches(item, batch, table)?),
        Predicate::Compare {
            column,
            comparison,
            value,
        } => compare(&values(*column), *comparison, value),
        Predicate::IsNull(column) => is_null(&values(*column)),
        Predicate::Like {
            column,
            pattern,
            ignore_case,
        } => on_texts(&values(*column), |texts| {
            let pattern = StringArray::new_scalar(pattern);
            match ignore_case {
                true => comparison::ilike(&texts, &pattern),
                false => comparison::like(&texts, &pattern),
            }
        }),
        Predicate::Matches {
            column,
            pattern,
            ignore_case,
        } => on_texts(&values(*column), |texts| {
            let flags = ignore_case.then_some("i");
            arrow::compute::regexp_is_match_scalar(texts.as_string::<i32>(), pattern, flags)
        }),
    }
}

type Combine = fn(&BooleanArray, &BooleanArray) -> Result<BooleanArray, ArrowError>;

fn column_name(column: ColumnRef, table: &Table) -> &str {
    match column {
        ColumnRef::Time => TIME_COLUMN,
        ColumnRef::Column(id) => &table.columns()[usize::from(id.0)].name,
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    batch
        .column_by_name(name)
        .ok_or_else(|| ArrowError::SchemaError(format!("rows lack the column '{name}'")))
}

fn values_of(column: ColumnRef, batch: &RecordBatch, table: &Table) -> ArrayRef {
    match batch.column_by_name(column_name(column, table)) {
        Some(values) => Arc::clone(values),
        None => new_null_array(&DataType::Utf8, batch.num_rows()),
    }
}

fn compare(
    values: &ArrayRef,
    comparison: Comparison,
    value: &Value,
) -> Result<BooleanArray, ArrowError> {
    let compare = match comparison {
        Comparison::Equal => cmp::eq,
        Comparison::NotEqual => cmp::neq,
        Comparison::Less => cmp::lt,
        Comparison::LessOrEqual => cmp::lt_eq,
        Comparison::Greater => cmp::gt,
        Comparison::GreaterOrEqual => cmp::gt_eq,
    };
    if values.null_count() == values.len() {
        return Ok(BooleanArray::new_null(values.len()));
    }
    let with = |value: &dyn Datum| compare(values, value);
    match value {
        Value::Time(nanos) => with(&TimestampNanosecondArray::new_scalar(*nanos)),
        Value::Float(number) => with(&Float64Array::new_scalar(*number)),
        Value::Integer(number) => with(&Int64Array::new_scalar(*number)),
        Value::UInteger(number) => with(&UInt64Array::new_scalar(*number)),
        Value::Boolean(truth) => with(&Scalar::new(BooleanArray::from(vec![*truth]))),
        Value::Text(text) => on_texts(values, |texts| {
            compare(&texts, &StringArray::new_scalar(text))
        }),
    }
}

/// Evaluates a condition on texts once per distinct value of a dictionary.
fn on_texts(
    values: &ArrayRef,
    test: impl Fn(ArrayRef) -> Result<BooleanArray, ArrowError>,
) -> Result<BooleanArray, ArrowError> {
    match values.data_type() {
        DataType::Dictionary(_, _) => {
            let dictionary = values.as_any_dictionary();
            let distinct = test(cast(dictionary.values(), &DataType::Utf8)?)?;
            let rows = take(&distinct, dictionary.keys(), None)?;
            Ok(rows.as_boolean().clone())
        }
        _ => test(cast(values, &DataType::Utf8)?),
    }
}

#[cfg(test)]
mod tests;
