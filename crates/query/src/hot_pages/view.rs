//! A file as a query sees it: what is plain of it lies beyond its end.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::errors::Result;
use datafusion::parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataBuilder, RowGroupMetaData,
};
use datafusion::parquet::file::page_index::offset_index::{OffsetIndexMetaData, PageLocation};

use super::Place;
use super::plain::PlainChunk;

/// Where plain pages begin, in bytes from the beginning of the file: no file is as long.
const BEGINNING: u64 = 1 << 48;

/// A file with plain pages.
#[derive(Debug)]
pub(crate) struct View {
    metadata: Arc<ParquetMetaData>,
    /// By where they begin.
    chunks: BTreeMap<u64, (Place, Arc<PlainChunk>)>,
}

impl View {
    /// `metadata` is that of the file, with page indexes.
    pub(super) fn new(
        metadata: &ParquetMetaData,
        plain: Vec<(Place, Arc<PlainChunk>)>,
    ) -> Result<Self> {
        let mut begin = BEGINNING;
        let placed = plain.into_iter().map(|(place, chunk)| {
            let at = begin;
            begin += chunk.bytes.len() as u64;
            (at, (place, chunk))
        });
        let chunks: BTreeMap<_, _> = placed.collect();
        Ok(Self {
            metadata: Arc::new(with_plain(metadata, &chunks)?),
            chunks,
        })
    }

    /// What says where everything is.
    pub(crate) fn metadata(&self) -> &Arc<ParquetMetaData> {
        &self.metadata
    }

    /// The bytes of a range, if they are of plain pages, and whose pages these are.
    pub(crate) fn bytes(&self, range: &Range<u64>) -> Option<(Place, Bytes)> {
        let (at, (place, chunk)) = self.chunks.range(..=range.start).next_back()?;
        let (start, end) = (range.start - at, range.end - at);
        let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
        (end <= chunk.bytes.len()).then(|| (*place, chunk.bytes.slice(start..end)))
    }
}

/// The metadata of a file that has these columns where they are in memory.
fn with_plain(
    metadata: &ParquetMetaData,
    chunks: &BTreeMap<u64, (Place, Arc<PlainChunk>)>,
) -> Result<ParquetMetaData> {
    let mut builder = ParquetMetaDataBuilder::new_from_metadata(metadata.clone());
    let mut groups = builder.take_row_groups();
    let mut index = builder.take_offset_index();
    for (at, (Place { row_group, column }, chunk)) in chunks {
        let group = &mut groups[*row_group];
        *group = with_column(group, *column, *at, chunk)?;
        if let Some(pages) = index.as_mut() {
            pages[*row_group][*column] = OffsetIndexMetaData {
                page_locations: chunk.pages.iter().map(|page| moved(page, *at)).collect(),
                unencoded_byte_array_data_bytes: None,
            };
        }
    }
    let builder = builder.set_row_groups(groups).set_offset_index(index);
    Ok(builder.build())
}

fn with_column(
    group: &RowGroupMetaData,
    column: usize,
    at: u64,
    chunk: &PlainChunk,
) -> Result<RowGroupMetaData> {
    let mut columns = group.columns().to_vec();
    columns[column] = plain_column(&columns[column], at, chunk)?;
    let builder = group.clone().into_builder();
    builder.set_column_metadata(columns).build()
}

fn plain_column(
    column: &ColumnChunkMetaData,
    at: u64,
    chunk: &PlainChunk,
) -> Result<ColumnChunkMetaData> {
    let length = i64::try_from(chunk.bytes.len())?;
    let place = |offset: u64| i64::try_from(at + offset);
    let builder = column.clone().into_builder();
    builder
        .set_compression(Compression::UNCOMPRESSED)
        .set_total_compressed_size(length)
        .set_total_uncompressed_size(length)
        .set_data_page_offset(place(chunk.data)?)
        .set_dictionary_page_offset(chunk.dictionary.map(place).transpose()?)
        .build()
}

fn moved(page: &PageLocation, at: u64) -> PageLocation {
    PageLocation {
        offset: page.offset + at as i64,
        compressed_page_size: page.compressed_page_size,
        first_row_index: page.first_row_index,
    }
}
