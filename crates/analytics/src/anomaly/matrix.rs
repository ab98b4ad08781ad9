//! Small symmetric matrices: Cholesky's factor and Jacobi's eigenvectors, for a handful of features.

/// A symmetric matrix, all of it, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Symmetric {
    pub(super) size: usize,
    pub(super) cells: Vec<f64>,
}

/// A pivot below this share of a diagonal of ones: a feature that the others determine.
const PIVOT_MIN: f64 = 1e-10;

/// Sweeps after which rotations have long converged; six or seven are usual.
const SWEEPS_MAX: usize = 60;

impl Symmetric {
    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        self.cells[row * self.size + column]
    }

    /// The lower triangular factor L of a correlation matrix, L·Lᵀ; `None` where it is singular.
    pub(super) fn cholesky(&self) -> Option<Self> {
        let n = self.size;
        let mut factor = vec![0.0; n * n];
        for row in 0..n {
            for column in 0..=row {
                let known: f64 = (0..column)
                    .map(|k| factor[row * n + k] * factor[column * n + k])
                    .sum();
                let rest = self.at(row, column) - known;
                factor[row * n + column] = if row == column {
                    if rest < PIVOT_MIN {
                        return None;
                    }
                    rest.sqrt()
                } else {
                    rest / factor[column * n + column]
                };
            }
        }
        Some(Self {
            size: n,
            cells: factor,
        })
    }

    /// The squared length of L⁻¹·x, this being L: xᵀ·(L·Lᵀ)⁻¹·x.
    pub(super) fn solved_square(&self, x: &[f64]) -> f64 {
        let mut solved: Vec<f64> = Vec::with_capacity(self.size);
        for (row, value) in x.iter().enumerate() {
            let known: f64 = solved
                .iter()
                .enumerate()
                .map(|(k, y)| self.at(row, k) * y)
                .sum();
            solved.push((value - known) / self.at(row, row));
        }
        solved.iter().map(|y| y * y).sum()
    }

    /// Eigenvectors by falling eigenvalue, one row each: Jacobi's rotations (Golub, Van Loan 2013, section 8.5).
    pub(super) fn eigenvectors(mut self) -> Vec<Vec<f64>> {
        let n = self.size;
        let mut vectors: Vec<Vec<f64>> = (0..n)
            .map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect())
            .collect();
        for _ in 0..SWEEPS_MAX {
            let pairs = (0..n).flat_map(|p| (p + 1..n).map(move |q| (p, q)));
            let pairs: Vec<(usize, usize)> = pairs.collect();
            let off: f64 = pairs.iter().map(|(p, q)| self.at(*p, *q).powi(2)).sum();
            if off < 1e-30 * n as f64 {
                break;
            }
            for (p, q) in pairs {
                self.rotate(p, q, &mut vectors);
            }
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| self.at(*b, *b).total_cmp(&self.at(*a, *a)));
        order
            .into_iter()
            .map(|i| std::mem::take(&mut vectors[i]))
            .collect()
    }

    /// Makes one cell off the diagonal zero; `vectors` turn with it.
    fn rotate(&mut self, p: usize, q: usize, vectors: &mut [Vec<f64>]) {
        let cell = self.at(p, q);
        if cell == 0.0 {
            return;
        }
        let theta = (self.at(q, q) - self.at(p, p)) / (2.0 * cell);
        let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
        let c = 1.0 / t.hypot(1.0);
        let s = t * c;
        let n = self.size;
        for k in 0..n {
            let (a, b) = (self.at(k, p), self.at(k, q));
            self.cells[k * n + p] = c * a - s * b;
            self.cells[k * n + q] = s * a + c * b;
        }
        for k in 0..n {
            let (a, b) = (self.at(p, k), self.at(q, k));
            self.cells[p * n + k] = c * a - s * b;
            self.cells[q * n + k] = s * a + c * b;
        }
        let (head, tail) = vectors.split_at_mut(q);
        for (a, b) in head[p].iter_mut().zip(&mut tail[0]) {
            (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(size: usize, cells: &[f64]) -> Symmetric {
        let cells = cells.to_vec();
        Symmetric { size, cells }
    }

    // Expected: numpy 2.4.6, linalg.solve and linalg.eigh.
    #[test]
    fn a_factor_solves() {
        let r = matrix(3, &[1.0, 0.5, -0.2, 0.5, 1.0, 0.1, -0.2, 0.1, 1.0]);
        let square = r.cholesky().unwrap().solved_square(&[1.0, -2.0, 0.5]);
        assert!((square - 11.393382352941178).abs() < 1e-12, "{square}");
        assert_eq!(matrix(2, &[1.0, 1.0, 1.0, 1.0]).cholesky(), None);
        assert_eq!(matrix(2, &[1.0, -1.0, -1.0, 1.0]).cholesky(), None);
    }

    #[test]
    fn eigenvectors_are_orthogonal_and_in_order() {
        let r = matrix(3, &[1.0, 0.5, -0.2, 0.5, 1.0, 0.1, -0.2, 0.1, 1.0]);
        let vectors = r.clone().eigenvectors();
        let expected = [1.51072495, 1.06770101, 0.42157404];
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut last = f64::INFINITY;
        for (i, v) in vectors.iter().enumerate() {
            let product: Vec<f64> = (0..3)
                .map(|row| dot(&r.cells[row * 3..row * 3 + 3], v))
                .collect();
            let value = dot(&product, v);
            assert!(
                (value - expected[i]).abs() < 1e-8 && value <= last,
                "{value}"
            );
            last = value;
            for (j, w) in vectors.iter().enumerate() {
                let unit = f64::from(u8::from(i == j));
                assert!((dot(v, w) - unit).abs() < 1e-12);
                let other: Vec<f64> = product.iter().zip(v).map(|(p, v)| p - value * v).collect();
                assert!(dot(&other, &other) < 1e-24);
            }
        }
        let one = matrix(1, &[1.0]).eigenvectors();
        assert_eq!(one, [[1.0]]);
    }
}
