//! `overload`: several times what the server can take, for a minute. How much of its peak it still
//! acknowledges, what it says to the rest, what memory that takes, and how soon it is as before.
//!
//! Nothing is sent again: a body that is refused is lost to the count, as the load of many writers that do not
//! know of one another.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use clap::Args;

use super::{Common, mib, positive};
use crate::bodies::{Bodies, Encoding};
use crate::data::{Shape, Spec};
use crate::error::Result;
use crate::load::Latencies;
use crate::machine::{Usage, pause};
use crate::record::{Aim, Record, Table, say};
use crate::server::Server;
use crate::source::{Laps, Source as _};
use crate::target::Target;

/// Of the peak: what is normal, and what must remain under overload.
const SHARE: f64 = 0.85;
/// What bounds memory, set so that the result does not depend on the machine.
const BODIES_MIB: u64 = 256;
const BUFFER_MIB: u64 = 512;
/// What a server takes beside bodies and rows: its code, caches, the queries' pools at rest.
const REST_MIB: u64 = 128;

/// Options of `overload`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Connections that find the peak.
    #[arg(long, default_value_t = 8, value_parser = positive)]
    connections: usize,
    /// Connections that offer too much.
    #[arg(long, default_value_t = 256, value_parser = positive)]
    crowd: usize,
    /// How many times the peak is offered.
    #[arg(long, default_value_t = 4.0)]
    times: f64,
    /// Seconds to find the peak.
    #[arg(long, default_value_t = 30, value_parser = positive)]
    peak_seconds: usize,
    /// Seconds of too much.
    #[arg(long, default_value_t = 60, value_parser = positive)]
    seconds: usize,
    /// Hosts.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..))]
    scale: u32,
    /// Lines of one request.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    lines: u64,
}

/// What is offered for a while.
#[derive(Debug, Clone, Copy)]
struct Offer {
    connections: usize,
    /// Full rate without.
    rows_per_s: Option<f64>,
    time: Duration,
}

/// What became of it.
#[derive(Debug, Default)]
struct Outcome {
    wall: Duration,
    sent_bodies: u64,
    rows: u64,
    /// Answers by status; 0 is none.
    answers: BTreeMap<u16, u64>,
    /// Refusals that do not say when to come again.
    wordless: u64,
    times: Vec<Duration>,
    /// Rows acknowledged by then, every half second.
    progress: Vec<(f64, u64)>,
    rss_peak_bytes: u64,
    cpu_s: f64,
}

impl Outcome {
    fn rows_per_s(&self) -> f64 {
        self.rows as f64 / self.wall.as_secs_f64()
    }

    /// Seconds until two in a row were as good as `rate`.
    fn normal_after_s(&self, rate: f64) -> f64 {
        let good = |pair: &&[(f64, u64)]| {
            let [(from, before), .., (to, after)] = pair else {
                return false;
            };
            (after - before) as f64 / (to - from) >= rate
        };
        let found = self.progress.windows(5).find(good);
        found.map_or(f64::INFINITY, |window| window[0].0)
    }
}

