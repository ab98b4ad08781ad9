//! A line by least squares over points that may come in any order, and its first passage of a threshold.
//!
//! The line is `v = v̄ + b·(t − t̄)`, so that it reaches the threshold `w` at `T = t̄ + (w − v̄)/b`. As the mean and the slope
//! are independent, the delta method gives `Var(T) = σ²/b² · (1/n + (T − t̄)²/Σ(t − t̄)²)`, with `σ²` from the residuals; bounds
//! are by Student's t with n − 2 degrees of freedom. They are about where the line is, not about how a single reading
//! scatters.
//!
//! | points                                          | remaining life                                     |
//! |-------------------------------------------------|----------------------------------------------------|
//! | fewer than three, or all at one time            | none                                               |
//! | the values do not vary, or not with the time    | none: the line never reaches a threshold           |
//! | the line leads away: it was there before the first point | none                                      |
//! | the line was there between the first and the last point  | 0                                         |
//!
//! An exponential trend is the line through the logarithms.

use crate::Summary;
use crate::statistics::special::student_quantile_above;
use crate::summary::defined;

/// The fewest points for a line whose error can be told.
const COUNT_MIN: u64 = 3;

/// A variance below this share of the mean, squared, is rounding noise.
const NOISE: f64 = 1e-15;

/// A correlation of times and values below this is rounding noise.
const UNRELATED: f64 = 1e-12;

/// A line that leaves less of the variance than this goes through all points.
const EXACT: f64 = 1e-14;

/// What a line needs to know of points: sums about their own means, which are kept as distances from the first point, so that
/// neither nanoseconds since 1970 nor an offset of 1e9 cost digits.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Line {
    count: u64,
    origin: i64,
    anchor: f64,
    /// The mean time, as a distance from the origin.
    time_mean: f64,
    /// The mean value, as a distance from the anchor.
    value_mean: f64,
    times: f64,
    values: f64,
    products: f64,
    first: i64,
    last: i64,
}

/// The remaining useful life by a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rul {
    /// From the last point to the threshold.
    pub rul: f64,
    /// The lower bound, not below zero.
    pub lower: f64,
    /// The upper bound, not below zero.
    pub upper: f64,
    /// The share of the variance that the line explains.
    pub r2: f64,
}

impl Line {
    /// When the line reaches the threshold, in units of so many ticks after the last point.
    pub fn time_to(&self, threshold: f64, unit: f64) -> Option<f64> {
        let passage = self.passage(threshold)?;
        defined(((passage - self.after_mean(self.last)) / unit).max(0.0))
    }

    /// The same with bounds at a confidence such as 0.95.
    pub fn first_passage(&self, threshold: f64, confidence: f64, unit: f64) -> Option<Rul> {
        let passage = self.passage(threshold)?;
        let (n, slope) = (self.count as f64, self.slope());
        let r2 = (slope * self.products / self.values).min(1.0);
        // What rounding leaves of an exact line is no doubt.
        let unexplained = Some(1.0 - r2).filter(|rest| *rest > EXACT).unwrap_or(0.0);
        let residual = self.values * unexplained / (n - 2.0);
        let variance = residual / (slope * slope) * (1.0 / n + passage * passage / self.times);
        let quantile = student_quantile_above((1.0 - confidence) / 2.0, n - 2.0);
        let margin = quantile * variance.sqrt();
        let rul = passage - self.after_mean(self.last);
        let ahead = |ticks: f64| defined((ticks / unit).max(0.0));
        Some(Rul {
            rul: ahead(rul)?,
            lower: ahead(rul - margin)?,
            upper: ahead(rul + margin)?,
            r2: defined(r2)?,
        })
    }

    /// When the line is at the threshold, in ticks after the mean time; not before the first point.
    fn passage(&self, threshold: f64) -> Option<f64> {
        let noise = NOISE * (self.anchor + self.value_mean);
        let is_constant = self.values <= self.count as f64 * noise * noise;
        let is_flat =
            is_constant || self.products.abs() <= UNRELATED * (self.times * self.values).sqrt();
        if self.count < COUNT_MIN || self.times <= 0.0 || is_flat {
            return None;
        }
        let passage = (threshold - self.anchor - self.value_mean) / self.slope();
        defined(passage).filter(|passage| *passage >= self.after_mean(self.first))
    }

    fn slope(&self) -> f64 {
        self.products / self.times
    }

    /// The distance of a time from the mean time.
    fn after_mean(&self, time: i64) -> f64 {
        ticks(self.origin, time) - self.time_mean
    }

    fn of_point(value: f64, time: i64) -> Self {
        Self {
            count: 1,
            origin: time,
            anchor: value,
            first: time,
            last: time,
            ..Self::default()
        }
    }
}

/// The ticks from one time to another, which may be earlier.
fn ticks(from: i64, to: i64) -> f64 {
    (i128::from(to) - i128::from(from)) as f64
}

/// A time as two numbers that a float holds exactly.
fn halves(time: i64) -> [f64; 2] {
    [(time >> 32) as f64, f64::from(time as u32)]
}

fn whole(high: f64, low: f64) -> i64 {
    ((high as i64) << 32) | (low as i64)
}

