//! Cubic splines with "not a knot" ends: the first two pieces are one cubic, and so are the last two. C. de Boor,
//! "A Practical Guide to Splines" (1978), chapter IV; what SciPy's `CubicSpline` does unless told otherwise.

use super::{Point, hermite};

/// A twice continuously differentiable curve through points.
///
/// Two points give a straight line, three a parabola. It takes 16 bytes and more for each point, and looks at
/// all of them: a changed point changes the curve everywhere, though less the farther away.
#[derive(Debug, Clone)]
pub struct Spline {
    points: Vec<Point>,
    slopes: Vec<f64>,
}

impl Spline {
    /// The curve through points of strictly growing positions; `None` for fewer than two.
    pub fn through(points: Vec<Point>) -> Option<Self> {
        let slopes = match points.as_slice() {
            [] | [_] => return None,
            [a, b] => vec![a.slope_to(*b); 2],
            [a, b, c] => parabola(*a, *b, *c),
            _ => not_a_knot(&points),
        };
        Some(Self { points, slopes })
    }

    /// The value at a position; `None` before the first point and after the last.
    pub fn at(&self, x: f64) -> Option<f64> {
        let (first, last) = (self.points.first()?, self.points.last()?);
        if x < first.x || x > last.x {
            return None;
        }
        let after = self.points.partition_point(|point| point.x <= x);
        let after = after.clamp(1, self.points.len() - 1);
        let (a, b) = (self.points[after - 1], self.points[after]);
        Some(hermite(a, b, self.slopes[after - 1], self.slopes[after], x))
    }
}

fn parabola(a: Point, b: Point, c: Point) -> Vec<f64> {
    let (left, right) = (a.slope_to(b), b.slope_to(c));
    let bend = (right - left) / (c.x - a.x);
    let (h_left, h_right) = (b.x - a.x, c.x - b.x);
    vec![
        left - bend * h_left,
        left + bend * h_left,
        right + bend * h_right,
    ]
}

/// The slopes at four or more points, from a tridiagonal system of equations.
fn not_a_knot(points: &[Point]) -> Vec<f64> {
    let n = points.len();
    let pairs = || points.windows(2);
    let h: Vec<f64> = pairs().map(|pair| pair[1].x - pair[0].x).collect();
    let m: Vec<f64> = pairs().map(|pair| pair[0].slope_to(pair[1])).collect();

    // Row by row, what is left of the equation `diagonal * s[i] + upper * s[i + 1] = right`.
    let span = points[2].x - points[0].x;
    let first_right = ((h[0] + 2.0 * span) * h[1] * m[0] + h[0] * h[0] * m[1]) / span;
    let mut rows = vec![(h[1], span, first_right)];
    for i in 1..n - 1 {
        let right = 3.0 * (h[i] * m[i - 1] + h[i - 1] * m[i]);
        let row = (2.0 * (h[i - 1] + h[i]), h[i - 1], right);
        rows.push(eliminated(rows[i - 1], h[i], row));
    }
    let span = points[n - 1].x - points[n - 3].x;
    let (near, far) = (h[n - 2], h[n - 3]);
    let right = (near * near * m[n - 3] + (2.0 * span + near) * far * m[n - 2]) / span;
    rows.push(eliminated(rows[n - 2], span, (far, 0.0, right)));

    let mut slopes = vec![0.0; n];
    let mut next = 0.0;
    for (slope, (diagonal, upper, right)) in slopes.iter_mut().zip(&rows).rev() {
        next = (right - upper * next) / diagonal;
        *slope = next;
    }
    slopes
}

/// A row without its entry left of the diagonal.
fn eliminated(above: (f64, f64, f64), lower: f64, row: (f64, f64, f64)) -> (f64, f64, f64) {
    let factor = lower / above.0;
    (row.0 - factor * above.1, row.1, row.2 - factor * above.2)
}
