//! What a server must hold after a stream of lines: rows by table, for the check after a load.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::Line;

/// Counts of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableTally {
    pub(crate) table: String,
    pub(crate) lines: u64,
    /// Different keys (tags and time): the rows of an engine that merges equal keys.
    pub(crate) keys: u64,
    /// Fields of all lines together.
    pub(crate) values: u64,
    /// The field by which an engine without rows is asked.
    pub(crate) counted_field: String,
    /// Lines that have this field.
    pub(crate) field_lines: u64,
    /// Keys that have this field.
    pub(crate) field_keys: u64,
}

/// Counts of all tables, built up line by line.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    tables: Vec<TableTally>,
    /// Keys that may come again, and whether one of their lines had the counted field. Only those:
    /// a set of all keys would be as large as the data.
    repeating: HashMap<u64, bool>,
    pub(crate) lines: u64,
    pub(crate) delayed: u64,
    /// Times of the first and the last row.
    pub(crate) range_ns: Option<(i64, i64)>,
}

impl Tally {
    /// Takes one line in; `bytes` is its text.
    pub(crate) fn add(&mut self, line: &Line, bytes: &[u8]) {
        self.lines += 1;
        self.delayed += u64::from(line.is_delayed);
        let (first, last) = self.range_ns.unwrap_or((line.time_ns, line.time_ns));
        self.range_ns = Some((first.min(line.time_ns), last.max(line.time_ns)));
        let (mut new_key, mut new_field) = (true, line.has_counted_field);
        if line.may_repeat {
            let had_field = self.repeating.get(&key_hash(line, bytes)).copied();
            new_key = had_field.is_none();
            new_field &= had_field != Some(true);
            self.repeating.insert(
                key_hash(line, bytes),
                had_field.unwrap_or(false) || line.has_counted_field,
            );
        }
        let table = self.table(line);
        table.lines += 1;
        table.values += u64::from(line.field_count);
        table.field_lines += u64::from(line.has_counted_field);
        table.keys += u64::from(new_key);
        table.field_keys += u64::from(new_field);
    }

    /// The counts, by table in the order of their first lines.
    pub(crate) fn into_tables(self) -> Vec<TableTally> {
        self.tables
    }

    fn table(&mut self, line: &Line) -> &mut TableTally {
        let found = self
            .tables
            .iter()
            .position(|table| table.table == line.table);
        let position = found.unwrap_or_else(|| {
            self.tables.push(TableTally {
                table: line.table.to_owned(),
                lines: 0,
                keys: 0,
                values: 0,
                counted_field: line.counted_field.to_owned(),
                field_lines: 0,
                field_keys: 0,
            });
            self.tables.len() - 1
        });
        &mut self.tables[position]
    }
}

/// Of measurement, tags and time. None of our tag values holds a space.
fn key_hash(line: &Line, bytes: &[u8]) -> u64 {
    let key_end = bytes.iter().position(|&byte| byte == b' ');
    let mut hasher = DefaultHasher::new();
    bytes[..key_end.unwrap_or(bytes.len())].hash(&mut hasher);
    line.time_ns.hash(&mut hasher);
    hasher.finish()
}
