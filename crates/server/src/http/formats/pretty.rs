//! A table for a person to read. Its columns are as wide as their widest value, so it is the one
//! format that holds the whole result, within a limit.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::pretty::pretty_format_batches_with_schema;
use bytesize::ByteSize;

use super::Encoder;
use crate::error::{Error, Result};

pub(super) struct Pretty {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    bytes: usize,
    bytes_max: ByteSize,
}

impl Pretty {
    pub(super) fn new(schema: &SchemaRef, bytes_max: ByteSize) -> Self {
        let schema = SchemaRef::clone(schema);
        Self {
            schema,
            batches: Vec::new(),
            bytes: 0,
            bytes_max,
        }
    }
}

impl Encoder for Pretty {
    fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        self.bytes += batch.get_array_memory_size();
        if self.bytes as u64 > self.bytes_max.as_u64() {
            return Err(Error::ResultTooLarge {
                limit: self.bytes_max,
            });
        }
        self.batches.push(batch.clone());
        Ok(Vec::new())
    }

    fn finish(&mut self) -> Result<Vec<u8>> {
        let schema = SchemaRef::clone(&self.schema);
        let table = pretty_format_batches_with_schema(schema, &self.batches);
        let table = table.map_err(|error| Error::Unencodable {
            format: "a table",
            problem: error.to_string(),
        })?;
        Ok(format!("{table}\n").into_bytes())
    }
}
