//! [`Covaried`]: a lifetime and up to sixteen covariates.

use std::cmp::Ordering;
use std::sync::Arc;

use analytics::reliability::Lifetime;
use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_common::cast::as_float64_array;

use super::rows::Row;
use crate::values::is_present;

/// The most covariates: kept in the row, so that its size is known.
pub(crate) const COVARIATES_MAX: usize = 16;

/// A lifetime and what may have to do with it, all of them present.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Covaried {
    pub(crate) life: Lifetime,
    count: usize,
    values: [f64; COVARIATES_MAX],
}

impl Covaried {
    /// The covariates.
    pub(crate) fn covariates(&self) -> &[f64] {
        &self.values[..self.count]
    }
}

impl Row for Covaried {
    const WIDTH: usize = 3;

    fn width(argument_count: usize) -> usize {
        argument_count
    }

    fn signatures() -> Vec<Vec<DataType>> {
        let with_covariates = |types: Vec<DataType>| {
            (1..=COVARIATES_MAX).map(move |count| {
                let covariates = std::iter::repeat_n(DataType::Float64, count);
                types.iter().cloned().chain(covariates).collect()
            })
        };
        let lives = <Lifetime as Row>::signatures().into_iter();
        lives.flat_map(with_covariates).collect()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let covariates = columns[2..].iter().map(|column| as_float64_array(column));
        let covariates = covariates.collect::<Result<Vec<_>>>()?;
        <Lifetime as Row>::for_each_present(&columns[..2], |row, life| {
            if covariates.iter().all(|column| is_present(column, row)) {
                let mut values = [0.0; COVARIATES_MAX];
                for (value, column) in values.iter_mut().zip(&covariates) {
                    *value = column.value(row);
                }
                let count = covariates.len();
                each(
                    row,
                    Self {
                        life,
                        count,
                        values,
                    },
                );
            }
        })
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        types: &[DataType],
    ) -> Vec<ArrayRef> {
        let mut columns = Lifetime::columns(rows.clone().map(|row| &row.life), types);
        for index in 0..types.len() - columns.len() {
            let values = rows.clone().map(|row| row.values[index]);
            columns.push(Arc::new(Float64Array::from_iter_values(values)));
        }
        columns
    }

    fn order(&self, other: &Self) -> Ordering {
        let pairs = self.covariates().iter().zip(other.covariates());
        let by_covariates = pairs.map(|(a, b)| a.total_cmp(b));
        self.life
            .order(&other.life)
            .then_with(|| by_covariates.fold(Ordering::Equal, Ordering::then))
    }
}
