//! Who gets in: by which schemes, with which words when not, where the first token is, and that no
//! token ever shows in a log.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::client::Client;
use crate::harness::{Server, Site};

/// The token of most servers here, and `anyone:` before it in base64.
const TOKEN: &str = "it-token-3f9a2c";
const BASIC: &str = "Basic YW55b25lOml0LXRva2VuLTNmOWEyYw==";
/// `root:root`, which v1 clients send by default.
const ROOT: &str = "Basic cm9vdDpyb290";

/// A server with that token and a database `db`.
fn guarded() -> Server {
    let server = Site::new()
        .env("TIDEMILL_INIT_ADMIN_TOKEN", TOKEN)
        .token(TOKEN)
        .start();
    server.client().create("db");
    server
}

/// Sends with an `Authorization` header of its own, or none.
fn send(client: &Client, path: &str, authorization: Option<&str>) -> (u16, Value) {
    let headers = authorization.map(|value| ("authorization", value));
    let headers: Vec<_> = headers.into_iter().collect();
    let reply = client
        .with_token(None)
        .send("POST", path, &headers, b"m v=1 1699999200000000000");
    let body = if reply.body.is_empty() {
        Value::Null
    } else {
        reply.json()
    };
    (reply.status, body)
}

#[test]
fn each_api_lets_its_schemes_in() {
    let server = guarded();
    let client = server.client();
    let bearer = format!("Bearer {TOKEN}");
    let token = format!("Token {TOKEN}");
    let lower = format!("token {TOKEN}");
    for path in [
        "/write?db=db",
        "/api/v2/write?bucket=db",
        "/api/v3/write_lp?db=db",
    ] {
        for client in [client.clone(), client.on_v3()] {
            for scheme in [bearer.as_str(), &token, &lower, BASIC] {
                assert_eq!(
                    send(&client, path, Some(scheme)),
                    (204, Value::Null),
                    "{path} {scheme}"
                );
            }
        }
    }
    let by_parameter = format!("/write?db=db&u=me&p={TOKEN}");
    assert_eq!(send(client, &by_parameter, None).0, 204);
    // In an address a token ends up in logs of proxies, so only v1, which always had it, takes it.
    for path in [
        "/api/v2/write?bucket=db&u=me&p=",
        "/api/v3/write_lp?db=db&p=",
    ] {
        assert_eq!(
            send(client, &format!("{path}{TOKEN}"), None).0,
            401,
            "{path}"
        );
    }
}

#[test]
fn each_api_refuses_in_its_own_words() {
    let server = guarded();
    let malformed = "Authorization header was malformed, the request was not in the form of \
                     'Authorization: <auth-scheme> <token>', supported auth-schemes are Bearer, \
                     Token and Basic";
    let (parse, failed) = (
        "unable to parse authentication credentials",
        "authorization failed",
    );
    let unknown = "the request was not authenticated";
    for (authorization, v1, v3) in [
        (None, parse, (401, unknown)),
        (Some("Bearer wrong"), failed, (401, unknown)),
        (Some("Token wrong"), failed, (401, unknown)),
        (Some(ROOT), failed, (401, unknown)),
        (Some("Bearer it-token-3f9a2"), failed, (401, unknown)),
        (Some("Bearer IT-TOKEN-3F9A2C"), failed, (401, unknown)),
        (Some("Bearer fake token"), parse, (400, malformed)),
        (Some("Bearer"), parse, (400, malformed)),
        (Some("Digest x"), parse, (400, malformed)),
        (Some("Basic !!"), parse, (400, malformed)),
        (Some(TOKEN), parse, (400, malformed)),
    ] {
        for client in [server.client().clone(), server.client().on_v3()] {
            let (status, body) = send(&client, "/write?db=db", authorization);
            assert_eq!(
                (status, &body["error"]),
                (401, &json!(v1)),
                "{authorization:?}"
            );
            let (status, body) = send(&client, "/api/v2/write?bucket=db", authorization);
            assert_eq!(
                (status, &body["code"]),
                (401, &json!("unauthorized")),
                "{authorization:?}"
            );
            assert_eq!(body["message"], "unauthorized access", "{authorization:?}");
            let (status, body) = send(&client, "/api/v3/write_lp?db=db", authorization);
            assert_eq!(
                (status, &body["error"]),
                (v3.0, &json!(v3.1)),
                "{authorization:?}"
            );
        }
    }
    assert_eq!(server.client().tables("db"), [""; 0]);
}

