//! Decompression that stops in time.
//!
//! | input | result |
//! |---|---|
//! | several gzip members or zstd frames in a row | their contents in a row; limits count all |
//! | larger than the limit, or a ratio beyond the limit once over 1 MiB | refused where it shows |
//! | ends early, checksum wrong, other bytes behind the end | refused |
//!
//! Memory is what has been unpacked so far plus the window of the format: 32 KiB for gzip; for zstd
//! at most 8 MiB, which every level below `--ultra` keeps to.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Result};

/// Below this size no ratio is suspicious.
const RATIO_FREE_BYTES: u64 = 1024 * 1024;
/// Binary logarithm of the largest zstd window: what the decoder allocates before any output.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How much may come out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) bytes_max: u64,
    pub(super) ratio_max: u64,
}

/// Unpacks gzip. `reserve` is asked before the output grows to a size.
pub(super) fn gzip(
    packed: &[u8],
    limits: Limits,
    reserve: impl FnMut(u64) -> Result<()>,
) -> Result<Vec<u8>> {
    if !packed.starts_with(&[0x1f, 0x8b]) {
        return Err(Error::GzipHeader);
    }
    let consumed = |decoder: &MultiGzDecoder<&[u8]>| packed.len() - decoder.get_ref().len();
    let broken = |problem| Error::GzipBody { problem };
    read_within(
        MultiGzDecoder::new(packed),
        limits,
        reserve,
        consumed,
        broken,
    )
}

/// Unpacks zstd. `reserve` is asked before the output grows to a size.
pub(super) fn zstd(
    packed: &[u8],
    limits: Limits,
    reserve: impl FnMut(u64) -> Result<()>,
) -> Result<Vec<u8>> {
    let broken = |problem| Error::ZstdBody { problem };
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)
        .map_err(|error| broken(error.to_string()))?;
    decoder
        .window_log_max(ZSTD_WINDOW_LOG_MAX)
        .map_err(|error| broken(error.to_string()))?;
    let consumed =
        |decoder: &zstd::stream::read::Decoder<'_, &[u8]>| packed.len() - decoder.get_ref().len();
    read_within(decoder, limits, reserve, consumed, broken)
}

fn read_within<R: Read>(
    mut decoder: R,
    limits: Limits,
    mut reserve: impl FnMut(u64) -> Result<()>,
    consumed: impl Fn(&R) -> usize,
    broken: impl Fn(String) -> Error,
) -> Result<Vec<u8>> {
    let mut output = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = decoder
            .read(&mut piece)
            .map_err(|error| broken(error.to_string()))?;
        if length == 0 {
            return Ok(output);
        }
        let size = (output.len() + length) as u64;
        if size > limits.bytes_max {
            return Err(Error::BodyTooLarge {
                limit: limits.bytes_max,
            });
        }
        let ratio_bytes_max = (consumed(&decoder) as u64).saturating_mul(limits.ratio_max);
        if size > RATIO_FREE_BYTES && size > ratio_bytes_max {
            return Err(Error::InflationRatio {
                ratio: limits.ratio_max,
            });
        }
        reserve(size)?;
        output.extend_from_slice(&piece[..length]);
    }
}
