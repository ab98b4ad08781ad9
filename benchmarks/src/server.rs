//! The server under measurement: a real process on a free port with a data folder of its own.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::error::{AtPath, Error, Result};
use crate::machine::Usage;

/// Time the server gets to become ready, and to flush and end. Far above any honest value.
const PATIENCE: Duration = Duration::from_secs(120);

/// Bytes of log that an error quotes.
const LOG_TAIL_BYTES: usize = 4_000;

/// A running server. Dropping it kills the process, so that a failed measurement leaves none
/// behind.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: String,
    log: PathBuf,
    /// From the start of the process to its first "ready".
    pub(crate) start_time: Duration,
}

#[derive(serde::Deserialize)]
struct Endpoints {
    http: String,
}

impl Server {
    /// Starts `binary` over `folder/data` and waits until it says it is ready. The log goes to
    /// `folder/server.log`.
    pub(crate) fn start(binary: &Path, folder: &Path) -> Result<Self> {
        let (data, log) = (data_folder(folder), folder.join("server.log"));
        std::fs::create_dir_all(&data).at(&data)?;
        let endpoints = data.join("endpoints.json");
        // The file of the run before names a port that is no longer ours.
        if endpoints.exists() {
            std::fs::remove_file(&endpoints).at(&endpoints)?;
        }
        let start = Instant::now();
        let child = spawn(binary, &data, &log)?;
        let mut server = Self {
            child,
            address: String::new(),
            log,
            start_time: Duration::ZERO,
        };
        server.address =
            server.wait_for("write its addresses", start, || read_address(&endpoints))?;
        let client = Client::new(&server.address);
        server.wait_for("become ready", start, || {
            Ok(client.is_healthy().then_some(()))
        })?;
        server.start_time = start.elapsed();
        Ok(server)
    }

    /// `host:port` of the HTTP interface.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// CPU time and peak memory so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id())
    }

    /// Asks the server to flush and end (SIGTERM) and returns how long that took.
    pub(crate) fn stop(mut self) -> Result<Duration> {
        let start = Instant::now();
        let pid = self.child.id().to_string();
        let kill = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .at(Path::new("kill"))?;
        if !kill.success() {
            return Err(self.exited(kill));
        }
        while start.elapsed() < PATIENCE {
            match self.child.try_wait().at(&self.log)? {
                Some(status) if status.success() => return Ok(start.elapsed()),
                Some(status) => return Err(self.exited(status)),
                None => pause(),
            }
        }
        Err(self.silent("flush and end"))
    }

    fn wait_for<T>(
        &mut self,
        what: &'static str,
        start: Instant,
        mut poll: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().at(&self.log)? {
                return Err(self.exited(status));
            }
            if let Some(value) = poll()? {
                return Ok(value);
            }
            pause();
        }
        Err(self.silent(what))
    }

    fn exited(&self, status: ExitStatus) -> Error {
        Error::ServerExited {
            status,
            log: log_tail(&self.log),
        }
    }

    fn silent(&self, what: &'static str) -> Error {
        Error::ServerSilent {
            what,
            limit_s: PATIENCE.as_secs(),
            log: log_tail(&self.log),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After an orderly stop both calls find nothing left to do, and neither result can change
        // anything here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a server started in `folder` keeps its data.
pub(crate) fn data_folder(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn spawn(binary: &Path, data: &Path, log: &Path) -> Result<Child> {
    let out = append(log)?;
    let error = out.try_clone().at(log)?;
    let mut command = Command::new(binary);
    // Settings come from the command line alone, which the result records.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDEMILL_") {
            command.env_remove(name);
        }
    }
    command
        .args([
            "serve",
            "--http-bind",
            "127.0.0.1:0",
            "--v3-bind",
            "none",
            "--without-auth",
        ])
        .arg("--data-dir")
        .arg(data)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(error)
        .spawn()
        .at(binary)
}

fn append(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .at(path)
}

/// `None` until the file is there and complete: the server may be in the middle of writing it.
fn read_address(path: &Path) -> Result<Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice::<Endpoints>(&bytes)
            .ok()
            .map(|found| found.http)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at(path),
    }
}

fn log_tail(log: &Path) -> String {
    match std::fs::read(log) {
        Ok(bytes) => {
            let from = bytes.len().saturating_sub(LOG_TAIL_BYTES);
            String::from_utf8_lossy(&bytes[from..]).into_owned()
        }
        Err(error) => format!("(no log: {error})"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process offers nothing to wait on"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_early_is_an_error_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        // A shell takes the first argument for a script, finds none and says so.
        let error = Server::start(Path::new("/bin/sh"), folder.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("exit status: ") && error.contains("serve"),
            "{error}"
        );
    }

    #[test]
    fn a_half_written_address_file_is_not_yet_an_address() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("endpoints.json");
        let mut cases = vec![(None, None)];
        cases.push((Some(r#"{"http":"127.0.0.1:1"#), None));
        cases.push((
            Some(r#"{"http":"127.0.0.1:1","v3":null}"#),
            Some("127.0.0.1:1".to_owned()),
        ));
        for (text, address) in cases {
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            assert_eq!(read_address(&path).unwrap(), address, "{text:?}");
        }
    }
}
