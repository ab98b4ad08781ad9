//! What changes rows that are stored already: deletes, compaction, retention, drops and the sweep.

use std::collections::BTreeMap;
use std::time::Duration;

use catalog::{Clock, DAY_NANOS, ErrorKind, Retention, TableId, Undrop};

use super::condition::Condition;
use super::model::{MARKS, View};
use super::world::UNDROP_PERIOD;
use super::*;
use crate::engine::{maintenance, sweep};
use crate::error::Result;

/// What the schedule knows of tables, retention and time.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// Retentions of the database that may be in force: all that were asked for since the last answer.
    retentions: Vec<Retention>,
    /// Before this, rows were too old at some time under one of them.
    earliest_ever: Option<i64>,
    /// What is known about each table that ever was, marks aside.
    fates: BTreeMap<TableId, TableFate>,
    /// A drop, its undoing or the making of a table went without an answer: the next may be surprised.
    pub(super) is_unsure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TableFate {
    Live,
    /// Since this time.
    Dropped(i64),
    /// It was asked to go, or to come back, and nobody knows whether it did.
    Unsure {
        dropped_at: i64,
    },
    Purged,
}

impl Simulation {
    /// Deletes rows, some of them beside writers.
    pub(super) async fn delete(&mut self, program: &Program, is_beside_writes: bool) {
        let Some(covered) = self.check(program).await else {
            return;
        };
        let tables = program.tables();
        let tables = tables.iter().filter(|table| &*table.name != MARKS);
        let tables: Vec<_> = tables.collect();
        if tables.is_empty() {
            return;
        }
        let with_fields = self.random.random_ratio(1, 3);
        let first = self.random.random_range(0..tables.len());
        let mut chosen = vec![tables[first]];
        if self.random.random_ratio(1, 4) {
            chosen.extend(tables.get(first + 1));
        }
        let times = self.times();
        let conditions: Vec<_> = (chosen.iter())
            .map(|table| {
                let condition = Condition::draw(&mut self.random, table, &times, with_fields);
                (table.id, condition)
            })
            .collect();
        self.trace(&conditions);
        let predicates = chosen.iter().zip(&conditions);
        let predicates =
            predicates.map(|(table, (id, condition))| (*id, condition.predicate(table)));
        let predicates: Vec<_> = predicates.collect();
        // All of them mention fields or none does: the two kinds are two commits.
        let number = self.model.begin_delete(conditions, covered);
        let deleted = match is_beside_writes {
            true => {
                let delete = program.engine.delete_rows(predicates);
                let write = self.write(program, 2, false);
                tokio::join!(delete, write).0
            }
            false => program.engine.delete_rows(predicates).await,
        };
        self.model.end_delete(number, deleted.is_ok());
        if let Err(error) = deleted {
            self.check_kind(program, error.kind(), &error);
        }
        self.read(program).await;
    }

    /// One round of maintenance. What a reader took up before, it goes on reading.
    pub(super) async fn compact(&mut self, program: &Program) {
        let held = self.keeps_replaced.then(|| {
            let tables = program.tables();
            let snapshots = reader::snapshots(&program.engine, &tables);
            // Upkeep may find that a table was dropped by a commit whose answer was lost.
            (snapshots, self.view(program))
        });
        let compacted = maintenance::tend(&program.engine.core).await;
        self.note_upkeep(program, compacted);
        if let Some((held, view)) = held {
            // Nothing that this sees was written or deleted meanwhile.
            let late = self.rows_of(program, &held, &Asked::All).await;
            if let Some(rows) = late
                && let Err(problem) = self.model.check(&rows, &view)
            {
                self.fail(format!("read after compaction, from before it: {problem}"));
            }
        }
        self.read(program).await;
    }

    /// Clients write while a round of maintenance is under way.
    pub(super) async fn write_while_compacting(&mut self, program: &Program) {
        let compacted = {
            let compact = maintenance::tend(&program.engine.core);
            let write = async {
                for _ in 0..3 {
                    self.write(program, 1, false).await;
                    self.read(program).await;
                }
                self.flush(program).await;
            };
            tokio::join!(compact, write).0
        };
        self.note_upkeep(program, compacted);
        self.read(program).await;
    }

    /// Deletes all that nothing refers to, however young it is.
    pub(super) async fn sweep(&mut self, program: &Program) {
        let swept = sweep::orphans(&program.engine.core, Duration::ZERO).await;
        self.note_upkeep(program, swept);
        self.read(program).await;
    }

    fn note_upkeep(&self, program: &Program, result: Result<()>) {
        if let Err(error) = result {
            self.check_kind(program, error.kind(), &error);
        }
    }

    pub(super) async fn set_retention(&mut self, program: &Program) {
        let targets = [0, 1, 3, 5, 12, DAY, DAY + 1];
        let target = START + targets[self.random.random_range(0..targets.len())];
        let now = self.world.clock.now_nanos();
        let retention = match self.random.random_ratio(1, 2) {
            true => Retention::Forever,
            false => Retention::from_nanos(Some(now.abs_diff(target))),
        };
        self.trace(retention);
        self.tables.retentions.push(retention);
        self.tables.note_time(now);
        let set = program.catalog.set_database_retention(DATABASE, retention);
        match set.await {
            Ok(()) => self.tables.retentions = vec![retention],
            Err(error) => self.check_kind(program, error.kind(), &error),
        }
        self.read(program).await;
    }

