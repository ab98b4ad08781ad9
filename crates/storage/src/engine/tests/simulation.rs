//! The engine in a simulated world: several writers, flushes, a store and a disk that fail, power
//! failures at any operation of either, and restarts that are interrupted, against a naive map of rows.
//!
//! After every restart, and now and then in between, every row is read back: acknowledged writes are
//! there, refused ones are not, those of unknown fate are there whole or not at all, and nothing else is.
//!
//! A world follows from its seed: time stands still unless everything waits, one operation is under way
//! at a time unless it is the overlap that is tried, and every fault is drawn from a generator. Two
//! threads overlap for real only where objects are on the same disk as the log and a flush and writes
//! run side by side; such a seed may have to be run more than once to fail again.
//!
//! ```sh
//! cargo test -p storage simulation                                        # a few hundred worlds
//! TIDEMILL_SIMULATION_FIRST=0 TIDEMILL_SIMULATION_SEEDS=20000 cargo test -p storage simulation
//! TIDEMILL_SIMULATION_FIRST=1234 TIDEMILL_SIMULATION_SEEDS=1 TIDEMILL_SIMULATION_TRACE=1 \
//!     cargo test -p storage simulation -- --nocapture                     # one of them, told step by step
//! ```

mod condition;
pub(super) mod model;
pub(super) mod reader;
mod upkeep;
pub(super) mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytesize::ByteSize;
use catalog::{ColumnKind, DatabaseName, ErrorKind, FieldType, Retention, TableExtension};
use futures::FutureExt;
use futures::future::join_all;
use object_store::memory::InMemory;
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::SplitMix64;

use crate::engine::Durability;
use crate::error::Error;
use crate::io::simulated::{Death, DeathPlan, Fault, Operation as DiskOperation, SimulatedDisk};
use crate::object_stores::faults::Rates;
use crate::snapshot::TableSnapshot;
use crate::spill::SpillStore;
use model::{Ending, Key, MARK_FIELD, MARKS, Model, Row, Value};
use reader::{Asked, Problem};
use upkeep::Tables;
use world::{DATABASE, Program, SetClock, World, settings};

const SEEDS_DEFAULT: u64 = 500;
const STEPS: usize = 48;
const DAY: i64 = 86_400_000_000_000;

/// When rows begin: long after any object was made, as that of a simulated world's clock, and where
/// windows of all lengths begin.
const START: i64 = 90 * 512 * DAY;

/// What happens next. To try something new, add it here, to [`Operation::draw`] and to
/// [`Simulation::run`].
#[derive(Debug, Clone, Copy)]
enum Operation {
    /// So many clients write at the same time.
    Write {
        writers: usize,
    },
    /// A client sends a write and hangs up, another one follows.
    HangUp,
    /// A table or column is added.
    Grow,
    Flush,
    /// Clients write while a flush is under way.
    WriteWhileFlushing,
    /// Rows are deleted, some of them beside writers.
    Delete {
        is_beside_writes: bool,
    },
    /// A round of maintenance: files are merged, what is too old or was dropped long ago is forgotten.
    Compact,
    WriteWhileCompacting,
    /// Objects that nothing refers to are deleted.
    Sweep,
    SetRetention,
    AdvanceClock,
    /// A table is dropped, or comes back.
    DropOrUndrop,
    /// What a flush in the background does: end the segment, flush, delete segments.
    FlushAndTrim,
    /// Time passes, and the background has its turn.
    Wait {
        millis: u64,
    },
    Read,
    DiskFault {
        after: u64,
        fault: Fault,
    },
    DiskFull(bool),
    DiskReadOnly(bool),
    StoreFaults(Rates),
    StoreAway {
        seconds: u64,
    },
    /// The disk and the store behave again.
    CalmDown,
    Die(Death),
    DieAtDisk(DeathPlan),
    DieAtStore {
        request: u64,
        has_effect: bool,
        death: Death,
    },
    Stop,
}

