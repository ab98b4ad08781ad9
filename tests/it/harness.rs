//! Servers for tests: started on a directory of their own and free ports, waited for by what they
//! say and answer rather than by the clock, and killed when dropped. What a server logged is shown
//! when its test fails.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;

/// Longer than any start or stop takes on a busy machine; passing it is a failure.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one look lasts while waiting.
const GLANCE: Duration = Duration::from_millis(20);

/// The program with no setting taken over from the environment of the test.
pub(crate) fn tidemill() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_string_lossy().starts_with("TIDEMILL_")) {
        command.env_remove(name);
    }
    command
}

/// The same program, which may have so many files open unless it asks for more.
fn limited(program: &Command, open_files: u32) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("ulimit -Sn {open_files}; exec \"$0\" \"$@\"");
    shell.arg("-c").arg(script).arg(program.get_program());
    for (name, _) in program.get_envs().filter(|(_, value)| value.is_none()) {
        shell.env_remove(name);
    }
    shell
}

/// The folder of the workspace.
pub(crate) fn checkout() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    folder.canonicalize().unwrap()
}

/// The folder of a real data set in `TIDEMILL_DATASETS` or beside the checkout, or nothing and a word about it where it is absent.
pub(crate) fn data_set(name: &str) -> Option<PathBuf> {
    let named = std::env::var_os("TIDEMILL_DATASETS").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| checkout().join("../shared/datasets"));
    let folder = folder.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: data set {name} is absent");
    None
}

/// Runs a command to its end with `input` on standard input.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Output {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Beside the reading of the output, as neither side may wait for the other. A command that
    // fails early closes its input, which is for the assertions on its output to judge.
    let feed = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap();
    output
}

/// A data directory and how servers are started on it.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    folder: Arc<TempDir>,
    args: Vec<String>,
    variables: Vec<(String, String)>,
    token: Option<String>,
    open_files: Option<u32>,
}

impl Site {
    /// A fresh directory; servers on it ask for a token.
    pub(crate) fn new() -> Self {
        let folder = Arc::new(
            tempfile::Builder::new()
                .prefix("tidemill-it-")
                .tempdir()
                .unwrap(),
        );
        Self {
            folder,
            args: Vec::new(),
            variables: Vec::new(),
            token: None,
            open_files: None,
        }
    }

    /// A fresh directory; servers on it let everyone in.
    pub(crate) fn open() -> Self {
        Self::new().arg("--without-auth")
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Adds a setting, as `section.key=value`.
    pub(crate) fn set(self, assignment: &str) -> Self {
        self.arg("--set").arg(assignment)
    }

    /// Adds an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Servers may have so many files open unless they ask for more.
    pub(crate) fn open_files(self, limit: u32) -> Self {
        Self {
            open_files: Some(limit),
            ..self
        }
    }

    /// Clients of servers on this directory show this token.
    pub(crate) fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// The folder around the data directory, for other files of the test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The files of one kind anywhere below the data directory, sorted.
    pub(crate) fn files(&self, extension: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.data_dir()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false if path.extension().is_some_and(|e| e == extension) => found.push(path),
                    false => {}
                }
            }
        }
        found.sort();
        found
    }

    fn command(&self) -> Command {
        let mut command = match self.open_files {
            None => tidemill(),
            Some(limit) => limited(&tidemill(), limit),
        };
        command.arg("serve").arg("--data-dir").arg(self.data_dir());
        let is_given = |flag: &str| self.args.iter().any(|arg| arg == flag);
        for flag in ["--http-bind", "--v3-bind"] {
            if !is_given(flag) {
                command.args([flag, "127.0.0.1:0"]);
            }
        }
        command.args(&self.args);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts a server and waits until it is ready.
    pub(crate) fn start(&self) -> Server {
        self.start_after("", || ())
    }

    /// Starts a server, acts when it has said `words`, and waits until it is ready.
    pub(crate) fn start_after(&self, words: &str, act: impl FnOnce()) -> Server {
        let endpoints = self.data_dir().join("endpoints.json");
        // That of an earlier server would be taken for the new one's.
        if endpoints.exists() {
            std::fs::remove_file(&endpoints).unwrap();
        }
        let mut server = self.spawn();
        wait_until(words, || server.log().contains(words));
        act();
        let deadline = Instant::now() + PATIENCE;
        while !server.find(&endpoints, self.token.as_deref()) {
            let is_alive = server.child.try_wait().unwrap().is_none();
            assert!(is_alive, "the server ended while starting");
            assert!(Instant::now() < deadline, "the server is not ready");
            server.listen_for(GLANCE);
        }
        server
    }

    /// Starts a server that must refuse to run; returns everything it said.
    pub(crate) fn start_refused(&self) -> String {
        let mut server = self.spawn();
        let status = server.wait();
        assert!(!status.success(), "the server should not have started");
        server.log()
    }

    /// Starts a server and kills it after a while, ready or not.
    pub(crate) fn start_and_kill(&self, after: Duration) {
        let server = self.spawn();
        let deadline = Instant::now() + after;
        while server.listen_for(deadline.saturating_duration_since(Instant::now()))
            && Instant::now() < deadline
        {}
        server.kill();
    }

    fn spawn(&self) -> Server {
        let mut child = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let streams: [Box<dyn std::io::Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        let log = Arc::new(Mutex::new(String::new()));
        for stream in streams {
            let (sender, log) = (sender.clone(), Arc::clone(&log));
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let mut line = Vec::new();
                while reader
                    .read_until(b'\n', &mut line)
                    .is_ok_and(|length| length > 0)
                {
                    log.lock()
                        .unwrap()
                        .push_str(&String::from_utf8_lossy(&line));
                    line.clear();
                    // Nobody listens once the server is ready.
                    let _ = sender.send(());
                }
            });
        }
        let client = Client::unconnected();
        Server {
            child,
            client,
            log,
            lines,
            site: self.clone(),
        }
    }
}

