//! Tests of whether the values farthest out belong to the others, which are taken to be normal.
//!
//! | function             | asks                                                | by                                  |
//! |----------------------|-----------------------------------------------------|-------------------------------------|
//! | [`grubbs`]           | whether the value farthest from the mean belongs    | Grubbs 1969                         |
//! | [`extreme_deviates`] | how many of the farthest values do not belong       | Rosner 1983, generalized ESD        |
//! | [`dixon`]            | whether the least or greatest of a few values does  | Dean and Dixon 1951, Rorabacher 1991 |
//!
//! Grubbs' test hides two outliers behind one another; the generalized test does not, if it may look for enough of them.

use crate::statistics::special::student_quantile_above;
use crate::summary::defined;

/// A variance below this share of the mean, squared, is rounding noise.
const NOISE: f64 = 1e-15;

/// What a test found about one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutlierTest {
    /// The value that was tested.
    pub value: f64,
    /// How far out it is, on the scale of the test.
    pub statistic: f64,
    /// What the statistic is above with chance alpha where all values belong together.
    pub critical: f64,
}

impl OutlierTest {
    /// Whether the value does not belong.
    pub fn is_outlier(&self) -> bool {
        self.statistic > self.critical
    }
}

/// Grubbs' two-sided test of sorted values. `None` below three values or where they do not vary.
pub fn grubbs(sorted: &[f64], alpha: f64) -> Option<OutlierTest> {
    let (value, statistic) = farthest(sorted)?;
    Some(OutlierTest {
        value,
        statistic,
        critical: critical_deviate(sorted.len(), alpha),
    })
}

/// The generalized test for up to so many outliers: which values do not belong, in their order. None of them without a
/// value to spare: `outliers_max` is cut to two below the number of values.
///
/// The values farthest from the mean are taken away one by one; those up to the last one that was too far are outliers. Takes
/// time in proportion to the number of values times `outliers_max`.
pub fn extreme_deviates(values: &[f64], outliers_max: usize, alpha: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let sorted: Vec<f64> = order.iter().map(|index| values[*index]).collect();
    // What is left is always a range of the sorted values.
    let (mut start, mut end) = (0, sorted.len());
    let mut belonging = start..end;
    for _ in 0..outliers_max {
        let left = &sorted[start..end];
        let Some((value, statistic)) = farthest(left) else {
            break;
        };
        let critical = critical_deviate(left.len(), alpha);
        if value == left[left.len() - 1] {
            end -= 1;
        } else {
            start += 1;
        }
        if statistic > critical {
            belonging = start..end;
        }
    }
    let mut flags = vec![true; values.len()];
    for index in &order[belonging] {
        flags[*index] = false;
    }
    flags
}

/// The value farthest from the mean of sorted ones, the greatest of two, and its distance in standard deviations.
fn farthest(sorted: &[f64]) -> Option<(f64, f64)> {
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    let n = sorted.len() as f64;
    // Relative to a value of their own, large ones lose no digits.
    let origin = sorted[sorted.len() / 2];
    let mean = sorted.iter().map(|x| x - origin).sum::<f64>() / n;
    let squares: f64 = sorted.iter().map(|x| (x - origin - mean).powi(2)).sum();
    let deviation = (squares / (n - 1.0)).sqrt();
    if sorted.len() < 3 || deviation <= NOISE * (origin + mean).abs() {
        return None;
    }
    let (below, above) = (mean - (first - origin), last - origin - mean);
    let (value, distance) = if below > above {
        (first, below)
    } else {
        (last, above)
    };
    Some((value, defined(distance / deviation)?))
}

/// What the greatest distance from the mean among n normal values, in standard deviations, is above with chance alpha.
pub(super) fn critical_deviate(count: usize, alpha: f64) -> f64 {
    let n = count as f64;
    let t = student_quantile_above(alpha / (2.0 * n), n - 2.0);
    (n - 1.0) / n.sqrt() * (t * t / (n - 2.0 + t * t)).sqrt()
}

/// The levels that Dixon's test has limits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DixonLevel {
    /// One in ten.
    Tenth,
    /// One in twenty.
    Twentieth,
    /// One in a hundred.
    Hundredth,
}

/// The fewest and the most values that Dixon's test has limits for.
const DIXON_COUNTS: std::ops::RangeInclusive<usize> = 3..=10;

/// Limits of the two-sided test for three to ten values: Rorabacher (1991), table 1.
const DIXON_TENTH: [f64; 8] = [0.941, 0.765, 0.642, 0.560, 0.507, 0.468, 0.437, 0.412];
const DIXON_TWENTIETH: [f64; 8] = [0.970, 0.829, 0.710, 0.625, 0.568, 0.526, 0.493, 0.466];
const DIXON_HUNDREDTH: [f64; 8] = [0.994, 0.926, 0.821, 0.740, 0.680, 0.634, 0.598, 0.568];

