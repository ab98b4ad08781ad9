//! The rows that gap filling holds: those it has not answered yet, and those whose values it may still
//! have to repeat.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType, UInt64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::execution::memory_pool::MemoryReservation;

use super::exec::Spec;
use super::filler::Number;

/// Rows of the input, numbered as they come.
#[derive(Debug)]
pub(super) struct Rows {
    spec: Arc<Spec>,
    /// By the number of their first row.
    pieces: BTreeMap<u64, Piece>,
    end: u64,
    /// `None` if all rows are one group.
    converter: Option<RowConverter>,
    memory: MemoryReservation,
}

/// A batch of the input.
#[derive(Debug)]
pub(super) struct Piece {
    /// The columns of the input, and what the filled columns are made of.
    pub(super) columns: Vec<ArrayRef>,
    keys: Option<arrow::row::Rows>,
    /// The values of the filled columns that are curves.
    values: Vec<Option<Float64Array>>,
    row_count: usize,
    bytes: usize,
}

impl Rows {
    pub(super) fn new(
        spec: Arc<Spec>,
        kinds: Vec<DataType>,
        memory: MemoryReservation,
    ) -> Result<Self> {
        let converter = match kinds.is_empty() {
            true => None,
            false => {
                let fields = kinds.into_iter().map(SortField::new);
                Some(RowConverter::new(fields.collect())?)
            }
        };
        Ok(Self {
            spec,
            pieces: BTreeMap::new(),
            end: 0,
            converter,
            memory,
        })
    }

    /// The number of the row after the last one.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let row_count = batch.num_rows();
        if row_count == 0 {
            return Ok(());
        }
        let mut columns = batch.columns().to_vec();
        let mut values = Vec::new();
        for filled in &self.spec.filled {
            let source = filled.source.evaluate(batch)?.into_array(row_count)?;
            values.push(match filled.is_curve() {
                true => Some(cast(&source, &DataType::Float64)?.as_primitive().clone()),
                false => None,
            });
            columns.push(source);
        }
        let group = self.spec.group.iter().map(|&at| Arc::clone(&columns[at]));
        let group: Vec<_> = group.collect();
        let keys = self.converter.as_ref();
        let keys = keys.map(|keys| keys.convert_columns(&group)).transpose()?;
        let computed = values.iter().flatten().map(Array::get_array_memory_size);
        let bytes = get_record_batch_memory_size(batch)
            + computed.sum::<usize>()
            + keys.as_ref().map_or(0, arrow::row::Rows::size);
        self.memory.try_grow(bytes)?;
        let piece = Piece {
            columns,
            keys,
            values,
            row_count,
            bytes,
        };
        self.pieces.insert(self.end, piece);
        self.end += row_count as u64;
        Ok(())
    }

    /// Lets go of rows before `from` except those needed.
    pub(super) fn retain(&mut self, from: u64, needed: impl Iterator<Item = u64>) {
        let is_past = |(&first, piece): (&u64, &Piece)| first + piece.row_count as u64 <= from;
        let mut past: Vec<u64> = (self.pieces.iter().take_while(|&piece| is_past(piece)))
            .map(|(&first, _)| first)
            .collect();
        if past.is_empty() {
            return;
        }
        for row in needed {
            if let Some((kept, _)) = self.pieces.range(..=row).next_back() {
                past.retain(|first| first != kept);
            }
        }
        for first in past {
            if let Some(piece) = self.pieces.remove(&first) {
                self.memory.shrink(piece.bytes);
            }
        }
    }

    /// The piece that has a row, and the row's place in it.
    pub(super) fn find(&self, row: u64) -> (&Piece, usize) {
        let (first, piece) = self.pieces.range(..=row).next_back().expect(ROW_IS_HELD);
        (piece, usize::try_from(row - first).expect(ROW_IS_HELD))
    }

    /// All pieces, with the numbers of their first rows.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (u64, &Piece)> {
        self.pieces.iter().map(|(&first, piece)| (first, piece))
    }

    pub(super) fn time(&self, row: u64) -> Option<i64> {
        let (piece, at) = self.find(row);
        piece.time(&self.spec, at)
    }
}

const ROW_IS_HELD: &str = "rows are held until they have been answered";

impl Piece {
    pub(super) fn row_count(&self) -> usize {
        self.row_count
    }

    /// What tells the group of a row from others.
    pub(super) fn key(&self, at: usize) -> &[u8] {
        self.keys.as_ref().map_or(&[], |keys| keys.row(at).data())
    }

    /// Whether two rows are of one group.
    pub(super) fn has_key(&self, at: usize, key: &[u8]) -> bool {
        self.key(at) == key
    }

    pub(super) fn time(&self, spec: &Spec, at: usize) -> Option<i64> {
        let times = self.columns[spec.time].as_primitive::<TimestampNanosecondType>();
        times.is_valid(at).then(|| times.value(at))
    }

    /// The value of a filled column's source, for curves; 0 for others. `None` if it is missing.
    pub(super) fn value(&self, spec: &Spec, filled: usize, at: usize) -> Option<Number> {
        let source = &self.columns[spec.column_count + filled];
        let value = |values: &Float64Array| {
            let whole = source.as_primitive_opt::<Int64Type>();
            let whole = whole.map(|whole| i128::from(whole.value(at)));
            let unsigned = source.as_primitive_opt::<UInt64Type>();
            let unsigned = unsigned.map(|whole| i128::from(whole.value(at)));
            let float = || Number::Float(values.value(at));
            whole.or(unsigned).map_or_else(float, Number::Whole)
        };
        let value_at = || self.values[filled].as_ref().map_or(Number::Whole(0), value);
        (!source.is_null(at)).then(value_at)
    }
}
