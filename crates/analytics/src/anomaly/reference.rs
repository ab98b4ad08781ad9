//! [`Reference`]: the rows that a row is compared with, and the scores against one feature of them.
//!
//! | score        | definition                                     | rows   | zero spread               |
//! |--------------|------------------------------------------------|--------|---------------------------|
//! | [`Standard`] | (x − mean) / σ, the population's               | 2      | all values are equal      |
//! | [`Robust`]   | (x − median) / (1.4826·MAD)                    | 3      | more than half are equal  |
//! | [`Quartiles`]| distance beyond Q1 − k·IQR or Q3 + k·IQR, in IQR | 3    | the middle half is equal  |
//! | [`Fleet`]    | as robust, against the other rows              | 3      | more than half of the others are equal |
//!
//! With zero spread a value at the centre scores 0 and any other is infinitely far, as in GreptimeDB's functions of the
//! same kind. Scores are negative below the centre. Rows come and go in O(1) amortised or O(log n), and leave no trace.

use std::fmt::Debug;

use crate::Sliding;
use crate::indicators::CentralMoments;
use crate::smoothing::OrderedWindow;
use crate::spikes::SIGMA_PER_MAD;
use crate::statistics::normal_within;

/// The rows of a frame whose ends move forward.
pub trait Reference: Debug + Send + 'static {
    /// A row of finite values enters.
    fn insert(&mut self, row: &[f64]);

    /// The row that entered first leaves; it is given again.
    fn remove(&mut self, row: &[f64]);

    /// The score of a row, which is one of those in the frame or not; `None` where it is not defined.
    fn score(&mut self, row: &[f64], is_inside: bool) -> Option<f64>;
}

/// A z score as a number from 0 to 1: the chance that a normal variable is nearer to its mean (Kriegel, Kröger, Schubert,
/// Zimek 2011, Gaussian scaling without its cut at zero).
pub fn from_z(z: f64) -> f64 {
    normal_within(z)
}

/// A quartile score as a number from 0 to 1: d / (1 + d).
pub fn from_quartiles(distance: f64) -> f64 {
    let distance = distance.abs();
    if distance.is_infinite() {
        return 1.0;
    }
    distance / (1.0 + distance)
}

/// A distance in units of a scale, which may be zero.
pub(super) fn scaled(distance: f64, scale: f64) -> Option<f64> {
    if distance == 0.0 {
        return Some(0.0);
    }
    if scale == 0.0 {
        return Some(f64::INFINITY.copysign(distance));
    }
    let score = distance / scale;
    (!score.is_nan()).then_some(score)
}

/// The z score.
#[derive(Debug, Default)]
pub struct Standard {
    rows: Sliding<CentralMoments>,
}

impl Reference for Standard {
    fn insert(&mut self, row: &[f64]) {
        self.rows.push(row[0]);
    }

    fn remove(&mut self, _row: &[f64]) {
        self.rows.pop(1);
    }

    fn score(&mut self, row: &[f64], _is_inside: bool) -> Option<f64> {
        let moments = self.rows.summary();
        if self.rows.len() < 2 {
            return None;
        }
        let distance = moments.distance(row[0]);
        match moments.std_above_noise() {
            Some(std) => scaled(distance, std),
            // Equal values, but for rounding: what is as close as they are to one another is at the centre.
            None => {
                let noise = 8.0 * moments.std_population()?;
                scaled(
                    if distance.abs() <= noise {
                        0.0
                    } else {
                        distance
                    },
                    0.0,
                )
            }
        }
    }
}

/// The robust z score.
#[derive(Debug, Default)]
pub struct Robust {
    rows: OrderedWindow,
}

/// The robust z score against the values of a window, if there are enough.
fn robust_score(rows: &OrderedWindow, value: f64, count_min: usize) -> Option<f64> {
    if rows.len() < count_min {
        return None;
    }
    let scale = SIGMA_PER_MAD * rows.median_absolute_deviation()?;
    scaled(value - rows.median()?, scale)
}

impl Reference for Robust {
    fn insert(&mut self, row: &[f64]) {
        self.rows.insert(row[0]);
    }

    fn remove(&mut self, row: &[f64]) {
        let was_there = self.rows.remove(row[0]);
        debug_assert!(was_there, "only what came can leave a frame");
    }