impl Summary<(f64, i64)> for Line {
    const PARTS: &'static [&'static str] = &[
        "count",
        "anchor",
        "time_mean",
        "value_mean",
        "times",
        "values",
        "products",
        "origin_high",
        "origin_low",
        "first_high",
        "first_low",
        "last_high",
        "last_low",
    ];

    fn push(&mut self, (value, time): (f64, i64)) {
        self.merge(&Self::of_point(value, time));
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let n = a + b;
        let time = ticks(self.origin, other.origin) + (other.time_mean - self.time_mean);
        let value = (other.anchor - self.anchor) + (other.value_mean - self.value_mean);
        let weight = a * b / n;
        self.times += other.times + time * time * weight;
        self.values += other.values + value * value * weight;
        self.products += other.products + time * value * weight;
        self.time_mean += time * b / n;
        self.value_mean += value * b / n;
        self.count += other.count;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    fn part(&self, index: usize) -> f64 {
        let ([origin_high, origin_low], [first_high, first_low], [last_high, last_low]) =
            (halves(self.origin), halves(self.first), halves(self.last));
        [
            self.count as f64,
            self.anchor,
            self.time_mean,
            self.value_mean,
            self.times,
            self.values,
            self.products,
            origin_high,
            origin_low,
            first_high,
            first_low,
            last_high,
            last_low,
        ][index]
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        Self {
            count: part(0) as u64,
            anchor: part(1),
            time_mean: part(2),
            value_mean: part(3),
            times: part(4),
            values: part(5),
            products: part(6),
            origin: whole(part(7), part(8)),
            first: whole(part(9), part(10)),
            last: whole(part(11), part(12)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::maintenance_golden::{close, number, series};
    use crate::summary::promises;

    fn line(values: &[f64]) -> Line {
        Line::of(values.iter().zip(0..).map(|(value, time)| (*value, time)))
    }

    #[test]
    fn first_passages_and_bounds_are_those_of_statsmodels() {
        let values = series("rul_values");
        let times = series("rul_times");
        let second = 1_000_000_000;
        for (offset, start, tolerance) in [
            (0.0, 0, 1e-9),
            (0.0, 1_767_225_600 * second, 1e-9),
            (1e9, 0, 1e-5),
        ] {
            let point =
                |(value, time): (&f64, &f64)| (value + offset, start + *time as i64 * second);
            let line = Line::of(values.iter().zip(&times).map(point));
            let rul = line.first_passage(20.0 + offset, 0.95, 1e9);
            let check = |field: &str, actual: fn(&Rul) -> f64| {
                let name = format!("rul_linear_{field}");
                close(rul.as_ref().map(actual), number(&name), tolerance, &name);
            };
            check("rul", |rul| rul.rul);
            check("lower", |rul| rul.lower);
            check("upper", |rul| rul.upper);
            check("r2", |rul| rul.r2);
        }
    }

    #[test]
    fn a_flat_trend_reaches_nothing() {
        let points = [
            (3.0, 5),
            (0.0, 8),
            (-2.0, 11),
            (3.0, 15),
            (3.0, 20),
            (0.0, 25),
        ];
        let start = 1_700_000_000_000_000_000;
        for (scale, start) in [(1, 0), (1_000_000_000, start)] {
            let line = Line::of(points.map(|(value, time)| (value, start + time * scale)));
            assert_eq!(line.time_to(9.0, 1.0), None);
            assert_eq!(line.first_passage(9.0, 0.95, 1.0), None);
        }
    }

    #[test]
    fn an_exact_line_has_no_doubt() {
        let check = |values: &[f64], threshold, expected: Option<f64>| {
            let rul = line(values).first_passage(threshold, 0.95, 1.0);
            let exact = rul.map(|rul| [rul.rul, rul.lower, rul.upper]);
            for (index, end) in exact.into_iter().flatten().enumerate() {
                close(
                    Some(end),
                    expected,
                    1e-6,
                    &format!("{values:?} {threshold} {index}"),
                );
            }
            assert_eq!(
                exact.is_some(),
                expected.is_some(),
                "{values:?} {threshold}"
            );
        };
        check(&[0.0, 1.0, 2.0, 3.0], 10.0, Some(7.0));
        check(&[3.0, 2.0, 1.0], 0.0, Some(1.0));
        check(&[0.0, 1.0, 2.0, 3.0], 1.5, Some(0.0));
        check(&[0.0, 1.0, 2.0, 3.0], -1.0, None);
        check(&[3.0, 2.0, 1.0], 10.0, None);
        check(&[5.0, 5.0, 5.0], 10.0, None);
        check(&[1e9, 1e9, 1e9], 0.0, None);
        check(&[0.0, 1.0], 10.0, None);
        check(&[], 10.0, None);
    }

    #[test]
    fn points_at_one_time_make_no_line() {
        let line = Line::of([(1.0, 5), (2.0, 5), (3.0, 5)]);
        assert_eq!(line.first_passage(10.0, 0.95, 1.0), None);
    }

    #[test]
    fn times_survive_storage() {
        for time in [
            0,
            -1,
            1,
            i64::MIN,
            i64::MAX,
            1_767_225_600_123_456_789,
            -(1 << 40) + 7,
        ] {
            let [high, low] = halves(time);
            assert_eq!(whole(high, low), time);
        }
    }

    #[test]
    fn any_order_and_any_window_give_the_same_line() {
        let slope = |line: &Line| {
            let is_line = line.count >= 3 && line.times > 1e-9;
            is_line.then(|| line.products / line.times.sqrt())
        };
        let times = prop_oneof![0..1000i64, Just(1_767_225_600_000_000_000i64)];
        promises::check_samples::<(f64, i64), Line>((-10.0..10.0f64, 0..1000i64), slope);
        promises::check_samples::<(f64, i64), Line>((-10.0..10.0f64, times), |line| {
            (line.count > 0).then_some((line.anchor + line.value_mean) + (line.last % 1000) as f64)
        });
    }
}
