//! Requests that are wrong before their body is looked at: names of databases, parameters, methods;
//! and that names, good or bad, are never paths.

use crate::harness::{Server, Site};

#[test]
fn names_never_become_paths() {
    let site = Site::open();
    let server = site.start();
    let client = server.client();
    client.write(
        "evil",
        "../../../evil v=1 1\n/etc/evil v=2 2\n..\\\\evil,a/../b=c v=3 3",
    );
    assert_eq!(client.tables("evil").len(), 3);
    server.stop();
    let files = site.files("parquet");
    assert_eq!(files.len(), 3, "{files:?}");
    for file in &files {
        assert!(!file.to_string_lossy().contains("evil"), "{file:?}");
    }
    let beside: Vec<_> = std::fs::read_dir(site.folder()).unwrap().collect();
    assert_eq!(
        beside.len(),
        1,
        "only the data directory is there: {beside:?}"
    );
}

#[test]
fn names_of_databases_are_checked() {
    let server = Site::open()
        .set("server.writes.create_databases=true")
        .start();
    let client = server.client();
    let long = "x".repeat(300);
    let invalid = (400, "invalid_database_name");
    for (name, v1, v2, v3) in [
        ("..%2Fx", invalid, invalid, invalid),
        ("a%2F..%2Fb", invalid, invalid, invalid),
        ("a%2Fb%2Fc", invalid, invalid, invalid),
        ("_x", invalid, invalid, invalid),
        ("a%00b", invalid, invalid, invalid),
        ("a%0Ab", invalid, invalid, invalid),
        (long.as_str(), invalid, invalid, invalid),
        (
            "",
            (400, "missing_parameter"),
            (404, "missing_parameter"),
            invalid,
        ),
    ] {
        for (path, expected) in [
            (format!("/write?db={name}"), v1),
            (format!("/api/v2/write?bucket={name}"), v2),
            (format!("/api/v3/write_lp?db={name}"), v3),
        ] {
            let reply = client.post(&path, "m v=1 1");
            assert_eq!((reply.status, reply.reason().as_str()), expected, "{path}");
        }
    }
    let databases = client.get("/api/v3/configure/database?format=json");
    assert_eq!(databases.text(), "[]");
}

#[test]
fn parameters_that_say_nothing_are_refused() {
    let server = Server::open();
    let client = server.client();
    client.create("db");
    for (path, status, reason) in [
        ("/write", 400, "missing_parameter"),
        ("/api/v2/write", 404, "missing_parameter"),
        ("/api/v3/write_lp", 400, "missing_parameter"),
        ("/write?db=db&precision=xyz", 400, "invalid_precision"),
        (
            "/api/v2/write?bucket=db&precision=xyz",
            400,
            "invalid_precision",
        ),
        (
            "/api/v2/write?bucket=db&precision=h",
            400,
            "invalid_precision",
        ),
        (
            "/api/v3/write_lp?db=db&precision=xyz",
            400,
            "invalid_precision",
        ),
        (
            "/api/v3/write_lp?db=db&precision=h",
            400,
            "invalid_precision",
        ),
        (
            "/api/v3/write_lp?db=db&accept_partial=maybe",
            400,
            "invalid_parameter",
        ),
        (
            "/api/v3/write_lp?db=db&no_sync=maybe",
            400,
            "invalid_parameter",
        ),
    ] {
        let reply = client.post(path, "m v=1 1");
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (status, reason),
            "{path}"
        );
    }
    assert_eq!(client.dump("db"), [""; 0]);
}

#[test]
fn requests_of_the_wrong_kind_are_told_what_is_right() {
    let server = Server::open();
    let client = server.client();
    client.create("db");
    for path in [
        "/write?db=db",
        "/api/v2/write?bucket=db",
        "/api/v3/write_lp?db=db",
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let reply = client.send(method, path, &[], b"");
            assert_eq!(
                (reply.status, reply.header("allow")),
                (405, "POST"),
                "{method} {path}"
            );
            assert_eq!(reply.reason(), "method_not_allowed", "{method} {path}");
        }
        let headers = [("content-type", "application/json")];
        let reply = client.send("POST", path, &headers, b"m v=1 1699999200000000000");
        assert_eq!(reply.status, 204, "{path}");
    }
    assert_eq!(client.dump("db"), ["m v=1.0 @1699999200000000000"]);
    let reply = client.send("GET", "/ping", &[("x-long", &"x".repeat(100_000))], b"");
    assert_eq!(reply.status, 431);
    let answer = client.raw(b"\x16\x03\x01 this is no HTTP\r\n\r\n");
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    assert_eq!(client.get("/ping").status, 204, "the server lives");
}
