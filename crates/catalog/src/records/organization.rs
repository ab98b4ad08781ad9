//! Organizations: what v2 clients put buckets, tokens and labels under. A store always has one.

use std::sync::Arc;

use super::{
    Administered, Record, RecordId, RecordKind, Records, User, Without, check_name, check_text,
};
use crate::error::{Error, Result};
use crate::state::State;

/// The name of the organization that a store has from the start.
pub const DEFAULT_ORGANIZATION: &str = "default";

/// An organization.
#[derive(Debug, Clone, PartialEq)]
pub struct Organization {
    /// Its id.
    pub id: RecordId,
    /// Its name, unique among organizations.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// When it was made, nanoseconds since 1970.
    pub created_at_nanos: i64,
    /// When it was changed last.
    pub updated_at_nanos: i64,
    /// The users that belong to it.
    pub members: Vec<Member>,
}

/// A user that belongs to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: RecordId,
    /// As what.
    pub role: Role,
}

/// As what a user belongs to something. It says nothing of what they may do: tokens do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A member.
    Member,
    /// An owner.
    Owner,
}

impl Organization {
    /// The organization that a store has from the start.
    pub(crate) fn first(id: RecordId, now_nanos: i64) -> Self {
        Self {
            id,
            name: DEFAULT_ORGANIZATION.to_owned(),
            description: String::new(),
            created_at_nanos: now_nanos,
            updated_at_nanos: now_nanos,
            members: Vec::new(),
        }
    }
}

impl Administered for Organization {
    const KIND: RecordKind = RecordKind::Organization;

    fn id(&self) -> RecordId {
        self.id
    }

    fn key(&self) -> (u64, String) {
        (0, self.name.clone())
    }

    fn check(&self, _state: &State, records: &Records) -> Result<()> {
        check_name(Self::KIND, &self.name)?;
        check_text(Self::KIND, "description", &self.description)?;
        check_members(Self::KIND, &self.members, records)
    }

    fn without(&self, gone: RecordId) -> Without<Self> {
        match members_without(&self.members, gone) {
            None => Without::Same,
            Some(members) => Without::Changed(Self {
                members,
                ..self.clone()
            }),
        }
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::Organization(organization) => Some(organization),
            _ => None,
        }
    }
}

/// Members are users, and each is one once.
pub(super) fn check_members(kind: RecordKind, members: &[Member], records: &Records) -> Result<()> {
    for (at, member) in members.iter().enumerate() {
        records.check_has::<User>(member.user)?;
        if members[..at].iter().any(|other| other.user == member.user) {
            let problem = format!("user {} belongs to it twice", member.user);
            return Err(Error::InvalidRecord { kind, problem });
        }
    }
    Ok(())
}

/// The members that are left when a user goes; `None` if it was not among them.
pub(super) fn members_without(members: &[Member], gone: RecordId) -> Option<Vec<Member>> {
    let left = members.iter().filter(|member| member.user != gone);
    let left: Vec<_> = left.copied().collect();
    (left.len() < members.len()).then_some(left)
}