/// Peak, too much, and what comes after it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenario = options.common.begin("overload", "Overload")?;
    let lap_ns = 600_000_000_000;
    let spec = Spec::new(Shape::Cpu, options.scale, lap_ns);
    say("rendering");
    let bodies = Bodies::render(&mut *spec.lines(), options.lines, Encoding::Plain, 2);
    let line_bytes = bodies.line_bytes() / bodies.rows().max(1);
    let source = Laps::new(bodies, lap_ns, u64::MAX);
    let settings = [
        format!("server.bodies.in_flight_bytes_max={BODIES_MIB}MiB"),
        format!("buffer.bytes_max={BUFFER_MIB}MiB"),
    ];
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let (server, _) = scenario.fresh_server("server", &settings)?;
    let crowd = Crowd {
        server: &server,
        source: &source,
        next: AtomicU64::new(0),
    };
    let few = Offer {
        connections: options.connections,
        rows_per_s: None,
        time: Duration::from_secs(options.peak_seconds as u64),
    };
    say("finding the peak");
    let peak = crowd.offer(few)?;
    let offered = peak.rows_per_s() * options.times;
    say(&format!(
        "{:.0} rows/s; now {offered:.0}",
        peak.rows_per_s()
    ));
    let over = crowd.offer(Offer {
        connections: options.crowd,
        rows_per_s: Some(offered),
        time: Duration::from_secs(options.seconds as u64),
    })?;
    say("back to what it can take");
    let after = crowd.offer(Offer {
        time: Duration::from_secs(20),
        ..few
    })?;
    let rows = peak.rows + over.rows + after.rows;
    super::check_count(&server.target(), "cpu", rows)?;
    server.stop()?;

    let record = &mut scenario.record;
    let data = format!(
        "TSBS cpu, {} hosts, bodies of {} lines of {line_bytes} bytes",
        options.scale, options.lines
    );
    record.condition("data", data);
    let connections = format!("{}, then {}, then {0}", options.connections, options.crowd);
    record.condition("connections", connections);
    let limits = format!("bodies {BODIES_MIB} MiB, rows {BUFFER_MIB} MiB");
    record.condition("limits of memory", limits);
    let sent = over.sent_bodies as f64 * source.rows_per_body() as f64 / over.wall.as_secs_f64();
    record.single("peak", "rows/s", peak.rows_per_s(), None);
    record.single("offered, of the peak", "", sent / peak.rows_per_s(), None);
    judge(record, &peak, &over, &after);
    record.table(table(&[
        ("peak", &peak),
        ("overload", &over),
        ("after", &after),
    ]));
    record.note(format!(
        "The limit of memory is the sum of what bodies ({BODIES_MIB} MiB) and rows in memory \
         ({BUFFER_MIB} MiB) may take, and {REST_MIB} MiB for the rest."
    ));
    record.note(
        "As before: two seconds in a row with 85 % of the peak, over as many connections as found it.",
    );
    record.note(format!("Counted afterwards: {rows} rows, as acknowledged."));
    record.note(super::database_note());
    scenario.finish()
}

/// The figures that have an aim.
fn judge(record: &mut Record, peak: &Outcome, over: &Outcome, after: &Outcome) {
    let goodput = over.rows_per_s() / peak.rows_per_s();
    let name = "acknowledged under overload, of the peak";
    record.single(name, "", goodput, Some(Aim::AtLeast(SHARE)));
    let per_cpu = |outcome: &Outcome| outcome.rows as f64 / outcome.cpu_s.max(0.01);
    let of_cpu = per_cpu(over) / per_cpu(peak);
    record.single("the same per second of server CPU", "", of_cpu, None);
    let limit = BODIES_MIB + BUFFER_MIB + REST_MIB;
    let memory = mib(over.rss_peak_bytes) / limit as f64;
    let name = "memory, of the sum of its limits";
    record.single(name, "", memory, Some(Aim::AtMost(1.1)));
    let count = |counts: &dyn Fn(u16) -> bool| {
        let found = over.answers.iter().filter(|(status, _)| counts(**status));
        found.map(|(_, count)| count).sum::<u64>() as f64
    };
    let refused = count(&|status| status != 204);
    record.single("refused", "", refused, None);
    let strange = count(&|status| !matches!(status, 204 | 429 | 503 | 507));
    let none = Some(Aim::AtMost(0.0));
    record.single("refused by other than 429, 503, 507", "", strange, none);
    record.single(
        "refused without Retry-After",
        "",
        over.wordless as f64,
        none,
    );
    let normal = after.normal_after_s(peak.rows_per_s() * SHARE);
    record.single("as before after", "s", normal, Some(Aim::AtMost(10.0)));
}

fn table(phases: &[(&str, &Outcome)]) -> Table {
    let columns = [
        "phase",
        "rows/s",
        "server CPU, cores",
        "memory, peak, MiB",
        "p50, ms",
        "p99, ms",
        "answers",
    ];
    let mut table = Table::new("By phase", &columns);
    for (name, outcome) in phases {
        let times = Latencies::new(outcome.times.clone());
        let answers = outcome
            .answers
            .iter()
            .map(|(status, count)| format!("{status}: {count}"));
        table.push(vec![
            (*name).into(),
            outcome.rows_per_s().into(),
            (outcome.cpu_s / outcome.wall.as_secs_f64()).into(),
            mib(outcome.rss_peak_bytes).into(),
            times.ms(0.5).into(),
            times.ms(0.99).into(),
            answers.collect::<Vec<_>>().join(", ").as_str().into(),
        ]);
    }
    table
}

/// Those who write, with bodies that none has sent before.
struct Crowd<'a> {
    server: &'a Server,
    source: &'a Laps,
    next: AtomicU64,
}

