//! `/api/v2/setup`: the first user, organization, bucket and token, made by whoever comes first.
//!
//! Nobody has to show anything for it, so it is off unless the server was started with
//! `--allow-setup`, and over once there is a user or a token besides the admin token.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use catalog::Retention;
use serde::Deserialize;
use serde_json::{Value, json};

use super::authorizations::Authorization;
use super::buckets::Bucket;
use super::{orgs, users};
use crate::error::{Error, Result};
use crate::http::{App, json as body};
use crate::onboarding::{self, Onboarding};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Setup {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    org: String,
    #[serde(default)]
    bucket: String,
    #[serde(default)]
    retention_period_seconds: Option<u64>,
    #[serde(default)]
    retention_period_hrs: Option<u64>,
    #[serde(default)]
    token: Option<String>,
}

impl Setup {
    fn retention(&self) -> Retention {
        let hours = self.retention_period_hrs.unwrap_or(0).saturating_mul(3600);
        let seconds = self.retention_period_seconds.unwrap_or(hours);
        Retention::from_nanos(Some(seconds.saturating_mul(1_000_000_000)))
    }
}

/// Whether anybody may make the first records.
fn is_allowed(app: &App) -> Result<bool> {
    let state = app.server.services()?.catalog.state();
    Ok(app.server.settings.auth.allow_setup && onboarding::is_due(&state))
}

pub(super) async fn status(State(app): State<App>) -> Result<Json<Value>> {
    let is_allowed = is_allowed(&app)?;
    Ok(Json(json!({ "allowed": is_allowed })))
}

pub(super) async fn run(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Value>)> {
    let (parts, content) = request.into_parts();
    let services = app.server.services()?;
    if !is_allowed(&app)? {
        return Err(Error::SetupDone);
    }
    let setup: Setup = body::read(&app, &parts.headers, content).await?;
    for (name, value) in [
        ("username", &setup.username),
        ("org", &setup.org),
        ("bucket", &setup.bucket),
    ] {
        if value.is_empty() {
            let problem = format!("{name} is required");
            return Err(Error::InvalidRequest { problem });
        }
    }
    let onboarding = Onboarding {
        retention: setup.retention(),
        username: Some(setup.username),
        password: setup.password.filter(|password| !password.is_empty()),
        organization: Some(setup.org),
        bucket: Some(setup.bucket),
    };
    let secret = match setup.token.filter(|token| !token.is_empty()) {
        Some(given) => given,
        None => catalog::new_token(None)?,
    };
    let (catalog, now) = (&services.catalog, services.clock.now_nanos());
    let made = onboarding::make(
        catalog,
        &app.server.passwords,
        now,
        &onboarding,
        Some(&secret),
    )
    .await?;
    let state = catalog.state();
    let user = made.user.and_then(|id| state.user(id));
    let bucket = made.bucket.and_then(|id| state.database_of(id));
    let token = made.token.and_then(|id| state.token(id));
    let org = orgs::by_id(&state, made.organization)?;
    let answer = json!({
        "user": user.map(|user| users::Shown::new(user)),
        "bucket": bucket.map(|bucket| Bucket::new(&state, bucket)),
        "org": orgs::Org::new(&org),
        "auth": token.map(|token| Authorization::new(&state, token, Some(secret))),
    });
    Ok((StatusCode::CREATED, Json(answer)))
}
