//! [`Tracked`]: a value, its time and the run that it belongs to; and [`runs`], which takes the runs apart.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array};
use arrow::datatypes::DataType;
use datafusion_common::Result;

use super::rows::{Label, Labelled, Row, Timed, time_types};

/// A value, its time and its run. Columns: value, time, run; in order of run, time and value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tracked {
    pub(crate) run: Label,
    pub(crate) time: i64,
    pub(crate) value: f64,
}

impl Row for Tracked {
    const WIDTH: usize = 3;

    fn signatures() -> Vec<Vec<DataType>> {
        let runs = [DataType::Int64, DataType::Utf8, DataType::Boolean];
        let with_run = |time: DataType| {
            let types = move |run| vec![DataType::Float64, time.clone(), run];
            runs.clone().map(types)
        };
        time_types().into_iter().flat_map(with_run).collect()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let mut times = vec![None; columns[0].len()];
        Timed::for_each_present(&columns[..2], |row, timed| times[row] = Some(timed.time))?;
        let labelled = [Arc::clone(&columns[0]), Arc::clone(&columns[2])];
        Labelled::for_each_present(&labelled, |row, Labelled { label, value }| {
            if let Some(time) = times[row] {
                let run = label;
                each(row, Self { run, time, value });
            }
        })
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        types: &[DataType],
    ) -> Vec<ArrayRef> {
        let labelled: Vec<Labelled> = rows
            .clone()
            .map(|row| Labelled {
                label: row.run.clone(),
                value: row.value,
            })
            .collect();
        let types = [types[0].clone(), types[2].clone()];
        let mut columns = Labelled::columns(labelled.iter(), &types).into_iter();
        let times = Int64Array::from_iter_values(rows.map(|row| row.time));
        let values = columns.next();
        let values = values.unwrap_or_else(|| Arc::new(Float64Array::from(Vec::<f64>::new())));
        [values, Arc::new(times)]
            .into_iter()
            .chain(columns)
            .collect()
    }

    fn order(&self, other: &Self) -> Ordering {
        (self.run.cmp(&other.run))
            .then(self.time.cmp(&other.time))
            .then(self.value.total_cmp(&other.value))
    }
}

/// The runs of sorted rows.
pub(crate) fn runs(rows: &[Tracked]) -> impl Iterator<Item = &[Tracked]> {
    rows.chunk_by(|a, b| a.run == b.run)
}
