//! The members and owners of organizations and buckets: `/api/v2/{orgs,buckets}/{id}/{members,owners}`.
//!
//! What a person may do follows from the organizations they belong to, see [`crate::auth`]; the members of a
//! bucket are only kept and told.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use catalog::{Member, Organization, RecordId, Role, User};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{buckets, ids, orgs, users};
use crate::error::{Error, Result};
use crate::http::{App, json as body};
use crate::services::Services;

/// What users can belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Organization(RecordId),
    Bucket(RecordId),
}

/// What `/api/v2/{resource}/{id}/{role}[/{user}]` says.
#[derive(Debug)]
struct Place {
    group: Group,
    role: Role,
    user: Option<RecordId>,
}

#[derive(Debug, Deserialize)]
struct Add {
    id: String,
}

/// A member as clients see it.
#[derive(Debug, Serialize)]
struct Shown {
    role: &'static str,
    #[serde(flatten)]
    user: users::Shown,
}

impl Shown {
    fn new(user: &User, role: Role) -> Self {
        Self {
            role: match role {
                Role::Member => "member",
                Role::Owner => "owner",
            },
            user: users::Shown::new(user),
        }
    }
}

impl Place {
    fn of(uri: &Uri) -> Result<Self> {
        let mut parts = uri.path().split('/').skip(3);
        let mut next = || parts.next().unwrap_or_default();
        let (resource, id, role, user) = (next(), ids::parse(next())?, next(), next());
        Ok(Self {
            group: match resource {
                "orgs" => Group::Organization(id),
                "buckets" => Group::Bucket(id),
                _ => return Err(Error::NoSuchRoute),
            },
            role: match role {
                "members" => Role::Member,
                "owners" => Role::Owner,
                _ => return Err(Error::NoSuchRoute),
            },
            user: match user {
                "" => None,
                user => Some(ids::parse(user)?),
            },
        })
    }
}

impl Group {
    fn members(self, state: &catalog::State) -> Result<Vec<Member>> {
        match self {
            Self::Organization(id) => Ok(orgs::by_id(state, id)?.members.clone()),
            Self::Bucket(id) => {
                let bucket = buckets::by_id(state, id)?;
                let notes = state.bucket_notes(bucket.id);
                Ok(notes.map_or_else(Vec::new, |notes| notes.members.clone()))
            }
        }
    }

    async fn change(
        self,
        services: &Services,
        change: impl Fn(&mut Vec<Member>) + Send + Sync,
    ) -> Result<()> {
        let now = services.clock.now_nanos();
        match self {
            Self::Organization(id) => {
                let changed =
                    services
                        .catalog
                        .change_record(id, |organization: &mut Organization| {
                            change(&mut organization.members);
                            organization.updated_at_nanos = now;
                            Ok(())
                        });
                changed.await?;
            }
            Self::Bucket(id) => {
                let bucket = buckets::by_id(&services.catalog.state(), id)?;
                let changed = services.catalog.administer(|edits| {
                    buckets::change_notes(edits, bucket.id, now, |notes| change(&mut notes.members))
                });
                changed.await?;
            }
        }
        Ok(())
    }
}

pub(super) async fn list(State(app): State<App>, uri: Uri) -> Result<Json<Value>> {
    let Place { group, role, .. } = Place::of(&uri)?;
    let state = app.server.services()?.catalog.state();
    let members = group.members(&state)?;
    let of_role = members.iter().filter(|member| member.role == role);
    let known = of_role.filter_map(|member| state.user(member.user));
    let users: Vec<_> = known.map(|user| Shown::new(user, role)).collect();
    let links = json!({ "self": uri.path() });
    Ok(Json(json!({ "links": links, "users": users })))
}

pub(super) async fn add(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Value>)> {
    let (parts, content) = request.into_parts();
    let Place { group, role, .. } = Place::of(&parts.uri)?;
    let add: Add = body::read(&app, &parts.headers, content).await?;
    let services = app.server.services()?;
    let user = users::by_id(&services.catalog.state(), ids::parse(&add.id)?)?;
    let added = group.change(services, |members| {
        members.retain(|other| other.user != user.id);
        members.push(Member {
            user: user.id,
            role,
        });
    });
    added.await?;
    Ok((StatusCode::CREATED, Json(json!(Shown::new(&user, role)))))
}

pub(super) async fn remove(State(app): State<App>, uri: Uri) -> Result<StatusCode> {
    let Place { group, role, user } = Place::of(&uri)?;
    let services = app.server.services()?;
    let user = user.ok_or(Error::NoSuchRoute)?;
    let user = users::by_id(&services.catalog.state(), user)?.id;
    let removed = group.change(services, |members| {
        members.retain(|member| (member.user, member.role) != (user, role));
    });
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}