impl Operation {
    fn draw(random: &mut SplitMix64) -> Self {
        match random.random_range(0..140) {
            100..111 => Self::Delete {
                is_beside_writes: random.random_ratio(1, 4),
            },
            111..121 => Self::Compact,
            121..125 => Self::WriteWhileCompacting,
            125..129 => Self::Sweep,
            129..132 => Self::SetRetention,
            132..135 => Self::AdvanceClock,
            135..138 => Self::DropOrUndrop,
            0..30 => Self::Write { writers: 1 },
            30..42 => Self::Write {
                writers: random.random_range(2..6),
            },
            42..44 => Self::HangUp,
            44..49 => Self::Grow,
            49..54 => Self::Flush,
            54..60 => Self::WriteWhileFlushing,
            60..66 => Self::FlushAndTrim,
            66..69 => Self::Wait {
                millis: random.random_range(1..8_000),
            },
            69..73 => Self::Read,
            73..78 => Self::DiskFault {
                after: random.random_range(1..20),
                fault: [Fault::Error, Fault::Full, Fault::ShortWrites][random.random_range(0..3)],
            },
            78..80 => Self::DiskFull(random.random()),
            80..81 => Self::DiskReadOnly(random.random()),
            81..85 => Self::StoreFaults(rates(random)),
            85..87 => Self::StoreAway {
                seconds: random.random_range(1..120),
            },
            87..90 => Self::CalmDown,
            90..92 => Self::Die(death(random)),
            92..96 => Self::DieAtDisk(death_at_disk(random)),
            96..98 => Self::DieAtStore {
                request: random.random_range(1..10),
                has_effect: random.random(),
                death: death(random),
            },
            _ => Self::Stop,
        }
    }
}

fn rates(random: &mut SplitMix64) -> Rates {
    if random.random_ratio(1, 4) {
        // Long enough that a commit is given up although it was made.
        return Rates {
            fails_after: 950,
            ..Rates::default()
        };
    }
    let mut rate = |max: u32| random.random_range(0..max);
    Rates {
        fails_before: rate(300),
        fails_after: rate(300),
        throttled: rate(200),
        truncated: rate(100),
        slow: rate(500),
    }
}

fn death(random: &mut SplitMix64) -> Death {
    match random.random_range(0..3) {
        0 => Death::Kill,
        _ => Death::PowerLoss {
            seed: random.next_u64(),
        },
    }
}

fn death_at_disk(random: &mut SplitMix64) -> DeathPlan {
    DeathPlan {
        operation: random.random_range(1..60),
        has_effect: random.random(),
        death: death(random),
    }
}

/// Waits without letting the simulated time pass, for what real threads do.
async fn busy<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    loop {
        match (&mut future).now_or_never() {
            Some(output) => return output,
            None => tokio::task::yield_now().await,
        }
        std::thread::yield_now();
    }
}

