//! The little linear algebra that ridge regression and principal components need, on small dense matrices by rows.

/// Products of centred columns: `out[i][j] = Σ (xᵢ − mᵢ)(xⱼ − mⱼ)`, in an order-independent sum.
pub(crate) fn scatter(columns: &[Vec<f64>], means: &[f64]) -> Vec<f64> {
    let width = columns.len();
    let mut products = vec![0.0; width * width];
    for i in 0..width {
        for j in i..width {
            let product = cross(&columns[i], means[i], &columns[j], means[j]);
            products[i * width + j] = product;
            products[j * width + i] = product;
        }
    }
    products
}

/// `Σ (a − mean of a)(b − mean of b)`.
pub(crate) fn cross(a: &[f64], mean_a: f64, b: &[f64], mean_b: f64) -> f64 {
    super::sum::sum(a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)))
}

/// Solves `A x = b` for a symmetric positive definite `A` by Cholesky's method; `None` where it is not.
pub(crate) fn solve(mut a: Vec<f64>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    let largest = (0..n).map(|i| a[i * n + i]).fold(0.0, f64::max);
    for j in 0..n {
        let pivot = a[j * n + j] - dot(&a[j * n..j * n + j], &a[j * n..j * n + j]);
        // Below this the column is a combination of others but for rounding.
        if pivot.is_nan() || pivot <= largest * 1e-13 {
            return None;
        }
        a[j * n + j] = pivot.sqrt();
        for i in j + 1..n {
            let rest = a[i * n + j] - dot(&a[i * n..i * n + j], &a[j * n..j * n + j]);
            a[i * n + j] = rest / a[j * n + j];
        }
    }
    for i in 0..n {
        b[i] = (b[i] - dot(&a[i * n..i * n + i], &b[..i])) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| a[k * n + i] * b[k]).sum();
        b[i] = (b[i] - known) / a[i * n + i];
    }
    Some(b)
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Eigenvalues of a symmetric matrix, largest first, and their unit eigenvectors as rows: Jacobi's cyclic method
/// (Golub and Van Loan, §8.5), which is exact to rounding for the small matrices here. The largest component
/// of every vector is positive, so that there is one answer.
pub(crate) fn eigen(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    // Near 1 no square is beyond any number, and a power of two costs no digits.
    let largest = a
        .iter()
        .fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let scale = if largest.is_normal() {
        2.0_f64.powi(-largest.log2() as i32)
    } else {
        1.0
    };
    a.iter_mut().for_each(|value| *value *= scale);
    let norm: f64 = a.iter().map(|value| value * value).sum();
    for _ in 0..64 {
        let off: f64 = (0..n)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a[i * n + j] * a[i * n + j])
            .sum();
        if off <= norm * 1e-32 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, n, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j * n + j].total_cmp(&a[i * n + i]));
    let values = order.iter().map(|&i| a[i * n + i] / scale).collect();
    let rows = order
        .iter()
        .flat_map(|&i| oriented(&vectors[i * n..(i + 1) * n]))
        .collect();
    (values, rows)
}

/// Makes `a[p][q]` zero.
fn rotate(a: &mut [f64], vectors: &mut [f64], n: usize, p: usize, q: usize) {
    let apq = a[p * n + q];
    if apq == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for k in 0..n {
        let (x, y) = (a[k * n + p], a[k * n + q]);
        a[k * n + p] = c * x - s * y;
        a[k * n + q] = s * x + c * y;
    }
    for k in 0..n {
        let (x, y) = (a[p * n + k], a[q * n + k]);
        a[p * n + k] = c * x - s * y;
        a[q * n + k] = s * x + c * y;
        let (x, y) = (vectors[p * n + k], vectors[q * n + k]);
        vectors[p * n + k] = c * x - s * y;
        vectors[q * n + k] = s * x + c * y;
    }
}

fn oriented(vector: &[f64]) -> Vec<f64> {
    let largest = vector
        .iter()
        .copied()
        .reduce(|a, b| if b.abs() > a.abs() + 1e-12 { b } else { a })
        .unwrap_or(1.0);
    vector
        .iter()
        .map(|value| value * largest.signum())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_positive_system_is_solved_and_a_singular_one_refused() {
        let x = solve(vec![4.0, 2.0, 2.0, 3.0], vec![10.0, 9.0]).unwrap();
        assert!(
            (x[0] - 1.5).abs() < 1e-14 && (x[1] - 2.0).abs() < 1e-14,
            "{x:?}"
        );
        assert_eq!(solve(vec![1.0, 1.0, 1.0, 1.0], vec![1.0, 1.0]), None);
        assert_eq!(solve(vec![-1.0], vec![1.0]), None);
        assert_eq!(solve(vec![], vec![]), Some(vec![]));
    }

    #[test]
    fn eigenvectors_diagonalise() {
        let a = vec![2.0, -1.0, 0.0, -1.0, 2.0, -1.0, 0.0, -1.0, 2.0];
        let (values, vectors) = eigen(a.clone(), 3);
        let expected = [2.0 + 2_f64.sqrt(), 2.0, 2.0 - 2_f64.sqrt()];
        for scale in [1e280, 1e-290] {
            let (large, same) = eigen(a.iter().map(|value| value * scale).collect(), 3);
            for k in 0..3 {
                assert!((large[k] / scale - expected[k]).abs() < 1e-13, "{large:?}");
            }
            assert!(
                same.iter()
                    .zip(&vectors)
                    .all(|(a, b)| (a - b).abs() < 1e-13)
            );
        }
        for (k, expected) in expected.iter().enumerate() {
            assert!((values[k] - expected).abs() < 1e-14);
            let v = &vectors[k * 3..k * 3 + 3];
            for i in 0..3 {
                let image = dot(&a[i * 3..i * 3 + 3], v);
                assert!((image - values[k] * v[i]).abs() < 1e-14);
            }
        }
    }
}
