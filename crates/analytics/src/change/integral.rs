//! Integrals over time: the area under a signal, its mean weighted by time, its energy.
//!
//! | rule              | the signal between two points          | area of a step `Δt` from `a` to `b` | as                           |
//! |-------------------|----------------------------------------|--------------------------------------|------------------------------|
//! | [`Trapezoid`]     | a straight line                        | `(a + b) / 2 · Δt`                   | `scipy.integrate.trapezoid`, InfluxQL's `INTEGRAL` |
//! | [`Step`]          | the earlier value, until the later one | `a · Δt`                             | a meter that reports changes |
//! | [`SquaredStep`]   | the earlier value, squared             | `a² · Δt`                            | the energy of samples        |
//!
//! Of points at one time, the last goes on. Sums are compensated (Neumaier 1974), so that an
//! integral of ten million points is as good as one of ten.

use std::marker::PhantomData;

use super::Stretch;
use crate::Running;
use crate::running::ticks_between;
use crate::summary::defined;

/// What a signal is taken for between two points.
pub trait Rule: Copy + std::fmt::Debug + Send + Sync + 'static {
    /// The mean height between two neighbouring values.
    fn height(earlier: f64, later: f64) -> f64;
}

/// A straight line between two points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trapezoid;

impl Rule for Trapezoid {
    fn height(earlier: f64, later: f64) -> f64 {
        earlier / 2.0 + later / 2.0
    }
}

/// The earlier value until the later one comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step;

impl Rule for Step {
    fn height(earlier: f64, _later: f64) -> f64 {
        earlier
    }
}

/// The square of the earlier value until the later one comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SquaredStep;

impl Rule for SquaredStep {
    fn height(earlier: f64, _later: f64) -> f64 {
        earlier * earlier
    }
}

/// A sum and what rounding took from it (Neumaier 1974).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, term: f64) {
        let total = self.total + term;
        self.lost += if self.total.abs() >= term.abs() {
            (self.total - total) + term
        } else {
            (term - total) + self.total
        };
        self.total = total;
    }

    fn join(&mut self, other: &Self) {
        self.add(other.total);
        self.lost += other.lost;
    }

    fn value(&self) -> f64 {
        self.total + self.lost
    }
}

/// The integral over a stretch of points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Integral<R> {
    first: (f64, i64),
    last: (f64, i64),
    is_one_point: bool,
    area: Sum,
    rule: PhantomData<R>,
}

/// The area under straight lines between the points.
pub type TrapezoidIntegral = Integral<Trapezoid>;
/// The area under values that hold until the next.
pub type StepIntegral = Integral<Step>;
/// The area under squares of values that hold until the next.
pub type Energy = Integral<SquaredStep>;

impl<R: Rule> Integral<R> {
    /// The area, in units of the value times `unit` ticks; `None` below two points.
    pub fn area(&self, unit: f64) -> Option<f64> {
        if self.is_one_point {
            return None;
        }
        defined(self.area.value() / unit)
    }

    /// The mean height over time; `None` when there is no time between the points.
    pub fn mean(&self) -> Option<f64> {
        self.area(ticks_between(self.first.1, self.last.1))
    }
}

impl<R: Rule> Stretch for Integral<R> {
    type Settings = ();

    fn of(value: f64, time: i64, (): ()) -> Self {
        Self {
            first: (value, time),
            last: (value, time),
            is_one_point: true,
            area: Sum::default(),
            rule: PhantomData,
        }
    }

    fn join(&mut self, later: &Self) {
        self.area.add(area::<R>(self.last, later.first));
        self.area.join(&later.area);
        self.last = later.last;
        self.is_one_point = false;
    }
}

fn area<R: Rule>(from: (f64, i64), to: (f64, i64)) -> f64 {
    R::height(from.0, to.0) * ticks_between(from.1, to.1)
}

/// The area under a signal up to each point: 0 at the first, and unchanged where the value is missing.
#[derive(Debug, Clone)]
pub struct CumulativeIntegral {
    unit: f64,
    so_far: Option<TrapezoidIntegral>,
}

