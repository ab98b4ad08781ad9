//! The reference values are SciPy's; `golden.py` prints them.

use super::*;

const X: [f64; 6] = [0.0, 1.0, 2.5, 3.0, 7.0, 8.0];
const Y: [f64; 6] = [1.0, 3.0, 2.0, 2.0, -4.0, 10.0];

fn points(n: usize) -> Vec<Point> {
    X.iter()
        .zip(Y)
        .take(n)
        .map(|(&x, y)| Point { x, y })
        .collect()
}

/// The curve as its callers use it: with the points around.
fn pchip_through(points: &[Point], x: f64) -> f64 {
    let after = points.partition_point(|point| point.x <= x);
    let after = after.clamp(1, points.len() - 1);
    let previous = after.checked_sub(2).map(|at| points[at]);
    let next = points.get(after + 1).copied();
    pchip(previous, points[after - 1], points[after], next, x)
}

fn check(actual: f64, expected: f64) {
    let tolerance = 1e-12 * expected.abs().max(1.0);
    assert!(
        (actual - expected).abs() <= tolerance,
        "{actual} is not {expected}"
    );
}

#[test]
fn linear_is_a_straight_line() {
    let (a, b) = (Point { x: 1.0, y: 10.0 }, Point { x: 3.0, y: -10.0 });
    check(linear(a, b, 1.0), 10.0);
    check(linear(a, b, 1.5), 5.0);
    check(linear(a, b, 3.0), -10.0);
}

#[test]
fn pchip_is_as_in_scipy() {
    let check = |n: usize, expected: &[(f64, f64)]| {
        for &(x, y) in expected {
            check(pchip_through(&points(n), x), y);
        }
    };
    check(2, &[(0.25, 1.5), (0.5, 2.0)]);
    check(
        3,
        &[(0.25, 1.74375), (0.5, 2.3833333333333333), (1.75, 2.875)],
    );
    check(4, &[(0.25, 1.74375), (1.75, 2.5), (2.75, 2.0)]);
    check(
        6,
        &[(0.25, 1.74375), (0.5, 2.3833333333333333), (1.75, 2.5)],
    );
    check(6, &[(2.75, 2.0), (4.0, 1.0625), (6.5, -3.7421875)]);
    check(6, &[(7.5, 0.8624999999999998), (8.0, 10.0)]);
}

#[test]
fn splines_are_as_in_scipy() {
    let check = |n: usize, expected: &[(f64, f64)]| {
        let spline = Spline::through(points(n)).unwrap();
        for &(x, y) in expected {
            check(spline.at(x).unwrap(), y);
        }
    };
    check(2, &[(0.25, 1.5), (0.5, 2.0)]);
    check(3, &[(0.25, 1.7), (0.5, 2.2666666666666666), (1.75, 3.1)]);
    check(4, &[(0.25, 1.8968749999999999), (0.5, 2.5)]);
    check(4, &[(1.75, 2.640625), (2.75, 1.928125)]);
    check(6, &[(0.25, 1.956804906542056), (0.5, 2.5710280373831775)]);
    check(6, &[(1.75, 2.500788551401869), (2.75, 2.0457651869158875)]);
    check(6, &[(4.0, -0.8897196261682238), (6.5, -6.944626168224293)]);
    check(6, &[(7.5, 1.48341121495327), (8.0, 10.0)]);
}

#[test]
fn splines_end_with_their_points() {
    assert!(Spline::through(points(1)).is_none());
    assert!(Spline::through(Vec::new()).is_none());
    let spline = Spline::through(points(4)).unwrap();
    assert_eq!(spline.at(-0.1), None);
    assert_eq!(spline.at(3.1), None);
    check(spline.at(0.0).unwrap(), 1.0);
    check(spline.at(3.0).unwrap(), 2.0);
}
