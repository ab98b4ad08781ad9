//! Faults put by arithmetic into a recording that has none.

use crate::{LEARNED, Recording};

/// Rows of a stretch of the recording, and from where to where a fault is put in.
const STRETCH: usize = 1150;
const FAULT: std::ops::Range<usize> = 600..1000;

/// Rows from the begin of one stretch to that of the next.
const STEP: usize = 375;

/// A way to be faulty.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The level is off by so many of its standard deviations.
    Shift(f64),
    /// The level moves away, and is off by so many at the end.
    Drift(f64),
    /// Deviations from the mean are so many times what they were.
    Spread(f64),
}

const FAULTS: [Fault; 3] = [Fault::Shift(2.0), Fault::Drift(4.0), Fault::Spread(3.0)];

/// Overlapping parts of the recordings.
pub(crate) fn stretches(recordings: &[Recording]) -> Vec<Recording> {
    let mut stretches = Vec::new();
    for recording in recordings {
        let rows = recording.is_anomaly.len();
        for start in (0..rows.saturating_sub(STRETCH)).step_by(STEP) {
            let part = |sensor: &Vec<f64>| sensor[start..start + STRETCH].to_vec();
            stretches.push(Recording {
                sensors: recording.sensors.iter().map(part).collect(),
                is_anomaly: vec![false; STRETCH],
            });
        }
    }
    stretches
}

/// Every stretch with every sensor at fault in every way.
pub(crate) fn with_faults(stretches: &[Recording]) -> Vec<Recording> {
    let mut faulty = Vec::new();
    for (number, stretch) in stretches.iter().enumerate() {
        for sensor in 0..stretch.sensors.len() {
            // Half of them up and half of them down.
            let side = if (number + sensor).is_multiple_of(2) {
                1.0
            } else {
                -1.0
            };
            for fault in FAULTS {
                let mut sensors = stretch.sensors.clone();
                fault.put_into(&mut sensors[sensor], side);
                faulty.push(Recording {
                    sensors,
                    is_anomaly: (0..STRETCH).map(|row| FAULT.contains(&row)).collect(),
                });
            }
        }
    }
    faulty
}

impl Fault {
    fn put_into(self, values: &mut [f64], side: f64) {
        let learned = &values[..LEARNED];
        let mean = learned.iter().sum::<f64>() / LEARNED as f64;
        let squares: f64 = learned
            .iter()
            .map(|value| (value - mean) * (value - mean))
            .sum();
        let sigma = (squares / LEARNED as f64).sqrt();
        for (row, value) in values[FAULT].iter_mut().enumerate() {
            match self {
                Self::Shift(sigmas) => *value += side * sigmas * sigma,
                Self::Drift(sigmas) => {
                    *value += side * sigmas * sigma * row as f64 / FAULT.len() as f64
                }
                Self::Spread(times) => *value = mean + times * (*value - mean),
            }
        }
    }
}
