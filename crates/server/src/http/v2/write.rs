//! `POST /api/v2/write?org=…&bucket=…&precision=…`: a bucket is a database; there is one
//! organization, so its name does not matter.

use axum::extract::{Request, State};
use catalog::DatabaseName;
use ingest::{OnError, Precision};
use storage::Durability;

use super::ids;
use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;
use crate::http::write::{self, Stored, WriteRequest};
use crate::http::{App, Surface};

pub(super) async fn answer(State(app): State<App>, request: Request) -> Result<Stored> {
    let (parts, body) = request.into_parts();
    let principal = Principal::of(&parts.extensions)?;
    let write = parse(&app, principal, Parameters::of(&parts.uri)?)?;
    write::write(&app, write, &parts.headers, body).await
}

fn parse(app: &App, principal: Principal, mut parameters: Parameters) -> Result<WriteRequest> {
    let bucket = parameters.take_some("bucket").ok_or(Error::BucketMissing)?;
    let precision = precision(parameters.take("precision").as_deref())?;
    // 1.8 takes v2 writes to `database/policy`.
    let (name, policy) = match bucket.split_once('/') {
        Some((name, policy)) if !policy.is_empty() => (name, Some(policy)),
        _ => (bucket.as_str(), None),
    };
    let database = match policy {
        Some("autogen" | "default") => name.to_owned(),
        _ => ids::database_name(&app.server.services()?.catalog.state(), &bucket),
    };
    let check = || DatabaseName::with_retention_policy(name, policy);
    let may_create = write::creates_databases(app);
    Ok(WriteRequest {
        surface: Surface::V2,
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
        None | Some("" | "ns") => Precision::Nanosecond,
        Some("us") => Precision::Microsecond,
        Some("ms") => Precision::Millisecond,
        Some("s") => Precision::Second,
        Some(_) => {
            let message = "invalid precision; valid precision units are ns, us, ms, and s";
            return Err(Error::InvalidPrecision {
                message: message.to_owned(),
            });
        }
    })
}
