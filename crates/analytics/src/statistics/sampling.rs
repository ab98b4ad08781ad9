//! Whether a series was sampled at regular times.

/// A step may differ from the median step by this share of it.
const DEVIATION_MAX: f64 = 0.1;

/// This share of the steps may differ by more.
const IRREGULAR_MAX: f64 = 0.01;

/// Whether at most 1 % of the steps between `times`, which are in order, differ by over 10 % from the median step.
pub fn is_regular(times: &[f64]) -> bool {
    let mut steps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.sort_unstable_by(f64::total_cmp);
    let Some(median) = super::median(&steps) else {
        return true;
    };
    let is_off = |step: &&f64| (*step - median).abs() > DEVIATION_MAX * median;
    let off = steps.iter().filter(is_off).count();
    median > 0.0 && off as f64 <= IRREGULAR_MAX * steps.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_may_jitter_a_little_and_fail_seldom() {
        let regular: Vec<f64> = (0..200).map(f64::from).collect();
        assert!(is_regular(&[]));
        assert!(is_regular(&[5.0]));
        assert!(is_regular(&regular));
        let jitter: Vec<f64> = regular.iter().map(|t| t + 0.04 * (t % 2.0)).collect();
        assert!(is_regular(&jitter));
        let one_gap: Vec<f64> = regular
            .iter()
            .map(|t| if *t > 99.0 { t + 5.0 } else { *t })
            .collect();
        assert!(is_regular(&one_gap));
        assert!(!is_regular(&[0.0, 1.0, 2.0, 4.0]));
        assert!(!is_regular(&[1.0, 1.0, 1.0]));
    }
}