    fn score(&mut self, row: &[f64], _is_inside: bool) -> Option<f64> {
        robust_score(&self.rows, row[0], 3)
    }
}

/// The quartile score.
#[derive(Debug)]
pub struct Quartiles {
    rows: OrderedWindow,
    k: f64,
}

impl Quartiles {
    /// Fences `k` interquartile ranges beyond the quartiles.
    pub fn new(k: f64) -> Self {
        Self {
            rows: OrderedWindow::default(),
            k,
        }
    }
}

impl Reference for Quartiles {
    fn insert(&mut self, row: &[f64]) {
        self.rows.insert(row[0]);
    }

    fn remove(&mut self, row: &[f64]) {
        let was_there = self.rows.remove(row[0]);
        debug_assert!(was_there, "only what came can leave a frame");
    }

    fn score(&mut self, row: &[f64], _is_inside: bool) -> Option<f64> {
        if self.rows.len() < 3 {
            return None;
        }
        let (lower, upper) = (self.rows.quantile(0.25)?, self.rows.quantile(0.75)?);
        let range = upper - lower;
        let below = (row[0] - (lower - self.k * range)).min(0.0);
        let above = (row[0] - (upper + self.k * range)).max(0.0);
        scaled(below + above, range)
    }
}

/// The robust z score against the other rows: a machine against its peers.
#[derive(Debug, Default)]
pub struct Fleet {
    rows: OrderedWindow,
}

impl Reference for Fleet {
    fn insert(&mut self, row: &[f64]) {
        self.rows.insert(row[0]);
    }

    fn remove(&mut self, row: &[f64]) {
        let was_there = self.rows.remove(row[0]);
        debug_assert!(was_there, "only what came can leave a frame");
    }

    fn score(&mut self, row: &[f64], is_inside: bool) -> Option<f64> {
        if !is_inside {
            return robust_score(&self.rows, row[0], 2);
        }
        self.rows.remove(row[0]);
        let score = robust_score(&self.rows, row[0], 2);
        self.rows.insert(row[0]);
        score
    }
}

/// Scores of series by the tests of references.
#[cfg(test)]
pub(super) mod testing {
    use super::Reference;

