//! Arrow Flight and Flight SQL, over gRPC, on the same addresses as HTTP.
//!
//! ```text
//!   /arrow.flight.protocol.FlightService/… ─▶ http::exchange, http::gate   as for any request
//!      └▶ service: one method per call ─▶ Caller: database, session, deadline, key
//!           ├ tickets: bytes of a client ─▶ Work ─▶ statement or metadata ─▶ results ─▶ stream
//!           ├ prepared, sessions: sealed handles and cookies; the server keeps nothing
//!           └ ingest: record batches ─▶ WriteBatch ─▶ storage
//! ```
//!
//! Invariants: a handle or ticket only ever says *what* is wanted. It is sealed with the token of
//! the caller it was made for, and every call shows that token again and is asked what it may do.

mod actions;
mod caller;
pub(crate) mod errors;
mod handshake;
mod ingest;
mod metadata;
mod prepared;
mod results;
mod running;
mod seal;
mod service;
mod sessions;
mod statements;
mod stream;
mod tickets;

use arrow_flight::flight_service_server::FlightServiceServer;

pub(crate) use self::running::Registry;
use self::service::Flight;
use crate::http::App;
use crate::http::routes::Routes;

/// All paths of the service begin so.
pub(crate) const PATH: &str = "/arrow.flight.protocol.FlightService/";

/// The routes of Flight.
pub(crate) fn routes(app: &App) -> Routes {
    let settings = &app.server.settings;
    let limit = |size: bytesize::ByteSize| usize::try_from(size.as_u64()).unwrap_or(usize::MAX);
    let service = FlightServiceServer::new(Flight::new(app.clone()));
    // Only this call brings rows.
    let put = service
        .clone()
        .max_decoding_message_size(limit(settings.bodies.bytes_max));
    let other = service.max_decoding_message_size(limit(settings.queries.body_bytes_max));
    Routes::new()
        .service(&format!("{PATH}DoPut"), put)
        .service(&format!("{PATH}{{*method}}"), other)
}

#[cfg(test)]
mod tests;
