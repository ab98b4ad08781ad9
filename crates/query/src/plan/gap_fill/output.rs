//! The rows that gap filling has decided on, until there are enough for a batch.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampNanosecondArray, UInt64Array,
    new_null_array,
};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{Result, internal_err};

use super::exec::Spec;
use super::filler::{Number, Slot};
use super::rows::Rows;

/// Rows of the result.
#[derive(Debug)]
pub(super) struct Output {
    spec: Arc<Spec>,
    schema: SchemaRef,
    times: Vec<Option<i64>>,
    /// A row of the same group.
    group: Vec<u64>,
    /// The row of the input; `None` in a gap.
    given: Vec<Option<u64>>,
    /// For each filled column.
    filled: Vec<Vec<Slot>>,
}

/// Where values come from: pieces of the input after what is not from there.
const NULL: usize = 0;
const EXTRA: usize = 1;
const PIECES: usize = 2;

impl Output {
    pub(super) fn new(spec: Arc<Spec>, schema: SchemaRef) -> Self {
        Self {
            filled: vec![Vec::new(); spec.filled.len()],
            spec,
            schema,
            times: Vec::new(),
            group: Vec::new(),
            given: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Adds a row of the group that `group` is a row of.
    pub(super) fn push(
        &mut self,
        time: Option<i64>,
        group: u64,
        given: Option<u64>,
        filled: impl Iterator<Item = Slot>,
    ) {
        self.times.push(time);
        self.group.push(group);
        self.given.push(given);
        for (slots, slot) in self.filled.iter_mut().zip(filled) {
            slots.push(slot);
        }
    }

    /// The rows so far; it begins anew.
    pub(super) fn take(&mut self, rows: &Rows) -> Result<RecordBatch> {
        let places = Places::of(rows);
        let spec = Arc::clone(&self.spec);
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for at in 0..spec.column_count {
            columns.push(if at == spec.time {
                self.bins(at)
            } else if spec.group.contains(&at) {
                let group = self.group.iter().map(|&row| Slot::Row(row));
                places.column(rows, at, group, None)?
            } else {
                let given = self
                    .given
                    .iter()
                    .map(|row| row.map_or(Slot::Null, Slot::Row));
                places.column(rows, at, given, None)?
            });
        }
        for (at, filled) in spec.filled.iter().enumerate() {
            let slots = &self.filled[at];
            let kind = self.schema.field(spec.column_count + at).data_type();
            let extra = match &filled.constant {
                Some(constant) => Some(constant.to_array()?),
                None => computed(slots, kind)?,
            };
            let slots = slots.iter().copied();
            columns.push(places.column(rows, spec.column_count + at, slots, extra)?);
        }
        self.times.clear();
        self.group.clear();
        self.given.clear();
        self.filled.iter_mut().for_each(Vec::clear);
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    fn bins(&self, at: usize) -> ArrayRef {
        let zone = match self.schema.field(at).data_type() {
            DataType::Timestamp(_, zone) => zone.clone(),
            _ => None,
        };
        let bins = TimestampNanosecondArray::from(self.times.clone());
        Arc::new(bins.with_timezone_opt(zone))
    }
}

/// The values that were computed, in the type of their column.
fn computed(slots: &[Slot], kind: &DataType) -> Result<Option<ArrayRef>> {
    let values = || {
        slots.iter().filter_map(|slot| match slot {
            Slot::Computed(value) => Some(*value),
            _ => None,
        })
    };
    if values().next().is_none() {
        return Ok(None);
    }
    Ok(Some(match kind {
        DataType::Float64 => Arc::new(Float64Array::from_iter_values(
            values().map(Number::as_float),
        )),
        DataType::Int64 => {
            let (min, max) = (i128::from(i64::MIN), i128::from(i64::MAX));
            let whole = values().map(|value| value.as_whole().clamp(min, max) as i64);
            Arc::new(Int64Array::from_iter_values(whole))
        }
        DataType::UInt64 => {
            let max = i128::from(u64::MAX);
            let whole = values().map(|value| value.as_whole().clamp(0, max) as u64);
            Arc::new(UInt64Array::from_iter_values(whole))
        }
        other => return internal_err!("values between are not computed as {other}"),
    }))
}

/// Finds rows in the pieces they are in.
struct Places {
    starts: Vec<u64>,
}

impl Places {
    fn of(rows: &Rows) -> Self {
        Self {
            starts: rows.pieces().map(|(first, _)| first).collect(),
        }
    }

    fn column(
        &self,
        rows: &Rows,
        at: usize,
        slots: impl Iterator<Item = Slot>,
        extra: Option<ArrayRef>,
    ) -> Result<ArrayRef> {
        let mut computed = 0;
        let mut piece = 0;
        let indices = slots.map(|slot| match slot {
            Slot::Null => (NULL, 0),
            Slot::Constant => (EXTRA, 0),
            Slot::Computed(_) => {
                computed += 1;
                (EXTRA, computed - 1)
            }
            Slot::Row(row) => {
                // Most rows are in the piece of the one before.
                let is_in = |piece: usize| {
                    self.starts.get(piece).is_some_and(|&start| start <= row)
                        && self.starts.get(piece + 1).is_none_or(|&next| row < next)
                };
                if !is_in(piece) {
                    piece = self.starts.partition_point(|&start| start <= row) - 1;
                }
                let place = usize::try_from(row - self.starts[piece]);
                (PIECES + piece, place.expect("a batch has fewer rows"))
            }
        });
        let indices: Vec<_> = indices.collect();
        let kind = match rows.pieces().next() {
            Some((_, piece)) => piece.columns[at].data_type().clone(),
            None => return internal_err!("there are no rows without a group"),
        };
        let null = new_null_array(&kind, 1);
        let extra = extra.unwrap_or_else(|| Arc::clone(&null));
        let mut sources: Vec<&dyn Array> = vec![&null, &extra];
        sources.extend(rows.pieces().map(|(_, piece)| piece.columns[at].as_ref()));
        Ok(interleave(&sources, &indices)?)
    }
}