impl CumulativeIntegral {
    /// The area in units of the value times `unit` ticks.
    pub fn new(unit: f64) -> Self {
        Self { unit, so_far: None }
    }
}

impl Running for CumulativeIntegral {
    type Output = f64;

    fn push(&mut self, value: f64, time: i64) -> Option<f64> {
        let point = TrapezoidIntegral::of(value, time, ());
        match &mut self.so_far {
            Some(so_far) => so_far.join(&point),
            None => self.so_far = Some(point),
        }
        self.missing(time)
    }

    fn missing(&mut self, _time: i64) -> Option<f64> {
        defined(self.so_far?.area.value() / self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::super::stretch::promises;
    use super::*;
    use crate::running::testing::{assert_close, run};

    const SERIES: [(f64, i64); 5] = [(1.0, 0), (3.0, 2), (-2.0, 3), (4.0, 7), (0.5, 8)];

    /// Expected: areas per 2 ticks of trapezoids, steps and squared steps, then the means of the first two.
    fn check(points: &[(f64, i64)], expected: [Option<f64>; 5]) {
        let lines = TrapezoidIntegral::over(points.iter().copied(), ());
        let steps = StepIntegral::over(points.iter().copied(), ());
        let energy = Energy::over(points.iter().copied(), ());
        let actual = [
            lines.and_then(|i| i.area(2.0)),
            steps.and_then(|i| i.area(2.0)),
            energy.and_then(|i| i.area(2.0)),
            lines.and_then(|i| i.mean()),
            steps.and_then(|i| i.mean()),
        ];
        assert_close(&actual, &expected);
    }

    // Expected: scipy 1.17.1 trapezoid, and numpy 2.4.6 sums of x[:-1] * diff(t) and x[:-1]**2 * diff(t).
    #[test]
    fn areas_and_means_are_those_of_the_rules() {
        check(&SERIES, [5.375, 0.5, 21.5, 1.34375, 0.125].map(Some));
    }

    #[test]
    fn one_point_has_no_area_and_one_time_no_mean() {
        check(&[], [None; 5]);
        check(&[(5.0, 1)], [None; 5]);
        check(
            &[(5.0, 1), (7.0, 1)],
            [Some(0.0), Some(0.0), Some(0.0), None, None],
        );
    }

    #[test]
    fn the_last_of_one_time_goes_on() {
        check(
            &[(5.0, 0), (7.0, 0), (9.0, 2)],
            [Some(8.0), Some(7.0), Some(49.0), Some(8.0), Some(7.0)],
        );
    }

    #[test]
    fn an_overflow_is_not_defined() {
        check(&[(1e308, 0), (1e308, 1 << 40)], [None; 5]);
    }

    #[test]
    fn small_areas_are_not_lost_beside_a_large_one() {
        let small = (1..=1_000_000).map(|time| (0.1, time + 1_000));
        let points = std::iter::once((1e16, 0))
            .chain([(0.1, 1_000)])
            .chain(small);
        let area = StepIntegral::over(points, ()).unwrap().area(1.0).unwrap();
        assert_eq!(area, 1e19 + 100_000.0);
    }

    #[test]
    fn stretches_join_and_slide() {
        promises::check::<TrapezoidIntegral>(|integral| integral.area(3.0));
        promises::check::<StepIntegral>(|integral| integral.area(3.0));
        promises::check::<StepIntegral>(Integral::mean);
    }

    // Expected: scipy 1.17.1, cumulative_trapezoid(initial=0).
    #[test]
    fn a_running_area_begins_at_zero_and_stays_over_gaps() {
        let series = [(0, f64::NAN), (1, 1.0), (3, 3.0), (4, f64::NAN), (6, -1.0)];
        assert_close(
            &run(CumulativeIntegral::new(2.0), &series),
            &[None, Some(0.0), Some(2.0), Some(2.0), Some(3.5)],
        );
    }
}
