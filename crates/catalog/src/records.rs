//! Small administered records: who there is, what they may do, what is written beside a database. All
//! kinds share one mechanism: an id that is never reused, a name that is unique among their like, two
//! edits ([`Edit::PutRecord`](crate::edit::Edit) and `RemoveRecord`), and one way to change them
//! ([`RecordEdits`]).
//!
//! ```text
//!   kind               unique by                      goes with
//!   Organization       name
//!   User               name
//!   Token              name                           its organization, its user
//!   Label              organization, name             its organization
//!   DatabaseMapping    organization, database/policy  its organization, its database
//!   BucketNotes        database                       its database
//!   Model              database, name                 its database
//!   Task               database, name                 its database
//!   Rollup             database, name                 its database
//!   Check              database, name                 its database
//!   Endpoint           database, name                 its database
//!   NotificationRule   database, name                 its database, its endpoint
//!   Silence            database, id                   its database
//! ```
//!
//! A kind is one file here with its type and its [`Administered`], one line in [`kinds!`], and its form
//! on disk in `manifest/codec/disk/records.rs`.

mod check;
mod edits;
mod endpoint;
mod label;
mod mapping;
mod model;
mod notes;
mod organization;
mod rights;
mod rollup;
mod rule;
mod secret;
mod task;
mod token;
mod user;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::ids::DatabaseId;
use crate::names::check_title;
use crate::state::State;
pub use check::{Check, CheckLevel, CheckSilence};
pub use edits::RecordEdits;
pub use endpoint::Endpoint;
pub use label::Label;
pub use mapping::DatabaseMapping;
pub use model::{MODEL_VERSIONS_MAX, Model, ModelBlob, ModelVersion};
pub use notes::BucketNotes;
pub use organization::{DEFAULT_ORGANIZATION, Member, Organization, Role};
pub use rights::{Action, InvalidPattern, Pattern, Right, Rights};
pub use rollup::{Rollup, RollupField, RollupFunction, TouchedRange};
pub use rule::{NotificationRule, Silence, TagCondition};
pub use secret::{digest, id_of_token, new_token, random_hex};
pub use task::{Task, TaskOptions, TaskStatus, TaskTrigger};
pub use token::{Secret, Token, TokenDigest};
pub use user::User;

/// Identifies a record for ever, among records of every kind; never 0, never reused. As text it has 16
/// hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(pub u64);

impl RecordId {
    /// Ids from here on are made of names, not counted: see [`RecordId::of_name`].
    const FIRST_OF_NAMES: u64 = 1 << 63;

    /// The id of a token of a store whose tokens had names alone. It follows from the name, so that
    /// every reading of such a store comes to the same.
    pub(crate) fn of_name(name: &str) -> Self {
        Self(Self::FIRST_OF_NAMES | u64::from(crc32c::crc32c(name.as_bytes())))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text is not the id of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id has 16 hexadecimal digits, not all of them 0")]
pub struct InvalidRecordId;

impl FromStr for RecordId {
    type Err = InvalidRecordId;

    fn from_str(text: &str) -> Result<Self, InvalidRecordId> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let digits = (text.len() == 16 && text.bytes().all(is_hex)).then_some(text);
        let id = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let id = id.filter(|id| *id != 0).ok_or(InvalidRecordId)?;
        Ok(Self(id))
    }
}

/// What a kind of record is like.
pub trait Administered: Clone + fmt::Debug + PartialEq + Send + Sync + Sized + 'static {
    /// Which kind it is.
    const KIND: RecordKind;

    /// Its id.
    fn id(&self) -> RecordId;

    /// What it is unique by: a name, in a scope that is 0 where there is only one.
    fn key(&self) -> (u64, String);

    /// What people call it.
    fn title(&self) -> String {
        self.key().1
    }

    /// Whether it may be put into a catalog as it is.
    fn check(&self, state: &State, records: &Records) -> Result<()>;

    /// What becomes of it when another record goes.
    fn without(&self, _gone: RecordId) -> Without<Self> {
        Without::Same
    }

