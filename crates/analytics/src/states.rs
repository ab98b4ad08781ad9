//! States over time: runs of one state, how long they last, and when something was alive.
//!
//! An observed state lasts until the next observation (as in a state timeline): a run ends where the next one begins,
//! and the last run at the last observation. So the durations of all runs add up to the time observed.
//!
//! Observations come sorted by time. Times are integers of any unit.

use std::ops::Range;

/// A stretch of time in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The index of its first observation; the others follow it.
    pub first: usize,
    /// How many observations it has.
    pub count: usize,
    /// The time of its first observation.
    pub start: i64,
    /// The time of the next run's first observation, or of the last observation of all.
    pub end: i64,
}

/// The maximal runs of equal states.
pub fn runs<S: PartialEq>(states: &[S], times: &[i64]) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    for (index, (state, &time)) in states.iter().zip(times).enumerate() {
        match runs.last_mut() {
            Some(run) if states[run.first] == *state => {
                run.count += 1;
                run.end = time;
            }
            last => {
                if let Some(run) = last {
                    run.end = time;
                }
                runs.push(Run {
                    first: index,
                    count: 1,
                    start: time,
                    end: time,
                });
            }
        }
    }
    runs
}

/// The state at a time: that of the latest observation not after it.
pub fn state_at<'a, S>(states: &'a [S], times: &[i64], at: i64) -> Option<&'a S> {
    let after = times.partition_point(|time| *time <= at);
    after.checked_sub(1).map(|index| &states[index])
}

/// When something was alive that is alive for `liveness` after each of its signs of life.
///
/// Ranges that touch are one. With `within`, they are cut to it.
pub fn live_ranges(times: &[i64], liveness: i64, within: Option<Range<i64>>) -> Vec<Range<i64>> {
    let mut ranges: Vec<Range<i64>> = vec![];
    for &time in times {
        let end = time.saturating_add(liveness);
        match ranges.last_mut() {
            Some(range) if time <= range.end => range.end = range.end.max(end),
            _ => ranges.push(time..end),
        }
    }
    if let Some(within) = within {
        for range in &mut ranges {
            *range = range.start.max(within.start)..range.end.min(within.end);
        }
    }
    ranges.retain(|range| range.start < range.end);
    ranges
}

/// The gaps between live ranges; with `within`, also those before the first and after the last.
pub fn gaps(live: &[Range<i64>], within: Option<Range<i64>>) -> Vec<Range<i64>> {
    let mut gaps = vec![];
    let mut end = match (&within, live.first()) {
        (Some(within), _) => within.start,
        (None, Some(first)) => first.start,
        (None, None) => return gaps,
    };
    for range in live {
        if end < range.start {
            gaps.push(end..range.start);
        }
        end = range.end;
    }
    if let Some(within) = within
        && end < within.end
    {
        gaps.push(end..within.end);
    }
    gaps
}

/// The length of all ranges together; no sum overflows, because they do not overlap.
pub fn total(ranges: &[Range<i64>]) -> f64 {
    let lengths = ranges
        .iter()
        .map(|range| i128::from(range.end) - i128::from(range.start));
    lengths.sum::<i128>() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_lasts_until_the_next_one_begins() {
        let check = |states: &str, times: &[i64], expected: &[(usize, usize, i64, i64)]| {
            let states: Vec<char> = states.chars().collect();
            let runs: Vec<_> = runs(&states, times)
                .iter()
                .map(|run| (run.first, run.count, run.start, run.end))
                .collect();
            assert_eq!(runs, expected);
        };
        check("", &[], &[]);
        check("a", &[5], &[(0, 1, 5, 5)]);
        check("aab", &[1, 2, 5], &[(0, 2, 1, 5), (2, 1, 5, 5)]);
        check(
            "abba",
            &[1, 2, 5, 9],
            &[(0, 1, 1, 2), (1, 2, 2, 9), (3, 1, 9, 9)],
        );
        check("aa", &[i64::MIN, i64::MAX], &[(0, 2, i64::MIN, i64::MAX)]);
    }

    #[test]
    fn the_state_at_a_time_is_the_latest_before_it() {
        let at = |time| state_at(&['a', 'b', 'c'], &[10, 20, 20], time).copied();
        assert_eq!(
            [9, 10, 19, 20, 99].map(at),
            [None, Some('a'), Some('a'), Some('c'), Some('c')]
        );
    }

    #[test]
    fn signs_of_life_join_while_they_reach_one_another() {
        let ends = |ranges: &[Range<i64>]| -> Vec<(i64, i64)> {
            ranges
                .iter()
                .map(|range| (range.start, range.end))
                .collect()
        };
        let check = |times: &[i64],
                     within: Option<Range<i64>>,
                     live: &[(i64, i64)],
                     dead: &[(i64, i64)]| {
            let ranges = live_ranges(times, 10, within.clone());
            assert_eq!(ends(&ranges), live);
            assert_eq!(ends(&gaps(&ranges, within)), dead);
        };
        check(&[], None, &[], &[]);
        check(&[5], None, &[(5, 15)], &[]);
        check(&[0, 10, 12, 40], None, &[(0, 22), (40, 50)], &[(22, 40)]);
        check(
            &[0, 40],
            Some(-5..45),
            &[(0, 10), (40, 45)],
            &[(-5, 0), (10, 40)],
        );
        check(&[0, 40], Some(5..30), &[(5, 10)], &[(10, 30)]);
        check(&[0], Some(20..30), &[], &[(20, 30)]);
        check(&[], Some(20..30), &[], &[(20, 30)]);
        check(&[i64::MAX - 1], None, &[(i64::MAX - 1, i64::MAX)], &[]);
        assert_eq!(total(&[0..22, 40..50]), 32.0);
        let all = [i64::MIN..0, 0..i64::MAX];
        assert_eq!(total(&all), 18_446_744_073_709_551_615.0);
    }
}
