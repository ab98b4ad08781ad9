//! Scores of several features at once: Hotelling's T² and the squared prediction error of principal components.
//!
//! | score                | definition                                                                     | as                     |
//! |----------------------|--------------------------------------------------------------------------------|------------------------|
//! | [`Hotelling`]        | (x − x̄)ᵀ·S⁻¹·(x − x̄), S the sample covariance                                  | Hotelling 1931         |
//! | [`PredictionError`]  | squared distance of the scaled row from the plane of the first k components: Q  | Jackson, Mudholkar 1979 |
//!
//! Features are scaled to unit variance for Q; T² does not depend on their scale. A feature that does not vary takes no
//! part, unless the row differs in it: then the score is infinite. T² is not defined when other features determine one.
//! Both take more rows than features.
//!
//! A window keeps one mean and one matrix of co-moments per row of its older part, merged as in Chan, Golub, LeVeque
//! (1983) and never subtracted (see [`Sliding`](crate::Sliding)): O(p²) amortised per row, and a row that left leaves no
//! trace. A score costs O(p³) where the window moved.

use super::Reference;
use super::matrix::Symmetric;

/// A variance below this share of the mean, squared, is rounding noise: the rule of `scipy.stats`.
const NOISE: f64 = 1e-15;

/// The count, means and co-moments of rows. Means are distances from an anchor, the first row.
#[derive(Debug, Clone, PartialEq)]
struct Scatter {
    count: f64,
    anchor: Vec<f64>,
    mean: Vec<f64>,
    /// Sums of products of distances from the means, all of the matrix.
    products: Vec<f64>,
}

impl Scatter {
    fn of(row: &[f64]) -> Self {
        Self {
            count: 1.0,
            anchor: row.to_vec(),
            mean: vec![0.0; row.len()],
            products: vec![0.0; row.len() * row.len()],
        }
    }

    fn push(&mut self, row: &[f64]) {
        let distances = self.distances(row);
        self.add(1.0, &distances);
    }

    fn merge(&mut self, other: &Self) {
        let anchors = other.anchor.iter().zip(&self.anchor).map(|(b, a)| b - a);
        let means = other.mean.iter().zip(&self.mean).map(|(b, a)| b - a);
        let distances: Vec<f64> = anchors.zip(means).map(|(a, b)| a + b).collect();
        self.add(other.count, &distances);
        let products = self.products.iter_mut().zip(&other.products);
        products.for_each(|(sum, other)| *sum += other);
    }

    /// Adds the mean of `count` rows, at these distances from this one.
    fn add(&mut self, count: f64, distances: &[f64]) {
        let total = self.count + count;
        let weight = self.count * count / total;
        let size = distances.len();
        for (i, a) in distances.iter().enumerate() {
            for (j, b) in distances.iter().enumerate() {
                self.products[i * size + j] += a * b * weight;
            }
        }
        for (mean, distance) in self.mean.iter_mut().zip(distances) {
            *mean += distance * count / total;
        }
        self.count = total;
    }

    /// How far a row is from the means.
    fn distances(&self, row: &[f64]) -> Vec<f64> {
        let anchored = row
            .iter()
            .zip(&self.anchor)
            .map(|(value, anchor)| value - anchor);
        anchored
            .zip(&self.mean)
            .map(|(value, mean)| value - mean)
            .collect()
    }
}

/// The rows of a frame over several features.
#[derive(Debug, Default)]
struct Features {
    /// Newest first: `front[i]` is its own row and the newer ones of the front.
    front: Vec<Scatter>,
    /// The rows that came after the front was built, one after the other.
    rows: Vec<f64>,
    back: Option<Scatter>,
    basis: Option<Basis>,
}

/// What a window's features look like: found once for all scores until the window moves.
#[derive(Debug, Clone)]
struct Basis {
    scatter: Scatter,
    /// The features that vary, and their sample standard deviations.
    varying: Vec<(usize, f64)>,
    shape: Shape,
}

/// What a score reads from the correlations of the features that vary.
#[derive(Debug, Clone)]
enum Shape {
    Factor(Symmetric),
    Components(Vec<Vec<f64>>),
    Singular,
}

impl Features {
    fn insert(&mut self, row: &[f64]) {
        self.basis = None;
        self.rows.extend_from_slice(row);
        match &mut self.back {
            Some(back) => back.push(row),
            None => self.back = Some(Scatter::of(row)),
        }
    }

    fn remove(&mut self, width: usize) {
        self.basis = None;
        if self.front.is_empty() {
            for row in self.rows.rchunks(width.max(1)) {
                let mut longer = Scatter::of(row);
                if let Some(newer) = self.front.last() {
                    longer.merge(newer);
                }
                self.front.push(longer);
            }
            self.rows.clear();
            self.back = None;
        }
        self.front.pop();
    }

    fn scatter(&self) -> Option<Scatter> {
        let mut scatter = self.front.last().cloned();
        match (&mut scatter, &self.back) {
            (Some(scatter), Some(back)) => scatter.merge(back),
            (None, Some(back)) => scatter = Some(back.clone()),
            _ => {}
        }
        scatter
    }

