//! `/api/v3/configure/token…`: tokens.
//!
//! | request                         | who sends it              | what it does                              |
//! |---------------------------------|---------------------------|-------------------------------------------|
//! | `POST …/admin`                  | set-up scripts            | nothing: the first start made that token  |
//! | `POST …/admin/regenerate`       | `influxdb3 create token`  | a new secret at once for token `admin`    |
//! | `POST …/named_admin`            | the same                  | a token that may do everything            |
//! | `DELETE …`                      | `influxdb3 delete token`  | lets nobody in by it any more             |
//! | `GET …`, `POST …`, `POST …/rotate` | `tidemill token`       | list, make with some rights, rotate       |
//!
//! A secret is in the answer that makes it, and nowhere else.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Action, Pattern, RecordKind, Right, Rights, Token};
use chrono::{DateTime, SecondsFormat};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};

use super::database::read;
use crate::auth::Auth;
use crate::error::{Error, Result};
use crate::http::App;
use crate::http::formats::{self, Format, Rows};
use crate::http::parameters::Parameters;
use crate::services::Services;

/// The token that the first start makes; it can be renewed but not deleted.
const OPERATOR: &str = "admin";

const SECOND_NANOS: u64 = 1_000_000_000;
/// How long a secret stays good after a rotation that says nothing else.
const GRACE_SECS: u64 = 3600;

/// A token whose secret was just made.
#[derive(Serialize)]
pub(super) struct Made {
    id: u64,
    name: String,
    token: String,
    /// SHA-256, which is what is kept.
    hash: String,
    created_at: String,
    expiry: Option<String>,
}

#[derive(Deserialize)]
struct NamedAdmin {
    token_name: String,
    expiry_secs: Option<u64>,
}

#[derive(Deserialize)]
struct Limited {
    token_name: String,
    #[serde(default)]
    description: String,
    rights: Vec<GivenRight>,
    expiry_secs: Option<u64>,
}

