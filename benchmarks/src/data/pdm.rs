//! Machines that wear out: one row a machine and interval, one float field a sensor.
//!
//! A machine runs from repair to failure and is then repaired; its wear is (age / life)^3, so
//! little shows in the first half of a life and much in its last tenth. A sensor reads `base +
//! noise + gain * wear`, where the noise follows the last noise (AR(1), 0.9). Each value is missing
//! with probability 0.01; a row of which every value is missing is not written.

use clap::ValueEnum;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

use super::{
    Line, Lines, Spec, pick, series_generator, write_decimals, write_float, write_integer,
    write_time,
};

const DROPOUT: f64 = 0.01;

/// How much of the noise stays from one interval to the next.
const NOISE_KEPT: f64 = 0.9;

/// Bounds of the rows between two failures of a machine.
const LIFE_ROWS: std::ops::Range<f64> = 20_000.0..200_000.0;

const SITES: [&str; 4] = ["north", "south", "east", "west"];
const MODELS: [&str; 3] = ["pump-a", "pump-b", "fan-c"];

/// Name, base, noise and gain of the first sensors; more sensors repeat these with a number.
const SENSORS: [(&str, f64, f64, f64); 8] = [
    ("vibration_mm_s", 1.8, 0.08, 7.0),
    ("bearing_temperature_c", 52.0, 0.4, 38.0),
    ("winding_temperature_c", 71.0, 0.5, 25.0),
    ("current_a", 15.2, 0.2, 2.5),
    ("pressure_bar", 6.4, 0.05, -1.4),
    ("flow_m3_h", 118.0, 1.2, -31.0),
    ("speed_rpm", 1480.0, 2.5, -22.0),
    ("oil_particles_ppm", 12.0, 0.6, 140.0),
];

/// What the sensors of a `pdm` machine show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Values {
    /// Two decimals, drift to failure.
    Drift,
    /// Two decimals, a random walk with steps N(0, 1).
    Walk,
    /// Normally distributed with all 52 bits of the mantissa random: nothing to compress but
    /// the exponent.
    Entropy,
}

/// The rows in time-major order.
#[derive(Debug)]
pub(super) struct PdmLines {
    machines: Vec<Machine>,
    names: Vec<String>,
    values: Values,
    next: usize,
    time_ns: i64,
    interval_ns: i64,
    instants_left: u64,
}

impl PdmLines {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            machines: (0..spec.scale)
                .map(|index| Machine::new(spec, index))
                .collect(),
            names: (0..spec.sensors as usize).map(sensor_name).collect(),
            values: spec.values,
            next: 0,
            time_ns: spec.start_ns,
            interval_ns: spec.interval_ns,
            instants_left: spec.instants(),
        }
    }
}

impl Lines for PdmLines {
    fn next_line(&mut self, out: &mut Vec<u8>) -> Option<Line> {
        while self.instants_left > 0 && !self.machines.is_empty() && !self.names.is_empty() {
            let time_ns = self.time_ns;
            let machine = &mut self.machines[self.next];
            let written = machine.write_row(out, &self.names, self.values, time_ns);
            self.next += 1;
            if self.next == self.machines.len() {
                self.next = 0;
                self.time_ns += self.interval_ns;
                self.instants_left -= 1;
            }
            if let Some((has_first, field_count)) = written {
                return Some(Line {
                    table: "machine",
                    time_ns,
                    counted_field: SENSORS[0].0,
                    has_counted_field: has_first,
                    field_count,
                    may_repeat: false,
                    is_delayed: false,
                });
            }
        }
        None
    }
}

fn sensor_name(position: usize) -> String {
    let (name, ..) = SENSORS[position % SENSORS.len()];
    match position / SENSORS.len() {
        0 => name.to_owned(),
        round => format!("{name}_{}", round + 1),
    }
}

#[derive(Debug)]
struct Machine {
    prefix: String,
    random: Xoshiro256PlusPlus,
    /// Noise (`drift`) or position of the walk, by sensor.
    states: Vec<f64>,
    age_rows: f64,
    life_rows: f64,
}

