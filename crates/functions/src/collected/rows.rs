//! [`Row`]: what is collected of a row, and in which order formulas see it.
//!
//! | row        | columns            | order                                                                       |
//! |------------|--------------------|-----------------------------------------------------------------------------|
//! | `f64`      | value              | by value                                                                    |
//! | [`Timed`]  | value, time        | by time; equal times by value, because arrival has no order across threads  |
//! | [`Pair`]   | x, y               | by x, then y                                                                |
//! | [`Labelled`] | value, group     | by group, then value                                                        |
//! | [`Compared`] | reference, current, or value, is_current | the reference first, then by value                  |
//!
//! A row with a NULL, NaN or infinity in any of its columns is skipped.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion_common::Result;
use datafusion_common::cast::as_float64_array;
use datafusion_expr::TIMEZONE_WILDCARD;

use crate::values::complete;

/// A row of a group as it is kept.
pub(crate) trait Row: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// How many columns make a row, at least.
    const WIDTH: usize;

    /// How many of so many arguments are columns. Rows of any number of columns take all.
    fn width(_argument_count: usize) -> usize {
        Self::WIDTH
    }

    /// The types that the columns may have, one alternative after the other.
    fn signatures() -> Vec<Vec<DataType>>;

    /// Calls `each` with the rows whose columns are all present, and their indices, which rise.
    ///
    /// `columns` are those of a call or of a stored state: the types are the same.
    fn for_each_present(columns: &[ArrayRef], each: impl FnMut(usize, Self)) -> Result<()>;

    /// All rows, where the columns of all are present and it is faster to take many of them than one after the other.
    fn complete(_columns: &[ArrayRef]) -> Result<Option<Cow<'_, [Self]>>> {
        Ok(None)
    }

    /// The rows as columns again, in types that [`cast`] turns into `types`, those of the call.
    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        types: &[DataType],
    ) -> Vec<ArrayRef>
    where
        Self: 'a;

    /// The order in which formulas see the rows. Rows that compare as equal are alike in all columns.
    fn order(&self, other: &Self) -> Ordering;
}

impl Row for f64 {
    const WIDTH: usize = 1;

    fn signatures() -> Vec<Vec<DataType>> {
        vec![vec![DataType::Float64]]
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        for (row, value) in finite(as_float64_array(&columns[0])?) {
            each(row, value);
        }
        Ok(())
    }

    fn complete(columns: &[ArrayRef]) -> Result<Option<Cow<'_, [Self]>>> {
        let values = complete(as_float64_array(&columns[0])?);
        Ok(values.map(Cow::Borrowed))
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        _types: &[DataType],
    ) -> Vec<ArrayRef> {
        vec![Arc::new(Float64Array::from_iter_values(rows.copied()))]
    }

    fn order(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }
}

/// A value and its time: nanoseconds for timestamps, else the integer that was passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Timed {
    pub(crate) time: i64,
    pub(crate) value: f64,
}

impl Timed {
    /// The values alone, in the order of the rows.
    pub(crate) fn values(rows: &[Self]) -> Vec<f64> {
        rows.iter().map(|row| row.value).collect()
    }

    /// The times as floats: timestamps in seconds since the first row, which a float of nanoseconds since 1970 could not
    /// tell apart; integers as they are.
    pub(crate) fn times(rows: &[Self], has_timestamps: bool) -> Vec<f64> {
        let first = rows.first().map_or(0, |row| row.time);
        let seconds = |row: &Self| (i128::from(row.time) - i128::from(first)) as f64 / 1e9;
        let integer = |row: &Self| row.time as f64;
        if has_timestamps {
            rows.iter().map(seconds).collect()
        } else {
            rows.iter().map(integer).collect()
        }
    }
}

/// The types that a time may have: a timestamp, or an integer such as a cycle number.
pub(crate) fn time_types() -> [DataType; 3] {
    let nanoseconds = |zone| DataType::Timestamp(TimeUnit::Nanosecond, zone);
    [
        nanoseconds(None),
        nanoseconds(Some(TIMEZONE_WILDCARD.into())),
        DataType::Int64,
    ]
}

