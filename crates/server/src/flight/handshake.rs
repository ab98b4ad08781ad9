//! `Handshake`: credentials in, a bearer token out. That of a token is the caller's own, which the gate
//! has checked; a user's password begins a session. Whatever payload comes is sent back.

use arrow_flight::{HandshakeRequest, HandshakeResponse};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use super::errors::status;
use super::service::Flight;
use crate::auth::{Credentials, Identity, Principal};
use crate::error::{Error, Result};

pub(super) type Responses = BoxStream<'static, Result<HandshakeResponse, Status>>;

pub(super) async fn answer(
    flight: &Flight,
    request: Request<Streaming<HandshakeRequest>>,
) -> Result<Response<Responses>, Status> {
    let token = bearer(flight, &request).map_err(status)?;
    // Some clients send nothing but the header.
    let first = request.into_inner().message().await?;
    let echo = first.map(|first| {
        Ok(HandshakeResponse {
            protocol_version: first.protocol_version,
            payload: first.payload,
        })
    });
    let mut response = Response::new(futures::stream::iter(echo).boxed());
    if let Some(token) = token {
        let bearer = MetadataValue::try_from(format!("Bearer {token}"))
            .map_err(|_| status(Error::AuthorizationMalformed))?;
        response.metadata_mut().insert("authorization", bearer);
    }
    Ok(response)
}

/// What the client is to show from now on.
fn bearer<T>(flight: &Flight, request: &Request<T>) -> Result<Option<String>> {
    let principal = Principal::of(request.extensions())?;
    let shown = Credentials::of_header(request.metadata().as_ref());
    let services = flight.services()?;
    match (principal.identity(), shown) {
        (Identity::User { id, .. }, Ok(Some(shown))) if shown.user.is_some() => {
            let state = services.catalog.state();
            let user = state.user(*id).ok_or(Error::TokenUnknown)?;
            let now = services.clock.now_nanos();
            flight.app.server.sessions.begin(user, now).map(Some)
        }
        // Where nobody needs a token the gate lets any header through.
        (_, shown) => Ok(shown.unwrap_or_default().map(|shown| shown.secret)),
    }
}
