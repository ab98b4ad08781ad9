//! Times on an even grid: the grid that fits best, and which time belongs where on it.
//!
//! After `TIMESTAMPREPAIR` of Apache IoTDB (Fang et al., "Time series timestamp repair", 2022): the step is that of most rows, times are
//! moved, missing ones put in and surplus ones left out. What differs is told here:
//!
//! | question            | answer                                                                                              |
//! |---------------------|-----------------------------------------------------------------------------------------------------|
//! | the step            | given; or the median step, or the time between the first and the last row over the steps that it has in median steps, whichever grid is nearer |
//! | where the grid lies | where the times are least away from it in sum: the median of what they are beyond whole steps, on a circle |
//! | which times belong  | each to one of the two grid times beside it, in order, so that as many as possible do and, of the ways to do so, with the least moves in sum |
//!
//! IoTDB weighs a time that is put in or left out against moving others by 100 seconds; here no move is as dear as losing a row, and none
//! is as long as a step, so that the result does not depend on units and takes time in proportion to the rows.

use super::ranges::median_step;
use crate::running::ticks_between;

/// A grid of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeGrid {
    /// The time between grid times, in ticks, above zero.
    pub step: i64,
    /// One of them, from 0 to below the step.
    pub offset: i64,
}

/// A time on the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepairedTime {
    /// The time on the grid.
    pub time: i64,
    /// Which of the times it was; `None` where it was missing.
    pub origin: Option<usize>,
}

/// The grid that times, in order, fit best, with a step that is given or found. `None` without times, or where there is no
/// step to find.
pub fn time_grid(times: &[i64], step: Option<i64>) -> Option<TimeGrid> {
    if times.is_empty() {
        return None;
    }
    let Some(step) = step else {
        let median = whole(median_step(times)?);
        let (grid, distance) = nearest_grid(times, median);
        let mean = mean_step(times, median);
        let (other, other_distance) = nearest_grid(times, mean);
        // As shares of a step, or else a short step would be near to everything.
        let is_nearer = other_distance as f64 / (mean as f64) < distance as f64 / median as f64;
        return Some(if is_nearer { other } else { grid });
    };
    Some(nearest_grid(times, step.max(1)).0)
}

/// A step in whole ticks.
fn whole(step: f64) -> i64 {
    step.round().max(1.0) as i64
}

/// From the first to the last time over the number of steps between: one that jitter does not move.
fn mean_step(times: &[i64], median: i64) -> i64 {
    let steps = times.windows(2).map(|pair| {
        let ratio = ticks_between(pair[0], pair[1]) / median as f64;
        ratio.round()
    });
    let count: f64 = steps.sum();
    let length = ticks_between(times[0], times[times.len() - 1]);
    if count < 1.0 {
        return median;
    }
    whole(length / count)
}

/// The grid of a step with the least sum of distances, the one with the least offset of several, and that sum.
fn nearest_grid(times: &[i64], step: i64) -> (TimeGrid, i128) {
    let mut rests: Vec<i64> = times.iter().map(|time| time.rem_euclid(step)).collect();
    rests.sort_unstable();
    let n = rests.len();
    let whole = i128::from(step);
    // Twice around the circle, so that whatever lies within half of it is one range.
    let place = |index: usize| i128::from(rests[index % n]) + if index < n { 0 } else { whole };
    let mut sums = Vec::with_capacity(2 * n + 1);
    sums.push(0_i128);
    for index in 0..2 * n {
        sums.push(sums[index] + place(index));
    }
    let mut best = (rests[0], i128::MAX);
    let mut half = 0;
    for (index, rest) in rests.iter().enumerate() {
        let here = i128::from(*rest);
        half = half.max(index);
        while half < index + n && 2 * (place(half) - here) <= whole {
            half += 1;
        }
        // Those ahead within half a step, and the others, which are nearer the other way round.
        let ahead = sums[half] - sums[index] - here * (half - index) as i128;
        let others = (index + n - half) as i128;
        let behind = others * (here + whole) - (sums[index + n] - sums[half]);
        if ahead + behind < best.1 {
            best = (*rest, ahead + behind);
        }
    }
    let grid = TimeGrid {
        step,
        offset: best.0,
    };
    (grid, best.1)
}

/// How many grid times there are from the first to the last one in use, those among them that are beyond what an
/// integer holds; 0 without times.
pub fn repaired_count(times: &[i64], grid: TimeGrid) -> u64 {
    let places = places(times, grid);
    let mut taken = places.iter().flatten();
    let Some(first) = taken.next() else {
        return 0;
    };
    let last = taken.next_back().unwrap_or(first);
    u64::try_from(last - first + 1).unwrap_or(u64::MAX)
}

