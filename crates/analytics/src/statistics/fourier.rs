//! The discrete Fourier transform of a real series of any length, in O(n log n).
//!
//! Powers of two by the recursion of Cooley and Tukey (1965), other lengths as a convolution (Bluestein 1970). It serves
//! autocorrelations and the spectral entropy here; it is not tuned for spectra of long records.

use std::f64::consts::PI;

/// A complex number.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    fn turn(angle: f64) -> Self {
        let (im, re) = angle.sin_cos();
        Self { re, im }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            re: self.re + other.re,
            im: self.im + other.im,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            re: self.re - other.re,
            im: self.im - other.im,
        }
    }

    fn times(self, other: Self) -> Self {
        Self {
            re: self.re * other.re - self.im * other.im,
            im: self.re * other.im + self.im * other.re,
        }
    }

    fn conjugate(self) -> Self {
        Self {
            re: self.re,
            im: -self.im,
        }
    }

    /// The square of the magnitude.
    pub(super) fn power(self) -> f64 {
        self.re * self.re + self.im * self.im
    }
}

/// The transform of a real series.
pub(super) fn transform(series: &[f64]) -> Vec<Complex> {
    let n = series.len();
    let mut values: Vec<Complex> = series
        .iter()
        .map(|re| Complex { re: *re, im: 0.0 })
        .collect();
    if n.is_power_of_two() {
        transform_power_of_two(&mut values);
        return values;
    }
    // k·j = (k² + j² − (k − j)²) / 2 makes the transform a convolution with a chirp.
    let size = (2 * n).next_power_of_two();
    let chirp: Vec<Complex> = (0..n as u128)
        .map(|k| {
            // The angle repeats with period 2n in k²: reduced before it loses digits.
            let reduced = (k * k % (2 * n as u128)) as f64;
            Complex::turn(-PI * reduced / n as f64)
        })
        .collect();
    for (value, turn) in values.iter_mut().zip(&chirp) {
        *value = value.times(*turn);
    }
    values.resize(size, Complex::default());
    let mut kernel = vec![Complex::default(); size];
    for (k, turn) in chirp.iter().enumerate() {
        kernel[k] = turn.conjugate();
        kernel[(size - k) % size] = turn.conjugate();
    }
    transform_power_of_two(&mut values);
    transform_power_of_two(&mut kernel);
    for (value, factor) in values.iter_mut().zip(&kernel) {
        *value = value.times(*factor).conjugate();
    }
    // The inverse: the conjugate of the transform of the conjugate, divided by the size.
    transform_power_of_two(&mut values);
    let scale = 1.0 / size as f64;
    let results = values.iter().zip(&chirp).map(|(value, turn)| {
        let value = value.conjugate().times(*turn);
        Complex {
            re: value.re * scale,
            im: value.im * scale,
        }
    });
    results.collect()
}

/// The sums Σ x_t·x_{t+lag} for every lag from 0 to `lag_max`.
pub(super) fn lagged_products(series: &[f64], lag_max: usize) -> Vec<f64> {
    let n = series.len();
    // Direct sums are exact to the last digits and faster up to some tens of lags.
    if lag_max < 64 || n < 256 {
        let sum = |lag: usize| -> f64 {
            let later = series.iter().skip(lag);
            series.iter().zip(later).map(|(a, b)| a * b).sum()
        };
        return (0..=lag_max).map(sum).collect();
    }
    let size = (n + lag_max + 1).next_power_of_two();
    let mut values: Vec<Complex> = series
        .iter()
        .map(|re| Complex { re: *re, im: 0.0 })
        .collect();
    values.resize(size, Complex::default());
    transform_power_of_two(&mut values);
    for value in &mut values {
        *value = Complex {
            re: value.power(),
            im: 0.0,
        };
    }
    transform_power_of_two(&mut values);
    let sums = values.iter().take(lag_max + 1);
    sums.map(|value| value.re / size as f64).collect()
}

fn transform_power_of_two(values: &mut [Complex]) {
    let n = values.len();
    if n < 2 {
        return;
    }
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            values.swap(i, j);
        }
    }
    let turns: Vec<Complex> = (0..n / 2)
        .map(|k| Complex::turn(-2.0 * PI * k as f64 / n as f64))
        .collect();
    let mut half = 1;
    while half < n {
        let stride = n / (2 * half);
        for block in values.chunks_exact_mut(2 * half) {
            let (even, odd) = block.split_at_mut(half);
            for (k, (a, b)) in even.iter_mut().zip(odd).enumerate() {
                let turned = b.times(turns[k * stride]);
                *b = a.minus(turned);
                *a = a.plus(turned);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(series: &[f64]) -> Vec<Complex> {
        let n = series.len();
        let at = |k: usize| {
            let terms = series.iter().enumerate().map(|(t, value)| {
                let turn = Complex::turn(-2.0 * PI * (k * t % n) as f64 / n as f64);
                turn.times(Complex {
                    re: *value,
                    im: 0.0,
                })
            });
            terms.fold(Complex::default(), Complex::plus)
        };
        (0..n).map(at).collect()
    }

    fn sample(n: usize) -> Vec<f64> {
        (0..n).map(|i| (i * i % 31) as f64 - 11.0).collect()
    }

    #[test]
    fn every_length_transforms_as_the_definition_says() {
        for n in [1, 2, 3, 4, 5, 7, 8, 12, 31, 32, 100, 127] {
            let series = sample(n);
            for (k, (a, e)) in transform(&series).iter().zip(naive(&series)).enumerate() {
                assert!(
                    a.minus(e).power().sqrt() < 1e-10 * n as f64,
                    "{n}, {k}: {a:?} is not {e:?}"
                );
            }
        }
    }

    #[test]
    fn products_by_transform_equal_those_by_sums() {
        let series = sample(700);
        let direct = |lag: usize| -> f64 { (lag..700).map(|t| series[t] * series[t - lag]).sum() };
        for (lag, actual) in lagged_products(&series, 300).iter().enumerate() {
            assert!((actual - direct(lag)).abs() < 1e-8, "lag {lag}");
        }
        for (lag, actual) in lagged_products(&series, 3).iter().enumerate() {
            assert!((actual - direct(lag)).abs() < 1e-8, "lag {lag}");
        }
    }
}
