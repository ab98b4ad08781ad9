//! What can go wrong with a motor: the kinds of faults, how large each is by severity, and what it
//! does to a reading.
//!
//! | kind    | effect on its signal over the occurrence                                      |
//! |---------|-------------------------------------------------------------------------------|
//! | SPIKE   | the full amount from beginning to end                                         |
//! | DRIFT   | a straight line from nothing at the beginning to the full amount at the end   |
//! | JITTER  | the mean stays healthy, the standard deviation is multiplied                  |
//! | BEARING | mean vibration grows exponentially to its factor at failure, in part impulses |
//!
//! | amount       | MILD         | MEDIUM       | SEVERE       | meaning                      |
//! |--------------|--------------|--------------|--------------|------------------------------|
//! | voltage_v    | 5 to 10      | 10 to 25     | 25 to 50     | added, volts                 |
//! | current_a    | 1 to 3       | 3 to 7       | 7 to 15      | added, amperes               |
//! | power_factor | 0.05 to 0.08 | 0.08 to 0.15 | 0.15 to 0.30 | subtracted                   |
//! | vibration_g  | 1.3 to 1.8   | 2 to 4       | 5 to 15      | factor                       |
//! | any, JITTER  | 1.5 to 2     | 2 to 3       | 3 to 5       | factor of standard deviation |

use std::fmt;

use rand::RngExt;
use rand_xoshiro::SplitMix64;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FaultKind {
    /// A sudden excursion, usually of seconds.
    Spike,
    /// A slow departure over hours.
    Drift,
    /// A healthy mean with a larger variance, which single readings hardly show.
    Jitter,
    /// Wear of a rolling bearing, run to failure.
    Bearing,
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Worth noticing.
    Mild,
    /// Worth planning for.
    Medium,
    /// Worth acting on at once.
    Severe,
}

/// The measured field in which a fault shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Supply voltage in volts.
    VoltageV,
    /// Motor current in amperes.
    CurrentA,
    /// Power factor, 0 to 1.
    PowerFactor,
    /// Vibration in g.
    VibrationG,
}

impl Signal {
    /// Every signal, in the order of the fields of a row.
    pub const ALL: [Self; 4] = [
        Self::VoltageV,
        Self::CurrentA,
        Self::PowerFactor,
        Self::VibrationG,
    ];
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spike => "SPIKE",
            Self::Drift => "DRIFT",
            Self::Jitter => "JITTER",
            Self::Bearing => "BEARING",
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mild => "MILD",
            Self::Medium => "MEDIUM",
            Self::Severe => "SEVERE",
        })
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VoltageV => "voltage_v",
            Self::CurrentA => "current_a",
            Self::PowerFactor => "power_factor",
            Self::VibrationG => "vibration_g",
        })
    }
}

/// Least and largest amount of a fault; see the table above.
pub(crate) fn amount_range(kind: FaultKind, signal: Signal, severity: Severity) -> (f64, f64) {
    let by_severity = match (kind, signal) {
        (FaultKind::Jitter, _) => [(1.5, 2.0), (2.0, 3.0), (3.0, 5.0)],
        (_, Signal::VoltageV) => [(5.0, 10.0), (10.0, 25.0), (25.0, 50.0)],
        (_, Signal::CurrentA) => [(1.0, 3.0), (3.0, 7.0), (7.0, 15.0)],
        (_, Signal::PowerFactor) => [(0.05, 0.08), (0.08, 0.15), (0.15, 0.30)],
        (_, Signal::VibrationG) => [(1.3, 1.8), (2.0, 4.0), (5.0, 15.0)],
    };
    by_severity[severity as usize]
}

/// How an occurrence acts; a [`FaultKind`] with what that kind needs.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    Spike,
    Drift,
    Jitter,
    Bearing(Defect),
}

/// One occurrence of a fault on one motor, active in [start, end).
#[derive(Debug, Clone)]
pub(crate) struct Occurrence {
    pub(crate) effect: Effect,
    pub(crate) signal: Signal,
    pub(crate) severity: Severity,
    pub(crate) amount: f64,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
}

impl Occurrence {
    pub(crate) fn kind(&self) -> FaultKind {
        match self.effect {
            Effect::Spike => FaultKind::Spike,
            Effect::Drift => FaultKind::Drift,
            Effect::Jitter => FaultKind::Jitter,
            Effect::Bearing(_) => FaultKind::Bearing,
        }
    }

