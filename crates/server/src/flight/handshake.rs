//! `Handshake`: credentials in, a bearer token out. The token is the caller's own, which the gate
//! has checked: there are no others. Whatever payload comes is sent back.

use arrow_flight::{HandshakeRequest, HandshakeResponse};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use super::errors::status;
use crate::auth;
use crate::error::Error;

pub(super) type Responses = BoxStream<'static, Result<HandshakeResponse, Status>>;

pub(super) async fn answer(
    request: Request<Streaming<HandshakeRequest>>,
) -> Result<Response<Responses>, Status> {
    // Where nobody needs a token the gate lets any header through.
    let token = auth::token_of_header(request.metadata().as_ref()).unwrap_or_default();
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
