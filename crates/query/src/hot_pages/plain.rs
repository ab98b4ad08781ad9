//! Columns of a row group made plain: no compression, no streams of bytes.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::parquet::basic::{Compression, Encoding, Type};
use datafusion::parquet::column::page::{CompressedPage, Page, PageWriter};
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use datafusion::parquet::file::page_index::offset_index::PageLocation;
use datafusion::parquet::file::reader::SerializedPageReader;
use datafusion::parquet::file::writer::{SerializedPageWriter, TrackedWrite};

use super::Place;

/// Bytes of a double.
const WIDTH: usize = 8;

/// The pages of a column of a row group. Places are counted from the beginning of `bytes`.
#[derive(Debug)]
pub(super) struct PlainChunk {
    pub(super) bytes: Bytes,
    pub(super) dictionary: Option<u64>,
    pub(super) data: u64,
    pub(super) pages: Vec<PageLocation>,
}

impl PlainChunk {
    /// The memory that it takes.
    pub(super) fn size(&self) -> u64 {
        (self.bytes.len() + self.pages.len() * size_of::<PageLocation>()) as u64
    }
}

/// The column whose bytes these are, if it is worth making plain.
pub(super) fn column_at(metadata: &ParquetMetaData, range: &Range<u64>) -> Option<Place> {
    for (row_group, group) in metadata.row_groups().iter().enumerate() {
        // Which part of a file a row group is in, when it is divided, is read off its first column.
        for (column, chunk) in group.columns().iter().enumerate().skip(1) {
            if stored_range(chunk).as_ref() == Some(range) {
                let is_slow = chunk.column_type() == Type::DOUBLE
                    && chunk.compression() != Compression::UNCOMPRESSED;
                return is_slow.then_some(Place { row_group, column });
            }
        }
    }
    None
}

/// Where the column is in the file; `None` where the footer is damaged and says that it is nowhere.
fn stored_range(chunk: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let first = chunk.dictionary_page_offset();
    let start = u64::try_from(first.unwrap_or(chunk.data_page_offset())).ok()?;
    let length = u64::try_from(chunk.compressed_size()).ok()?;
    Some(start..start.checked_add(length)?)
}

/// About what the column takes when it is plain.
pub(super) fn bytes(metadata: &ParquetMetaData, place: Place) -> u64 {
    let chunk = metadata.row_group(place.row_group).column(place.column);
    chunk.num_values().unsigned_abs() * WIDTH as u64
}

/// Reads the pages of a column from its bytes in the file, and writes them down plainly.
pub(super) fn plain_chunk(
    metadata: &ParquetMetaData,
    place: Place,
    stored: Bytes,
) -> Result<PlainChunk> {
    let group = metadata.row_group(place.row_group);
    let chunk = group.column(place.column);
    let rows = usize::try_from(group.num_rows())?;
    let pages = SerializedPageReader::new(Arc::new(stored), &from_its_start(chunk)?, rows, None)?;
    let mut sink = TrackedWrite::new(Vec::new());
    let mut writer = SerializedPageWriter::new(&mut sink);
    let (mut dictionary, mut written) = (None, Vec::new());
    for page in pages {
        let page = plain_page(page?)?;
        let is_dictionary = matches!(page, Page::DictionaryPage { .. });
        let bytes = page.buffer().len();
        let spec = writer.write_page(CompressedPage::new(page, bytes))?;
        match is_dictionary {
            true => dictionary = Some(spec.offset),
            false => written.push((spec.offset, spec.bytes_written)),
        }
    }
    writer.close()?;
    let index = metadata.offset_index();
    let index = index.and_then(|index| index.get(place.row_group)?.get(place.column));
    let index = index.ok_or_else(|| general("there is no page index"))?;
    if index.page_locations.len() != written.len() || written.is_empty() {
        return Err(general("the page index is not of these pages"));
    }
    let locations = index.page_locations.iter().zip(&written);
    let locations = locations.map(|(stored, (offset, length))| {
        Ok(PageLocation {
            offset: i64::try_from(*offset)?,
            compressed_page_size: i32::try_from(*length)?,
            first_row_index: stored.first_row_index,
        })
    });
    Ok(PlainChunk {
        pages: locations.collect::<Result<_>>()?,
        dictionary,
        data: written[0].0,
        bytes: sink.into_inner()?.into(),
    })
}

/// The column as if its first page began the file.
fn from_its_start(chunk: &ColumnChunkMetaData) -> Result<ColumnChunkMetaData> {
    let range = stored_range(chunk).ok_or_else(|| general("the column is nowhere"))?;
    let start = i64::try_from(range.start)?;
    let builder = chunk.clone().into_builder();
    builder
        .set_data_page_offset(chunk.data_page_offset() - start)
        .set_dictionary_page_offset(chunk.dictionary_page_offset().map(|offset| offset - start))
        .build()
}

fn plain_page(page: Page) -> Result<Page> {
    match page {
        Page::DataPageV2 {
            buf,
            num_values,
            encoding,
            num_nulls,
            num_rows,
            def_levels_byte_len,
            rep_levels_byte_len,
            is_compressed: _,
            statistics,
        } => {
            let levels = (def_levels_byte_len + rep_levels_byte_len) as usize;
            let (buf, encoding) = match encoding {
                Encoding::BYTE_STREAM_SPLIT => (joined(&buf, levels)?, Encoding::PLAIN),
                other => (buf, other),
            };
            Ok(Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls,
                num_rows,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed: false,
                statistics,
            })
        }
        Page::DictionaryPage { .. } => Ok(page),
        Page::DataPage { .. } => Err(general("the page is of the first version")),
    }
}

/// Doubles whose bytes lie in a stream for each of the eight, put together again; what comes before them stays.
fn joined(page: &[u8], levels: usize) -> Result<Bytes> {
    let (levels, streams) = page
        .split_at_checked(levels)
        .filter(|(_, streams)| streams.len() % WIDTH == 0)
        .ok_or_else(|| general("the page is too short"))?;
    let count = streams.len() / WIDTH;
    let mut joined = Vec::with_capacity(page.len());
    joined.extend_from_slice(levels);
    let stream = |byte: usize| &streams[byte * count..][..count];
    let streams: [&[u8]; WIDTH] = std::array::from_fn(stream);
    for value in 0..count {
        joined.extend_from_slice(&streams.map(|stream| stream[value]));
    }
    Ok(joined.into())
}

fn general(problem: &str) -> ParquetError {
    ParquetError::General(problem.to_owned())
}
