//! [`pla_segments`]: the fewest line segments that pass every point within ε.
//!
//! Joseph O'Rourke: "An on-line algorithm for fitting straight lines between data ranges", CACM 1981. Every point is a
//! vertical range; a segment grows while some line crosses all ranges. The lines that do lie between two extreme ones,
//! each of which touches the upper end of one range and the lower end of another; convex hulls of the ends tell which
//! when the extremes turn. Constant amortised time per point. Segments do not join: that is what makes them the fewest.
//!
//! ```text
//!   steepest line: lower end of an early range ╲ … ╱ upper end of a late one
//!   flattest line: upper end of an early range ╱ … ╲ lower end of a late one
//! ```

use super::distance;

/// A line over the points from `first` to `last`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// The index of its first point.
    pub first: usize,
    /// The index of its last point.
    pub last: usize,
    /// Its value at the first point's time.
    pub start_value: f64,
    /// Its value at the last point's time.
    pub end_value: f64,
}

/// The fewest segments whose distance to every point is at most `epsilon`. Times must rise strictly.
pub fn pla_segments(times: &[i64], values: &[f64], epsilon: f64) -> Vec<Segment> {
    let mut segments = vec![];
    let mut first = 0;
    let mut lines = Lines::default();
    for index in 0..values.len() {
        let x = distance(times[first], times[index]);
        if !lines.narrow(x, values[index], epsilon) {
            segments.push(lines.segment(times, first, index - 1));
            first = index;
            lines = Lines::default();
            lines.narrow(0.0, values[index], epsilon);
        }
    }
    if !values.is_empty() {
        segments.push(lines.segment(times, first, values.len() - 1));
    }
    segments
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Point {
    x: f64,
    y: f64,
}

/// Above 0 when the turn from a via b to c is to the left.
fn turn(a: Point, b: Point, c: Point) -> f64 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// Two points that a line passes, the earlier first.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    from: Point,
    to: Point,
}

impl Line {
    fn slope(&self) -> f64 {
        (self.to.y - self.from.y) / (self.to.x - self.from.x)
    }

    /// How far a point is above the line, but for a factor above 0.
    fn above(&self, point: Point) -> f64 {
        turn(self.from, self.to, point)
    }
}

/// All lines that cross the ranges so far.
#[derive(Debug, Default)]
struct Lines {
    count: usize,
    steepest: Line,
    flattest: Line,
    /// Hull of the upper ends, of which the part from `upper_start` can still be touched; it is convex from below.
    upper: Vec<Point>,
    upper_start: usize,
    /// Hull of the lower ends.
    lower: Vec<Point>,
    lower_start: usize,
}

impl Lines {
    /// Keeps the lines that also cross the range about `y`; `false`, and unchanged, when there is none.
    fn narrow(&mut self, x: f64, y: f64, epsilon: f64) -> bool {
        let (top, bottom) = (Point { x, y: y + epsilon }, Point { x, y: y - epsilon });
        match self.count {
            0 => {
                self.flattest.from = top;
                self.steepest.from = bottom;
            }
            1 => {
                self.flattest.to = bottom;
                self.steepest.to = top;
            }
            _ => {
                if self.flattest.above(top) < 0.0 || self.steepest.above(bottom) > 0.0 {
                    return false;
                }
                let turns_down = self.steepest.above(top) < 0.0;
                let turns_up = self.flattest.above(bottom) > 0.0;
                if turns_down {
                    self.lower_start = touching(&self.lower, self.lower_start, top, 1.0);
                    self.steepest = Line {
                        from: self.lower[self.lower_start],
                        to: top,
                    };
                }
                if turns_up {
                    self.upper_start = touching(&self.upper, self.upper_start, bottom, -1.0);
                    self.flattest = Line {
                        from: self.upper[self.upper_start],
                        to: bottom,
                    };
                }
                if turns_down {
                    add_to_hull(&mut self.upper, self.upper_start, top, 1.0);
                }
                if turns_up {
                    add_to_hull(&mut self.lower, self.lower_start, bottom, -1.0);
                }
                self.count += 1;
                return true;
            }
        }
        self.upper.push(top);
        self.lower.push(bottom);
        self.count += 1;
        true
    }

