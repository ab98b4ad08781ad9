//! Passwords of users: Argon2id (RFC 9106), on threads for it, a few at a time.
//!
//! v1 clients show a password with every request. One that was right lately is known again by a digest
//! that is kept for a while; it is made with a key of this process and with what the catalog keeps of the
//! password, so that a password that was changed is not known any more.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use catalog::{User, random_hex};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// Verifications at a time: each takes 19 MiB and some hundredths of a second.
const SLOTS: usize = 2;
/// How long a password that was right is known again.
const KNOWN_NANOS: i64 = 300 * 1_000_000_000;
const KNOWN_MAX: usize = 1000;
/// Longer ones are refused, which nobody chooses.
const PASSWORD_BYTES_MAX: usize = 1024;
/// What the password of a user that does not exist is compared with, so that it takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and verifies passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    slots: Semaphore,
    known: Mutex<Known>,
}

/// Passwords that were right lately, with the time until which they are known.
#[derive(Default)]
struct Known {
    key: Option<String>,
    until: HashMap<[u8; 32], i64>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            slots: Semaphore::new(SLOTS),
            known: Mutex::default(),
        }
    }
}

impl Passwords {
    /// What the catalog is to keep of a password.
    pub(crate) async fn hash(&self, password: &str) -> Result<String> {
        if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
            return Err(Error::InvalidParameter {
                name: "password".to_owned(),
                value: "…".to_owned(),
                expected: "between 1 and 1024 bytes",
            });
        }
        let password = password.to_owned();
        self.compute(move || {
            let mut salt = [0u8; 16];
            let filled = getrandom::fill(&mut salt).map_err(|error| error.to_string());
            let hashed = filled.and_then(|()| {
                let hashed: Result<PasswordHash, _> =
                    Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
                hashed.map_err(|error| error.to_string())
            });
            hashed.map(|hash| hash.to_string())
        })
        .await?
        .map_err(|problem| Error::Internal { problem })
    }

    /// Whether this is the password of the user, who may not exist.
    pub(crate) async fn verify(
        &self,
        user: Option<&User>,
        password: &str,
        now_nanos: i64,
    ) -> Result<bool> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(false);
        }
        let kept = user.and_then(|user| user.password.as_deref());
        let mark = kept.map(|kept| self.mark(kept, password)).transpose()?;
        if let Some(mark) = mark
            && self
                .known()
                .until
                .get(&mark)
                .is_some_and(|until| now_nanos < *until)
        {
            return Ok(true);
        }
        let (text, password) = (kept.unwrap_or(NOBODY).to_owned(), password.to_owned());
        let is_right = self.compute(move || verify(&text, &password)).await?;
        match mark {
            Some(mark) if is_right => {
                self.known().remember(mark, now_nanos);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let _slot = self.slots.acquire().await.map_err(|_| Error::Stopping)?;
        Ok(tokio::task::spawn_blocking(work).await?)
    }

    fn mark(&self, kept: &str, password: &str) -> Result<[u8; 32]> {
        let mut known = self.known();
        if known.key.is_none() {
            known.key = Some(random_hex()?);
        }
        let key = known.key.as_deref().unwrap_or_default();
        let mut hasher = Sha256::new();
        for part in [key, kept, password] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Ok(hasher.finalize().into())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

impl Known {
    fn remember(&mut self, mark: [u8; 32], now_nanos: i64) {
        if self.until.len() >= KNOWN_MAX {
            self.until.retain(|_, until| now_nanos < *until);
        }
        if self.until.len() >= KNOWN_MAX {
            self.until.clear();
        }
        self.until
            .insert(mark, now_nanos.saturating_add(KNOWN_NANOS));
    }
}

fn verify(kept: &str, password: &str) -> bool {
    // What the catalog keeps may come from elsewhere; what is no hash is nobody's password.
    Argon2::default()
        .verify_password(password.as_bytes(), kept)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use catalog::RecordId;

    use super::*;

    fn user(password: Option<String>) -> User {
        User {
            id: RecordId(1),
            name: "ada".to_owned(),
            is_active: true,
            password,
            created_at_nanos: 0,
            updated_at_nanos: 0,
        }
    }

    #[tokio::test]
    async fn only_the_password_is_the_password() {
        let passwords = Passwords::default();
        let kept = passwords.hash("correct horse").await.unwrap();
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        assert_ne!(kept, passwords.hash("correct horse").await.unwrap());
        let (ada, nobody) = (user(Some(kept)), user(None));
        let broken = user(Some("$argon2id$broken".to_owned()));
        let long = "x".repeat(2000);
        for (user, password, expected) in [
            (Some(&ada), "correct horse", true),
            (Some(&ada), "correct horse", true), // known again
            (Some(&ada), "wrong", false),
            (Some(&ada), "", false),
            (Some(&ada), &long, false),
            (Some(&nobody), "", false),
            (Some(&broken), "correct horse", false),
            (None, "correct horse", false),
        ] {
            let found = passwords.verify(user, password, 0).await.unwrap();
            assert_eq!(found, expected, "{password:.20}");
        }
        for bad in ["", &long] {
            assert_eq!(
                passwords.hash(bad).await.unwrap_err().reason(),
                "invalid_parameter"
            );
        }
    }

    #[tokio::test]
    async fn a_password_that_was_changed_is_not_known_any_more() {
        let passwords = Passwords::default();
        let before = user(Some(passwords.hash("one").await.unwrap()));
        let after = user(Some(passwords.hash("two").await.unwrap()));
        assert!(passwords.verify(Some(&before), "one", 0).await.unwrap());
        assert!(!passwords.verify(Some(&after), "one", 0).await.unwrap());
    }

    #[test]
    fn memory_of_passwords_is_bounded() {
        let mut known = Known::default();
        for number in 0..3 * KNOWN_MAX {
            let mut mark = [0; 32];
            mark[..8].copy_from_slice(&number.to_le_bytes());
            known.remember(mark, 0);
        }
        assert!(known.until.len() <= KNOWN_MAX);
    }
}
