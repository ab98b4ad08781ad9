//! Quantiles by linear interpolation between order statistics (type 7 of Hyndman and Fan 1996, NumPy's default).

/// Sorts finite values.
pub(crate) fn sort(values: &mut [f64]) {
    values.sort_unstable_by(f64::total_cmp);
}

/// The quantile of finite values in any order.
pub(crate) fn of(values: &mut [f64], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (_, &mut low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    Some(low + (high - low) * (place - below as f64))
}

/// The order statistic that at least `share` of as many and one more values are at or below: what split-conformal
/// prediction takes (Vovk, Gammerman, Shafer 2005). The greatest value where there are too few.
pub(crate) fn conservative(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = (share * (sorted.len() + 1) as f64).ceil() as usize;
    Some(sorted[place.saturating_sub(1).min(last)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_order_statistics() {
        for (share, expected) in [(0.0, 1.0), (0.5, 2.5), (0.25, 1.75), (1.0, 4.0)] {
            assert_eq!(of(&mut [3.0, 1.0, 4.0, 2.0], share), Some(expected));
        }
        assert_eq!(of(&mut [], 0.5), None);
        assert_eq!(of(&mut [7.0], 0.9), Some(7.0));
    }

    #[test]
    fn a_conformal_quantile_is_an_order_statistic_that_errs_upwards() {
        let values: Vec<f64> = (1..=9).map(f64::from).collect();
        assert_eq!(conservative(&values, 0.9), Some(9.0));
        assert_eq!(conservative(&values, 0.8), Some(8.0));
        assert_eq!(conservative(&values, 0.99), Some(9.0));
        assert_eq!(conservative(&[], 0.9), None);
    }
}