impl Crowd<'_> {
    fn offer(&self, offer: Offer) -> Result<Outcome> {
        let before = self.server.usage()?;
        let rows_per_body = self.source.rows_per_body() as f64;
        let clock = Clock {
            start: Instant::now(),
            interval: offer
                .rows_per_s
                .map(|rate| Duration::from_secs_f64(rows_per_body / rate)),
            time: offer.time,
            turn: AtomicU64::new(0),
        };
        let outcome = Mutex::new(Outcome::default());
        let rows = AtomicU64::new(0);
        let targets: Vec<_> = (0..offer.connections)
            .map(|_| self.server.target())
            .collect();
        let watched = std::thread::scope(|scope| -> Result<_> {
            let (ended, end) = channel::<()>();
            let watcher = scope.spawn(|| self.watch(&clock, &rows, end));
            let write = |target| self.write(target, &clock, &rows, &outcome);
            let writers: Vec<_> = targets
                .iter()
                .map(|target| scope.spawn(move || write(target)))
                .collect();
            writers.into_iter().for_each(joined);
            drop(ended);
            joined(watcher)
        });
        let (progress, rss_peak_bytes) = watched?;
        let outcome = outcome.into_inner().expect("no writer panicked");
        Ok(Outcome {
            wall: clock.start.elapsed(),
            rows: rows.into_inner(),
            progress,
            rss_peak_bytes,
            cpu_s: self.server.usage()?.cpu_s - before.cpu_s,
            ..outcome
        })
    }

    /// Writes until the time is over.
    fn write(&self, target: &Target, clock: &Clock, rows: &AtomicU64, outcome: &Mutex<Outcome>) {
        let mut scratch = Vec::new();
        while clock.wait_for_turn() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(body) = self.source.body(number, &mut scratch) else {
                return;
            };
            let begin = Instant::now();
            let answer = target.write(body.bytes, false);
            let time = begin.elapsed();
            // No answer at all is one that no client can do anything with.
            let (status, wait) =
                answer.map_or((0, None), |answer| (answer.status, answer.retry_after_s));
            let mut outcome = outcome.lock().expect("no writer panicked");
            outcome.sent_bodies += 1;
            *outcome.answers.entry(status).or_default() += 1;
            if status == 204 {
                rows.fetch_add(body.rows, Ordering::Relaxed);
                outcome.times.push(time);
            } else if wait.is_none() {
                outcome.wordless += 1;
            }
        }
    }

    /// Looks every half second what has been acknowledged and what memory the server takes.
    fn watch(
        &self,
        clock: &Clock,
        rows: &AtomicU64,
        end: std::sync::mpsc::Receiver<()>,
    ) -> Result<(Vec<(f64, u64)>, u64)> {
        let (mut progress, mut most) = (vec![(0.0, 0)], 0);
        while end.recv_timeout(Duration::from_millis(500)) == Err(RecvTimeoutError::Timeout) {
            most = most.max(Usage::of(self.server.pid())?.rss_bytes);
            let at_s = clock.start.elapsed().as_secs_f64();
            progress.push((at_s, rows.load(Ordering::Relaxed)));
        }
        Ok((progress, most))
    }
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// When bodies go out.
struct Clock {
    start: Instant,
    interval: Option<Duration>,
    time: Duration,
    turn: AtomicU64,
}

impl Clock {
    /// Waits until the next body is due; whether there is to be one.
    fn wait_for_turn(&self) -> bool {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if let Some(interval) = self.interval {
            let due = self.start + interval.mul_f64(turn as f64);
            pause(due.saturating_duration_since(Instant::now()));
        }
        self.start.elapsed() < self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_before_when_two_seconds_are_as_good() {
        let outcome = |rows: &[u64]| Outcome {
            progress: rows
                .iter()
                .enumerate()
                .map(|(at, &rows)| (at as f64 / 2.0, rows))
                .collect(),
            ..Outcome::default()
        };
        let check = |rows: &[u64], expected: f64| {
            assert_eq!(outcome(rows).normal_after_s(100.0), expected, "{rows:?}");
        };
        check(&[0, 50, 100, 150, 200, 250], 0.0);
        check(&[0, 0, 0, 50, 100, 150, 200, 250], 1.0);
        check(&[0, 200, 200, 200, 200], 0.0);
        check(&[0, 40, 80, 120, 160, 200], f64::INFINITY);
        check(&[0, 50], f64::INFINITY);
    }
}
