//! What a waveform does from sample to sample: how far it moves, how often it turns, jumps or changes sign.
//!
//! | state        | indicators                                                | as                                       |
//! |--------------|-----------------------------------------------------------|------------------------------------------|
//! | [`Path`]     | waveform length: Σ abs(x[i+1] − x[i])                     | tsfresh `absolute_sum_of_changes`        |
//! | [`Crossings`]| zero crossings: changes between above 0 and not above it  | tsfresh `number_crossing_m(x, 0)`        |
//! | [`Jumps`]    | Willison amplitude: steps larger than a threshold         | Willison 1963                            |
//! | [`Reversals`]| slope sign changes, turning points                        | Hudgins, Parker, Scott 1993              |
//!
//! All are [`Stretch`]es: parts that follow one another join. Below two values nothing is defined; a turn takes three.

use super::COUNT_MIN;
use crate::change::Stretch;
use crate::summary::defined;

/// The first and the last two values of a stretch, through which it joins its neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ends {
    pub(super) count: u64,
    head: [f64; 2],
    tail: [f64; 2],
}

impl Ends {
    pub(super) fn of(value: f64) -> Self {
        Self {
            count: 1,
            head: [value; 2],
            tail: [value; 2],
        }
    }

    /// The step from the last value to the first of `later`.
    pub(super) fn step(&self, later: &Self) -> [f64; 2] {
        [self.tail[1], later.head[0]]
    }

    /// The runs of three neighbours that joining makes: up to two.
    pub(super) fn triples(&self, later: &Self) -> impl Iterator<Item = [f64; 3]> + use<> {
        let [before, last] = self.tail;
        let [first, next] = later.head;
        let left = (self.count > 1).then_some([before, last, first]);
        let right = (later.count > 1).then_some([last, first, next]);
        [left, right].into_iter().flatten()
    }

    pub(super) fn join(&mut self, later: &Self) {
        if self.count == 1 {
            self.head[1] = later.head[0];
        }
        self.tail = if later.count == 1 {
            [self.tail[1], later.tail[1]]
        } else {
            later.tail
        };
        self.count += later.count;
    }
}

/// How far the signal moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    ends: Ends,
    length: f64,
}

impl Path {
    /// The sum of the sizes of all steps; `None` below two values.
    pub fn length(&self) -> Option<f64> {
        if self.ends.count < COUNT_MIN {
            return None;
        }
        defined(self.length)
    }
}

impl Stretch for Path {
    type Settings = ();

    fn of(value: f64, _time: i64, (): ()) -> Self {
        Self {
            ends: Ends::of(value),
            length: 0.0,
        }
    }

    fn join(&mut self, later: &Self) {
        let [from, to] = self.ends.step(&later.ends);
        self.length += (to - from).abs() + later.length;
        self.ends.join(&later.ends);
    }
}

/// How often the signal went from above zero to zero or below, or back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossings {
    ends: Ends,
    crossings: u64,
}

impl Crossings {
    /// The number of crossings; `None` below two values.
    pub fn count(&self) -> Option<i64> {
        counted(&self.ends, COUNT_MIN, self.crossings)
    }
}

impl Stretch for Crossings {
    type Settings = ();

    fn of(value: f64, _time: i64, (): ()) -> Self {
        Self {
            ends: Ends::of(value),
            crossings: 0,
        }
    }

    fn join(&mut self, later: &Self) {
        let [from, to] = self.ends.step(&later.ends);
        self.crossings += later.crossings + u64::from((from > 0.0) != (to > 0.0));
        self.ends.join(&later.ends);
    }
}

/// How often the signal moved by more than a threshold in one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jumps {
    threshold: f64,
    ends: Ends,
    jumps: u64,
}

impl Jumps {
    /// The number of jumps; `None` below two values.
    pub fn count(&self) -> Option<i64> {
        counted(&self.ends, COUNT_MIN, self.jumps)
    }
}

impl Stretch for Jumps {
    type Settings = f64;

    fn of(value: f64, _time: i64, threshold: f64) -> Self {
        Self {
            threshold,
            ends: Ends::of(value),
            jumps: 0,
        }
    }

    fn join(&mut self, later: &Self) {
        let [from, to] = self.ends.step(&later.ends);
        self.jumps += later.jumps + u64::from((to - from).abs() > self.threshold);
        self.ends.join(&later.ends);
    }
}

