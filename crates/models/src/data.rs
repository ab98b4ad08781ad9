//! What a model is trained on, and how much of the machine it may use.
//!
//! | value                   | means                                                             |
//! |-------------------------|-------------------------------------------------------------------|
//! | NaN, infinity, ±1e140   | missing; squares of greater numbers could not be added up         |
//! | missing feature         | gradient boosting learns from it, other kinds leave the row out   |
//! | missing target          | the row is left out                                               |

use std::fmt;

use crate::error::{Error, Result};

/// Columns to learn from.
#[derive(Debug, Clone, Copy)]
pub struct TrainingData<'a> {
    /// The names of the columns.
    pub names: &'a [String],
    /// The columns, as many values each; NaN, infinities and what is beyond ±1e140 are missing.
    pub columns: &'a [&'a [f64]],
    /// What a regression learns, one value per row.
    pub target: Option<&'a [f64]>,
    /// Which machine a row is of, as a number that follows from the machine's name and not from the order of rows.
    /// Rows of one machine are never on both sides of a hold-out. Without it every row is on its own.
    pub groups: Option<&'a [u64]>,
}

impl TrainingData<'_> {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.len())
    }

    /// Names and lengths are as they have to be.
    pub(crate) fn check(&self) -> Result<()> {
        let invalid = |problem: String| Err(Error::InvalidFeatures { problem });
        if self.columns.is_empty() {
            return invalid("a model needs at least one feature".to_owned());
        }
        if self.columns.len() > FEATURES_MAX {
            return invalid(format!("a model takes at most {FEATURES_MAX} features"));
        }
        if self.rows() > ROWS_MAX {
            return invalid(format!("a model takes at most {ROWS_MAX} training rows"));
        }
        if self.names.len() != self.columns.len() {
            return invalid(format!(
                "{} names for {} columns",
                self.names.len(),
                self.columns.len()
            ));
        }
        for (index, name) in self.names.iter().enumerate() {
            if name.is_empty() {
                return invalid(format!("feature {} has no name", index + 1));
            }
            if self.names[..index].contains(name) {
                return invalid(format!("there are two features '{name}'"));
            }
        }
        let columns = self
            .names
            .iter()
            .map(String::as_str)
            .zip(self.columns.iter().map(|c| c.len()));
        let others = [
            ("target", self.target.map(<[f64]>::len)),
            ("group", self.groups.map(<[u64]>::len)),
        ];
        let others = others
            .into_iter()
            .filter_map(|(name, rows)| Some((name, rows?)));
        for (column, rows) in columns.chain(others) {
            if rows != self.rows() {
                return Err(Error::UnequalColumns {
                    column: column.to_owned(),
                    rows,
                    expected: self.rows(),
                });
            }
        }
        Ok(())
    }

    /// The rows in which every one of these columns has a value, and the target if it is asked for.
    pub(crate) fn complete_rows(&self, columns: &[usize], with_target: bool) -> Vec<u32> {
        let mut is_complete = vec![true; self.rows()];
        let target = self.target.filter(|_| with_target);
        for column in columns
            .iter()
            .map(|&column| self.columns[column])
            .chain(target)
        {
            for (is_complete, value) in is_complete.iter_mut().zip(column) {
                *is_complete &= is_present(*value);
            }
        }
        (0..self.rows() as u32)
            .filter(|&row| is_complete[row as usize])
            .collect()
    }
}

/// Features of one model at most.
pub const FEATURES_MAX: usize = 4096;

/// Rows of one training at most.
pub const ROWS_MAX: usize = 1 << 28;

/// Greater values count as missing.
const VALUE_MAX: f64 = 1e140;

/// Whether there is a value.
pub(crate) fn is_present(value: f64) -> bool {
    value.abs() <= VALUE_MAX
}

/// The value, or NaN for everything that counts as missing.
pub(crate) fn present(value: f64) -> f64 {
    if is_present(value) { value } else { f64::NAN }
}

/// Values of these rows, in their order; none of them is there twice.
pub(crate) fn gather(column: &[f64], rows: &[u32]) -> Vec<f64> {
    // As many in another order are another column.
    if rows.len() == column.len() && rows.is_sorted() {
        return column.to_vec();
    }
    rows.iter().map(|&row| column[row as usize]).collect()
}

/// Threads to use and a way to end early. Neither changes what a training gives.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    threads: usize,
    is_cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl Default for Control<'_> {
    /// One thread, to the end.
    fn default() -> Self {
        Self {
            threads: 1,
            is_cancelled: &|| false,
        }
    }
}

impl fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

impl<'a> Control<'a> {
    /// At most this many threads; the caller's own is one of them.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self {
            threads: threads.max(1),
            ..self
        }
    }

    /// Ends with [`Error::Cancelled`] soon after this says so.
    #[must_use]
    pub fn with_cancellation(self, is_cancelled: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self {
            is_cancelled,
            ..self
        }
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    pub(crate) fn check(&self) -> Result<()> {
        if (self.is_cancelled)() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }
}
