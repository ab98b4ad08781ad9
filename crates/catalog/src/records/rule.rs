//! Notification rules: who is told of what. And silences: of what nobody is told for a while.

use std::sync::Arc;

use super::endpoint::Endpoint;
use super::{Administered, Record, RecordId, RecordKind, Records, Without, check_name, check_text};
use crate::error::Result;
use crate::ids::DatabaseId;
use crate::state::State;

/// Of which changes of level an endpoint is told.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationRule {
    /// Its id.
    pub id: RecordId,
    /// The database whose checks it is about.
    pub database: DatabaseId,
    /// Its name, unique in its database.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// Who is told.
    pub endpoint: RecordId,
    /// The names of the checks; with none, all of the database.
    pub checks: Vec<String>,
    /// What the levels are called.
    pub levels: Vec<String>,
    /// Whether it is told, too, that it is not so bad any more.
    pub tells_resolved: bool,
    /// Conditions on the tags of a series, all of which must hold.
    pub tags: Vec<TagCondition>,
    /// Series that have these tags in common are told of together; `None` is every series for itself.
    pub group_by: Option<Vec<String>>,
    /// At most so often, in nanoseconds.
    pub every_nanos: Option<u64>,
    /// What still is so is told again after so long, in nanoseconds.
    pub repeat_nanos: Option<u64>,
    /// What is said, in the place of the check's words: a template.
    pub message: Option<String>,
    /// Whether anything is told.
    pub is_active: bool,
    /// The token or user who made it.
    pub owner: Option<RecordId>,
    /// Their name at that time.
    pub owner_name: String,
    /// How a client of the v2 API put it, as JSON.
    pub v2: Option<String>,
    /// When it was made, nanoseconds since 1970.
    pub created_at_nanos: i64,
    /// When it was changed last.
    pub updated_at_nanos: i64,
}

/// A condition on a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagCondition {
    /// The tag.
    pub tag: String,
    /// How it is compared: `=`, `!=`, `~` or `!~`.
    pub operator: String,
    /// With what.
    pub value: String,
}

/// A while in which nobody is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Silence {
    /// Its id, which is its name, too.
    pub id: RecordId,
    /// The database whose checks it is about.
    pub database: DatabaseId,
    /// The check; `None` is all of the database.
    pub check: Option<String>,
    /// Conditions on the tags of a series, all of which must hold.
    pub tags: Vec<TagCondition>,
    /// Until when, nanoseconds since 1970.
    pub until_nanos: i64,
    /// Why.
    pub comment: String,
    /// Who said so.
    pub owner_name: String,
    /// When, nanoseconds since 1970.
    pub created_at_nanos: i64,
}

impl Administered for NotificationRule {
    const KIND: RecordKind = RecordKind::NotificationRule;

    fn id(&self) -> RecordId {
        self.id
    }

    fn key(&self) -> (u64, String) {
        (self.database.0.into(), self.name.clone())
    }

    fn check(&self, state: &State, records: &Records) -> Result<()> {
        check_name(Self::KIND, &self.name)?;
        check_text(Self::KIND, "description", &self.description)?;
        let message = self.message.as_deref();
        check_text(Self::KIND, "message", message.unwrap_or_default())?;
        let v2 = self.v2.as_deref();
        check_text(Self::KIND, "definition", v2.unwrap_or_default())?;
        for condition in &self.tags {
            check_text(Self::KIND, "condition", &condition.value)?;
        }
        records.check_has::<Endpoint>(self.endpoint)?;
        super::check_database(state, self.database)
    }

    fn without(&self, gone: RecordId) -> Without<Self> {
        match self.endpoint == gone {
            true => Without::Gone,
            false => Without::Same,
        }
    }

    fn is_of_database(&self, database: DatabaseId) -> bool {
        self.database == database
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::NotificationRule(rule) => Some(rule),
            _ => None,
        }
    }
}

impl Administered for Silence {
    const KIND: RecordKind = RecordKind::Silence;

    fn id(&self) -> RecordId {
        self.id
    }

    fn key(&self) -> (u64, String) {
        (self.database.0.into(), self.id.to_string())
    }

    fn check(&self, state: &State, _records: &Records) -> Result<()> {
        check_text(Self::KIND, "comment", &self.comment)?;
        for condition in &self.tags {
            check_text(Self::KIND, "condition", &condition.value)?;
        }
        super::check_database(state, self.database)
    }

    fn is_of_database(&self, database: DatabaseId) -> bool {
        self.database == database
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::Silence(silence) => Some(silence),
            _ => None,
        }
    }
}
