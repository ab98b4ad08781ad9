//! Mappings: what a v1 client's database and retention policy mean, where that does not follow from
//! their names.

use std::sync::Arc;

use super::{Administered, Organization, Record, RecordId, RecordKind, Records, Without};
use crate::error::{Error, Result};
use crate::ids::DatabaseId;
use crate::names::DatabaseName;
use crate::state::State;

/// The database that a v1 database and retention policy stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseMapping {
    /// Its id.
    pub id: RecordId,
    /// The organization that it belongs to.
    pub organization: RecordId,
    /// The database of ours that is meant; a bucket, in v2's words.
    pub target: DatabaseId,
    /// The database that v1 clients name.
    pub database: String,
    /// The retention policy that they name.
    pub retention_policy: String,
    /// Whether it is meant too when they name no retention policy. At most one is, of those of a
    /// database: when another becomes it, this one is it no longer.
    pub is_default: bool,
}

impl Administered for DatabaseMapping {
    const KIND: RecordKind = RecordKind::DatabaseMapping;

    fn id(&self) -> RecordId {
        self.id
    }

    fn key(&self) -> (u64, String) {
        // Neither has a slash in it.
        let name = format!("{}/{}", self.database, self.retention_policy);
        (self.organization.0, name)
    }

    fn check(&self, state: &State, records: &Records) -> Result<()> {
        DatabaseName::new(&self.database)?;
        DatabaseName::new(&self.retention_policy)?;
        records.check_has::<Organization>(self.organization)?;
        match state.database_of(self.target) {
            Some(_) => Ok(()),
            None => Err(Error::DatabaseNotFound {
                name: self.target.to_string(),
            }),
        }
    }

    fn without(&self, gone: RecordId) -> Without<Self> {
        match self.organization == gone {
            true => Without::Gone,
            false => Without::Same,
        }
    }

    fn is_of_database(&self, database: DatabaseId) -> bool {
        self.target == database
    }

    fn displaced(&self, records: &Records) -> Vec<Record> {
        let is_other_default = |other: &&Arc<Self>| {
            other.is_default
                && other.id != self.id
                && other.organization == self.organization
                && other.database == self.database
        };
        let others = records.all::<Self>().filter(is_other_default);
        let others = others.filter(|_| self.is_default);
        let changed = others.map(|other| Self {
            is_default: false,
            ..Self::clone(other)
        });
        changed.map(Record::from).collect()
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::DatabaseMapping(mapping) => Some(mapping),
            _ => None,
        }
    }
}
