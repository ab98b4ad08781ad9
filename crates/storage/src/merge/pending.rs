//! Rows that a merge has chosen and not put out yet, as pieces of the batches they come from.

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;

use super::gather::{Piece, Pieces, gather, repeat_tag};
use super::key::KeyColumns;

/// A row: the place of its batch in [`Pending`], and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) batch: usize,
    pub(super) row: usize,
}

/// Rows that follow one another in every source that has them.
#[derive(Debug)]
struct Segment {
    newest: Place,
    rows: usize,
    /// Where [`Pending::older`] has the other sources of the same keys, oldest first.
    older: std::ops::Range<usize>,
}

/// Rows of one series that follow one another.
#[derive(Debug)]
pub(super) struct SeriesRows {
    /// Where they end among the chosen rows.
    pub(super) end: usize,
    /// One row that has the series' tags.
    pub(super) place: Place,
}

/// Chosen rows.
#[derive(Debug)]
pub(super) struct Pending {
    rows_max: usize,
    batches: Vec<RecordBatch>,
    segments: Vec<Segment>,
    older: Vec<Place>,
    series: Vec<SeriesRows>,
    rows: usize,
    is_closed: bool,
}

impl Pending {
    pub(super) fn new(rows_max: usize) -> Self {
        Self {
            rows_max: rows_max.max(1),
            batches: Vec::new(),
            segments: Vec::new(),
            older: Vec::new(),
            series: Vec::new(),
            rows: 0,
            is_closed: false,
        }
    }

    /// Rows chosen so far.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows are to be put out before more are chosen.
    pub(super) fn is_full(&self) -> bool {
        self.is_closed || self.rows == self.rows_max
    }

    /// Makes rows of a batch available; returns the batch's place.
    pub(super) fn hold(&mut self, batch: RecordBatch) -> usize {
        self.batches.push(batch);
        self.batches.len() - 1
    }

    /// How many more rows may be taken.
    pub(super) fn room(&self) -> usize {
        self.rows_max - self.rows
    }

    /// How many of `rows` rows that follow one another in their only source may be taken now.
    ///
    /// A long piece waits until the rows before it are out: then it is put out as it lies, without
    /// a copy. The batch before it may be a small one for that, but at most every other batch is.
    pub(super) fn room_for(&mut self, rows: usize) -> usize {
        if self.rows > 0 && rows > self.rows_max / 2 {
            self.is_closed = true;
            return 0;
        }
        rows.min(self.room())
    }

    /// Chooses rows that only one source has.
    pub(super) fn take(&mut self, from: Place, rows: usize) {
        if rows == 0 {
            return;
        }
        self.rows += rows;
        if let Some(last) = self.segments.last_mut()
            && last.older.is_empty()
            && last.newest.batch == from.batch
            && last.newest.row + last.rows == from.row
        {
            last.rows += rows;
            return;
        }
        self.segments.push(Segment {
            newest: from,
            rows,
            older: 0..0,
        });
    }

    /// Chooses rows whose keys several sources have, oldest first.
    pub(super) fn take_duplicates(&mut self, from: &[Place], rows: usize) {
        let (&newest, older) = from.split_last().expect("duplicates have sources");
        let start = self.older.len();
        self.older.extend_from_slice(older);
        self.rows += rows;
        self.segments.push(Segment {
            newest,
            rows,
            older: start..self.older.len(),
        });
    }

    /// Says that the last `rows` rows are of the series of this row.
    pub(super) fn end_series(&mut self, place: Place, rows: usize) {
        if rows == 0 {
            return;
        }
        let end = self.series.last().map_or(0, |last| last.end) + rows;
        debug_assert!(end <= self.rows);
        self.series.push(SeriesRows { end, place });
    }

    /// The chosen rows as a batch.
    pub(super) fn output(
        &self,
        schema: &SchemaRef,
        key: &KeyColumns,
    ) -> Result<RecordBatch, ArrowError> {
        let columns = match &self.segments[..] {
            [only] if only.older.is_empty() => {
                let batch = &self.batches[only.newest.batch];
                let slice = |column: &ArrayRef| column.slice(only.newest.row, only.rows);
                batch.columns().iter().map(slice).collect()
            }
            _ => self.columns(schema, key)?,
        };
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(SchemaRef::clone(schema), columns, &options)
    }

    fn columns(&self, schema: &SchemaRef, key: &KeyColumns) -> Result<Vec<ArrayRef>, ArrowError> {
        let newest = |segment: &Segment| Piece::new(segment.newest, segment.rows);
        let newest = Pieces::new(self.segments.iter().map(newest).collect());
        let column = |(column, field): (usize, &arrow::datatypes::FieldRef)| {
            let arrays = self.batches.iter().map(|batch| &**batch.column(column));
            let arrays: Vec<&dyn Array> = arrays.collect();
            let is_dictionary = matches!(field.data_type(), DataType::Dictionary(..));
            if key.is_tag(column) && is_dictionary {
                return Ok(repeat_tag(&arrays, &self.series));
            }
            match self.newest_present(&arrays) {
                None => gather(&arrays, &newest),
                Some(pieces) => gather(&arrays, &pieces),
            }
        };
        schema.fields().iter().enumerate().map(column).collect()
    }

    /// The newest values that are not NULL; `None` when they are the newest throughout.
    fn newest_present(&self, arrays: &[&dyn Array]) -> Option<Pieces> {
        if self.older.is_empty() || arrays.iter().all(|array| !array.is_nullable()) {
            return None;
        }
        let nulls: Vec<Option<NullBuffer>> = arrays.iter().map(|a| a.logical_nulls()).collect();
        let is_present = |place: &Place, row: usize| match &nulls[place.batch] {
            Some(nulls) => nulls.is_valid(place.row + row),
            None => true,
        };
        let mut pieces: Vec<Piece> = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            let older = &self.older[segment.older.clone()];
            let has_all = |place: &Place| match &nulls[place.batch] {
                Some(nulls) => nulls.slice(place.row, segment.rows).null_count() == 0,
                None => true,
            };
            if older.is_empty() || has_all(&segment.newest) {
                pieces.push(Piece::new(segment.newest, segment.rows));
                continue;
            }
            for row in 0..segment.rows {
                let mut sources = std::iter::once(&segment.newest).chain(older.iter().rev());
                let source = sources.find(|place| is_present(place, row));
                let source = source.unwrap_or(&segment.newest);
                let (batch, row) = (source.batch, source.row + row);
                match pieces.last_mut() {
                    Some(last) if last.ends_before(Place { batch, row }) => last.rows += 1,
                    _ => pieces.push(Piece::new(Place { batch, row }, 1)),
                }
            }
        }
        Some(Pieces::new(pieces))
    }

    /// Forgets what was put out, and the batches that no cursor is in any more. `cursors` are the
    /// places of the batches to keep; they are changed to where those are now.
    pub(super) fn forget_output<'a>(&mut self, cursors: impl Iterator<Item = &'a mut usize>) {
        let mut old: Vec<_> = std::mem::take(&mut self.batches)
            .into_iter()
            .map(Some)
            .collect();
        for place in cursors {
            let batch = old[*place].take().expect("one cursor is in a batch");
            *place = self.hold(batch);
        }
        self.segments.clear();
        self.older.clear();
        self.series.clear();
        self.rows = 0;
        self.is_closed = false;
    }
}