/// Dixon's Q test of three to ten sorted values: the gap beside the value that is farther from its neighbour, over the
/// range. `None` for more or fewer values, or where they do not vary.
pub fn dixon(sorted: &[f64], level: DixonLevel) -> Option<OutlierTest> {
    if !DIXON_COUNTS.contains(&sorted.len()) {
        return None;
    }
    let last = sorted.len() - 1;
    let range = sorted[last] - sorted[0];
    let (below, above) = (sorted[1] - sorted[0], sorted[last] - sorted[last - 1]);
    let (value, gap) = if below > above {
        (sorted[0], below)
    } else {
        (sorted[last], above)
    };
    let limits = match level {
        DixonLevel::Tenth => DIXON_TENTH,
        DixonLevel::Twentieth => DIXON_TWENTIETH,
        DixonLevel::Hundredth => DIXON_HUNDREDTH,
    };
    Some(OutlierTest {
        value,
        statistic: defined(gap / range)?,
        critical: limits[sorted.len() - DIXON_COUNTS.start()],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, number, series};

    fn sorted(name: &str) -> Vec<f64> {
        let mut values = series(name);
        values.sort_by(f64::total_cmp);
        values
    }

    #[test]
    fn the_farthest_value_is_tested_as_by_the_definition() {
        for alpha in [0.05, 0.01] {
            let test = grubbs(&sorted("rosner"), alpha).unwrap();
            let check = |field: &str, actual| {
                let name = format!("grubbs_{alpha}_{field}");
                close(Some(actual), number(&name), 1e-10, &name);
            };
            check("value", test.value);
            check("statistic", test.statistic);
            check("critical", test.critical);
        }
        assert_eq!(grubbs(&[1.0, 2.0], 0.05), None);
        assert_eq!(grubbs(&[0.1; 5], 0.05), None);
        assert_eq!(grubbs(&[1e9 + 0.1; 5], 0.05), None);
        assert_eq!(grubbs(&[], 0.05), None);
    }

    #[test]
    fn rosners_example_has_three_outliers() {
        let values = series("rosner");
        let flags = extreme_deviates(&values, 10, 0.05);
        let outliers = |flags: &[bool]| -> Vec<f64> {
            let outliers = values.iter().zip(flags).filter(|(_, flag)| **flag);
            outliers.map(|(value, _)| *value).collect()
        };
        assert_eq!(outliers(&flags), [5.34, 5.42, 6.01]);
        // One at a time they hide behind one another.
        assert_eq!(outliers(&extreme_deviates(&values, 1, 0.05)), [0.0; 0]);
        let statistics = series("esd_statistics");
        let criticals = series("esd_criticals");
        let mut left = sorted("rosner");
        for (statistic, critical) in statistics.iter().zip(&criticals) {
            let test = grubbs(&left, 0.05).unwrap();
            close(Some(test.statistic), Some(*statistic), 1e-10, "statistic");
            close(Some(test.critical), Some(*critical), 1e-10, "critical");
            let place = left.iter().position(|value| *value == test.value).unwrap();
            left.remove(place);
        }
    }

    #[test]
    fn few_and_equal_values_belong_together() {
        assert_eq!(extreme_deviates(&[], 3, 0.05), [false; 0]);
        assert_eq!(extreme_deviates(&[1.0, 9.0], 3, 0.05), [false; 2]);
        assert_eq!(extreme_deviates(&[5.0; 4], 3, 0.05), [false; 4]);
        let one_of_many = extreme_deviates(&[5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 9.0], 3, 0.05);
        assert_eq!(one_of_many.iter().filter(|flag| **flag).count(), 1);
    }

    #[test]
    fn gaps_are_compared_with_the_range() {
        let check = |values: &[f64], statistic: f64, is_outlier: bool| {
            let test = dixon(values, DixonLevel::Tenth).unwrap();
            close(Some(test.statistic), Some(statistic), 1e-12, "statistic");
            assert_eq!(test.is_outlier(), is_outlier, "{values:?}");
        };
        // Rorabacher's example.
        check(
            &[
                0.167, 0.177, 0.181, 0.181, 0.182, 0.183, 0.184, 0.186, 0.187, 0.189,
            ],
            0.45454545454545453,
            true,
        );
        check(&[1.0, 2.0, 3.0, 4.0], 1.0 / 3.0, false);
        assert_eq!(dixon(&[1.0, 2.0], DixonLevel::Tenth), None);
        assert_eq!(dixon(&[2.0; 5], DixonLevel::Tenth), None);
        assert_eq!(dixon(&[1.0; 11], DixonLevel::Hundredth), None);
    }
}
