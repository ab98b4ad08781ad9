//! What a figure was taken on: the machine, the commit, the counters of a process. Linux only, from
//! `/proc`.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use crate::error::{AtPath, Error, Result};

/// The machine, as far as it bears on a figure.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) kernel: String,
    /// File system under the data folder: on a memory file system an fsync costs nothing.
    pub(crate) data_filesystem: String,
    /// One-minute load average when the run began; above about 0.3 somebody else was busy.
    pub(crate) load_average: f64,
}

impl Machine {
    /// Describes this machine, with the file system of `data_folder`.
    pub(crate) fn describe(data_folder: &Path) -> Result<Self> {
        let cores =
            std::thread::available_parallelism().map_err(|error| unreadable("cores", error))?;
        let load_average = read("/proc/loadavg")?;
        let load_average = load_average
            .split(' ')
            .next()
            .and_then(|first| first.parse().ok());
        Ok(Self {
            cpu: after_colon("/proc/cpuinfo", "model name")?,
            cores: cores.get(),
            memory_bytes: kib_line("/proc/meminfo", "MemTotal")?,
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            data_filesystem: filesystem_of(data_folder)?,
            load_average: load_average.ok_or_else(|| unreadable("load average", "no number"))?,
        })
    }
}

/// CPU time and memory that a process has taken so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// User and system time of all its threads, and of the children it has waited for.
    pub(crate) cpu_s: f64,
    pub(crate) rss_bytes: u64,
    pub(crate) rss_peak_bytes: u64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let stat = read(&format!("/proc/{pid}/stat"))?;
        let ticks = cpu_ticks(&stat).ok_or_else(|| unreadable("CPU time", &stat))?;
        let status = format!("/proc/{pid}/status");
        Ok(Self {
            cpu_s: ticks as f64 / clock_ticks_per_second()?,
            rss_bytes: kib_line(&status, "VmRSS")?,
            rss_peak_bytes: kib_line(&status, "VmHWM")?,
        })
    }
}

/// CPU time of the threads of a process, to the nanosecond: the ticks of [`Usage`] are longer than
/// a quick query takes.
#[derive(Debug, Clone, Default)]
pub(crate) struct ThreadTimes(BTreeMap<String, u64>);

impl ThreadTimes {
    /// Of the threads that live now.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let folder = format!("/proc/{pid}/task");
        let mut times = BTreeMap::new();
        for entry in std::fs::read_dir(&folder).at(Path::new(&folder))? {
            let path = entry.at(Path::new(&folder))?.path();
            // A thread may end while the others are looked at.
            let Ok(text) = std::fs::read_to_string(path.join("schedstat")) else {
                continue;
            };
            let on_cpu = text.split(' ').next().and_then(|first| first.parse().ok());
            let on_cpu = on_cpu.ok_or_else(|| unreadable("CPU time of a thread", &text))?;
            times.insert(path.to_string_lossy().into_owned(), on_cpu);
        }
        Ok(Self(times))
    }

    /// What all threads took from `before` on, but for those that have ended since.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let took = self.0.iter().map(|(thread, &now)| {
            now.saturating_sub(before.0.get(thread).copied().unwrap_or_default())
        });
        Duration::from_nanos(took.sum())
    }
}

/// The unit of CPU times in `/proc`, asked for once.
fn clock_ticks_per_second() -> Result<f64> {
    static TICKS: OnceLock<f64> = OnceLock::new();
    if let Some(&ticks) = TICKS.get() {
        return Ok(ticks);
    }
    let output = Command::new("getconf").arg("CLK_TCK").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let text = text.at(Path::new("getconf"))?;
    let ticks = text
        .parse()
        .map_err(|_| unreadable("clock ticks per second", &text))?;
    Ok(*TICKS.get_or_init(|| ticks))
}

/// Commit of the checkout the command runs in, with `-dirty` when files differ from it; says so
/// when there is none.
pub(crate) fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match (git(&["rev-parse", "HEAD"]), git(&["status", "--porcelain"])) {
        (Some(commit), Some(changes)) if changes.is_empty() => commit,
        (Some(commit), _) => format!("{commit}-dirty"),
        (None, _) => "not in a git checkout".to_owned(),
    }
}

/// The time of day, for the record only.
#[expect(
    clippy::disallowed_methods,
    reason = "a result names the day it was taken; nothing is replayed"
)]
pub(crate) fn now_rfc3339() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// The command line, without the folder this program happens to lie in and where its results are put.
pub(crate) fn command_line() -> String {
    without_places(std::env::args().skip(1))
}

fn without_places(mut arguments: impl Iterator<Item = String>) -> String {
    let mut command = "benchmarks".to_owned();
    while let Some(argument) = arguments.next() {
        if matches!(&*argument, "--out" | "--keep") {
            arguments.next();
            continue;
        }
        command.push(' ');
        command.push_str(&argument);
    }
    command
}

/// Build profile of this program, which takes its share of the same cores.
pub(crate) fn loader_profile() -> &'static str {
    if cfg!(debug_assertions) {
        "dev"
    } else {
        "release"
    }
}

