//! [`Running`]: one result per point of a series, from that point and what came before it.

use std::fmt::Debug;

/// A function that reads a series in the order of time and says something at every point.
///
/// Times are counted in ticks; what a tick is, a nanosecond or a machine cycle, is for the caller to say. The caller
/// gives times that never fall and values that are finite.
pub trait Running: Debug + Send + 'static {
    /// What is said at a point.
    type Output;

    /// The result at the next point; `None` where it is not defined.
    fn push(&mut self, value: f64, time: i64) -> Option<Self::Output>;

    /// Adds the results at the next points, for functions to which their times say nothing.
    fn extend(&mut self, values: &[f64], results: &mut Vec<Option<Self::Output>>) {
        results.extend(values.iter().map(|value| self.push(*value, 0)));
    }

    /// The result at a point of time whose value is missing. Nothing, unless what came before still holds there.
    fn missing(&mut self, _time: i64) -> Option<Self::Output> {
        None
    }
}

/// The ticks from one time to a later one, whatever their distance.
pub(crate) fn ticks_between(earlier: i64, later: i64) -> f64 {
    later.abs_diff(earlier) as f64
}

/// Reading a series from the tests of the functions over it.
#[cfg(test)]
pub(crate) mod testing {
    use super::Running;

    /// The results at all points of `series`; a value that is not finite is missing.
    pub(crate) fn run<R: Running>(mut running: R, series: &[(i64, f64)]) -> Vec<Option<R::Output>> {
        let result = |(time, value): &(i64, f64)| {
            if value.is_finite() {
                running.push(*value, *time)
            } else {
                running.missing(*time)
            }
        };
        series.iter().map(result).collect()
    }

    /// Compares floats to a relative 1e-12, or an absolute one below 1.
    pub(crate) fn assert_close(actual: &[Option<f64>], expected: &[Option<f64>]) {
        let is_close = |(a, e): (&Option<f64>, &Option<f64>)| match (a, e) {
            (Some(a), Some(e)) => (a - e).abs() <= 1e-12 * e.abs().max(1.0),
            (a, e) => a == e,
        };
        assert!(
            actual.len() == expected.len() && actual.iter().zip(expected).all(is_close),
            "got {actual:?}, expected {expected:?}"
        );
    }
}
