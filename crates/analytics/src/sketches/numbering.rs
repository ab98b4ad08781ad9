//! [`Numbering`]: which bucket of a sketch a value is in, by a table instead of a logarithm.
//!
//! A bucket is wider than a part of an octave (the floats from a power of two to the next), if there are enough parts. So there is at most
//! one end of a bucket in a part, and a value is in one of two buckets: a look at the table and one comparison tell which.
//!
//! ```text
//! octave      1.0                                  1.5                                  2.0
//! parts        |  0  |  1  |  2  |  3  |  4  |  5  |  6  |  7  |  8  |  9  | 10  | 11  |
//! buckets   ───┴─┬───────┬───────┬────────┬────────┬─────────┬─────────┬──────────┬─────
//! ```
//!
//! Tables are made of the exact logarithm, an octave at a time, when the first value of it comes; those of the usual accuracy for the
//! middle, where measured values are, at once and as one, which is found with less.

use std::sync::{Arc, LazyLock, OnceLock, Weak};

use parking_lot::Mutex;

/// The accuracy of most sketches.
pub(super) const USUAL: f64 = 0.01;

/// The most parts of an octave: as many take 16 KiB. Accuracies finer than 0.0005 would take more, and go without tables.
const PARTS_MAX: usize = 1024;

const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;

/// The octaves of the middle: from a millionth to a billion.
const MIDDLE: std::ops::Range<usize> = 1003..1053;

/// The exponents of normal numbers, and those next to them.
const EXPONENTS: usize = 2048;

static OF_USUAL: LazyLock<Arc<Numbering>> = LazyLock::new(|| Arc::new(Numbering::new(USUAL)));

/// Those of other accuracies that are in use.
static OF_OTHERS: Mutex<Vec<Weak<Numbering>>> = Mutex::new(Vec::new());

/// The buckets of an accuracy. There is one for all sketches of it.
#[derive(Debug)]
pub(super) struct Numbering {
    accuracy: f64,
    /// ln γ.
    ln_gamma: f64,
    /// How many parts an octave has, less one, and how many bits of a number tell where it is within its part.
    last_part: usize,
    bits: u32,
    /// The parts of the octaves of the middle. They take milliseconds to make, so only the usual accuracy has them, which is made once:
    /// that of others may come and go with every sketch that is read.
    middle: Box<[Part]>,
    /// By exponent; none without tables.
    octaves: Vec<OnceLock<Box<[Part]>>>,
}

/// Where the bucket ends that a part begins in.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// The bits of the greatest number of it.
    last: u64,
    bucket: i64,
}

impl Part {
    /// The bucket of a number of the part, by its bits.
    #[inline]
    fn bucket_of(&self, bits: u64) -> i64 {
        self.bucket + i64::from(bits > self.last)
    }
}

impl PartialEq for Numbering {
    fn eq(&self, other: &Self) -> bool {
        self.accuracy == other.accuracy
    }
}

impl Numbering {
    /// That of an accuracy between 0 and 1.
    pub(super) fn of(accuracy: f64) -> Arc<Self> {
        if accuracy == USUAL {
            return Arc::clone(&OF_USUAL);
        }
        let mut others = OF_OTHERS.lock();
        let known = others.iter().filter_map(Weak::upgrade);
        let known = known.into_iter().find(|known| known.accuracy == accuracy);
        known.unwrap_or_else(|| {
            let new = Arc::new(Self::new(accuracy));
            others.retain(|other| other.strong_count() > 0);
            others.push(Arc::downgrade(&new));
            new
        })
    }

    fn new(accuracy: f64) -> Self {
        let gamma = (1.0 + accuracy) / (1.0 - accuracy);
        // A part of the beginning of an octave is the widest, as seen from its values.
        let parts = (1.0 / (gamma - 1.0)).ceil().max(1.0) as usize;
        let parts = parts.next_power_of_two();
        let octaves = match parts <= PARTS_MAX {
            true => EXPONENTS,
            false => 0,
        };
        let mut numbering = Self {
            accuracy,
            ln_gamma: gamma.ln(),
            last_part: parts - 1,
            bits: MANTISSA_BITS - parts.ilog2(),
            middle: Box::default(),
            octaves: (0..octaves).map(|_| OnceLock::new()).collect(),
        };
        if accuracy == USUAL {
            let octaves = MIDDLE.map(|exponent| numbering.octave(exponent));
            numbering.middle = octaves.flatten().collect();
        }
        numbering
    }

    pub(super) fn accuracy(&self) -> f64 {
        self.accuracy
    }

    /// ln γ.
    pub(super) fn ln_gamma(&self) -> f64 {
        self.ln_gamma
    }

