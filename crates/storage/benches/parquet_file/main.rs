//! What columns take in files, how fast they are written and read, and what a narrow query reads.
//!
//! `cargo bench -p storage --bench parquet_file -- [codings | tables | layout]`
//!
//! Figures are CPU-bound and of one thread; times are the best of three runs.

mod codings;
mod data;
mod layout;
mod tables;

use std::io::{self, Write};
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|arg| arg == part);
    let mut out = io::stdout().lock();
    if is_wanted("codings") {
        codings::run(&mut out)?;
    }
    if is_wanted("tables") {
        tables::run(&mut out)?;
    }
    if is_wanted("layout") {
        layout::run(&mut out)?;
    }
    out.flush()?;
    Ok(())
}

/// The result of some work and the least time that it took.
fn best_of<T>(
    runs: usize,
    mut work: impl FnMut() -> Result<T, Box<dyn std::error::Error>>,
) -> Result<(T, Duration), Box<dyn std::error::Error>> {
    let mut best: Option<(T, Duration)> = None;
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        let done = work()?;
        let took = start.elapsed();
        if best.as_ref().is_none_or(|(_, least)| took < *least) {
            best = Some((done, took));
        }
    }
    best.ok_or_else(|| "there was no run".into())
}

/// Millions per second.
fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64() / 1e6
}