/// CPU time of the processes that this one has started and waited for.
pub(crate) fn children_cpu_s() -> Result<f64> {
    let stat = read("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').map(|(_, rest)| rest);
    let fields = after_name.map(|rest| rest.split_ascii_whitespace().skip(13).take(2));
    let ticks: Option<u64> =
        fields.and_then(|fields| fields.map(|field| field.parse::<u64>().ok()).sum());
    let ticks = ticks.ok_or_else(|| unreadable("CPU time of children", &stat))?;
    Ok(ticks as f64 / clock_ticks_per_second()?)
}

/// Lets time pass where nothing can be waited on: another process, or the turn of a body.
#[expect(
    clippy::disallowed_methods,
    reason = "another process offers nothing to wait on, and a rate is kept by the clock"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// What the files of a folder take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FolderSize {
    pub(crate) files: u64,
    /// Sum of the lengths.
    pub(crate) bytes: u64,
    /// What they take on the disk: a file may be sparse, or end in the middle of a block.
    pub(crate) allocated_bytes: u64,
}

/// The size of all files under `folder` that `counts` lets through.
pub(crate) fn folder_size(folder: &Path, counts: &dyn Fn(&Path) -> bool) -> Result<FolderSize> {
    let mut size = FolderSize::default();
    for entry in std::fs::read_dir(folder).at(folder)? {
        let path = entry.at(folder)?.path();
        let metadata = match std::fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            // A running server may have removed it since.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).at(&path),
        };
        if metadata.is_dir() {
            let inner = folder_size(&path, counts)?;
            size.files += inner.files;
            size.bytes += inner.bytes;
            size.allocated_bytes += inner.allocated_bytes;
        } else if counts(&path) {
            size.files += 1;
            size.bytes += metadata.len();
            size.allocated_bytes += metadata.blocks() * 512;
        }
    }
    Ok(size)
}

/// Bytes of all files under a folder.
pub(crate) fn folder_bytes(folder: &Path) -> Result<u64> {
    folder_size(folder, &|_| true).map(|size| size.bytes)
}

/// utime + stime + cutime + cstime of `/proc/<pid>/stat`, fields 14 to 17 of proc(5). The name in
/// field 2 may hold spaces and brackets, so counting begins after its last bracket.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    (0..4).try_fold(0, |sum, _| Some(sum + fields.next()?.parse::<u64>().ok()?))
}

/// Type of the mount with the longest path above `folder`.
fn filesystem_of(folder: &Path) -> Result<String> {
    let folder = folder.canonicalize().at(folder)?;
    let mounts = read("/proc/mounts")?;
    let mounted = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let above = mounted.filter(|(path, _)| folder.starts_with(path));
    let (_, kind) = above
        .max_by_key(|(path, _)| path.len())
        .ok_or_else(|| unreadable("file system", folder.display()))?;
    Ok(kind.to_owned())
}

fn kib_line(path: &str, name: &'static str) -> Result<u64> {
    let value = after_colon(path, name)?;
    let kib = value.trim_end_matches("kB").trim().parse::<u64>();
    kib.map(|kib| kib * 1024)
        .map_err(|error| unreadable(name, error))
}

/// The value of the first `name: value` line.
fn after_colon(path: &str, name: &'static str) -> Result<String> {
    let text = read(path)?;
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line
        .and_then(|line| line.split_once(':'))
        .map(|(_, value)| value.trim().to_owned());
    value.ok_or_else(|| unreadable(name, path))
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).at(Path::new(path))
}

fn unreadable(what: &'static str, detail: impl ToString) -> Error {
    Error::Machine {
        what,
        detail: detail.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_does_not_say_where_it_was_put() {
        let arguments = "queries --scale 400 --out /a/b.json --keep /c --budget 5s".split(' ');
        let command = without_places(arguments.map(str::to_owned));
        assert_eq!(command, "benchmarks queries --scale 400 --budget 5s");
    }

    #[test]
    fn cpu_ticks_skip_any_process_name() {
        let cases = [
            (
                "7 (tidemill) S 1 7 7 0 -1 4194560 10 0 0 0 1500 300 5 5 20 0",
                Some(1810),
            ),
            (
                "7 (a) b (c) S 1 7 7 0 -1 4194560 10 0 0 0 1 2 5 5 20 0",
                Some(13),
            ),
            ("7 (tidemill) S 1 7 7 0 -1 4194560 10 0 0 0 1 2 5", None),
            ("7 (tidemill) S 1 7", None),
            ("", None),
        ];
        for (stat, ticks) in cases {
            assert_eq!(cpu_ticks(stat), ticks, "{stat}");
        }
    }

    #[test]
    fn this_machine_and_process_can_be_described() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        std::fs::write(folder.path().join("inner/file"), [0; 1234]).unwrap();
        assert_eq!(folder_bytes(folder.path()).unwrap(), 1234);
        let machine = Machine::describe(folder.path()).unwrap();
        assert!(
            machine.cores >= 1 && machine.memory_bytes > 1 << 20,
            "{machine:?}"
        );
        let before = ThreadTimes::default();
        let threads = ThreadTimes::of(std::process::id()).unwrap();
        assert!(threads.since(&before) > Duration::ZERO);
        assert_eq!(threads.since(&threads), Duration::ZERO);
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(
            usage.rss_peak_bytes > 1 << 16 && usage.cpu_s >= 0.0,
            "{usage:?}"
        );
    }
}
