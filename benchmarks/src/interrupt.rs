//! What a run leaves behind when it is interrupted (SIGINT, SIGTERM): servers that go on and
//! folders full of data. Values that clean up when they are dropped are not dropped then, so they
//! are named here while they live, and a thread that waits for the signals does their work.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard};

use tokio::signal::unix::{SignalKind, signal};

use crate::error::{AtPath, Result};

static LEFT: Mutex<Left> = Mutex::new(Left {
    processes: Vec::new(),
    folders: Vec::new(),
});

struct Left {
    processes: Vec<u32>,
    folders: Vec<PathBuf>,
}

/// Exit status of a program that a signal has ended, by the custom of shells: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// A process that has to be killed on an interruption.
pub(crate) fn process_started(pid: u32) {
    left().processes.push(pid);
}

/// A process that is gone: its number may soon be another's.
pub(crate) fn process_ended(pid: u32) {
    left().processes.retain(|&other| other != pid);
}

/// A folder that has to be removed on an interruption.
pub(crate) fn folder_made(path: &Path) {
    left().folders.push(path.to_path_buf());
}

/// Waits for the signals on a thread of its own.
pub(crate) fn watch() -> Result<()> {
    let at = Path::new("the signals");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .at(at)?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt()).at(at)?,
            signal(SignalKind::terminate()).at(at)?,
        )
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        eprintln!("benchmarks: interrupted; ending the servers");
        clean_up();
        std::process::exit(INTERRUPTED);
    });
    Ok(())
}

fn clean_up() {
    // The lock stays taken: nothing new is started any more.
    let left = left();
    for pid in &left.processes {
        if let Err(error) = Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status()
        {
            eprintln!("benchmarks: process {pid} was not ended: {error}");
        }
    }
    for folder in left.folders.iter().filter(|folder| folder.exists()) {
        if let Err(error) = std::fs::remove_dir_all(folder) {
            eprintln!("benchmarks: {} stays: {error}", folder.display());
        }
    }
}

fn left() -> MutexGuard<'static, Left> {
    LEFT.lock().expect("nobody panics with the lock")
}
