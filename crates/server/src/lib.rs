//! The outside of the engine: HTTP in the shapes of InfluxDB 1, 2 and 3, and Arrow Flight SQL. Decode,
//! authorize, call, encode; nothing is computed here.
//!
//! ```text
//!   Listener ─▶ connection ─▶ exchange: request id, headers, log, error bodies
//!                               └▶ gate: started? authorized?
//!                                    ├▶ handler of one endpoint ─▶ ingest → storage, or query
//!                                    └▶ flight: the same over gRPC
//! ```
//!
//! A process has one [`Server`] and a [`Listener`] for each address; they differ in their
//! [`Profile`], which decides where the APIs want different answers from the same path. Listeners
//! serve before [`Server::start`] has been called; until then they answer `starting`.

mod auth;
mod body;
mod encoding;
mod error;
mod flight;
mod http;
mod listener;
mod metrics;
mod onboarding;
mod services;
mod settings;
mod tls;
mod watched;

pub use auth::{Auth, TaskOwners};
pub use http::Profile;
pub use listener::{Listener, bind};
pub use onboarding::{ADMIN_TOKEN, Onboarding, OnboardingError, is_due, onboard};
pub use services::{Readiness, Server, Services};
pub use settings::{
    AuthSettings, BodySettings, ConnectionSettings, QuerySettings, Settings, WriteSettings,
};
pub use tls::{Tls, TlsError, TlsSettings};
