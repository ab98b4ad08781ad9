//! [`nearest`]: whole numbers out of floats where a cast, which has to look for what is no number, takes too long.

/// From here on floats are a whole number apart.
const WHOLE: f64 = (1_u64 << 52) as f64;

/// The whole number nearest to one from 0 to 2^51, as an integer and as a float. Of other numbers the integer says nothing.
#[inline]
pub(crate) fn nearest(value: f64) -> (u64, f64) {
    // No place is left for a fraction in this sum; its last bits are the whole number.
    let sum = value + WHOLE;
    let number = sum.to_bits().wrapping_sub(WHOLE.to_bits());
    (number, sum - WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_the_nearest_whole_one() {
        let largest = (1_u64 << 51) as f64;
        for value in [0.0, 0.25, 0.75, 1.0, 2.4999, 1023.0, 1e9 + 0.7, largest] {
            let expected = value.round();
            assert_eq!(nearest(value), (expected as u64, expected), "{value}");
        }
    }
}
