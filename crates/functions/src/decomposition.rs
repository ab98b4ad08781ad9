//! Decomposition: a series as the sum of a trend, a season and what is left over. The mathematics is in [`analytics::decomposition`].
//!
//! | rows                                      | result                                       |
//! |-------------------------------------------|----------------------------------------------|
//! | fewer than two periods                    | NULL                                         |
//! | at uneven times                           | NULL: `resample` makes them even             |
//! | NULL, NaN, infinity in value or time      | skipped: the rows around them are neighbours |

mod stl;

use analytics::decomposition::Stl;
use analytics::statistics::is_regular;
use datafusion_common::Result;
use datafusion_expr::AggregateUDF;

use crate::collected::{Call, Collected, Timed};

/// The most rows of a group: a robust decomposition smooths them some hundred times, which is to be over in about a second.
pub(crate) const ROWS_MAX: usize = 500_000;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![Collected::udf(stl::StlOf)]
}

/// The option `period`, in rows, which must be given.
pub(crate) fn period(call: &Call, min: usize) -> Result<usize> {
    call.count("period", min, min, ROWS_MAX / 2)
}

/// The decomposition that the options `period` and `seasonal` ask for.
pub(crate) fn stl_settings(call: &Call) -> Result<Stl> {
    let expected = "an odd number from 3 to 9999";
    let is_valid = |window: i64| (3..=9999).contains(&window) && window % 2 == 1;
    let seasonal = call.integer("seasonal", 7, expected, is_valid)?;
    Ok(Stl::new(period(call, 2)?, seasonal as usize))
}

/// The values of rows at even times.
pub(crate) fn even_values(rows: &[Timed], has_timestamps: bool) -> Option<Vec<f64>> {
    is_regular(&Timed::times(rows, has_timestamps)).then(|| Timed::values(rows))
}
