//! One motor: how it differs from its neighbours, when it runs, what its load is, and what it reads
//! at a given time.
//!
//! | state   | voltage  | current      | power factor | vibration   |
//! |---------|----------|--------------|--------------|-------------|
//! | RUNNING | N(230,2) | N(15,1)      | N(0.92,0.02) | N(0.15,.03) |
//! | IDLE    | N(231,2) | N(6.5,0.3)   | N(0.56,0.02) | N(0.09,.01) |
//! | OFF     | N(231,2) | 0            | 0            | near 0.05   |
//!
//! RUNNING means also vary from motor to motor and with the load. An IDLE motor is energised without
//! load; the voltage of one that is OFF is measured before the contactor.
//!
//! A motor is constant data. What changes slowly (state, load, which faults are active) is computed
//! once a minute into a [`Moment`]; what changes from row to row is [`Moment::read`].

use rand::RngExt;
use rand_distr::StandardNormal;
use rand_xoshiro::SplitMix64;

use crate::fault::Occurrence;
use crate::noise::{generator, hash, motor_seed, wander};

const MINUTE_NS: i64 = 60_000_000_000;
const DAY_NS: i64 = 1_440 * MINUTE_NS;

/// Physical limits of the readings of an energised motor, in the order of
/// [`Signal::ALL`](crate::Signal::ALL).
const LIMITS: [(f64, f64); 4] = [(200.0, 300.0), (5.0, 30.0), (0.5, 1.0), (0.05, 5.0)];

/// What a motor is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OperatingState {
    Running,
    Idle,
    Off,
}

impl OperatingState {
    pub(crate) const ALL: [Self; 3] = [Self::Running, Self::Idle, Self::Off];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Idle => "IDLE",
            Self::Off => "OFF",
        }
    }
}

/// The asset id of a motor, counted from 1. Ids do not depend on the size of the fleet.
pub(crate) fn motor_id(number: u32) -> String {
    format!("motor-{number:02}")
}

/// The inverse of [`motor_id`]; `None` for any other text.
pub(crate) fn motor_number(id: &str) -> Option<u32> {
    let number = id.strip_prefix("motor-")?.parse().ok()?;
    (number > 0 && motor_id(number) == id).then_some(number)
}

/// What makes a motor differ from the next one.
#[derive(Debug, Clone)]
struct Traits {
    voltage_offset_v: f64,
    current_factor: f64,
    power_factor_offset: f64,
    vibration_factor: f64,
    shaft_hz: f64,
    /// Time of day at which the load is highest.
    load_peak_ns: i64,
    /// When the first shift begins, if the motor works in shifts.
    shift_start_ns: Option<i64>,
}

/// One motor of the fleet.
#[derive(Debug, Clone)]
pub(crate) struct Motor {
    id: String,
    seed: u64,
    traits: Traits,
    repair_ns: i64,
    faults: Vec<Occurrence>,
}

