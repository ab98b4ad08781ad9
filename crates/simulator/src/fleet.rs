//! The fleet: configuration checked, motors made, faults scheduled. It is immutable; [`Rows`] walk
//! over it.

use std::ops::Range;
use std::sync::Arc;

use crate::config::FleetConfig;
use crate::error::Result;
use crate::motor::Motor;
use crate::rows::Rows;
use crate::schedule::schedule;
use crate::truth::{self, InjectedFault};

/// A fleet of motors with its faults at absolute times. Cheap to clone and to share between
/// threads.
#[derive(Debug, Clone)]
pub struct Fleet {
    motors: Arc<[Motor]>,
    interval_ns: i64,
    end_ns: i64,
}

impl Fleet {
    /// Builds the fleet. `end_ns` (UTC nanoseconds since 1970) is the time from which the faults of
    /// the configuration count back: the end of the back-fill, usually the present. Rows may be
    /// rendered before and after it.
    ///
    /// # Errors
    /// Settings out of range and faults that are impossible or contradictory.
    pub fn new(config: FleetConfig, end_ns: i64) -> Result<Self> {
        let (interval_ns, repair_ns) = config.checked_times_ns()?;
        // No number is a multiple of 0, which is how no motor works in shifts.
        let in_shifts = |number: u32| number.is_multiple_of(config.shift_every);
        let mut motors: Vec<Motor> = (1..=config.motors)
            .map(|number| Motor::new(config.seed, number, in_shifts(number), repair_ns))
            .collect();
        schedule(&config, end_ns, &mut motors)?;
        Ok(Self {
            motors: motors.into(),
            interval_ns,
            end_ns,
        })
    }

    /// The time from which faults count back.
    #[must_use]
    pub fn end_ns(&self) -> i64 {
        self.end_ns
    }

    /// Time between two rows of one motor.
    #[must_use]
    pub fn interval_ns(&self) -> i64 {
        self.interval_ns
    }

    /// The ids of the motors in the order of their rows.
    pub fn asset_ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.motors.iter().map(Motor::id)
    }

    /// The rows of all motors in `[from_ns, to_ns)`, ordered by time, then by motor. Row times are
    /// multiples of the interval, wherever the range begins.
    #[must_use]
    pub fn rows(&self, from_ns: i64, to_ns: i64) -> Rows {
        self.rows_of(0..self.motors.len(), from_ns, to_ns)
    }

    /// The rows of some motors, given by their positions among [`asset_ids`](Self::asset_ids): the
    /// way to render a fleet on several threads. Positions beyond the fleet are ignored.
    #[must_use]
    pub fn rows_of(&self, positions: Range<usize>, from_ns: i64, to_ns: i64) -> Rows {
        let end = positions.end.min(self.motors.len());
        let positions = positions.start.min(end)..end;
        Rows::new(
            Arc::clone(&self.motors),
            positions,
            self.interval_ns,
            from_ns..to_ns,
        )
    }

    /// Every fault occurrence, past, present and future, ordered by beginning and then by asset.
    #[must_use]
    pub fn ground_truth(&self) -> Vec<InjectedFault> {
        truth::injected_faults(&self.motors)
    }

    /// Appends the ground truth as line protocol, table `injected_faults`: tags `asset_id`, `kind`,
    /// `severity`,
    /// `signal`; fields `start_ns`, `end_ns` (integers), `amount`, `description`; time = beginning.
    pub fn ground_truth_line_protocol(&self, out: &mut Vec<u8>) {
        for fault in self.ground_truth() {
            fault.write_line_protocol(out);
        }
    }
}