/// The times on the grid, from the first to the last one in use, each with the time that went there. A time that would be
/// beyond what an integer holds is left out. The caller asks [`repaired_count`] how many there are.
pub fn repair_times(times: &[i64], grid: TimeGrid) -> Vec<RepairedTime> {
    let mut repaired = vec![];
    let mut next = None;
    for (index, place) in places(times, grid).into_iter().enumerate() {
        let Some(place) = place else { continue };
        let missing = (next.unwrap_or(place)..place).filter_map(|missing| at(grid, missing));
        repaired.extend(missing.map(|time| RepairedTime { time, origin: None }));
        let origin = Some(index);
        repaired.extend(at(grid, place).map(|time| RepairedTime { time, origin }));
        next = Some(place + 1);
    }
    repaired
}

/// The time of a place of the grid.
fn at(grid: TimeGrid, place: i128) -> Option<i64> {
    i64::try_from(place * i128::from(grid.step) + i128::from(grid.offset)).ok()
}

/// How far an assignment of the times so far has come. More rows are better, then fewer ticks of moving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Merit {
    kept: usize,
    stayed: i128,
}

/// Where the last place in use may be, as seen from a time: below the place before it, at it, or after it.
const ENDS: usize = 3;

/// What a time does, and where the last place in use was before.
#[derive(Debug, Clone, Copy, Default)]
struct Choice {
    /// 0: it is left out. 1: it goes to the place before it. 2: to the one after it.
    takes: u8,
    from: u8,
}

/// The place of every time on the grid; `None` for those that are left out.
fn places(times: &[i64], grid: TimeGrid) -> Vec<Option<i128>> {
    let step = i128::from(grid.step);
    let mut choices: Vec<[Choice; ENDS]> = Vec::with_capacity(times.len());
    let mut merits: [Option<Merit>; ENDS] = [Some(Merit { kept: 0, stayed: 0 }), None, None];
    let mut last_below = None;
    for time in times {
        let beyond = i128::from(*time) - i128::from(grid.offset);
        let (below, rest) = (beyond.div_euclid(step), beyond.rem_euclid(step));
        let moved = last_below.map_or(0, |last: i128| below - last);
        last_below = Some(below);
        let mut next: [Option<Merit>; ENDS] = [None; ENDS];
        let mut chosen = [Choice::default(); ENDS];
        let mut offer = |end: usize, merit: Merit, choice: Choice| {
            if next[end].is_none_or(|known| merit > known) {
                next[end] = Some(merit);
                chosen[end] = choice;
            }
        };
        for (from, merit) in merits.iter().enumerate() {
            let Some(merit) = *merit else { continue };
            // The same place, seen from this time.
            let end = (from as i128 - moved).max(0) as usize;
            let from = from as u8;
            let taking = |takes, away: i128| {
                let merit = Merit {
                    kept: merit.kept + 1,
                    stayed: merit.stayed - away,
                };
                (merit, Choice { takes, from })
            };
            if end < 1 {
                let (merit, choice) = taking(1, rest);
                offer(1, merit, choice);
            }
            if end < 2 && rest > 0 {
                let (merit, choice) = taking(2, step - rest);
                offer(2, merit, choice);
            }
            offer(end, merit, Choice { takes: 0, from });
        }
        merits = next;
        choices.push(chosen);
    }
    trace(times, grid, &choices, &merits)
}

