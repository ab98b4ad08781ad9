//! What the gear indicators share: the frequencies of a call, and records at even steps.

use analytics::indicators::Mesh;
use analytics::statistics::is_regular;
use datafusion_common::Result;

use crate::collected::{Call, Formula, Timed};

/// The most rows of a record: every harmonic and sideband is one pass over it with two trigonometric functions per row.
pub(super) const COUNT_MAX: usize = 200_000;

/// Harmonics that count unless the call says otherwise.
const HARMONICS: usize = 3;

/// The most harmonics.
const HARMONICS_MAX: usize = 20;

/// The frequencies of a call, per unit of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gear {
    mesh: f64,
    shaft: f64,
    harmonics: usize,
    has_timestamps: bool,
}

impl Gear {
    /// Reads the options `mesh`, `shaft` and `harmonics`.
    pub(super) fn of(call: &Call) -> Result<Self> {
        let expected = "a number above 0";
        Ok(Self {
            mesh: call.float("mesh", 0.0, expected, |mesh| mesh > 0.0)?,
            shaft: call.float("shaft", 0.0, expected, |shaft| shaft > 0.0)?,
            harmonics: call.count("harmonics", HARMONICS, 1, HARMONICS_MAX)?,
            has_timestamps: call.has_timestamps(),
        })
    }

    /// A formula over the values of a record and the gear in cycles per row; NULL where the steps are not even.
    pub(super) fn formula(
        self,
        indicator: impl Fn(&[f64], Mesh) -> Option<f64> + Send + Sync + 'static,
    ) -> Formula<Timed, f64> {
        Formula::new(move |rows: &[Timed]| {
            let times = Timed::times(rows, self.has_timestamps);
            let steps = times.len().checked_sub(1).filter(|steps| *steps > 0)?;
            if !is_regular(&times) {
                return None;
            }
            let step = (times[steps] - times[0]) / steps as f64;
            let mesh = Mesh {
                mesh: self.mesh * step,
                shaft: self.shaft * step,
                harmonics: self.harmonics,
            };
            indicator(&Timed::values(rows), mesh)
        })
    }
}

#[cfg(test)]
pub(super) mod testing {
    use arrow::array::ArrayRef;

    use crate::collected::testing::values;
    use crate::window::testing::seconds;

    /// Two turns of a gear of eight teeth, 64 rows a turn, with one tooth that knocks.
    pub(crate) fn record() -> Vec<f64> {
        let sample = |i: i32| {
            let teeth = (std::f64::consts::TAU * f64::from(i) / 8.0).cos();
            let knock = if i % 64 == 20 { 1.5 } else { 0.0 };
            teeth + knock + f64::from(i * i % 7) / 20.0
        };
        (0..128).map(sample).collect()
    }

    /// The record with timestamps, at so many rows a second.
    pub(crate) fn timed(rate: f64) -> [ArrayRef; 2] {
        let times: Vec<f64> = (0..128).map(|i| f64::from(i) / rate).collect();
        [values(&record()), seconds(&times)]
    }
}
