//! t tests: whether two samples have the same mean.

use super::super::special::student_beyond;
use super::super::{is_flat, mean, squares_about};
use crate::summary::defined;

/// The result of a t test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WelchTest {
    /// t: above zero when the first sample has the greater mean.
    pub statistic: f64,
    /// The two-sided p value.
    pub p: f64,
    /// The degrees of freedom.
    pub degrees: f64,
}

/// Student's test, which takes the variances for equal, as `scipy.stats.ttest_ind`.
pub fn student_test(first: &[f64], second: &[f64]) -> Option<WelchTest> {
    let (n, m) = (first.len() as f64, second.len() as f64);
    let degrees = n + m - 2.0;
    if n < 1.0 || m < 1.0 || degrees < 1.0 {
        return None;
    }
    let squares = squares_about(first, mean(first)) + squares_about(second, mean(second));
    test(
        first,
        second,
        squares / degrees * (1.0 / n + 1.0 / m),
        degrees,
    )
}

/// Welch's test (1947), which does not, as `scipy.stats.ttest_ind(equal_var=False)`.
pub fn welch_test(first: &[f64], second: &[f64]) -> Option<WelchTest> {
    if first.len() < 2 || second.len() < 2 {
        return None;
    }
    let share = |sample: &[f64]| {
        let n = sample.len() as f64;
        squares_about(sample, mean(sample)) / (n - 1.0) / n
    };
    let (a, b) = (share(first), share(second));
    let degrees = |share: f64, sample: &[f64]| share * share / (sample.len() as f64 - 1.0);
    let degrees = (a + b) * (a + b) / (degrees(a, first) + degrees(b, second));
    test(first, second, a + b, degrees)
}

fn test(first: &[f64], second: &[f64], variance: f64, degrees: f64) -> Option<WelchTest> {
    if is_flat(first) && is_flat(second) {
        return None;
    }
    let statistic = defined((mean(first) - mean(second)) / variance.sqrt())?;
    Some(WelchTest {
        statistic,
        p: defined(student_beyond(statistic, degrees))?,
        degrees: defined(degrees)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::golden::{PAIRS, close, number, series};
    use super::*;

    #[test]
    fn t_tests_agree_with_scipy() {
        for (a, b) in PAIRS {
            let (x, y) = (series(a), series(b));
            let tests = [
                ("student", student_test(&x, &y)),
                ("welch", welch_test(&x, &y)),
            ];
            for (name, test) in tests {
                let test = test.unwrap();
                let expect = |field: &str| number(&format!("{name}_{a}_{b}_{field}"));
                close(Some(test.statistic), expect("statistic"), 1e-9, name);
                close(Some(test.degrees), expect("degrees"), 1e-9, name);
                close(Some(test.p), expect("p"), 1e-8, name);
            }
        }
    }

    #[test]
    fn samples_without_spread_or_size_have_no_test() {
        let both = |x: &[f64], y: &[f64]| {
            [student_test(x, y), welch_test(x, y)].map(|test| test.is_some())
        };
        assert_eq!(both(&[], &[1.0, 2.0]), [false, false]);
        assert_eq!(both(&[1.0], &[2.0]), [false, false]);
        assert_eq!(both(&[1.0], &[2.0, 3.0]), [true, false]);
        assert_eq!(both(&[1.0, 1.0], &[2.0, 2.0]), [false, false]);
        assert_eq!(both(&[1.0, 1.0], &[2.0, 3.0]), [true, true]);
    }
}
