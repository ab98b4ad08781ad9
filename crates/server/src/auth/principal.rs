//! The caller of one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::http::Extensions;
use catalog::{Action, Pattern, RecordId, Right, Rights, Role, State, Token, TokenDigest, User};

use super::secrets;
use crate::error::{Error, Result};
use crate::services::Services;

/// The caller of one request, with what they may do. The gate makes it.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    inner: Arc<Inner>,
    /// For which actions somebody asked whether the caller may do them, since the gate let them in.
    decided: Arc<AtomicU8>,
}

#[derive(Debug)]
struct Inner {
    identity: Identity,
    rights: Rights,
    /// What is sealed for the caller is sealed with this.
    key: TokenDigest,
}

/// Who it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Identity {
    /// Whoever can reach a server that asks for nothing.
    Anyone,
    /// The holder of a token.
    Token {
        /// The token.
        id: RecordId,
        /// Its name.
        name: Arc<str>,
        /// Digest of the secret that was shown.
        secret: TokenDigest,
    },
    /// A user who gave a password, or has a session.
    User {
        /// The user.
        id: RecordId,
        /// Their name.
        name: Arc<str>,
    },
}

impl Principal {
    fn new(identity: Identity, rights: Rights, key: TokenDigest) -> Self {
        Self {
            inner: Arc::new(Inner {
                identity,
                rights,
                key,
            }),
            decided: Arc::default(),
        }
    }

    /// The caller of a server that asks for nothing.
    pub(crate) fn anyone() -> Self {
        Self::new(Identity::Anyone, Rights::administrator(), [0; 32])
    }

    /// The holder of a token, who showed a secret with this digest.
    pub(super) fn of_token(token: &Token, secret: TokenDigest) -> Self {
        let identity = Identity::Token {
            id: token.id,
            name: token.name.as_str().into(),
            secret,
        };
        Self::new(identity, token.rights.clone(), secret)
    }

    /// A user who is known to be one.
    pub(super) fn of_user(state: &State, user: &User) -> Self {
        let identity = Identity::User {
            id: user.id,
            name: user.name.as_str().into(),
        };
        let key = super::digest(&format!("{} {:?}", user.id, user.password));
        Self::new(identity, rights_of_user(state, user.id), key)
    }

    /// The caller whom the gate let in.
    pub(crate) fn of(extensions: &Extensions) -> Result<Self> {
        extensions.get::<Self>().cloned().ok_or(Error::TokenMissing)
    }

    /// Who it is.
    pub(crate) fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// The name of the token or user.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.inner.identity {
            Identity::Anyone => None,
            Identity::Token { name, .. } | Identity::User { name, .. } => Some(name),
        }
    }

    /// What the caller may do.
    pub(crate) fn rights(&self) -> &Rights {
        &self.inner.rights
    }

    /// What is sealed for the caller is sealed with this.
    pub(crate) fn key(&self) -> TokenDigest {
        self.inner.key
    }

    /// Who asks, for the query engine, which looks at the rights itself.
    pub(crate) fn caller(&self) -> query::Caller {
        for action in [Action::Read, Action::Write, Action::Admin] {
            self.decided(action);
        }
        let identity = match self.identity() {
            Identity::Anyone => None,
            Identity::Token { id, .. } | Identity::User { id, .. } => Some(*id),
        };
        query::Caller::new(self.name(), self.rights().clone()).with_identity(identity)
    }

    /// Whether the caller would be let in now as they were: a stream that takes long asks.
    pub(crate) fn check_still_good(&self, services: &Services) -> Result<()> {
        let (state, now) = (services.catalog.state(), services.clock.now_nanos());
        let rights = match &self.inner.identity {
            Identity::Anyone => return Ok(()),
            Identity::Token { id, secret, .. } => state.token(*id).and_then(|token| {
                let is_good = token.is_live(now) && secrets::is_known_by(token, secret, now);
                is_good.then(|| token.rights.clone())
            }),
            Identity::User { id, .. } => {
                let user = state.user(*id).filter(|user| user.is_active);
                user.map(|user| rights_of_user(&state, user.id))
            }
        };
        match rights {
            Some(rights) if rights == self.inner.rights => Ok(()),
            _ => Err(Error::AccessRevoked),
        }
    }

    pub(super) fn decided(&self, action: Action) {
        self.decided.fetch_or(bit(action), Ordering::Relaxed);
    }

    /// Whether anybody asked if the caller may do this, or more.
    pub(crate) fn has_decided(&self, action: Action) -> bool {
        let enough = bit(action) | bit(Action::Admin);
        self.decided.load(Ordering::Relaxed) & enough != 0
    }
}

fn bit(action: Action) -> u8 {
    match action {
        Action::Read => 1,
        Action::Write => 2,
        Action::Admin => 4,
    }
}

/// What a user may do: an owner of the organization that a store has from the start administers the
/// server; one of another organization administers its databases, and a member reads them.
pub(super) fn rights_of_user(state: &State, user: RecordId) -> Rights {
    let first = state
        .default_organization()
        .map(|organization| organization.id);
    let organization_of = |database: &catalog::Database| {
        let notes = state.bucket_notes(database.id);
        notes.map(|notes| notes.organization).or(first)
    };
    let mut rights = Vec::new();
    for organization in state.organizations() {
        let mut members = organization.members.iter();
        let Some(member) = members.find(|member| member.user == user) else {
            continue;
        };
        let action = match member.role {
            Role::Owner if Some(organization.id) == first => return Rights::administrator(),
            Role::Owner => Action::Admin,
            Role::Member => Action::Read,
        };
        let of_it =
            |database: &&Arc<catalog::Database>| organization_of(database) == Some(organization.id);
        let right = |database: &Arc<catalog::Database>| {
            let database: Result<Pattern, _> = database.name.parse();
            database.ok().map(|database| Right {
                action,
                database,
                tables: Vec::new(),
            })
        };
        rights.extend(state.databases().filter(of_it).filter_map(right));
    }
    rights.into()
}