#[test]
fn every_401_says_how_to_get_in() {
    let server = guarded();
    let client = server.client().with_token(None);
    for authorization in ["Bearer wrong", "Bearer", "Odd x"] {
        for (path, challenge) in [
            ("/write?db=db", r#"Basic realm="InfluxDB""#),
            ("/api/v2/write?bucket=db", "Bearer"),
        ] {
            let reply = client.send("POST", path, &[("authorization", authorization)], b"m v=1");
            let found = reply.header("www-authenticate");
            assert!(
                reply.status == 401 && found.starts_with(challenge),
                "{path} {authorization}"
            );
        }
    }
    let reply = client.get("/api/v3/query_sql");
    assert!(reply.header("www-authenticate").starts_with("Bearer"));
}

#[test]
fn every_path_but_the_probes_is_guarded() {
    let server = guarded();
    let stranger = server.client().with_token(None);
    for (method, path, status) in [
        ("GET", "/health", 200),
        ("GET", "/ready", 200),
        ("GET", "/ping", 204),
        ("HEAD", "/ping", 204),
        ("GET", "/metrics", 401),
        ("POST", "/write?db=db", 401),
        ("POST", "/write?db=nowhere", 401),
        ("GET", "/write", 401),
        ("POST", "/api/v2/write?bucket=db", 401),
        ("POST", "/api/v3/write_lp?db=new", 401),
        ("GET", "/api/v3/query_sql?db=db&q=SELECT+1", 401),
        ("POST", "/api/v3/query_sql", 401),
        ("GET", "/api/v3/configure/database", 401),
        ("POST", "/api/v3/configure/database", 401),
        ("DELETE", "/api/v3/configure/database?db=db", 401),
        ("GET", "/no/such/path", 401),
        ("GET", "/", 401),
        ("GET", "/health/", 401),
        ("GET", "/ready/../metrics", 401),
    ] {
        let reply = stranger.send(method, path, &[], b"");
        assert_eq!(reply.status, status, "{method} {path}");
    }
    let on_v3 = stranger.on_v3();
    assert_eq!(on_v3.get("/ping").status, 401, "v3 clients look for this");
    assert_eq!(on_v3.get("/health").status, 200);
    assert_eq!(server.client().get("/no/such/path").status, 404);
    let databases = server
        .client()
        .get("/api/v3/configure/database?format=csv")
        .text();
    assert_eq!(
        databases, "iox::database\ndb\n",
        "nothing was created or deleted"
    );
}

#[test]
fn headers_beyond_reason_are_refused() {
    let server = guarded();
    let huge = format!("Bearer {}", "x".repeat(16 << 10));
    let (status, body) = send(server.client(), "/api/v3/write_lp?db=db", Some(&huge));
    assert_eq!((status, &body["reason"]), (431, &json!("header_too_large")));
    let twice = [("authorization", "Bearer x"), ("authorization", "Bearer y")];
    let reply = server
        .client()
        .with_token(None)
        .send("GET", "/metrics", &twice, b"");
    assert!(matches!(reply.status, 400 | 401), "{}", reply.status);
}

#[test]
fn the_first_start_makes_a_token_that_only_its_owner_reads() {
    let site = Site::new();
    let server = site.start();
    let file = site.data_dir().join("admin-token");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let token = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    assert!(
        token.starts_with("tidemill_") && token.len() >= 9 + 64,
        "{}",
        token.len()
    );
    assert_eq!(server.client().get("/metrics").status, 401);
    let client = server.client().with_token(Some(&token));
    assert_eq!(client.get("/metrics").status, 200);
    client.write("db", "m v=1 1");
    let log = server.stop();
    assert!(!log.contains(&token), "the token is not in the log");
    // A second start keeps it, and so it does when the file is gone.
    std::fs::remove_file(&file).unwrap();
    let server = site.start();
    let client = server.client().with_token(Some(&token));
    assert_eq!(client.dump("db"), ["m v=1.0 @1"]);
    assert!(!file.exists(), "no second token was made");
    let other = Site::new();
    let _other_server = other.start();
    let others = std::fs::read_to_string(other.data_dir().join("admin-token")).unwrap();
    assert_ne!(others.trim(), token);
}

#[test]
fn a_given_token_is_the_admin_token() {
    let site = Site::new();
    let file = site.folder().join("my-token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let site = site
        .arg("--admin-token-file")
        .arg(&file.display().to_string())
        .token(TOKEN);
    let server = site.start();
    assert_eq!(server.client().get("/metrics").status, 200);
    assert!(!site.data_dir().join("admin-token").exists());
    server.stop();
    // The init variable is for the first start only: it opens nothing afterwards.
    let server = site
        .clone()
        .env("TIDEMILL_INIT_ADMIN_TOKEN", "another")
        .start();
    assert_eq!(server.client().get("/metrics").status, 200);
    assert_eq!(
        server
            .client()
            .with_token(Some("another"))
            .get("/metrics")
            .status,
        401
    );
    server.stop();
    for (text, complaint) in [("", "admin token"), ("two words", "admin token")] {
        std::fs::write(&file, text).unwrap();
        let said = site.start_refused();
        assert!(said.contains(complaint), "{text:?}: {said}");
    }
    std::fs::remove_file(&file).unwrap();
    let said = site.start_refused();
    assert!(said.contains("my-token"), "{said}");
}

#[test]
fn init_variables_make_token_and_database() {
    let site = Site::new()
        .env("TIDEMILL_INIT_ADMIN_TOKEN", TOKEN)
        .token(TOKEN);
    let server = site.env("TIDEMILL_INIT_BUCKET", "plant").start();
    let client = server.client();
    assert_eq!(
        client.post("/api/v2/write?bucket=plant", "m v=1 1").status,
        204
    );
    assert_eq!(client.dump("plant"), ["m v=1.0 @1"]);
    assert!(!server.log().contains(TOKEN));
}

#[test]
fn a_server_without_authentication_listens_on_loopback_only() {
    for (flag, address) in [("--http-bind", "0.0.0.0:0"), ("--v3-bind", "0.0.0.0:0")] {
        let said = Site::open().arg(flag).arg(address).start_refused();
        assert!(said.contains("loopback"), "{flag}: {said}");
    }
    let server = Site::open().arg("--v3-bind").arg("none").start();
    assert_eq!(server.client().get("/metrics").status, 200);
    let wide = Site::new().env("TIDEMILL_INIT_ADMIN_TOKEN", TOKEN);
    let said = wide
        .clone()
        .env("TIDEMILL_LISTEN_WITHOUT_AUTH", "true")
        .arg("--http-bind");
    let said = said.arg("0.0.0.0:0").start_refused();
    assert!(said.contains("loopback"), "{said}");
}

#[test]
fn no_token_is_ever_logged() {
    let site = Site::new()
        .env("TIDEMILL_LOG", "trace")
        .env("TIDEMILL_INIT_ADMIN_TOKEN", TOKEN);
    let server = site.token(TOKEN).start();
    let client = server.client();
    client.create("db");
    let (wrong, basic) = ("wr0ng-t0ken-77", BASIC.strip_prefix("Basic ").unwrap());
    for authorization in [
        format!("Bearer {wrong}"),
        format!("Token {TOKEN}"),
        BASIC.to_owned(),
        format!("Odd {wrong}"),
        format!("Bearer {wrong} {wrong}"),
    ] {
        for path in [
            "/write?db=db",
            "/api/v2/write?bucket=db",
            "/api/v3/write_lp?db=none/x",
        ] {
            send(client, path, Some(&authorization));
            send(&client.on_v3(), path, Some(&authorization));
        }
    }
    for token in [TOKEN, wrong] {
        send(client, &format!("/write?db=db&u=me&p={token}"), None);
        send(client, &format!("/api/v2/write?bucket=db&p={token}"), None);
        send(client, &format!("/no/such/path?p={token}"), None);
    }
    client.rows("db", "SELECT * FROM m");
    client.raw(format!("GET /?p={wrong} HTTP/1.1\r\nauthorization {wrong}\r\n\r\n").as_bytes());
    let log = server.stop();
    assert!(
        log.contains("TRACE") && log.contains("/write"),
        "the log was on"
    );
    for secret in [TOKEN, wrong, basic] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}

#[test]
fn the_command_line_finds_or_takes_a_token() {
    let site = Site::new();
    let server = site.start();
    let token = std::fs::read_to_string(site.data_dir().join("admin-token")).unwrap();
    let list = |change: &dyn Fn(&mut std::process::Command)| {
        let mut command = server.cli(&["database", "list"]);
        change(&mut command);
        crate::harness::run(&mut command, b"").status.success()
    };
    assert!(list(&|_| {}), "the file in the data directory is found");
    let elsewhere = |command: &mut std::process::Command| {
        command.env("TIDEMILL_DATA_DIR", site.folder());
    };
    assert!(!list(&elsewhere), "without a token nobody gets in");
    assert!(list(&|command| {
        elsewhere(command);
        command.env("TIDEMILL_TOKEN", token.trim());
    }));
    assert!(list(&|command| {
        elsewhere(command);
        command
            .arg("--token-file")
            .arg(site.data_dir().join("admin-token"));
    }));
    assert!(!list(&|command| {
        command.env("TIDEMILL_TOKEN", "wrong");
    }));
}
