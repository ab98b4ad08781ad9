//! Gzip over any format, as one stream.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::{Error, Result};

pub(super) struct Gzip(GzEncoder<Vec<u8>>);

impl Gzip {
    pub(super) fn new() -> Self {
        // Results repeat themselves: the fastest level makes most of what there is to gain.
        Self(GzEncoder::new(Vec::new(), Compression::fast()))
    }

    /// Packs bytes and returns those that are ready; all of them when it is the end.
    pub(super) fn pack(&mut self, bytes: &[u8], is_end: bool) -> Result<Vec<u8>> {
        let packed = self.0.write_all(bytes).and_then(|()| match is_end {
            true => self.0.try_finish(),
            // So that what is there is seen by a client that waits for slow rows.
            false => self.0.flush(),
        });
        packed.map_err(|error| Error::Internal {
            problem: error.to_string(),
        })?;
        Ok(std::mem::take(self.0.get_mut()))
    }
}