/// A column of times as integers.
pub(crate) fn time_integers(times: &ArrayRef) -> Result<Int64Array> {
    let integers = cast(times, &DataType::Int64)?;
    Ok(integers.as_primitive::<Int64Type>().clone())
}

impl Row for Timed {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        time_types()
            .map(|time| vec![DataType::Float64, time])
            .to_vec()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let times = time_integers(&columns[1])?;
        let values = as_float64_array(&columns[0])?;
        for (row, value) in finite(values) {
            if times.is_valid(row) {
                let time = times.value(row);
                each(row, Self { time, value });
            }
        }
        Ok(())
    }

    fn complete(columns: &[ArrayRef]) -> Result<Option<Cow<'_, [Self]>>> {
        let times = time_integers(&columns[1])?;
        let values = complete(as_float64_array(&columns[0])?);
        let Some(values) = values.filter(|_| times.null_count() == 0) else {
            return Ok(None);
        };
        let rows = values.iter().zip(times.values());
        let rows = rows.map(|(value, time)| Self {
            time: *time,
            value: *value,
        });
        Ok(Some(rows.collect()))
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        _types: &[DataType],
    ) -> Vec<ArrayRef> {
        let values = rows.clone().map(|row| row.value);
        let times = rows.map(|row| row.time);
        vec![
            Arc::new(Float64Array::from_iter_values(values)),
            Arc::new(Int64Array::from_iter_values(times)),
        ]
    }

    fn order(&self, other: &Self) -> Ordering {
        self.time
            .cmp(&other.time)
            .then(self.value.total_cmp(&other.value))
    }
}

/// Two values of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Row for Pair {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        vec![vec![DataType::Float64; 2]]
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let ys = as_float64_array(&columns[1])?;
        for (row, x) in finite(as_float64_array(&columns[0])?) {
            if ys.is_valid(row) && ys.value(row).is_finite() {
                let y = ys.value(row);
                each(row, Self { x, y });
            }
        }
        Ok(())
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        _types: &[DataType],
    ) -> Vec<ArrayRef> {
        let xs = rows.clone().map(|row| row.x);
        let ys = rows.map(|row| row.y);
        vec![
            Arc::new(Float64Array::from_iter_values(xs)),
            Arc::new(Float64Array::from_iter_values(ys)),
        ]
    }

    fn order(&self, other: &Self) -> Ordering {
        self.x.total_cmp(&other.x).then(self.y.total_cmp(&other.y))
    }
}

/// What tells the samples of a group apart: a number (a boolean is 0 or 1) or a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Label {
    Number(i64),
    /// Shared by neighbouring rows of a batch, so that it costs little.
    Text(Arc<str>),
}

/// A value and the sample that it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Labelled {
    pub(crate) label: Label,
    pub(crate) value: f64,
}

