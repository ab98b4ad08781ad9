//! Rows of labels and scores, of lifetimes, and of both with a time, a group or a score.
//!
//! | row                              | columns                     | order                             |
//! |----------------------------------|-----------------------------|-----------------------------------|
//! | [`Judged`]                       | label, score                | by score, then label              |
//! | [`JudgedAt`]                     | label, score, time          | by time, then score and label     |
//! | [`Compare`]                      | actual, predicted, time     | by time, then actual and predicted |
//! | [`Lifetime`]                     | duration, failure           | by duration, failures first       |
//! | [`Scored`]                       | duration, failure, score    | the same, then by score           |
//! | [`Grouped`]                      | duration, failure, group    | by group, then the same           |
//!
//! Flags are kept as 0 and 1, which turn into booleans where the column is one.

use std::cmp::Ordering;
use std::sync::Arc;

use analytics::evaluation::Judged;
use analytics::reliability::Lifetime;
use arrow::array::{Array, ArrayRef, Float64Array, Int64Array};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_common::cast::as_float64_array;

use super::rows::{Label, Labelled, Pair, Row, time_integers, time_types};
use crate::aggregate::Item;
use crate::values::is_present;

fn number(flag: bool) -> f64 {
    f64::from(u8::from(flag))
}

fn floats(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

impl Row for Judged {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        <Self as Item>::signatures()
    }

    fn for_each_present(columns: &[ArrayRef], each: impl FnMut(usize, Self)) -> Result<()> {
        <Self as Item>::for_each_present(columns, each)
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        _types: &[DataType],
    ) -> Vec<ArrayRef> {
        let labels = rows.clone().map(|row| number(row.label));
        vec![floats(labels), floats(rows.map(|row| row.score))]
    }

    fn order(&self, other: &Self) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then(self.label.cmp(&other.label))
    }
}

/// Whether a point is an anomaly, what it scored, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct JudgedAt {
    pub(crate) judged: Judged,
    pub(crate) time: i64,
}

impl JudgedAt {
    /// The labels, and the scores that are at least a threshold.
    pub(crate) fn flags(rows: &[Self], threshold: f64) -> (Vec<bool>, Vec<bool>) {
        let flags = |row: &Self| (row.judged.label, row.judged.score >= threshold);
        rows.iter().map(flags).unzip()
    }
}

impl Row for JudgedAt {
    const WIDTH: usize = 3;

    fn signatures() -> Vec<Vec<DataType>> {
        let with_times = |types: Vec<DataType>| {
            time_types().map(|time| types.iter().cloned().chain([time]).collect::<Vec<_>>())
        };
        let judged = <Judged as Item>::signatures().into_iter();
        judged.flat_map(with_times).collect()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let times = time_integers(&columns[2])?;
        <Judged as Item>::for_each_present(&columns[..2], |row, judged| {
            if times.is_valid(row) {
                let time = times.value(row);
                each(row, Self { judged, time });
            }
        })
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        types: &[DataType],
    ) -> Vec<ArrayRef> {
        let mut columns = Judged::columns(rows.clone().map(|row| &row.judged), types);
        columns.push(Arc::new(Int64Array::from_iter_values(
            rows.map(|row| row.time),
        )));
        columns
    }

    fn order(&self, other: &Self) -> Ordering {
        self.time
            .cmp(&other.time)
            .then_with(|| self.judged.order(&other.judged))
    }
}

/// What was measured and what was predicted, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Compare {
    pub(crate) actual: f64,
    pub(crate) predicted: f64,
    pub(crate) time: i64,
}

impl Row for Compare {
    const WIDTH: usize = 3;

    fn signatures() -> Vec<Vec<DataType>> {
        time_types()
            .map(|time| vec![DataType::Float64, DataType::Float64, time])
            .to_vec()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let times = time_integers(&columns[2])?;
        Pair::for_each_present(&columns[..2], |row, pair| {
            if times.is_valid(row) {
                let (actual, predicted, time) = (pair.x, pair.y, times.value(row));
                each(
                    row,
                    Self {
                        actual,
                        predicted,
                        time,
                    },
                );
            }
        })
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        _types: &[DataType],
    ) -> Vec<ArrayRef> {
        vec![
            floats(rows.clone().map(|row| row.actual)),
            floats(rows.clone().map(|row| row.predicted)),
            Arc::new(Int64Array::from_iter_values(rows.map(|row| row.time))),
        ]
    }

