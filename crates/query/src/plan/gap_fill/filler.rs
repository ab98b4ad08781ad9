//! What one filled column knows of the values around a gap.

use std::collections::VecDeque;

use analytics::interpolation::{Point, Spline, linear, pchip, whole_between};

use super::functions::Fill;

/// A value that lines and curves go through, or that is on one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Float(f64),
    Whole(i128),
}

impl Number {
    pub(super) fn as_float(self) -> f64 {
        match self {
            Self::Float(value) => value,
            Self::Whole(value) => value as f64,
        }
    }

    /// The nearest whole number.
    pub(super) fn as_whole(self) -> i128 {
        match self {
            Self::Float(value) => value.round() as i128,
            Self::Whole(value) => value,
        }
    }
}

/// A value that is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Knot {
    pub(super) time: i64,
    /// The number of the row that has it.
    pub(super) row: u64,
    /// The value, for curves.
    pub(super) value: Number,
}

/// What stands in one row of a filled column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Slot {
    Null,
    /// The value that this row has.
    Row(u64),
    Computed(Number),
    Constant,
}

/// Fills the gaps of one column, group by group, in the order of time.
#[derive(Debug)]
pub(super) struct Filler {
    fill: Fill,
    /// The longest gap to fill, in nanoseconds.
    gap_max: u64,
    /// The one before those in `knots`.
    previous: Option<Knot>,
    /// From the last one that is not later than what was filled last.
    knots: VecDeque<Knot>,
    spline: Option<(i64, Spline)>,
}

impl Filler {
    pub(super) fn new(fill: Fill, gap_max: u64) -> Self {
        Self {
            fill,
            gap_max,
            previous: None,
            knots: VecDeque::new(),
            spline: None,
        }
    }

    pub(super) fn begin_group(&mut self) {
        self.previous = None;
        self.knots.clear();
        self.spline = None;
    }

    /// Takes a value of the group, later than those before.
    pub(super) fn observe(&mut self, knot: Knot) {
        let is_used = match self.is_curve() {
            true => knot.value.as_float().is_finite(),
            false => self.fill != Fill::Constant,
        };
        if is_used {
            self.knots.push_back(knot);
        }
    }

    /// All values of the group have been seen.
    pub(super) fn end_group(&mut self) {
        if let (Fill::Spline, Some(first)) = (self.fill, self.knots.front()) {
            let origin = first.time;
            let points = self.knots.iter().map(|knot| point(*knot, origin)).collect();
            self.spline = Spline::through(points).map(|spline| (origin, spline));
        }
    }

    /// What is filled up to this time does not depend on values later than `seen_until`; `None` if
    /// nothing can be filled yet.
    pub(super) fn known_until(&self, seen_until: i64) -> Option<i64> {
        match self.fill {
            Fill::Previous | Fill::Constant => Some(seen_until),
            Fill::Next | Fill::Nearest | Fill::Linear => self.knots.back().map(|knot| knot.time),
            Fill::Pchip => {
                let second_last = self.knots.len().checked_sub(2)?;
                self.knots.get(second_last).map(|knot| knot.time)
            }
            Fill::Spline => None,
        }
    }

    /// Fills the gap at a time, not before one that was asked for earlier.
    pub(super) fn at(&mut self, time: i64) -> Slot {
        while self.knots.get(1).is_some_and(|knot| knot.time <= time) {
            self.previous = self.knots.pop_front();
        }
        let is_before = self.knots.front().is_some_and(|knot| knot.time <= time);
        let before = self.knots.front().copied().filter(|_| is_before);
        let after = self.knots.get(usize::from(is_before)).copied();
        match self.fill {
            Fill::Constant => Slot::Constant,
            Fill::Previous => self.near(before, time),
            Fill::Next => self.near(after, time),
            Fill::Nearest => self.near(nearest(before, after, time), time),
            Fill::Linear | Fill::Pchip | Fill::Spline => match (before, after) {
                (Some(before), Some(after)) => self.between(before, after, time),
                _ => Slot::Null,
            },
        }
    }

    /// The rows whose values may be asked for again.
    pub(super) fn needed_rows(&self) -> impl Iterator<Item = u64> {
        let needs_rows = !self.is_curve();
        let knots = self.knots.iter().filter(move |_| needs_rows);
        knots.map(|knot| knot.row)
    }

    /// Computes values instead of repeating them.
    pub(super) fn is_curve(&self) -> bool {
        matches!(self.fill, Fill::Linear | Fill::Pchip | Fill::Spline)
    }

    fn near(&self, knot: Option<Knot>, time: i64) -> Slot {
        match knot {
            Some(knot) if knot.time.abs_diff(time) <= self.gap_max => Slot::Row(knot.row),
            _ => Slot::Null,
        }
    }

    fn between(&self, before: Knot, after: Knot, time: i64) -> Slot {
        if after.time.abs_diff(before.time) > self.gap_max {
            return Slot::Null;
        }
        let origin = before.time;
        let at = |knot| point(knot, origin);
        let x = distance(origin, time);
        if let (Fill::Linear, Number::Whole(from), Number::Whole(to)) =
            (self.fill, before.value, after.value)
        {
            let passed = |until: i64| i128::from(until) - i128::from(origin);
            let between = whole_between(from, to, passed(time), passed(after.time));
            if let Some(value) = between {
                return Slot::Computed(Number::Whole(value));
            }
        }
        let value = match (self.fill, &self.spline) {
            (Fill::Pchip, _) => {
                let (previous, next) = (self.previous.map(at), self.knots.get(2).copied().map(at));
                pchip(previous, at(before), at(after), next, x)
            }
            (Fill::Spline, Some((origin, spline))) => match spline.at(distance(*origin, time)) {
                Some(value) => value,
                None => return Slot::Null,
            },
            _ => linear(at(before), at(after), x),
        };
        Slot::Computed(Number::Float(value))
    }
}

fn nearest(before: Option<Knot>, after: Option<Knot>, time: i64) -> Option<Knot> {
    let distance = |knot: &Knot| knot.time.abs_diff(time);
    // The first of those that are as near.
    [before, after].into_iter().flatten().min_by_key(distance)
}

/// Positions are relative, so that they are exact as floats.
fn point(knot: Knot, origin: i64) -> Point {
    Point {
        x: distance(origin, knot.time),
        y: knot.value.as_float(),
    }
}

fn distance(from: i64, to: i64) -> f64 {
    (i128::from(to) - i128::from(from)) as f64
}
