//! Damage: what anomaly scores have used up of a machine's life (after Miner 1945, with rates in place of cycles).
//!
//! A score above a floor damages at `rate_max · e²` per hour, where `e` is its share of the way from the floor to 1. The
//! damage index is the sum of rate times time, from 0 (new) to 1 (failed). The score of a point stands for the time since
//! the point before, of which no more than `max_gap` counts: a machine that says nothing is not known to suffer.

use crate::change::Stretch;
use crate::running::ticks_between;
use crate::summary::defined;

/// Scores below this do no damage.
pub const DAMAGE_FLOOR: f64 = 0.65;

/// The damage per hour at a score of 1: it takes a day to fail.
pub const DAMAGE_RATE_MAX: f64 = 1.0 / 24.0;

/// Below this rate per hour there is no end in sight.
pub const DAMAGE_RATE_MIN: f64 = 1e-9;

/// The damage indices at which to warn.
pub const DAMAGE_WARNINGS: [f64; 4] = [0.15, 0.30, 0.50, 0.75];

/// The damage per hour that a score does; scores outside 0 to 1 count as the nearer end.
///
/// `None` when the floor is not in 0 to below 1, or `rate_max` is negative.
pub fn damage_rate(score: f64, floor: f64, rate_max: f64) -> Option<f64> {
    if !(0.0..1.0).contains(&floor) || rate_max < 0.0 {
        return None;
    }
    let excess = ((score.min(1.0) - floor) / (1.0 - floor)).max(0.0);
    defined(rate_max * excess * excess)
}

/// The health percentage that a damage index leaves: 100 at 0, 0 at 1 and above.
pub fn health_from_damage(damage: f64) -> f64 {
    100.0 * (1.0 - damage.clamp(0.0, 1.0))
}

/// The hours until the damage index is 1 at a rate per hour; 0 when it already is.
///
/// `None` below a rate of [`DAMAGE_RATE_MIN`].
pub fn rul_hours(damage: f64, rate: f64) -> Option<f64> {
    if rate < DAMAGE_RATE_MIN {
        return None;
    }
    defined((1.0 - damage.clamp(0.0, 1.0)) / rate)
}

/// How many of the warning levels, which must rise, a damage index has reached; `None` when they do not rise.
pub fn damage_level(damage: f64, warnings: [f64; 4]) -> Option<i64> {
    let is_rising = warnings.is_sorted();
    let reached = warnings.iter().filter(|level| damage >= **level);
    is_rising.then(|| reached.count() as i64)
}

/// What scores of anomaly do to a machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DamageLaw {
    /// The score up to which nothing is damaged, 0 to below 1.
    pub floor: f64,
    /// The damage per hour at a score of 1, 0 or more.
    pub rate_max: f64,
    /// The most ticks between two points that count.
    pub gap_max: f64,
}

impl Default for DamageLaw {
    /// The usual floor and rate; all time counts.
    fn default() -> Self {
        Self {
            floor: DAMAGE_FLOOR,
            rate_max: DAMAGE_RATE_MAX,
            gap_max: f64::INFINITY,
        }
    }
}

/// The damage done over a stretch of points, in units of the rate times ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Damage {
    first_rate: f64,
    first: i64,
    last: i64,
    gap_max: f64,
    sum: f64,
}

impl Damage {
    /// The damage index: `initial` and what was added since, at most 1. Rates are per `unit` ticks.
    pub fn index(&self, initial: f64, unit: f64) -> Option<f64> {
        defined((initial + self.sum / unit).min(1.0))
    }
}

impl Stretch for Damage {
    type Settings = DamageLaw;

    /// A point with a score. Under a law that makes no sense nothing is damaged.
    fn of(score: f64, time: i64, law: DamageLaw) -> Self {
        Self {
            first_rate: damage_rate(score, law.floor, law.rate_max).unwrap_or(0.0),
            first: time,
            last: time,
            gap_max: law.gap_max,
            sum: 0.0,
        }
    }

    fn join(&mut self, later: &Self) {
        let time = ticks_between(self.last, later.first).min(later.gap_max);
        self.sum += later.first_rate * time + later.sum;
        self.last = later.last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::promises;

    fn close(actual: Option<f64>, expected: Option<f64>) {
        match (actual, expected) {
            (Some(a), Some(e)) => assert!((a - e).abs() < 1e-12, "{a} is not {e}"),
            (a, e) => assert_eq!(a, e),
        }
    }

    #[test]
    fn scores_above_the_floor_damage_by_the_square() {
        let rate = |score| damage_rate(score, DAMAGE_FLOOR, DAMAGE_RATE_MAX);
        close(rate(0.0), Some(0.0));
        close(rate(0.65), Some(0.0));
        close(rate(0.825), Some(0.25 / 24.0));
        close(rate(1.0), Some(1.0 / 24.0));
        close(rate(7.0), Some(1.0 / 24.0));
        close(damage_rate(0.5, 1.0, 1.0), None);
        close(damage_rate(0.5, -0.1, 1.0), None);
        close(damage_rate(0.5, 0.1, -1.0), None);
    }

    #[test]
    fn damage_adds_up_over_time_and_stops_at_one() {
        let points = [(1.0, 0), (0.5, 10), (0.0, 12), (0.25, 112)];
        let index = |count: usize, gap_max, initial, unit| {
            let law = DamageLaw {
                floor: 0.0,
                rate_max: 4.0,
                gap_max,
            };
            let damage = Damage::over(points.into_iter().take(count), law);
            damage.and_then(|damage| damage.index(initial, unit))
        };
        // 10 · 1 + 2 · 0 + 100 · 0.25, of which gaps of 8: 8 + 0 + 2.
        close(index(4, f64::INFINITY, 0.0, 100.0), Some(0.35));
        close(index(4, 8.0, 0.0, 100.0), Some(0.1));
        close(index(4, 8.0, 0.5, 100.0), Some(0.6));
        close(index(4, 8.0, 0.5, 1.0), Some(1.0));
        close(index(1, 8.0, 0.25, 1.0), Some(0.25));
        close(index(0, 8.0, 0.25, 1.0), None);
    }

    #[test]
    fn damage_joins_and_slides() {
        promises::check::<Damage>(|damage| damage.index(0.0, 100.0));
        let law = DamageLaw {
            floor: 0.0,
            rate_max: 0.01,
            gap_max: 3.0,
        };
        promises::check_with::<Damage>(law, |damage| damage.index(0.0, 7.0));
    }

    #[test]
    fn the_rest_of_life_is_what_damage_leaves() {
        close(rul_hours(0.5, 0.01), Some(50.0));
        close(rul_hours(1.2, 0.01), Some(0.0));
        close(rul_hours(0.5, 1e-10), None);
        close(rul_hours(0.5, 0.0), None);
        close(Some(health_from_damage(0.25)), Some(75.0));
        close(Some(health_from_damage(3.0)), Some(0.0));
    }

    #[test]
    fn warnings_are_counted() {
        let check = |damage, expected| {
            assert_eq!(damage_level(damage, DAMAGE_WARNINGS), expected, "{damage}");
        };
        check(0.0, Some(0));
        check(0.15, Some(1));
        check(0.4999, Some(2));
        check(0.5, Some(3));
        check(1.0, Some(4));
        assert_eq!(damage_level(0.5, [0.1, 0.3, 0.2, 0.4]), None);
    }
}
