//! The mean alone, and the mean with the standard deviation: less to keep than all [moments](super::CentralMoments), for windows that move
//! by a row at a time.
//!
//! Both count from an anchor, the first value seen, so that an offset costs no digits, and merge as Chan, Golub and LeVeque (1983) do.

use super::COUNT_MIN;
use crate::Summary;
use crate::rounding::nearest;
use crate::summary::{defined, sum_terms};

/// The number of values and the sum of their distances from the first one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mean {
    /// A float, which takes no conversion where it is multiplied with: exact up to 2^53.
    count: f64,
    anchor: f64,
    sum: f64,
}

impl Mean {
    /// The mean; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        if self.count == 0.0 {
            return None;
        }
        defined(self.anchor + self.sum / self.count)
    }
}

impl Summary for Mean {
    const PARTS: &'static [&'static str] = &["count", "anchor", "sum"];

    fn push(&mut self, value: f64) {
        if self.count == 0.0 {
            self.anchor = value;
        }
        self.count += 1.0;
        self.sum += value - self.anchor;
    }

    fn extend(&mut self, values: &[f64]) {
        let Some(first) = values.first() else {
            return;
        };
        if self.count == 0.0 {
            self.anchor = *first;
        }
        let anchor = self.anchor;
        let [sum] = sum_terms(values, |value| [value - anchor]);
        self.count += values.len() as f64;
        self.sum += sum;
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = *other;
            return;
        }
        self.sum += other.sum + (other.anchor - self.anchor) * other.count;
        self.count += other.count;
    }

    fn part(&self, index: usize) -> f64 {
        [self.count, self.anchor, self.sum][index]
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            count: part(0),
            anchor: part(1),
            sum: part(2),
        }
    }
}

/// The number of values, the sum of their distances from the first one, and the sum of the squares of their distances from the mean.
///
/// Squares are added as Youngs and Cramer (1971) do: no addition waits for a division.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// A float, as that of a [`Mean`].
    count: f64,
    anchor: f64,
    sum: f64,
    m2: f64,
}

impl Spread {
    /// The sample standard deviation (divided by n − 1); `None` below two values.
    pub fn std_sample(&self) -> Option<f64> {
        if self.count < COUNT_MIN as f64 {
            return None;
        }
        defined((self.m2 / (self.count - 1.0)).sqrt())
    }
}

/// How many reciprocals are kept.
const KEPT: usize = 1024;

static RECIPROCALS: [f64; KEPT] = {
    let mut reciprocals = [0.0; KEPT];
    let mut count = 1;
    while count < KEPT {
        reciprocals[count] = 1.0 / count as f64;
        count += 1;
    }
    reciprocals
};

/// 1 / `count`; 0 of none.
#[inline]
fn reciprocal(count: f64) -> f64 {
    let (place, _) = nearest(count);
    match RECIPROCALS.get(place as usize) {
        Some(kept) => *kept,
        None => count.recip(),
    }
}

impl Summary for Spread {
    const PARTS: &'static [&'static str] = &["count", "anchor", "sum", "m2"];

    fn push(&mut self, value: f64) {
        if self.count == 0.0 {
            self.anchor = value;
        }
        let before = self.count;
        let distance = value - self.anchor;
        let apart = distance * before - self.sum;
        self.count += 1.0;
        self.sum += distance;
        // The first value is apart from nothing.
        self.m2 += apart * apart * reciprocal(before) * reciprocal(self.count);
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = *other;
            return;
        }
        let (a, b) = (self.count, other.count);
        let sum = other.sum + (other.anchor - self.anchor) * b;
        let apart = sum * a - self.sum * b;
        self.m2 += other.m2 + apart * apart * (reciprocal(a) * reciprocal(b)) * reciprocal(a + b);
        self.sum += sum;
        self.count += other.count;
    }

    fn part(&self, index: usize) -> f64 {
        [self.count, self.anchor, self.sum, self.m2][index]
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            count: part(0),
            anchor: part(1),
            sum: part(2),
            m2: part(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::CentralMoments;
    use crate::summary::promises;

    #[test]
    fn they_are_what_all_moments_say() {
        let values = (0..500).map(|i| f64::from(i * i % 97) * 0.25 + 1e9);
        let moments = CentralMoments::of(values.clone());
        let (mean, spread) = (Mean::of(values.clone()), Spread::of(values));
        assert_eq!(mean.mean(), moments.mean());
        let (found, expected) = (spread.std_sample().unwrap(), moments.std_sample().unwrap());
        assert!(
            (found - expected).abs() < 1e-12 * expected,
            "{found} {expected}"
        );
    }

    #[test]
    fn splitting_and_sliding_keep_the_mean() {
        promises::check(Mean::mean);
    }

    #[test]
    fn splitting_and_sliding_keep_the_standard_deviation() {
        promises::check(Spread::std_sample);
    }
}
