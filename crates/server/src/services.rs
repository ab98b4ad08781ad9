//! What the server calls, and how far the process has come.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::http::HeaderMap;
use bytesize::ByteSize;
use catalog::{Catalog, Clock};
use tokio::sync::Semaphore;

use crate::auth::{Auth, Failures, Passwords, Sessions};
use crate::body::{self, Admission, Content};
use crate::error::{Error, Result};
use crate::flight;
use crate::metrics::Metrics;
use crate::settings::{BodySettings, Settings};

/// The parts of the engine that requests are answered from.
#[derive(Debug)]
pub struct Services {
    /// Names, schemas, tokens.
    pub catalog: Arc<Catalog>,
    /// Where rows go.
    pub storage: Arc<storage::Engine>,
    /// Where answers come from.
    pub query: Arc<query::QueryEngine>,
    /// The time of rows that come without one.
    pub clock: Arc<dyn Clock>,
    /// Who may call.
    pub auth: Auth,
    /// What `/ready` says.
    pub readiness: Arc<Readiness>,
}

/// What `/ready` says once there are [`Services`].
#[derive(Debug)]
pub struct Readiness {
    started_nanos: i64,
    is_stopping: AtomicBool,
}

impl Readiness {
    /// A process that was started at this time, nanoseconds since 1970.
    pub fn new(started_nanos: i64) -> Self {
        Self {
            started_nanos,
            is_stopping: AtomicBool::new(false),
        }
    }

    /// From now on `/ready` says that the process stops, so that a load balancer goes elsewhere
    /// while the last requests are answered.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// When the process was started.
    pub(crate) fn started_nanos(&self) -> i64 {
        self.started_nanos
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }
}

/// The server of a process: one, behind any number of listeners.
///
/// It exists before what it serves does, so that a port can answer `/health` while the WAL is
/// replayed; [`Server::start`] hands over the services and opens the rest.
#[derive(Debug)]
pub struct Server {
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    /// KiB that bodies of writes may still take.
    pub(crate) body_budget: Arc<Semaphore>,
    /// Where bodies of writes wait for room.
    pub(crate) admission: Admission,
    /// The same for all other bodies, so that a flood of writes does not keep queries out.
    pub(crate) small_body_budget: Arc<Semaphore>,
    /// Bodies that may be parsed at the same time: one for each core, as more only share them.
    pub(crate) parse_slots: Semaphore,
    /// Results that are being sent over Flight.
    pub(crate) running: flight::Registry,
    /// Users who have signed in.
    pub(crate) sessions: Sessions,
    pub(crate) passwords: Passwords,
    /// Guesses of tokens and passwords.
    pub(crate) failures: Failures,
    services: OnceLock<Services>,
}

impl Server {
    /// A server that answers `starting` until [`Server::start`].
    pub fn new(settings: Settings) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self {
            metrics: Metrics::default(),
            body_budget: budget(settings.bodies.in_flight_bytes_max),
            admission: Admission::default(),
            small_body_budget: budget(settings.queries.in_flight_bytes_max),
            parse_slots: Semaphore::new(cores),
            running: flight::Registry::default(),
            sessions: Sessions::new(settings.auth.session_length),
            passwords: Passwords::default(),
            failures: Failures::new(settings.auth.failures_burst),
            services: OnceLock::new(),
            settings,
        })
    }

    /// Hands over the services: from now on every request is answered. Only the first call counts.
    pub fn start(&self, services: Services) {
        if self.services.set(services).is_err() {
            tracing::warn!("the server was started already");
        }
    }

    /// Receives and unpacks the body of a request that is no write.
    pub(crate) async fn small_body(
        &self,
        bytes_max: ByteSize,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Content> {
        let limits = BodySettings {
            bytes_max,
            inflated_bytes_max: bytes_max,
            in_flight_bytes_max: self.settings.queries.in_flight_bytes_max,
            ..self.settings.bodies.clone()
        };
        let received = body::receive(&limits, &self.small_body_budget, headers, body, None).await?;
        match received.is_packed() {
            true => tokio::task::spawn_blocking(move || received.inflate(&limits)).await?,
            false => received.inflate(&limits),
        }
    }

    pub(crate) fn services(&self) -> Result<&Services> {
        self.services.get().ok_or(Error::Starting)
    }
}

/// A budget of bytes, counted in KiB because permits are few.
fn budget(bytes: ByteSize) -> Arc<Semaphore> {
    let kib = usize::try_from(bytes.as_u64().div_ceil(1024)).unwrap_or(usize::MAX);
    Arc::new(Semaphore::new(kib.min(Semaphore::MAX_PERMITS)))
}
