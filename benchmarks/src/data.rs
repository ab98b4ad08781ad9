//! The rows that are written: three shapes of data, each rendered as line protocol, line by line.
//!
//! ```text
//! Spec ──► cpu | iot | pdm ──► (order: hold lines back) ──► tally ──► file or bodies
//! ```
//!
//! Values are deterministic per series: a series has a generator of its own, seeded by (seed,
//! series number). What concerns the stream as a whole (gaps, disorder) is drawn from generators of
//! its own, so that data in order and out of order are the same rows.

pub(crate) mod cpu;
pub(crate) mod iot;
mod order;
pub(crate) mod pdm;
mod tally;

use clap::ValueEnum;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

pub(crate) use order::Disorder;
pub(crate) use pdm::Values;
pub(crate) use tally::{TableTally, Tally};

use cpu::CpuData;

/// A use case: which tables, tags and fields there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Shape {
    /// TSBS `cpu-only`: ten tags, ten integer fields, one row a host and interval.
    Cpu,
    /// TSBS `iot`: trucks with readings and diagnostics, with gaps and absent tags.
    Iot,
    /// Machines that drift to failure: float sensors, 1 % of the values missing.
    Pdm,
}

/// What to generate. Two equal values give the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) shape: Shape,
    /// Hosts, trucks or machines.
    pub(crate) scale: u32,
    /// Time between two rows of one series.
    pub(crate) interval_ns: i64,
    pub(crate) duration_ns: i64,
    pub(crate) seed: u64,
    /// Time of the first instant, nanoseconds since 1970.
    pub(crate) start_ns: i64,
    /// Sensors of a machine (`pdm` only).
    pub(crate) sensors: u32,
    /// What the sensors show (`pdm` only).
    pub(crate) values: Values,
    pub(crate) disorder: Disorder,
}

impl Spec {
    /// 2026-01-01T00:00:00Z.
    pub(crate) const START_NS: i64 = 1_767_225_600_000_000_000;

    /// A spec in order, from [`Spec::START_NS`] on, with the intervals of the suite.
    pub(crate) fn new(shape: Shape, scale: u32, duration_ns: i64) -> Self {
        Self {
            shape,
            scale,
            interval_ns: cpu::INTERVAL_NS,
            duration_ns,
            seed: 42,
            start_ns: Self::START_NS,
            sensors: 8,
            values: Values::Drift,
            disorder: Disorder::NONE,
        }
    }

    /// Instants at which every series has a row.
    pub(crate) fn instants(&self) -> u64 {
        (self.duration_ns / self.interval_ns).max(0) as u64
    }

    /// Starts the stream of lines.
    pub(crate) fn lines(&self) -> Box<dyn Lines> {
        let source: Box<dyn Lines> = match self.shape {
            Shape::Cpu => Box::new(cpu::CpuLines::new(&self.cpu())),
            Shape::Iot => Box::new(iot::IotLines::new(self)),
            Shape::Pdm => Box::new(pdm::PdmLines::new(self)),
        };
        if self.disorder.share > 0.0 {
            Box::new(order::Disordered::new(source, self.disorder, self.seed))
        } else {
            source
        }
    }

    fn cpu(&self) -> CpuData {
        CpuData {
            scale: self.scale,
            rows: self.instants() * u64::from(self.scale),
            seed: self.seed,
            start_ns: self.start_ns,
            interval_ns: self.interval_ns,
        }
    }
}

/// A stream of lines of line protocol.
pub(crate) trait Lines {
    /// Appends the next line, line end included, and says what it is; `None` after the last.
    fn next_line(&mut self, out: &mut Vec<u8>) -> Option<Line>;
}

/// What has to be known of a line to count rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) table: &'static str,
    pub(crate) time_ns: i64,
    /// The field of the table by which engines without rows are asked for a count.
    pub(crate) counted_field: &'static str,
    /// Whether the line has that field.
    pub(crate) has_counted_field: bool,
    /// Fields of the line.
    pub(crate) field_count: u32,
    /// Whether another line may have the same tags and time.
    pub(crate) may_repeat: bool,
    /// Whether the line comes later than its time says.
    pub(crate) is_delayed: bool,
}

/// The generator of one series. The seed is mixed before the series number goes in, so that (seed
/// 0, series 1) and (seed 1, series 0) differ.
fn series_generator(seed: u64, index: u32) -> Xoshiro256PlusPlus {
    let mixed = Xoshiro256PlusPlus::seed_from_u64(seed).random::<u64>();
    Xoshiro256PlusPlus::seed_from_u64(mixed ^ u64::from(index))
}

/// The generator of something that concerns the stream and no series.
fn stream_generator(seed: u64, purpose: u32) -> Xoshiro256PlusPlus {
    // Series numbers are 32 bits wide; above them there is no series.
    let mixed = Xoshiro256PlusPlus::seed_from_u64(seed).random::<u64>();
    Xoshiro256PlusPlus::seed_from_u64(mixed ^ (u64::from(purpose) << 32))
}

fn pick<'a>(random: &mut Xoshiro256PlusPlus, choices: &[&'a str]) -> &'a str {
    choices[random.random_range(0..choices.len())]
}

/// Appends `value` cut off after `decimals` decimals, in its shortest form.
fn write_decimals(out: &mut Vec<u8>, value: f64, decimals: i32) {
    let scale = 10_f64.powi(decimals);
    write_float(out, (value * scale).trunc() / scale);
}

/// Appends the shortest text that reads back as `value`.
fn write_float(out: &mut Vec<u8>, value: f64) {
    use std::io::Write as _;
    write!(out, "{value}").expect("writing to memory cannot fail");
}

fn write_integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends ` <time>\n`.
fn write_time(out: &mut Vec<u8>, time_ns: i64) {
    out.push(b' ');
    write_integer(out, time_ns);
    out.push(b'\n');
}

#[cfg(test)]
mod tests;
