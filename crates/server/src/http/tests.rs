//! Requests through the whole router, over a real engine with an object store in memory. What
//! sockets add is tested over the real binary.

use std::io::Write as _;

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

const TOKEN: &str = "tidemill_test";

/// A running engine. Its directory goes when it is dropped.
struct Site {
    server: Arc<Server>,
    shutdown: CancellationToken,
    _directory: tempfile::TempDir,
}

impl Site {
    async fn start(auth: Auth) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store: Arc<dyn object_store::ObjectStore> =
            Arc::new(object_store::memory::InMemory::new());
        let limits = Limits {
            databases: 4,
            tables: 5,
            columns_per_table: 6,
        };
        let catalog = Arc::new(Catalog::open(Arc::clone(&store), limits).await.unwrap());
        catalog.put_token("admin", digest(TOKEN)).await.unwrap();
        let (engine, _) = storage::Engine::open(
            storage::Settings::default(),
            directory.path(),
            Arc::clone(&catalog),
            Arc::clone(&store),
        )
        .await
        .unwrap();
        let storage = Arc::new(engine);
        let query = query::QueryEngine::new(
            query::Settings::default(),
            directory.path(),
            Arc::clone(&catalog),
            Arc::clone(&storage),
            store,
        );
        let server = Server::new(Settings::default());
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

    async fn send(&self, profile: Profile, request: Request<Body>) -> Response<Body> {
        router(Arc::clone(&self.server), profile)
            .oneshot(request)
            .await
            .unwrap()
    }

    /// Sends a request and returns status and body.
    async fn ask(&self, request: Ask<'_>) -> (u16, String) {
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
        tokio::spawn(listener.serve(Profile::V1V2, server, shutdown));
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
struct Ask<'a> {
    profile: Profile,
    method: Method,
    uri: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: Vec<u8>,
}

impl<'a> Ask<'a> {
    fn new(method: Method, uri: &'a str, body: &[u8]) -> Self {
        Self {
            profile: Profile::V1V2,
            method,
            uri,
            headers: vec![],
            body: body.to_vec(),
        }
    }

    fn get(uri: &'a str) -> Self {
        Self::new(Method::GET, uri, b"")
    }

    fn post(uri: &'a str, body: &[u8]) -> Self {
        Self::new(Method::POST, uri, body)
    }

    fn with(mut self, header: &'a str, value: &'a str) -> Self {
        self.headers.push((header, value));
        self
    }

    fn on_v3(mut self) -> Self {
        self.profile = Profile::V3;
        self
    }

