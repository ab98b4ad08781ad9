//! What v2 clients keep with a bucket that the database itself has no place for.

use std::sync::Arc;

use super::organization::{check_members, members_without};
use super::{
    Administered, Label, Member, Organization, Record, RecordId, RecordKind, Records, Without,
    check_text,
};
use crate::error::{Error, Result};
use crate::ids::DatabaseId;
use crate::state::State;

/// What is kept with a database for v2 clients.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketNotes {
    /// Its id, which is not that of the bucket.
    pub id: RecordId,
    /// The database that it is about; each has one at most.
    pub database: DatabaseId,
    /// The organization that the bucket belongs to.
    pub organization: RecordId,
    /// What people say of it.
    pub description: String,
    /// Its labels.
    pub labels: Vec<RecordId>,
    /// The users that belong to it.
    pub members: Vec<Member>,
    /// When it was made, nanoseconds since 1970.
    pub created_at_nanos: i64,
    /// When it was changed last.
    pub updated_at_nanos: i64,
}

impl Administered for BucketNotes {
    const KIND: RecordKind = RecordKind::BucketNotes;

    fn id(&self) -> RecordId {
        self.id
    }

    fn key(&self) -> (u64, String) {
        (u64::from(self.database.0), String::new())
    }

    fn title(&self) -> String {
        format!("with id {}", self.database)
    }

    fn check(&self, state: &State, records: &Records) -> Result<()> {
        check_text(Self::KIND, "description", &self.description)?;
        records.check_has::<Organization>(self.organization)?;
        check_members(Self::KIND, &self.members, records)?;
        for label in &self.labels {
            records.check_has::<Label>(*label)?;
        }
        match state.database_of(self.database) {
            Some(_) => Ok(()),
            None => Err(Error::DatabaseNotFound {
                name: self.database.to_string(),
            }),
        }
    }

    fn without(&self, gone: RecordId) -> Without<Self> {
        let has_label = self.labels.contains(&gone);
        match members_without(&self.members, gone) {
            _ if self.organization == gone => Without::Gone,
            None if !has_label => Without::Same,
            members => {
                let mut left = self.clone();
                left.labels.retain(|label| *label != gone);
                left.members = members.unwrap_or(left.members);
                Without::Changed(left)
            }
        }
    }

    fn is_of_database(&self, database: DatabaseId) -> bool {
        self.database == database
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::BucketNotes(notes) => Some(notes),
            _ => None,
        }
    }
}