    fn order(&self, other: &Self) -> Ordering {
        (self.time.cmp(&other.time))
            .then(self.actual.total_cmp(&other.actual))
            .then(self.predicted.total_cmp(&other.predicted))
    }
}

impl Row for Lifetime {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        <Self as Item>::signatures()
    }

    fn for_each_present(columns: &[ArrayRef], each: impl FnMut(usize, Self)) -> Result<()> {
        <Self as Item>::for_each_present(columns, each)
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        _types: &[DataType],
    ) -> Vec<ArrayRef> {
        let durations = rows.clone().map(|row| row.duration);
        vec![
            floats(durations),
            floats(rows.map(|row| number(row.is_failure))),
        ]
    }

    fn order(&self, other: &Self) -> Ordering {
        let failures_first = other.is_failure.cmp(&self.is_failure);
        self.duration
            .total_cmp(&other.duration)
            .then(failures_first)
    }
}

/// A lifetime and what was said about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scored {
    pub(crate) life: Lifetime,
    pub(crate) score: f64,
}

impl Row for Scored {
    const WIDTH: usize = 3;

    fn signatures() -> Vec<Vec<DataType>> {
        let with_score = |mut types: Vec<DataType>| {
            types.push(DataType::Float64);
            types
        };
        let lives = <Lifetime as Item>::signatures().into_iter();
        lives.map(with_score).collect()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let scores = as_float64_array(&columns[2])?;
        <Lifetime as Item>::for_each_present(&columns[..2], |row, life| {
            if is_present(scores, row) {
                let score = scores.value(row);
                each(row, Self { life, score });
            }
        })
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        types: &[DataType],
    ) -> Vec<ArrayRef> {
        let mut columns = Lifetime::columns(rows.clone().map(|row| &row.life), types);
        columns.push(floats(rows.map(|row| row.score)));
        columns
    }

    fn order(&self, other: &Self) -> Ordering {
        self.life
            .order(&other.life)
            .then(self.score.total_cmp(&other.score))
    }
}

/// A lifetime and the group that it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grouped {
    pub(crate) group: Label,
    pub(crate) life: Lifetime,
}

impl Row for Grouped {
    const WIDTH: usize = 3;

    fn signatures() -> Vec<Vec<DataType>> {
        let groups = [DataType::Int64, DataType::Utf8, DataType::Boolean];
        let with_groups = |types: Vec<DataType>| {
            groups
                .clone()
                .map(|group| types.iter().cloned().chain([group]).collect::<Vec<_>>())
        };
        let lives = <Lifetime as Item>::signatures().into_iter();
        lives.flat_map(with_groups).collect()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let mut lives = vec![None; columns[0].len()];
        <Lifetime as Item>::for_each_present(&columns[..2], |row, life| lives[row] = Some(life))?;
        let labelled = [Arc::clone(&columns[0]), Arc::clone(&columns[2])];
        Labelled::for_each_present(&labelled, |row, labelled| {
            if let Some(life) = lives[row] {
                let group = labelled.label;
                each(row, Self { group, life });
            }
        })
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        types: &[DataType],
    ) -> Vec<ArrayRef> {
        let mut columns = Lifetime::columns(rows.clone().map(|row| &row.life), types);
        let labelled: Vec<Labelled> = rows
            .map(|row| Labelled {
                label: row.group.clone(),
                value: row.life.duration,
            })
            .collect();
        let types = [types[0].clone(), types[2].clone()];
        columns.extend(
            Labelled::columns(labelled.iter(), &types)
                .into_iter()
                .skip(1),
        );
        columns
    }

    fn order(&self, other: &Self) -> Ordering {
        self.group
            .cmp(&other.group)
            .then_with(|| self.life.order(&other.life))
    }
}
