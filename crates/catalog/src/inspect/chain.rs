//! Objects of the log, in order, held against each other.

use uuid::Uuid;

use super::{Damage, LogCheck};
use crate::error::{Error, Result};
use crate::manifest::{Entry, decode_checkpoint, decode_commit, encode_checkpoint};
use crate::state::State;

/// What is known after some of the objects.
pub(super) struct Chain {
    check: LogCheck,
    /// The state after the objects so far; `None` before the first checkpoint, and after damage until
    /// the next one.
    state: Option<State>,
    /// The commit that has to come next; `None` before the oldest checkpoint, where any may be gone.
    next: Option<u64>,
}

impl Chain {
    /// For a log with these objects.
    pub(super) fn new(entries: &[Entry]) -> Self {
        let has_checkpoint = entries.iter().any(|entry| entry.is_checkpoint);
        let is_whole = !has_checkpoint || entries.first().is_some_and(|first| first.number == 1);
        Self {
            check: LogCheck::default(),
            state: is_whole.then(State::default),
            next: (!has_checkpoint).then_some(1),
        }
    }

    pub(super) fn finish(self) -> LogCheck {
        self.check
    }

    /// The object is not there.
    pub(super) fn lost(&mut self, entry: Entry) {
        self.damaged(entry, "it is gone".to_owned());
        self.state = None;
        self.count(entry);
    }

    /// Takes the next object. Fails if a newer release wrote it: then nothing can be said about it.
    pub(super) fn read(&mut self, entry: Entry, bytes: &[u8]) -> Result<()> {
        self.notice_gap(entry);
        let read = match entry.is_checkpoint {
            true => self.read_checkpoint(entry, bytes),
            false => self.read_commit(entry, bytes),
        };
        self.count(entry);
        match read {
            Err(Error::Corrupt { problem, .. }) => {
                self.damaged(entry, problem);
                self.state = None;
                Ok(())
            }
            read => read,
        }
    }

    fn read_commit(&mut self, entry: Entry, bytes: &[u8]) -> Result<()> {
        self.check.commits += 1;
        let edits = decode_commit(bytes, entry.number, &entry.path())?;
        // Without a state before it there is nothing to hold it against.
        let Some(state) = &self.state else {
            return Ok(());
        };
        if entry.number != state.number() + 1 {
            self.state = None;
            return Ok(());
        }
        let next = state.after(entry.number, &edits);
        self.state = Some(next.map_err(|problem| Error::Corrupt {
            path: entry.path().to_string(),
            problem,
        })?);
        Ok(())
    }

    fn read_checkpoint(&mut self, entry: Entry, bytes: &[u8]) -> Result<()> {
        self.check.checkpoints += 1;
        let held = decode_checkpoint(bytes, entry.number, &entry.path())?;
        let expected = (self.state.take()).filter(|state| state.number() == entry.number);
        let form = |state: &State| encode_checkpoint(state, Uuid::nil());
        if expected.is_some_and(|expected| form(&expected) != form(&held)) {
            let problem = "it is not the state that the commits before it lead to";
            self.damaged(entry, problem.to_owned());
        }
        self.state = Some(held);
        Ok(())
    }

    /// Reports commits that should be between the last object and this one.
    fn notice_gap(&mut self, entry: Entry) {
        let Some(next) = self.next else { return };
        // A checkpoint comes after the commit of its number.
        let missing = match entry.is_checkpoint {
            true => next..entry.number + 1,
            false => next..entry.number,
        };
        let (Some(first), Some(last)) = (missing.clone().next(), missing.clone().next_back())
        else {
            return;
        };
        let first_entry = Entry {
            number: first,
            is_checkpoint: false,
        };
        let problem = match first == last {
            true => "it is missing although later ones exist".to_owned(),
            false => format!("it and those up to number {last} are missing"),
        };
        self.damaged(first_entry, problem);
        self.state = None;
        self.next = Some(missing.end);
    }

    /// From the oldest checkpoint on every number has to be there.
    fn count(&mut self, entry: Entry) {
        if entry.is_checkpoint || self.next.is_some() {
            let next = self.next.unwrap_or_default();
            self.next = Some(next.max(entry.number + 1));
        }
    }

    fn damaged(&mut self, entry: Entry, problem: String) {
        self.check.damages.push(Damage {
            path: entry.path().to_string(),
            problem,
        });
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain")
            .field("check", &self.check)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
