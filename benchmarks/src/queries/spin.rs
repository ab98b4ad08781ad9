//! One query type over and over, for a profiler to look at.

use std::time::{Duration, Instant};

use super::contender::Contender;
use super::query::{Instance, Query};
use crate::error::{Error, Result};
use crate::load::Latencies;
use crate::machine::Usage;
use crate::record::say;

/// Puts the instances to the server in turn until the time is over, and says what they cost.
pub(super) fn spin(
    query: &Query,
    instances: &[Instance],
    ours: &mut Contender,
    time: Duration,
) -> Result<()> {
    let pid = ours.pid();
    let rows = ours.answer(query, &instances[0])?.rows();
    say(&format!(
        "asking {} for {} s, {rows} rows each; the server is process {pid}",
        query.name,
        time.as_secs()
    ));
    let (start, before) = (Instant::now(), Usage::of(pid)?);
    let mut walls = Vec::new();
    for instance in instances.iter().cycle() {
        if start.elapsed() >= time {
            break;
        }
        walls.push(ours.time(instance)?.wall);
    }
    let cpu_s = Usage::of(pid)?.cpu_s - before.cpu_s;
    let latencies = Latencies::new(walls);
    let count = latencies.count();
    if count == 0 {
        let detail = "--spin-time is too short for one query".to_owned();
        return Err(Error::Usage { detail });
    }
    say(&format!(
        "{count} queries: p50 {:.3} ms, p99 {:.3} ms, {:.3} ms of server CPU each",
        latencies.ms(0.5),
        latencies.ms(0.99),
        cpu_s * 1_000.0 / count as f64
    ));
    Ok(())
}