    /// The basis of the window, whose shape `make` reads from the correlations; `None` for too few rows.
    fn basis(&mut self, width: usize, make: impl Fn(Symmetric) -> Shape) -> Option<&Basis> {
        if self.basis.is_none() {
            let scatter = self.scatter()?;
            if scatter.count <= width as f64 {
                return None;
            }
            let varying = varying(&scatter);
            let shape = make(correlations(&scatter, &varying));
            self.basis = Some(Basis {
                scatter,
                varying,
                shape,
            });
        }
        self.basis.as_ref()
    }
}

/// The features that vary by more than rounding noise, and their sample standard deviations.
fn varying(scatter: &Scatter) -> Vec<(usize, f64)> {
    let size = scatter.mean.len();
    let spread = |feature: usize| {
        let square = scatter.products[feature * size + feature];
        let noise = NOISE * (scatter.anchor[feature] + scatter.mean[feature]);
        let std = (square / (scatter.count - 1.0)).sqrt();
        (square / scatter.count > noise * noise).then_some((feature, std))
    };
    (0..size).filter_map(spread).collect()
}

fn correlations(scatter: &Scatter, varying: &[(usize, f64)]) -> Symmetric {
    let size = scatter.mean.len();
    let degrees = scatter.count - 1.0;
    let mut cells = Vec::with_capacity(varying.len() * varying.len());
    for (i, a) in varying {
        for (j, b) in varying {
            let covariance = scatter.products[i * size + j] / degrees;
            cells.push(if i == j { 1.0 } else { covariance / a / b });
        }
    }
    Symmetric {
        size: varying.len(),
        cells,
    }
}

impl Basis {
    /// The row in sample standard deviations from the mean, of the features that vary; `None` when it differs in one
    /// that does not.
    fn scaled(&self, row: &[f64]) -> Option<Vec<f64>> {
        let distances = self.scatter.distances(row);
        let is_constant = |feature: &usize| !self.varying.iter().any(|(other, _)| other == feature);
        let differs = |feature: usize| distances[feature].abs() > 8.0 * NOISE * row[feature].abs();
        if (0..row.len()).filter(is_constant).any(differs) {
            return None;
        }
        let scaled = self
            .varying
            .iter()
            .map(|(feature, std)| distances[*feature] / std);
        Some(scaled.collect())
    }
}

/// A score that is a number, or infinite.
fn known(score: f64) -> Option<f64> {
    // The sum of no terms is −0.
    (!score.is_nan()).then_some(score + 0.0)
}

/// Hotelling's T² of a row.
#[derive(Debug, Default)]
pub struct Hotelling {
    rows: Features,
}

impl Reference for Hotelling {
    fn insert(&mut self, row: &[f64]) {
        self.rows.insert(row);
    }

    fn remove(&mut self, row: &[f64]) {
        self.rows.remove(row.len());
    }

    fn score(&mut self, row: &[f64], _is_inside: bool) -> Option<f64> {
        let factor = |r: Symmetric| r.cholesky().map_or(Shape::Singular, Shape::Factor);
        let basis = self.rows.basis(row.len(), factor)?;
        let Some(scaled) = basis.scaled(row) else {
            return Some(f64::INFINITY);
        };
        match &basis.shape {
            Shape::Factor(factor) => known(factor.solved_square(&scaled)),
            _ => None,
        }
    }
}

/// The squared prediction error Q of a row.
#[derive(Debug)]
pub struct PredictionError {
    rows: Features,
    components: usize,
}

impl PredictionError {
    /// What the first `components` principal components leave unexplained.
    pub fn new(components: usize) -> Self {
        Self {
            rows: Features::default(),
            components,
        }
    }
}

impl Reference for PredictionError {
    fn insert(&mut self, row: &[f64]) {
        self.rows.insert(row);
    }

    fn remove(&mut self, row: &[f64]) {
        self.rows.remove(row.len());
    }

