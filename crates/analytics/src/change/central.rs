//! The derivative from both neighbours of each point, of second order of accuracy on uneven steps.
//!
//! With the steps `h` to the point before and `k` to the point after, the derivative at a point between is
//! `(h²·f₊ + (k² − h²)·f − k²·f₋) / (h·k·(h + k))` (Quarteroni, Sacco, Saleri: Numerical Mathematics, 2007, section 10.10),
//! as `numpy.gradient` has it; at either end it is the slope to the only neighbour.
//!
//! | points                                | derivative                                              |
//! |---------------------------------------|---------------------------------------------------------|
//! | fewer than two of different times     | none                                                    |
//! | at the same time as the one before it | none, and it is passed over: the first of a time counts |

use crate::running::ticks_between;
use crate::summary::defined;

/// The derivative per `unit` ticks at each of `points`, value and time, whose times never fall.
pub fn central_derivative(points: &[(f64, i64)], unit: f64) -> Vec<Option<f64>> {
    let is_first_of_time = |row: &usize| *row == 0 || points[row - 1].1 != points[*row].1;
    let rows: Vec<usize> = (0..points.len()).filter(is_first_of_time).collect();
    let mut derivatives = vec![None; points.len()];
    for (place, &row) in rows.iter().enumerate() {
        let neighbour = |place: Option<usize>| place.and_then(|p| rows.get(p)).map(|r| points[*r]);
        let before = neighbour(place.checked_sub(1));
        let after = neighbour(place.checked_add(1));
        derivatives[row] =
            at(before, points[row], after).and_then(|per_tick| defined(per_tick * unit));
    }
    derivatives
}

type Point = (f64, i64);

fn at(before: Option<Point>, here: Point, after: Option<Point>) -> Option<f64> {
    match (before, after) {
        (Some(before), Some(after)) => {
            let h = ticks_between(before.1, here.1);
            let k = ticks_between(here.1, after.1);
            // The mean of the slopes on either side, each weighted by the other side's step: the formula above, rearranged
            // so that the squares of long steps cannot overflow.
            let weight = k / (h + k);
            Some(slope(before, here) * weight + slope(here, after) * (1.0 - weight))
        }
        (Some(before), None) => Some(slope(before, here)),
        (None, Some(after)) => Some(slope(here, after)),
        (None, None) => None,
    }
}

fn slope(from: Point, to: Point) -> f64 {
    (to.0 - from.0) / ticks_between(from.1, to.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::testing::assert_close;

    fn check(points: &[(f64, i64)], unit: f64, expected: &[Option<f64>]) {
        assert_close(&central_derivative(points, unit), expected);
    }

    // Expected: numpy 2.4.6, numpy.gradient([1, 2, 4, 7, 11, 16], [0, 1, 1.5, 3.5, 4, 6]).
    #[test]
    fn uneven_steps_are_weighted_as_numpy_does() {
        let values = [1.0, 2.0, 4.0, 7.0, 11.0, 16.0];
        let times = [0, 2, 3, 7, 8, 12];
        let points: Vec<_> = values.into_iter().zip(times).collect();
        let expected = [1.0, 3.0, 3.5, 6.7, 6.9, 2.5].map(Some);
        check(&points, 2.0, &expected);
    }

    #[test]
    fn a_parabola_is_differentiated_exactly_between_its_ends() {
        let points = [-3_i64, 0, 1, 5, 6].map(|t| ((t * t) as f64, t));
        let inner = [0.0, 2.0, 10.0].map(Some);
        check(
            &points,
            1.0,
            &[&[Some(-3.0)], &inner[..], &[Some(11.0)]].concat(),
        );
    }

    #[test]
    fn one_time_has_one_derivative() {
        check(&[], 1.0, &[]);
        check(&[(1.0, 5)], 1.0, &[None]);
        check(&[(1.0, 5), (2.0, 5)], 1.0, &[None, None]);
        check(
            &[(1.0, 5), (9.0, 5), (3.0, 7)],
            1.0,
            &[Some(1.0), None, Some(1.0)],
        );
    }

    #[test]
    fn an_overflow_is_not_defined() {
        check(&[(f64::MAX, 0), (-f64::MAX, 1)], 1.0, &[None, None]);
    }
}
