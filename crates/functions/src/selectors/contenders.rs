//! Which rows can be the best of their groups where groups come in runs of rows whose times rise: the first or the last of each run,
//! and those of the same time.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampNanosecondType};

use crate::runs::Groups;

/// Runs that are shorter on average are not worth looking for.
const LONG: usize = 16;

/// The rows to compare, in order. `None` where all of them have to be: where times do not rise, or runs are short.
pub(super) fn contenders(
    time: &ArrayRef,
    is_first_best: bool,
    groups: Groups,
    rows: Option<&NullBuffer>,
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
            if rows.is_some_and(|rows| rows.is_null(*row)) {
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

/// Without a way out of the loop, so that it is a few instructions for many values.
fn rises(times: &[i64]) -> bool {
    let pairs = times.iter().zip(&times[1..]);
    pairs.fold(true, |rises, (time, next)| rises & (time <= next))
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
        let find = |is_first_best, rows: Option<&NullBuffer>| {
            contenders(&time, is_first_best, Groups::of(&groups), rows)
        };
        assert_eq!(find(true, None), Some(vec![0, 1, 50, 51]));
        assert_eq!(find(false, None), Some(vec![49, 48, 99, 98]));
        let rows = NullBuffer::from_iter((0..100).map(|row| row % 7 == 2 && row < 50));
        assert_eq!(find(true, Some(&rows)), Some(vec![2]));
        assert_eq!(find(false, Some(&rows)), Some(vec![44]));
    }

    #[test]
    fn all_rows_are_compared_where_times_fall_or_runs_are_short() {
        let mut times: Vec<i64> = (0..100).collect();
        let one = vec![0; 100];
        let short: Vec<usize> = (0..100).map(|row| row / 4).collect();
        let time: ArrayRef = Arc::new(Int64Array::from(times.clone()));
        assert!(contenders(&time, true, Groups::of(&one), None).is_some());
        assert_eq!(contenders(&time, true, Groups::of(&short), None), None);
        times.swap(70, 71);
        let time: ArrayRef = Arc::new(Int64Array::from(times));
        assert_eq!(contenders(&time, true, Groups::of(&one), None), None);
    }
}