    fn build(&self) -> Request<Body> {
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

#[tokio::test(flavor = "multi_thread")]
async fn valid_lines_are_stored_on_every_surface() {
    let site = Site::start(Auth::Disabled).await;
    let created = Ask::post("/api/v3/configure/database", br#"{"db":"plant"}"#)
        .with("content-type", "application/json");
    assert_eq!(site.ask(created).await, (200, String::new()));
    let body = b"# header\nm,a=x v=1 1\nm,a=y\nm,a=z v=3 3\n";
    for (at, uri, status, marker) in [
        (
            1,
            "/write?db=plant",
            400,
            "partial write: unable to parse 'm,a=y': missing fields",
        ),
        (
            2,
            "/api/v2/write?bucket=plant&org=x",
            400,
            "unable to parse 'm,a=y': missing fields",
        ),
        (3, "/api/v3/write_lp?db=plant", 400, r#""line_number":3"#),
    ] {
        let body = String::from_utf8_lossy(body).replace('m', &format!("m{at}"));
        let marker = marker.replace("m,", &format!("m{at},"));
        let (got, text) = site.ask(Ask::post(uri, body.as_bytes())).await;
        assert_eq!(got, status, "{uri} {text}");
        assert!(text.contains(&marker), "{uri} {text}");
        assert_eq!(reason(&text), "invalid_line_protocol");
        let rows = site
            .rows("plant", &format!("SELECT a, v FROM m{at} ORDER BY a"))
            .await;
        assert_eq!(rows, r#"[{"a":"x","v":1.0},{"a":"z","v":3.0}]"#, "{uri}");
    }
    let all = Ask::post(
        "/api/v3/write_lp?db=plant&accept_partial=false",
        b"n v=1 1\nn\n",
    );
    let (status, text) = site.ask(all).await;
    assert_eq!(
        (status, &json(&text)["data"]["line_number"]),
        (400, &2.into()),
        "{text}"
    );
    let (status, text) = site
        .ask(Ask::get("/api/v3/query_sql?db=plant&q=SELECT+*+FROM+n"))
        .await;
    assert_eq!(
        (status, reason(&text).as_str()),
        (400, "table_not_found"),
        "nothing is stored"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_answer_as_their_surface_does() {
    let site = Site::start(Auth::Disabled).await;
    assert_eq!(
        site.ask(Ask::post("/api/v3/write_lp?db=d", b"m f=1,i=1i 1"))
            .await
            .0,
        204
    );
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"packed v=1 1\n").unwrap();
    let packed = packed.finish().unwrap();
    let gzip = |uri, body: &[u8]| Ask::post(uri, body).with("content-encoding", "gzip");
    let long = "x".repeat(300);
    let long_db = format!("/api/v3/write_lp?db={long}");
    let wide: String = (0..10).map(|i| format!("f{i}=1,")).collect();
    let wide = format!("wide {} 1", wide.trim_end_matches(','));
    let (v1, v2, v3) = (
        "/write?db=d",
        "/api/v2/write?bucket=d",
        "/api/v3/write_lp?db=d",
    );
    let line = b"m f=2 2".as_slice();
    for (ask, status, expected) in [
        (Ask::post(v1, b""), 204, ""),
        (Ask::post(v2, b""), 204, ""),
        (Ask::post(v3, b""), 204, ""),
        (Ask::post(v3, b"# comment\n\n"), 204, ""),
        (gzip(v1, &packed), 204, ""),
        (gzip(v2, &packed), 204, ""),
        (gzip(v3, &packed), 204, ""),
        (gzip(v2, line), 400, "invalid_gzip"),
        (gzip(v2, &packed[..packed.len() - 3]), 400, "invalid_gzip"),
        (
            Ask::post(v3, line).with("content-encoding", "br"),
            415,
            "unsupported_encoding",
        ),
        (
            Ask::post(v2, line).with("content-type", "application/json"),
            204,
            "",
        ),
        (
            Ask::post(v2, line).with("content-length", "99999999999"),
            413,
            "body_too_large",
        ),
        (
            Ask::post("/write?db=d&precision=xyz", line),
            400,
            "invalid_precision",
        ),
        (Ask::post("/write?db=d&precision=m", line), 204, ""),
        (
            Ask::post("/api/v2/write?bucket=d&precision=m", line),
            400,
            "invalid_precision",
        ),
        (
            Ask::post("/api/v2/write?bucket=d&precision=us", line),
            204,
            "",
        ),
        (
            Ask::post("/api/v3/write_lp?db=d&precision=h", line),
            400,
            "invalid_precision",
        ),
        (
            Ask::post("/api/v3/write_lp?db=d&precision=nanosecond", line),
            204,
            "",
        ),
        (
            Ask::post("/api/v3/write_lp?db=d&no_sync=true", line),
            204,
            "",
        ),
        (
            Ask::post("/api/v3/write_lp?db=d&no_sync=1", line),
            400,
            "invalid_parameter",
        ),
        (Ask::post("/write", line), 400, "missing_parameter"),
        (Ask::post("/api/v2/write", line), 404, "missing_parameter"),
        (
            Ask::post("/api/v3/write_lp", line),
            400,
            "missing_parameter",
        ),
        (Ask::post("/write?db=nope", line), 404, "database_not_found"),
        (Ask::post("/write?db=d&rp=autogen", line), 204, ""),
        (
            Ask::post("/write?db=d&rp=weekly", line),
            404,
            "database_not_found",
        ),
        (
            Ask::post("/api/v2/write?bucket=nope", line),
            404,
            "database_not_found",
        ),
        (Ask::post("/api/v2/write?bucket=d/autogen", line), 204, ""),
        (
            Ask::post("/write?db=../x", line),
            400,
            "invalid_database_name",
        ),
        (
            Ask::post("/api/v2/write?bucket=../x", line),
            400,
            "invalid_database_name",
        ),
        (
            Ask::post("/api/v3/write_lp?db=../x", line),
            400,
            "invalid_database_name",
        ),
        (
            Ask::post("/api/v3/write_lp?db=a/b", line),
            400,
            "invalid_database_name",
        ),
        (
            Ask::post("/api/v3/write_lp?db=", line),
            400,
            "invalid_database_name",
        ),
        (Ask::post(&long_db, line), 400, "invalid_database_name"),
        (Ask::post(v1, b"m f=\"x\" 3"), 400, "field_type_conflict"),
        (Ask::post(v2, b"m f=\"x\" 3"), 422, "field_type_conflict"),
        (Ask::post(v3, b"m f=\"x\" 3"), 400, "field_type_conflict"),
        (
            Ask::post(v2, b"m f=\"x\" 3").on_v3(),
            400,
            "field_type_conflict",
        ),
        (Ask::post(v1, wide.as_bytes()), 422, "column_limit"),
        (Ask::post(v2, wide.as_bytes()), 422, "column_limit"),
        (Ask::post(v3, wide.as_bytes()), 422, "column_limit"),
        (Ask::get(v1), 405, "method_not_allowed"),
        (Ask::get(v2), 405, "method_not_allowed"),
        (Ask::get(v3), 405, "method_not_allowed"),
        (Ask::post("/api/v3/nothing", b""), 404, "route_not_found"),
        (Ask::get("/nothing"), 404, "route_not_found"),
    ] {
        let (uri, shown) = (ask.uri, String::from_utf8_lossy(&ask.body).into_owned());
        let (got, text) = site.ask(ask).await;
        assert_eq!(
            (got, reason(&text).as_str()),
            (status, expected),
            "{uri} {shown} {text}"
        );
    }
    for (expected, number) in [(204, 1), (204, 2), (204, 3), (422, 4)] {
        let uri = format!("/api/v3/write_lp?db=flood{number}");
        assert_eq!(site.ask(Ask::post(&uri, line)).await.0, expected, "{uri}");
    }
    let allow = site.send(Profile::V1V2, Ask::get(v1).build()).await;
    assert_eq!(allow.headers()["allow"], "POST");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_timestamp_is_one_time_for_the_whole_body() {
    let site = Site::start(Auth::Disabled).await;
    let (status, _) = site
        .ask(Ask::post(
            "/api/v3/write_lp?db=d",
            b"m,a=1 v=1\nm,a=2 v=2\n",
        ))
        .await;
    assert_eq!(status, 204);
    let rows = site
        .rows("d", "SELECT count(DISTINCT time) AS n FROM m")
        .await;
    assert_eq!(rows, r#"[{"n":1}]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_answer_in_v3_words() {
    let site = Site::start(Auth::Disabled).await;
    let (status, _) = site
        .ask(Ask::post(
            "/api/v3/write_lp?db=d",
            b"m,a=x v=1 1\nm,a=y v=2 2",
        ))
        .await;
    assert_eq!(status, 204);
    let query = |q: &str| {
        serde_json::json!({ "db": "d", "q": q })
            .to_string()
            .into_bytes()
    };
    let post = |q: &str| Ask::post("/api/v3/query_sql", &query(q));
    let params = br#"{"db":"d","q":"SELECT v FROM m WHERE a = $a","params":{"a":"y"}}"#;
    let missing = br#"{"db":"d","q":"SELECT v FROM m WHERE a = $a","params":{"b":"y"}}"#;
    let names: Vec<_> = (0..40).map(|i| format!("m AS m{i}")).collect();
    let endless = format!("SELECT sum(m0.v * m39.v) FROM {}", names.join(", "));
    let large = query(&format!("SELECT '{}'", "x".repeat(2 << 20)));
    for (ask, status, expected) in [
        (
            post("SELECT a, v FROM m ORDER BY a"),
            200,
            r#"[{"a":"x","v":1.0},{"a":"y","v":2.0}]"#,
        ),
        (post("SELECT a FROM m WHERE v > 5"), 200, "[]"),
        (
            post("SELECT a FROM m ORDER BY a").with("accept", "text/csv"),
            200,
            "a\nx\ny\n",
        ),
        (
            Ask::post("/api/v3/query_sql", params),
            200,
            r#"[{"v":2.0}]"#,
        ),
        (
            Ask::get(
                "/api/v3/query_sql?db=d&q=SELECT+v+FROM+m+WHERE+a=$a&params=%7B%22a%22:%22x%22%7D",
            ),
            200,
            r#"[{"v":1.0}]"#,
        ),
        (Ask::post("/api/v3/query_sql", missing), 400, ""),
        (
            Ask::post("/api/v3/query_sql", &large),
            400,
            "query_too_large",
        ),
        (
            Ask::get("/api/v3/query_sql?db=nope&q=SELECT+1"),
            404,
            "database_not_found",
        ),
        (
            Ask::get("/api/v3/query_sql?q=SELECT+1"),
            400,
            "missing_parameter",
        ),
        (
            Ask::get("/api/v3/query_sql?db=d&q=SELECT+1&format=xml"),
            400,
            "invalid_parameter",
        ),
        (
            Ask::get("/api/v3/query_sql?db=d&q=SELECT+1&params=%5B%5D"),
            400,
            "invalid_parameter",
        ),
        (Ask::post("/api/v3/query_sql", b"{"), 400, "invalid_json"),
        (post("SELEC 1"), 400, "invalid_sql"),
        (post("SELECT * FROM nothing"), 400, "table_not_found"),
        (post("SELECT 1; SELECT 2"), 400, "single_statement_only"),
        (
            post("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'"),
            403,
            "",
        ),
        (post("COPY m TO 'x.csv'"), 403, ""),
        (
            post("SELECT 1").with("x-tidemill-timeout", "soon"),
            400,
            "invalid_parameter",
        ),
        (
            post(&endless).with("x-tidemill-timeout", "50ms"),
            504,
            "query_timeout",
        ),
    ] {
        let shown = String::from_utf8_lossy(&ask.body)
            .chars()
            .take(200)
            .collect::<String>();
        let uri = ask.uri;
        let (got, text) = site.ask(ask).await;
        assert_eq!(got, status, "{uri} {shown} {text}");
        match status {
            200 => assert_eq!(text, expected, "{uri} {shown}"),
            _ if expected.is_empty() => assert!(!reason(&text).is_empty(), "{text}"),
            _ => assert_eq!(reason(&text), expected, "{uri} {shown} {text}"),
        }
    }
    let (_, text) = site
        .ask(Ask::get("/api/v3/query_sql?db=nope&q=SELECT+1"))
        .await;
    assert_eq!(json(&text)["error"], "database not found: nope");
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_are_made_listed_and_dropped() {
    let site = Site::start(Auth::Disabled).await;
    const PATH: &str = "/api/v3/configure/database";
    let create = |name: &str| {
        let body = serde_json::json!({ "db": name }).to_string();
        Ask::post(PATH, body.as_bytes()).with("content-type", "application/json; charset=utf-8")
    };
    let drop = |uri| Ask::new(Method::DELETE, uri, b"");
    let retention = Ask::post(PATH, br#"{"db":"e","retention_period":"30d"}"#);
    for (ask, status, expected) in [
        (create("b"), 200, ""),
        (create("a"), 200, ""),
        (create("a"), 409, "database_exists"),
        (create("../x"), 400, "invalid_database_name"),
        (
            Ask::post(PATH, br#"{"db":"c"}"#),
            415,
            "unsupported_content_type",
        ),
        (
            retention.with("content-type", "application/json"),
            400,
            "unsupported",
        ),
        (create("c"), 200, ""),
        (create("d"), 200, ""),
        (create("e"), 422, "database_limit"),
        (drop("/api/v3/configure/database?db=c"), 200, ""),
        (drop("/api/v3/configure/database?db=d"), 200, ""),
        (
            drop("/api/v3/configure/database?db=d"),
            404,
            "database_not_found",
        ),
        (drop(PATH), 400, "missing_parameter"),
        (
            drop("/api/v3/configure/database?db=a&hard_delete_at=never"),
            400,
            "invalid_parameter",
        ),
    ] {
        let uri = ask.uri;
        let (got, text) = site.ask(ask).await;
        assert_eq!(
            (got, reason(&text).as_str()),
            (status, expected),
            "{uri} {text}"
        );
    }
    let (_, list) = site
        .ask(Ask::get("/api/v3/configure/database?format=json"))
        .await;
    assert_eq!(list, r#"[{"iox::database":"a"},{"iox::database":"b"}]"#);
    let uri = "/api/v3/configure/database?format=csv&show_deleted=true";
    assert_eq!(
        site.ask(Ask::get(uri)).await.1,
        "iox::database,deleted\na,false\nb,false\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_closed_without_a_token() {
    let site = Site::start(Auth::Required).await;
    let bearer = format!("Bearer {TOKEN}");
    for (profile, method, uri) in [
        (Profile::V1V2, Method::POST, "/write?db=d"),
        (Profile::V1V2, Method::GET, "/write?db=d"),
        (Profile::V1V2, Method::POST, "/api/v2/write?bucket=d"),
        (Profile::V1V2, Method::POST, "/api/v3/write_lp?db=d"),
        (
            Profile::V1V2,
            Method::GET,
            "/api/v3/query_sql?db=d&q=SELECT+1",
        ),
        (Profile::V1V2, Method::POST, "/api/v3/query_sql"),
        (Profile::V1V2, Method::GET, "/api/v3/configure/database"),
        (Profile::V1V2, Method::POST, "/api/v3/configure/database"),
        (
            Profile::V1V2,
            Method::DELETE,
            "/api/v3/configure/database?db=d",
        ),
        (Profile::V1V2, Method::GET, "/metrics"),
        (Profile::V1V2, Method::GET, "/nothing"),
        (Profile::V1V2, Method::GET, "/health/"),
        (Profile::V1V2, Method::GET, "//health"),
        (Profile::V1V2, Method::GET, "/ping/"),
        (Profile::V3, Method::GET, "/ping"),
    ] {
        let mut ask = Ask {
            profile,
            ..Ask::new(method, uri, b"")
        };
        let response = site.send(profile, ask.build()).await;
        assert_eq!(response.status(), 401, "{uri}");
        assert!(response.headers().contains_key("www-authenticate"), "{uri}");
        ask = ask.with("authorization", "Bearer wrong");
        assert_eq!(site.ask(ask.clone()).await.0, 401, "{uri}");
        ask.headers = vec![("authorization", bearer.as_str())];
        assert_ne!(site.ask(ask).await.0, 401, "{uri}");
    }
    for (profile, uri, status) in [
        (Profile::V1V2, "/ping", 204),
        (Profile::V1V2, "/health", 200),
        (Profile::V1V2, "/ready", 200),
        (Profile::V3, "/health", 200),
        (Profile::V3, "/ready", 200),
    ] {
        assert_eq!(
            site.ask(Ask {
                profile,
                ..Ask::get(uri)
            })
            .await
            .0,
            status,
            "{uri}"
        );
    }
    let by_parameter = format!("/write?db=d&u=any&p={TOKEN}");
    assert_eq!(
        site.ask(Ask::post(&by_parameter, b"m v=1")).await.0,
        404,
        "let in, but no such db"
    );
    let malformed = Ask::post("/api/v3/write_lp?db=d", b"").with("authorization", "Bearer a b");
    let (status, text) = site.ask(malformed).await;
    assert_eq!(status, 400);
    assert!(
        text.contains("Authorization header was malformed, the request was not in the form of")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn system_paths_answer_as_the_profile_says() {
    let site = Site::start(Auth::Disabled).await;
    assert_eq!(site.ask(Ask::get("/ping")).await, (204, String::new()));
    assert_eq!(site.ask(Ask::new(Method::HEAD, "/ping", b"")).await.0, 204);
    let (status, text) = site.ask(Ask::get("/ping?verbose=true")).await;
    assert_eq!(
        (status, &json(&text)["version"]),
        (200, &env!("CARGO_PKG_VERSION").into())
    );
    let (status, text) = site.ask(Ask::get("/ping").on_v3()).await;
    assert_eq!(
        (status, json(&text)["product_name"].is_string()),
        (200, true)
    );
    let (_, health) = site.ask(Ask::get("/health")).await;
    let health = json(&health);
    assert_eq!(
        (&health["name"], &health["status"]),
        (&"influxdb".into(), &"pass".into())
    );
    assert_eq!(health["message"], "ready for queries and writes");
    let (_, ready) = site.ask(Ask::get("/ready")).await;
    let ready = json(&ready);
    assert_eq!(ready["status"], "ready");
    assert!(
        ready["started"]
            .as_str()
            .unwrap()
            .starts_with("1970-01-01T00:00:00"),
        "{ready}"
    );
    assert_eq!(
        site.ask(Ask::post("/api/v3/write_lp?db=d", b"m v=1\nm v=2\n"))
            .await
            .0,
        204
    );
    let (_, metrics) = site.ask(Ask::get("/metrics")).await;
    assert!(
        metrics.contains("tidemill_write_rows_total{api=\"v3\"} 2\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("tidemill_wal_records_total 1\n"),
        "{metrics}"
    );
    site.server.services().unwrap().readiness.stop();
    let (status, text) = site.ask(Ask::get("/ready")).await;
    assert_eq!((status, reason(&text).as_str()), (503, "stopping"));
}

#[tokio::test]
async fn before_the_start_only_health_answers() {
    let server = Server::new(Settings::default());
    for (uri, status) in [
        ("/health", 200),
        ("/ready", 503),
        ("/ping", 503),
        ("/metrics", 503),
        ("/api/v2/write?bucket=x", 503),
        ("/nothing", 503),
    ] {
        let request = Ask::get(uri).build();
        let response = router(Arc::clone(&server), Profile::V1V2)
            .oneshot(request)
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{uri}");
        if status == 503 {
            let wait = response.headers()["retry-after"].to_str().unwrap();
            assert!(wait.parse::<u64>().unwrap() >= 1);
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert_eq!(reason(std::str::from_utf8(&body).unwrap()), "starting");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_response_says_who_answered() {
    let site = Site::start(Auth::Disabled).await;
    for (profile, ask) in [
        (Profile::V1V2, Ask::get("/ping")),
        (Profile::V1V2, Ask::post("/write?db=nope", b"m v=1")),
        (
            Profile::V1V2,
            Ask::post("/api/v2/write?bucket=nope", b"m v=1"),
        ),
        (Profile::V3, Ask::get("/nothing")),
        (Profile::V3, Ask::get("/api/v3/configure/database")),
    ] {
        let response = site.send(profile, ask.build()).await;
        let (status, headers) = (response.status(), response.headers().clone());
        assert_eq!(headers["x-influxdb-build"], "OSS");
        assert_eq!(
            headers["x-influxdb-version"],
            concat!("v", env!("CARGO_PKG_VERSION"))
        );
        assert_eq!(headers["x-request-id"], headers["request-id"]);
        assert!(headers.contains_key("cluster-uuid"));
        if !status.is_success() {
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let body = std::str::from_utf8(&body).unwrap();
            assert_eq!(headers["content-length"], body.len().to_string());
            assert_eq!(
                json(body)["request_id"],
                headers["request-id"].to_str().unwrap()
            );
            assert!(
                headers["content-type"]
                    .to_str()
                    .unwrap()
                    .starts_with("application/json")
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_cut_short_stores_nothing() {
    let site = Site::start(Auth::Disabled).await;
    let mut stream = site.connect().await;
    let request = b"POST /api/v3/write_lp?db=d HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n\
          m v=1 1\nm v=2 2\n";
    stream.write_all(request).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.contains(r#""reason":"truncated_body""#),
        "{answer:?}"
    );
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
    let (status, _) = site
        .ask(Ask::get("/api/v3/query_sql?db=d&q=SELECT+1"))
        .await;
    assert_eq!(status, 404, "the database was not made either");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_has_begun_is_finished_at_shutdown() {
    let site = Site::start(Auth::Disabled).await;
    let mut stream = site.connect().await;
    let head = b"POST /api/v3/write_lp?db=d HTTP/1.1\r\nhost: x\r\ncontent-length: 16\r\n\
          expect: 100-continue\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut leave = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut leave).await.unwrap();
    assert!(leave.starts_with(b"HTTP/1.1 100 "));
    site.shutdown.cancel();
    stream.write_all(b"m v=1 1\nm v=2 2\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer:?}");
    assert_eq!(
        site.rows("d", "SELECT count(*) AS n FROM m").await,
        r#"[{"n":2}]"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_race_for_a_schema_get_the_same_answers_as_in_a_row() {
    let site = Arc::new(Site::start(Auth::Disabled).await);
    let literals = ["1.5", "1i", "1u", "\"x\"", "true"];
    let writes = literals.map(|literal| {
        let site = Arc::clone(&site);
        let body = format!(
            "m,t={} v={literal} 1\nm,t=own{} w=1 2",
            literal.len(),
            literal.len()
        );
        tokio::spawn(async move {
            site.ask(Ask::post("/api/v3/write_lp?db=d", body.as_bytes()))
                .await
        })
    });
    let mut statuses = Vec::new();
    for write in writes {
        let (status, text) = write.await.unwrap();
        if status != 204 {
            assert_eq!(reason(&text), "field_type_conflict", "{text}");
            assert_eq!(json(&text)["data"][0]["line_number"], 1, "{text}");
        }
        statuses.push(status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 400, 400, 400, 400], "one type wins");
    let rows = site
        .rows("d", "SELECT count(*) AS n, count(v) AS v FROM m")
        .await;
    // The second lines differ by tag where the literals differ in length: 3, 2, 2, 3 and 4.
    assert_eq!(rows, r#"[{"n":4,"v":1}]"#, "every second line is stored");
}
