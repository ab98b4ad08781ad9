//! The bins that a gap-filled query has a row for.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::{IntervalMonthDayNano, SchemaRef, TimestampNanosecondType};
use datafusion::common::{DataFusionError, Result, exec_datafusion_err, plan_err, resources_err};
use datafusion::physical_expr::PhysicalExpr;

use crate::plan::constant::nanoseconds;

/// Bins that do not have the same length, months or days of a time zone, are listed; there are at
/// most so many.
const LISTED_MAX: usize = 1_000_000;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// The starts of the bins from the first to the last, ascending.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Grid {
    /// Bins of one length.
    Regular { first: i64, last: i64, stride: i64 },
    /// All others.
    Listed(Arc<[i64]>),
}

impl Grid {
    /// No bins.
    pub(crate) fn empty() -> Self {
        Self::Listed(Arc::default())
    }

    /// The bins that hold times from `lower` to `upper`, both inclusive.
    pub(crate) fn over(binning: &Binning, lower: i64, upper: i64) -> Result<Self> {
        if lower > upper {
            return Ok(Self::empty());
        }
        let (first, last) = (binning.start_of(lower)?, binning.start_of(upper)?);
        match binning.regular_stride()? {
            Some(stride) => Ok(Self::Regular {
                first,
                last,
                stride,
            }),
            None => Ok(Self::Listed(binning.starts(first, last)?.into())),
        }
    }

    /// The start of the bin at this place.
    pub(crate) fn at(&self, place: u64) -> Option<i64> {
        match self {
            Self::Regular {
                first,
                last,
                stride,
            } => {
                let start = i128::from(*first) + i128::from(place) * i128::from(*stride);
                let start = i64::try_from(start).ok()?;
                (start <= *last).then_some(start)
            }
            Self::Listed(starts) => starts.get(usize::try_from(place).ok()?).copied(),
        }
    }
}

/// How a time is put into a bin.
#[derive(Debug)]
pub(crate) struct Binning {
    /// Length of a bin.
    pub(crate) stride: IntervalMonthDayNano,
    /// Bins follow a clock on the wall.
    pub(crate) is_wall_clock: bool,
    /// Maps a batch with one column of times to the starts of their bins.
    pub(crate) start: Arc<dyn PhysicalExpr>,
    /// The schema of that batch.
    pub(crate) schema: SchemaRef,
}

impl Binning {
    fn start_of(&self, time: i64) -> Result<i64> {
        let times = TimestampNanosecondArray::from(vec![time]);
        let times: ArrayRef = match self.schema.field(0).data_type() {
            arrow::datatypes::DataType::Timestamp(_, Some(zone)) => {
                Arc::new(times.with_timezone(Arc::clone(zone)))
            }
            _ => Arc::new(times),
        };
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), vec![times])?;
        let starts = self.start.evaluate(&batch)?.into_array(1)?;
        let starts = starts.as_primitive_opt::<TimestampNanosecondType>();
        let start = starts.and_then(|starts| starts.iter().next().flatten());
        start.ok_or_else(|| exec_datafusion_err!("no bin of this length holds the time {time}"))
    }

    /// The length of bins that all have the same.
    fn regular_stride(&self) -> Result<Option<i64>> {
        let stride = self.stride;
        let nanos = nanoseconds(stride);
        if (stride.months == 0 && nanos.is_none_or(|nanos| nanos <= 0)) || stride.months < 0 {
            return plan_err!("the interval of bins must be longer than nothing");
        }
        let is_regular = stride.months == 0 && !self.is_wall_clock;
        Ok(nanos.filter(|_| is_regular))
    }

    /// The starts of all bins between two of them. Only the function knows where one begins, so it
    /// is asked about a time that surely lies in a later bin, and then about what it may have
    /// skipped.
    fn starts(&self, first: i64, last: i64) -> Result<Vec<i64>> {
        let step = match self.stride.months {
            0 => nanoseconds(self.stride),
            months => i64::from(months).checked_mul(31 * DAY_NANOS),
        };
        let out_of_range = || exec_datafusion_err!("bins this long leave the range of times");
        let step = step.ok_or_else(out_of_range)?;
        let mut starts = vec![first];
        let mut start = first;
        while start < last {
            let mut later = start;
            let mut next = start;
            while next <= start {
                later = later.checked_add(step).ok_or_else(out_of_range)?;
                next = self.start_of(later)?;
            }
            next = self.first_after(start, next)?;
            starts.push(next);
            start = next;
            if starts.len() > LISTED_MAX {
                return too_many();
            }
        }
        Ok(starts)
    }

    /// The first bin after `start`, given a later one.
    fn first_after(&self, start: i64, mut later: i64) -> Result<i64> {
        loop {
            let before = self.start_of(later - 1)?;
            if before <= start || before >= later {
                return Ok(later);
            }
            later = before;
        }
    }
}

fn too_many() -> Result<Vec<i64>, DataFusionError> {
    resources_err!(
        "more than {LISTED_MAX} bins of changing length; ask for a shorter range or longer bins"
    )
}
