//! [`Stretch`]: what a function needs to remember about consecutive points, and [`SlidingStretch`], a moving window of it.
//!
//! Where a [`Summary`](crate::Summary) does not care for the order of its values, a stretch does: it knows its first and its
//! last point, and joins only the stretch that comes after it. Joining is associative, which is all that the window of
//! two stacks needs (see [`Sliding`](crate::Sliding)): constant amortised time per point, and nothing is ever subtracted,
//! so a point that left has no trace.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt::Debug;

/// The state of a function over one or more consecutive points in the order of time.
pub trait Stretch: Copy + Debug + Send + Sync + 'static {
    /// What is the same for all stretches that are joined, such as a threshold.
    type Settings: Copy + Default + Debug + Send + Sync + 'static;

    /// The stretch of a single point: a finite value, and its time in ticks.
    fn of(value: f64, time: i64, settings: Self::Settings) -> Self;

    /// Appends the stretch that comes after this one.
    fn join(&mut self, later: &Self);

    /// The stretch of all points, given in the order of time; `None` when there are none.
    fn over(
        points: impl IntoIterator<Item = (f64, i64)>,
        settings: Self::Settings,
    ) -> Option<Self> {
        let mut points = points.into_iter();
        let (value, time) = points.next()?;
        let mut stretch = Self::of(value, time, settings);
        for (value, time) in points {
            stretch.join(&Self::of(value, time, settings));
        }
        Some(stretch)
    }
}

/// The order of points: by time, and by value at equal times, because arrival has no order across threads.
fn order(a: &(f64, i64), b: &(f64, i64)) -> Ordering {
    a.1.cmp(&b.1).then(a.0.total_cmp(&b.0))
}

/// A first-in, first-out window of points with the [`Stretch`] of what is in it.
///
/// Memory: 16 bytes per point, and a stretch for each of the older part of them.
#[derive(Debug, Clone)]
pub struct SlidingStretch<S: Stretch> {
    settings: S::Settings,
    /// Every point in the window, oldest first.
    points: VecDeque<(f64, i64)>,
    /// Oldest last: `front[i]` is its own point and the newer ones of the front.
    front: Vec<S>,
    /// All points that came after the front was built.
    back: Option<S>,
    /// How many neighbours in the window are not in the order of time.
    falls: usize,
}

impl<S: Stretch> SlidingStretch<S> {
    /// An empty window.
    pub fn new(settings: S::Settings) -> Self {
        Self {
            settings,
            points: VecDeque::new(),
            front: vec![],
            back: None,
            falls: 0,
        }
    }

    /// Adds a point at the newest end.
    pub fn push(&mut self, value: f64, time: i64) {
        let point = (value, time);
        if self
            .points
            .back()
            .is_some_and(|last| order(last, &point).is_gt())
        {
            self.falls += 1;
        }
        self.points.push_back(point);
        append(&mut self.back, &S::of(value, time, self.settings));
    }

    /// Removes the `count` points that came first, or all when there are fewer.
    pub fn pop(&mut self, count: usize) {
        for _ in 0..count {
            if self.front.is_empty() {
                self.turn_over();
            }
            let Some(gone) = self.points.pop_front() else {
                return;
            };
            self.front.pop();
            if self
                .points
                .front()
                .is_some_and(|next| order(&gone, next).is_gt())
            {
                self.falls -= 1;
            }
        }
    }

    /// The stretch over the points in the window, in the order of time; `None` when there are none.
    ///
    /// Constant time while the points came in that order, one sort of them otherwise. Equal times are ordered by value.
    pub fn stretch(&self) -> Option<S> {
        if self.falls == 0 {
            let mut stretch = self.front.last().copied();
            if let Some(back) = &self.back {
                append(&mut stretch, back);
            }
            return stretch;
        }
        let mut points: Vec<_> = self.points.iter().copied().collect();
        points.sort_unstable_by(order);
        S::over(points, self.settings)
    }

    /// The points in the window, in the order in which they came.
    pub fn points(&self) -> impl ExactSizeIterator<Item = (f64, i64)> {
        self.points.iter().copied()
    }