    /// Whether it goes with this database.
    fn is_of_database(&self, _database: DatabaseId) -> bool {
        false
    }

    /// Other records that have to change with it.
    fn displaced(&self, _records: &Records) -> Vec<Record> {
        Vec::new()
    }

    /// The record, if it is of this kind.
    fn of(record: &Record) -> Option<&Arc<Self>>;
}

/// What becomes of a record when another goes that it may refer to.
#[derive(Debug, Clone, PartialEq)]
pub enum Without<T> {
    /// It does not refer to it.
    Same,
    /// It is changed to this.
    Changed(T),
    /// It goes too.
    Gone,
}

impl<T> Without<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Without<U> {
        match self {
            Self::Same => Without::Same,
            Self::Changed(record) => Without::Changed(change(record)),
            Self::Gone => Without::Gone,
        }
    }
}

/// Declares all kinds: their type, what one is called, and the words of errors about them.
macro_rules! kinds {
    ($($kind:ident $noun:literal $missing:literal $taken:literal,)+) => {
        /// The kind of a record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum RecordKind {
            $(#[doc = concat!("A ", $noun, ".")] $kind,)+
        }

        impl RecordKind {
            /// What one is called.
            pub fn noun(self) -> &'static str {
                match self { $(Self::$kind => $noun,)+ }
            }

            /// The stable word for one that is not there.
            pub fn missing(self) -> &'static str {
                match self { $(Self::$kind => $missing,)+ }
            }

            /// The stable word for one that is there already.
            pub fn taken(self) -> &'static str {
                match self { $(Self::$kind => $taken,)+ }
            }
        }

        /// A record of any kind.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Record {
            $(#[doc = concat!("A ", $noun, ".")] $kind(Arc<$kind>),)+
        }

        impl Record {
            /// Its kind.
            pub fn kind(&self) -> RecordKind {
                match self { $(Self::$kind(_) => RecordKind::$kind,)+ }
            }

            /// Its id.
            pub fn id(&self) -> RecordId {
                match self { $(Self::$kind(record) => record.id(),)+ }
            }

            /// What people call it.
            pub fn title(&self) -> String {
                match self { $(Self::$kind(record) => record.title(),)+ }
            }

            fn key(&self) -> (RecordKind, u64, String) {
                let (scope, name) = match self { $(Self::$kind(record) => record.key(),)+ };
                (self.kind(), scope, name)
            }

            fn without(&self, gone: RecordId) -> Without<Record> {
                match self { $(Self::$kind(record) => record.without(gone).map(Record::from),)+ }
            }

            fn is_of_database(&self, database: DatabaseId) -> bool {
                match self { $(Self::$kind(record) => record.is_of_database(database),)+ }
            }
        }

        $(impl From<$kind> for Record {
            fn from(record: $kind) -> Self {
                Self::$kind(Arc::new(record))
            }
        })+
    };
}

kinds! {
    Organization "organization" "organization_not_found" "organization_exists",
    User "user" "user_not_found" "user_exists",
    Token "token" "token_not_found" "token_exists",
    Label "label" "label_not_found" "label_exists",
    DatabaseMapping "database mapping" "mapping_not_found" "mapping_exists",
    BucketNotes "bucket" "bucket_not_found" "bucket_exists",
    Model "model" "model_not_found" "model_exists",
    Task "task" "task_not_found" "task_exists",
    Rollup "rollup" "rollup_not_found" "rollup_exists",
    Check "check" "check_not_found" "check_exists",
    Endpoint "endpoint" "endpoint_not_found" "endpoint_exists",
    NotificationRule "notification rule" "notification_rule_not_found" "notification_rule_exists",
    Silence "silence" "silence_not_found" "silence_exists",
}

/// All records, by id and by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Records {
    by_id: BTreeMap<RecordId, Record>,
    by_key: BTreeMap<(RecordKind, u64, String), RecordId>,
    /// The highest id that was ever counted.
    last: u64,
}