impl Machine {
    fn new(spec: &Spec, index: u32) -> Self {
        let mut random = series_generator(spec.seed, index);
        let (site, model) = (pick(&mut random, &SITES), pick(&mut random, &MODELS));
        let prefix = format!(
            "machine,asset_id=m_{index},site={site},line={},model={model}",
            random.random_range(0..20)
        );
        let states = (0..spec.sensors)
            .map(|_| match spec.values {
                Values::Walk => random.random_range(0.0..100.0),
                Values::Drift | Values::Entropy => 0.0,
            })
            .collect();
        let life_rows = random.random_range(LIFE_ROWS);
        let age_rows = random.random_range(0.0..life_rows);
        Self {
            prefix,
            random,
            states,
            age_rows,
            life_rows,
        }
    }

    /// Appends the row and tells whether it has the first sensor and how many it has; `None` when
    /// no value is left.
    fn write_row(
        &mut self,
        out: &mut Vec<u8>,
        names: &[String],
        values: Values,
        time_ns: i64,
    ) -> Option<(bool, u32)> {
        let start = out.len();
        out.extend_from_slice(self.prefix.as_bytes());
        let wear = self.grow_older();
        let (mut separator, mut has_first, mut field_count) = (b' ', false, 0);
        for (position, name) in names.iter().enumerate() {
            let value = self.read(position, values, wear);
            if self.random.random_bool(DROPOUT) {
                continue;
            }
            out.push(separator);
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            match values {
                Values::Entropy => write_float(out, value),
                Values::Drift | Values::Walk => write_decimals(out, value, 2),
            }
            (separator, has_first) = (b',', has_first || position == 0);
            field_count += 1;
        }
        if separator == b' ' {
            out.truncate(start);
            return None;
        }
        write_time(out, time_ns);
        Some((has_first, field_count))
    }

    /// One row older; a machine at the end of its life is repaired. Returns the wear, 0 to 1.
    fn grow_older(&mut self) -> f64 {
        self.age_rows += 1.0;
        if self.age_rows >= self.life_rows {
            self.age_rows = 0.0;
            self.life_rows = self.random.random_range(LIFE_ROWS);
        }
        (self.age_rows / self.life_rows).powi(3)
    }

    fn read(&mut self, position: usize, values: Values, wear: f64) -> f64 {
        let normal: f64 = StandardNormal.sample(&mut self.random);
        let (_, base, noise, gain) = SENSORS[position % SENSORS.len()];
        let state = &mut self.states[position];
        match values {
            Values::Drift => {
                *state = NOISE_KEPT * *state + (1.0 - NOISE_KEPT * NOISE_KEPT).sqrt() * normal;
                base + noise * *state + gain * wear
            }
            Values::Walk => {
                *state += normal;
                *state
            }
            Values::Entropy => base * (1.0 + 0.1 * normal),
        }
    }
}

/// The line of `history`: one machine, one value with two decimals. Appended without a generator's
/// state, so that any part of years of data can be rendered by itself.
pub(crate) fn write_history_line(out: &mut Vec<u8>, machine: u64, second: u64, time_ns: i64) {
    let hundredths = history_hundredths(machine, second);
    out.extend_from_slice(b"history,asset_id=m_");
    write_integer(out, machine as i64);
    out.extend_from_slice(b" temperature_c=");
    write_integer(out, (hundredths / 100) as i64);
    let cents = (hundredths % 100) as u8;
    out.extend_from_slice(&[b'.', b'0' + cents / 10, b'0' + cents % 10]);
    write_time(out, time_ns);
}

/// The value of `history` in hundredths: a wave by time of day, a slower one by season, and noise
/// from the two numbers themselves (the finalizer of SplitMix64, Steele et al. 2014).
pub(crate) fn history_hundredths(machine: u64, second: u64) -> u64 {
    let mut hash = second.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (machine << 57);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let noise = (hash >> 48) % 100;
    4_000
        + machine * 100
        + triangle(second, 86_400, 1_000)
        + triangle(second, 31_557_600, 2_000)
        + noise
}

/// 0 up to `height` and back within `period`.
fn triangle(at: u64, period: u64, height: u64) -> u64 {
    let phase = (at % period) * 2 * height / period;
    if phase < height {
        phase
    } else {
        2 * height - phase
    }
}
