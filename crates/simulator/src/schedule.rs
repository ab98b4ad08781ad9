//! From the configured faults to their occurrences: times made absolute, repeats expanded, amounts
//! drawn, everything checked, so that rendering has nothing left to refuse.

use std::time::Duration;

use rand::{Rng, RngExt};

use crate::config::{FaultConfig, FleetConfig, OCCURRENCES_MAX};
use crate::error::{Error, Result};
use crate::fault::{Defect, Effect, FaultKind, Occurrence, Race, Signal, amount_range};
use crate::motor::{Motor, motor_id, motor_number};
use crate::noise::generator;

/// Gives every motor its occurrences, in the order of the configuration.
pub(crate) fn schedule(config: &FleetConfig, end_ns: i64, motors: &mut [Motor]) -> Result<()> {
    let mut count = 0usize;
    for (index, fault) in config.faults.iter().enumerate() {
        let number = index + 1;
        count = count.saturating_add(fault.repeats as usize);
        if count > OCCURRENCES_MAX {
            return Err(Error::TooManyOccurrences {
                max: OCCURRENCES_MAX,
            });
        }
        let plan = Plan::new(fault, number, end_ns)?;
        let motor = motor_number(&fault.asset)
            .and_then(|n| motors.get_mut(n as usize - 1))
            .ok_or_else(|| Error::UnknownAsset {
                fault: number,
                asset: fault.asset.clone(),
                last: motor_id(config.motors),
            })?;
        for repeat in 0..fault.repeats {
            let occurrence = plan.occurrence(motor, repeat);
            motor.push_fault(occurrence);
        }
    }
    Ok(())
}

/// A configured fault with its times in nanoseconds and its range of amounts.
struct Plan<'a> {
    fault: &'a FaultConfig,
    start_ns: i64,
    lasts_ns: i64,
    every_ns: i64,
    range: (f64, f64),
}

impl<'a> Plan<'a> {
    fn new(fault: &'a FaultConfig, number: usize, end_ns: i64) -> Result<Self> {
        if fault.kind == FaultKind::Bearing && fault.signal != Signal::VibrationG {
            let (kind, signal) = (fault.kind, fault.signal);
            return Err(Error::SignalMismatch {
                fault: number,
                kind,
                signal,
            });
        }
        let before_ns = duration_ns(fault.starts_before_end, number, "starts_before_end", 0)?;
        let lasts_ns = duration_ns(fault.lasts, number, "lasts", 1)?;
        let every_ns = duration_ns(fault.every.unwrap_or(fault.lasts), number, "every", 1)?;
        if fault.repeats == 0 {
            let value = fault.repeats.to_string();
            return Err(Error::OutOfRange {
                setting: "repeats",
                value,
                min: "1",
                max: "100000",
            });
        }
        if fault.repeats > 1 && (fault.every.is_none() || every_ns < lasts_ns) {
            return Err(Error::Overlap { fault: number });
        }
        let range = checked_range(fault, number)?;
        let start_ns = end_ns.saturating_sub(before_ns);
        Ok(Self {
            fault,
            start_ns,
            lasts_ns,
            every_ns,
            range,
        })
    }

    /// Draws what chance decides. The ordinal among the motor's own occurrences is the position in
    /// its random numbers, so a fault added to another motor changes nothing here.
    fn occurrence(&self, motor: &Motor, repeat: u32) -> Occurrence {
        let fault = self.fault;
        let mut random = generator(motor.fault_seed(), motor.faults().len() as u64);
        let (least, most) = self.range;
        // Four decimals keep the ground truth readable.
        let drawn = ((least + (most - least) * random.random::<f64>()) * 1e4).round() / 1e4;
        let race = if random.next_u64() >> 63 == 0 {
            Race::Outer
        } else {
            Race::Inner
        };
        let effect = match fault.kind {
            FaultKind::Spike => Effect::Spike,
            FaultKind::Drift => Effect::Drift,
            FaultKind::Jitter => Effect::Jitter,
            FaultKind::Bearing => Effect::Bearing(Defect::new(race, motor.shaft_hz())),
        };
        let later_ns = self.every_ns.saturating_mul(i64::from(repeat));
        let start_ns = self.start_ns.saturating_add(later_ns);
        Occurrence {
            effect,
            signal: fault.signal,
            severity: fault.severity,
            amount: fault.amount.unwrap_or(drawn),
            start_ns,
            end_ns: start_ns.saturating_add(self.lasts_ns),
        }
    }
}

fn checked_range(fault: &FaultConfig, number: usize) -> Result<(f64, f64)> {
    let &FaultConfig {
        kind,
        signal,
        severity,
        ..
    } = fault;
    let (min, max) = amount_range(kind, signal, severity);
    match fault.amount {
        Some(amount) if !(min..=max).contains(&amount) => Err(Error::AmountMismatch {
            fault: number,
            amount,
            severity,
            kind,
            signal,
            min,
            max,
        }),
        _ => Ok((min, max)),
    }
}

/// A duration in nanoseconds between `min_ns` and 200 years, which leaves room to add two of them
/// to a present time.
fn duration_ns(time: Duration, fault: usize, setting: &'static str, min_ns: i64) -> Result<i64> {
    const YEARS_200_NS: i64 = 200 * 365 * 86_400_000_000_000;
    i64::try_from(time.as_nanos())
        .ok()
        .filter(|time_ns| (min_ns..=YEARS_200_NS).contains(time_ns))
        .ok_or(Error::Duration { fault, setting })
}
