//! One load with the server watched: client side times together with what the process took.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::Result;
use crate::load::{Drive, Load, Progress, load};
use crate::machine::{Usage, pause};
use crate::source::Source;
use crate::target::Target;

/// CPU share of one core below which a server has come to rest. A Java server polls with some
/// percent of a core while it has nothing to do.
const IDLE_SHARE: f64 = 0.10;

/// Seconds in a row that a server must be idle.
const IDLE_SECONDS: u32 = 3;

/// The state of a load at some time after its begin.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sample {
    pub(crate) at_s: f64,
    pub(crate) rows: u64,
    pub(crate) rss_bytes: u64,
    pub(crate) cpu_s: f64,
}

/// A load and what it cost the server.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) load: Load,
    /// Server CPU from the first request to the last acknowledgement.
    pub(crate) cpu_s: f64,
    /// Greatest memory of the process up to now.
    pub(crate) rss_peak_bytes: u64,
    /// Once when the load begins, then every so often, then when it ends.
    pub(crate) samples: Vec<Sample>,
}

impl Measured {
    pub(crate) fn rows_per_s(&self) -> f64 {
        self.load.rows as f64 / self.load.wall.as_secs_f64()
    }

    pub(crate) fn rows_per_cpu_s(&self) -> f64 {
        // One tick of CPU time is 10 ms: a tiny load may show none.
        self.load.rows as f64 / self.cpu_s.max(0.01)
    }
}

/// Runs a load against the server with process id `pid` and looks at it `every` so often.
pub(crate) fn measure(
    target: &Target,
    pid: u32,
    source: &dyn Source,
    drive: &Drive,
    every: Duration,
) -> Result<Measured> {
    let progress = Progress::default();
    let start = Instant::now();
    let before = Usage::of(pid)?;
    let sample = || -> Result<Sample> {
        let usage = Usage::of(pid)?;
        Ok(Sample {
            at_s: start.elapsed().as_secs_f64(),
            rows: progress.rows.load(Ordering::Relaxed),
            rss_bytes: usage.rss_bytes,
            cpu_s: usage.cpu_s - before.cpu_s,
        })
    };
    let mut samples = vec![sample()?];
    let (loaded, watched) = std::thread::scope(|scope| {
        let (ended, end) = channel::<()>();
        let watcher = scope.spawn(move || -> Result<Vec<Sample>> {
            let mut samples = Vec::new();
            while end.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                samples.push(sample()?);
            }
            Ok(samples)
        });
        let loaded = load(target, source, drive, &progress);
        drop(ended);
        let watched = watcher
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (loaded, watched)
    });
    // A refusal explains more than a process that is gone.
    let loaded = loaded?;
    samples.extend(watched?);
    let after = Usage::of(pid)?;
    samples.push(Sample {
        at_s: loaded.wall.as_secs_f64(),
        rows: loaded.rows,
        rss_bytes: after.rss_bytes,
        cpu_s: after.cpu_s - before.cpu_s,
    });
    Ok(Measured {
        load: loaded,
        cpu_s: after.cpu_s - before.cpu_s,
        rss_peak_bytes: after.rss_peak_bytes,
        samples,
    })
}

/// Waits until the server uses next to no CPU, or until `limit`. Returns whether it came to rest.
pub(crate) fn settle(pid: u32, limit: Duration) -> Result<bool> {
    let start = Instant::now();
    let (mut idle, mut last) = (0, Usage::of(pid)?.cpu_s);
    while start.elapsed() < limit {
        pause(Duration::from_secs(1));
        let cpu_s = Usage::of(pid)?.cpu_s;
        idle = if cpu_s - last < IDLE_SHARE {
            idle + 1
        } else {
            0
        };
        last = cpu_s;
        if idle == IDLE_SECONDS {
            return Ok(true);
        }
    }
    Ok(false)
}
