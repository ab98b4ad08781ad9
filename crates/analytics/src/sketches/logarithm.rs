//! [`NearLogarithms`]: logarithms that are known to a few units of the tenth digit, for a fifth of the time of exact ones.
//!
//! A sketch takes the logarithm of each value only to round it up. What is nearly exact says so for all but those next to a
//! whole number, of which there are few.

use std::sync::LazyLock;

/// Parts of the interval from 1 to 2.
const PARTS: usize = 128;

const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;

static NEAR: LazyLock<NearLogarithms> = LazyLock::new(NearLogarithms::new);

/// A table of logarithms, and what is between them by a polynomial.
#[derive(Debug)]
pub(super) struct NearLogarithms {
    parts: [Part; PARTS],
}

/// The middle of a part.
#[derive(Debug, Clone, Copy)]
struct Part {
    reciprocal: f64,
    logarithm: f64,
}

impl NearLogarithms {
    /// What they differ from exact ones by at most.
    pub(super) const ERROR: f64 = 1e-10;

    pub(super) fn get() -> &'static Self {
        &NEAR
    }

    fn new() -> Self {
        let part = |index: usize| {
            let middle = 1.0 + (index as f64 + 0.5) / PARTS as f64;
            Part {
                reciprocal: middle.recip(),
                logarithm: middle.ln(),
            }
        };
        Self {
            parts: std::array::from_fn(part),
        }
    }

    /// About ln of a finite number above zero, and whether it is that: not of subnormal ones, nor of zero.
    #[inline]
    pub(super) fn ln(&self, value: f64) -> (f64, bool) {
        let bits = value.to_bits();
        let exponent = (bits >> MANTISSA_BITS) as i32;
        let mantissa = bits & ((1 << MANTISSA_BITS) - 1);
        let part = self.parts[(mantissa >> (MANTISSA_BITS - PARTS.ilog2())) as usize % PARTS];
        let scaled = f64::from_bits(mantissa | 1.0_f64.to_bits());
        // At most 1/256, so that the next term, a quarter of its fourth power, is below 6e-11.
        let beyond = scaled * part.reciprocal - 1.0;
        let near = beyond * (1.0 - beyond * (0.5 - beyond * (1.0 / 3.0)));
        let whole = f64::from(exponent - f64::MAX_EXP + 1) * std::f64::consts::LN_2;
        (whole + part.logarithm + near, exponent != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_as_near_as_they_say() {
        let near = NearLogarithms::get();
        let mut value = f64::MIN_POSITIVE;
        while value < f64::MAX / 1.01 {
            for value in [value, value.next_up(), value.next_down()] {
                let (found, is_near) = near.ln(value);
                assert_eq!(is_near, value >= f64::MIN_POSITIVE, "{value:e}");
                let error = if is_near { found - value.ln() } else { 0.0 };
                assert!(error.abs() <= NearLogarithms::ERROR, "{value:e}: {error:e}");
            }
            value *= 1.000_37;
        }
        assert!(near.ln(1.0).0.abs() <= NearLogarithms::ERROR);
        assert!(near.ln(f64::MAX).1);
        assert!(!near.ln(0.0).1);
    }
}
