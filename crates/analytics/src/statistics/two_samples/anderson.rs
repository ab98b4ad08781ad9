//! The Anderson–Darling test for two or more samples.

use super::Test;
use crate::summary::defined;

/// Scholz and Stephens 1987, "K-sample Anderson–Darling tests", with midranks for ties: the normalized statistic, and a p
/// value between 0.001 and 0.25 interpolated from their table 2, as `scipy.stats.anderson_ksamp`.
///
/// The samples are sorted. `None` with fewer than two samples, an empty one, or fewer than five values in all.
pub fn anderson(samples: &[&[f64]]) -> Option<Test> {
    let total: usize = samples.iter().map(|sample| sample.len()).sum();
    if samples.len() < 2 || total < 5 || samples.iter().any(|sample| sample.is_empty()) {
        return None;
    }
    let mut pooled: Vec<f64> = samples.concat();
    pooled.sort_unstable_by(f64::total_cmp);
    if pooled.first() == pooled.last() {
        return None;
    }
    let freedom = samples.len() as f64 - 1.0;
    let sigma = variance(samples, total).sqrt();
    let statistic = defined((distance(samples, &pooled) - freedom) / sigma)?;
    Some(Test {
        statistic,
        p: p_value(statistic, freedom),
    })
}

/// A²akN, equation 7 of Scholz and Stephens.
fn distance(samples: &[&[f64]], pooled: &[f64]) -> f64 {
    let n = pooled.len() as f64;
    let mut sums = vec![0.0; samples.len()];
    // How many values of each sample are at most the last one of `pooled`.
    let mut through = vec![0; samples.len()];
    let mut below_all = 0.0;
    for run in pooled.chunk_by(|a, b| a == b) {
        let (value, size) = (run[0], run.len() as f64);
        let middle = below_all + size / 2.0;
        let spread = middle * (n - middle) - n * size / 4.0;
        for ((sample, sum), through) in samples.iter().zip(&mut sums).zip(&mut through) {
            let below = *through;
            *through += sample[below..].iter().take_while(|x| **x <= value).count();
            let rank = (below + *through) as f64 / 2.0;
            let deviation = n * rank - middle * sample.len() as f64;
            *sum += size / n * deviation * deviation / spread;
        }
        below_all += size;
    }
    let sizes = samples.iter().map(|sample| sample.len() as f64);
    let sum: f64 = sums.iter().zip(sizes).map(|(sum, size)| sum / size).sum();
    sum * (n - 1.0) / n
}

/// The variance of the distance, equation 4 of Scholz and Stephens.
fn variance(samples: &[&[f64]], total: usize) -> f64 {
    let k = samples.len() as f64;
    let n = total as f64;
    let sum: f64 = samples.iter().map(|sample| 1.0 / sample.len() as f64).sum();
    let mut h = 0.0;
    let mut g = 0.0;
    for i in 2..total {
        h += 1.0 / (n - (i as f64 - 1.0));
        g += h / i as f64;
    }
    let h = h + 1.0;
    let a = (4.0 * g - 6.0) * (k - 1.0) + (10.0 - 6.0 * g) * sum;
    let b = (2.0 * g - 4.0) * k * k + 8.0 * h * k + (2.0 * g - 14.0 * h - 4.0) * sum - 8.0 * h
        + 4.0 * g
        - 6.0;
    let c = (6.0 * h + 2.0 * g - 2.0) * k * k
        + (4.0 * h - 4.0 * g + 6.0) * k
        + (2.0 * h - 6.0) * sum
        + 4.0 * h;
    let d = (2.0 * h + 6.0) * k * k - 4.0 * h * k;
    (((a * n + b) * n + c) * n + d) / ((n - 1.0) * (n - 2.0) * (n - 3.0))
}

/// A parabola through the logarithms of the levels at their critical values, by least squares.
fn p_value(statistic: f64, freedom: f64) -> f64 {
    // Scholz and Stephens 1987, table 2.
    const B0: [f64; 7] = [0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085];
    const B1: [f64; 7] = [-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615];
    const B2: [f64; 7] = [-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154];
    const LEVELS: [f64; 7] = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001];
    let critical: Vec<f64> = (0..7)
        .map(|i| B0[i] + B1[i] / freedom.sqrt() + B2[i] / freedom)
        .collect();
    if statistic < critical[0] {
        return LEVELS[0];
    }
    if statistic > critical[6] {
        return LEVELS[6];
    }
    let logs = LEVELS.map(f64::ln);
    let columns = [0, 1, 2].map(|power| critical.iter().map(|x| x.powi(power)).collect());
    let fit = super::super::least_squares::LeastSquares::try_new(&columns, &logs)
        .expect("seven distinct critical values determine a parabola");
    let [c0, c1, c2] = fit.coefficients()[..] else {
        unreachable!("three columns have three coefficients")
    };
    (c0 + statistic * (c1 + statistic * c2)).exp()
}

#[cfg(test)]
mod tests {
    use super::super::super::golden::{PAIRS, close, number, sorted};
    use super::*;

    #[test]
    fn the_test_agrees_with_scipy() {
        for (a, b) in PAIRS {
            let test = anderson(&[&sorted(a), &sorted(b)]).unwrap();
            let expect = |field: &str| number(&format!("anderson_{a}_{b}_{field}"));
            close(Some(test.statistic), expect("statistic"), 1e-9, a);
            close(Some(test.p), expect("p"), 1e-7, a);
        }
        let three = [sorted("noise"), sorted("shifted"), sorted("ties")];
        let three: Vec<&[f64]> = three.iter().map(Vec::as_slice).collect();
        let test = anderson(&three).unwrap();
        close(
            Some(test.statistic),
            number("anderson_three_statistic"),
            1e-9,
            "three",
        );
    }

    #[test]
    fn too_few_values_or_samples_have_no_test() {
        let few: &[f64] = &[1.0, 2.0];
        assert_eq!(anderson(&[few]), None);
        assert_eq!(anderson(&[few, few]), None);
        assert_eq!(anderson(&[&[1.0, 2.0, 3.0, 4.0, 5.0], &[]]), None);
        assert_eq!(anderson(&[&[1.0; 3], &[1.0; 3]]), None);
        assert!(anderson(&[&[1.0, 2.0, 3.0], few]).is_some());
    }
}
