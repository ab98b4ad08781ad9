//! Trained models: what is known of one, and where the bytes of its versions are. The bytes themselves are
//! objects of the store, written before the commit that names them.

use std::sync::Arc;

use super::{Administered, Record, RecordId, RecordKind, Records, check_name, check_text};
use crate::error::{Error, Result};
use crate::ids::DatabaseId;
use crate::state::State;

/// Versions of one model at most; the oldest goes for a new one.
pub const MODEL_VERSIONS_MAX: usize = 32;

/// A model of a database, with its versions.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Its id.
    pub id: RecordId,
    /// The database that it belongs to.
    pub database: DatabaseId,
    /// Its name, unique in the database.
    pub name: String,
    /// The number of the version that is used where none is said.
    pub current: u32,
    /// Its versions by rising number; never none.
    pub versions: Vec<Arc<ModelVersion>>,
    /// The highest number that a version ever had.
    pub last_version: u32,
    /// When it was made, nanoseconds since 1970.
    pub created_at_nanos: i64,
    /// When it was changed last.
    pub updated_at_nanos: i64,
}

/// One version of a model: how it came about, and where it is. It never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelVersion {
    /// Its number, from 1; never used again.
    pub number: u32,
    /// The kind of model, by its name in SQL.
    pub kind: String,
    /// The features that it takes, in their order.
    pub features: Vec<String>,
    /// The column that it learned, if it learned one.
    pub target: Option<String>,
    /// The column that said which rows are of one machine.
    pub group: Option<String>,
    /// The options that were given, as they were written.
    pub options: Vec<(String, String)>,
    /// The query for its training rows; `None` for one that was imported.
    pub query: Option<String>,
    /// Training rows; 0 where that is not known.
    pub rows: u64,
    /// The first and last time of the training rows, nanoseconds since 1970.
    pub times: Option<(i64, i64)>,
    /// What its random choices followed from.
    pub seed: Option<u64>,
    /// Numbers about it, by name; all of them finite.
    pub metrics: Vec<(String, f64)>,
    /// When it was made, nanoseconds since 1970.
    pub created_at_nanos: i64,
    /// The name of the token or user that made it.
    pub created_by: Option<String>,
    /// Where its bytes are.
    pub blob: ModelBlob,
}

/// The bytes of a version, in the object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelBlob {
    /// The database that the model belongs to.
    pub database: DatabaseId,
    /// When it was made, nanoseconds since 1970: with the checksum its name.
    pub made_at_nanos: i64,
    /// How many bytes there are.
    pub size_bytes: u64,
    /// The checksum (CRC32C) of all of them.
    pub crc32c: u32,
}

impl ModelBlob {
    /// Where it is, below the root of the object store. Names are no part of it.
    pub fn path(&self) -> String {
        let Self {
            database,
            made_at_nanos,
            size_bytes: _,
            crc32c,
        } = self;
        format!("models/{database}/{made_at_nanos:016x}-{crc32c:08x}.model")
    }
}

impl Model {
    /// The version of this number.
    pub fn version(&self, number: u32) -> Option<&Arc<ModelVersion>> {
        self.versions
            .iter()
            .find(|version| version.number == number)
    }

    /// The version that is used where none is said.
    pub fn current_version(&self) -> &Arc<ModelVersion> {
        let current = self.version(self.current);
        current.expect("a model is checked to have its current version")
    }

    /// Adds a version, which is used from now on. `make` gets its number. The oldest goes where there are too
    /// many.
    pub fn add_version(&mut self, make: impl FnOnce(u32) -> ModelVersion, now_nanos: i64) {
        let number = self.last_version + 1;
        self.versions.push(Arc::new(make(number)));
        if self.versions.len() > MODEL_VERSIONS_MAX {
            self.versions.remove(0);
        }
        self.last_version = number;
        self.current = number;
        self.updated_at_nanos = now_nanos;
    }

    /// Whether the versions are as everybody relies on.
    pub(crate) fn is_whole(&self) -> bool {
        let rises = self
            .versions
            .windows(2)
            .all(|two| two[0].number < two[1].number);
        let last = self.versions.last().map(|version| version.number);
        rises && self.version(self.current).is_some() && last <= Some(self.last_version)
    }
}

impl Administered for Model {
    const KIND: RecordKind = RecordKind::Model;

    fn id(&self) -> RecordId {
        self.id
    }

    fn key(&self) -> (u64, String) {
        (u64::from(self.database.0), self.name.clone())
    }

    fn check(&self, state: &State, _records: &Records) -> Result<()> {
        check_name(Self::KIND, &self.name)?;
        let invalid = |problem: &str| {
            Err(Error::InvalidRecord {
                kind: Self::KIND,
                problem: problem.to_owned(),
            })
        };
        if self.name.contains('@') {
            return invalid(
                "its name has an '@', which is followed by a version where a model is used",
            );
        }
        if !self.is_whole() {
            return invalid("its versions are not in order");
        }
        for version in &self.versions {
            let query = version.query.as_deref();
            check_text(Self::KIND, "query", query.unwrap_or_default())?;
        }
        match state.database_of(self.database) {
            Some(_) => Ok(()),
            None => Err(Error::DatabaseNotFound {
                name: self.database.to_string(),
            }),
        }
    }

    fn is_of_database(&self, database: DatabaseId) -> bool {
        self.database == database
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::Model(model) => Some(model),
            _ => None,
        }
    }
}
