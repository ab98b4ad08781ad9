//! [`lttb`]: largest triangle, three buckets; and [`minmax_lttb`], which looks at extremes only.
//!
//! Sveinn Steinarsson: "Downsampling Time Series for Visual Representation" (2013), section 4.2. First and last point stay;
//! the others are divided into n − 2 buckets of as many points each, and each keeps the point that spans the largest
//! triangle with the point kept before and the average of the next bucket.
//!
//! Jonas and Jeroen Van Der Donckt, Michael Rademaker, Sofie Van Hoecke: "MinMaxLTTB" (2023) takes four times as many
//! extremes first, which reads every value once instead of twice and looks the same.

use super::{distance, minmax};

/// Extremes that are looked at per point that is kept (section 4 of the paper).
const MINMAX_RATIO: usize = 4;

/// The fewest points that can be asked for: two ends and something between.
const COUNT_MIN: usize = 3;

/// The indices of at most `n` points (three at least) that span the largest triangles.
pub fn lttb(times: &[i64], values: &[f64], n: usize) -> Vec<usize> {
    let count = values.len();
    let n = n.max(COUNT_MIN);
    if count <= n {
        return (0..count).collect();
    }
    let start = times[0];
    let time = |index: usize| distance(start, times[index]);
    let width = (count - 2) as f64 / (n - 2) as f64;
    let bucket_start = |bucket: usize| (width * bucket as f64) as usize + 1;
    let mut kept = Vec::with_capacity(n);
    kept.push(0);
    let mut last = 0;
    for bucket in 0..n - 2 {
        let next = bucket_start(bucket + 1)..bucket_start(bucket + 2).min(count);
        let length = next.len() as f64;
        let mean_time = next.clone().map(time).sum::<f64>() / length;
        let mean_value = next.map(|index| values[index]).sum::<f64>() / length;
        let (last_time, last_value) = (time(last), values[last]);
        let area = |index: usize| {
            ((last_time - mean_time) * (values[index] - last_value)
                - (last_time - time(index)) * (mean_value - last_value))
                .abs()
        };
        let mut best = bucket_start(bucket);
        let mut best_area = area(best);
        for index in bucket_start(bucket) + 1..bucket_start(bucket + 1) {
            let area = area(index);
            if area > best_area {
                (best, best_area) = (index, area);
            }
        }
        kept.push(best);
        last = best;
    }
    kept.push(count - 1);
    kept
}

/// The indices of at most `n` points (three at least) that span the largest triangles among extremes.
pub fn minmax_lttb(times: &[i64], values: &[f64], n: usize) -> Vec<usize> {
    let count = values.len();
    let n = n.max(COUNT_MIN);
    if count <= n * MINMAX_RATIO {
        return lttb(times, values, n);
    }
    let inner = minmax(
        &times[1..count - 1],
        &values[1..count - 1],
        n * MINMAX_RATIO,
    );
    let inner = inner.into_iter().map(|index| index + 1);
    let candidates: Vec<usize> = std::iter::once(0).chain(inner).chain([count - 1]).collect();
    let times: Vec<i64> = candidates.iter().map(|index| times[*index]).collect();
    let values: Vec<f64> = candidates.iter().map(|index| values[*index]).collect();
    lttb(&times, &values, n)
        .into_iter()
        .map(|kept| candidates[kept])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_point_that_stands_out_of_its_bucket_is_kept() {
        let times: Vec<i64> = (0..10).collect();
        let values = [0.0, 0.0, 7.0, 0.0, 0.0, 0.0, -7.0, 0.0, 0.0, 0.0];
        assert_eq!(lttb(&times, &values, 4), [0, 2, 6, 9]);
        assert_eq!(minmax_lttb(&times, &values, 4), [0, 2, 6, 9]);
    }

    #[test]
    fn few_points_are_all_kept() {
        assert_eq!(lttb(&[], &[], 5), [0; 0]);
        assert_eq!(lttb(&[1, 2, 3], &[1.0, 2.0, 1.0], 3), [0, 1, 2]);
        assert_eq!(lttb(&[1, 2, 3, 4], &[1.0, 2.0, 9.0, 1.0], 3), [0, 2, 3]);
        assert_eq!(
            minmax_lttb(&[1, 1, 1, 1], &[1.0, 2.0, 9.0, 1.0], 0),
            [0, 1, 3]
        );
    }

    #[test]
    fn both_forms_keep_the_ends_and_as_many_points_as_asked_for() {
        let times: Vec<i64> = (0..5000).map(|i| i * i % 7 + i * 9).collect();
        let values: Vec<f64> = (0..5000).map(|i| f64::from(i * 7919 % 1009)).collect();
        for keep in [lttb, minmax_lttb] {
            let kept = keep(&times, &values, 100);
            assert_eq!((kept.len(), kept[0], kept[99]), (100, 0, 4999));
            assert!(kept.is_sorted_by(|a, b| a < b));
        }
    }
}
