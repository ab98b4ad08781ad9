//! Arithmetic that gives the same result for any order of the rows.

pub(crate) mod keys;
pub(crate) mod matrix;
pub(crate) mod quantile;
pub(crate) mod sum;