    /// The bucket of a finite magnitude above zero.
    #[inline]
    pub(super) fn bucket(&self, magnitude: f64) -> i64 {
        let bits = magnitude.to_bits();
        let first = (MIDDLE.start as u64) << (MANTISSA_BITS - self.bits);
        let place = (bits >> self.bits).wrapping_sub(first);
        match self.middle.get(place as usize) {
            Some(part) => part.bucket_of(bits),
            None => self.bucket_elsewhere(magnitude),
        }
    }

    fn bucket_elsewhere(&self, magnitude: f64) -> i64 {
        let bits = magnitude.to_bits();
        let exponent = (bits >> MANTISSA_BITS) as usize;
        // Parts of what has the exponent 0, the subnormal numbers, are no parts of an octave.
        match self.octaves.get(exponent) {
            Some(octave) if exponent > 0 => {
                let octave = octave.get_or_init(|| self.octave(exponent));
                octave[(bits >> self.bits) as usize & self.last_part].bucket_of(bits)
            }
            _ => self.exact(magnitude),
        }
    }

    fn exact(&self, magnitude: f64) -> i64 {
        (magnitude.ln() / self.ln_gamma).ceil() as i64
    }

    #[cold]
    fn octave(&self, exponent: usize) -> Box<[Part]> {
        let bucket = |bits: u64| self.exact(f64::from_bits(bits));
        let part = |index: u64| {
            let first = ((exponent as u64) << MANTISSA_BITS) + (index << self.bits);
            let of_first = bucket(first);
            // The last number that is known to be of the bucket, and one that is not.
            let (mut last, mut beyond) = (first, first + (1 << self.bits));
            while beyond - last > 1 {
                let middle = last + (beyond - last) / 2;
                match bucket(middle) == of_first {
                    true => last = middle,
                    false => beyond = middle,
                }
            }
            Part {
                last,
                bucket: of_first,
            }
        };
        (0..=self.last_part as u64).map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first number of a bucket, and its neighbours.
    fn ends(numbering: &Numbering, bucket: i64) -> [f64; 5] {
        let end = (bucket as f64 * numbering.ln_gamma).exp();
        let below = end.next_down();
        let above = end.next_up();
        [below.next_down(), below, end, above, above.next_up()]
    }

    #[test]
    fn buckets_are_those_of_exact_logarithms() {
        for accuracy in [0.0002, 0.0005, USUAL, 0.05, 0.3, 0.5] {
            let numbering = Numbering::of(accuracy);
            let has_tables = accuracy >= 0.0005;
            assert_eq!(!numbering.octaves.is_empty(), has_tables, "{accuracy}");
            assert_eq!(
                !numbering.middle.is_empty(),
                accuracy == USUAL,
                "{accuracy}"
            );
            let mut value = 5e-324;
            while value < f64::MAX / 2.0 {
                assert_eq!(numbering.bucket(value), numbering.exact(value), "{value:e}");
                value *= 1.618;
            }
            for bucket in (-500..500).chain([-20_000, 20_000]) {
                for value in ends(&numbering, bucket) {
                    let is_normal = value.is_normal();
                    let same = numbering.bucket(value) == numbering.exact(value);
                    assert!(same || !is_normal, "{accuracy}: {value:e}");
                }
            }
            let middle = MIDDLE.start..=MIDDLE.end;
            let octaves = middle.map(|exponent| f64::from_bits((exponent as u64) << MANTISSA_BITS));
            for first in octaves {
                for value in [first.next_down(), first, first.next_up()] {
                    assert_eq!(numbering.bucket(value), numbering.exact(value), "{value:e}");
                }
            }
            for value in [1.0, 2.0, 1.0_f64.next_down(), f64::MIN_POSITIVE, f64::MAX] {
                assert_eq!(numbering.bucket(value), numbering.exact(value), "{value:e}");
            }
        }
    }

    #[test]
    fn sketches_of_an_accuracy_share_its_tables() {
        let one = Numbering::of(0.02);
        assert!(Arc::ptr_eq(&one, &Numbering::of(0.02)));
        assert!(!Arc::ptr_eq(&one, &Numbering::of(0.03)));
        assert!(Arc::ptr_eq(&Numbering::of(USUAL), &Numbering::of(USUAL)));
        drop(one);
        let _another = Numbering::of(0.04);
        let mut others = OF_OTHERS
            .lock()
            .iter()
            .filter_map(Weak::upgrade)
            .collect::<Vec<_>>();
        others.retain(|other| [0.02, 0.03].contains(&other.accuracy));
        assert!(others.is_empty());
    }
}
