//! A Parquet file, written row group by row group. Without rows it is a file with columns and no
//! rows, which any reader opens.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::Encoder;
use crate::error::{Error, Result};

/// A row group is sent when it has about this size: what one result holds in memory.
const ROW_GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(super) struct Parquet(ArrowWriter<Vec<u8>>);

impl Parquet {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let writer = ArrowWriter::try_new(Vec::new(), SchemaRef::clone(schema), Some(properties));
        Ok(Self(writer.map_err(unencodable)?))
    }

    /// What was written so far. The writer knows its position by counting, not by the length here.
    fn take(&mut self) -> Result<Vec<u8>> {
        self.0.sync().map_err(|error| unencodable(error.into()))?;
        Ok(std::mem::take(self.0.inner_mut()))
    }
}

impl Encoder for Parquet {
    fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        self.0.write(batch).map_err(unencodable)?;
        if self.0.in_progress_size() > ROW_GROUP_BYTES_MAX {
            self.0.flush().map_err(unencodable)?;
        }
        self.take()
    }

    fn finish(&mut self) -> Result<Vec<u8>> {
        self.0.finish().map_err(unencodable)?;
        self.take()
    }
}

fn unencodable(error: ParquetError) -> Error {
    Error::Unencodable {
        format: "Parquet",
        problem: error.to_string(),
    }
}
