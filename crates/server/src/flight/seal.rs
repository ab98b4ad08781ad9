//! Texts that a client keeps for the server and brings back: handles, tickets, cookies.
//!
//! A sealed text is `HMAC-SHA-256 (32 bytes) ‖ content`, keyed with the digest of the caller's
//! token, so that it needs no memory here, survives a restart, and is worth nothing to whoever has
//! another token. The content is not secret: it is what the caller said before.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::{Error, Result};

const MAC_BYTES: usize = 32;
/// Of SHA-256.
const BLOCK_BYTES: usize = 64;

/// What a text is sealed for; one is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Statement,
    Ticket,
    Session,
}

/// Seals the texts of one token.
#[derive(Clone)]
pub(super) struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Key")
    }
}

impl Key {
    /// The key of a caller, which is their own; where nobody shows tokens, the one that all have.
    pub(super) fn of(digest: catalog::TokenDigest) -> Self {
        Self(digest)
    }

    pub(super) fn seal(&self, purpose: Purpose, content: &[u8]) -> Bytes {
        let mut sealed = Vec::with_capacity(MAC_BYTES + content.len());
        sealed.extend_from_slice(&self.mac(purpose, content));
        sealed.extend_from_slice(content);
        sealed.into()
    }

    /// The content, if it was sealed by this key for this purpose.
    pub(super) fn open<'a>(&self, purpose: Purpose, sealed: &'a [u8]) -> Result<&'a [u8]> {
        let forged = || Error::InvalidTicket {
            problem: "it was not made for this caller by this server",
        };
        let (mac, content) = sealed.split_at_checked(MAC_BYTES).ok_or_else(forged)?;
        match bool::from(self.mac(purpose, content).ct_eq(mac)) {
            true => Ok(content),
            false => Err(forged()),
        }
    }

    fn mac(&self, purpose: Purpose, content: &[u8]) -> [u8; MAC_BYTES] {
        hmac(&self.0, &[&[purpose as u8], content])
    }
}

/// HMAC (RFC 2104) with SHA-256, of a text in parts.
fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; MAC_BYTES] {
    let padded = |pad: u8| {
        let mut block = [pad; BLOCK_BYTES];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let mut inner = Sha256::new();
    inner.update(padded(0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new();
    outer.update(padded(0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 1, whose key is filled up with zeros as any short key is.
    #[test]
    fn the_code_is_that_of_rfc_4231() {
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let code = hmac(&key, &[b"Hi ", b"There"]);
        let text: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            text,
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
    }

    #[test]
    fn only_what_was_sealed_for_this_purpose_and_token_opens() {
        let (ours, other) = (Key::of([1; 32]), Key::of([2; 32]));
        let sealed = ours.seal(Purpose::Ticket, b"content");
        assert_eq!(ours.open(Purpose::Ticket, &sealed).unwrap(), b"content");
        let mut changed = sealed.to_vec();
        *changed.last_mut().unwrap() ^= 1;
        for (key, purpose, sealed) in [
            (&other, Purpose::Ticket, &sealed[..]),
            (&ours, Purpose::Statement, &sealed[..]),
            (&ours, Purpose::Ticket, &changed[..]),
            (&ours, Purpose::Ticket, &sealed[..sealed.len() - 1]),
            (&ours, Purpose::Ticket, &sealed[..31]),
            (&ours, Purpose::Ticket, b""),
        ] {
            let error = key.open(purpose, sealed).unwrap_err();
            assert_eq!(error.reason(), "invalid_ticket");
        }
    }
}
