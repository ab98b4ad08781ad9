//! Secrets: encrypted where they are kept, with a key that is kept elsewhere.
//!
//! ```text
//!   <data-dir>/secrets.key   64 hexadecimal digits, mode 0600, made when the first secret is
//!   sealed                   hexadecimal digits of: nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes)
//! ```
//!
//! ChaCha20-Poly1305 (RFC 8439) with random nonces: a store seals so few secrets that none comes twice.
//! Whoever has a copy of the store, such as a backup, has not got the key.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::error::{Error, Result};

const KEY_BYTES: usize = 32;

/// What is sealed for this is taken for nothing else.
const PURPOSE: &[u8] = b"tidemill endpoint 1";

/// Seals secrets, and opens them.
pub struct Vault {
    path: PathBuf,
    key: Mutex<Option<[u8; KEY_BYTES]>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({})", self.path.display())
    }
}

impl Vault {
    /// With the key in a data directory. Nothing is read or made before it is needed.
    pub fn new(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join("secrets.key"),
            key: Mutex::new(None),
        }
    }

    /// Encrypts a secret. The first one makes the key.
    pub fn seal(&self, secret: &[u8]) -> Result<String> {
        let key = self.key(true)?;
        let mut nonce = [0; NONCE_LEN];
        let random = SystemRandom::new().fill(&mut nonce);
        random.map_err(|_| self.broken("the system has no randomness"))?;
        let mut sealed = secret.to_vec();
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce_used, Aad::from(PURPOSE), &mut sealed)
            .map_err(|_| self.broken("the secret is too long"))?;
        Ok(hex(nonce.iter().chain(&sealed)))
    }

    /// Decrypts a secret.
    pub fn open(&self, sealed: &str) -> Result<Vec<u8>> {
        let wrong = || Error::WrongKey {
            path: self.path.clone(),
        };
        let key = self.key(false)?;
        let mut bytes = unhex(sealed).ok_or_else(wrong)?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or_else(wrong)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let secret = key.open_in_place(nonce, Aad::from(PURPOSE), sealed);
        secret.map(|secret| secret.to_vec()).map_err(|_| wrong())
    }

    fn key(&self, may_make: bool) -> Result<LessSafeKey> {
        let mut kept = self.key.lock().expect("nothing panics while it is held");
        let bytes = match *kept {
            Some(bytes) => bytes,
            None => match fs::read_to_string(&self.path) {
                Ok(text) => {
                    let bytes = unhex(text.trim()).and_then(|bytes| bytes.try_into().ok());
                    bytes.ok_or_else(|| self.broken("it is not 64 hexadecimal digits"))?
                }
                Err(error) if error.kind() == ErrorKind::NotFound && may_make => self.make()?,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let path = self.path.clone();
                    return Err(Error::WrongKey { path });
                }
                Err(error) => return Err(self.broken(&error.to_string())),
            },
        };
        *kept = Some(bytes);
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes);
        Ok(LessSafeKey::new(key.expect("the key has 32 bytes")))
    }

    /// Makes a key that is on the disk when this returns.
    fn make(&self) -> Result<[u8; KEY_BYTES]> {
        let mut bytes = [0; KEY_BYTES];
        let random = SystemRandom::new().fill(&mut bytes);
        random.map_err(|_| self.broken("the system has no randomness"))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&self.path).and_then(|mut file| {
            file.write_all(format!("{}\n", hex(&bytes)).as_bytes())?;
            file.sync_all()
        });
        let synced = written.and_then(|()| match self.path.parent() {
            Some(folder) if cfg!(unix) => fs::File::open(folder)?.sync_all(),
            _ => Ok(()),
        });
        synced.map_err(|error| self.broken(&error.to_string()))?;
        Ok(bytes)
    }

    fn broken(&self, problem: &str) -> Error {
        Error::Key {
            path: self.path.clone(),
            problem: problem.to_owned(),
        }
    }
}

fn hex<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> String {
    let bytes = bytes.into_iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digits = (0..text.len()).step_by(2);
    digits
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_back_with_their_key_alone() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let vault = Vault::new(one.path());
        let sealed = vault.seal(b"hush").unwrap();
        assert!(!sealed.contains("68757368"), "{sealed}");
        assert_ne!(sealed, vault.seal(b"hush").unwrap());
        // After a restart too.
        assert_eq!(Vault::new(one.path()).open(&sealed).unwrap(), b"hush");
        let elsewhere = Vault::new(other.path());
        assert!(matches!(
            elsewhere.open(&sealed),
            Err(Error::WrongKey { .. })
        ));
        elsewhere.seal(b"x").unwrap();
        assert!(matches!(
            elsewhere.open(&sealed),
            Err(Error::WrongKey { .. })
        ));
        for damaged in ["", "00", "zz", &sealed[2..], &sealed[..sealed.len() - 2]] {
            assert!(vault.open(damaged).is_err(), "{damaged}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::new(folder.path());
        vault.seal(b"hush").unwrap();
        let mode = fs::metadata(&vault.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&vault.path, "not a key").unwrap();
        assert!(matches!(
            Vault::new(folder.path()).seal(b"hush"),
            Err(Error::Key { .. })
        ));
    }
}
