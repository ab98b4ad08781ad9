//! How far readings are from what is healthy, or from what is usual in their operating regime.

use crate::Summary;
use crate::indicators::CentralMoments;
use crate::summary::defined;

/// Features at least so many standard deviations from healthy explain an alarm.
pub const DEVIATION_MIN: f64 = 1.5;

/// The distance of a value from a mean in standard deviations; `None` when σ is not above zero.
pub fn deviation(value: f64, mean: f64, sigma: f64) -> Option<f64> {
    if sigma <= 0.0 {
        return None;
    }
    defined((value - mean) / sigma)
}

/// The [`deviation`] of each value from those of its regime, with the population standard deviation; regimes are numbered from 0.
pub fn normalize_by_regime(points: &[(f64, usize)]) -> Vec<Option<f64>> {
    let count = points.iter().map(|point| point.1 + 1).max().unwrap_or(0);
    let mut moments = vec![CentralMoments::default(); count];
    // A distance from the regime's first value has the digits that an offset would cost.
    let mut firsts = vec![None; count];
    for (value, regime) in points {
        let first = *firsts[*regime].get_or_insert(*value);
        moments[*regime].push(value - first);
    }
    let normalized = |(value, regime): &(f64, usize)| {
        let (moments, first) = (&moments[*regime], firsts[*regime]?);
        deviation(value - first, moments.mean()?, moments.std_population()?)
    };
    points.iter().map(normalized).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_need_a_spread() {
        assert_eq!(deviation(5.0, 3.0, 0.5), Some(4.0));
        assert_eq!(deviation(5.0, 3.0, 0.0), None);
        assert_eq!(deviation(5.0, 3.0, -1.0), None);
        assert_eq!(deviation(1e300, -1e300, 1e-300), None);
    }

    #[test]
    fn regimes_are_taken_out() {
        let points = [(1.0, 0), (100.0, 1), (3.0, 0), (300.0, 1), (7.0, 2)];
        let expected = [Some(-1.0), Some(-1.0), Some(1.0), Some(1.0), None];
        assert_eq!(normalize_by_regime(&points), expected);
        assert_eq!(normalize_by_regime(&[]), []);
        assert_eq!(normalize_by_regime(&[(4.0, 0), (4.0, 0)]), [None, None]);
    }
}
