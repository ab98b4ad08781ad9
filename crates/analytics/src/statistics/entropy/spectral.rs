//! Spectral entropy: how evenly the power of a series is spread over frequencies (Inouye et al. 1991).

use super::super::fourier::transform;
use super::super::{is_flat, mean};
use crate::summary::defined;

/// The entropy, in bits, of the periodogram of a series about its mean; `is_normalized` divides by its maximum.
///
/// As `antropy.spectral_entropy(method='fft')`; the sampling rate cancels out. `None` for fewer than two values, or when
/// all are equal.
pub fn spectral_entropy(series: &[f64], is_normalized: bool) -> Option<f64> {
    let n = series.len();
    if n < 2 || is_flat(series) {
        return None;
    }
    let center = mean(series);
    let distances: Vec<f64> = series.iter().map(|value| value - center).collect();
    let half = transform(&distances);
    let power: Vec<f64> = half[..=n / 2]
        .iter()
        .enumerate()
        .map(|(k, value)| {
            // One-sided: every frequency but zero and, for an even length, the last stands for two. The mean is gone.
            let is_single = k == 0 || 2 * k == n;
            if k == 0 {
                0.0
            } else if is_single {
                value.power()
            } else {
                2.0 * value.power()
            }
        })
        .collect();
    let total: f64 = power.iter().sum();
    let terms = power.iter().map(|power| power / total).filter(|p| *p > 0.0);
    let bits: f64 = terms.map(|share| -share * share.log2()).sum();
    let scale = if is_normalized {
        (power.len() as f64).log2()
    } else {
        1.0
    };
    defined(bits / scale)
}

#[cfg(test)]
mod tests {
    use super::super::super::golden::check_series;
    use super::*;

    #[test]
    fn entropies_agree_with_antropy() {
        check_series("spectral_entropy", 1e-9, |x| spectral_entropy(x, false));
        check_series("spectral_entropy_normalized", 1e-9, |x| {
            spectral_entropy(x, true)
        });
    }

    #[test]
    fn a_sine_has_one_line_and_noise_many() {
        assert_eq!(spectral_entropy(&[], false), None);
        assert_eq!(spectral_entropy(&[1.0], false), None);
        assert_eq!(spectral_entropy(&[1.0; 9], false), None);
        let sine: Vec<f64> = (0..64)
            .map(|i| (f64::from(i) * std::f64::consts::PI / 8.0).sin())
            .collect();
        assert!(spectral_entropy(&sine, false).unwrap() < 1e-9);
    }
}
