//! Servers under measurement: real processes on free loopback ports, each with a data folder of its
//! own, all started, watched and ended the same way. What differs by server is in the modules
//! below.

mod influxdb;
mod questdb;
mod tidemill;
mod victoria_metrics;

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::error::{AtPath, Error, Result};
use crate::interrupt;
use crate::machine::{Usage, pause};
use crate::target::{Kind, Target};

/// Time the server gets to become ready, and to flush and end. Far above any honest value.
const PATIENCE: Duration = Duration::from_secs(300);

/// Bytes of log that an error quotes.
const LOG_TAIL_BYTES: usize = 4_000;

/// A server as it is installed: what to run, and with which settings besides those that the
/// measurements need.
#[derive(Debug, Clone)]
pub(crate) struct Installed {
    pub(crate) kind: Kind,
    /// The binary, or the jar.
    pub(crate) program: PathBuf,
    /// Settings as `section.key=value` (Tidemill only).
    pub(crate) settings: Vec<String>,
}

impl Installed {
    /// Tidemill at `program`.
    pub(crate) fn tidemill(program: PathBuf, settings: &[String]) -> Self {
        Self {
            kind: Kind::Tidemill,
            program,
            settings: settings.to_vec(),
        }
    }

    /// Finds a peer where its package puts it.
    pub(crate) fn peer(kind: Kind, given: Option<&Path>) -> Result<Self> {
        let program = match (kind, given) {
            (_, Some(path)) => path.to_path_buf(),
            (Kind::Influxdb1, None) => in_path("influxd")?,
            (Kind::VictoriaMetrics, None) => in_path("victoria-metrics")?,
            (Kind::Questdb, None) => questdb::newest_jar()?,
            (Kind::Tidemill, None) => in_path("tidemill")?,
        };
        Ok(Self {
            kind,
            program,
            settings: Vec::new(),
        })
    }

    /// The version as the server itself says it.
    pub(crate) fn version(&self) -> Result<String> {
        match self.kind {
            Kind::Tidemill => first_line(Command::new(&self.program).arg("--version")),
            Kind::Influxdb1 => first_line(Command::new(&self.program).arg("version")),
            Kind::VictoriaMetrics => victoria_metrics::version(&self.program),
            Kind::Questdb => Ok(questdb::version(&self.program)),
        }
    }

    /// With more settings.
    pub(crate) fn with(&self, settings: &[&str]) -> Self {
        let mut more = self.clone();
        // What the user asks for comes last and wins.
        let own = std::mem::take(&mut more.settings);
        more.settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        more.settings.extend(own);
        more
    }

    fn command(&self, data: &Path, port: u16) -> Command {
        match self.kind {
            Kind::Tidemill => tidemill::command(&self.program, data, &self.settings),
            Kind::Influxdb1 => influxdb::command(&self.program, data, port),
            Kind::VictoriaMetrics => victoria_metrics::command(&self.program, data, port),
            Kind::Questdb => questdb::command(&self.program, data, port),
        }
    }
}

/// A running server. Dropping it kills the process, so that a failed measurement leaves none
/// behind.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    child: Child,
    base: String,
    data: PathBuf,
    log: PathBuf,
    /// From the start of the process to its first "ready".
    pub(crate) start_time: Duration,
}

impl Server {
    /// Starts a server over `folder/data` and waits until it says it is ready. The log goes to
    /// `folder/server.log`.
    pub(crate) fn start(installed: &Installed, folder: &Path) -> Result<Self> {
        let (data, log) = (data_folder(folder), folder.join("server.log"));
        std::fs::create_dir_all(&data).at(&data)?;
        tidemill::forget_address(&data)?;
        let port = free_port()?;
        let mut command = installed.command(&data, port);
        let out = append(&log)?;
        let error = out.try_clone().at(&log)?;
        let start = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(error)
            .spawn()
            .at(Path::new(command.get_program()))?;
        interrupt::process_started(child.id());
        let mut server = Self {
            kind: installed.kind,
            child,
            base: format!("http://127.0.0.1:{port}"),
            data,
            log,
            start_time: Duration::ZERO,
        };
        if installed.kind == Kind::Tidemill {
            let data = server.data.clone();
            let address = server.wait_for("write its addresses", || tidemill::address(&data))?;
            server.base = format!("http://{address}");
        }
        let target = server.target();
        server.wait_for("become ready", || Ok(target.is_ready().then_some(())))?;
        server.start_time = start.elapsed();
        Ok(server)
    }

    /// The server, to be spoken to.
    pub(crate) fn target(&self) -> Target {
        Target::new(self.kind, &self.base)
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where the server keeps everything.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// CPU time and memory so far.
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
                Some(status) if self.is_orderly(status) => return Ok(start.elapsed()),
                Some(status) => return Err(self.exited(status)),
                None => pause(Duration::from_millis(2)),
            }
        }
        Err(self.silent("flush and end"))
    }

    /// Kills the server where it stands (SIGKILL) and waits until it is gone.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill().at(&self.log)?;
        self.child.wait().at(&self.log).map(drop)
    }

    /// A Java process that was asked to end reports the signal, 128 + 15.
    fn is_orderly(&self, status: ExitStatus) -> bool {
        status.success() || (self.kind == Kind::Questdb && status.code() == Some(143))
    }

    fn wait_for<T>(
        &mut self,
        what: &'static str,
        mut poll: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().at(&self.log)? {
                return Err(self.exited(status));
            }
            if let Some(value) = poll()? {
                return Ok(value);
            }
            pause(Duration::from_millis(2));
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
        interrupt::process_ended(self.child.id());
    }
}

/// Where a server started in `folder` keeps its data.
pub(crate) fn data_folder(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// A port that is free now, for servers that cannot choose one themselves.
fn free_port() -> Result<u16> {
    let at = Path::new("127.0.0.1:0");
    let listener = TcpListener::bind("127.0.0.1:0").at(at)?;
    Ok(listener.local_addr().at(at)?.port())
}

fn in_path(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .ok_or_else(|| Error::Usage {
            detail: format!("no `{program}` in PATH; benchmarks/README.md says what to install"),
        })
}

fn first_line(command: &mut Command) -> Result<String> {
    let output = command.output().at(Path::new(command.get_program()))?;
    // Some print their version on standard error.
    let lines = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&lines);
    Ok(text.lines().next().unwrap_or("unknown").trim().to_owned())
}

fn append(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .at(path)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_early_is_an_error_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        // A shell takes the first argument for a script, finds none and says so.
        let shell = Installed::tidemill(PathBuf::from("/bin/sh"), &[]);
        let error = Server::start(&shell, folder.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("exit status: ") && error.contains("serve"),
            "{error}"
        );
    }

    #[test]
    fn settings_of_the_user_come_after_those_of_the_measurement() {
        let installed = Installed::tidemill(PathBuf::from("x"), &["a.b=1".to_owned()]);
        assert_eq!(
            installed.with(&["a.b=2", "c.d=3"]).settings,
            ["a.b=2", "c.d=3", "a.b=1"]
        );
    }
}
