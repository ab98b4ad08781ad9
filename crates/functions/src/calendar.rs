//! Time zones: timestamps that know theirs, and bins of its wall clock.

mod date_bin_wallclock;
#[cfg(test)]
mod tests;
mod tz;

use datafusion_expr::ScalarUDF;

/// The scalar functions of this family.
pub(crate) fn scalar_udfs() -> Vec<ScalarUDF> {
    vec![
        ScalarUDF::new_from_impl(tz::Tz::new()),
        ScalarUDF::new_from_impl(date_bin_wallclock::DateBinWallclock::new()),
    ]
}
