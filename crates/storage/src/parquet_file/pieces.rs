//! Decodes a file a piece of a row group at a time.
//!
//! A decoder of Parquet holds the bytes of a whole row group from when it begins to when it ends. Who reads
//! a dozen files beside each other holds a dozen of them; here it is a piece of each: so many
//! rows as take up a given number of bytes, and the pages that they are on.

use std::ops::Range;

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection, RowSelector};
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::errors::ParquetError;

/// Pieces begin at multiples of this within their row group, as pages do: a page in two pieces would be
/// read and decoded twice.
const ALIGNMENT_ROWS: usize = 32 * 1024;

/// Used as a [`ParquetPushDecoder`] is.
#[derive(Debug)]
pub(crate) struct PieceDecoder {
    metadata: ArrowReaderMetadata,
    batch_rows: usize,
    piece_bytes: usize,
    /// Of the next piece.
    group: usize,
    /// Where it begins in its group.
    row: usize,
    piece: Option<ParquetPushDecoder>,
}

impl PieceDecoder {
    /// Decodes all rows of a file. A piece takes up about `piece_bytes` of it.
    pub(crate) fn new(
        metadata: ArrowReaderMetadata,
        batch_rows: usize,
        piece_bytes: usize,
    ) -> Self {
        Self {
            metadata,
            batch_rows,
            piece_bytes,
            group: 0,
            row: 0,
            piece: None,
        }
    }

    /// The next rows, or what has to be read and pushed before there are any.
    pub(crate) fn try_decode(&mut self) -> Result<DecodeResult<RecordBatch>, ParquetError> {
        loop {
            let piece = match &mut self.piece {
                Some(piece) => piece,
                None => match self.next_piece()? {
                    Some(piece) => self.piece.insert(piece),
                    None => return Ok(DecodeResult::Finished),
                },
            };
            match piece.try_decode()? {
                DecodeResult::Finished => self.piece = None,
                rows_or_ranges => return Ok(rows_or_ranges),
            }
        }
    }

    /// Bytes that were asked for.
    pub(crate) fn push_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
        bytes: Vec<Bytes>,
    ) -> Result<(), ParquetError> {
        match &mut self.piece {
            Some(piece) => piece.push_ranges(ranges, bytes),
            None => Err(ParquetError::General("nothing was asked for".to_owned())),
        }
    }

    fn next_piece(&mut self) -> Result<Option<ParquetPushDecoder>, ParquetError> {
        let file = self.metadata.metadata();
        let Some(group) = file.row_groups().get(self.group) else {
            return Ok(None);
        };
        let count = |number: i64| usize::try_from(number).unwrap_or(0);
        let rows = count(group.num_rows());
        let taken = rows_of(self.piece_bytes, rows, count(group.compressed_size()));
        let taken = taken.min(rows - self.row);
        let selection = [RowSelector::skip(self.row), RowSelector::select(taken)];
        let decoder = ParquetPushDecoderBuilder::new_with_metadata(self.metadata.clone())
            .with_row_groups(vec![self.group])
            .with_row_selection(RowSelection::from(selection.to_vec()))
            .with_batch_size(self.batch_rows)
            .build()?;
        self.row += taken;
        if self.row >= rows {
            (self.group, self.row) = (self.group + 1, 0);
        }
        Ok(Some(decoder))
    }
}

/// How many rows of a group make up a piece.
fn rows_of(piece_bytes: usize, group_rows: usize, group_bytes: usize) -> usize {
    let rows = piece_bytes.saturating_mul(group_rows) / group_bytes.max(1);
    (rows / ALIGNMENT_ROWS).max(1) * ALIGNMENT_ROWS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_pages_of_about_the_size_asked_for() {
        for (piece_bytes, group_rows, group_bytes, expected) in [
            (1 << 20, 512 << 10, 8 << 20, 64 << 10),
            (1 << 20, 512 << 10, 7 << 20, 64 << 10),
            (1 << 20, 512 << 10, 5 << 20, 96 << 10),
            (1 << 20, 512 << 10, 512 << 20, 32 << 10),
            (1 << 20, 1000, 2000, 512 << 10),
            (0, 1000, 2000, 32 << 10),
            (1 << 20, 0, 0, 32 << 10),
        ] {
            assert_eq!(rows_of(piece_bytes, group_rows, group_bytes), expected);
        }
    }
}
