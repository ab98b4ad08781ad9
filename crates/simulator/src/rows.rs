//! Rendering: a resumable walk over time and motors that fills a caller's buffer with line
//! protocol.
//!
//! The cost of a row is four normals, five decimals and a few copies: no allocation, no float
//! formatting. What is constant is prepared: the tags of a motor in a state, the time shared by all
//! motors, the load of a minute.

use std::ops::Range;
use std::sync::Arc;

use crate::decimal::push_decimal;
use crate::motor::{Moment, Motor, OperatingState};

/// An upper bound of a line, to reserve memory by: asset numbers have up to 7 digits, times up to
/// 20 characters.
const LINE_BYTES_MAX: usize = 192;

/// A position in the rows of a fleet. It is independent of the [`Fleet`](crate::Fleet) it came
/// from, can be sent to another thread, and a clone of it renders the same rows again.
#[derive(Debug, Clone)]
pub struct Rows {
    motors: Arc<[Motor]>,
    cursors: Vec<Cursor>,
    /// Position of the first motor among all motors.
    offset: usize,
    interval_ns: i64,
    /// Time of the next row.
    time_ns: i64,
    to_ns: i64,
    /// The next row's motor among the cursors.
    turn: usize,
    /// The end of every line at `time_ns`: a space, the time, a line feed.
    stamp: Vec<u8>,
}

/// What is kept for a motor between its rows.
#[derive(Debug, Clone)]
struct Cursor {
    moment: Moment,
    /// Table and tags by state, up to the first digit of the first field.
    heads: [Box<[u8]>; 3],
}

impl Rows {
    pub(crate) fn new(
        motors: Arc<[Motor]>,
        positions: Range<usize>,
        interval_ns: i64,
        times_ns: Range<i64>,
    ) -> Self {
        let cursors = motors[positions.clone()].iter().map(Cursor::new).collect();
        let offset = positions.start;
        let time_ns = next_multiple(times_ns.start, interval_ns);
        let stamp = Vec::with_capacity(24);
        let mut rows = Self {
            motors,
            cursors,
            offset,
            interval_ns,
            time_ns,
            to_ns: times_ns.end,
            turn: 0,
            stamp,
        };
        rows.write_stamp();
        rows
    }

    /// Appends at most `row_count_max` further rows to `out` and returns how many; 0 means that the
    /// end is reached.
    pub fn next_chunk(&mut self, row_count_max: usize, out: &mut Vec<u8>) -> usize {
        let mut written = 0;
        while written < row_count_max && self.time_ns < self.to_ns && !self.cursors.is_empty() {
            let turns = self.turn
                ..self
                    .cursors
                    .len()
                    .min(self.turn + (row_count_max - written));
            out.reserve(turns.len() * LINE_BYTES_MAX);
            let motors = &self.motors[self.offset..];
            for (motor, cursor) in motors[turns.clone()]
                .iter()
                .zip(&mut self.cursors[turns.clone()])
            {
                cursor.render(motor, self.time_ns, &self.stamp, out);
            }
            written += turns.len();
            self.turn = turns.end;
            if self.turn == self.cursors.len() {
                self.turn = 0;
                self.time_ns = self.time_ns.saturating_add(self.interval_ns);
                self.write_stamp();
            }
        }
        written
    }

    /// Moves the end to `to_ns`, exclusive: how live rows follow the back-fill. An earlier end than
    /// the present position leaves nothing to render.
    pub fn extend_to(&mut self, to_ns: i64) {
        self.to_ns = to_ns;
    }

    /// The time of the next row, rendered or yet beyond the end.
    #[must_use]
    pub fn next_time_ns(&self) -> i64 {
        self.time_ns
    }

    /// How many rows are left until the end.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        if self.time_ns >= self.to_ns {
            return 0;
        }
        let ticks = (self.to_ns.abs_diff(self.time_ns)).div_ceil(self.interval_ns.unsigned_abs());
        ticks
            .saturating_mul(self.cursors.len() as u64)
            .saturating_sub(self.turn as u64)
    }

    fn write_stamp(&mut self) {
        self.stamp.clear();
        self.stamp.push(b' ');
        self.stamp
            .extend_from_slice(itoa::Buffer::new().format(self.time_ns).as_bytes());
        self.stamp.push(b'\n');
    }
}

impl Cursor {
    fn new(motor: &Motor) -> Self {
        let id = motor.id();
        let head = |state: OperatingState| {
            let state = state.name();
            format!("sensor_data,asset_id={id},operating_state={state} voltage_v=")
                .into_bytes()
                .into()
        };
        Self {
            moment: Moment::empty(),
            heads: OperatingState::ALL.map(head),
        }
    }

    #[inline]
    fn render(&mut self, motor: &Motor, time_ns: i64, stamp: &[u8], out: &mut Vec<u8>) {
        if !self.moment.covers(time_ns) {
            self.moment.move_to(motor, time_ns);
        }
        let readings = self.moment.read(motor, time_ns);
        out.extend_from_slice(&self.heads[self.moment.state() as usize]);
        push_decimal::<2>(out, readings.voltage_e2);
        out.extend_from_slice(b",current_a=");
        push_decimal::<2>(out, readings.current_e2);
        out.extend_from_slice(b",power_factor=");
        push_decimal::<4>(out, readings.power_factor_e4);
        out.extend_from_slice(b",vibration_g=");
        push_decimal::<4>(out, readings.vibration_e4);
        out.extend_from_slice(b",power_kw=");
        push_decimal::<4>(out, readings.power_kw_e4());
        out.extend_from_slice(stamp);
    }
}

/// The first multiple of `step` that is not before `time_ns`.
fn next_multiple(time_ns: i64, step: i64) -> i64 {
    match time_ns.rem_euclid(step) {
        0 => time_ns,
        past => time_ns.saturating_add(step - past),
    }
}
