//! What writers of v1, v2 and v3 send is stored: units of time, packings, names of databases,
//! batches that are good in part.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::client::{Client, Reply};
use crate::harness::{Server, Site};

/// One of a time in all units: 2023-11-14T22:00:00Z, a full hour.
const SECONDS: u64 = 1_699_999_200;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).unwrap()
}

/// Writes one row in every unit of one API and looks at the time that was stored.
fn check_units(client: &Client, path: &str, units: &[(&str, u64)]) {
    client.write("units", "m v=0 0");
    for (unit, timestamp) in units {
        let table = format!("m_{}{unit}", path.len());
        let reply = client.post(&format!("{path}{unit}"), format!("{table} v=1 {timestamp}"));
        assert_eq!(
            (reply.status, reply.text()),
            (204, String::new()),
            "{path}{unit}"
        );
        let sql = format!("SELECT arrow_cast(time, 'Int64') FROM \"{table}\"");
        assert_eq!(
            client.count("units", &sql),
            SECONDS * 1_000_000_000,
            "{path}{unit}"
        );
    }
}

#[test]
fn every_api_takes_its_units_of_time() {
    let server = Server::open();
    let client = server.client();
    let (s, ms) = (SECONDS, SECONDS * 1000);
    let (us, ns) = (ms * 1000, ms * 1_000_000);
    let v1 = [
        ("", ns),
        ("n", ns),
        ("ns", ns),
        ("u", us),
        ("us", us),
        ("ms", ms),
        ("s", s),
        ("m", s / 60),
        ("h", s / 3600),
    ];
    check_units(client, "/write?db=units&precision=", &v1);
    let v2 = [("", ns), ("ns", ns), ("us", us), ("ms", ms), ("s", s)];
    check_units(client, "/api/v2/write?org=o&bucket=units&precision=", &v2);
    let v3 = [
        ("", ns),
        ("nanosecond", ns),
        ("ns", ns),
        ("n", ns),
        ("microsecond", us),
        ("us", us),
        ("u", us),
        ("millisecond", ms),
        ("ms", ms),
        ("second", s),
        ("s", s),
        ("auto", ns),
    ];
    check_units(client, "/api/v3/write_lp?db=units&precision=", &v3);
    check_units(&client.on_v3(), "/write?x=1&db=units&precision=", &v1);
}

#[test]
fn automatic_precision_goes_by_the_size_of_the_number() {
    let server = Server::open();
    let client = server.client();
    for (timestamp, nanos) in [
        ("0", "0"),
        ("1699999200", "1699999200000000000"),
        ("4999999999", "4999999999000000000"),
        ("5000000000", "5000000000000000"),
        ("1699999200123", "1699999200123000000"),
        ("1699999200123456", "1699999200123456000"),
        ("1699999200123456789", "1699999200123456789"),
        ("-1", "-1000000000"),
        ("-1699999200123", "-1699999200123000000"),
    ] {
        let table = format!("t{timestamp}");
        let lines = format!("{table} v=1 {timestamp}");
        let reply = client.post("/api/v3/write_lp?db=auto", lines);
        assert_eq!(reply.status, 204, "{timestamp}: {}", reply.text());
        let sql = format!("SELECT arrow_cast(time, 'Int64') FROM \"{table}\"");
        assert_eq!(client.value("auto", &sql).to_string(), nanos, "{timestamp}");
    }
}