/// A running server. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    client: Client,
    log: Arc<Mutex<String>>,
    lines: Receiver<()>,
    site: Site,
}

impl Server {
    /// A server on a fresh directory that lets everyone in.
    pub(crate) fn open() -> Self {
        Site::open().start()
    }

    /// Something to send requests with.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The directory.
    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A command of the program that talks to this server.
    pub(crate) fn cli(&self, args: &[&str]) -> Command {
        let mut command = tidemill();
        command.args(args).env("TIDEMILL_HOST", self.client.http());
        command.env("TIDEMILL_DATA_DIR", self.site.data_dir());
        command
    }

    /// Everything that was logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Ends the process as a crash does: no handler runs.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> String {
        self.signal("TERM");
        let status = self.wait();
        assert!(status.success(), "the server ended with {status}");
        self.log()
    }

    /// Waits until the process has ended by itself, which it must with an error; returns what it said.
    pub(crate) fn wait_failed(mut self) -> String {
        let status = self.wait();
        assert!(!status.success(), "the server ended with {status}");
        self.log()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let signal = format!("-{name}");
        let status = Command::new("kill")
            .args([&signal, &self.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits until the process has ended by itself and everything it said was read.
    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        // The readers let go of the channel at the end of the output.
        while self.listen_for(GLANCE) {
            assert!(Instant::now() < deadline, "the server does not end");
        }
        self.child.wait().unwrap()
    }

    /// Waits for the next line of output; whether there may be more.
    fn listen_for(&self, duration: Duration) -> bool {
        self.lines.recv_timeout(duration) != Err(RecvTimeoutError::Disconnected)
    }

    /// Whether the server is ready; sets the client up if so.
    fn find(&mut self, endpoints: &Path, token: Option<&str>) -> bool {
        let Ok(text) = std::fs::read_to_string(endpoints) else {
            return false;
        };
        let endpoints: Value = serde_json::from_str(&text).unwrap();
        let scheme = endpoints["scheme"].as_str().unwrap();
        let address = |name: &str| Some(format!("{scheme}://{}", endpoints[name].as_str()?));
        self.client = Client::new(address("http").unwrap(), address("v3"), token);
        // This client trusts no certificate; the file is written by a server that is ready.
        scheme == "https" || self.client.get("/ready").status == 200
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already is fine too.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let start = log.len().saturating_sub(8 << 10);
            let start = (start..log.len())
                .find(|at| log.is_char_boundary(*at))
                .unwrap_or(0);
            eprintln!("--- what the server said at last:\n{}---", &log[start..]);
        }
    }
}

/// Waits until `done`, looking again and again; fails after a minute.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let (_never, clock) = channel::<()>();
    while !done() {
        assert!(Instant::now() < deadline, "still not so: {what}");
        assert_eq!(clock.recv_timeout(GLANCE), Err(RecvTimeoutError::Timeout));
    }
}

/// Numbers that look random and are the same in every run (SplitMix64, Steele et al. 2014).
#[derive(Debug, Clone)]
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
