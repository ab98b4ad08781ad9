//! `crash-loop`: kills the server (SIGKILL) again and again while writers write over all three
//! protocols, and compares what is there afterwards with what was acknowledged.
//!
//! ```text
//! start ──► 4 writers: new batches, batches again with higher values, batches that must be refused
//!   ▲            │ kill after a random time
//!   └── check ◄──┘ start again: every row of the ledger has a value it may have, and there is no other
//! ```
//!
//! The ledger ([`ledger`]) lives in this process, which is not killed.

mod ledger;
mod writer;

use std::time::{Duration, Instant};

use clap::Args;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{Common, Scenario, positive};
use crate::error::Result;
use crate::machine::pause;
use crate::record::{Aim, say};
use crate::report::{Spread, ms};
use crate::server::Server;

use ledger::Ledger;

/// Small, so that kills meet flushes and ends of segments often.
const SETTINGS: [&str; 4] = [
    "buffer.flush_bytes=256KiB",
    "buffer.flush_age=1s",
    "wal.segment_size=256KiB",
    "server.writes.create_databases=false",
];

/// Cycles between two looks at every row there is; in between only new rows are looked at one by
/// one.
const FULL_CHECK_EVERY: usize = 25;

/// Options of `crash-loop`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Kills.
    #[arg(long, default_value_t = 500, value_parser = positive)]
    cycles: usize,
    /// Writers at the same time.
    #[arg(long, default_value_t = 4, value_parser = positive)]
    writers: usize,
    /// Longest time between the first write and the kill, in ms.
    #[arg(long, default_value_t = 600, value_parser = positive)]
    alive_ms: usize,
    /// Equal seeds kill after equal times.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the cycles; the first row that is lost, invented or changed ends them with an error.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenario = options.common.begin("crash-loop", "Kill and recover")?;
    let (first, folder) = scenario.fresh_server("server", &SETTINGS)?;
    let installed = scenario.installed.with(&SETTINGS);
    let (mut server, mut ledger) = (first, Ledger::new());
    let mut random = Xoshiro256PlusPlus::seed_from_u64(options.seed);
    let (begin, mut starts) = (Instant::now(), Vec::new());
    for cycle in 1..=options.cycles {
        let alive = Duration::from_millis(random.random_range(1..=options.alive_ms as u64));
        server = write_and_kill(server, &mut ledger, options, alive, cycle, || {
            Server::start(&installed, &folder)
        })?;
        starts.push(ms(server.start_time));
        let is_full = cycle.is_multiple_of(FULL_CHECK_EVERY) || cycle == options.cycles;
        ledger.check(&server.target(), is_full)?;
        if is_full {
            say(&format!("{cycle} kills: {}", ledger.summary()));
        }
    }
    // Once more without a kill: recovery must not depend on having just happened.
    server.stop()?;
    let server = Server::start(&installed, &folder)?;
    ledger.check(&server.target(), true)?;
    server.stop()?;
    finish(&mut scenario, options, &ledger, &starts, begin.elapsed())
}

/// Writes until the kill and starts the server again.
fn write_and_kill(
    server: Server,
    ledger: &mut Ledger,
    options: &Options,
    alive: Duration,
    cycle: usize,
    start: impl FnOnce() -> Result<Server>,
) -> Result<Server> {
    let target = server.target();
    let outcomes = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..options.writers)
            .map(|number| {
                let plan = ledger.plan(number, options.seed ^ ((cycle as u64) << 8));
                let target = target.reconnected();
                scope.spawn(move || writer::write_until_killed(&target, plan))
            })
            .collect();
        pause(alive);
        let killed = server.kill();
        let outcomes: Vec<_> = writers
            .into_iter()
            .map(|writer| {
                writer
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect();
        killed.map(|()| outcomes)
    })?;
    for outcome in outcomes {
        ledger.take(outcome?);
    }
    start()
}

fn finish(
    scenario: &mut Scenario,
    options: &Options,
    ledger: &Ledger,
    starts: &[f64],
    wall: Duration,
) -> Result<()> {
    let record = &mut scenario.record;
    record.condition("settings", SETTINGS.join(", "));
    record.condition("writers", options.writers);
    record.condition(
        "protocols",
        "/write (v1), /api/v2/write, /api/v3/write_lp, in turn",
    );
    record.single("kills", "", options.cycles as f64, None);
    record.single(
        "acknowledged rows lost or changed",
        "",
        0.0,
        Some(Aim::AtMost(0.0)),
    );
    record.single(
        "rows that nobody sent, or that were refused",
        "",
        0.0,
        Some(Aim::AtMost(0.0)),
    );
    record.single("starts that failed", "", 0.0, Some(Aim::AtMost(0.0)));
    record.figure(
        "ready after a kill",
        "ms",
        Spread::of(starts.iter().copied()),
        None,
    );
    record.single("wall time", "s", wall.as_secs_f64(), None);
    record.note(format!("At the end: {}.", ledger.summary()));
    record.note(
        "The zeros are not counters: the first loss, invention or failed start ends the run \
         with an error and without this file. After every kill the number of rows is compared \
         and every row written since the kill before; every 25 kills and at the end, every \
         row. The last comparison is repeated after an orderly stop.",
    );
    record.note(
        "A kill of the process does not take away what the kernel has in its cache: this \
         shows the order of writes and recovery, not the fsync.",
    );
    scenario.finish()
}