/// How often the signal turned: a value above both neighbours or below both, one of them by the threshold or more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reversals {
    threshold: f64,
    ends: Ends,
    reversals: u64,
}

impl Reversals {
    /// The number of turns; `None` below three values.
    pub fn count(&self) -> Option<i64> {
        counted(&self.ends, 3, self.reversals)
    }

    fn is_turn(&self, [before, value, after]: [f64; 3]) -> bool {
        let is_extreme = (value > before && value > after) || (value < before && value < after);
        let size = (value - before).abs().max((value - after).abs());
        is_extreme && size >= self.threshold
    }
}

impl Stretch for Reversals {
    type Settings = f64;

    fn of(value: f64, _time: i64, threshold: f64) -> Self {
        Self {
            threshold,
            ends: Ends::of(value),
            reversals: 0,
        }
    }

    fn join(&mut self, later: &Self) {
        let triples = self.ends.triples(&later.ends);
        let turns = triples.filter(|triple| self.is_turn(*triple)).count();
        self.reversals += later.reversals + turns as u64;
        self.ends.join(&later.ends);
    }
}

fn counted(ends: &Ends, count_min: u64, count: u64) -> Option<i64> {
    (ends.count >= count_min).then_some(count as i64)
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use crate::change::promises;

    fn over<S: Stretch>(values: &[f64], settings: S::Settings) -> Option<S> {
        S::over(values.iter().map(|value| (*value, 0)), settings)
    }

    /// Expected: length, zero crossings, jumps by more than 2, turns of any size and of at least 4.
    fn check(values: &[f64], expected: [Option<f64>; 5]) {
        let number = |count: Option<i64>| count.map(|count| count as f64);
        let actual = [
            over::<Path>(values, ()).and_then(|path| path.length()),
            number(over::<Crossings>(values, ()).and_then(|state| state.count())),
            number(over::<Jumps>(values, 2.0).and_then(|state| state.count())),
            number(over::<Reversals>(values, 0.0).and_then(|state| state.count())),
            number(over::<Reversals>(values, 4.0).and_then(|state| state.count())),
        ];
        assert_eq!(actual, expected, "{values:?}");
    }

    #[test]
    fn steps_and_turns_are_counted() {
        let some = |values: [f64; 5]| values.map(Some);
        check(
            &[1.0, -1.0, 4.0, 3.0, 5.0],
            some([10.0, 2.0, 1.0, 3.0, 2.0]),
        );
        check(&[0.0, 0.0, 0.0], some([0.0; 5]));
        // A flat top does not turn at any one sample; zero is not above zero.
        check(
            &[1.0, 2.0, 2.0, 1.0, 0.0, -1.0],
            some([4.0, 1.0, 0.0, 0.0, 0.0]),
        );
        check(
            &[1e9 + 1.0, 1e9 - 1.0, 1e9 + 4.0],
            some([7.0, 0.0, 1.0, 1.0, 1.0]),
        );
    }

    #[test]
    fn too_few_values_do_not_move() {
        check(&[], [None; 5]);
        check(&[1.0], [None; 5]);
        check(&[1.0, 2.0], [Some(1.0), Some(0.0), Some(0.0), None, None]);
    }

    #[test]
    fn counts_agree_with_the_reference() {
        golden::check("waveform_length", 1e-12, |x| over::<Path>(x, ())?.length());
        let number = |count: Option<i64>| count.map(|count| count as f64);
        golden::check("zero_crossings", 0.0, |x| {
            number(over::<Crossings>(x, ())?.count())
        });
        golden::check("willison_amplitude_1.5", 0.0, |x| {
            number(over::<Jumps>(x, 1.5)?.count())
        });
        golden::check("turning_points", 0.0, |x| {
            number(over::<Reversals>(x, 0.0)?.count())
        });
        golden::check("slope_sign_changes_1.5", 0.0, |x| {
            number(over::<Reversals>(x, 1.5)?.count())
        });
    }

    #[test]
    fn parts_join_and_windows_slide() {
        promises::check(Path::length);
        promises::check(|state: &Crossings| state.count().map(|count| count as f64));
        promises::check_with(2.0, |state: &Jumps| state.count().map(|count| count as f64));
        promises::check_with(2.0, |state: &Reversals| {
            state.count().map(|count| count as f64)
        });
    }
}