#[test]
fn bodies_may_be_packed() {
    let server = Server::open();
    let client = server.client();
    client.create("packed");
    let halves = ("m,t=a v=1 1\n", "m,t=b v=2 2\n");
    let both = format!("{}{}", halves.0, halves.1);
    let gzip_twice = [gzip(halves.0), gzip(halves.1)].concat();
    let zstd_twice = [zstd(halves.0), zstd(halves.1)].concat();
    for (encoding, body) in [
        ("identity", both.clone().into_bytes()),
        ("gzip", gzip(&both)),
        ("gzip", gzip_twice),
        ("GZIP", gzip(&both)),
        ("zstd", zstd(&both)),
        ("zstd", zstd_twice),
        ("gzip", Vec::new()),
    ] {
        let is_empty = body.is_empty();
        for path in [
            "/write?db=packed",
            "/api/v2/write?bucket=packed",
            "/api/v3/write_lp?db=packed&precision=ns",
        ] {
            let lines = body.len();
            let headers = [
                ("content-encoding", encoding),
                ("content-type", "text/plain"),
            ];
            let reply = client.send("POST", path, &headers, &body);
            assert_eq!(
                reply.status,
                204,
                "{path} {encoding} {lines}: {}",
                reply.text()
            );
            if !is_empty {
                let expected = [r#"m t="a" v=1.0 @1"#, r#"m t="b" v=2.0 @2"#];
                assert_eq!(client.dump("packed"), expected, "{path} {encoding}");
            }
        }
    }
}

#[test]
fn all_lines_of_a_request_without_a_time_get_the_same() {
    let server = Server::open();
    let client = server.client();
    client.create("clock");
    for path in [
        "/write?db=clock",
        "/api/v2/write?bucket=clock&precision=s",
        "/api/v3/write_lp?db=clock",
    ] {
        let table = format!("m{}", path.len());
        let lines: String = (0..500).map(|i| format!("{table},t={i} v={i}\n")).collect();
        assert_eq!(client.post(path, lines).status, 204, "{path}");
        let sql = format!(
            "SELECT count(*) AS n, count(DISTINCT time) AS times, \
             min(time) BETWEEN now() - INTERVAL '1 minute' AND now() AS is_now FROM {table}"
        );
        let expected = json!({ "n": 500, "times": 1, "is_now": true });
        assert_eq!(client.rows("clock", &sql), [expected], "{path}");
    }
}

/// A batch that is good in part, its bad lines, and what each API says of them.
const PARTLY_GOOD: &str =
    "# comment\n\nm,t=a v=1 1\nm,t=b v=NaN 2\r\nm s=\"two\nlines\" 3\nbad\nm v=4 4\n";
const GOOD_PART: [&str; 3] = [
    r#"m t="a" v=1.0 @1"#,
    r#"m s="two\nlines" @3"#,
    r#"m v=4.0 @4"#,
];

#[test]
fn good_lines_are_kept_on_every_api_and_the_others_named() {
    let server = Server::open();
    let client = server.client();
    let write = |client: &Client, path: &str, database: &str| -> Value {
        client.create(database);
        let reply = client.post(&format!("{path}{database}"), PARTLY_GOOD);
        assert_eq!(reply.status, 400, "{path}");
        assert_eq!(client.dump(database), GOOD_PART, "{path}");
        reply.json()
    };
    let both = "unable to parse 'm,t=b v=NaN 2': invalid number\n\
                unable to parse 'bad': missing fields";
    let v1 = write(client, "/write?db=", "v1");
    assert_eq!(v1["error"], format!("partial write: {both} dropped=0"));
    let v2 = write(client, "/api/v2/write?bucket=", "v2");
    assert_eq!(
        (&v2["code"], &v2["message"]),
        (&json!("invalid"), &json!(both))
    );
    let v2 = write(&client.on_v3(), "/api/v2/write?bucket=", "v2-as-v3");
    let message = v2["message"].as_str().unwrap();
    assert!(
        message.starts_with("write buffer error: line protocol parse failed: "),
        "{message}"
    );
    let v3 = write(client, "/api/v3/write_lp?precision=ns&db=", "v3");
    assert_eq!(v3["error"], "partial write of line protocol occurred");
    let data = v3["data"].as_array().unwrap();
    let place = |at: usize| {
        (
            data[at]["line_number"].as_u64(),
            data[at]["original_line"].as_str(),
        )
    };
    assert_eq!(place(0), (Some(4), Some("m,t=b v=NaN 2")));
    assert_eq!(place(1), (Some(7), Some("bad")));
    assert_eq!(data.len(), 2);
    for line in data {
        assert!(
            !line["error_message"].as_str().unwrap().is_empty(),
            "{line}"
        );
    }
}

#[test]
fn nothing_is_kept_when_all_lines_must_be_good() {
    let server = Server::open();
    let client = server.client();
    let path = "/api/v3/write_lp?db=strict&accept_partial=false&precision=ns";
    let reply = client.post(path, PARTLY_GOOD);
    assert_eq!(reply.status, 400);
    let body = reply.json();
    assert_eq!(body["error"], "line protocol parsing error");
    assert_eq!(body["data"]["line_number"], 4);
    assert_eq!(client.dump("strict"), [""; 0]);
    assert_eq!(client.post(path, "m v=1 1\nm v=2 2").status, 204);
    assert_eq!(client.dump("strict"), ["m v=1.0 @1", "m v=2.0 @2"]);
}

#[test]
fn writes_that_do_not_wait_for_the_disk_are_there_too() {
    let server = Server::open();
    let client = server.client();
    let reply = client.post(
        "/api/v3/write_lp?db=fast&no_sync=true&precision=ns",
        "m v=1 1",
    );
    assert_eq!(reply.status, 204, "{}", reply.text());
    assert_eq!(client.dump("fast"), ["m v=1.0 @1"]);

    let server = Site::open().set("wal.allow_no_sync=false").start();
    let client = server.client();
    let reply = client.post(
        "/api/v3/write_lp?db=fast&no_sync=true&precision=ns",
        "m v=1 1",
    );
    assert!(
        (400..500).contains(&reply.status),
        "{}: {}",
        reply.status,
        reply.text()
    );
    assert_eq!(client.dump("fast"), [""; 0]);
}

#[test]
fn fields_of_one_key_merge_and_the_newest_value_wins() {
    let server = Server::open();
    let client = server.client();
    client.write("merge", "m,t=a v=1,w=1i 1\nm,t=a v=2 1");
    client.write("merge", "m,t=a s=\"x\" 1");
    client.write("merge", "m,t=a w=3i 1\nm,t=b v=9 1");
    let expected = [r#"m s="x" t="a" v=2.0 w=3 @1"#, r#"m t="b" v=9.0 @1"#];
    let mut found = client.dump("merge");
    found.sort();
    assert_eq!(found, expected);
    // The same batch again changes nothing.
    client.write("merge", "m,t=a w=3i 1\nm,t=b v=9 1");
    assert_eq!(client.count("merge", "SELECT count(*) FROM m"), 2);
}

#[test]
fn values_of_every_type_come_back_as_they_were() {
    let server = Server::open();
    let client = server.client();
    let lines = r#"t,tag\ name=tag\,\ v\=al,ü=日本 f=-1.5e300,i=-9223372036854775808i,u=18446744073709551615u,yes=t,no=False,s="a \"q\" \\ , = ü" -1"#;
    client.write("types", lines);
    let row = &client.rows("types", "SELECT * FROM t")[0];
    let expected = json!({
        "tag name": "tag, v=al", "ü": "日本", "f": -1.5e300, "i": i64::MIN, "u": u64::MAX,
        "yes": true, "no": false, "s": "a \"q\" \\ , = ü", "time": "1969-12-31T23:59:59.999999999",
    });
    assert_eq!(*row, expected);
    let sql = "SELECT column_name AS c, data_type AS d FROM information_schema.columns \
               WHERE table_name = 't' ORDER BY c";
    let types = client.rows("types", sql);
    let types: Vec<_> = types
        .iter()
        .map(|row| (row["c"].as_str().unwrap(), row["d"].as_str().unwrap()))
        .collect();
    for (column, data_type) in [
        ("f", "Float64"),
        ("i", "Int64"),
        ("u", "UInt64"),
        ("yes", "Boolean"),
        ("no", "Boolean"),
    ] {
        assert!(types.contains(&(column, data_type)), "{column}: {types:?}");
    }
    assert!(
        types
            .iter()
            .any(|(c, d)| *c == "time" && d.starts_with("Timestamp(")),
        "{types:?}"
    );
}

#[test]
fn databases_are_found_by_the_names_of_each_api() {
    let server = Server::open();
    let client = server.client();
    client.create("plant");
    for (path, database) in [
        ("/write?db=plant", "plant"),
        ("/write?db=plant&rp=", "plant"),
        ("/write?db=plant&rp=autogen", "plant"),
        ("/write?db=plant&rp=default", "plant"),
        ("/write?db=plant&consistency=all&u=me&p=none", "plant"),
        ("/api/v2/write?bucket=plant", "plant"),
        (
            "/api/v2/write?orgID=0000000000000001&bucket=plant/autogen",
            "plant",
        ),
        ("/api/v3/write_lp?db=plant&precision=ns", "plant"),
        ("/api/v3/write_lp?db=new-one&precision=ns", "new-one"),
    ] {
        let reply = client.post(path, "m v=1 1");
        assert_eq!(reply.status, 204, "{path}: {}", reply.text());
        assert_eq!(client.dump(database), ["m v=1.0 @1"], "{path}");
    }
    let unknown = |path: &str| client.post(path, "m v=1 1");
    let reply = unknown("/write?db=nowhere");
    assert_eq!(
        (reply.status, &reply.json()["error"]),
        (404, &json!("database not found: \"nowhere\""))
    );
    let reply = unknown("/write?db=plant&rp=month");
    assert_eq!(
        (reply.status, &reply.json()["error"]),
        (404, &json!("database not found: \"plant/month\""))
    );
    let reply = unknown("/api/v2/write?bucket=nowhere");
    let body = reply.json();
    assert_eq!((reply.status, &body["code"]), (404, &json!("not found")));
    assert_eq!(body["message"], "bucket \"nowhere\" not found");
    let databases = client.get("/api/v3/configure/database?format=json").json();
    let expected = json!([{ "iox::database": "new-one" }, { "iox::database": "plant" }]);
    assert_eq!(databases, expected);
}

#[test]
fn writes_create_databases_at_the_v3_address_or_where_a_setting_says_so() {
    let set = Site::open().set("server.writes.create_databases=true");
    let server = set.start();
    check_creates_databases(server.client());
    let server = Server::open();
    check_creates_databases(&server.client().on_v3());
}

fn check_creates_databases(client: &Client) {
    for (path, database) in [
        ("/write?db=one", "one"),
        ("/write?db=one&rp=month", "one/month"),
        ("/api/v2/write?bucket=two", "two"),
        ("/api/v2/write?bucket=two/week", "two/week"),
    ] {
        assert_eq!(client.post(path, "m v=1 1").status, 204, "{path}");
        assert_eq!(client.dump(database), ["m v=1.0 @1"], "{path}");
    }
}

#[test]
fn every_answer_carries_the_headers_that_clients_read() {
    let server = Server::open();
    let client = server.client();
    client.create("db");
    let check = |what: &str, reply: Reply, status: u16| {
        assert_eq!(reply.status, status, "{what}");
        assert_eq!(reply.header("x-influxdb-build"), "OSS", "{what}");
        assert!(
            reply.header("x-influxdb-version").starts_with('v'),
            "{what}"
        );
        let id = reply.header("x-request-id");
        assert_eq!(id.len(), 36, "{what}: {id}");
        assert_eq!(id, reply.header("request-id"), "{what}");
        assert!(!reply.header("date").is_empty(), "{what}");
        if status >= 400 {
            let content_type = reply.header("content-type");
            assert!(
                content_type.starts_with("application/json"),
                "{what}: {content_type}"
            );
            assert_eq!(
                reply.header("content-length"),
                reply.body.len().to_string(),
                "{what}"
            );
            assert_eq!(reply.json()["request_id"], id, "{what}");
        }
    };
    for (path, body, status) in [
        ("/write?db=db", "m v=1", 204),
        ("/api/v2/write?bucket=db", "m v=1", 204),
        ("/api/v3/write_lp?db=db", "m v=1", 204),
        ("/write?db=db", "bad", 400),
        ("/api/v2/write?bucket=db", "bad", 400),
        ("/api/v3/write_lp?db=db", "bad", 400),
        ("/write?db=db&precision=x", "m v=1", 400),
        ("/no/such/path", "", 404),
    ] {
        check(path, client.post(path, body), status);
        check(path, client.on_v3().post(path, body), status);
    }
    check("/ping", client.get("/ping"), 204);
    check("/health", client.get("/health"), 200);
    check("/ready", client.get("/ready"), 200);
    let refused = client.post("/write?db=db", "bad");
    let error = refused.json()["error"].as_str().unwrap().to_owned();
    assert_eq!(refused.header("x-influxdb-error"), error);
    let refused = client.post("/api/v2/write?bucket=db", "bad");
    assert_eq!(refused.header("x-platform-error-code"), "invalid");
    assert_eq!(
        refused.header("content-type"),
        "application/json; charset=utf-8"
    );
}

#[test]
fn status_pages_answer_as_each_profile_does() {
    let server = Server::open();
    let client = server.client();
    let health = client.get("/health").json();
    assert_eq!(health["name"], "influxdb");
    assert_eq!(health["message"], "ready for queries and writes");
    assert_eq!(health["status"], "pass");
    assert_eq!(client.get("/ready").json()["status"], "ready");
    assert_eq!(client.get("/ping").body, b"");
    assert_eq!(client.send("HEAD", "/ping", &[], b"").status, 204);
    assert!(client.get("/ping?verbose=true").json()["version"].is_string());
    let pong = client.on_v3().get("/ping");
    assert_eq!(
        (pong.status, pong.json()["product_name"].is_string()),
        (200, true)
    );
    let metrics = client.get("/metrics");
    assert_eq!(
        (metrics.status, metrics.header("content-type")),
        (200, "text/plain; version=0.0.4")
    );
    assert!(
        metrics
            .text()
            .lines()
            .any(|line| line.starts_with("# TYPE "))
    );
}
