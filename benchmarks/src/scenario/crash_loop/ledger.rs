//! What was sent and what was answered, by batch, and the comparison with what the server has.
//!
//! All rows of a batch carry the batch's value. A batch is sent first with value 1 and may be sent
//! again with the next higher value, which replaces the rows (same keys). What its rows may then
//! show:
//!
//! | last answer to the batch      | each of its rows                                   |
//! |-------------------------------|----------------------------------------------------|
//! | acknowledged with value v     | v, or a higher value that was sent                 |
//! | never acknowledged            | absent, or a value that was sent                   |
//! | refused (it held a bad line)  | absent                                             |
//!
//! A value that was seen after a start must be there after the next one: it counts as acknowledged.

use std::collections::{BTreeMap, HashMap};

use crate::data::Spec;
use crate::error::{Error, Result};
use crate::target::{Target, number};

use super::writer::{Outcome, Plan};

/// Rows of a batch.
pub(super) const ROWS: u64 = 8;

/// Batches of a writer that it may send again.
const RECENT: usize = 40;

/// What is known of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Greatest value that was sent.
    pub(super) sent: u64,
    /// Greatest value that was acknowledged or seen; 0 for none.
    pub(super) acked: u64,
    /// Whether the batch must not be there at all.
    pub(super) is_refused: bool,
}

/// All batches.
#[derive(Debug)]
pub(super) struct Ledger {
    batches: BTreeMap<u64, State>,
    recent: HashMap<usize, Vec<u64>>,
    next_batch: u64,
    /// Batches from here on were written, or written again, since the last check.
    unchecked_from: u64,
    /// Rows that were there at the last check.
    rows: u64,
}

/// Room between the batch numbers of two writers of a cycle.
const BATCHES_A_PLAN: u64 = 100_000;

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            batches: BTreeMap::new(),
            recent: HashMap::new(),
            next_batch: 0,
            unchecked_from: 0,
            rows: 0,
        }
    }

    /// What a writer may do until the next kill.
    pub(super) fn plan(&mut self, writer: usize, seed: u64) -> Plan {
        let recent = self.recent.get(&writer).map_or(&[][..], Vec::as_slice);
        let again: Vec<(u64, State)> = recent
            .iter()
            .map(|&batch| (batch, self.batches[&batch]))
            .collect();
        if let Some((oldest, _)) = again.first() {
            self.unchecked_from = self.unchecked_from.min(*oldest);
        }
        let first_batch = self.next_batch;
        self.next_batch += BATCHES_A_PLAN;
        Plan {
            writer,
            seed: seed ^ writer as u64,
            first_batch,
            batches: again.into_iter().collect(),
        }
    }

    /// Takes what a writer did.
    pub(super) fn take(&mut self, outcome: Outcome) {
        let recent = self.recent.entry(outcome.writer).or_default();
        for (batch, state) in outcome.batches {
            if self.batches.insert(batch, state).is_none() && !state.is_refused {
                recent.push(batch);
            }
        }
        recent.sort_unstable();
        let old = recent.len().saturating_sub(RECENT);
        recent.drain(..old);
    }

    /// Compares with the server: every batch, or those that may have changed since the last time.
    pub(super) fn check(&mut self, target: &Target, is_full: bool) -> Result<()> {
        let from = if is_full { 0 } else { self.unchecked_from };
        let sql = format!("select batch, row, value from crash where batch >= {from}");
        let before = self.count_before(target, from)?;
        let found = self.rows_by_batch(target, &sql)?;
        for (&batch, state) in self.batches.range_mut(from..) {
            let values = found.get(&batch).map_or(&[][..], Vec::as_slice);
            state
                .judge(values)
                .map_err(|detail| wrong(&sql, format!("batch {batch}: {detail}")))?;
        }
        if let Some(batch) = found.keys().find(|batch| !self.batches.contains_key(batch)) {
            return Err(wrong(&sql, format!("batch {batch} was never sent")));
        }
        let expected: u64 = self
            .batches
            .range(..from)
            .map(|(_, state)| state.rows())
            .sum();
        if before != expected {
            let detail = format!("{before} rows before batch {from} instead of {expected}");
            return Err(wrong(&sql, detail));
        }
        self.rows = before
            + found
                .values()
                .map(|values| values.len() as u64)
                .sum::<u64>();
        self.unchecked_from = self.next_batch;
        Ok(())
    }

    /// Whether the server was killed before any write made the table, so that there is none to ask.
    fn is_without_table(&self, target: &Target) -> Result<bool> {
        if self.batches.values().any(|state| state.acked > 0) {
            return Ok(false);
        }
        let sql = "select count(*) as n from information_schema.tables where table_name = 'crash'";
        Ok(number(sql, &target.query_rows(sql)?, "/0/n")? == 0)
    }

    fn count_before(&self, target: &Target, batch: u64) -> Result<u64> {
        if self.is_without_table(target)? {
            return Ok(0);
        }
        let sql = format!("select count(*) as n from crash where batch < {batch}");
        number(&sql, &target.query_rows(&sql)?, "/0/n")
    }

    fn rows_by_batch(&self, target: &Target, sql: &str) -> Result<HashMap<u64, Vec<u64>>> {
        if self.is_without_table(target)? {
            return Ok(HashMap::new());
        }
        let csv = target.query_csv(sql)?;
        let mut found: HashMap<u64, Vec<(u64, u64)>> = HashMap::new();
        for line in String::from_utf8_lossy(&csv).lines().skip(1) {
            let numbers: Option<Vec<u64>> = line.split(',').map(|cell| cell.parse().ok()).collect();
            let [batch, row, value] = numbers.unwrap_or_default()[..] else {
                return Err(wrong(sql, format!("a row that nobody sent: {line}")));
            };
            found.entry(batch).or_default().push((row, value));
        }
        let mut by_batch = HashMap::new();
        for (batch, mut rows) in found {
            rows.sort_unstable();
            if rows.windows(2).any(|two| two[0].0 == two[1].0)
                || rows.iter().any(|row| row.0 >= ROWS)
            {
                return Err(wrong(sql, format!("batch {batch} has {rows:?}")));
            }
            by_batch.insert(batch, rows.into_iter().map(|(_, value)| value).collect());
        }
        Ok(by_batch)
    }

    pub(super) fn summary(&self) -> String {
        let acked = self
            .batches
            .values()
            .filter(|state| state.acked > 0)
            .count();
        let refused = self
            .batches
            .values()
            .filter(|state| state.is_refused)
            .count();
        let again = self.batches.values().filter(|state| state.sent > 1).count();
        format!(
            "{} batches sent, {acked} acknowledged or seen, {again} sent again with other values, {refused} refused, {} rows there",
            self.batches.len(),
            self.rows
        )
    }
}