impl Records {
    /// The record of this kind and id.
    pub fn get<T: Administered>(&self, id: RecordId) -> Option<&Arc<T>> {
        T::of(self.by_id.get(&id)?)
    }

    /// The record of this kind and name; for kinds that are unique in a scope, in that scope.
    pub fn named<T: Administered>(&self, scope: u64, name: &str) -> Option<&Arc<T>> {
        let key = (T::KIND, scope, name.to_owned());
        self.get(*self.by_key.get(&key)?)
    }

    /// All records of a kind, by scope and name.
    pub fn all<T: Administered>(&self) -> impl Iterator<Item = &Arc<T>> {
        let first = (T::KIND, 0, String::new());
        let of_kind = self.by_key.range(first..);
        let of_kind = of_kind.take_while(|((kind, ..), _)| *kind == T::KIND);
        of_kind.filter_map(|(_, id)| self.get(*id))
    }

    /// Records of every kind, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.by_id.values()
    }

    /// Whether there is a record of this id, of whatever kind.
    pub fn contains(&self, id: RecordId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// How many there are of every kind.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Ids up to this one were given away, whether or not their records are still there.
    pub(crate) fn skip_ids_through(&mut self, last: u64) {
        self.last = self.last.max(last);
    }

    /// The id of the next new record.
    pub(crate) fn next_id(&self) -> RecordId {
        RecordId(self.last + 1)
    }

    /// Adds a record or replaces that of its id.
    pub(crate) fn put(&mut self, record: Record) -> Result<(), String> {
        let (id, key) = (record.id(), record.key());
        if id.0 == 0 {
            return Err("a record has no id".to_owned());
        }
        if self.by_key.get(&key).is_some_and(|other| *other != id) {
            return Err(format!("record {id} is put under a name that is taken"));
        }
        if let Some(before) = self.by_id.get(&id) {
            if before.kind() != record.kind() {
                return Err(format!("record {id} changes its kind"));
            }
            self.by_key.remove(&before.key());
        }
        self.by_key.insert(key, id);
        self.by_id.insert(id, record);
        if id.0 < RecordId::FIRST_OF_NAMES {
            self.last = self.last.max(id.0);
        }
        Ok(())
    }

    /// Takes a record away.
    pub(crate) fn remove(&mut self, id: RecordId) -> Result<(), String> {
        let missing = || format!("no record {id}");
        let record = self.by_id.remove(&id).ok_or_else(missing)?;
        self.by_key.remove(&record.key());
        Ok(())
    }

    /// Takes away what is about a database that is forgotten.
    pub(crate) fn remove_database(&mut self, database: DatabaseId) {
        let of_it = self.iter().filter(|record| record.is_of_database(database));
        let ids: Vec<_> = of_it.map(Record::id).collect();
        for id in ids {
            self.remove(id).expect("it was just found");
        }
    }

    /// Fails if a record that is referred to is not there.
    fn check_has<T: Administered>(&self, id: RecordId) -> Result<()> {
        match self.get::<T>(id) {
            Some(_) => Ok(()),
            None => Err(Error::RecordNotFound {
                kind: T::KIND,
                name: id.to_string(),
            }),
        }
    }
}

/// The longest description and the like, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Checks the name of a record.
fn check_name(kind: RecordKind, name: &str) -> Result<()> {
    check_title(kind.noun(), name)
}

/// Fails unless there is such a database.
fn check_database(state: &State, database: DatabaseId) -> Result<()> {
    match state.database_of(database) {
        Some(_) => Ok(()),
        None => Err(Error::DatabaseNotFound {
            name: database.to_string(),
        }),
    }
}

/// Checks a text that people write.
fn check_text(kind: RecordKind, what: &'static str, text: &str) -> Result<()> {
    if text.len() <= TEXT_BYTES_MAX {
        return Ok(());
    }
    Err(Error::InvalidRecord {
        kind,
        problem: format!("its {what} has more than {TEXT_BYTES_MAX} bytes"),
    })
}

#[cfg(test)]
mod tests;
