//! Endpoints: where something can be sent to. What an address or a secret looks like is not for the catalog
//! to know: it keeps them sealed.

use std::sync::Arc;

use super::{Administered, Record, RecordId, RecordKind, Records, check_name, check_text};
use crate::error::{Error, Result};
use crate::ids::DatabaseId;
use crate::state::State;

/// As many bytes may be sealed.
const SEALED_BYTES_MAX: usize = 256 * 1024;

/// Where notifications and rows can be sent to.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    /// Its id.
    pub id: RecordId,
    /// The database that it belongs to.
    pub database: DatabaseId,
    /// Its name, unique in its database.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// What it speaks.
    pub kind: String,
    /// The server that it is: what of its address may be shown.
    pub target: String,
    /// What its options are called.
    pub options: Vec<String>,
    /// Its options, encrypted, as hexadecimal digits.
    pub sealed: String,
    /// Whether anything is sent there.
    pub is_active: bool,
    /// The token or user who made it.
    pub owner: Option<RecordId>,
    /// Their name at that time.
    pub owner_name: String,
    /// What a client of the v2 API said of it besides, as JSON without secrets.
    pub v2: Option<String>,
    /// When it was made, nanoseconds since 1970.
    pub created_at_nanos: i64,
    /// When it was changed last.
    pub updated_at_nanos: i64,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("database", &self.database)
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl Administered for Endpoint {
    const KIND: RecordKind = RecordKind::Endpoint;

    fn id(&self) -> RecordId {
        self.id
    }

    fn key(&self) -> (u64, String) {
        (self.database.0.into(), self.name.clone())
    }

    fn check(&self, state: &State, _records: &Records) -> Result<()> {
        check_name(Self::KIND, &self.name)?;
        check_text(Self::KIND, "description", &self.description)?;
        if self.sealed.len() > SEALED_BYTES_MAX {
            return Err(Error::InvalidRecord {
                kind: Self::KIND,
                problem: format!("its options have more than {SEALED_BYTES_MAX} bytes"),
            });
        }
        super::check_database(state, self.database)
    }

    fn is_of_database(&self, database: DatabaseId) -> bool {
        self.database == database
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::Endpoint(endpoint) => Some(endpoint),
            _ => None,
        }
    }
}
