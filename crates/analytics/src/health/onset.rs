//! When a machine began to leave its healthy state.

/// What counts as the begin of a degradation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OnsetRule {
    /// How many points at the start are healthy.
    pub baseline: usize,
    /// How many standard deviations of the baseline a point must be away from its mean.
    pub sigmas: f64,
    /// How many points in a row must be away, on the same side.
    pub sustained: usize,
}

/// The index of the first of `sustained` points in a row beyond `mean ± sigmas · σ` of the baseline (population σ), all on one
/// side; `None` when there is none, or there are too few points. Points of the baseline are not looked at.
pub fn onset(series: &[f64], rule: OnsetRule) -> Option<usize> {
    let healthy = series.get(..rule.baseline)?;
    let anchor = *healthy.first()?;
    let n = healthy.len() as f64;
    let mean = anchor + healthy.iter().map(|value| value - anchor).sum::<f64>() / n;
    let variance = healthy
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / n;
    let limit = rule.sigmas * variance.sqrt();
    let mut length = 0;
    let mut is_above = false;
    for (index, value) in series.iter().enumerate().skip(rule.baseline) {
        let distance = value - mean;
        if distance.abs() <= limit {
            length = 0;
            continue;
        }
        length = if length > 0 && (distance > 0.0) == is_above {
            length + 1
        } else {
            1
        };
        is_above = distance > 0.0;
        if length == rule.sustained {
            return Some(index + 1 - rule.sustained);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: OnsetRule = OnsetRule {
        baseline: 4,
        sigmas: 3.0,
        sustained: 3,
    };

    fn check(after: &[f64], expected: Option<usize>) {
        // Mean 10, σ 1: the limits are 7 and 13.
        let series = [&[9.0, 11.0, 9.0, 11.0], after].concat();
        assert_eq!(onset(&series, RULE), expected, "{after:?}");
        let lifted: Vec<f64> = series.iter().map(|value| value + 1e9).collect();
        assert_eq!(onset(&lifted, RULE), expected, "{after:?} at an offset");
    }

    #[test]
    fn a_departure_must_last() {
        check(&[14.0, 15.0, 16.0], Some(4));
        check(&[10.0, 14.0, 15.0, 13.5, 20.0], Some(5));
        check(&[14.0, 15.0, 10.0, 14.0, 15.0], None);
        check(&[14.0, 5.0, 14.0, 5.0], None);
        check(&[14.0, 5.0, 4.0, 3.0], Some(5));
        check(&[13.0, 13.0, 13.0, 7.0, 7.0, 7.0], None);
        check(&[], None);
    }

    #[test]
    fn any_change_is_a_departure_from_what_never_varied() {
        let series = [5.0, 5.0, 5.0, 5.0, 5.0, 5.1, 5.1, 5.1];
        assert_eq!(onset(&series, RULE), Some(5));
        assert_eq!(onset(&series[..5], RULE), None);
        assert_eq!(onset(&series[..2], RULE), None);
        assert_eq!(onset(&[], RULE), None);
    }
}
