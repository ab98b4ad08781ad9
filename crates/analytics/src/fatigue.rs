//! Fatigue: load cycles counted by rainflow, and the damage that they add up to.
//!
//! Rainflow counting follows ASTM E1049-85 (2011), section 5.4.4: of the peaks and valleys of a load history, a range that a later
//! one covers is a whole cycle, one that contains the start is half a cycle, and so is what remains at the end. The result
//! is that of the Python package `rainflow`, except that two points make half a cycle, as the standard has it, and a load
//! that never changes makes none.
//!
//! Damage is added linearly (Palmgren 1924, Miner 1945) along Basquin's S-N line, `log10 N = intercept − slope · log10 S`:
//! a cycle of range S uses up 1 / N of the life, and at a damage of 1 failure is expected.

use crate::summary::defined;

/// A cycle of load, or half of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadCycle {
    /// The distance between its peak and its valley.
    pub range: f64,
    /// The middle between them.
    pub mean: f64,
    /// 1 for a whole cycle, 0.5 for half of one.
    pub count: f64,
    /// Which of the values it begins at.
    pub start: usize,
    /// Which of the values it ends at.
    pub end: usize,
}

/// The load cycles among finite `values`, given in the order of time; none below two values. O(n).
pub fn rainflow(values: &[f64]) -> Vec<LoadCycle> {
    let mut cycles = vec![];
    // The reversals that no cycle has used up are `open[start..]`: halves take from the beginning, wholes from the end.
    let mut open: Vec<(usize, f64)> = vec![];
    let mut start = 0;
    for reversal in reversals(values) {
        open.push(reversal);
        while let &[.., first, second, third] = &open[start..] {
            let newest_range = (third.1 - second.1).abs();
            if newest_range < (second.1 - first.1).abs() {
                break;
            }
            if open.len() - start == 3 {
                cycles.push(cycle(first, second, 0.5));
                start += 1;
            } else {
                cycles.push(cycle(first, second, 1.0));
                open.truncate(open.len() - 3);
                open.push(third);
            }
        }
    }
    let rest = open[start..].windows(2);
    cycles.extend(rest.map(|pair| cycle(pair[0], pair[1], 0.5)));
    cycles
}

fn cycle((start, from): (usize, f64), (end, to): (usize, f64), count: f64) -> LoadCycle {
    LoadCycle {
        range: (to - from).abs(),
        mean: from / 2.0 + to / 2.0,
        count,
        start,
        end,
    }
}

/// The peaks and valleys with their positions, and the two ends. A plateau turns at its last value. Nothing when all values
/// are equal.
fn reversals(values: &[f64]) -> Vec<(usize, f64)> {
    let is_unequal = |pair: &&[f64]| pair[0] != pair[1];
    if !values.windows(2).any(|pair| is_unequal(&pair)) {
        return vec![];
    }
    let mut reversals = vec![(0, values[0])];
    let mut is_rising = None;
    for (row, pair) in values
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| is_unequal(pair))
    {
        let rises = pair[1] > pair[0];
        if is_rising.is_some_and(|was_rising| was_rising != rises) {
            reversals.push((row, pair[0]));
        }
        is_rising = Some(rises);
    }
    reversals.push((values.len() - 1, values[values.len() - 1]));
    reversals
}

/// Basquin's line: how many cycles of a range a part survives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SnLine {
    /// The slope m, above 0.
    pub slope: f64,
    /// The decadic logarithm of the cycles that a range of 1 allows.
    pub intercept: f64,
}

impl SnLine {
    /// The share of the life that one cycle uses up.
    fn damage(&self, range: f64) -> f64 {
        10_f64.powf(self.slope * range.log10() - self.intercept)
    }
}