impl Motor {
    pub(crate) fn new(seed: u64, number: u32, in_shifts: bool, repair_ns: i64) -> Self {
        let seed = motor_seed(seed, number);
        let mut random = generator(seed, TRAITS);
        let mut spread = |deviation: f64| -> f64 {
            let z: f64 = random.sample(StandardNormal);
            z.clamp(-2.0, 2.0) * deviation
        };
        let traits = Traits {
            voltage_offset_v: spread(0.7),
            current_factor: 1.0 + spread(0.04),
            power_factor_offset: spread(0.006),
            vibration_factor: 1.0 + spread(0.10),
            // Four poles at 50 Hz: 1500 rpm less 5 to 25 rpm of slip.
            shaft_hz: (1485.0 + spread(5.0)) / 60.0,
            load_peak_ns: 14 * 60 * MINUTE_NS + (spread(60.0) * MINUTE_NS as f64) as i64,
            shift_start_ns: in_shifts.then(|| (360 + spread(10.0) as i64) * MINUTE_NS),
        };
        Self {
            id: motor_id(number),
            seed,
            traits,
            repair_ns,
            faults: Vec::new(),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn faults(&self) -> &[Occurrence] {
        &self.faults
    }

    pub(crate) fn push_fault(&mut self, fault: Occurrence) {
        self.faults.push(fault);
    }

    pub(crate) fn fault_seed(&self) -> u64 {
        hash(self.seed ^ FAULTS)
    }

    pub(crate) fn shaft_hz(&self) -> f64 {
        self.traits.shaft_hz
    }

    /// Whether a failed bearing keeps the motor standing still.
    fn is_in_repair(&self, time_ns: i64) -> bool {
        self.faults
            .iter()
            .filter_map(Occurrence::failure_ns)
            .any(|failure_ns| {
                (failure_ns..failure_ns.saturating_add(self.repair_ns)).contains(&time_ns)
            })
    }

    fn state(&self, time_ns: i64) -> OperatingState {
        if self.is_in_repair(time_ns) {
            return OperatingState::Off;
        }
        let Some(start_ns) = self.traits.shift_start_ns else {
            return OperatingState::Running;
        };
        // Two shifts of eight hours: ten idle minutes at either end, thirty where one crew follows
        // the other.
        match (time_ns.rem_euclid(DAY_NS) - start_ns).div_euclid(MINUTE_NS) {
            0..10 | 465..495 | 950..960 => OperatingState::Idle,
            10..950 => OperatingState::Running,
            _ => OperatingState::Off,
        }
    }

    /// Relative load in [-1, 1]: a daily cycle and a slower, irregular demand.
    fn load(&self, time_ns: i64) -> f64 {
        let since_peak_ns = (time_ns.rem_euclid(DAY_NS) - self.traits.load_peak_ns) as f64;
        let daily = (std::f64::consts::TAU * since_peak_ns / DAY_NS as f64).cos();
        0.75 * daily + 0.25 * wander(self.seed ^ DEMAND, time_ns, 30 * MINUTE_NS)
    }

    /// Mean and standard deviation of each signal without faults.
    fn healthy(&self, state: OperatingState, time_ns: i64) -> ([f64; 4], [f64; 4]) {
        let Traits {
            current_factor,
            power_factor_offset,
            vibration_factor,
            ..
        } = self.traits;
        let voltage_v = 230.0 + self.traits.voltage_offset_v;
        match state {
            OperatingState::Running => {
                let load = self.load(time_ns);
                let means = [
                    voltage_v - 0.5 * load,
                    15.0 * current_factor * (1.0 + 0.06 * load),
                    0.92 + power_factor_offset + 0.01 * load,
                    0.15 * vibration_factor * (1.0 + 0.05 * load),
                ];
                (means, [2.0, 1.0, 0.02, 0.03 * vibration_factor])
            }
            OperatingState::Idle => {
                let means = [
                    voltage_v + 1.0,
                    6.5 * current_factor,
                    0.56,
                    0.09 * vibration_factor,
                ];
                (means, [2.0, 0.3, 0.02, 0.01])
            }
            OperatingState::Off => ([voltage_v + 1.0, 0.0, 0.0, 0.05], [2.0, 0.0, 0.0, 0.002]),
        }
    }
}

/// Positions that tell a motor's random numbers apart; any distinct constants do.
const TRAITS: u64 = u64::from_be_bytes(*b"traits--");
const FAULTS: u64 = u64::from_be_bytes(*b"faults--");
const DEMAND: u64 = u64::from_be_bytes(*b"demand--");

/// One row's readings, as counts of the last decimal printed: volts and amperes have two, the
/// others four.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Readings {
    pub(crate) voltage_e2: u64,
    pub(crate) current_e2: u64,
    pub(crate) power_factor_e4: u64,
    pub(crate) vibration_e4: u64,
}

impl Readings {
    /// V·I·PF / 1000, exact for the values printed and rounded once to four decimals.
    pub(crate) fn power_kw_e4(&self) -> u64 {
        (self.voltage_e2 * self.current_e2 * self.power_factor_e4 + 5_000_000) / 10_000_000
    }
}

/// What is constant about a motor until `until_ns`. Time only moves forward.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    until_ns: i64,
    state: OperatingState,
    means: [f64; 4],
    deviations: [f64; 4],
    /// Indices of the motor's faults that act now; none while it is off.
    active: Vec<usize>,
}