#[derive(Deserialize)]
struct GivenRight {
    action: GivenAction,
    database: String,
    #[serde(default)]
    tables: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum GivenAction {
    Read,
    Write,
    Admin,
}

#[derive(Deserialize)]
struct Rotate {
    token_name: String,
    grace_secs: Option<u64>,
}

/// The token that this would make was made by the first start: nobody is let in without one.
pub(super) async fn create_first(State(app): State<App>) -> Result<StatusCode> {
    services(&app)?;
    Err(exists(OPERATOR))
}

pub(super) async fn regenerate(State(app): State<App>) -> Result<(StatusCode, Json<Made>)> {
    rotated(services(&app)?, OPERATOR, 0).await
}

pub(super) async fn rotate(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Made>)> {
    let (parts, body) = request.into_parts();
    let asked: Rotate = read(&app, &parts.headers, body).await?;
    let grace = asked.grace_secs.unwrap_or(GRACE_SECS);
    rotated(services(&app)?, &asked.token_name, grace).await
}

pub(super) async fn create_named_admin(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Made>)> {
    let (parts, body) = request.into_parts();
    let asked: NamedAdmin = read(&app, &parts.headers, body).await?;
    let wanted = Wanted {
        name: asked.token_name,
        description: String::new(),
        rights: Rights::administrator(),
        expiry_secs: asked.expiry_secs,
    };
    issued(services(&app)?, wanted).await
}

pub(super) async fn create(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Made>)> {
    let (parts, body) = request.into_parts();
    let asked: Limited = read(&app, &parts.headers, body).await?;
    let rights: Result<Vec<_>> = asked.rights.into_iter().map(Right::try_from).collect();
    let wanted = Wanted {
        name: asked.token_name,
        description: asked.description,
        rights: rights?.into(),
        expiry_secs: asked.expiry_secs,
    };
    issued(services(&app)?, wanted).await
}

pub(super) async fn delete(State(app): State<App>, request: Request) -> Result<StatusCode> {
    let mut parameters = Parameters::of(request.uri())?;
    let message = "missing query parameter 'token_name'";
    let missing = Error::ParameterMissing { message };
    let name = parameters.take_some("token_name").ok_or(missing)?;
    let services = services(&app)?;
    if name == OPERATOR {
        return Err(Error::OperatorToken);
    }
    let id = found(services, &name)?.id;
    services.catalog.remove_record::<Token>(id).await?;
    Ok(StatusCode::OK)
}

pub(super) async fn list(State(app): State<App>, request: Request) -> Result<Response> {
    let mut parameters = Parameters::of(request.uri())?;
    let headers = request.headers();
    let format = Format::of(parameters.take("format").as_deref(), headers)?;
    let services = services(&app)?;
    let state = services.catalog.state();
    let uses = services.query.token_uses();
    let column = |name: &str, value: &dyn Fn(&Token) -> Option<String>| {
        let values: StringArray = state.tokens().map(|token| value(token)).collect();
        let field = Field::new(name, DataType::Utf8, true);
        (field, Arc::new(values) as ArrayRef)
    };
    let (fields, columns): (Vec<_>, Vec<_>) = [
        column("token_name", &|token| Some(token.name.clone())),
        column("id", &|token| Some(token.id.to_string())),
        column("permissions", &|token| Some(token.rights.to_string())),
        column("is_active", &|token| Some(token.is_active.to_string())),
        column("created_at", &|token| time(token.created_at_nanos)),
        column("expires_at", &|token| token.expires_at_nanos.and_then(time)),
        column("last_used_at", &|token| uses.last(token.id).and_then(time)),
        column("description", &|token| Some(token.description.clone())),
    ]
    .into_iter()
    .unzip();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
    let batch = batch.map_err(|error| Error::Internal {
        problem: error.to_string(),
    })?;
    let batches = futures::stream::iter([Ok(batch)]).boxed();
    formats::respond(&app, format, headers, Rows { schema, batches }).await
}

/// What a new token is to be.
struct Wanted {
    name: String,
    description: String,
    rights: Rights,
    expiry_secs: Option<u64>,
}

async fn issued(services: &Services, wanted: Wanted) -> Result<(StatusCode, Json<Made>)> {
    let now = services.clock.now_nanos();
    let expires_at_nanos = wanted.expiry_secs.map(|seconds| after(now, seconds));
    let make = |id, secret| Token {
        description: wanted.description.clone(),
        expires_at_nanos,
        ..Token::new(id, &wanted.name, secret, wanted.rights.clone(), now)
    };
    let (token, shown) = services.catalog.issue_token(make).await?;
    Ok((StatusCode::CREATED, Json(Made::of(&token, shown))))
}

async fn rotated(
    services: &Services,
    name: &str,
    grace_secs: u64,
) -> Result<(StatusCode, Json<Made>)> {
    let (id, now) = (found(services, name)?.id, services.clock.now_nanos());
    let until = after(now, grace_secs);
    let (token, shown) = services.catalog.rotate_token(id, until, now).await?;
    Ok((StatusCode::CREATED, Json(Made::of(&token, shown))))
}

/// The services of a server that asks for tokens.
fn services(app: &App) -> Result<&Services> {
    let services = app.server.services()?;
    match services.auth {
        Auth::Required => Ok(services),
        Auth::Disabled => Err(Error::NoTokens),
    }
}

fn found(services: &Services, name: &str) -> Result<Arc<Token>> {
    let state = services.catalog.state();
    let missing = || catalog::Error::RecordNotFound {
        kind: RecordKind::Token,
        name: name.to_owned(),
    };
    Ok(state
        .token_named(name)
        .map(Arc::clone)
        .ok_or_else(missing)?)
}

fn exists(name: &str) -> Error {
    let (kind, name) = (RecordKind::Token, name.to_owned());
    catalog::Error::RecordExists { kind, name }.into()
}

fn after(now_nanos: i64, seconds: u64) -> i64 {
    now_nanos.saturating_add_unsigned(seconds.saturating_mul(SECOND_NANOS))
}

/// A time as RFC 3339 has it; none for one that is not known.
fn time(nanos: i64) -> Option<String> {
    let time = DateTime::from_timestamp_nanos(nanos);
    (nanos != 0).then(|| time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

impl Made {
    fn of(token: &Token, shown: String) -> Self {
        let digest = catalog::digest(&shown);
        Self {
            id: token.id.0,
            name: token.name.clone(),
            hash: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            token: shown,
            created_at: time(token.created_at_nanos).unwrap_or_default(),
            expiry: token.expires_at_nanos.and_then(time),
        }
    }
}

impl TryFrom<GivenRight> for Right {
    type Error = Error;

    fn try_from(given: GivenRight) -> Result<Self> {
        let pattern = |text: String| {
            let parsed: Result<Pattern, _> = text.parse();
            parsed.map_err(|_| Error::InvalidParameter {
                name: "rights".to_owned(),
                value: text.chars().take(100).collect(),
                expected: "a name, or a pattern with `*` for any characters",
            })
        };
        let tables = given.tables.into_iter().map(pattern);
        Ok(Self {
            action: match given.action {
                GivenAction::Read => Action::Read,
                GivenAction::Write => Action::Write,
                GivenAction::Admin => Action::Admin,
            },
            tables: tables.collect::<Result<_>>()?,
            database: pattern(given.database)?,
        })
    }
}
