//! The matrix profile (Yeh et al. 2016): for every stretch of a series the distance to the stretch that is most like it, in shape and
//! not in level or size, as `stumpy.stump`.
//!
//! | stretches                          | distance                                                              |
//! |------------------------------------|-----------------------------------------------------------------------|
//! | both vary                          | Euclidean, of their z scores: √(2m·(1 − r)), r the correlation          |
//! | both are constant                  | 0                                                                     |
//! | one is constant                    | √m                                                                    |
//! | closer together than a quarter     | not compared: a stretch is always like itself                         |
//!
//! Diagonal by diagonal (Zhu et al. 2018, SCRIMP): the covariance of two stretches follows from that of the two a row before in constant time,
//! by the differences of the program mpx of Kamgar et al. It is computed anew where digits would be lost because what has left the stretches was much larger
//! than what is in them. Distances are computed from the values at the end, so that those of stretches that are alike are exact.

/// A covariance is computed anew when the stretches vary so much less than others since the last time.
const FADED: f64 = 1e-3;

/// The stretch that is most like another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// Where it begins.
    pub index: usize,
    /// How far it is.
    pub distance: f64,
}

/// Stretches that begin within so many rows are not compared: a quarter of the length, as stumpy has it.
pub fn exclusion_zone(length: usize) -> usize {
    length.div_ceil(4)
}

/// The nearest of the other stretches of so many values, at least three, for every stretch by where it begins; of several the one
/// that lies nearest, the earlier of two. `None` where there is no other far enough away; empty where there is no stretch. O(n²).
pub fn matrix_profile(values: &[f64], length: usize) -> Vec<Option<Nearest>> {
    if values.len() < length || length < 3 {
        return vec![];
    }
    let stretches = Stretches::new(values, length);
    let count = stretches.count;
    let mut best = vec![(f64::NEG_INFINITY, 0); count];
    for apart in exclusion_zone(length) + 1..count {
        stretches.compare_diagonal(apart, &mut best);
    }
    let nearest = |(index, (correlation, other)): (usize, (f64, usize))| {
        (correlation > f64::NEG_INFINITY).then(|| Nearest {
            index: other,
            distance: stretches.distance(index, other),
        })
    };
    best.into_iter().enumerate().map(nearest).collect()
}

/// The stretches of a series, and what their covariances are made of.
struct Stretches {
    /// Relative to the mean of all, so that large ones lose no digits.
    values: Vec<f64>,
    length: usize,
    count: usize,
    means: Vec<f64>,
    /// The root of the sum of squares about the mean; 0 for a constant one.
    norms: Vec<f64>,
    /// One over it, or 0.
    inverses: Vec<f64>,
    /// Half of what a stretch gains in its next row, and twice how far the rows that come and go are from its means.
    gains: Vec<f64>,
    sides: Vec<f64>,
}

