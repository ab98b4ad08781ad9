//! Requests through the whole router, over a real engine with an object store in memory. What
//! sockets add is tested over the real binary.

pub(crate) mod matrix;
mod queries;
mod rights;
mod system;
mod tokens;
mod v2;
mod writes;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Response};
use catalog::{Catalog, Limits, SystemClock};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::*;
use crate::auth::{Auth, digest};
use crate::services::{Readiness, Services};
use crate::settings::Settings;

pub(crate) const TOKEN: &str = "tidemill_test";

/// What a listener on loopback serves.
pub(crate) fn listening(server: &Arc<Server>, profile: Profile) -> Router {
    router(App {
        server: Arc::clone(server),
        profile,
        is_loopback: true,
    })
}

/// A running engine. Its directory goes when it is dropped.
pub(crate) struct Site {
    pub(crate) server: Arc<Server>,
    shutdown: CancellationToken,
    _directory: tempfile::TempDir,
}

impl Site {
    async fn start(auth: Auth) -> Self {
        let limits = Limits {
            databases: 4,
            tables: 5,
            columns_per_table: 6,
            ..Limits::default()
        };
        Self::with_limits(auth, limits).await
    }

    pub(crate) async fn with_limits(auth: Auth, limits: Limits) -> Self {
        Self::with_settings(auth, limits, Settings::default()).await
    }

    pub(crate) async fn with_settings(auth: Auth, limits: Limits, settings: Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store: Arc<dyn object_store::ObjectStore> =
            Arc::new(object_store::memory::InMemory::new());
        let catalog = Arc::new(Catalog::open(Arc::clone(&store), limits).await.unwrap());
        catalog
            .put_admin_token("admin", digest(TOKEN), 0)
            .await
            .unwrap();
        let (engine, _) = storage::Engine::open(
            storage::Settings::default(),
            storage::DirectoryLock::acquire(directory.path()).unwrap(),
            Arc::clone(&catalog),
            store,
            Arc::new(SystemClock),
        )
        .await
        .unwrap();
        let storage = Arc::new(engine);
        let query = query::QueryEngine::new(
            query::Settings::default(),
            directory.path(),
            Arc::clone(&catalog),
            Arc::clone(&storage),
            Arc::new(SystemClock),
        );
        let server = Server::new(settings);
        server.start(Services {
            catalog,
            storage,
            query: Arc::new(query.unwrap()),
            clock: Arc::new(SystemClock),
            auth,
            readiness: Arc::new(Readiness::new(0)),
        });
        Self {
            server,
            shutdown: CancellationToken::new(),
            _directory: directory,
        }
    }

    pub(crate) async fn send(&self, profile: Profile, request: Request<Body>) -> Response<Body> {
        listening(&self.server, profile)
            .oneshot(request)
            .await
            .unwrap()
    }

    /// Sends a request and returns status and body.
    pub(crate) async fn ask(&self, request: Ask<'_>) -> (u16, String) {
        let response = self.send(request.profile, request.build()).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.into()).unwrap())
    }

    /// A connection to a listener in front of this site, which ends with `shutdown`.
    async fn connect(&self) -> TcpStream {
        let listener = crate::listener::bind(([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        let address = listener.local_addr();
        let (server, shutdown) = (Arc::clone(&self.server), self.shutdown.clone());
        tokio::spawn(listener.serve(Profile::V1V2, server, None, shutdown));
        TcpStream::connect(address).await.unwrap()
    }

    /// The rows of a query, as JSON text.
    async fn rows(&self, database: &str, sql: &str) -> String {
        let body = serde_json::json!({ "db": database, "q": sql, "format": "json" }).to_string();
        let (status, body) = self
            .ask(Ask::post("/api/v3/query_sql", body.as_bytes()))
            .await;
        assert_eq!(status, 200, "{body}");
        body
    }
}

/// A request in the making.
#[derive(Clone)]
pub(crate) struct Ask<'a> {
    profile: Profile,
    method: Method,
    uri: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: Vec<u8>,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: Method, uri: &'a str, body: &[u8]) -> Self {
        Self {
            profile: Profile::V1V2,
            method,
            uri,
            headers: vec![],
            body: body.to_vec(),
        }
    }

    pub(crate) fn get(uri: &'a str) -> Self {
        Self::new(Method::GET, uri, b"")
    }

    pub(crate) fn post(uri: &'a str, body: &[u8]) -> Self {
        Self::new(Method::POST, uri, body)
    }

    pub(crate) fn with(mut self, header: &'a str, value: &'a str) -> Self {
        self.headers.push((header, value));
        self
    }

    fn on_v3(mut self) -> Self {
        self.profile = Profile::V3;
        self
    }

    pub(crate) fn build(&self) -> Request<Body> {
        let request = Request::builder().method(self.method.clone()).uri(self.uri);
        let request = self.headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        request.body(Body::from(self.body.clone())).unwrap()
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn reason(body: &str) -> String {
    match body {
        "" => String::new(),
        body => json(body)["reason"].as_str().unwrap_or_default().to_owned(),
    }
}