/// The places of the best assignment, followed back from its end.
fn trace(
    times: &[i64],
    grid: TimeGrid,
    choices: &[[Choice; ENDS]],
    merits: &[Option<Merit>; ENDS],
) -> Vec<Option<i128>> {
    // Of several that are equally good the one that ends first.
    let best = merits.iter().flatten().max();
    let mut end = merits
        .iter()
        .position(|merit| merit.as_ref() == best)
        .unwrap_or(0);
    let mut places = vec![None; times.len()];
    for (index, choice) in choices.iter().enumerate().rev() {
        let Choice { takes, from } = choice[end];
        let beyond = i128::from(times[index]) - i128::from(grid.offset);
        let below = beyond.div_euclid(i128::from(grid.step));
        places[index] = match takes {
            0 => None,
            takes => Some(below + i128::from(takes) - 1),
        };
        end = usize::from(from);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{number, series};

    fn check(times: &[i64], step: Option<i64>, expected: &[(i64, Option<i64>)]) {
        let grid = time_grid(times, step).unwrap();
        let repaired = repair_times(times, grid);
        let origins = |repaired: &RepairedTime| {
            let origin = repaired.origin.map(|index| times[index]);
            (repaired.time, origin)
        };
        let actual: Vec<_> = repaired.iter().map(origins).collect();
        assert_eq!(actual, expected, "{times:?}");
        let count = repaired_count(times, grid);
        assert_eq!(count, expected.len() as u64, "{times:?}");
    }

    /// Times that stay, by themselves.
    fn stay(times: &[i64]) -> Vec<(i64, Option<i64>)> {
        times.iter().map(|time| (*time, Some(*time))).collect()
    }

    #[test]
    fn what_is_on_a_grid_stays_there() {
        check(&[0, 10, 20, 30], None, &stay(&[0, 10, 20, 30]));
        check(&[7], Some(10), &stay(&[7]));
        check(&[-13, -3, 7], None, &stay(&[-13, -3, 7]));
    }

    #[test]
    fn jitter_gaps_and_surplus_are_mended() {
        // The grid is where most times are.
        check(
            &[0, 10, 21, 30, 39, 60],
            None,
            &[
                (0, Some(0)),
                (10, Some(10)),
                (20, Some(21)),
                (30, Some(30)),
                (40, Some(39)),
                (50, None),
                (60, Some(60)),
            ],
        );
        // Of two rows at one time one is surplus; one that has a grid time of its own to go to is not.
        check(&[0, 10, 10, 20, 30], None, &stay(&[0, 10, 20, 30]));
        check(
            &[0, 10, 14, 30, 40],
            None,
            &[
                (0, Some(0)),
                (10, Some(10)),
                (20, Some(14)),
                (30, Some(30)),
                (40, Some(40)),
            ],
        );
        // A writer that was held up and caught up.
        check(
            &[0, 10, 38, 39, 40, 50],
            Some(10),
            &[
                (0, Some(0)),
                (10, Some(10)),
                (20, None),
                (30, Some(38)),
                (40, Some(40)),
                (50, Some(50)),
            ],
        );
    }

    #[test]
    fn a_grid_does_not_slip_away_from_a_long_series() {
        // Steps of 1000 that jitter: the median of steps is off, the mean is not.
        let mut state = 7_u64;
        let mut jitter = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as i64 % 201 - 100
        };
        let times: Vec<i64> = (0..20_000).map(|i| i * 1000 + jitter()).collect();
        let grid = time_grid(&times, None).unwrap();
        let repaired = repair_times(&times, grid);
        assert_eq!(grid.step, 1000);
        assert_eq!(repaired.len(), times.len());
        assert!(repaired.iter().all(|time| time.origin.is_some()));
    }

    #[test]
    fn nothing_has_no_grid() {
        assert_eq!(time_grid(&[], Some(1)), None);
        assert_eq!(time_grid(&[5], None), None);
        assert_eq!(time_grid(&[5, 5], None), None);
        let grid = TimeGrid { step: 1, offset: 0 };
        assert_eq!(repair_times(&[], grid), []);
        assert_eq!(repaired_count(&[], grid), 0);
        let far = [i64::MIN, i64::MAX];
        let grid = time_grid(&far, Some(1)).unwrap();
        assert_eq!(repaired_count(&far, grid), u64::MAX);
        // Also where the first grid time is beyond what an integer holds.
        let odd = [i64::MIN, 8, 18, 28];
        let grid = time_grid(&odd, Some(10)).unwrap();
        assert!(repaired_count(&odd, grid) > 1 << 59);
    }

    /// Against every way to leave out and to move, tried one by one.
    #[test]
    fn assignments_are_the_best_there_are() {
        for case in 0..60 {
            let times: Vec<i64> = series(&format!("repair_times_{case}"))
                .into_iter()
                .map(|time| time as i64)
                .collect();
            let grid = time_grid(&times, Some(10)).unwrap();
            let repaired = repair_times(&times, grid);
            let kept: Vec<_> = repaired
                .iter()
                .filter_map(|repaired| Some((repaired.time, times[repaired.origin?])))
                .collect();
            let moved: i64 = kept.iter().map(|(to, from)| (to - from).abs()).sum();
            let expect = |name: &str| number(&format!("repair_{name}_{case}")).unwrap();
            assert_eq!(grid.offset as f64, expect("offset"), "{case}");
            assert_eq!(kept.len() as f64, expect("kept"), "{case}");
            assert_eq!(moved as f64, expect("moved"), "{case}");
        }
    }
}