/// One world from its beginning to its end.
struct Simulation {
    random: SplitMix64,
    world: World,
    model: Model,
    tables: Tables,
    /// Whether files that were replaced stay for those who read them.
    keeps_replaced: bool,
    is_traced: bool,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut random = SplitMix64::seed_from_u64(seed);
        let remote = random.random_ratio(1, 2).then(|| Arc::new(InMemory::new()));
        // In some worlds the background flushes by itself, and spills while the store is away.
        let flush_bytes = match random.random_range(0..8) {
            0 => ByteSize::kib(12),
            1 => ByteSize::kib(3),
            _ => ByteSize::mib(192),
        };
        let keeps_replaced = random.random_ratio(3, 4);
        let replaced_file_age = match keeps_replaced {
            true => Duration::from_secs(3600),
            false => Duration::ZERO,
        };
        let world = World {
            disk: SimulatedDisk::new(),
            remote,
            settings: settings(flush_bytes, replaced_file_age),
            clock: SetClock::new(START + 2 * DAY + DAY / 2),
            seed: random.next_u64(),
        };
        Self {
            random,
            world,
            model: Model::default(),
            tables: Tables::new(),
            keeps_replaced,
            is_traced: std::env::var_os("TIDEMILL_SIMULATION_TRACE").is_some(),
        }
    }

    #[track_caller]
    fn fail(&self, problem: impl std::fmt::Display) -> ! {
        panic!("{problem}")
    }

    fn trace(&self, what: impl std::fmt::Debug) {
        if self.is_traced {
            println!("{:>6} {what:?}", self.world.disk.operations());
        }
    }

    /// Runs the whole schedule.
    async fn run_all(&mut self) {
        let mut program = self.restart(true).await;
        self.create_tables(&program).await;
        for _ in 0..STEPS {
            let operation = Operation::draw(&mut self.random);
            self.trace(operation);
            let ending = self.run(&program, operation).await;
            let is_dead = !program.life.is_alive();
            match ending {
                Some(ending) => program = self.end_and_restart(program, ending).await,
                None if is_dead => {
                    let death = self.world.disk.last_death();
                    program = self.end_and_restart(program, Ending::Death(death)).await;
                }
                None => {}
            }
        }
        self.finish(program).await;
    }

    /// Everything behaves again: the engine does too, and a power failure or an orderly stop
    /// changes nothing.
    async fn finish(&mut self, mut program: Program) {
        self.calm_down(&program);
        loop {
            if !program.life.is_alive() {
                // Something in the background has just met the end that was waiting for it.
                let death = self.world.disk.last_death();
                program = self.end_and_restart(program, Ending::Death(death)).await;
                self.calm_down(&program);
            }
            let rows = self.draw_rows(&program);
            let write = self.model.send(rows.clone());
            let batch = program.batch(&rows);
            match busy(program.engine.write(batch, Durability::Synced)).await {
                Ok(sequence) => {
                    self.model.acknowledge(write, sequence, Durability::Synced);
                    break;
                }
                // A request that was under way when everything was calmed down may bring the end later.
                Err(_) if !program.life.is_alive() => {}
                Err(error) => self.fail(format!("a calm engine refuses a write: {error}")),
            }
        }
        let power_loss = Death::PowerLoss {
            seed: self.random.next_u64(),
        };
        self.world.disk.die(power_loss);
        self.end(program, Ending::Death(power_loss)).await;
        let program = self.restart(true).await;
        if let Err(error) = busy(program.engine.wal.close()).await {
            self.fail(format!("a calm log does not close: {error}"));
        }
        if let Err(error) = program.engine.shutdown().await {
            self.fail(format!("a calm engine does not stop: {error}"));
        }
        self.world.disk.die(Death::Kill);
        self.end(program, Ending::Orderly).await;
        let program = self.restart(true).await;
        if program.engine.stats().buffer_bytes > 0 {
            self.fail("an orderly stop leaves rows in the log");
        }
        program.bury().await;
    }

    fn calm_down(&self, program: &Program) {
        self.world.disk.calm_down();
        self.world.disk.set_read_only(false);
        program.store.calm_down();
    }

    async fn create_tables(&mut self, program: &Program) {
        let name = DatabaseName::new(DATABASE).unwrap();
        let created = program.catalog.create_database(&name, Retention::Forever);
        created.await.unwrap();
        let field = |name: &str, kind| (name.to_owned(), ColumnKind::Field(kind));
        let tag = |name: &str| (name.to_owned(), ColumnKind::Tag);
        let tables = [
            (MARKS, vec![field(MARK_FIELD, FieldType::Integer)]),
            ("a", vec![tag("host"), field("float", FieldType::Float)]),
            ("b", vec![field("text", FieldType::String)]),
        ];
        for (table, columns) in tables {
            self.extend(program, table, columns).await;
        }
        let options = program
            .catalog
            .set_table_options(DATABASE, MARKS, upkeep::marks_options());
        options.await.unwrap();
    }

    async fn extend(&mut self, program: &Program, table: &str, columns: Vec<(String, ColumnKind)>) {
        let extension = TableExtension {
            table: table.to_owned(),
            columns: columns.clone(),
        };
        match program.catalog.extend(DATABASE, &[extension]).await {
            Ok(_) => {
                let state = program.catalog.state();
                let database = state.database(DATABASE);
                let Some(table) = database.and_then(|database| database.table(table)) else {
                    self.fail(format!("table {table} was not made"));
                };
                for (column, kind) in columns {
                    self.model.confirm_column(table.id, &column, kind);
                }
            }
            Err(error) => {
                self.check_kind(program, error.kind(), &error);
                // The table may have been made all the same, under the name of one that was dropped.
                self.tables.is_unsure = true;
            }
        }
    }

    /// Only what may pass by itself may be refused by an engine whose surroundings fail.
    fn check_kind(&self, program: &Program, kind: ErrorKind, error: &dyn std::error::Error) {
        self.trace(error.to_string());
        if kind != ErrorKind::Unavailable {
            self.fail(format!("unexpected {kind:?}: {error}"));
        }
        if program.engine.stats().is_fenced {
            self.fail(format!("fenced by nobody: {error}"));
        }
    }

    /// Carries an operation out; returns how the program ended if it did so on purpose.
    async fn run(&mut self, program: &Program, operation: Operation) -> Option<Ending> {
        let disk = &self.world.disk;
        match operation {
            Operation::Write { writers } => self.write(program, writers, false).await,
            Operation::HangUp => self.write(program, 2, true).await,
            Operation::Grow => self.grow(program).await,
            Operation::Flush => self.flush(program).await,
            Operation::WriteWhileFlushing => self.write_while_flushing(program).await,
            Operation::Delete { is_beside_writes } => self.delete(program, is_beside_writes).await,
            Operation::Compact => self.compact(program).await,
            Operation::WriteWhileCompacting => self.write_while_compacting(program).await,
            Operation::Sweep => self.sweep(program).await,
            Operation::SetRetention => self.set_retention(program).await,
            Operation::AdvanceClock => self.advance_clock(program).await,
            Operation::DropOrUndrop => self.drop_or_undrop(program).await,
            Operation::FlushAndTrim => self.flush_and_trim(program).await,
            Operation::Wait { millis } => tokio::time::sleep(Duration::from_millis(millis)).await,
            Operation::Read => self.read(program).await,
            Operation::DiskFault { after, fault } => disk.fail_after(after, fault),
            Operation::DiskFull(is_full) => disk.set_full(is_full),
            Operation::DiskReadOnly(is_read_only) => disk.set_read_only(is_read_only),
            Operation::StoreFaults(rates) => program.store.set_rates(rates),
            Operation::StoreAway { seconds } => {
                program.store.go_away(Duration::from_secs(seconds));
            }
            Operation::CalmDown => self.calm_down(program),
            Operation::Die(death) => disk.die(death),
            Operation::DieAtDisk(plan) => disk.die_at(plan),
            Operation::DieAtStore {
                request,
                has_effect,
                death,
            } => {
                program.store.die_at(request, has_effect, death);
            }
            Operation::Stop => return self.stop(program).await,
        }
        None
    }

    /// Several clients write at the same time; the first one may hang up before it is answered.
    async fn write(&mut self, program: &Program, writers: usize, hangs_up: bool) {
        let durability = match self.random.random_ratio(1, 4) {
            true => Durability::Buffered,
            false => Durability::Synced,
        };
        let mut writes = BTreeMap::new();
        for _ in 0..writers {
            let rows = self.draw_rows(program);
            let number = self.model.send(rows.clone());
            let batch = program.batch(&rows);
            writes.insert(number, Box::pin(program.engine.write(batch, durability)));
        }
        // The first one's group is under way while the others queue up, so that who shares a group
        // with whom follows from the seed.
        let disk = Arc::clone(&self.world.disk);
        disk.hold_syncs(true);
        let mut answers = BTreeMap::new();
        if let Some(mut first) = writes.first_entry() {
            let number = *first.key();
            let answer = busy(async {
                loop {
                    match first.get_mut().now_or_never() {
                        None if !disk.is_holding_sync() => tokio::task::yield_now().await,
                        answer => return answer,
                    }
                }
            });
            let answer = answer.await;
            if answer.is_some() || hangs_up {
                drop(first.remove());
            }
            answers.extend(answer.map(|answer| (number, answer)));
        }
        for (number, write) in &mut writes {
            answers.extend(write.now_or_never().map(|answer| (*number, answer)));
        }
        disk.hold_syncs(false);
        writes.retain(|number, _| !answers.contains_key(number));
        let rest = writes.into_iter();
        let rest = rest.map(|(number, write)| write.map(move |answer| (number, answer)));
        answers.extend(busy(join_all(rest)).await);
        for (number, answer) in answers {
            self.note_answer(program, number, durability, answer);
        }
        if hangs_up {
            self.wait_for_applier(program).await;
        }
    }

    /// Nobody says when a write that was hung up on is done, and a read meanwhile may see a part of it.
    async fn wait_for_applier(&self, program: &Program) {
        let core = &program.engine.core;
        busy(async {
            while program.life.is_alive() {
                let log = program.engine.wal.stats();
                let in_files = core.catalog.state().wal_applied_through();
                let applied = in_files.max(*core.applied.lock());
                if log.queued_bytes == 0 && applied >= log.last_sequence {
                    return;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    fn note_answer(
        &mut self,
        program: &Program,
        write: usize,
        durability: Durability,
        answer: Result<u64, Error>,
    ) {
        match answer {
            Ok(sequence) => self.model.acknowledge(write, sequence, durability),
            Err(error) => {
                self.check_kind(program, error.kind(), &error);
                self.model.refuse(write);
            }
        }
    }

    async fn grow(&mut self, program: &Program) {
        let table = ["a", "b", "c"][self.random.random_range(0..3)];
        let fields = [
            ("float", FieldType::Float),
            ("integer", FieldType::Integer),
            ("unsigned", FieldType::UInteger),
            ("boolean", FieldType::Boolean),
            ("text", FieldType::String),
        ];
        let mut columns: Vec<_> = (0..self.random.random_range(1..3))
            .map(|_| fields[self.random.random_range(0..fields.len())])
            .map(|(name, kind)| (name.to_owned(), ColumnKind::Field(kind)))
            .collect();
        columns.dedup();
        if self.random.random_ratio(1, 3) {
            let tag = ["host", "line"][self.random.random_range(0..2)];
            columns.push((tag.to_owned(), ColumnKind::Tag));
        }
        self.extend(program, table, columns).await;
    }

    async fn flush(&mut self, program: &Program) {
        match program.engine.flush().await {
            Ok(()) => {
                let state = program.catalog.state();
                self.model.synced_through(state.wal_applied_through());
            }
            Err(error) => self.check_kind(program, error.kind(), &error),
        }
    }

    async fn write_while_flushing(&mut self, program: &Program) {
        let pauses: [u64; 3] = std::array::from_fn(|_| self.random.random_range(0..3_000));
        let flush = async {
            let result = program.engine.flush().await;
            (result, program.catalog.state().wal_applied_through())
        };
        let write_and_read = async {
            for millis in pauses {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                self.write(program, 1, false).await;
                self.read(program).await;
            }
        };
        let ((flushed, through), ()) = tokio::join!(flush, write_and_read);
        match flushed {
            Ok(()) => self.model.synced_through(through),
            Err(error) => self.check_kind(program, error.kind(), &error),
        }
    }

    async fn flush_and_trim(&mut self, program: &Program) {
        if let Err(error) = busy(program.engine.wal.rotate()).await {
            self.trace(error);
        }
        self.flush(program).await;
        let through = program.catalog.state().wal_applied_through();
        if let Err(error) = program.engine.wal.delete_through(through) {
            self.trace(error);
        }
    }

    async fn stop(&mut self, program: &Program) -> Option<Ending> {
        let stopped = match busy(program.engine.wal.close()).await {
            Ok(()) => program.engine.shutdown().await,
            Err(error) => Err(error.into()),
        };
        if !program.life.is_alive() {
            return None;
        }
        self.world.disk.die(Death::Kill);
        match stopped {
            Ok(()) => Some(Ending::Orderly),
            Err(error) => {
                self.check_kind(program, error.kind(), &error);
                Some(Ending::Death(Death::Kill))
            }
        }
    }

    /// Reads everything, and some times of some series only, and holds it against the model. Nothing when
    /// the program ends meanwhile.
    async fn check(&mut self, program: &Program) -> Option<BTreeSet<usize>> {
        // Without further draws, so that reading does not change what comes next.
        let some = Asked::Some(START + 2..=START + DAY);
        let core = Arc::clone(&program.engine.core);
        // Where files that were replaced go at once, none is replaced while this reads.
        let none_is_replaced = match self.keeps_replaced {
            true => None,
            false => Some(core.rewriting.lock().await),
        };
        // Of the same moment: time goes on while this reads, and so does what runs beside it.
        let view = self.view(program);
        let snapshots = reader::snapshots(&program.engine, &program.tables());
        let found = self.rows_of(program, &snapshots, &Asked::All).await?;
        let mut expected = found.clone();
        expected.retain(|key, _| {
            let mut tables = snapshots.iter().map(TableSnapshot::table);
            let table = tables.find(|table| table.id == key.table);
            some.includes(table.expect("the row was read from it"), key)
        });
        if self.rows_of(program, &snapshots, &some).await? != expected {
            self.fail("some series and times do not hold what all rows hold of them");
        }
        drop(none_is_replaced);
        match self.model.check(&found, &view) {
            Ok(writes) => Some(writes),
            Err(problem) => self.fail(problem),
        }
    }

    async fn rows_of(
        &self,
        program: &Program,
        snapshots: &[TableSnapshot],
        asked: &Asked,
    ) -> Option<model::Rows> {
        let calm = self.world.calm_store(&program.life).ok()?;
        let store = SpillStore::new(calm, Arc::clone(&program.engine.core.spill));
        match reader::rows(&store, snapshots, asked).await {
            Ok(rows) => Some(rows),
            Err(_) if !program.life.is_alive() => None,
            Err(Problem::Unreadable(problem) | Problem::Wrong(problem)) => self.fail(problem),
        }
    }

    async fn read(&mut self, program: &Program) {
        let found = self.check(program).await;
        self.trace(found.map(|found| found.len()));
    }

    async fn end(&mut self, program: Program, ending: Ending) {
        self.trace(ending);
        program.bury().await;
        self.model.end(ending);
    }

    async fn end_and_restart(&mut self, program: Program, ending: Ending) -> Program {
        self.end(program, ending).await;
        // Some starts fail or are interrupted.
        while self.random.random_ratio(1, 3) {
            if let Some(program) = self.try_restart().await {
                return program;
            }
        }
        self.restart(false).await
    }

    /// Starts while things go wrong; nothing if the program did not get to run.
    async fn try_restart(&mut self) -> Option<Program> {
        let disk = Arc::clone(&self.world.disk);
        disk.set_read_only(false);
        let Ok((life, store)) = self.world.begin() else {
            self.fail("a calm store does not open");
        };
        match self.random.random_range(0..4) {
            0 => disk.fail_after(self.random.random_range(1..12), Fault::Error),
            1 => disk.die_at(DeathPlan {
                operation: self.random.random_range(1..20),
                ..death_at_disk(&mut self.random)
            }),
            2 => store.set_rates(rates(&mut self.random)),
            _ => {
                let request = self.random.random_range(1..6);
                store.die_at(request, self.random.random(), death(&mut self.random));
            }
        }
        let started = self.world.start(Arc::clone(&life), store).await;
        let program = match started {
            Ok(program) => Some(program),
            Err(error) => {
                self.trace(error.to_string());
                if error.kind() != ErrorKind::Unavailable {
                    self.fail(format!("a start fails with {:?}: {error}", error.kind()));
                }
                None
            }
        };
        if let Some(program) = program {
            if life.is_alive()
                && let Some(found) = self.check(&program).await
            {
                self.note_start(&program, &found);
                return Some(program);
            }
            let death = match life.is_alive() {
                true => Death::Kill,
                false => disk.last_death(),
            };
            life.die(death);
            self.end(program, Ending::Death(death)).await;
            return None;
        }
        let death = match life.is_alive() {
            true => death(&mut self.random),
            false => disk.last_death(),
        };
        life.die(death);
        self.trace(death);
        self.model.end(Ending::Death(death));
        None
    }

    /// Starts while all is well.
    async fn restart(&mut self, is_calm_for_good: bool) -> Program {
        self.world.disk.calm_down();
        self.world.disk.set_read_only(false);
        let begun = self.world.begin();
        let (life, store) = match begun {
            Ok(begun) => begun,
            Err(problem) => self.fail(format!("a calm store does not open: {problem}")),
        };
        let program = match self.world.start(life, store).await {
            Ok(program) => program,
            Err(error) => self.fail(format!("a calm start fails: {error}")),
        };
        let Some(found) = self.check(&program).await else {
            self.fail("a calm engine cannot be read");
        };
        self.note_start(&program, &found);
        if !is_calm_for_good && self.random.random_ratio(1, 3) {
            program.store.set_rates(rates(&mut self.random));
        }
        program
    }

    fn note_start(&mut self, program: &Program, found: &BTreeSet<usize>) {
        let last_sequence = program.engine.stats().wal.last_sequence;
        self.model.start(found, last_sequence);
        self.model.settle_deletes(found);
        self.trace(("started with", found.len(), last_sequence));
        let state = program.catalog.state();
        for ((table, column), kind) in self.model.columns() {
            if !self.tables.is_live(*table) {
                continue;
            }
            let table = state.table(*table);
            let found = table.and_then(|table| table.column(column));
            if found.map(|column| column.kind) != Some(*kind) {
                self.fail(format!("column {column} is lost: {found:?}"));
            }
        }
    }

    /// Rows of one write: few keys, so that they meet often; fields of all types that the tables
    /// have, some of them missing; times out of order and in two partitions.
    fn draw_rows(&mut self, program: &Program) -> Vec<Row> {
        let number = self.model.next();
        let tables = program.tables();
        let is_marks = |table: &&Arc<catalog::Table>| &*table.name == MARKS;
        let mark = Key {
            table: tables
                .iter()
                .find(is_marks)
                .expect("it is never dropped")
                .id,
            tags: BTreeMap::new(),
            time: START + number as i64,
        };
        let fields = [(MARK_FIELD.to_owned(), Value::Integer(number as i64))];
        let mut rows = vec![(mark, fields.into())];
        let tables: Vec<_> = tables.iter().filter(|table| !is_marks(table)).collect();
        let times = self.times();
        let rows_max = if tables.is_empty() { 1 } else { 7 };
        for _ in 0..self.random.random_range(0..rows_max) {
            let table = tables[self.random.random_range(0..tables.len())];
            let mut key = Key {
                table: table.id,
                tags: BTreeMap::new(),
                time: times[self.random.random_range(0..times.len())],
            };
            for tag in table.tags() {
                if self.random.random_ratio(3, 4) {
                    let value = ["x", "y", "z"][self.random.random_range(0..3)];
                    key.tags.insert(tag.name.to_string(), value.to_owned());
                }
            }
            let mut fields = BTreeMap::new();
            for column in table.fields() {
                if let ColumnKind::Field(kind) = column.kind
                    && self.random.random_ratio(2, 3)
                {
                    fields.insert(column.name.to_string(), self.draw_value(kind));
                }
            }
            rows.push((key, fields));
        }
        rows
    }

    fn draw_value(&mut self, kind: FieldType) -> Value {
        let number = self.random.next_u64();
        match kind {
            FieldType::Float => Value::Float((number as i64 as f64 / 7.0).to_bits()),
            FieldType::Integer => Value::Integer(number as i64),
            FieldType::UInteger => Value::Unsigned(number),
            FieldType::Boolean => Value::Boolean(number.is_multiple_of(2)),
            FieldType::String => Value::Text(format!("{number:x}").repeat((number % 5) as usize)),
        }
    }
}

fn run(seed: u64) -> std::thread::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // Replay waits on one of them for what it spills on the other.
        .max_blocking_threads(2)
        .build()
        .unwrap();
    let mut simulation = Simulation::new(seed);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(simulation.run_all());
    }));
    if ran.is_err() {
        eprintln!(
            "world {seed} failed; to see it again: TIDEMILL_SIMULATION_FIRST={seed} \
             TIDEMILL_SIMULATION_SEEDS=1 TIDEMILL_SIMULATION_TRACE=1 \
             cargo test -p storage simulation -- --nocapture"
        );
    }
    ran
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[test]
fn acknowledged_rows_survive_whatever_fails_and_nothing_is_invented() {
    let first = from_environment("TIDEMILL_SIMULATION_FIRST", 0);
    let end = first + from_environment("TIDEMILL_SIMULATION_SEEDS", SEEDS_DEFAULT);
    let next = AtomicU64::new(first);
    let has_failed = AtomicBool::new(false);
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || has_failed.load(Ordering::Relaxed) {
                        return;
                    }
                    run(seed).unwrap_or_else(|panic| {
                        has_failed.store(true, Ordering::Relaxed);
                        resume_unwind(panic)
                    });
                }
            });
        }
    });
}

#[tokio::test]
async fn log_whose_removal_was_not_synced_stays_away() {
    let mut simulation = Simulation::new(0);
    simulation.world.remote = Some(Arc::default());
    let disk = Arc::clone(&simulation.world.disk);
    let program = simulation.restart(true).await;
    simulation.create_tables(&program).await;
    simulation.write(&program, 1, false).await;
    program.engine.wal.rotate().await.unwrap();
    program.engine.flush().await.unwrap();
    disk.fail(DiskOperation::SyncDirectory, 1, Fault::Error);
    let through = program.catalog.state().wal_applied_through();
    program.engine.wal.delete_through(through).unwrap_err();
    disk.die(Death::Kill);
    simulation.end(program, Ending::Death(Death::Kill)).await;
    // A new log takes the place of the one that seems to be gone, and then nothing unsynced survives.
    let program = simulation.restart(true).await;
    disk.lose_power(|| false);
    let power_loss = Death::PowerLoss { seed: 0 };
    simulation.end(program, Ending::Death(power_loss)).await;
    let program = simulation.restart(true).await;
    program.bury().await;
}
