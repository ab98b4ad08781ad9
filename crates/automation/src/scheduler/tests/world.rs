//! A world with tasks, a clock, a journal and crashes, all drawn from a seed.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;

/// What runs do, and what the journal holds, outlive the process.
pub(super) struct World {
    seed: u64,
    random: Xoshiro256PlusPlus,
    now: i64,
    tasks: Vec<Definition>,
    scheduler: Scheduler,
    /// Runs under way, and when they end.
    running: Vec<(Start, i64)>,
    /// Progress on its way to the journal, which a crash loses.
    unwritten: Vec<(TaskId, Progress, Option<Window>)>,
    progress: BTreeMap<TaskId, Progress>,
    skipped: BTreeSet<(TaskId, Window)>,
    /// Windows that failed for good, as far as that was noted before a crash.
    failed: BTreeSet<(TaskId, Window)>,
    /// Windows whose work was done, whether or not that was noted.
    done: BTreeSet<(TaskId, Window)>,
    last_run: RunId,
}

const SCHEDULES: [&str; 4] = ["10s", "1m", "7m", "1h"];
const PATTERNS: [&str; 3] = ["*/5 * * * *", "30 2 * * *", "*/20 * * * * *"];

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        // The night in which summer begins in Zurich, 2026.
        let now = (1_774_738_800 + random.random_range(0..7200)) * SECOND;
        let tasks = (1..=random.random_range(1..5)).map(|id| any_task(&mut random, id, now));
        let tasks = tasks.collect();
        let mut world = Self {
            seed,
            random,
            now,
            tasks,
            scheduler: Scheduler::new(1, RunId(0)),
            running: Vec::new(),
            unwritten: Vec::new(),
            progress: BTreeMap::new(),
            skipped: BTreeSet::new(),
            failed: BTreeSet::new(),
            done: BTreeSet::new(),
            last_run: RunId(0),
        };
        world.start();
        world
    }

    fn start(&mut self) {
        self.scheduler = Scheduler::new(self.random.random_range(1..3), self.last_run);
        for task in &self.tasks {
            let progress = self.progress.get(&task.id).copied();
            self.scheduler.put(task.clone(), progress, self.now);
        }
    }

    pub(super) fn live(&mut self) {
        for _ in 0..400 {
            self.step();
            match self.random.random_range(0..40) {
                0 => self.crash(),
                1..=20 => self.write_journal(),
                _ => {}
            }
        }
        // What is under way ends, what is due runs.
        for _ in 0..20_000 {
            let wake_at = self.look();
            self.write_journal();
            match self.running.first().copied() {
                Some((start, _)) => self.end(start, Outcome::Succeeded),
                None if self.is_retrying() => self.now = wake_at.expect("there is a timer"),
                None => return,
            }
        }
        panic!("seed {}: it never comes to rest", self.seed);
    }

    fn is_retrying(&self) -> bool {
        let mut states = self
            .tasks
            .iter()
            .map(|task| self.scheduler.status(task.id).unwrap().state);
        states.any(|state| state == State::Retrying)
    }

    fn crash(&mut self) {
        self.running.clear();
        self.unwritten.clear();
        self.now += self.random.random_range(0..3600) * SECOND;
        self.start();
    }

    fn write_journal(&mut self) {
        for (task, progress, skipped) in std::mem::take(&mut self.unwritten) {
            self.progress.insert(task, progress);
            self.skipped.extend(skipped.map(|window| (task, window)));
        }
    }

    fn look(&mut self) -> Option<i64> {
        let actions = self.scheduler.next(self.now);
        let before = self.last_run;
        for skipped in actions.skipped {
            self.last_run = self.last_run.max(skipped.run);
            let Skipped {
                task,
                window,
                progress,
                ..
            } = skipped;
            self.unwritten.push((task, progress, Some(window)));
        }
        for start in actions.starts {
            assert!(start.run > before, "ids of runs grow");
            self.last_run = self.last_run.max(start.run);
            let is_busy = self
                .running
                .iter()
                .any(|(other, _)| other.task == start.task);
            assert!(!is_busy, "seed {}: two runs of a task at a time", self.seed);
            let ends = self.now + self.random.random_range(0..90) * SECOND / 2;
            self.running.push((start, ends));
        }
        actions.wake_at
    }

    /// To the next thing that happens.
    fn step(&mut self) {
        let wake_at = self.look();
        self.running.sort_by_key(|(_, ends)| *ends);
        let next_end = self.running.first().map(|(_, ends)| *ends);
        let next = wake_at.into_iter().chain(next_end).min();
        self.now = self.now.max(next.unwrap_or(self.now + SECOND));
        if let Some((start, ends)) = self.running.first().copied()
            && ends <= self.now
        {
            let outcome = match self.random.random_range(0..10) {
                0 => FAILED,
                1 => UNAVAILABLE,
                _ => Outcome::Succeeded,
            };
            self.end(start, outcome);
        }
    }

    fn end(&mut self, start: Start, outcome: Outcome) {
        self.running.retain(|(running, _)| running.run != start.run);
        if outcome == Outcome::Succeeded {
            self.done.insert((start.task, start.window));
        }
        let ended = self
            .scheduler
            .finished(start.run, outcome, self.now)
            .unwrap();
        if outcome != Outcome::Succeeded && !ended.is_retried {
            self.failed.insert((start.task, start.window));
        }
        if let Some(progress) = ended.progress {
            let skipped = ended.skipped.map(|(run, window)| {
                self.last_run = self.last_run.max(run);
                window
            });
            self.unwritten.push((start.task, progress, skipped));
        }
    }

    /// Every window that has ended was run, or noted as failed or skipped; and nothing else was run.
    pub(super) fn check(&self) {
        for task in &self.tasks {
            let Trigger::Schedule { schedule, offset } = &task.trigger else {
                unreachable!("these all have schedules");
            };
            let mut through = schedule.last_through(task.since).unwrap();
            let mut windows = BTreeSet::new();
            while let Some(window) = schedule.window_after(through)
                && window.stop + offset <= self.now
            {
                through = window.stop;
                windows.insert((task.id, window));
                let is_in = |(id, skipped): &(TaskId, Window)| {
                    *id == task.id && skipped.start <= window.start && window.stop <= skipped.stop
                };
                let key = (task.id, window);
                let is_known = self.done.contains(&key)
                    || self.failed.contains(&key)
                    || self.skipped.iter().any(is_in);
                assert!(
                    is_known,
                    "seed {}: {window:?} of {task:?} is missing",
                    self.seed
                );
            }
            let wrong = self
                .done
                .iter()
                .find(|key| key.0 == task.id && !windows.contains(key));
            assert_eq!(wrong, None, "seed {}", self.seed);
        }
    }
}

fn any_task(random: &mut Xoshiro256PlusPlus, id: u64, now: i64) -> Definition {
    let schedule = match random.random_range(0..3) {
        0 => {
            let pattern = PATTERNS[random.random_range(0..PATTERNS.len())];
            Schedule::cron(pattern, Some("Europe/Zurich")).unwrap()
        }
        _ => Schedule::every(SCHEDULES[random.random_range(0..SCHEDULES.len())]).unwrap(),
    };
    Definition {
        id: TaskId(id),
        trigger: Trigger::Schedule {
            schedule,
            offset: random.random_range(0..20) * SECOND,
        },
        catch_up: random.random_range(1..50),
        overlap: [Overlap::Queue, Overlap::Skip][random.random_range(0..2)],
        retries: random.random_range(0..3),
        disable_after: 0,
        is_active: true,
        since: now,
    }
}
