//! Users: people who sign in with a password.

use std::fmt;
use std::sync::Arc;

use super::{Administered, Record, RecordId, RecordKind, Records, check_name};
use crate::error::Result;
use crate::state::State;

/// A person who can sign in.
#[derive(Clone, PartialEq)]
pub struct User {
    /// Its id.
    pub id: RecordId,
    /// Its name, unique among users.
    pub name: String,
    /// Whether they can sign in.
    pub is_active: bool,
    /// What is kept of the password: a string in the PHC format. Without one nobody can sign in.
    pub password: Option<String>,
    /// When it was made, nanoseconds since 1970.
    pub created_at_nanos: i64,
    /// When it was changed last.
    pub updated_at_nanos: i64,
}

/// Leaves out what is kept of the password.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("is_active", &self.is_active)
            .field("has_password", &self.password.is_some())
            .finish_non_exhaustive()
    }
}

impl Administered for User {
    const KIND: RecordKind = RecordKind::User;

    fn id(&self) -> RecordId {
        self.id
    }

    fn key(&self) -> (u64, String) {
        (0, self.name.clone())
    }

    fn check(&self, _state: &State, _records: &Records) -> Result<()> {
        check_name(Self::KIND, &self.name)
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::User(user) => Some(user),
            _ => None,
        }
    }
}