impl Stretches {
    fn new(values: &[f64], length: usize) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().map(|value| value / n).sum::<f64>();
        let values: Vec<f64> = values.iter().map(|value| value - mean).collect();
        let moments = |stretch: &[f64]| {
            if stretch.iter().all(|value| *value == stretch[0]) {
                return (stretch[0], 0.0);
            }
            let mean = stretch.iter().sum::<f64>() / length as f64;
            let squares: f64 = stretch.iter().map(|value| (value - mean).powi(2)).sum();
            (mean, squares.sqrt())
        };
        let (means, norms): (Vec<f64>, Vec<f64>) = values.windows(length).map(moments).unzip();
        let inverse = |norm: &f64| if *norm > 0.0 { 1.0 / norm } else { 0.0 };
        let count = means.len();
        let next = |index: usize| (values[index], values[index + length]);
        let gain = |index| {
            let (left, entered) = next(index);
            (entered - left) / 2.0
        };
        let side = |index| {
            let (left, entered) = next(index);
            entered - means[index + 1] + (left - means[index])
        };
        Self {
            inverses: norms.iter().map(inverse).collect(),
            gains: (0..count - 1).map(gain).collect(),
            sides: (0..count - 1).map(side).collect(),
            length,
            count,
            means,
            norms,
            values,
        }
    }

    fn stretch(&self, index: usize) -> &[f64] {
        &self.values[index..index + self.length]
    }

    /// The sum of products about the means.
    fn covariance(&self, one: usize, other: usize) -> f64 {
        let (one_mean, other_mean) = (self.means[one], self.means[other]);
        let pairs = self.stretch(one).iter().zip(self.stretch(other));
        pairs.map(|(a, b)| (a - one_mean) * (b - other_mean)).sum()
    }

    /// Compares all pairs that begin so many rows apart.
    fn compare_diagonal(&self, apart: usize, best: &mut [(f64, usize)]) {
        let mut covariance = self.covariance(0, apart);
        let mut largest = self.norms[0] * self.norms[apart];
        for one in 0..self.count - apart {
            let other = one + apart;
            let product = self.norms[one] * self.norms[other];
            let correlation = if product > 0.0 {
                if product < FADED * largest {
                    covariance = self.covariance(one, other);
                    largest = product;
                }
                largest = largest.max(product);
                covariance * self.inverses[one] * self.inverses[other]
            } else if self.norms[one] == self.norms[other] {
                1.0
            } else {
                0.5
            };
            if correlation > best[one].0 {
                best[one] = (correlation, other);
            }
            if correlation > best[other].0 {
                best[other] = (correlation, one);
            }
            if other + 1 < self.count {
                covariance +=
                    self.gains[one] * self.sides[other] + self.gains[other] * self.sides[one];
            }
        }
    }

    /// The distance of two stretches, from their values.
    fn distance(&self, one: usize, other: usize) -> f64 {
        let (one_norm, other_norm) = (self.norms[one], self.norms[other]);
        if one_norm == 0.0 || other_norm == 0.0 {
            let is_alike = one_norm == other_norm;
            return if is_alike {
                0.0
            } else {
                (self.length as f64).sqrt()
            };
        }
        let (one_mean, other_mean) = (self.means[one], self.means[other]);
        let pairs = self.stretch(one).iter().zip(self.stretch(other));
        let squares = pairs.map(|(a, b)| {
            let difference = (a - one_mean) / one_norm - (b - other_mean) / other_norm;
            difference * difference
        });
        (self.length as f64 * squares.sum::<f64>()).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::series;

    fn check(name: &str, length: usize, scale: f64, offset: f64) {
        let values: Vec<f64> = series(name).iter().map(|x| x * scale + offset).collect();
        let profile = matrix_profile(&values, length);
        let distances = series(&format!("{name}_{length}_distances"));
        let places = series(&format!("{name}_{length}_places"));
        assert_eq!(profile.len(), distances.len());
        for (index, nearest) in profile.iter().enumerate() {
            let nearest = nearest.filter(|nearest| nearest.distance.is_finite());
            let Some(nearest) = nearest else {
                assert!(distances[index].is_infinite(), "{name} {index}");
                continue;
            };
            let difference = (nearest.distance - distances[index]).abs();
            // Next to zero stumpy keeps half of the digits.
            let tolerance = if distances[index] < 1e-6 { 1e-6 } else { 1e-8 };
            assert!(
                difference < tolerance,
                "{name} {length} {index}: {nearest:?} is not {}",
                distances[index]
            );
            if places[index] >= 0.0 {
                assert_eq!(nearest.index as f64, places[index], "{name} {index}");
            }
        }
    }

    #[test]
    fn neighbours_are_those_of_stumpy() {
        check("profile_noise", 12, 1.0, 0.0);
        check("profile_noise", 33, 1.0, 0.0);
        check("profile_noise", 12, 1e-3, 1e3);
        check("profile_constant", 10, 1.0, 0.0);
        check("profile_short", 8, 1.0, 0.0);
    }

    #[test]
    fn a_spike_leaves_no_trace() {
        let noise = series("profile_noise");
        let mut spiked = noise.clone();
        spiked[60] += 1e9;
        let (plain, spiked) = (matrix_profile(&noise, 12), matrix_profile(&spiked, 12));
        let is_near = |index: usize| (index + 12 > 60) && index <= 60;
        let mut compared = 0;
        for (index, pair) in plain.iter().zip(spiked).enumerate() {
            let (Some(plain), Some(spiked)) = (pair.0, pair.1) else {
                continue;
            };
            // The spike may be more like a stretch than what was nearest.
            let places = [index, plain.index, spiked.index];
            if !places.into_iter().any(is_near) {
                assert!((plain.distance - spiked.distance).abs() < 1e-5, "{index}");
                compared += 1;
            }
        }
        assert!(compared > 100);
    }

    #[test]
    fn what_repeats_is_at_no_distance() {
        let values: Vec<f64> = (0..60_i32).map(|i| f64::from(i * i % 20)).collect();
        for nearest in matrix_profile(&values, 10) {
            assert!(nearest.unwrap().distance < 1e-12);
        }
    }

    #[test]
    fn short_series_have_no_neighbours() {
        assert_eq!(matrix_profile(&[], 3), []);
        assert_eq!(matrix_profile(&[1.0, 2.0], 3), []);
        assert_eq!(matrix_profile(&[1.0, 2.0, 3.0, 5.0], 3), [None; 2]);
    }
}
