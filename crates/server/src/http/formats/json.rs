//! One JSON array of objects, or one object a line. NULLs are left out of the objects, times have
//! no zone: as InfluxDB 3 writes them.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::json::writer::{JsonArray, LineDelimited, Writer};

use super::Encoder;
use crate::error::{Error, Result};

pub(super) struct Array(Writer<Vec<u8>, JsonArray>);

pub(super) struct Lines(Writer<Vec<u8>, LineDelimited>);

impl Array {
    pub(super) fn new() -> Self {
        Self(Writer::new(Vec::new()))
    }
}

impl Lines {
    pub(super) fn new() -> Self {
        Self(Writer::new(Vec::new()))
    }
}

impl Encoder for Array {
    fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        self.0.write(batch).map_err(unencodable)?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    fn finish(&mut self) -> Result<Vec<u8>> {
        self.0.finish().map_err(unencodable)?;
        Ok(std::mem::take(self.0.get_mut()))
    }
}

impl Encoder for Lines {
    fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        self.0.write(batch).map_err(unencodable)?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    fn finish(&mut self) -> Result<Vec<u8>> {
        self.0.finish().map_err(unencodable)?;
        Ok(std::mem::take(self.0.get_mut()))
    }
}

fn unencodable(error: ArrowError) -> Error {
    Error::Unencodable {
        format: "JSON",
        problem: error.to_string(),
    }
}
