//! Curves through known points: straight lines, monotone cubics and cubic splines.
//!
//! | curve      | through                | looks at                       | between                        |
//! |------------|------------------------|--------------------------------|--------------------------------|
//! | [`linear`] | the two points beside  | those two                      | never leaves their range       |
//! | [`pchip`]  | the two points beside  | one more on each side          | never leaves their range       |
//! | [`Spline`] | all points             | all of them                    | smooth, may overshoot          |
//!
//! Positions grow strictly from point to point; a curve is not continued beyond its first and last point.

mod pchip;
mod spline;

pub use pchip::pchip;
pub use spline::Spline;

/// A point that a curve goes through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Where, usually a time.
    pub x: f64,
    /// The value there.
    pub y: f64,
}

impl Point {
    /// The slope of the straight line to a later point.
    fn slope_to(self, later: Self) -> f64 {
        (later.y - self.y) / (later.x - self.x)
    }
}

/// The straight line through two points.
pub fn linear(before: Point, after: Point, x: f64) -> f64 {
    before.slope_to(after) * (x - before.x) + before.y
}

/// The whole number `part / of` of the way from one to another on the straight line between them, rounded
/// towards zero; `None` if it takes more than 128 bits to find out.
pub fn whole_between(before: i128, after: i128, part: i128, of: i128) -> Option<i128> {
    let from_before = before.checked_mul(of.checked_sub(part)?)?;
    let from_after = after.checked_mul(part)?;
    from_before.checked_add(from_after)?.checked_div(of)
}

/// The cubic between two points that has these slopes there.
fn hermite(before: Point, after: Point, slope_before: f64, slope_after: f64, x: f64) -> f64 {
    let h = after.x - before.x;
    let t = (x - before.x) / h;
    let (t2, t3) = (t * t, t * t * t);
    (2.0 * t3 - 3.0 * t2 + 1.0) * before.y
        + (t3 - 2.0 * t2 + t) * h * slope_before
        + (3.0 * t2 - 2.0 * t3) * after.y
        + (t3 - t2) * h * slope_after
}

#[cfg(test)]
mod tests;
