//! What the functions of a trend and a threshold share: their options, and the result as a struct.

use std::sync::Arc;

use analytics::rul::{Line, Rul};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;

use crate::aggregate::{Mapping, Reading};
use crate::collected::output::floats;
use crate::collected::{Call, Record, Struct};

/// The level of confidence of bounds, by default.
pub(super) const CONFIDENCE: f64 = 0.95;

/// The shape of a trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trend {
    /// A line.
    Linear,
    /// A line through the logarithms.
    Exponential,
}

impl Trend {
    /// The value or threshold as the line has it; `None` where it has no place on it.
    fn on_line(self, value: f64) -> Option<f64> {
        match self {
            Self::Linear => Some(value),
            Self::Exponential => (value > 0.0).then(|| value.ln()),
        }
    }

    /// How values are put on the line.
    pub(super) fn mapping(self) -> Option<Mapping<(f64, i64)>> {
        if self == Self::Linear {
            return None;
        }
        Some(Arc::new(move |(value, time)| {
            Some((self.on_line(value)?, time))
        }))
    }

    /// The option `threshold` as the line has it.
    pub(super) fn threshold(self, call: &Call) -> Result<f64> {
        let (expected, is_valid): (_, fn(f64) -> bool) = match self {
            Self::Linear => ("a number", |_| true),
            Self::Exponential => ("a number above 0", |threshold| threshold > 0.0),
        };
        let threshold = call.float("threshold", 0.0, expected, is_valid)?;
        Ok(self.on_line(threshold).unwrap_or(f64::NAN))
    }

    /// When the line reaches the threshold, with bounds at the option `confidence`, as a struct.
    pub(super) fn rul(self, call: &Call) -> Result<Reading<Line, Struct<Rul>>> {
        let (threshold, confidence) = (self.threshold(call)?, confidence(call)?);
        let unit = unit(call);
        Ok(Arc::new(move |line: &Line| {
            line.first_passage(threshold, confidence, unit).map(Struct)
        }))
    }
}

/// Ticks per unit of the result: seconds, or units of an integer time.
pub(super) fn unit(call: &Call) -> f64 {
    if call.has_timestamps() { 1e9 } else { 1.0 }
}

/// The option `confidence`: above 0 and below 1.
pub(crate) fn confidence(call: &Call) -> Result<f64> {
    call.float(
        "confidence",
        CONFIDENCE,
        "a number above 0 and below 1",
        |share| share > 0.0 && share < 1.0,
    )
}

impl Record for Rul {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        ["rul", "lower", "upper", "r2"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |rul| Some(rul.rul)),
            floats(records, |rul| Some(rul.lower)),
            floats(records, |rul| Some(rul.upper)),
            floats(records, |rul| Some(rul.r2)),
        ]
    }
}