/// The labels of a batch.
enum Labels<'a> {
    Booleans(&'a BooleanArray),
    Numbers(&'a Int64Array),
    Texts(&'a StringArray),
}

impl<'a> Labels<'a> {
    fn of(column: &'a ArrayRef) -> Self {
        match column.data_type() {
            DataType::Boolean => Self::Booleans(column.as_boolean()),
            DataType::Int64 => Self::Numbers(column.as_primitive()),
            _ => Self::Texts(column.as_string()),
        }
    }

    /// The label of a row; the text of `last` is used again when it is the same.
    fn get(&self, row: usize, last: Option<&Label>) -> Option<Label> {
        match self {
            Self::Booleans(labels) => labels
                .is_valid(row)
                .then(|| Label::Number(labels.value(row).into())),
            Self::Numbers(labels) => labels
                .is_valid(row)
                .then(|| Label::Number(labels.value(row))),
            Self::Texts(labels) => labels.is_valid(row).then(|| match last {
                Some(Label::Text(text)) if **text == *labels.value(row) => {
                    Label::Text(Arc::clone(text))
                }
                _ => Label::Text(labels.value(row).into()),
            }),
        }
    }
}

impl Row for Labelled {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        [DataType::Boolean, DataType::Int64, DataType::Utf8]
            .map(|label| vec![DataType::Float64, label])
            .to_vec()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let labels = Labels::of(&columns[1]);
        // Two samples take turns more often than not, so the last two texts are remembered.
        let mut last: [Option<Label>; 2] = [None, None];
        for (row, value) in finite(as_float64_array(&columns[0])?) {
            let Some(label) = labels.get(row, last[0].as_ref()) else {
                continue;
            };
            if last[0].as_ref() != Some(&label) {
                last.swap(0, 1);
                if last[0].as_ref() != Some(&label) {
                    last[0] = Some(label);
                }
            }
            if let Some(label) = last[0].clone() {
                each(row, Self { label, value });
            }
        }
        Ok(())
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        types: &[DataType],
    ) -> Vec<ArrayRef> {
        let values = rows.clone().map(|row| row.value);
        let is_text = types[1] == DataType::Utf8;
        let labels: ArrayRef = if is_text {
            Arc::new(StringArray::from_iter(rows.map(|row| match &row.label {
                Label::Text(text) => Some(text.as_ref()),
                Label::Number(_) => None,
            })))
        } else {
            Arc::new(Int64Array::from_iter(rows.map(|row| match row.label {
                Label::Number(number) => Some(number),
                Label::Text(_) => None,
            })))
        };
        vec![Arc::new(Float64Array::from_iter_values(values)), labels]
    }

    fn order(&self, other: &Self) -> Ordering {
        self.label
            .cmp(&other.label)
            .then(self.value.total_cmp(&other.value))
    }
}

/// A value of a reference or of what is compared with it.
///
/// Either a value and whether it is current, or two columns of values: then a row of the input makes up to two of these.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Compared {
    pub(crate) is_current: bool,
    pub(crate) value: f64,
}

impl Compared {
    /// The values of the reference and the current ones, each sorted.
    pub(crate) fn split(rows: &[Self]) -> (Vec<f64>, Vec<f64>) {
        let (reference, current) = rows.split_at(rows.partition_point(|row| !row.is_current));
        let values = |rows: &[Self]| rows.iter().map(|row| row.value).collect();
        (values(reference), values(current))
    }
}

impl Row for Compared {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        [DataType::Boolean, DataType::Float64]
            .map(|second| vec![DataType::Float64, second])
            .to_vec()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let first = as_float64_array(&columns[0])?;
        if let Some(flags) = columns[1].as_boolean_opt() {
            for (row, value) in finite(first) {
                if flags.is_valid(row) {
                    let is_current = flags.value(row);
                    each(row, Self { is_current, value });
                }
            }
            return Ok(());
        }
        let second = as_float64_array(&columns[1])?;
        for row in 0..first.len() {
            for (is_current, column) in [(false, first), (true, second)] {
                if column.is_valid(row) && column.value(row).is_finite() {
                    let value = column.value(row);
                    each(row, Self { is_current, value });
                }
            }
        }
        Ok(())
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        types: &[DataType],
    ) -> Vec<ArrayRef> {
        if types[1] == DataType::Boolean {
            let values = rows.clone().map(|row| row.value);
            let flags = rows.map(|row| Some(row.is_current));
            return vec![
                Arc::new(Float64Array::from_iter_values(values)),
                Arc::new(BooleanArray::from_iter(flags)),
            ];
        }
        let side = |is_current: bool| {
            let value = move |row: &Self| (row.is_current == is_current).then_some(row.value);
            rows.clone().map(value).collect::<Float64Array>()
        };
        vec![Arc::new(side(false)), Arc::new(side(true))]
    }

    fn order(&self, other: &Self) -> Ordering {
        self.is_current
            .cmp(&other.is_current)
            .then(self.value.total_cmp(&other.value))
    }
}

/// The finite values of a column and their rows.
pub(crate) fn finite(array: &Float64Array) -> impl Iterator<Item = (usize, f64)> {
    let values = array.values().iter().copied().enumerate();
    values.filter(|(row, value)| value.is_finite() && array.is_valid(*row))
}
