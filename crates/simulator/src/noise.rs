//! Randomness by position instead of by order. A generator is derived from (motor, time), so that
//! any row can be computed alone; SplitMix64 (Steele, Lea, Flood 2014) needs no warm-up and passes
//! BigCrush, which a fresh generator per row requires.

use rand::{Rng, SeedableRng};
use rand_xoshiro::SplitMix64;

/// A generator for one purpose of one motor: `position` is a time, an ordinal or another
/// distinguishing number.
#[inline]
pub(crate) fn generator(seed: u64, position: u64) -> SplitMix64 {
    SplitMix64::seed_from_u64(hash(seed.wrapping_add(hash(position))))
}

/// A bijective hash of 64 bits: the first output of SplitMix64 in state `x`.
#[inline]
pub(crate) fn hash(x: u64) -> u64 {
    SplitMix64::seed_from_u64(x).next_u64()
}

/// The seed of one motor. The fleet's seed is hashed first: without that, seed 1 motor 2 would be
/// seed 2 motor 1.
pub(crate) fn motor_seed(seed: u64, number: u32) -> u64 {
    hash(hash(seed) ^ u64::from(number))
}

/// Uniform in [0, 1), from the upper 53 bits.
#[inline]
pub(crate) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// Smooth noise in [-1, 1]: random values at the knots, joined by smoothstep.
pub(crate) fn wander(seed: u64, time_ns: i64, knot_ns: i64) -> f64 {
    let knot = time_ns.div_euclid(knot_ns);
    let value = |k: i64| 2.0 * unit(generator(seed, k as u64).next_u64()) - 1.0;
    let x = time_ns.rem_euclid(knot_ns) as f64 / knot_ns as f64;
    let (a, b) = (value(knot), value(knot.wrapping_add(1)));
    a + (b - a) * x * x * (3.0 - 2.0 * x)
}
