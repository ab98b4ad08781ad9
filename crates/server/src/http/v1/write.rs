//! `POST /write?db=…&rp=…&precision=…`: database and retention policy name one database of ours.

use axum::extract::{Request, State};
use catalog::DatabaseName;
use ingest::{OnError, Precision};
use storage::Durability;

use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;
use crate::http::v1::names;
use crate::http::write::{self, Stored, WriteRequest};
use crate::http::{App, Surface};

pub(super) async fn answer(State(app): State<App>, request: Request) -> Result<Stored> {
    let (parts, body) = request.into_parts();
    let principal = Principal::of(&parts.extensions)?;
    let write = parse(&app, principal, Parameters::of(&parts.uri)?)?;
    write::write(&app, write, &parts.headers, body).await
}

fn parse(app: &App, principal: Principal, mut parameters: Parameters) -> Result<WriteRequest> {
    let message = "database is required";
    let given = parameters
        .take_some("db")
        .ok_or(Error::ParameterMissing { message })?;
    let policy = parameters.take_some("rp");
    let precision = precision(parameters.take("precision").as_deref())?;
    let state = app.server.services()?.catalog.state();
    // Where only the policy is missing it is not said in v1's words, "retention policy not found":
    // Telegraf throws a batch away on those, and keeps it until the database is there.
    let database = names::database_of(&state, &given, policy.as_deref());
    let check = || DatabaseName::with_retention_policy(&given, policy.as_deref());
    let may_create = write::creates_databases(app);
    Ok(WriteRequest {
        surface: Surface::V1,
        create: write::missing_database(app, &principal, &database, may_create, check)?,
        database,
        principal,
        precision,
        on_error: OnError::KeepValid,
        durability: Durability::Synced,
    })
}

fn precision(text: Option<&str>) -> Result<Precision> {
    Ok(match text {
        None | Some("" | "n" | "ns") => Precision::Nanosecond,
        Some("u" | "us" | "µ") => Precision::Microsecond,
        Some("ms") => Precision::Millisecond,
        Some("s") => Precision::Second,
        Some("m") => Precision::Minute,
        Some("h") => Precision::Hour,
        Some(other) => {
            let other: String = other.chars().take(20).collect();
            let message = format!("invalid precision {other:?} (use n, u, ms, s, m or h)");
            return Err(Error::InvalidPrecision { message });
        }
    })
}
