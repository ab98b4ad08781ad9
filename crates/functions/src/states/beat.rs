//! [`Beat`]: a sign of life, and what the functions over them share.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use analytics::states::live_ranges;
use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, plan_err};

use crate::collected::rows::{time_integers, time_types};
use crate::collected::{Call, Row};
use crate::span;

/// The time of a sign of life.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Beat(pub(crate) i64);

impl Row for Beat {
    const WIDTH: usize = 1;

    fn signatures() -> Vec<Vec<DataType>> {
        time_types().map(|time| vec![time]).to_vec()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let times = time_integers(&columns[0])?;
        for (row, time) in times.iter().enumerate() {
            if let Some(time) = time {
                each(row, Self(time));
            }
        }
        Ok(())
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        _types: &[DataType],
    ) -> Vec<ArrayRef> {
        vec![Arc::new(Int64Array::from_iter_values(
            rows.map(|beat| beat.0),
        ))]
    }

    fn order(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

/// The options of every function over signs of life: how long one is good for, and the time that is looked at.
pub(crate) const OPTIONS: &[(&str, DataType)] = &[
    ("liveness", DataType::Utf8),
    ("from", DataType::Utf8),
    ("to", DataType::Utf8),
];

/// Those options, read.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    liveness: i64,
    /// The time that is looked at.
    pub(crate) within: Option<Range<i64>>,
    /// How many units of time make one of the results'.
    pub(crate) units: f64,
}

impl Watch {
    pub(crate) fn of(call: &Call) -> Result<Self> {
        let Some(liveness) = span::length(call, 0, "liveness")? else {
            return call.refuse("liveness", "given", &ScalarValue::Null);
        };
        let within = match (span::moment(call, 0, "from")?, span::moment(call, 0, "to")?) {
            (None, None) => None,
            (Some(from), Some(to)) if from <= to => Some(from..to),
            (Some(_), Some(_)) => return plan_err!("argument `from` must not be after `to`"),
            _ => return plan_err!("arguments `from` and `to` must be given together"),
        };
        Ok(Self {
            liveness,
            within,
            units: span::units(call, 0),
        })
    }

    /// When it was alive; `None` when nothing is known of it.
    pub(crate) fn live(&self, beats: &[Beat]) -> Option<Vec<Range<i64>>> {
        if beats.is_empty() && self.within.is_none() {
            return None;
        }
        let times: Vec<i64> = beats.iter().map(|beat| beat.0).collect();
        Some(live_ranges(&times, self.liveness, self.within.clone()))
    }
}
