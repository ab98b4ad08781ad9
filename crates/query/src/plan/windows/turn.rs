//! How long something may compute before it lets others have the thread.

use std::time::{Duration, Instant};

/// Long beside what changing tasks takes, short beside the second within which a query has to end.
const TURN: Duration = Duration::from_millis(10);

/// A turn at computing, whose steps may take nanoseconds or much of a turn each.
#[derive(Debug)]
pub(super) struct Turn {
    began: Instant,
    /// After so many more steps the clock is looked at.
    left: u32,
    /// How many steps there were between the last two looks.
    steps: u32,
}

impl Turn {
    pub(super) fn begin() -> Self {
        Self {
            began: Instant::now(),
            left: 1,
            steps: 1,
        }
    }

    /// Counts a step, and tells whether the turn is over.
    pub(super) fn step(&mut self) -> bool {
        self.left -= 1;
        if self.left > 0 {
            return false;
        }
        let taken = self.began.elapsed();
        // Ever more steps at once, but never so many that they may take more than is left.
        let is_early = taken < TURN / 4;
        self.steps = if is_early {
            (self.steps * 2).min(1024)
        } else {
            1
        };
        self.left = self.steps;
        taken >= TURN
    }
}
