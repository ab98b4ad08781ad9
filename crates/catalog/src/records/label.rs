//! Labels: names with properties that v2 clients put on buckets and other things.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Administered, Organization, Record, RecordId, RecordKind, Records, Without, check_name,
    check_text,
};
use crate::error::Result;
use crate::state::State;

/// A label.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Its id.
    pub id: RecordId,
    /// The organization that it belongs to.
    pub organization: RecordId,
    /// Its name, unique in its organization.
    pub name: String,
    /// What else clients keep with it, such as a colour.
    pub properties: BTreeMap<String, String>,
}

impl Administered for Label {
    const KIND: RecordKind = RecordKind::Label;

    fn id(&self) -> RecordId {
        self.id
    }

    fn key(&self) -> (u64, String) {
        (self.organization.0, self.name.clone())
    }

    fn check(&self, _state: &State, records: &Records) -> Result<()> {
        check_name(Self::KIND, &self.name)?;
        records.check_has::<Organization>(self.organization)?;
        let all = self.properties.iter();
        let all: String = all.flat_map(|(name, value)| [&**name, &**value]).collect();
        check_text(Self::KIND, "list of properties", &all)
    }

    fn without(&self, gone: RecordId) -> Without<Self> {
        match self.organization == gone {
            true => Without::Gone,
            false => Without::Same,
        }
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::Label(label) => Some(label),
            _ => None,
        }
    }
}
