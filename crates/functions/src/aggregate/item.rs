//! [`Item`]: what an aggregate with a small state reads of a row.
//!
//! | item         | columns                                                                      |
//! |--------------|------------------------------------------------------------------------------|
//! | `f64`        | a value                                                                      |
//! | `[f64; 2]`   | two values                                                                   |
//! | `[f64; 3]`   | three values                                                                 |
//! | `(f64, i64)` | a value and its time: nanoseconds for timestamps, else the integer passed    |
//! | [`Judged`]   | a label, true or false or a number, and a score, a number or true or false   |
//! | [`Lifetime`] | a duration, and whether it ended in a failure: true or false or a number     |
//!
//! Rows in which a column is NULL, NaN or infinite are skipped.

use analytics::Sample;
use analytics::evaluation::Judged;
use analytics::reliability::Lifetime;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_common::cast::as_float64_array;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::accumulate;

use crate::collected::{Pair, Row, Timed};
use crate::runs::Groups;
use crate::values::{complete, for_each_block, is_present, present_count};

/// Items per block handed on.
const BLOCK: usize = 256;

/// What is read of a row.
pub(crate) trait Item: Sample {
    /// How many columns make an item.
    const WIDTH: usize;

    /// The types that the columns may have, one alternative after the other.
    fn signatures() -> Vec<Vec<DataType>>;

    /// Calls `each` with the items whose columns are all present, and their rows, which rise.
    fn for_each_present(columns: &[ArrayRef], each: impl FnMut(usize, Self)) -> Result<()>;

    /// The same in blocks, without the rows.
    fn for_each_block(columns: &[ArrayRef], mut each: impl FnMut(&[Self])) -> Result<()> {
        let mut block = Vec::with_capacity(BLOCK);
        Self::for_each_present(columns, |_, item| {
            block.push(item);
            if block.len() == BLOCK {
                each(&block);
                block.clear();
            }
        })?;
        if !block.is_empty() {
            each(&block);
        }
        Ok(())
    }

    /// The items of all rows where they lie side by side and all are present.
    fn complete(_columns: &[ArrayRef]) -> Result<Option<&[Self]>> {
        Ok(None)
    }

    /// How many items are present.
    fn present_count(columns: &[ArrayRef]) -> Result<usize> {
        let mut count = 0;
        Self::for_each_present(columns, |_, _| count += 1)?;
        Ok(count)
    }

    /// Calls `each` with the group and the item of every row that is present and that the filter keeps.
    fn for_each_grouped(
        columns: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        mut each: impl FnMut(usize, Self) + Send,
    ) -> Result<()> {
        Self::for_each_present(columns, |row, item| {
            if filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row)) {
                each(groups[row], item);
            }
        })
    }

    /// The same for the items of neighbouring rows of one group together, in the order of rows: what is sorted by its groups comes in
    /// long runs, and a pass over a run is faster than one item at a time.
    fn for_each_run(
        columns: &[ArrayRef],
        groups: Groups,
        filter: Option<&BooleanArray>,
        each: impl FnMut(usize, &[Self]) + Send,
    ) -> Result<()> {
        for_each_copied_run(columns, groups, filter, each)
    }
}

impl Item for f64 {
    const WIDTH: usize = 1;

    fn signatures() -> Vec<Vec<DataType>> {
        vec![vec![DataType::Float64]]
    }

    fn for_each_present(columns: &[ArrayRef], each: impl FnMut(usize, Self)) -> Result<()> {
        <Self as Row>::for_each_present(columns, each)
    }

    fn for_each_block(columns: &[ArrayRef], each: impl FnMut(&[Self])) -> Result<()> {
        for_each_block(as_float64_array(&columns[0])?, each);
        Ok(())
    }

    fn complete(columns: &[ArrayRef]) -> Result<Option<&[Self]>> {
        Ok(complete(as_float64_array(&columns[0])?))
    }

    fn present_count(columns: &[ArrayRef]) -> Result<usize> {
        Ok(present_count(as_float64_array(&columns[0])?))
    }

    fn for_each_grouped(
        columns: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        mut each: impl FnMut(usize, Self) + Send,
    ) -> Result<()> {
        let values = as_float64_array(&columns[0])?;
        accumulate(groups, values, filter, |group, value| {
            if value.is_finite() {
                each(group, value);
            }
        });
        Ok(())
    }