impl State {
    /// Rows of the batch as last seen.
    fn rows(&self) -> u64 {
        if self.acked > 0 { ROWS } else { 0 }
    }

    /// Whether the rows may have these values; what was seen must stay.
    fn judge(&mut self, values: &[u64]) -> Result<(), String> {
        if values.is_empty() && self.acked == 0 {
            return Ok(());
        }
        // One write is one record of the log: all of it or nothing.
        if values.len() as u64 != ROWS || values.iter().any(|&value| value != values[0]) {
            return Err(format!("{self:?} has values {values:?}"));
        }
        if self.is_refused || values[0] < self.acked.max(1) || values[0] > self.sent {
            return Err(format!("{self:?} has values {values:?}"));
        }
        self.acked = values[0];
        Ok(())
    }
}

/// The lines of a batch with a value.
pub(super) fn lines(writer: usize, batch: u64, value: u64) -> String {
    let line = |row: u64| {
        let time_ns = Spec::START_NS + ((batch * ROWS + row) * 1_000) as i64;
        format!("crash,writer=w{writer} batch={batch}i,row={row}i,value={value}i {time_ns}\n")
    };
    (0..ROWS).map(line).collect()
}

fn wrong(query: &str, detail: String) -> Error {
    Error::WrongAnswer {
        query: query.to_owned(),
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_that_may_be_there_pass() {
        let state = |sent, acked, is_refused| State {
            sent,
            acked,
            is_refused,
        };
        let all = |value| vec![value; ROWS as usize];
        let cases = [
            (state(1, 1, false), all(1), true),
            (state(2, 1, false), all(1), true),
            (state(2, 1, false), all(2), true),
            (state(1, 0, false), all(1), true),
            (state(1, 0, false), vec![], true),
            (state(1, 0, true), vec![], true),
            (state(1, 1, false), vec![], false),
            (state(1, 1, false), vec![1; 7], false),
            (state(1, 0, false), vec![1; 7], false),
            (state(2, 2, false), all(1), false),
            (state(1, 1, false), all(2), false),
            (state(1, 0, true), all(1), false),
            (state(2, 1, false), vec![1, 1, 1, 2, 2, 2, 2, 2], false),
        ];
        for (before, values, passes) in cases {
            let mut state = before;
            assert_eq!(
                state.judge(&values).is_ok(),
                passes,
                "{before:?} {values:?}"
            );
            if passes && !values.is_empty() {
                assert_eq!(state.acked, values[0], "what was seen must stay");
            }
        }
    }

    #[test]
    fn keys_of_batches_differ_and_those_of_a_batch_sent_again_do_not() {
        let keys = |batch, value| -> Vec<String> {
            let text = lines(3, batch, value);
            text.lines()
                .map(|line| line.rsplit(' ').next().unwrap().to_owned())
                .collect()
        };
        assert_eq!(keys(7, 1), keys(7, 2));
        assert_eq!(keys(7, 1).len() as u64, ROWS);
        assert!(keys(7, 1).iter().all(|key| !keys(8, 1).contains(key)));
    }
}
