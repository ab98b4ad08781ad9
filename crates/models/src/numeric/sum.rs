//! Sums that do not depend on the order of their values.
//!
//! Every value is cut into two integers relative to the largest one (the pre-rounding of Demmel and Nguyen, "Fast
//! reproducible floating-point summation", 2013), and integers add up to the same in any order. What is cut off
//! is below 2^-60 of the largest value each, less than what a plain loop would round away.

/// Bits of a value in each of the two integers; leaves room for 2^32 values.
const LIMB_BITS: i32 = 30;

/// Adds values that are known to be no larger than some value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adder {
    scale: f64,
    unscale: f64,
    high: i64,
    low: i64,
}

impl Adder {
    pub(crate) fn new(largest: f64) -> Self {
        // Within these bounds both scales are finite and not zero.
        let exponent = (exponent_of(largest) + 1).clamp(-900, 1024);
        Self {
            scale: power_of_two(LIMB_BITS - exponent),
            unscale: power_of_two(exponent - LIMB_BITS),
            high: 0,
            low: 0,
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        let scaled = value * self.scale;
        let whole = scaled as i64;
        self.high = self.high.wrapping_add(whole);
        let rest = (scaled - whole as f64) * power_of_two(LIMB_BITS);
        self.low = self.low.wrapping_add(rest as i64);
    }

    pub(crate) fn total(&self) -> f64 {
        (self.high as f64 + self.low as f64 / power_of_two(LIMB_BITS)) * self.unscale
    }
}

/// The sum of finite values; the iterator is walked twice.
pub(crate) fn sum<I>(values: I) -> f64
where
    I: Iterator<Item = f64> + Clone,
{
    let largest = values
        .clone()
        .fold(0.0, |largest: f64, value| largest.max(value.abs()));
    if !largest.is_finite() {
        return f64::NAN;
    }
    let mut adder = Adder::new(largest);
    values.for_each(|value| adder.add(value));
    adder.total()
}

/// The mean of finite values.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let mean = sum(values.iter().copied()) / values.len() as f64;
    // Rounding must not push the mean of equal values off their value.
    let (low, high) = bounds(values);
    Some(mean.clamp(low, high))
}

/// The mean and the population's standard deviation of finite values; exactly 0 where they are all equal, or differ
/// by no more than the rounding of their mean.
pub(crate) fn mean_and_sigma(values: &[f64]) -> Option<(f64, f64)> {
    let mean = mean(values)?;
    let squares = sum(values.iter().map(|value| (value - mean) * (value - mean)));
    let sigma = (squares / values.len() as f64).sqrt();
    let is_noise = sigma <= 1e-13 * mean.abs();
    Some((mean, if is_noise { 0.0 } else { sigma }))
}

/// The least and the greatest value; infinities the wrong way round without any.
pub(crate) fn bounds(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        })
}

fn exponent_of(value: f64) -> i32 {
    ((value.to_bits() >> 52) & 0x7ff) as i32 - 1023
}

/// 2^exponent for exponents of normal numbers.
const fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], expected: f64, tolerance: f64) {
        let forward = sum(values.iter().copied());
        let backward = sum(values.iter().rev().copied());
        assert_eq!(forward.to_bits(), backward.to_bits(), "{values:?}");
        assert!(
            (forward - expected).abs() <= tolerance,
            "{values:?}: {forward}"
        );
    }

    #[test]
    fn sums_are_near_exact_in_any_order() {
        check(&[], 0.0, 0.0);
        check(&[0.0, -0.0], 0.0, 0.0);
        check(&[1.0, 2.0, 3.5], 6.5, 0.0);
        check(&[1e9, 1e-6, -1e9], 1e-6, 1e-8);
        check(&[f64::MAX, -f64::MAX, 1.0], 0.0, 1e292);
        check(&[1e-320, 2e-320], 0.0, 1e-300);
        check(&[0.1; 10], 1.0, 1e-15);
    }

    #[test]
    fn equal_values_have_no_spread() {
        for value in [0.1, 518.67, 1e9 + 0.1, -3.3e-7] {
            let values = vec![value; 1001];
            assert_eq!(mean_and_sigma(&values), Some((value, 0.0)));
        }
        assert_eq!(mean_and_sigma(&[]), None);
    }
}
