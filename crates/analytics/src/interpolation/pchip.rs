//! Piecewise cubic interpolation that keeps the data's shape: F. N. Fritsch, J. Butland, "A method for
//! constructing local monotone piecewise cubic interpolants", SIAM J. Sci. Stat. Comput. 5 (1984). The slopes at
//! the ends are the three-point ones of C. Moler, "Numerical Computing with MATLAB" (2004), §3.6, as SciPy's
//! `PchipInterpolator` has them.

use super::{Point, hermite, linear};

/// The curve between `before` and `after`, given the points next to them; there is none at the ends.
pub fn pchip(
    previous: Option<Point>,
    before: Point,
    after: Point,
    next: Option<Point>,
    x: f64,
) -> f64 {
    let slope_before = match (previous, next) {
        (Some(previous), _) => inner(previous, before, after),
        (None, Some(next)) => {
            let (near, far) = (before.slope_to(after), after.slope_to(next));
            edge(after.x - before.x, next.x - after.x, near, far)
        }
        (None, None) => return linear(before, after, x),
    };
    let slope_after = match (next, previous) {
        (Some(next), _) => inner(before, after, next),
        (None, Some(previous)) => {
            let (near, far) = (before.slope_to(after), previous.slope_to(before));
            edge(after.x - before.x, before.x - previous.x, near, far)
        }
        (None, None) => return linear(before, after, x),
    };
    hermite(before, after, slope_before, slope_after, x)
}

/// The slope at the middle one of three points: a weighted harmonic mean, zero at a turning point.
fn inner(a: Point, b: Point, c: Point) -> f64 {
    let (left, right) = (a.slope_to(b), b.slope_to(c));
    if left * right <= 0.0 {
        return 0.0;
    }
    let (h_left, h_right) = (b.x - a.x, c.x - b.x);
    let (w_left, w_right) = (2.0 * h_right + h_left, h_right + 2.0 * h_left);
    (w_left + w_right) / (w_left / left + w_right / right)
}

/// The slope at an end, from the lengths and slopes of the two intervals next to it.
fn edge(h_near: f64, h_far: f64, near: f64, far: f64) -> f64 {
    let slope = ((2.0 * h_near + h_far) * near - h_near * far) / (h_near + h_far);
    if slope * near <= 0.0 {
        0.0
    } else if near * far <= 0.0 && slope.abs() > 3.0 * near.abs() {
        3.0 * near
    } else {
        slope
    }
}
