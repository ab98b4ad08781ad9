//! What is known of the series of a check, in memory and as text.

use std::collections::BTreeMap;

use automation::{Level, Pending, Series};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// What is known of a check.
#[derive(Debug, Clone, Default)]
pub(super) struct CheckState {
    /// Windows that end by this have been looked at, as far as anything came of them.
    pub(super) through: i64,
    /// That it cannot look, if that is so: like a series of the check itself.
    pub(super) failing: Option<Known>,
    /// By what [`series_id`] makes of their tags.
    pub(super) series: BTreeMap<String, Known>,
}

/// What is known of a series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    pub(super) series: Series,
    pub(super) tags: BTreeMap<String, String>,
    /// What the query said of it last, as far as that is kept.
    pub(super) values: Map<String, Value>,
    /// What was said of it last.
    pub(super) message: String,
    /// Since when it fires.
    pub(super) firing_since: Option<i64>,
    /// Who has taken note, when, and in what words.
    pub(super) acknowledged: Option<(String, i64, String)>,
}

/// The same as text.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    level: String,
    since: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<(String, i64)>,
    seen: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_silent: bool,
    tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    values: Map<String, Value>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    firing_since: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acknowledged: Option<(String, i64, String)>,
}

impl Known {
    pub(super) fn new(tags: BTreeMap<String, String>, since: i64) -> Self {
        Self {
            series: Series::new(since),
            tags,
            values: Map::new(),
            message: String::new(),
            firing_since: None,
            acknowledged: None,
        }
    }

    pub(super) fn to_text(&self) -> String {
        let series = &self.series;
        let pending = series.pending;
        let stored = Stored {
            level: series.level.name().to_owned(),
            since: series.since,
            pending: pending.map(|pending| (pending.level.name().to_owned(), pending.since)),
            seen: series.seen,
            is_silent: series.is_silent,
            tags: self.tags.clone(),
            values: self.values.clone(),
            message: self.message.clone(),
            firing_since: self.firing_since,
            acknowledged: self.acknowledged.clone(),
        };
        serde_json::to_string(&stored).expect("plain data of ours always becomes JSON")
    }

    pub(super) fn of_text(text: &str) -> Result<Self> {
        let wrong = |problem: String| Error::InvalidCheck { problem };
        let stored: Stored = serde_json::from_str(text)
            .map_err(|error| wrong(format!("a state that was kept cannot be read: {error}")))?;
        let level = |name: &str| {
            let level = Level::of_name(name);
            level.ok_or_else(|| wrong(format!("a state that was kept has the level '{name}'")))
        };
        let pending = |(name, since): &(String, i64)| {
            Ok::<_, Error>(Pending {
                level: level(name)?,
                since: *since,
            })
        };
        Ok(Self {
            series: Series {
                level: level(&stored.level)?,
                since: stored.since,
                pending: stored.pending.as_ref().map(pending).transpose()?,
                seen: stored.seen,
                is_silent: stored.is_silent,
            },
            tags: stored.tags,
            values: stored.values,
            message: stored.message,
            firing_since: stored.firing_since,
            acknowledged: stored.acknowledged,
        })
    }
}

/// What a series is known by: it follows from its tags.
pub(super) fn series_id(tags: &BTreeMap<String, String>) -> String {
    let text = serde_json::to_string(tags).expect("texts always become JSON");
    digest(&[&text])
}

/// An id that follows from texts: 16 hexadecimal digits of their SHA-256.
pub(super) fn digest(texts: &[&str]) -> String {
    use sha2::{Digest as _, Sha256};
    let mut digest = Sha256::new();
    for text in texts {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text.as_bytes());
    }
    let digest: [u8; 32] = digest.finalize().into();
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
