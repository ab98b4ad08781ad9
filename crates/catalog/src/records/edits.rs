//! Changes of records, several of which can be one commit.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{
    Administered, BucketNotes, Organization, Record, RecordId, RecordKind, Records, Token, Without,
};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::state::State;

/// Changes of records on their way into one commit. Each sees those before it; if the commit fails,
/// none of them has happened.
#[derive(Debug)]
pub struct RecordEdits<'a> {
    state: &'a State,
    limits: &'a Limits,
    records: Records,
    edits: Vec<Edit>,
}

impl<'a> RecordEdits<'a> {
    pub(crate) fn new(state: &'a State, limits: &'a Limits) -> Self {
        Self {
            state,
            limits,
            records: state.records().clone(),
            edits: Vec::new(),
        }
    }

    pub(crate) fn finish(self) -> Vec<Edit> {
        self.edits
    }

    /// The catalog before the changes.
    pub fn state(&self) -> &'a State {
        self.state
    }

    /// The records after the changes so far.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The id that the next record gets.
    pub fn next_id(&self) -> RecordId {
        self.records.next_id()
    }

    /// Adds a record. Fails with [`Error::RecordExists`] when its name is taken.
    pub fn create<T>(&mut self, make: impl FnOnce(RecordId) -> T) -> Result<Arc<T>>
    where
        T: Administered + Into<Record>,
    {
        let limit = self.limits.records;
        if self.records.len() >= limit {
            let (what, setting) = ("records", "records");
            return Err(Error::LimitReached {
                what,
                limit,
                setting,
            });
        }
        let id = self.records.next_id();
        self.put(make(id))?;
        Ok(self.found(id))
    }

    /// Changes a record. Fails with [`Error::RecordNotFound`] when there is none.
    pub fn change<T>(
        &mut self,
        id: RecordId,
        change: impl FnOnce(&mut T) -> Result<()>,
    ) -> Result<Arc<T>>
    where
        T: Administered + Into<Record>,
    {
        self.records.check_has::<T>(id)?;
        let before = self.found::<T>(id);
        let mut after = T::clone(&before);
        change(&mut after)?;
        assert_eq!(after.id(), id, "a record keeps its id");
        if after != *before {
            let was_administered = self.is_administered_for_good();
            self.put(after)?;
            if was_administered && !self.is_administered_for_good() {
                return Err(nobody_administers(T::KIND));
            }
        }
        Ok(self.found(id))
    }

    /// Whether some token that administers the server lets its holder in, and does not expire.
    fn is_administered_for_good(&self) -> bool {
        self.records
            .all::<Token>()
            .any(|token| token.opens_for_good())
    }

    /// Takes a record away, and with it what belongs to it or refers to it.
    pub fn remove<T: Administered>(&mut self, id: RecordId) -> Result<()> {
        self.records.check_has::<T>(id)?;
        self.check_removal(id)?;
        let mut gone = VecDeque::from([id]);
        while let Some(id) = gone.pop_front() {
            if self.records.by_id.contains_key(&id) {
                self.take(id);
                self.forget(id, &mut gone);
            }
        }
        Ok(())
    }

    /// A store always has an organization, one with buckets stays, and somebody must be able to get in.
    fn check_removal(&self, id: RecordId) -> Result<()> {
        let Some(record) = self.records.by_id.get(&id) else {
            return Ok(());
        };
        let mut notes = self.records.all::<BucketNotes>();
        let mut tokens = self.records.all::<Token>();
        let is_other_administrator = |token: &Arc<Token>| token.id != id && token.opens_for_good();
        let problem = match record {
            Record::Organization(_) if self.records.all::<Organization>().count() == 1 => {
                "it is the only one"
            }
            Record::Organization(_) if notes.any(|notes| notes.organization == id) => {
                "it still has buckets"
            }
            Record::Token(token)
                if token.rights.are_administrator() && !tokens.any(is_other_administrator) =>
            {
                return Err(nobody_administers(record.kind()));
            }
            _ => return Ok(()),
        };
        Err(Error::InvalidRecord {
            kind: record.kind(),
            problem: problem.to_owned(),
        })
    }

    /// Changes what refers to a record that is gone, and notes what goes with it.
    fn forget(&mut self, id: RecordId, gone: &mut VecDeque<RecordId>) {
        let mut changed = Vec::new();
        for record in self.records.iter() {
            match record.without(id) {
                Without::Same => {}
                Without::Changed(record) => changed.push(record),
                Without::Gone => gone.push_back(record.id()),
            }
        }
        for record in changed {
            self.record(record);
        }
    }

    fn put<T: Administered + Into<Record>>(&mut self, record: T) -> Result<()> {
        record.check(self.state, &self.records)?;
        let (scope, name) = record.key();
        let taken = self.records.named::<T>(scope, &name);
        if taken.is_some_and(|other| other.id() != record.id()) {
            let kind = T::KIND;
            return Err(Error::RecordExists { kind, name });
        }
        for other in record.displaced(&self.records) {
            self.record(other);
        }
        self.record(record.into());
        Ok(())
    }

    fn found<T: Administered>(&self, id: RecordId) -> Arc<T> {
        Arc::clone(self.records.get(id).expect("it was just put there"))
    }

    fn record(&mut self, record: Record) {
        let put = self.records.put(record.clone());
        put.expect("its name was checked, or it has kept it");
        self.edits.push(Edit::PutRecord { record });
    }

    fn take(&mut self, id: RecordId) {
        self.records.remove(id).expect("it was just seen");
        self.edits.push(Edit::RemoveRecord { id });
    }
}

fn nobody_administers(kind: RecordKind) -> Error {
    Error::InvalidRecord {
        kind,
        problem: "no other token administers the server, is active, and never expires".to_owned(),
    }
}
