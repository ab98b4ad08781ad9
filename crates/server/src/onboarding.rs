//! The first user, organization, bucket and token of a store: over `/api/v2/setup`, or from the
//! environment at the first start.
//!
//! The organization that a store has from the start takes the name that is given, so that everything
//! belongs to it that names no other. All records are one commit; the bucket, which is a database, is
//! another before it.

use catalog::{
    Catalog, DatabaseId, Member, Organization, RecordEdits, RecordId, Retention, Role, State,
    Token, User,
};

use crate::auth::Passwords;
use crate::error::{Error, Result};
use crate::http::v2::authorizations::Draft;
use crate::http::v2::{buckets, permissions, users};

/// The name of the token that every store has.
pub const ADMIN_TOKEN: &str = "admin";

/// What to make; nothing is required.
#[derive(Default, PartialEq)]
pub struct Onboarding {
    /// The name of the first user, who owns the organization.
    pub username: Option<String>,
    /// Their password; without one they cannot sign in.
    pub password: Option<String>,
    /// The name of the organization.
    pub organization: Option<String>,
    /// The name of a bucket.
    pub bucket: Option<String>,
    /// How long its rows are kept.
    pub retention: Retention,
}

/// Leaves out the password.
impl std::fmt::Debug for Onboarding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Onboarding")
            .field("username", &self.username)
            .field("has_password", &self.password.is_some())
            .field("organization", &self.organization)
            .field("bucket", &self.bucket)
            .field("retention", &self.retention)
            .finish()
    }
}

/// Why the first records could not be made.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct OnboardingError(#[from] Error);

/// What was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    pub(crate) organization: RecordId,
    pub(crate) user: Option<RecordId>,
    pub(crate) bucket: Option<DatabaseId>,
    /// The new token, or else the admin token that now belongs to user and organization.
    pub(crate) token: Option<RecordId>,
}

/// Whether a store has nothing yet but what it has from the start.
pub fn is_due(state: &State) -> bool {
    state.users().next().is_none() && state.tokens().all(|token| token.name == ADMIN_TOKEN)
}

/// Makes what is asked for, where it is not there already; the admin token belongs to it then.
pub async fn onboard(
    catalog: &Catalog,
    now_nanos: i64,
    onboarding: &Onboarding,
) -> Result<(), OnboardingError> {
    make(catalog, &Passwords::default(), now_nanos, onboarding, None).await?;
    Ok(())
}

/// Makes what is asked for, and a token of this secret that may do everything.
pub(crate) async fn make(
    catalog: &Catalog,
    passwords: &Passwords,
    now_nanos: i64,
    onboarding: &Onboarding,
    secret: Option<&str>,
) -> Result<Made> {
    let hash = match &onboarding.password {
        Some(password) => Some(users::hashed(passwords, password).await?),
        None => None,
    };
    let bucket = match &onboarding.bucket {
        Some(name) => Some(bucket(catalog, name, onboarding.retention, now_nanos).await?),
        None => None,
    };
    let made = catalog.administer(|edits| {
        let user = user(
            edits,
            onboarding.username.as_deref(),
            hash.clone(),
            now_nanos,
        )?;
        let name = onboarding.organization.as_deref();
        let organization = organization(edits, name, user, now_nanos)?;
        let token = match secret {
            Some(secret) => Some(new_token(edits, secret, organization, user, now_nanos)?),
            None => admin_token(edits, organization, user)?,
        };
        if let Some(bucket) = bucket {
            buckets::change_notes(edits, bucket, now_nanos, |notes| {
                notes.organization = organization;
            })?;
        }
        Ok(Made {
            organization,
            user,
            bucket,
            token,
        })
    });
    Ok(made.await?)
}

async fn bucket(
    catalog: &Catalog,
    name: &str,
    retention: Retention,
    now_nanos: i64,
) -> Result<DatabaseId> {
    let state = catalog.state();
    if let Some(known) = state.database(name) {
        return Ok(known.id);
    }
    let organization = state.default_organization();
    let organization = organization.map_or(RecordId(0), |organization| organization.id);
    buckets::make(catalog, now_nanos, name, organization, retention, "").await
}

fn user(
    edits: &mut RecordEdits<'_>,
    name: Option<&str>,
    hash: Option<String>,
    now_nanos: i64,
) -> catalog::Result<Option<RecordId>> {
    let Some(name) = name else { return Ok(None) };
    if let Some(known) = edits.records().named::<User>(0, name) {
        return Ok(Some(known.id));
    }
    let made = edits.create(|id| User {
        id,
        name: name.to_owned(),
        is_active: true,
        password: hash,
        created_at_nanos: now_nanos,
        updated_at_nanos: now_nanos,
    });
    Ok(Some(made?.id))
}

/// The organization of everything, under a new name if one is given.
fn organization(
    edits: &mut RecordEdits<'_>,
    name: Option<&str>,
    owner: Option<RecordId>,
    now_nanos: i64,
) -> catalog::Result<RecordId> {
    let first = edits.state().default_organization().map(|found| found.id);
    let named = name.and_then(|name| edits.records().named::<Organization>(0, name));
    let Some(id) = named.map(|found| found.id).or(first) else {
        let make = |id| Organization {
            id,
            name: name.unwrap_or(catalog::DEFAULT_ORGANIZATION).to_owned(),
            description: String::new(),
            created_at_nanos: now_nanos,
            updated_at_nanos: now_nanos,
            members: Vec::new(),
        };
        return Ok(edits.create(make)?.id);
    };
    edits.change(id, |organization: &mut Organization| {
        if let Some(name) = name {
            name.clone_into(&mut organization.name);
        }
        let is_member = |user| {
            organization
                .members
                .iter()
                .any(|member| member.user == user)
        };
        if let Some(user) = owner.filter(|user| !is_member(*user)) {
            let role = Role::Owner;
            organization.members.push(Member { user, role });
        }
        organization.updated_at_nanos = now_nanos;
        Ok(())
    })?;
    Ok(id)
}

fn new_token(
    edits: &mut RecordEdits<'_>,
    secret: &str,
    organization: RecordId,
    user: Option<RecordId>,
    now_nanos: i64,
) -> catalog::Result<RecordId> {
    let draft = Draft {
        description: "made by setup".to_owned(),
        is_active: true,
        organization,
        user,
        rights: catalog::Rights::administrator(),
        permissions: permissions::all(),
    };
    let made = edits.create(|id| draft.record(id, secret, now_nanos))?;
    Ok(made.id)
}

fn admin_token(
    edits: &mut RecordEdits<'_>,
    organization: RecordId,
    user: Option<RecordId>,
) -> catalog::Result<Option<RecordId>> {
    let known = edits.records().named::<Token>(0, ADMIN_TOKEN);
    let Some(id) = known.map(|token| token.id) else {
        return Ok(None);
    };
    edits.change(id, |token: &mut Token| {
        token.organization = Some(organization);
        token.user = user.or(token.user);
        Ok(())
    })?;
    Ok(Some(id))
}
