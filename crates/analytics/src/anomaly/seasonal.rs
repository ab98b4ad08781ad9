//! How far the rows of a series are from what is usual, by median and median absolute deviation, which outliers do not move.
//!
//! | function            | gives                                                          | by                                         |
//! |---------------------|----------------------------------------------------------------|--------------------------------------------|
//! | [`robust_scores`]   | the score of every value                                       |                                            |
//! | [`hybrid_deviates`] | the values that are outliers, the farthest first               | Hochenbaum, Vallis, Kejariwal 2017, hybrid ESD |
//!
//! Of a series with a season they are for what a decomposition has left over.

use super::outliers::critical_deviate;
use super::reference::scaled;
use crate::smoothing::OrderedWindow;
use crate::spikes::SIGMA_PER_MAD;
use crate::statistics::median_of;

/// The distance of every value from the median of all, in scaled median absolute deviations: infinite where more than half are
/// equal and the value is another one. `None` below three values.
pub fn robust_scores(values: &[f64]) -> Option<Vec<f64>> {
    if values.len() < 3 {
        return None;
    }
    let median = median_of(&mut values.to_vec())?;
    let mut distances: Vec<f64> = values.iter().map(|x| (x - median).abs()).collect();
    let scale = SIGMA_PER_MAD * median_of(&mut distances)?;
    values.iter().map(|x| scaled(x - median, scale)).collect()
}

/// An outlier among values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviate {
    /// Which of the values it is.
    pub index: usize,
    /// Its distance from the median of those that are left when the farther ones have gone, in scaled median absolute deviations.
    pub score: f64,
}

/// The outliers among values, up to `count_max` of them, the farthest first: the generalized test of extreme deviates (Rosner 1983) with
/// median and median absolute deviation in place of mean and standard deviation, at the level `alpha`.
///
/// The values farthest from the median are taken away one by one, of two as far the greater; those up to the last one that was too far
/// are outliers. It ends where more than half of the values are equal, which have no scale. O(n·log n).
pub fn hybrid_deviates(values: &[f64], count_max: usize, alpha: f64) -> Vec<Deviate> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut left = OrderedWindow::default();
    values.iter().for_each(|value| left.insert(*value));
    // What is left is always a range of the sorted values.
    let mut range = 0..order.len();
    let mut taken = vec![];
    let mut count = 0;
    while taken.len() < count_max && range.len() > 2 {
        let (Some(median), Some(mad)) = (left.median(), left.median_absolute_deviation()) else {
            break;
        };
        if mad == 0.0 {
            break;
        }
        let critical = critical_deviate(range.len(), alpha);
        let (first, last) = (order[range.start], order[range.end - 1]);
        let (below, above) = (median - values[first], values[last] - median);
        let (index, distance) = if below > above {
            range.start += 1;
            (first, below)
        } else {
            range.end -= 1;
            (last, above)
        };
        left.remove(values[index]);
        let score = distance / (SIGMA_PER_MAD * mad);
        taken.push(Deviate { index, score });
        if score > critical {
            count = taken.len();
        }
    }
    taken.truncate(count);
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, series};

    #[test]
    fn outliers_are_those_of_the_definition() {
        let values = series("hybrid_values");
        let check = |name: &str, count_max, alpha| {
            let deviates = hybrid_deviates(&values, count_max, alpha);
            let places: Vec<f64> = deviates.iter().map(|d| d.index as f64).collect();
            assert_eq!(places, series(&format!("hybrid_{name}_places")), "{name}");
            let scores = series(&format!("hybrid_{name}_scores"));
            for (deviate, expected) in deviates.iter().zip(scores) {
                close(Some(deviate.score), Some(expected), 1e-12, name);
            }
        };
        check("few", 3, 0.05);
        check("many", 20, 0.05);
        check("strict", 20, 0.0001);
        check("half", 39, 0.2);
    }

    #[test]
    fn without_a_scale_nothing_is_far() {
        assert_eq!(hybrid_deviates(&[], 3, 0.05), []);
        assert_eq!(hybrid_deviates(&[1.0, 9.0], 3, 0.05), []);
        assert_eq!(hybrid_deviates(&[5.0, 5.0, 5.0, 9.0], 3, 0.05), []);
        assert_eq!(robust_scores(&[1.0, 2.0]), None);
        let scores = robust_scores(&[5.0, 5.0, 5.0, 9.0]);
        assert_eq!(scores, Some(vec![0.0, 0.0, 0.0, f64::INFINITY]));
    }

    #[test]
    fn scores_are_in_robust_deviations() {
        let scores = robust_scores(&[1.0, 2.0, 3.0, 4.0, 10.0]).unwrap();
        let expected = [-2.0, -1.0, 0.0, 1.0, 7.0].map(|x| x / SIGMA_PER_MAD);
        for (actual, expected) in scores.iter().zip(expected) {
            close(Some(*actual), Some(expected), 1e-12, "score");
        }
    }
}