    /// The line half way between the extremes, over the points from `first` to `last`.
    fn segment(&self, times: &[i64], first: usize, last: usize) -> Segment {
        let end = distance(times[first], times[last]);
        let (start_value, end_value) = if self.count < 2 {
            let middle = self.flattest.from.y / 2.0 + self.steepest.from.y / 2.0;
            (middle, middle)
        } else {
            // At every x the middle of two lines that cross all ranges is in them too.
            let at = |line: &Line, x: f64| line.from.y + (x - line.from.x) * line.slope();
            let middle = |x: f64| at(&self.steepest, x) / 2.0 + at(&self.flattest, x) / 2.0;
            (middle(0.0), middle(end))
        };
        Segment {
            first,
            last,
            start_value,
            end_value,
        }
    }
}

/// The hull point, not before `start`, where a line through `end` touches; `side` 1 looks for the flattest such line.
fn touching(hull: &[Point], start: usize, end: Point, side: f64) -> usize {
    let mut best = start;
    for index in start + 1..hull.len() {
        if side * turn(hull[best], hull[index], end) > 0.0 {
            break;
        }
        best = index;
    }
    best
}

/// Adds a point, dropping those that it makes inner ones; `side` 1 keeps left turns.
fn add_to_hull(hull: &mut Vec<Point>, start: usize, point: Point, side: f64) {
    while hull.len() >= start + 2
        && side * turn(hull[hull.len() - 2], hull[hull.len() - 1], point) <= 0.0
    {
        hull.pop();
    }
    hull.push(point);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Expected: first and last index of every segment, and its values there.
    fn check(values: &[f64], epsilon: f64, expected: &[(usize, usize, f64, f64)]) {
        let times: Vec<i64> = (0..values.len() as i64).map(|i| i * 10).collect();
        let actual: Vec<_> = pla_segments(&times, values, epsilon)
            .iter()
            .map(|s| (s.first, s.last, s.start_value, s.end_value))
            .collect();
        assert_eq!(actual, expected, "{values:?}");
    }

    #[test]
    fn straight_parts_are_one_segment_each() {
        check(&[], 1.0, &[]);
        check(&[5.0], 1.0, &[(0, 0, 5.0, 5.0)]);
        check(&[5.0, 9.0], 0.0, &[(0, 1, 5.0, 9.0)]);
        check(
            &[0.0, 1.0, 2.0, 3.0, 3.0, 3.0],
            0.0,
            &[(0, 3, 0.0, 3.0), (4, 5, 3.0, 3.0)],
        );
        check(
            &[0.0, 0.0, 0.0, 9.0, 9.0, 9.0],
            0.5,
            &[(0, 2, 0.0, 0.0), (3, 5, 9.0, 9.0)],
        );
        check(&[0.0, 1.0, 0.0, 1.0, 0.0], 0.5, &[(0, 4, 0.5, 0.5)]);
    }

    /// Whether some line passes all points within ε: its slope must suit every pair of them (Helly, in one dimension).
    fn is_passable(points: &[(i64, f64)], epsilon: f64) -> bool {
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        for (i, (x, y)) in points.iter().enumerate() {
            for (later, value) in &points[i + 1..] {
                let step = (later - x) as f64;
                low = low.max((value - y - 2.0 * epsilon) / step);
                high = high.min((value - y + 2.0 * epsilon) / step);
            }
        }
        low <= high
    }

    proptest! {
        #[test]
        fn segments_are_within_epsilon_and_as_few_as_can_be(
            rows in prop::collection::vec((1..30_i64, -10.0..10.0f64), 1..120), epsilon in 0.1..6.0f64
        ) {
            let points: Vec<(i64, f64)> = rows.iter().scan(1_700_000_000, |t, (step, v)| { *t += step; Some((*t, *v)) }).collect();
            let times: Vec<i64> = points.iter().map(|p| p.0).collect();
            let values: Vec<f64> = points.iter().map(|p| p.1).collect();
            let segments = pla_segments(&times, &values, epsilon);
            let mut next = 0;
            for segment in &segments {
                prop_assert_eq!(segment.first, next);
                next = segment.last + 1;
                for index in segment.first..=segment.last {
                    let span = distance(times[segment.first], times[segment.last]).max(1.0);
                    let share = distance(times[segment.first], times[index]) / span;
                    let line = segment.start_value + share * (segment.end_value - segment.start_value);
                    prop_assert!((line - values[index]).abs() <= epsilon + 1e-9);
                }
                // One more point would have been too many, give or take what rounding decides.
                if next < points.len() {
                    prop_assert!(!is_passable(&points[segment.first..=next], epsilon - 1e-9));
                }
            }
            prop_assert_eq!(next, points.len());
        }
    }
}
