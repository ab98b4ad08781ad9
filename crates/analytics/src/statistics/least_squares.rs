//! Ordinary least squares by Householder reflections (Golub and Van Loan, "Matrix Computations", section 5.3).
//!
//! A QR decomposition keeps twice the digits that the normal equations keep, which trends and lagged levels need.

/// The regression of `y` on columns, prepared so that every number of leading columns can be fitted.
#[derive(Debug)]
pub(super) struct LeastSquares {
    row_count: usize,
    /// The upper triangle, column by column.
    triangle: Vec<Vec<f64>>,
    /// `y` in the rotated frame: its head explains, its tail is left over.
    rotated: Vec<f64>,
}

impl LeastSquares {
    /// Decomposes the columns, which have as many rows as `y`; `None` when they are not independent, or too many.
    pub(super) fn try_new(columns: &[Vec<f64>], y: &[f64]) -> Option<Self> {
        let row_count = y.len();
        if columns.len() >= row_count {
            return None;
        }
        let mut triangle: Vec<Vec<f64>> = columns.to_vec();
        let mut rotated = y.to_vec();
        for k in 0..triangle.len() {
            let size = norm(&triangle[k]);
            let below = norm(&triangle[k][k..]);
            if below <= size * 1e-13 || !below.is_finite() {
                return None;
            }
            let mut reflector = triangle[k][k..].to_vec();
            reflector[0] += below.copysign(reflector[0]);
            let scale = 2.0 / dot(&reflector, &reflector);
            for column in triangle[k..].iter_mut().chain([&mut rotated]) {
                let factor = scale * dot(&reflector, &column[k..]);
                for (value, along) in column[k..].iter_mut().zip(&reflector) {
                    *value -= factor * along;
                }
            }
        }
        Some(Self {
            row_count,
            triangle,
            rotated,
        })
    }

    /// The residual sum of squares of a fit on the first `column_count` columns.
    pub(super) fn residual_squares(&self, column_count: usize) -> f64 {
        let tail = &self.rotated[column_count..];
        dot(tail, tail)
    }

    /// The coefficients of a fit on all columns.
    pub(super) fn coefficients(&self) -> Vec<f64> {
        self.solve(&self.rotated)
    }

    /// The standard error of the coefficient of one column, of a fit on all of them.
    pub(super) fn standard_error(&self, column: usize) -> f64 {
        let count = self.triangle.len();
        let variance = self.residual_squares(count) / (self.row_count - count) as f64;
        // Row `column` of the inverse triangle: solve Rᵀz = e.
        let mut z = vec![0.0; count];
        for i in column..count {
            let known: f64 = (column..i).map(|j| self.triangle[i][j] * z[j]).sum();
            let right = if i == column { 1.0 } else { 0.0 };
            z[i] = (right - known) / self.triangle[i][i];
        }
        (variance * dot(&z, &z)).sqrt()
    }

    fn solve(&self, right: &[f64]) -> Vec<f64> {
        let count = self.triangle.len();
        let mut solution = vec![0.0; count];
        for i in (0..count).rev() {
            let known: f64 = (i + 1..count)
                .map(|j| self.triangle[j][i] * solution[j])
                .sum();
            solution[i] = (right[i] - known) / self.triangle[i][i];
        }
        solution
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_through_points_is_found_with_its_errors() {
        // y = 2 + 3x with residuals 1, −1, −1, 1: errors by hand, s² = 4 / 2, Σ(x − 1.5)² = 5.
        let x = vec![0.0, 1.0, 2.0, 3.0];
        let y = [3.0, 4.0, 7.0, 12.0];
        let fit = LeastSquares::try_new(&[x, vec![1.0; 4]], &y).unwrap();
        let [slope, intercept] = fit.coefficients()[..] else {
            panic!("two coefficients")
        };
        assert!((slope - 3.0).abs() < 1e-12 && (intercept - 2.0).abs() < 1e-12);
        assert!((fit.residual_squares(2) - 4.0).abs() < 1e-12);
        assert!((fit.standard_error(0) - (2.0_f64 / 5.0).sqrt()).abs() < 1e-12);
        let intercept_error = (2.0 * (0.25 + 2.25 / 5.0_f64)).sqrt();
        assert!((fit.standard_error(1) - intercept_error).abs() < 1e-12);
    }

    #[test]
    fn dependent_columns_have_no_fit() {
        let y = [1.0, 2.0, 4.0, 8.0];
        let ones = vec![1.0; 4];
        let twos = vec![2.0; 4];
        assert!(LeastSquares::try_new(&[ones.clone(), twos], &y).is_none());
        assert!(LeastSquares::try_new(&[ones.clone(), vec![0.0; 4]], &y).is_none());
        assert!(LeastSquares::try_new(&[ones], &[1.0]).is_none());
    }
}