    fn for_each_run(
        columns: &[ArrayRef],
        groups: Groups,
        filter: Option<&BooleanArray>,
        mut each: impl FnMut(usize, &[Self]) + Send,
    ) -> Result<()> {
        let values = as_float64_array(&columns[0])?;
        if values.null_count() > 0 || filter.is_some() {
            // Too many ways to be left out for a slice.
            return for_each_copied_run(columns, groups, filter, each);
        }
        let is_complete = complete(values).is_some();
        for (group, rows) in groups.runs() {
            let items = &values.values()[rows];
            if is_complete {
                each(group, items);
                continue;
            }
            let present = items.split(|value| !value.is_finite());
            present
                .filter(|items| !items.is_empty())
                .for_each(|items| each(group, items));
        }
        Ok(())
    }
}

/// [`Item::for_each_run`] of items that are copied together.
fn for_each_copied_run<T: Item>(
    columns: &[ArrayRef],
    groups: Groups,
    filter: Option<&BooleanArray>,
    mut each: impl FnMut(usize, &[T]) + Send,
) -> Result<()> {
    let mut run: Vec<T> = Vec::with_capacity(BLOCK);
    let mut of = 0;
    T::for_each_grouped(columns, groups.of_rows, filter, |group, item| {
        if group != of || run.len() == BLOCK {
            if !run.is_empty() {
                each(of, &run);
                run.clear();
            }
            of = group;
        }
        run.push(item);
    })?;
    if !run.is_empty() {
        each(of, &run);
    }
    Ok(())
}

impl Item for [f64; 2] {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        Pair::signatures()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        Pair::for_each_present(columns, |row, pair| each(row, [pair.x, pair.y]))
    }
}

impl Item for [f64; 3] {
    const WIDTH: usize = 3;

    fn signatures() -> Vec<Vec<DataType>> {
        vec![vec![DataType::Float64; 3]]
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let third = as_float64_array(&columns[2])?;
        Pair::for_each_present(columns, |row, pair| {
            if is_present(third, row) {
                each(row, [pair.x, pair.y, third.value(row)]);
            }
        })
    }
}

impl Item for (f64, i64) {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        Timed::signatures()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        Timed::for_each_present(columns, |row, timed| each(row, (timed.value, timed.time)))
    }
}

/// A column of booleans, or of numbers.
pub(crate) enum Truths<'a> {
    /// True or false.
    Booleans(&'a BooleanArray),
    /// True is what is not zero.
    Numbers(&'a Float64Array),
}

impl<'a> Truths<'a> {
    /// The types that such a column is cast to.
    pub(crate) const TYPES: [DataType; 2] = [DataType::Boolean, DataType::Float64];

    pub(crate) fn try_new(column: &'a ArrayRef) -> Result<Self> {
        Ok(match column.as_boolean_opt() {
            Some(booleans) => Self::Booleans(booleans),
            None => Self::Numbers(as_float64_array(column)?),
        })
    }

    /// The row as a number: 0 or 1 for booleans; `None` when it is missing.
    pub(crate) fn number(&self, row: usize) -> Option<f64> {
        match self {
            Self::Booleans(truths) => truths
                .is_valid(row)
                .then(|| f64::from(u8::from(truths.value(row)))),
            Self::Numbers(numbers) => is_present(numbers, row).then(|| numbers.value(row)),
        }
    }

    /// Whether the row is true; `None` when it is missing.
    pub(crate) fn is_true(&self, row: usize) -> Option<bool> {
        self.number(row).map(|number| number != 0.0)
    }
}

impl Item for Judged {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        let scores = |label: DataType| Truths::TYPES.map(|score| vec![label.clone(), score]);
        Truths::TYPES.into_iter().flat_map(scores).collect()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let (labels, scores) = (Truths::try_new(&columns[0])?, Truths::try_new(&columns[1])?);
        for row in 0..columns[0].len() {
            if let (Some(label), Some(score)) = (labels.is_true(row), scores.number(row)) {
                each(row, Self { label, score });
            }
        }
        Ok(())
    }
}

impl Item for Lifetime {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        Truths::TYPES
            .map(|failure| vec![DataType::Float64, failure])
            .to_vec()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let (durations, failures) = (
            as_float64_array(&columns[0])?,
            Truths::try_new(&columns[1])?,
        );
        for row in (0..durations.len()).filter(|row| is_present(durations, *row)) {
            if let Some(is_failure) = failures.is_true(row) {
                let duration = durations.value(row);
                each(
                    row,
                    Self {
                        duration,
                        is_failure,
                    },
                );
            }
        }
        Ok(())
    }
}