    /// Heap memory in use, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.points.capacity() * size_of::<(f64, i64)>() + self.front.capacity() * size_of::<S>()
    }

    /// Rebuilds the empty front from the whole window.
    fn turn_over(&mut self) {
        let mut suffix: Option<S> = None;
        for &(value, time) in self.points.iter().rev() {
            let mut longer = S::of(value, time, self.settings);
            if let Some(suffix) = &suffix {
                longer.join(suffix);
            }
            self.front.push(longer);
            suffix = Some(longer);
        }
        self.back = None;
    }
}

fn append<S: Stretch>(stretch: &mut Option<S>, later: &S) {
    match stretch {
        Some(stretch) => stretch.join(later),
        None => *stretch = Some(*later),
    }
}

/// What every stretch promises, checked for each of them from its own tests.
#[cfg(test)]
pub(crate) mod promises {
    use proptest::prelude::*;

    use super::{SlidingStretch, Stretch};

    type Read<S> = fn(&S) -> Option<f64>;

    fn assert_close(actual: Option<f64>, expected: Option<f64>, context: &str) {
        match (actual, expected) {
            (Some(a), Some(e)) => assert!(
                (a - e).abs() <= 1e-9 * e.abs().max(1.0),
                "{context}: got {a}, expected {e}"
            ),
            (a, e) => assert_eq!(a, e, "{context}"),
        }
    }

    fn read_over<S: Stretch>(
        points: &[(f64, i64)],
        settings: S::Settings,
        read: Read<S>,
    ) -> Option<f64> {
        let mut points = points.to_vec();
        points.sort_by(super::order);
        S::over(points, settings).as_ref().and_then(read)
    }

    /// Any cut of the points, joined again, reads the same as all of them at once.
    fn parts_join_to_the_whole<S: Stretch>(
        points: &[(f64, i64)],
        cut: usize,
        settings: S::Settings,
        read: Read<S>,
    ) {
        let mut points = points.to_vec();
        points.sort_by(super::order);
        let (left, right) = points.split_at(cut.min(points.len()));
        let mut joined = S::over(left.iter().copied(), settings);
        if let Some(right) = S::over(right.iter().copied(), settings) {
            super::append(&mut joined, &right);
        }
        let joined = joined.as_ref().and_then(read);
        assert_close(joined, read_over(&points, settings, read), "joined");
    }

    /// A moving window reads the same as computing each window afresh.
    fn windows_equal_recomputation<S: Stretch>(
        points: &[(f64, i64)],
        width: usize,
        settings: S::Settings,
        read: Read<S>,
    ) {
        let mut window = SlidingStretch::<S>::new(settings);
        for end in 1..=points.len() {
            window.push(points[end - 1].0, points[end - 1].1);
            if end > width {
                window.pop(1);
            }
            let expected = read_over(&points[end.saturating_sub(width)..end], settings, read);
            let actual = window.stretch().as_ref().and_then(read);
            assert_close(actual, expected, &format!("window to {end}"));
        }
        window.pop(points.len() + 3);
        assert!(window.stretch().is_none(), "an emptied window");
    }

    /// Checks both over random points, some of them late and some at equal times, with outliers passing through.
    pub(crate) fn check<S: Stretch>(read: Read<S>) {
        check_with(S::Settings::default(), read);
    }

    /// The same, under the given settings.
    pub(crate) fn check_with<S: Stretch>(settings: S::Settings, read: Read<S>) {
        let value = prop_oneof![8 => -10.0..10.0f64, 1 => Just(0.0), 1 => -1e6..1e6f64];
        let step = prop_oneof![8 => 1..5i64, 1 => Just(0), 1 => -20..0i64];
        let points = prop::collection::vec((value, step), 0..300).prop_map(|steps| {
            let mut time = 0;
            let point = |(value, step)| {
                time += step;
                (value, time)
            };
            steps.into_iter().map(point).collect::<Vec<_>>()
        });
        proptest!(ProptestConfig::with_cases(64), |(points in points, cut in 0..300usize, width in 1..40usize)| {
            parts_join_to_the_whole::<S>(&points, cut, settings, read);
            windows_equal_recomputation::<S>(&points, width, settings, read);
            let mut in_order = points.clone();
            in_order.sort_by(super::order);
            windows_equal_recomputation::<S>(&in_order, width, settings, read);
        });
    }
}