    /// When the motor trips and stands still: the end of a bearing's life.
    pub(crate) fn failure_ns(&self) -> Option<i64> {
        matches!(self.effect, Effect::Bearing(_)).then_some(self.end_ns)
    }

    /// The factor of the healthy standard deviation, if that is what the fault changes.
    pub(crate) fn noise_gain(&self) -> Option<f64> {
        matches!(self.effect, Effect::Jitter).then_some(self.amount)
    }

    /// The reading with this fault, given the reading without it. `random` has been used for the
    /// healthy noise already, so a fault draws from it without changing any other signal.
    pub(crate) fn shifted(&self, value: f64, time_ns: i64, random: &mut SplitMix64) -> f64 {
        match &self.effect {
            Effect::Spike => self.displaced(value, 1.0),
            Effect::Drift => self.displaced(value, self.progress(time_ns)),
            Effect::Jitter => value,
            Effect::Bearing(defect) => {
                let growth = self.amount.powf(self.progress(time_ns)) - 1.0;
                let impulse = defect.impulse(time_ns.saturating_sub(self.start_ns), random);
                value * (1.0 + growth * (1.0 - IMPULSIVE_SHARE + IMPULSIVE_SHARE * impulse))
            }
        }
    }

    fn displaced(&self, value: f64, share: f64) -> f64 {
        match self.signal {
            Signal::VoltageV | Signal::CurrentA => value + share * self.amount,
            Signal::PowerFactor => value - share * self.amount,
            Signal::VibrationG => value * (1.0 + share * (self.amount - 1.0)),
        }
    }

    fn progress(&self, time_ns: i64) -> f64 {
        let elapsed_ns = time_ns.saturating_sub(self.start_ns);
        elapsed_ns as f64 / self.end_ns.saturating_sub(self.start_ns) as f64
    }
}

/// The part of the growth that comes as impulses; the rest is broadband roughness of the raceways.
/// Peaks then reach about three times the mean, and kurtosis rises as it does on worn bearings.
const IMPULSIVE_SHARE: f64 = 0.4;

/// Time constant of the ringing after a ball has struck the defect, of the order of measured casing
/// resonances.
const RINGING_S: f64 = 0.002;

/// Ball-pass frequencies per shaft revolution of the 6205 deep-groove bearing (nine balls of 7.94
/// mm on a pitch circle of 39.04 mm), as published with the Case Western Reserve University bearing
/// data.
const BPFO_PER_REVOLUTION: f64 = 3.5848;
const BPFI_PER_REVOLUTION: f64 = 5.4152;

/// The ring of a bearing that carries the defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Race {
    Outer,
    Inner,
}

/// A local defect of a bearing: every ball that passes strikes it and the casing rings. What is
/// sampled is the envelope of that, at whatever interval the fleet has, so slow sampling catches an
/// impulse now and then, as slow sampling does.
#[derive(Debug, Clone)]
pub(crate) struct Defect {
    pub(crate) race: Race,
    shaft_hz: f64,
}

impl Defect {
    pub(crate) fn new(race: Race, shaft_hz: f64) -> Self {
        Self { race, shaft_hz }
    }

    /// How often a ball strikes the defect: BPFO or BPFI.
    pub(crate) fn strike_hz(&self) -> f64 {
        match self.race {
            Race::Outer => BPFO_PER_REVOLUTION * self.shaft_hz,
            Race::Inner => BPFI_PER_REVOLUTION * self.shaft_hz,
        }
    }

    /// The envelope at a time after the onset; its mean over time is 1.
    fn impulse(&self, elapsed_ns: i64, random: &mut SplitMix64) -> f64 {
        let elapsed_s = elapsed_ns as f64 * 1e-9;
        let strikes = elapsed_s * self.strike_hz();
        let period_s = 1.0 / self.strike_hz();
        let ringing = (-strikes.fract() * period_s / RINGING_S).exp();
        let ringing_mean = RINGING_S / period_s * (1.0 - (-period_s / RINGING_S).exp());
        // A defect of the inner ring turns with the shaft in and out of the loaded zone (McFadden
        // and Smith 1984).
        let load = match self.race {
            Race::Outer => 1.0,
            Race::Inner => {
                1.0 + (std::f64::consts::TAU * (elapsed_s * self.shaft_hz).fract()).cos()
            }
        };
        let strength: f64 = 0.5 + random.random::<f64>();
        ringing / ringing_mean * load * strength
    }
}
