//! [`swinging_door`]: the points that a historian archives.
//!
//! E. H. Bristol: "Swinging Door Trending: Adaptive Trend Recording?", ISA 1990, in the form that keeps its promise: from
//! the last archived point, every later point leaves a range of slopes whose line passes it within ε. A point whose own
//! slope is in the range so far may end the line; the first whose slope is not makes the one before it be archived. So
//! every point that is left out lies within ε of the line between its archived neighbours. (Comparing only whether any
//! slope is left, as the doors of the original do, lets points be 2ε away.)

use super::distance;

/// The indices of the points to keep, first and last among them. Times must rise strictly.
pub fn swinging_door(times: &[i64], values: &[f64], epsilon: f64) -> Vec<usize> {
    let mut kept = vec![];
    if values.is_empty() {
        return kept;
    }
    kept.push(0);
    let (mut pivot, mut lowest, mut highest) = (0, f64::NEG_INFINITY, f64::INFINITY);
    for index in 1..values.len() {
        let slope = |pivot: usize, shift: f64| {
            (values[index] - values[pivot] + shift) / distance(times[pivot], times[index])
        };
        if !(lowest..=highest).contains(&slope(pivot, 0.0)) {
            pivot = index - 1;
            kept.push(pivot);
            (lowest, highest) = (f64::NEG_INFINITY, f64::INFINITY);
        }
        lowest = lowest.max(slope(pivot, -epsilon));
        highest = highest.min(slope(pivot, epsilon));
    }
    if values.len() > 1 {
        kept.push(values.len() - 1);
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(values: &[f64], epsilon: f64, expected: &[usize]) {
        let times: Vec<i64> = (0..values.len() as i64).collect();
        assert_eq!(
            swinging_door(&times, values, epsilon),
            expected,
            "{values:?}"
        );
    }

    #[test]
    fn what_lies_on_a_line_is_left_out() {
        check(&[], 1.0, &[]);
        check(&[5.0], 1.0, &[0]);
        check(&[5.0, 9.0], 1.0, &[0, 1]);
        check(&[0.0, 1.0, 2.0, 3.0, 4.0], 0.0, &[0, 4]);
        check(&[0.0, 0.4, -0.1, 0.2, 0.0], 0.5, &[0, 4]);
        check(&[0.0, 1.0, 2.0, 1.0, 0.0], 0.1, &[0, 2, 4]);
        check(&[0.0, 0.0, 0.0, 9.0, 9.0, 9.0], 0.5, &[0, 2, 3, 5]);
    }

    proptest! {
        #[test]
        fn every_point_is_within_epsilon_of_the_lines(
            rows in prop::collection::vec((1..50_i64, -10.0..10.0f64), 1..200), epsilon in 0.0..4.0f64
        ) {
            let times: Vec<i64> = rows.iter().scan(1_700_000_000_000_000_000, |t, (step, _)| { *t += step * 1_000_000; Some(*t) }).collect();
            let values: Vec<f64> = rows.iter().map(|row| row.1).collect();
            let kept = swinging_door(&times, &values, epsilon);
            for ends in kept.windows(2) {
                let (a, b) = (ends[0], ends[1]);
                for index in a..=b {
                    let share = distance(times[a], times[index]) / distance(times[a], times[b]);
                    let line = values[a] + share * (values[b] - values[a]);
                    prop_assert!((line - values[index]).abs() <= epsilon + 1e-9);
                }
            }
        }
    }
}
