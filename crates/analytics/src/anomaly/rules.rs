//! [`SpcRules`]: the patterns that tell a control chart is out of control.
//!
//! Zones are counted in sigmas from the mean. A rule holds at a point when the pattern ends there; for "two of three" and
//! the like the point itself must be one of them.
//!
//! | bit | Nelson 1984                              | Western Electric 1956            |
//! |-----|------------------------------------------|----------------------------------|
//! | 1   | 1 point beyond 3σ                         | 1 point beyond 3σ                |
//! | 2   | 9 points in a row on one side of the mean | 2 of 3 points beyond 2σ, one side |
//! | 4   | 6 points in a row rising, or falling      | 4 of 5 points beyond 1σ, one side |
//! | 8   | 14 points in a row going up and down      | 8 points in a row on one side     |
//! | 16  | 2 of 3 points beyond 2σ, one side         |                                  |
//! | 32  | 4 of 5 points beyond 1σ, one side         |                                  |
//! | 64  | 15 points in a row within 1σ              |                                  |
//! | 128 | 8 points in a row beyond 1σ, either side  |                                  |

use crate::Running;

/// Whose rules apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleSet {
    /// Nelson's eight.
    Nelson,
    /// The four of the Western Electric handbook.
    WesternElectric,
}

/// How many points "4 of 5" looks back at.
const RECENT: usize = 5;

/// The rules that each point of a series breaks, as bits. A missing value is passed over.
#[derive(Debug, Clone)]
pub struct SpcRules {
    mean: f64,
    sigma: f64,
    set: RuleSet,
    /// The last points in sigmas, newest first; zero where there is none yet.
    recent: [f64; RECENT],
    last: Option<f64>,
    side: Run,
    trend: Run,
    swing: Run,
    within: u32,
    beyond: u32,
}

/// How long something has had one sign.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    sign: i8,
    length: u32,
}

impl Run {
    /// One more of that sign; none where it is 0.
    fn push(&mut self, sign: i8) {
        self.length = match sign {
            0 => 0,
            same if same == self.sign => self.length.saturating_add(1),
            _ => 1,
        };
        self.sign = sign;
    }
}

fn sign(value: f64) -> i8 {
    i8::from(value > 0.0) - i8::from(value < 0.0)
}

impl SpcRules {
    /// The rules of a chart around `mean` for values of standard deviation `sigma`, above 0.
    pub fn new(mean: f64, sigma: f64, set: RuleSet) -> Self {
        Self {
            mean,
            sigma,
            set,
            recent: [0.0; RECENT],
            last: None,
            side: Run::default(),
            trend: Run::default(),
            swing: Run::default(),
            within: 0,
            beyond: 0,
        }
    }

    fn note(&mut self, value: f64, z: f64) {
        self.recent.rotate_right(1);
        self.recent[0] = z;
        self.side.push(sign(z));
        let direction = self.last.map_or(0, |last| sign(value - last));
        // Directions that take turns have one sign when every other one is turned round.
        let is_swing = direction != 0 && direction == -self.trend.sign;
        self.swing = Run {
            sign: direction,
            length: match (direction, is_swing) {
                (0, _) => 0,
                (_, true) => self.swing.length.saturating_add(1),
                (_, false) => 1,
            },
        };
        self.trend.push(direction);
        self.last = Some(value);
        self.within = if z.abs() < 1.0 {
            self.within.saturating_add(1)
        } else {
            0
        };
        self.beyond = if z.abs() > 1.0 {
            self.beyond.saturating_add(1)
        } else {
            0
        };
    }

    /// Whether the newest point and enough of those before it are beyond a zone on one side.
    fn is_beyond(&self, zone: f64, among: usize, count: usize) -> bool {
        let side = self.recent[0].signum();
        let is_out = |z: &&f64| **z * side > zone;
        let out = self.recent[..among].iter().filter(is_out).count();
        self.recent[0] * side > zone && out >= count
    }
}

impl Running for SpcRules {
    type Output = i64;

