//! Similarity: which stretches of a series are like which others, as lists to `unnest`. The mathematics is in [`analytics::similarity`].
//!
//! | rows                                      | result                                       |
//! |-------------------------------------------|----------------------------------------------|
//! | fewer than a stretch                      | NULL                                         |
//! | NULL, NaN, infinity in value or time      | skipped: the rows around them are neighbours |
//! | more than 20000 in a group                | an error                                     |
//!
//! A stretch is so many rows, whatever the time between them.

mod discord;
mod matrix_profile;
mod motif;

use analytics::similarity::{Nearest, matrix_profile as profile};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::AggregateUDF;

use crate::collected::{Call, Collected, QUADRATIC_COUNT_MAX, Timed};

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Collected::udf(matrix_profile::MatrixProfile),
        Collected::udf(discord::Discord),
        Collected::udf(motif::Motif),
    ]
}

/// The options of functions that pick some stretches.
const OPTIONS: &[(&str, DataType)] = &[("m", DataType::Int64), ("k", DataType::Int64)];

/// The length of a stretch, which must be given.
fn length(call: &Call) -> Result<usize> {
    call.count("m", 3, 3, QUADRATIC_COUNT_MAX)
}

/// How many stretches are wanted.
fn count(call: &Call) -> Result<usize> {
    call.count("k", 1, 1, 1000)
}

/// The nearest stretch of each; `None` without stretches.
fn nearest(rows: &[Timed], length: usize) -> Option<Vec<Option<Nearest>>> {
    let profile = profile(&Timed::values(rows), length);
    (!profile.is_empty()).then_some(profile)
}
