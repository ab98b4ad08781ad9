//! The labels: what was injected, where and when, against which detectors are judged.

use crate::fault::{Effect, FaultKind, Occurrence, Race, Severity, Signal};
use crate::motor::Motor;

/// One injected fault occurrence, active in `[start_ns, end_ns)`. It shows only while the motor is
/// energised.
#[derive(Debug, Clone, PartialEq)]
pub struct InjectedFault {
    /// The motor.
    pub asset_id: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How badly.
    pub severity: Severity,
    /// The field in which it shows. A fault of voltage, current or power factor moves `power_kw`
    /// too.
    pub signal: Signal,
    /// When it begins, UTC nanoseconds.
    pub start_ns: i64,
    /// When it ends; for [`FaultKind::Bearing`] the failure, after which the motor stands OFF for
    /// repair.
    pub end_ns: i64,
    /// How much: volts, amperes, a decrease of the power factor, or a factor of vibration; for
    /// [`FaultKind::Jitter`] a factor of the standard deviation.
    pub amount: f64,
    /// A sentence for people.
    pub description: String,
}

/// The occurrences of all motors by beginning, then asset.
pub(crate) fn injected_faults(motors: &[Motor]) -> Vec<InjectedFault> {
    let mut faults: Vec<InjectedFault> = motors
        .iter()
        .flat_map(|motor| motor.faults().iter().map(|fault| injected(motor, fault)))
        .collect();
    // Stable: motors come in order already, whereas their ids do not sort as text beyond 99.
    faults.sort_by_key(|fault| fault.start_ns);
    faults
}

fn injected(motor: &Motor, fault: &Occurrence) -> InjectedFault {
    InjectedFault {
        asset_id: motor.id().to_owned(),
        kind: fault.kind(),
        severity: fault.severity,
        signal: fault.signal,
        start_ns: fault.start_ns,
        end_ns: fault.end_ns,
        amount: fault.amount,
        description: description(fault),
    }
}

fn description(fault: &Occurrence) -> String {
    let amount = fault.amount;
    let change = match fault.signal {
        Signal::VoltageV => format!("{amount} V above normal"),
        Signal::CurrentA => format!("{amount} A above normal"),
        Signal::PowerFactor => format!("{amount} below normal"),
        Signal::VibrationG => format!("{amount} times normal"),
    };
    let signal = fault.signal;
    match &fault.effect {
        Effect::Spike => format!("{signal} jumps to {change}"),
        Effect::Drift => format!("{signal} drifts to {change}"),
        Effect::Jitter => {
            format!("{signal} scatters {amount} times as much around its normal mean")
        }
        Effect::Bearing(defect) => {
            let (ring, name) = match defect.race {
                Race::Outer => ("outer", "BPFO"),
                Race::Inner => ("inner", "BPFI"),
            };
            let strike_hz = defect.strike_hz();
            format!(
                "wear of the bearing's {ring} ring ({name} {strike_hz:.1} Hz): \
                 {signal} grows exponentially to {change} at failure"
            )
        }
    }
}

impl InjectedFault {
    /// Appends one line of line protocol. No text of ours holds a character that needs escaping.
    pub(crate) fn write_line_protocol(&self, out: &mut Vec<u8>) {
        let Self {
            asset_id,
            kind,
            severity,
            signal,
            start_ns,
            end_ns,
            amount,
            description,
        } = self;
        let line = format!(
            "injected_faults,asset_id={asset_id},kind={kind},severity={severity},signal={signal} \
             start_ns={start_ns}i,end_ns={end_ns}i,amount={amount},\
             description=\"{description}\" {start_ns}\n"
        );
        out.extend_from_slice(line.as_bytes());
    }
}
