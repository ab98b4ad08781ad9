//! Which rows can be the best of their groups where groups come in runs of rows whose times rise: the first or the last of each run,
//! and those of the same time.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampNanosecondType};

use crate::runs::Groups;

/// Runs that are shorter on average are not worth looking for.
const LONG: usize = 16;

/// Of those that may be picked, the rows to compare, in order. `None` where all of them have to be: where times do not rise, or runs
/// are short.
pub(super) fn contenders(
    time: &ArrayRef,
    is_first_best: bool,
    groups: Groups,
    may_be_picked: impl Fn(usize) -> bool,
) -> Option<Vec<u32>> {
    let times: &[i64] = match time.data_type() {
        DataType::Int64 => time.as_primitive::<Int64Type>().values(),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            time.as_primitive::<TimestampNanosecondType>().values()
        }
        _ => return None,
    };
    let mut contenders = vec![];
    for (_, run) in groups.runs() {
        let (first, end) = (run.start, run.end);
        if !rises(&times[run]) || contenders.len() * LONG > times.len() {
            return None;
        }
        let mut best = None;
        let mut consider = |row: &usize| {
            if !may_be_picked(*row) {
                return true;
            }
            let is_best = *best.get_or_insert(times[*row]) == times[*row];
            if is_best {
                contenders.push(*row as u32);
            }
            is_best
        };
        match is_first_best {
            true => (first..end).find(|row| !consider(row)),
            false => (first..end).rev().find(|row| !consider(row)),
        };
    }
    Some(contenders)
}

/// Whether times rise, as far as can be told from how far they are apart: not those before 1823 or after 2116.
fn rises(times: &[i64]) -> bool {
    // Without a way out of the loop and without comparisons, so that it is a few instructions for many values.
    let pairs = times.iter().zip(&times[1..]);
    let falls = pairs.fold(0, |falls, (time, next)| falls | next.wrapping_sub(*time));
    let is_far = times.iter().fold(0, |far, time| far | (time ^ (time << 1)));
    (falls | is_far) >= 0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn the_ends_of_runs_are_compared() {
        let times: Vec<i64> = (0..100).map(|row| row / 2).collect();
        let time: ArrayRef = Arc::new(Int64Array::from(times));
        let groups: Vec<usize> = (0..100).map(|row| row / 50).collect();
        let find = |is_first_best, may_be_picked: fn(usize) -> bool| {
            contenders(&time, is_first_best, Groups::of(&groups), may_be_picked)
        };
        assert_eq!(find(true, |_| true), Some(vec![0, 1, 50, 51]));
        assert_eq!(find(false, |_| true), Some(vec![49, 48, 99, 98]));
        let some = |row| row % 7 == 2 && row < 50;
        assert_eq!(find(true, some), Some(vec![2]));
        assert_eq!(find(false, some), Some(vec![44]));
    }

    #[test]
    fn all_rows_are_compared_where_times_fall_or_runs_are_short() {
        let mut times: Vec<i64> = (0..100).collect();
        let one = vec![0; 100];
        let short: Vec<usize> = (0..100).map(|row| row / 4).collect();
        let time: ArrayRef = Arc::new(Int64Array::from(times.clone()));
        let find = |time: &ArrayRef, groups: &[usize]| {
            contenders(time, true, Groups::of(groups), |_| true)
        };
        assert!(find(&time, &one).is_some());
        assert_eq!(find(&time, &short), None);
        times.swap(70, 71);
        let time: ArrayRef = Arc::new(Int64Array::from(times));
        assert_eq!(find(&time, &one), None);
    }

    #[test]
    fn times_rise_that_are_near_and_do() {
        const FAR: i64 = 1 << 62;
        for rising in [&[5][..], &[1, 1, 2], &[-3, 0, 9], &[-FAR, FAR - 1]] {
            assert!(rises(rising), "{rising:?}");
        }
        for other in [
            &[1, 2, 1][..],
            &[0, -1],
            &[FAR - 1, -FAR],
            &[i64::MAX, i64::MIN],
            &[i64::MIN, 0],
            &[0, FAR],
        ] {
            assert!(!rises(other), "{other:?}");
        }
    }
}
