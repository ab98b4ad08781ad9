//! What the engine has to hold: a naive map of rows, made of the writes that count.
//!
//! Every write carries a row of its own in a table of marks, with a time that no other has. A write is
//! one record, so its mark tells whether it is there, and then all of it must be, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use catalog::ColumnKind;

use crate::engine::Durability;
use crate::io::simulated::Death;

/// The table of marks, and its field.
pub(super) const MARKS: &str = "marks";
pub(super) const MARK_FIELD: &str = "write";

/// What identifies a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) table: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) time: i64,
}

/// A value of any type that a field can have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    /// The bits of a float.
    Float(u64),
    Integer(i64),
    Unsigned(u64),
    Boolean(bool),
    Text(String),
}

pub(super) type Fields = BTreeMap<String, Value>;
pub(super) type Row = (Key, Fields);
pub(super) type Rows = BTreeMap<Key, Fields>;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Death(Death),
    /// It stopped when it was asked to, and said that all went well.
    Orderly,
}

/// What is known about a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is there, whatever happens.
    Kept,
    /// It is there unless the power fails before its record is synced.
    Acknowledged { sequence: u64 },
    /// It is not there as long as the program runs, and may turn up when the next one starts.
    Refused,
    /// Nobody knows.
    Open,
    /// It is not there and never will be.
    Gone,
}

#[derive(Debug)]
struct Write {
    rows: Vec<Row>,
    fate: Fate,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    /// In the order in which they were sent, which is that of their sequence numbers.
    writes: Vec<Write>,
    /// Records up to this one survive a power failure.
    durable_through: u64,
    last_sequence: u64,
    /// Columns that were confirmed, by table and name.
    columns: BTreeMap<(String, String), ColumnKind>,
}

impl Model {
    /// The number that the next write will have.
    pub(super) fn next(&self) -> usize {
        self.writes.len()
    }

    /// A write is being sent.
    pub(super) fn send(&mut self, rows: Vec<Row>) -> usize {
        self.writes.push(Write {
            rows,
            fate: Fate::Open,
        });
        self.writes.len() - 1
    }

    pub(super) fn acknowledge(&mut self, write: usize, sequence: u64, durability: Durability) {
        assert!(
            sequence > self.last_sequence,
            "write {write} has number {sequence} after {}",
            self.last_sequence
        );
        self.last_sequence = sequence;
        self.writes[write].fate = Fate::Acknowledged { sequence };
        if durability == Durability::Synced {
            self.synced_through(sequence);
        }
    }

    pub(super) fn refuse(&mut self, write: usize) {
        self.writes[write].fate = Fate::Refused;
    }

    /// Every record up to this one is on stable storage, in the log or in files.
    pub(super) fn synced_through(&mut self, sequence: u64) {
        self.durable_through = self.durable_through.max(sequence);
    }

    pub(super) fn confirm_column(&mut self, table: &str, column: &str, kind: ColumnKind) {
        self.columns
            .insert((table.to_owned(), column.to_owned()), kind);
    }

    /// The columns that must exist, by table and name.
    pub(super) fn columns(&self) -> &BTreeMap<(String, String), ColumnKind> {
        &self.columns
    }

    /// The program has ended.
    pub(super) fn end(&mut self, ending: Ending) {
        let durable_through = match ending {
            Ending::Death(Death::PowerLoss { .. }) => self.durable_through,
            Ending::Death(Death::Kill) | Ending::Orderly => u64::MAX,
        };
        for write in &mut self.writes {
            write.fate = match write.fate {
                Fate::Acknowledged { sequence } if sequence <= self.durable_through => Fate::Kept,
                Fate::Acknowledged { .. } if ending == Ending::Orderly => Fate::Kept,
                Fate::Acknowledged { sequence } if sequence > durable_through => Fate::Open,
                Fate::Refused => Fate::Open,
                fate => fate,
            };
        }
    }

    /// A program has started with these writes. What it found is durable now, what it did not find
    /// stays away.
    pub(super) fn start(&mut self, found: &BTreeSet<usize>, last_sequence: u64) {
        for (number, write) in self.writes.iter_mut().enumerate() {
            write.fate = match (write.fate, found.contains(&number)) {
                (Fate::Acknowledged { .. } | Fate::Open, true) => Fate::Kept,
                (Fate::Open, false) => Fate::Gone,
                (fate, _) => fate,
            };
        }
        self.last_sequence = last_sequence;
        self.durable_through = last_sequence;
    }

    /// Holds what was read against what must be there.
    pub(super) fn check(&self, found: &Rows) -> Result<BTreeSet<usize>, String> {
        let marks = marks(found)?;
        for (number, write) in self.writes.iter().enumerate() {
            let is_found = marks.contains(&number);
            match write.fate {
                Fate::Kept | Fate::Acknowledged { .. } if !is_found => {
                    return Err(format!("write {number} is lost: {:?}", write.fate));
                }
                Fate::Refused | Fate::Gone if is_found => {
                    return Err(format!(
                        "write {number} should not be there: {:?}",
                        write.fate
                    ));
                }
                _ => {}
            }
        }
        let expected = self.rows(&marks)?;
        if *found != expected {
            return Err(difference(found, &expected));
        }
        Ok(marks)
    }

    /// The rows of these writes.
    fn rows(&self, writes: &BTreeSet<usize>) -> Result<Rows, String> {
        let mut rows = Rows::new();
        for &number in writes {
            let write = self.writes.get(number);
            let write = write.ok_or_else(|| format!("write {number} was never sent"))?;
            for (key, fields) in &write.rows {
                let row = rows.entry(key.clone()).or_default();
                row.extend(fields.clone());
            }
        }
        Ok(rows)
    }
}

/// The numbers of the writes whose marks are there.
fn marks(found: &Rows) -> Result<BTreeSet<usize>, String> {
    let marks = found.iter().filter(|(key, _)| key.table == MARKS);
    let number = |(key, fields): (&Key, &Fields)| match fields.get(MARK_FIELD) {
        Some(Value::Integer(number)) => {
            usize::try_from(*number).map_err(|_| format!("mark {number} was never made"))
        }
        other => Err(format!("mark {key:?} is damaged: {other:?}")),
    };
    marks.map(number).collect()
}

fn difference(found: &Rows, expected: &Rows) -> String {
    let missing = expected.iter().find(|(key, _)| !found.contains_key(key));
    let invented = found.iter().find(|(key, _)| !expected.contains_key(key));
    let wrong = found
        .iter()
        .find(|(key, fields)| expected.get(key).is_some_and(|other| other != *fields));
    let expected = wrong.and_then(|(key, _)| expected.get(key));
    format!("missing: {missing:?}; invented: {invented:?}; wrong: {wrong:?}, not {expected:?}")
}
