//! The description of a fleet: plain data, read from TOML. `data/fleet.toml` is embedded and *is*
//! the default, so the file people copy and the built-in fleet cannot differ.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fault::{FaultKind, Severity, Signal};
use crate::motor::motor_number;

/// The commented default configuration, as text; a starting point for a user's own file.
pub const DEFAULT_FLEET_TOML: &str = include_str!("../../../data/fleet.toml");

/// Largest number of motors in a fleet. Each takes about half a kilobyte.
pub const MOTORS_MAX: u32 = 1_000_000;

/// Largest number of fault occurrences in a fleet, after `repeats` is expanded.
pub const OCCURRENCES_MAX: usize = 100_000;

/// A fleet of motors and the faults injected into it. All times of faults count back from the *end*
/// that [`Fleet::new`](crate::Fleet::new) is given: the end of the back-fill, "now" for a demo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetConfig {
    /// Every random choice follows from it: equal seeds give equal rows. Default 42.
    pub seed: u64,
    /// Number of motors, `motor-01` onwards; 1 to [`MOTORS_MAX`]. Default 24. A motor's rows do not
    /// depend on how many others there are.
    pub motors: u32,
    /// Time between two rows of one motor, 1 ms to 1 day. Default 1 s; `10ms` is 100 Hz. Shorter
    /// means more rows and more of the bearing impulses seen. Row times are multiples of it.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// Every n-th motor works in shifts (06:00 to 22:00 UTC with idle times) and the others run all
    /// day; 0 means that none does. Default 4. Smaller means more IDLE and OFF rows.
    pub shift_every: u32,
    /// How long a motor stands OFF for repair after a bearing has failed, 0 s to 365 days. Default
    /// 4 h.
    #[serde(with = "humantime_serde")]
    pub repair: Duration,
    /// The faults to inject. Several may hit one motor; their effects add up.
    #[serde(rename = "fault", default)]
    pub faults: Vec<FaultConfig>,
}

/// One scheduled fault, possibly repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultConfig {
    /// The motor, such as `motor-03`.
    pub asset: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// The field in which it shows; `vibration_g` for [`FaultKind::Bearing`].
    pub signal: Signal,
    /// How badly. The amount is drawn from the range of the severity.
    pub severity: Severity,
    /// How long before the end the (first) occurrence begins.
    #[serde(with = "humantime_serde")]
    pub starts_before_end: Duration,
    /// How long one occurrence lasts; for a bearing, the time from onset to failure. An occurrence
    /// that outlasts the end is still running "now" and goes on in live rows.
    #[serde(with = "humantime_serde")]
    pub lasts: Duration,
    /// Number of occurrences, 1 by default. Occurrences after the end appear in live rows.
    #[serde(default = "once")]
    pub repeats: u32,
    /// Time from the beginning of one occurrence to that of the next; needed when `repeats` is
    /// above 1.
    #[serde(
        default,
        with = "humantime_serde",
        skip_serializing_if = "Option::is_none"
    )]
    pub every: Option<Duration>,
    /// The exact amount instead of a random one, inside the range of the severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<f64>,
}

fn once() -> u32 {
    1
}

impl Default for FleetConfig {
    fn default() -> Self {
        Self::parse(DEFAULT_FLEET_TOML).expect("the embedded file is parsed by a test")
    }
}

impl FleetConfig {
    /// Reads a configuration from TOML. Unknown keys are errors; the fleet itself is checked by
    /// [`Fleet::new`](crate::Fleet::new).
    pub fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// The same configuration for another number of motors, without the faults of motors that are
    /// no longer there.
    #[must_use]
    pub fn resized(mut self, motors: u32) -> Self {
        let before = self.motors;
        let lost = |asset: &str| motor_number(asset).is_some_and(|n| n > motors && n <= before);
        self.faults.retain(|fault| !lost(&fault.asset));
        self.motors = motors;
        self
    }

    /// Checks what does not need the fault schedule, and gives the interval and the repair time in
    /// nanoseconds.
    pub(crate) fn checked_times_ns(&self) -> Result<(i64, i64)> {
        const MS: i64 = 1_000_000;
        const DAY: i64 = 86_400_000 * MS;
        if !(1..=MOTORS_MAX).contains(&self.motors) {
            let value = self.motors.to_string();
            return Err(Error::OutOfRange {
                setting: "motors",
                value,
                min: "1",
                max: "1000000",
            });
        }
        let within =
            |setting, time: Duration, low: (i64, &'static str), high: (i64, &'static str)| {
                let time_ns = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
                if (low.0..=high.0).contains(&time_ns) {
                    return Ok(time_ns);
                }
                let value = format!("{time:?}");
                Err(Error::OutOfRange {
                    setting,
                    value,
                    min: low.1,
                    max: high.1,
                })
            };
        let interval_ns = within("interval", self.interval, (MS, "1ms"), (DAY, "1day"))?;
        let repair_ns = within("repair", self.repair, (0, "0s"), (365 * DAY, "365days"))?;
        Ok((interval_ns, repair_ns))
    }
}
