//! Writes bodies over a number of connections and times it.
//!
//! Connections take the next unsent body, as writers with a shared queue do: rows arrive nearly,
//! not exactly, in time order. At full rate a connection sends its next body when the last one is
//! acknowledged (closed loop). With a rate, every body has a time at which it should go out, and
//! its acknowledgement is timed from then (open loop): a server that stalls does not make the
//! measurement wait for it unseen.
//!
//! A server may answer "later": the body is sent again after the time it asks for, and
//! the result says how often. Any other refusal ends the load with an error: a rate that counts
//! refused rows is no rate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::bodies::Encoding;
use crate::error::Result;
use crate::machine::pause;
use crate::source::Source;
use crate::target::Target;

/// Longest wait between two tries of a body.
const RETRY_LIMIT: Duration = Duration::from_secs(5);

/// A server that says "later" for longer than this will not take the body.
const BUSY_LIMIT: Duration = Duration::from_secs(120);

/// How a load is driven.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drive {
    pub(crate) connections: usize,
    /// Rows per second to send at; full rate without.
    pub(crate) rows_per_s: Option<f64>,
    /// After this no body is begun.
    pub(crate) time_limit: Option<Duration>,
}

impl Drive {
    /// Full rate to the end of the source.
    pub(crate) fn full(connections: usize) -> Self {
        Self {
            connections,
            rows_per_s: None,
            time_limit: None,
        }
    }
}

/// What has been acknowledged so far, to be read while a load runs.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) rows: AtomicU64,
    /// Answers "later".
    pub(crate) busy_answers: AtomicU64,
}

/// What a load took on the client's side.
#[derive(Debug)]
pub(crate) struct Load {
    /// From before the first request to after the last acknowledgement.
    pub(crate) wall: Duration,
    pub(crate) rows: u64,
    pub(crate) busy_answers: u64,
    /// Time to each acknowledgement.
    pub(crate) acknowledgements: Latencies,
}

/// Times in ascending order.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The least time that a share of all do not exceed, in ms; 0 when there are none.
    pub(crate) fn ms(&self, share: f64) -> f64 {
        let rank = (self.0.len() as f64 * share).ceil().max(1.0) as usize;
        self.0
            .get(rank.min(self.0.len()).saturating_sub(1))
            .map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Sends every body of `source` once.
pub(crate) fn load(
    target: &Target,
    source: &dyn Source,
    drive: &Drive,
    progress: &Progress,
) -> Result<Load> {
    let next = AtomicU64::new(0);
    let targets: Vec<Target> = (0..drive.connections)
        .map(|_| target.reconnected())
        .collect();
    let writer = Writer {
        source,
        progress,
        next: &next,
        start: Instant::now(),
        interval: drive
            .rows_per_s
            .map(|rate| Duration::from_secs_f64(source.rows_per_body() as f64 / rate)),
        time_limit: drive.time_limit,
    };
    let results: Vec<Result<Vec<Duration>>> = std::thread::scope(|scope| {
        let writers: Vec<_> = targets
            .iter()
            .map(|target| scope.spawn(|| writer.write_rest(target)))
            .collect();
        let join = |writer: std::thread::ScopedJoinHandle<'_, _>| {
            writer
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        writers.into_iter().map(join).collect()
    });
    let wall = writer.start.elapsed();
    let mut times = Vec::new();
    for result in results {
        times.extend(result?);
    }
    Ok(Load {
        wall,
        rows: progress.rows.load(Ordering::Relaxed),
        busy_answers: progress.busy_answers.load(Ordering::Relaxed),
        acknowledgements: Latencies::new(times),
    })
}

/// What the connections share.
struct Writer<'a> {
    source: &'a dyn Source,
    progress: &'a Progress,
    next: &'a AtomicU64,
    start: Instant,
    /// Between the times at which two bodies should go out.
    interval: Option<Duration>,
    time_limit: Option<Duration>,
}

/// A number past the end of every source.
const STOP: u64 = u64::MAX / 2;

impl Writer<'_> {
    fn write_rest(&self, target: &Target) -> Result<Vec<Duration>> {
        let (mut times, mut scratch) = (Vec::new(), Vec::new());
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= STOP || self.is_over() {
                return Ok(times);
            }
            let Some(body) = self.source.body(number, &mut scratch) else {
                return Ok(times);
            };
            let begin = self.wait_for_turn(number);
            match self.write(target, body.bytes) {
                Ok(()) => times.push(begin.elapsed()),
                Err(error) => {
                    // The other connections need not go on.
                    self.next.store(STOP, Ordering::Relaxed);
                    return Err(error);
                }
            }
            self.progress.rows.fetch_add(body.rows, Ordering::Relaxed);
        }
    }

    fn is_over(&self) -> bool {
        self.time_limit
            .is_some_and(|limit| self.start.elapsed() >= limit)
    }

    /// The instant from which the body's acknowledgement is timed.
    fn wait_for_turn(&self, number: u64) -> Instant {
        let Some(interval) = self.interval else {
            return Instant::now();
        };
        let due = self.start + interval.mul_f64(number as f64);
        pause(due.saturating_duration_since(Instant::now()));
        due
    }

    fn write(&self, target: &Target, bytes: &[u8]) -> Result<()> {
        let is_gzip = self.source.encoding() == Encoding::Gzip;
        let begin = Instant::now();
        loop {
            let answer = target.write(bytes, is_gzip)?;
            if !target.says_later(&answer) || begin.elapsed() > BUSY_LIMIT {
                return answer.success().map(drop);
            }
            self.progress.busy_answers.fetch_add(1, Ordering::Relaxed);
            let wait = Duration::from_secs(answer.retry_after_s.unwrap_or(1));
            pause(wait.clamp(Duration::from_millis(100), RETRY_LIMIT));
        }
    }
}

#[cfg(test)]
mod tests;
