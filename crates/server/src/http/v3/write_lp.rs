//! `POST /api/v3/write_lp?db=…&precision=…&accept_partial=…&no_sync=…`. Creates the database if it
//! does not exist.

use axum::extract::{Request, State};
use catalog::DatabaseName;
use ingest::{OnError, Precision};
use storage::Durability;

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
    let message = "missing query parameter 'db'";
    let database = parameters
        .take("db")
        .ok_or(Error::ParameterMissing { message })?;
    let precision = precision(parameters.take("precision").as_deref())?;
    let accept_partial = parameters.take_flag("accept_partial", true)?;
    let no_sync = parameters.take_flag("no_sync", false)?;
    let check = || DatabaseName::new(&database);
    Ok(WriteRequest {
        surface: Surface::V3,
        create: write::missing_database(app, &principal, &database, true, check)?,
        principal,
        precision,
        on_error: if accept_partial {
            OnError::KeepValid
        } else {
            OnError::RejectAll
        },
        durability: if no_sync {
            Durability::Buffered
        } else {
            Durability::Synced
        },
        database,
    })
}

fn precision(text: Option<&str>) -> Result<Precision> {
    Ok(match text {
        None | Some("" | "auto") => Precision::Auto,
        Some("nanosecond" | "ns" | "n") => Precision::Nanosecond,
        Some("microsecond" | "us" | "u") => Precision::Microsecond,
        Some("millisecond" | "ms") => Precision::Millisecond,
        Some("second" | "s") => Precision::Second,
        Some(other) => {
            let other: String = other.chars().take(20).collect();
            let message = format!(
                "invalid precision '{other}': expected auto, second, millisecond, microsecond or \
                 nanosecond"
            );
            return Err(Error::InvalidPrecision { message });
        }
    })
}