    /// The clock moves: by little while rows may grow too old, by days otherwise.
    pub(super) async fn advance_clock(&mut self, program: &Program) {
        let is_forever = self
            .tables
            .retentions
            .iter()
            .all(|r| *r == Retention::Forever);
        let nanos = match is_forever {
            true => self.random.random_range(1..4 * DAY_NANOS),
            false => self.random.random_range(1..4),
        };
        self.world.clock.advance(nanos);
        self.tables.note_time(self.world.clock.now_nanos());
        self.read(program).await;
    }

    pub(super) async fn drop_or_undrop(&mut self, program: &Program) {
        let name = ["a", "b", "c"][self.random.random_range(0..3)];
        let now = self.world.clock.now_nanos();
        let state = program.catalog.state();
        let live = state
            .database(DATABASE)
            .and_then(|database| database.table(name));
        let result = match live {
            Some(table) => {
                let fate = self
                    .tables
                    .fates
                    .insert(table.id, TableFate::Unsure { dropped_at: now });
                let dropped = program.catalog.drop_table(DATABASE, name, now).await;
                if dropped.is_ok() {
                    self.tables.fates.insert(table.id, TableFate::Dropped(now));
                }
                self.trace(("drop", name, fate));
                dropped
            }
            None => {
                let dropped = state
                    .dropped_tables()
                    .filter(|dropped| *dropped.item.name == *name);
                let Some(last) = dropped.max_by_key(|dropped| (dropped.at_nanos, dropped.item.id))
                else {
                    return;
                };
                let (id, dropped_at) = (last.item.id, last.at_nanos);
                self.tables
                    .fates
                    .insert(id, TableFate::Unsure { dropped_at });
                let back = program
                    .catalog
                    .undrop_table(DATABASE, name, Undrop::LAST)
                    .await;
                if back.is_ok() && !self.tables.is_unsure {
                    self.tables.fates.insert(id, TableFate::Live);
                }
                self.trace(("undrop", name));
                back
            }
        };
        if let Err(error) = result {
            let is_surprise =
                matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists);
            if !(is_surprise && self.tables.is_unsure) {
                self.check_kind(program, error.kind(), &error);
            }
            self.tables.is_unsure = true;
        }
        self.read(program).await;
    }

    /// What readers may see, after a look at whether the engine may say so.
    pub(super) fn view(&mut self, program: &Program) -> View {
        let state = program.catalog.state();
        let now = self.world.clock.now_nanos();
        let mut view = View::default();
        let Some(database) = state.database(DATABASE) else {
            // The world has just begun.
            if self.model.next() > 0 {
                self.fail("the database is gone");
            }
            return view;
        };
        if !self.tables.retentions.contains(&database.retention) {
            self.fail(format!("nobody asked for {:?}", database.retention));
        }
        let is_dropped = |id| state.dropped_tables().find(|dropped| dropped.item.id == id);
        for table in database.tables() {
            if &*table.name != MARKS {
                let fate = self.tables.fates.entry(table.id).or_insert(TableFate::Live);
                if matches!(fate, TableFate::Dropped(_) | TableFate::Purged) {
                    let fate = *fate;
                    self.fail(format!("table {} is back: {fate:?}", table.name));
                }
                view.eroded
                    .extend(self.tables.earliest_ever.map(|at| (table.id, at)));
            }
            let earliest = state.retention_of(table).earliest(now);
            view.tables.insert(table.id, earliest);
        }
        let period = i64::try_from(UNDROP_PERIOD.as_nanos()).expect("it is short");
        let mut problem = None;
        for (&id, fate) in &mut self.tables.fates {
            if state.table(id).is_some() {
                continue;
            }
            *fate = match (*fate, is_dropped(id)) {
                (TableFate::Unsure { .. }, Some(dropped)) => TableFate::Unsure {
                    dropped_at: dropped.at_nanos,
                },
                (TableFate::Dropped(at), Some(dropped)) if dropped.at_nanos == at => *fate,
                (TableFate::Dropped(at) | TableFate::Unsure { dropped_at: at }, None)
                    if at + period <= now =>
                {
                    TableFate::Purged
                }
                (TableFate::Purged, None) => TableFate::Purged,
                (fate, found) => {
                    problem = Some(format!("table {id} is gone: {fate:?}, {found:?}"));
                    fate
                }
            };
        }
        if let Some(problem) = problem {
            self.fail(problem);
        }
        view
    }

    /// Times that rows have.
    pub(super) fn times(&self) -> Vec<i64> {
        let number = self.model.next() as i64;
        let times = [0, 1, 2, 3, 4, number, DAY, DAY + 1];
        times.into_iter().map(|time| START + time).collect()
    }
}

impl Tables {
    pub(super) fn new() -> Self {
        Self {
            retentions: vec![Retention::Forever],
            ..Self::default()
        }
    }

    fn note_time(&mut self, now: i64) {
        let finite = self.retentions.iter().filter(|r| **r != Retention::Forever);
        let earliest = finite.map(|retention| retention.earliest(now)).max();
        self.earliest_ever = self.earliest_ever.max(earliest);
    }

    /// Whether this table must be there.
    pub(super) fn is_live(&self, table: TableId) -> bool {
        !matches!(
            self.fates.get(&table),
            Some(TableFate::Dropped(_) | TableFate::Unsure { .. } | TableFate::Purged)
        )
    }
}

/// How the rows of the table of marks are kept, whatever the database says.
pub(super) fn marks_options() -> catalog::TableOptions {
    catalog::TableOptions {
        retention: Some(Some(Retention::Forever)),
        ..Default::default()
    }
}