    fn push(&mut self, value: f64, _time: i64) -> Option<i64> {
        let z = (value - self.mean) / self.sigma;
        self.note(value, z);
        let is_far = z.abs() > 3.0;
        let two_of_three = self.is_beyond(2.0, 3, 2);
        let four_of_five = self.is_beyond(1.0, 5, 4);
        let bits: &[bool] = match self.set {
            RuleSet::WesternElectric => {
                &[is_far, two_of_three, four_of_five, self.side.length >= 8]
            }
            RuleSet::Nelson => &[
                is_far,
                self.side.length >= 9,
                // So many steps join one more point.
                self.trend.length >= 5,
                self.swing.length >= 13,
                two_of_three,
                four_of_five,
                self.within >= 15,
                self.beyond >= 8,
            ],
        };
        let bit = |(index, holds): (usize, &bool)| i64::from(*holds) << index;
        Some(bits.iter().enumerate().map(bit).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::testing::run;

    /// Checks the rules that the last of the points breaks, and that none before it breaks any.
    fn check(set: RuleSet, points: &[f64], expected: i64) {
        let series: Vec<(i64, f64)> = points.iter().map(|z| (0, 10.0 + 2.0 * z)).collect();
        let bits = run(SpcRules::new(10.0, 2.0, set), &series);
        let (last, before) = bits.split_last().unwrap();
        assert_eq!(*last, Some(expected), "{points:?}");
        assert!(
            before.iter().all(|bits| *bits == Some(0)),
            "{points:?}: {bits:?}"
        );
    }

    // A point below each row's pattern: one fewer of it breaks nothing.
    #[test]
    fn nelson_has_eight_rules() {
        let nelson = |points: &[f64], expected| check(RuleSet::Nelson, points, expected);
        nelson(&[0.5, 3.0], 0);
        nelson(&[0.5, -3.1], 1);
        nelson(&[0.5, 0.1, 0.6, 0.2, 0.5, 0.1, 0.5, 0.1, 0.2], 2);
        nelson(&[-0.5, -0.1, -0.6, -0.2, -0.5, -0.1, -0.5, -0.1, 0.2], 0);
        nelson(&[-0.9, -0.5, 0.1, 0.4, 0.5, 0.9], 4);
        nelson(&[0.9, 0.5, 0.1, -0.4, -0.5, -0.9], 4);
        nelson(&[-0.9, -0.5, 0.1, 0.1, 0.5, 0.9], 0);
        let swing: Vec<f64> = (0..14)
            .map(|i| if i % 2 == 0 { 1.5 } else { -0.5 })
            .collect();
        nelson(&swing, 8);
        nelson(&swing[..13], 0);
        nelson(&[2.1, -0.5, 2.2], 16);
        nelson(&[2.1, -0.5, -2.2], 0);
        nelson(&[2.1, 2.2], 16);
        nelson(&[1.1, 1.5, -0.2, 1.2, 1.3], 32);
        nelson(&[1.1, 1.5, -0.2, 1.2, -1.3], 0);
        let calm = [
            0.5, -0.5, -0.6, 0.6, 0.5, -0.4, -0.3, 0.7, 0.6, -0.5, -0.2, 0.3, 0.1, -0.2, -0.1,
        ];
        nelson(&calm, 64);
        nelson(&calm[..14], 0);
        let wild = [1.5, -1.5, -1.6, 1.6, 1.5, -1.4, -1.3, 1.7];
        nelson(&wild, 128);
        nelson(&wild[..7], 0);
    }

    #[test]
    fn western_electric_has_four() {
        let western = |points: &[f64], expected| check(RuleSet::WesternElectric, points, expected);
        western(&[0.5, 3.1], 1);
        western(&[-2.1, 0.5, -2.2], 2);
        western(&[-1.1, -1.5, 0.2, -1.2, -1.3], 4);
        western(&[0.5, 0.1, 0.6, 0.2, 0.5, 0.1, 0.5, 0.1], 8);
        western(&[-0.9, -0.5, 0.1, 0.4, 0.5, 0.9], 0);
    }

    #[test]
    fn a_missing_value_is_passed_over_and_rules_add_up() {
        let series = [2.1, f64::NAN, 3.5].map(|z| (0, z));
        let bits = run(SpcRules::new(0.0, 1.0, RuleSet::Nelson), &series);
        assert_eq!(bits, [Some(0), None, Some(1 + 16)]);
    }
}
