//! CSV with a header row, also when there are no rows (InfluxDB 3 sends nothing then, which readers
//! of CSV take for an error).

use arrow::array::RecordBatch;
use arrow::csv::{Writer, WriterBuilder};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::Encoder;
use crate::error::{Error, Result};

pub(super) struct Csv {
    schema: SchemaRef,
    has_begun: bool,
}

impl Csv {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        Self {
            schema: SchemaRef::clone(schema),
            has_begun: false,
        }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let builder = WriterBuilder::new().with_header(!self.has_begun);
        self.has_begun = true;
        let mut writer: Writer<Vec<u8>> = builder.build(Vec::new());
        writer.write(batch).map_err(unencodable)?;
        Ok(writer.into_inner())
    }
}

impl Encoder for Csv {
    fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        self.write(batch)
    }

    fn finish(&mut self) -> Result<Vec<u8>> {
        match self.has_begun {
            true => Ok(Vec::new()),
            false => self.write(&RecordBatch::new_empty(SchemaRef::clone(&self.schema))),
        }
    }
}

fn unencodable(error: ArrowError) -> Error {
    Error::Unencodable {
        format: "CSV",
        problem: error.to_string(),
    }
}
