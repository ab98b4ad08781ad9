//! Tokens as their holders have them. Only their digests are kept.
//!
//! ```text
//!   tidemill_ 00000000000000a7 _ 64 hexadecimal digits _ 8 hexadecimal digits
//!   prefix    id of the record   256 random bits          CRC-32C of all before it
//! ```
//!
//! Scanners for leaked secrets know a token of ours by its prefix and the checksum. Tokens that people
//! choose are taken as they are.

use sha2::{Digest, Sha256};

use super::{RecordId, TokenDigest};
use crate::error::{Error, Result};

const PREFIX: &str = "tidemill_";
const ID_DIGITS: usize = 16;
const RANDOM_DIGITS: usize = 64;
const CHECK_DIGITS: usize = 8;

/// What is kept of a token.
pub fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

/// A new token for the record of this id, or for one whose id is not known yet.
///
/// # Errors
///
/// [`Error::NoRandomness`]: the operating system has none to give.
pub fn new_token(id: Option<RecordId>) -> Result<String> {
    let id = id.map_or(0, |id| id.0);
    let text = format!("{PREFIX}{id:016x}_{}", random_hex()?);
    let check = crc32c::crc32c(text.as_bytes());
    Ok(format!("{text}_{check:08x}"))
}

/// 256 random bits as 64 hexadecimal digits.
///
/// # Errors
///
/// [`Error::NoRandomness`]: the operating system has none to give.
pub fn random_hex() -> Result<String> {
    let mut random = [0u8; RANDOM_DIGITS / 2];
    getrandom::fill(&mut random).map_err(|error| Error::NoRandomness {
        reason: error.to_string(),
    })?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The id that a token of ours bears.
pub fn id_of_token(token: &str) -> Option<RecordId> {
    let (before, check) = token.rsplit_once('_')?;
    let (id, random) = before.strip_prefix(PREFIX)?.split_once('_')?;
    let is_ours = id.len() == ID_DIGITS
        && random.len() == RANDOM_DIGITS
        && check.len() == CHECK_DIGITS
        && u32::from_str_radix(check, 16) == Ok(crc32c::crc32c(before.as_bytes()));
    is_ours.then_some(id)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_bear_their_id_and_a_checksum() {
        let token = new_token(Some(RecordId(0xa7))).unwrap();
        assert_eq!(token.len(), 9 + 16 + 1 + 64 + 1 + 8);
        assert_eq!(id_of_token(&token), Some(RecordId(0xa7)));
        assert_ne!(token, new_token(Some(RecordId(0xa7))).unwrap());
        assert_eq!(id_of_token(&new_token(None).unwrap()), None);
        for changed in [
            token.replace("00a7_", "00a8_"),
            token[..token.len() - 1].to_owned(),
            format!("{token}0"),
            token.replace("tidemill", "Tidemill"),
            "tidemill_".to_owned(),
            "tidemill_é_é_é".to_owned(),
            "my-token".to_owned(),
            String::new(),
        ] {
            assert_eq!(id_of_token(&changed), None, "{changed}");
        }
    }
}
