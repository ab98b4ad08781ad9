//! Tokens: what programs show to get in, and what they may do then.

use std::fmt;
use std::sync::Arc;

use super::{
    Administered, Organization, Record, RecordId, RecordKind, Records, Rights, User, Without,
    check_name, check_text,
};
use crate::error::{Error, Result};
use crate::state::State;

/// SHA-256 of a token; the token itself is never kept.
pub type TokenDigest = [u8; 32];

/// As many secrets one token can have at a time: the present one, and those before it that are still
/// good for a while.
const SECRETS_MAX: usize = 4;

/// A token, without the secret that its holder shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// Its id.
    pub id: RecordId,
    /// Its name, unique among tokens.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// Whether it lets anybody in.
    pub is_active: bool,
    /// The secrets that it is known by, the newest last.
    pub secrets: Vec<Secret>,
    /// What it may do.
    pub rights: Rights,
    /// The organization it was made for.
    pub organization: Option<RecordId>,
    /// The user it was made for.
    pub user: Option<RecordId>,
    /// The permissions it was asked for with, as v2 writes them (JSON), to be told again.
    pub permissions: Option<String>,
    /// When it was made, nanoseconds since 1970; 0 if that is not known.
    pub created_at_nanos: i64,
    /// When it was changed last.
    pub updated_at_nanos: i64,
    /// From when on it lets nobody in; `None` is never.
    pub expires_at_nanos: Option<i64>,
}

/// What is kept of a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret {
    /// SHA-256 of it.
    pub sha256: TokenDigest,
    /// From when on it is not good any more, nanoseconds since 1970; `None` while it is the present
    /// one.
    pub valid_until_nanos: Option<i64>,
}

impl Secret {
    /// The present secret of a token.
    pub fn present(sha256: TokenDigest) -> Self {
        Self {
            sha256,
            valid_until_nanos: None,
        }
    }

    /// Whether it is good at this time.
    pub fn is_good(&self, now_nanos: i64) -> bool {
        self.valid_until_nanos.is_none_or(|until| now_nanos < until)
    }
}

/// Leaves out the digest.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("valid_until_nanos", &self.valid_until_nanos)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// An active token that never expires.
    pub fn new(id: RecordId, name: &str, secret: TokenDigest, rights: Rights, now: i64) -> Self {
        Self {
            id,
            name: name.to_owned(),
            description: String::new(),
            is_active: true,
            secrets: vec![Secret::present(secret)],
            rights,
            organization: None,
            user: None,
            permissions: None,
            created_at_nanos: now,
            updated_at_nanos: now,
            expires_at_nanos: None,
        }
    }

    /// Whether it lets its holder in at this time, by whichever secret.
    pub fn is_live(&self, now_nanos: i64) -> bool {
        self.is_active && !self.is_expired(now_nanos)
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now_nanos: i64) -> bool {
        self.expires_at_nanos.is_some_and(|at| at <= now_nanos)
    }

    /// Whether it administers the server, now and in time to come.
    pub(super) fn opens_for_good(&self) -> bool {
        self.rights.are_administrator() && self.is_active && self.expires_at_nanos.is_none()
    }

    /// Gives it a new secret. Those that it had stay good until `valid_until_nanos`, or for a shorter
    /// time if that was said before.
    pub fn rotate(&mut self, secret: TokenDigest, valid_until_nanos: i64, now_nanos: i64) {
        self.secrets
            .retain(|secret| secret.is_good(now_nanos) && valid_until_nanos > now_nanos);
        for earlier in &mut self.secrets {
            let until = earlier.valid_until_nanos.unwrap_or(valid_until_nanos);
            earlier.valid_until_nanos = Some(until.min(valid_until_nanos));
        }
        self.secrets.push(Secret::present(secret));
        let excess = self.secrets.len().saturating_sub(SECRETS_MAX);
        self.secrets.drain(..excess);
        self.updated_at_nanos = now_nanos;
    }
}

impl Administered for Token {
    const KIND: RecordKind = RecordKind::Token;

    fn id(&self) -> RecordId {
        self.id
    }

    fn key(&self) -> (u64, String) {
        (0, self.name.clone())
    }

    fn check(&self, _state: &State, records: &Records) -> Result<()> {
        check_name(Self::KIND, &self.name)?;
        check_text(Self::KIND, "description", &self.description)?;
        let permissions = self.permissions.as_deref().unwrap_or_default();
        check_text(Self::KIND, "list of permissions", permissions)?;
        if let Some(organization) = self.organization {
            records.check_has::<Organization>(organization)?;
        }
        if let Some(user) = self.user {
            records.check_has::<User>(user)?;
        }
        let problem = match self.secrets.len() {
            0 => "it has no secret".to_owned(),
            SECRETS_MAX.. if self.secrets.len() > SECRETS_MAX => {
                "it has too many secrets".to_owned()
            }
            _ if self.rights.is_too_long() => "it has too many rights".to_owned(),
            _ => return self.check_secrets(records),
        };
        let kind = Self::KIND;
        Err(Error::InvalidRecord { kind, problem })
    }

    fn without(&self, gone: RecordId) -> Without<Self> {
        match self.organization == Some(gone) || self.user == Some(gone) {
            true => Without::Gone,
            false => Without::Same,
        }
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::Token(token) => Some(token),
            _ => None,
        }
    }
}

impl Token {
    /// A secret says which token it is of, so no two have the same.
    fn check_secrets(&self, records: &Records) -> Result<()> {
        let mut others = records.all::<Self>().filter(|other| other.id != self.id);
        let has = |token: &Self, digest| token.secrets.iter().any(|s| s.sha256 == digest);
        let is_taken = others.any(|other| self.secrets.iter().any(|s| has(other, s.sha256)));
        match is_taken {
            false => Ok(()),
            true => Err(Error::InvalidRecord {
                kind: Self::KIND,
                problem: "another token has the same secret".to_owned(),
            }),
        }
    }
}