    fn score(&mut self, row: &[f64], _is_inside: bool) -> Option<f64> {
        let count = self.components;
        let components = |r: Symmetric| Shape::Components(r.eigenvectors());
        let basis = self.rows.basis(row.len(), components)?;
        let Some(mut rest) = basis.scaled(row) else {
            return Some(f64::INFINITY);
        };
        let Shape::Components(components) = &basis.shape else {
            return None;
        };
        for component in components.iter().take(count) {
            let score: f64 = rest.iter().zip(component).map(|(x, v)| x * v).sum();
            rest.iter_mut()
                .zip(component)
                .for_each(|(x, v)| *x -= score * v);
        }
        known(rest.iter().map(|x| x * x).sum())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::reference::testing::scores;
    use super::*;

    const ROWS: [[f64; 3]; 7] = [
        [1.0, 2.0, 0.5],
        [2.0, 1.5, 0.7],
        [3.0, 4.0, 0.1],
        [4.0, 3.0, 0.9],
        [5.0, 6.0, 0.2],
        [6.0, 4.0, 0.8],
        [7.0, 9.0, 0.3],
    ];

    /// The scores of all rows against all rows.
    fn whole<R: Reference>(mut reference: R, rows: &[Vec<f64>]) -> Vec<Option<f64>> {
        rows.iter().for_each(|row| reference.insert(row));
        rows.iter().map(|row| reference.score(row, true)).collect()
    }

    fn rows(offset: f64) -> Vec<Vec<f64>> {
        ROWS.iter()
            .map(|row| row.iter().map(|value| value + offset).collect())
            .collect()
    }

    fn check(actual: &[Option<f64>], expected: &[f64], tolerance: f64) {
        for (a, e) in actual.iter().zip(expected) {
            let a = a.unwrap();
            assert!((a - e).abs() <= tolerance * e.max(0.01), "{a} is not {e}");
        }
        assert_eq!(actual.len(), expected.len());
    }

    // Expected: numpy 2.4.6, cov, corrcoef, linalg.solve and linalg.eigh.
    #[test]
    fn scores_agree_with_numpy() {
        let t2 = [
            2.6851880629966827,
            1.190720903688382,
            3.003279514288927,
            1.8288918778434504,
            1.256027179242603,
            3.5885977932941415,
            4.447294668645802,
        ];
        let q1 = [
            0.6240767694735996,
            0.0012742862099435087,
            1.845258087887475,
            1.17359608575945,
            0.32029520525238964,
            1.7821731167169417,
            0.1339732026283426,
        ];
        let q2 = [
            0.04948544089320339,
            0.0006241657793861662,
            0.04972814657335324,
            0.01099023063640546,
            0.013143569579117944,
            0.0822884268500054,
            0.07411039515619755,
        ];
        check(&whole(Hotelling::default(), &rows(0.0)), &t2, 1e-10);
        check(&whole(PredictionError::new(1), &rows(0.0)), &q1, 1e-10);
        check(&whole(PredictionError::new(2), &rows(0.0)), &q2, 1e-10);
        check(
            &whole(PredictionError::new(3), &rows(0.0)),
            &[0.0; 7],
            1e-10,
        );
        check(&whole(Hotelling::default(), &rows(1e6)), &t2, 1e-6);
    }

    #[test]
    fn moving_frames_agree_with_numpy() {
        let t2 = [2.46967862133209, 3.1730176211453776, 2.855374592833875];
        check(
            &scores(Hotelling::default(), &rows(0.0), 4)[4..],
            &t2,
            1e-10,
        );
        let q1 = [0.03798620137871672, 1.9178754775046771, 0.09423032659337327];
        check(
            &scores(PredictionError::new(1), &rows(0.0), 4)[4..],
            &q1,
            1e-9,
        );
    }

    #[test]
    fn features_that_do_not_vary_take_no_part() {
        let with_constant: Vec<Vec<f64>> =
            ROWS.iter().map(|row| [&row[..], &[7.5]].concat()).collect();
        let actual = whole(Hotelling::default(), &with_constant);
        let expected: Vec<f64> = whole(Hotelling::default(), &rows(0.0))
            .into_iter()
            .flatten()
            .collect();
        check(&actual, &expected, 1e-12);
        let mut reference = Hotelling::default();
        with_constant.iter().for_each(|row| reference.insert(row));
        assert_eq!(
            reference.score(&[3.0, 4.0, 0.1, 7.6], false),
            Some(f64::INFINITY)
        );
        let mut reference = PredictionError::new(1);
        with_constant.iter().for_each(|row| reference.insert(row));
        assert_eq!(
            reference.score(&[3.0, 4.0, 0.1, 7.4], false),
            Some(f64::INFINITY)
        );
        assert_eq!(
            whole(Hotelling::default(), &vec![vec![5.0, 1.0]; 4]),
            [Some(0.0); 4]
        );
    }

    #[test]
    fn scores_take_more_rows_than_features_that_differ() {
        assert_eq!(whole(Hotelling::default(), &rows(0.0)[..3]), [None; 3]);
        let doubled: Vec<Vec<f64>> = ROWS.iter().map(|row| vec![row[0], 2.0 * row[0]]).collect();
        assert_eq!(whole(Hotelling::default(), &doubled), [None; 7]);
        let none: Vec<Vec<f64>> = vec![];
        assert!(whole(PredictionError::new(1), &none).is_empty());
    }

    proptest! {
        #[test]
        fn moving_frames_equal_frames_computed_afresh(
            values in prop::collection::vec(prop::array::uniform3(-9.0..9.0f64), 1..60),
            preceding in 4..12usize,
            offset in prop_oneof![Just(0.0), Just(1e6)],
        ) {
            let rows: Vec<Vec<f64>> =
                values.iter().map(|row| row.iter().map(|value| value + offset).collect()).collect();
            let moving = scores(Hotelling::default(), &rows, preceding);
            for (end, moving) in moving.into_iter().enumerate() {
                let mut afresh = Hotelling::default();
                rows[end.saturating_sub(preceding)..=end].iter().for_each(|row| afresh.insert(row));
                match (moving, afresh.score(&rows[end], true)) {
                    (Some(a), Some(b)) => prop_assert!((a - b).abs() <= 1e-4 * b.max(1.0), "{a} is not {b}"),
                    (a, b) => prop_assert_eq!(a.is_some(), b.is_some()),
                }
            }
        }
    }
}
