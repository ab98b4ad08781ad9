//! A Python program that answers requests, one JSON object a line, for as long as a measurement lasts: neither the start of a
//! process nor that of Python is in a time.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{AtPath, Error, Result};
use crate::interrupt;

/// A running program.
#[derive(Debug)]
pub(crate) struct Script {
    name: &'static str,
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Script {
    /// Starts `python` with the program `text`, which is written to `folder` as its log is. `name` is what the program is called
    /// in errors, and its argument.
    pub(crate) fn start(
        python: &str,
        text: &str,
        name: &'static str,
        folder: &Path,
    ) -> Result<Self> {
        // Not the name alone: a script called like the library that it imports would import itself.
        let script = folder.join(format!("run_{name}.py"));
        let log = folder.join(format!("{name}.log"));
        std::fs::write(&script, text).at(&script)?;
        let mut child = Command::new(python)
            .arg(&script)
            .arg(name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).at(&log)?)
            .spawn()
            .at(Path::new(python))?;
        interrupt::process_started(child.id());
        let requests = child.stdin.take().expect("standard input is a pipe");
        let replies = child.stdout.take().expect("standard output is a pipe");
        Ok(Self {
            name,
            child,
            requests,
            replies: BufReader::with_capacity(1 << 20, replies),
            log,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn ask<T: DeserializeOwned>(&mut self, request: &Value) -> Result<T> {
        let (mut line, at) = (String::new(), Path::new(self.name));
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
            engine: self.name,
            detail: log.trim().to_owned(),
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It may have ended by itself; nothing here depends on how.
        let _ = self.child.kill();
        let _ = self.child.wait();
        interrupt::process_ended(self.child.id());
    }
}