/// The damage of the load cycles among finite `values`, given in the order of time; `None` below two values.
pub fn miner_damage(values: &[f64], line: SnLine) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let cycles = rainflow(values);
    let damages = cycles
        .iter()
        .map(|cycle| cycle.count * line.damage(cycle.range));
    // The sum of nothing is a negative zero.
    defined(damages.fold(0.0, |sum, damage| sum + damage))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Expected: range, mean, count, start, end.
    fn check(values: &[f64], expected: &[(f64, f64, f64, usize, usize)]) {
        let actual: Vec<_> = rainflow(values)
            .iter()
            .map(|c| (c.range, c.mean, c.count, c.start, c.end))
            .collect();
        assert_eq!(actual, expected, "{values:?}");
    }

    // Expected: ASTM E1049-85, figure 6, and the Python package rainflow 3.2.0.
    #[test]
    fn the_example_of_the_standard() {
        check(
            &[-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0],
            &[
                (3.0, -0.5, 0.5, 0, 1),
                (4.0, -1.0, 0.5, 1, 2),
                (4.0, 1.0, 1.0, 4, 5),
                (8.0, 1.0, 0.5, 2, 3),
                (9.0, 0.5, 0.5, 3, 6),
                (8.0, 0.0, 0.5, 6, 7),
                (6.0, 1.0, 0.5, 7, 8),
            ],
        );
    }

    // Expected: the Python package rainflow 3.2.0.
    #[test]
    fn points_on_the_way_and_plateaus_do_not_count() {
        check(
            &[0.0, 0.0, 1.0, 2.0, 2.0, 1.0, 0.5, 3.0, 3.0],
            &[(1.5, 1.25, 1.0, 4, 6), (3.0, 1.5, 0.5, 0, 8)],
        );
    }

    #[test]
    fn a_load_that_does_not_change_has_no_cycle() {
        check(&[], &[]);
        check(&[5.0], &[]);
        check(&[5.0; 4], &[]);
        check(&[5.0, 7.0], &[(2.0, 6.0, 0.5, 0, 1)]);
    }

    #[test]
    fn damage_is_added_along_the_line() {
        let check = |values: &[f64], slope, intercept, expected: Option<f64>| {
            let actual = miner_damage(values, SnLine { slope, intercept });
            match (actual, expected) {
                (Some(a), Some(e)) => assert!((a - e).abs() <= 1e-12 * e, "{a} is not {e}"),
                (a, e) => assert_eq!(a, e, "{values:?}"),
            }
        };
        // Three half cycles of range 10, of which 1000 whole ones are allowed: 10^(5 - 2 · log10 10).
        check(&[0.0, 10.0, 0.0, 10.0], 2.0, 5.0, Some(1.5 / 1000.0));
        let example = [-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0];
        let sum = 0.5 * 27.0 + 1.5 * 64.0 + 512.0 + 0.5 * 729.0 + 0.5 * 216.0;
        check(&example, 3.0, 6.0, Some(sum / 1e6));
        check(&[5.0, 5.0], 3.0, 6.0, Some(0.0));
        check(&[5.0], 3.0, 6.0, None);
        check(&[0.0, 1e200], 3.0, -100.0, None);
    }

    /// The package's algorithm, step by step: a deque from which points are taken.
    fn reference(values: &[f64]) -> Vec<(f64, f64)> {
        let mut points: Vec<f64> = vec![];
        let mut cycles = vec![];
        for (_, value) in reversals(values) {
            points.push(value);
            while points.len() >= 3 {
                let n = points.len();
                let newest = (points[n - 1] - points[n - 2]).abs();
                let before = (points[n - 2] - points[n - 3]).abs();
                if newest < before {
                    break;
                }
                if n == 3 {
                    cycles.push((before, 0.5));
                    points.remove(0);
                } else {
                    cycles.push((before, 1.0));
                    points.drain(n - 3..n - 1);
                }
            }
        }
        cycles.extend(
            points
                .windows(2)
                .map(|pair| ((pair[1] - pair[0]).abs(), 0.5)),
        );
        cycles
    }

    proptest! {
        #[test]
        fn cycles_are_counted_as_by_the_plain_algorithm(
            values in prop::collection::vec(-5..5i32, 0..80)
        ) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let cycles = rainflow(&values);
            let actual: Vec<_> = cycles.iter().map(|cycle| (cycle.range, cycle.count)).collect();
            prop_assert_eq!(actual, reference(&values));
            for cycle in cycles {
                prop_assert!(cycle.start < cycle.end);
                prop_assert_eq!((values[cycle.end] - values[cycle.start]).abs(), cycle.range);
            }
        }
    }
}