impl Moment {
    /// A moment that covers no time, to be brought up to date before it is read.
    pub(crate) fn empty() -> Self {
        Self {
            until_ns: i64::MIN,
            state: OperatingState::Off,
            means: [0.0; 4],
            deviations: [0.0; 4],
            active: Vec::new(),
        }
    }

    pub(crate) fn state(&self) -> OperatingState {
        self.state
    }

    #[inline]
    pub(crate) fn covers(&self, time_ns: i64) -> bool {
        time_ns < self.until_ns
    }

    /// Moves to the minute around a time, cut at every beginning and end of a fault. Reuses its
    /// memory.
    pub(crate) fn move_to(&mut self, motor: &Motor, time_ns: i64) {
        let minute_ns = time_ns.saturating_sub(time_ns.rem_euclid(MINUTE_NS));
        self.until_ns = minute_ns.saturating_add(MINUTE_NS);
        self.state = motor.state(time_ns);
        // At the middle of the minute, so that every row of it sees the same load whatever the row
        // it begins with.
        (self.means, self.deviations) =
            motor.healthy(self.state, minute_ns.saturating_add(MINUTE_NS / 2));
        self.active.clear();
        for (index, fault) in motor.faults.iter().enumerate() {
            let repaired_ns = fault
                .failure_ns()
                .map(|ns| ns.saturating_add(motor.repair_ns));
            for edge_ns in [Some(fault.start_ns), Some(fault.end_ns), repaired_ns]
                .into_iter()
                .flatten()
            {
                if edge_ns > time_ns {
                    self.until_ns = self.until_ns.min(edge_ns);
                }
            }
            let is_active = (fault.start_ns..fault.end_ns).contains(&time_ns);
            if is_active && self.state != OperatingState::Off {
                self.active.push(index);
            }
        }
    }

    /// The readings at a time that this moment covers.
    #[inline]
    pub(crate) fn read(&self, motor: &Motor, time_ns: i64) -> Readings {
        debug_assert!(self.covers(time_ns), "the caller moves the moment first");
        let mut random = generator(motor.seed, time_ns as u64);
        let mut values = [0.0; 4];
        for (signal, value) in values.iter_mut().enumerate() {
            let z: f64 = random.sample(StandardNormal);
            *value = self.means[signal] + self.deviations[signal] * z;
        }
        if !self.active.is_empty() {
            self.apply_faults(motor, time_ns, &mut values, &mut random);
        }
        if self.state == OperatingState::Off {
            // The limits are those of an energised motor; only the floor of the vibration sensor
            // remains.
            let [voltage_v, _, _, vibration_g] = values;
            return quantize([voltage_v, 0.0, 0.0, vibration_g.max(LIMITS[3].0)]);
        }
        for (value, (low, high)) in values.iter_mut().zip(LIMITS) {
            *value = value.clamp(low, high);
        }
        quantize(values)
    }

    fn apply_faults(
        &self,
        motor: &Motor,
        time_ns: i64,
        values: &mut [f64; 4],
        random: &mut SplitMix64,
    ) {
        let faults = || self.active.iter().map(|&index| &motor.faults[index]);
        for fault in faults() {
            let signal = fault.signal as usize;
            let (low, high) = LIMITS[signal];
            let mean = self.means[signal];
            // Symmetric bounds: clamping a wide distribution on one side only would move its mean.
            let room = (mean - low).min(high - mean).max(0.0);
            if let Some(gain) = fault.noise_gain() {
                values[signal] = mean + ((values[signal] - mean) * gain).clamp(-room, room);
            }
        }
        for fault in faults() {
            let value = &mut values[fault.signal as usize];
            *value = fault.shifted(*value, time_ns, random);
        }
    }
}

#[inline]
fn quantize([voltage_v, current_a, power_factor, vibration_g]: [f64; 4]) -> Readings {
    let count = |value: f64, scale: f64| (value * scale + 0.5) as u64;
    Readings {
        voltage_e2: count(voltage_v, 1e2),
        current_e2: count(current_a, 1e2),
        power_factor_e4: count(power_factor, 1e4),
        vibration_e4: count(vibration_g, 1e4),
    }
}