    /// The score of each row against itself and up to `preceding` rows before it.
    pub(crate) fn scores<R: Reference>(
        mut reference: R,
        rows: &[Vec<f64>],
        preceding: usize,
    ) -> Vec<Option<f64>> {
        let score = |end: usize| {
            reference.insert(&rows[end]);
            if end > preceding {
                reference.remove(&rows[end - preceding - 1]);
            }
            reference.score(&rows[end], true)
        };
        (0..rows.len()).map(score).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::scores;
    use super::*;

    fn rows(values: &[f64]) -> Vec<Vec<f64>> {
        values.iter().map(|value| vec![*value]).collect()
    }

    /// Expected: z, robust z, quartile (k = 1.5) and fleet score of `value` against `values`, it being one of them or not.
    fn check(values: &[f64], value: f64, expected: [Option<f64>; 4]) {
        let is_inside = values.contains(&value);
        fn score<R: Reference>(mut of: R, values: &[f64], value: f64, inside: bool) -> Option<f64> {
            values.iter().for_each(|value| of.insert(&[*value]));
            of.score(&[value], inside)
        }
        let actual = [
            score(Standard::default(), values, value, is_inside),
            score(Robust::default(), values, value, is_inside),
            score(Quartiles::new(1.5), values, value, is_inside),
            score(Fleet::default(), values, value, is_inside),
        ];
        for (actual, expected) in actual.into_iter().zip(expected) {
            match (actual, expected) {
                (Some(a), Some(e)) if e.is_finite() => {
                    assert!(
                        (a - e).abs() < 1e-12 * e.abs().max(1.0),
                        "{values:?}: {a} is not {e}"
                    );
                }
                (a, e) => assert_eq!(a, e, "{value} of {values:?}"),
            }
        }
    }

    // Expected: numpy 2.4.6 and scipy 1.17.1 (zscore, median_abs_deviation, percentile).
    #[test]
    fn scores_agree_with_scipy() {
        let values = [2.0, 8.0, 0.0, 4.0, 1.0, 9.0, 30.0];
        check(
            &values,
            30.0,
            [
                Some(2.31371510923173),
                Some(4.384183376274531),
                Some(1.5714285714285714),
                Some(7.284489302117682),
            ],
        );
        check(
            &values,
            4.0,
            [
                Some(-0.38561918487195507),
                Some(0.0),
                Some(0.0),
                Some(-0.16862243754902043),
            ],
        );
        check(
            &[1.0, 2.0, 3.0, 4.0, 5.0],
            -9.0,
            [
                Some(-8.48528137423857),
                Some(-8.09387700235298),
                Some(-4.0),
                Some(-8.09387700235298),
            ],
        );
    }

    #[test]
    fn without_spread_only_the_centre_is_usual() {
        let infinite = Some(f64::INFINITY);
        check(&[5.0; 4], 5.0, [Some(0.0); 4]);
        check(&[5.0; 4], 6.0, [infinite; 4]);
        check(&[5.0; 4], 4.0, [Some(f64::NEG_INFINITY); 4]);
        check(&[0.1; 7], 0.1, [Some(0.0); 4]);
        check(
            &[5.0, 5.0, 5.0, 5.0, 9.0],
            9.0,
            [Some(2.0), infinite, infinite, infinite],
        );
    }

    #[test]
    fn too_few_rows_give_no_score() {
        check(&[], 1.0, [None; 4]);
        check(&[1.0], 1.0, [None; 4]);
        check(&[1.0, 3.0], 3.0, [Some(1.0), None, None, None]);
        check(
            &[1.0, 2.0, 6.0],
            6.0,
            [
                Some(1.3887301496588271),
                Some(2.697959000784327),
                Some(0.0),
                Some(6.070407751764735),
            ],
        );
    }

    #[test]
    fn normalised_scores_are_from_0_to_1() {
        assert_eq!(from_z(0.0), 0.0);
        assert!((from_z(-1.959963984540054) - 0.95).abs() < 1e-12);
        assert_eq!(from_z(f64::NEG_INFINITY), 1.0);
        assert_eq!(from_quartiles(-1.0), 0.5);
        assert_eq!(from_quartiles(f64::INFINITY), 1.0);
    }

    #[test]
    fn an_offset_or_an_outlier_that_left_changes_no_score() {
        let plain: Vec<f64> = (0..60).map(|i| f64::from(i * i % 23) * 0.25).collect();
        let moved: Vec<f64> = plain.iter().map(|value| value + 1e9).collect();
        let [a, b] = [&plain, &moved].map(|x| scores(Standard::default(), &rows(x), 9));
        assert_eq!(a.len(), b.len());
        for (a, b) in a.into_iter().zip(b).skip(1) {
            assert!((a.unwrap() - b.unwrap()).abs() < 1e-12);
        }
        let mut struck = plain.clone();
        struck[20] = 1e15;
        let after = scores(Standard::default(), &rows(&struck), 9);
        let plain = scores(Standard::default(), &rows(&plain), 9);
        assert_eq!(after[30..], plain[30..]);
    }

    proptest! {
        #[test]
        fn moving_frames_equal_frames_computed_afresh(
            values in prop::collection::vec((-20..20_i32).prop_map(f64::from), 1..80), preceding in 1..12usize
        ) {
            fn afresh<R: Reference>(make: impl Fn() -> R, x: &[f64], preceding: usize) -> Vec<Option<f64>> {
                let score = |end: usize| {
                    let mut reference = make();
                    let frame = &x[end.saturating_sub(preceding)..=end];
                    frame.iter().for_each(|value| reference.insert(&[*value]));
                    reference.score(&[x[end]], true)
                };
                (0..x.len()).map(score).collect()
            }
            let rows = rows(&values);
            let close = |a: &Option<f64>, b: &Option<f64>| match (a, b) {
                (Some(a), Some(b)) => a == b || (a - b).abs() < 1e-9,
                (a, b) => a == b,
            };
            for (a, b) in [
                (scores(Standard::default(), &rows, preceding), afresh(Standard::default, &values, preceding)),
                (scores(Robust::default(), &rows, preceding), afresh(Robust::default, &values, preceding)),
                (scores(Fleet::default(), &rows, preceding), afresh(Fleet::default, &values, preceding)),
                (
                    scores(Quartiles::new(1.5), &rows, preceding),
                    afresh(|| Quartiles::new(1.5), &values, preceding),
                ),
            ] {
                prop_assert!(a.iter().zip(&b).all(|(a, b)| close(a, b)), "{a:?} {b:?}");
            }
        }
    }
}
