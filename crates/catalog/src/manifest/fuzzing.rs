//! What fuzz targets need of the inside. Compiled for them alone.

use uuid::Uuid;

use super::codec;

/// The number of the objects that are made here.
const NUMBER: u64 = 7;

/// An object of the manifest with this body and the header that belongs to it.
pub fn object(format: u8, body: &[u8]) -> Vec<u8> {
    let (writer, checksum) = (Uuid::nil(), crc32c::crc32c(body));
    let header = format!(
        r#"{{"format":{format},"number":{NUMBER},"writer":"{writer}","body_crc32c":{checksum}}}"#
    );
    [header.as_bytes(), b"\n", body, b"\n"].concat()
}

/// A commit decoded and encoded again; `None` when the decoder refuses it.
pub fn recode_commit(bytes: &[u8]) -> Option<Vec<u8>> {
    let (writer, edits) = codec::decode_commit(bytes, NUMBER).ok()?;
    Some(codec::encode_commit(NUMBER, writer, &edits))
}

/// A checkpoint decoded and encoded again; `None` when the decoder refuses it.
pub fn recode_checkpoint(bytes: &[u8]) -> Option<Vec<u8>> {
    let state = codec::decode_checkpoint(bytes, NUMBER).ok()?;
    Some(codec::encode_checkpoint(&state, Uuid::nil()))
}
