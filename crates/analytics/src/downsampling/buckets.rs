//! [`minmax`] and [`m4`]: the extremes of equal stretches of time.
//!
//! M4 (Jugel, Jerzak, Hackenbroich, Markl: "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014) draws the
//! same pixels as all points when there is one stretch per column of pixels. A stretch includes its start and excludes its
//! end, except that the last includes both. One that holds as few points as may be kept keeps all of them.

use std::ops::Range;

use super::distance;

/// The indices of smallest and largest value of `n / 2` equal stretches of time.
pub fn minmax(times: &[i64], values: &[f64], n: usize) -> Vec<usize> {
    keep(times, values, n, 2, |range| {
        let (min, max) = extremes(values, range);
        [min, max, min, max]
    })
}

/// The indices of first, smallest, largest and last value of `n / 4` equal stretches of time.
pub fn m4(times: &[i64], values: &[f64], n: usize) -> Vec<usize> {
    keep(times, values, n, 4, |range| {
        let (min, max) = extremes(values, range.clone());
        [range.start, min, max, range.end - 1]
    })
}

/// The chosen indices of every stretch, in order and once. Everything when there is no more than that.
fn keep(
    times: &[i64],
    values: &[f64],
    n: usize,
    per_bucket: usize,
    choose: impl Fn(Range<usize>) -> [usize; 4],
) -> Vec<usize> {
    if values.len() <= n {
        return (0..values.len()).collect();
    }
    let mut kept = Vec::with_capacity(n);
    for range in stretches(times, n / per_bucket) {
        if range.len() <= per_bucket {
            kept.extend(range);
            continue;
        }
        let mut chosen = choose(range);
        chosen.sort_unstable();
        for index in chosen {
            if kept.last() != Some(&index) {
                kept.push(index);
            }
        }
    }
    kept
}

/// The indices of the points in each of `count` equal stretches of time; empty stretches are left out.
fn stretches(times: &[i64], count: usize) -> Vec<Range<usize>> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return vec![];
    };
    let span = distance(*first, *last);
    // All at one time: there is nothing to divide.
    let of = |time: i64| match span {
        0.0 => 0,
        _ => ((distance(*first, time) / span * count as f64) as usize).min(count - 1),
    };
    let mut stretches = Vec::with_capacity(count);
    let mut start = 0;
    while start < times.len() {
        let stretch = of(times[start]);
        let end = start + times[start..].partition_point(|time| of(*time) == stretch);
        stretches.push(start..end);
        start = end;
    }
    stretches
}

/// The indices of the first smallest and the first largest value.
fn extremes(values: &[f64], range: Range<usize>) -> (usize, usize) {
    let (mut min, mut max) = (range.start, range.start);
    for index in range {
        if values[index] < values[min] {
            min = index;
        }
        if values[index] > values[max] {
            max = index;
        }
    }
    (min, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(actual: Vec<usize>, expected: &[usize]) {
        assert_eq!(actual, expected);
    }

    #[test]
    fn each_stretch_keeps_its_extremes_in_order_of_time() {
        let times: Vec<i64> = (0..12).collect();
        let values = [5.0, 9.0, 1.0, 4.0, 3.0, 3.0, 8.0, 2.0, 0.0, 0.0, 0.0, 0.0];
        // The stretches are 0..5.5 and 5.5..=11.
        check(minmax(&times, &values, 4), &[1, 2, 6, 8]);
        check(m4(&times, &values, 8), &[0, 1, 2, 5, 6, 8, 11]);
    }

    #[test]
    fn few_points_are_all_kept() {
        check(minmax(&[], &[], 4), &[]);
        check(m4(&[1, 2, 3], &[1.0, 2.0, 3.0], 4), &[0, 1, 2]);
        // The second stretch has two points, the last three.
        let times = [0, 1, 2, 3, 4, 20, 22, 38, 39, 40];
        let values = [0.0, 1.0, 5.0, -5.0, 2.0, 1.0, 2.0, 3.0, 9.0, 4.0];
        check(minmax(&times, &values, 8), &[2, 3, 5, 6, 7, 8]);
    }

    #[test]
    fn equal_times_and_extreme_times_are_one_stretch_or_two() {
        check(minmax(&[7; 5], &[3.0, 1.0, 2.0, 9.0, 4.0], 4), &[1, 3]);
        let times = [i64::MIN, i64::MIN + 1, i64::MIN + 2, i64::MAX - 1, i64::MAX];
        check(minmax(&times, &[2.0, 1.0, 3.0, 5.0, 4.0], 4), &[1, 2, 3, 4]);
    }
}
