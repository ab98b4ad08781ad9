//! DuckDB and stock DataFusion, each in a Python process of its own that lives as long as the
//! measurement: neither the start of a process nor that of Python is in a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::Raw;
use crate::error::{AtPath, Error, Result};
use crate::interrupt;

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
    library: Library,
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
    log: PathBuf,
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
        let script = folder.join("query_engine.py");
        let log = folder.join(format!("{}.log", library.module()));
        std::fs::write(&script, SCRIPT).at(&script)?;
        let mut child = Command::new(python)
            .arg(&script)
            .arg(library.module())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).at(&log)?)
            .spawn()
            .at(Path::new(python))?;
        interrupt::process_started(child.id());
        let requests = child.stdin.take().expect("standard input is a pipe");
        let replies = child.stdout.take().expect("standard output is a pipe");
        let mut engine = Self {
            library,
            child,
            requests,
            replies: BufReader::with_capacity(1 << 20, replies),
            log,
            version: String::new(),
            rows: BTreeMap::new(),
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let opened: Opened = engine.ask(&json!({
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
        self.ask(&request).map(|sorted: Sorted| sorted.files)
    }

    pub(super) fn run(&mut self, sql: &str, with_answer: bool) -> Result<Reply> {
        let ran: Ran = self.ask(&json!({ "do": "run", "sql": sql, "answer": with_answer }))?;
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
        self.child.id()
    }

    fn ask<T: DeserializeOwned>(&mut self, request: &Value) -> Result<T> {
        let (mut line, at) = (String::new(), Path::new(self.library.module()));
        // A process that has ended says why in its log.
        let sent = writeln!(self.requests, "{request}").and_then(|()| self.requests.flush());
        if sent.is_err() || self.replies.read_line(&mut line).at(at)? == 0 {
            return Err(self.ended());
        }
        serde_json::from_str(&line).at(at)
    }

    fn ended(&self) -> Error {
        let log =
            std::fs::read_to_string(&self.log).unwrap_or_else(|error| format!("(no log: {error})"));
        Error::Engine {
            engine: self.library.module(),
            detail: log.trim().to_owned(),
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // It may have ended by itself; nothing here depends on how.
        let _ = self.child.kill();
        let _ = self.child.wait();
        interrupt::process_ended(self.child.id());
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
