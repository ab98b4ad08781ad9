//! DuckDB and stock DataFusion, each in a Python process of its own that lives as long as the
//! measurement.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Raw;
use crate::error::Result;
use crate::script::Script;

/// Part of this program, so that program and script cannot be of different versions.
const SCRIPT: &str = include_str!("../../query_engine.py");

/// Tables of the shapes with a column that only they have.
const TABLES: [(&str, &str); 3] = [
    ("cpu", "usage_user"),
    ("readings", "velocity"),
    ("diagnostics", "fuel_state"),
];

/// An engine that runs in the process of its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Library {
    DuckDb,
    DataFusion,
}

impl Library {
    fn module(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::DataFusion => "datafusion",
        }
    }
}

/// A process that answers queries over files.
#[derive(Debug)]
pub(super) struct Embedded {
    script: Script,
    pub(super) version: String,
    /// Rows by table.
    pub(super) rows: BTreeMap<String, u64>,
}

/// The time of a query, with its answer where that was asked for, or what the engine says against
/// it.
#[derive(Debug)]
pub(super) enum Reply {
    Answered {
        wall: Duration,
        names: Vec<String>,
        lists: Vec<Vec<Raw>>,
    },
    Refused(String),
}

#[derive(Deserialize)]
struct Opened {
    version: String,
    rows: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Ran {
    #[serde(default)]
    ms: f64,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    lists: Vec<Vec<Raw>>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Sorted {
    files: Vec<PathBuf>,
}

impl Embedded {
    /// Starts `python` with the library over `files`, on `threads` threads. `keys` are the columns
    /// by which a table's rows are sorted. The script and the log go to `folder`.
    pub(super) fn open(
        library: Library,
        python: &str,
        folder: &Path,
        files: &[PathBuf],
        keys: &Value,
    ) -> Result<Self> {
        let mut engine = Self {
            script: Script::start(python, SCRIPT, library.module(), folder)?,
            version: String::new(),
            rows: BTreeMap::new(),
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let opened: Opened = engine.script.ask(&json!({
            "do": "open",
            "files": files,
            "tables": BTreeMap::from(TABLES),
            "keys": keys,
            "threads": threads,
        }))?;
        engine.version = format!("{} {}", library.module(), opened.version);
        engine.rows = opened.rows;
        Ok(engine)
    }

    /// Writes one sorted file of each table to `folder` (DuckDB only).
    pub(super) fn sort(&mut self, folder: &Path, keys: &Value) -> Result<Vec<PathBuf>> {
        let request = json!({ "do": "sort", "into": folder, "keys": keys });
        self.script.ask(&request).map(|sorted: Sorted| sorted.files)
    }

    pub(super) fn run(&mut self, sql: &str, with_answer: bool) -> Result<Reply> {
        let ran: Ran = self
            .script
            .ask(&json!({ "do": "run", "sql": sql, "answer": with_answer }))?;
        Ok(match ran.error {
            Some(error) => Reply::Refused(error),
            None => Reply::Answered {
                wall: Duration::from_secs_f64(ran.ms / 1_000.0),
                names: ran.names,
                lists: ran.lists,
            },
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.script.pid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_cannot_answer_is_an_error_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let open = |python: &str| {
            let opened = Embedded::open(Library::DuckDb, python, folder.path(), &[], &json!({}));
            opened.unwrap_err().to_string()
        };
        assert!(open("no-such-python").contains("no-such-python"));
        // A shell reads the script's first line as a command that is not there.
        assert!(open("sh").contains("not found"), "{}", open("sh"));
    }
}
