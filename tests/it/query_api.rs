//! SQL over HTTP: every format, parameters, errors that help, and that no statement reaches outside
//! of its database.

mod bombs;
mod budget;
mod reach;
mod running;

use serde_json::{Value, json};

use crate::harness::Server;

const QUERY: &str = "/api/v3/query_sql";

/// A server with a small table `motor` in database `plant`.
fn plant() -> Server {
    let server = Server::open();
    let lines = "motor,id=m1 current=15.5,count=3i,ok=true 1700000000000000000\n\
                 motor,id=m2 note=\"a,\\\"b\\\"\\nc\" 1700000001000000001\n\
                 motor,id=m2 current=-1 1700000002000000000";
    server.client().write("plant", lines);
    server
}

const ALL: &str = "SELECT id, time, current, count, ok, note FROM motor ORDER BY time";

#[test]
fn rows_come_in_every_format() {
    let server = plant();
    let json = "[{\"id\":\"m1\",\"time\":\"2023-11-14T22:13:20\",\"current\":15.5,\"count\":3,\"ok\":true},\
                {\"id\":\"m2\",\"time\":\"2023-11-14T22:13:21.000000001\",\"note\":\"a,\\\"b\\\"\\\\nc\"},\
                {\"id\":\"m2\",\"time\":\"2023-11-14T22:13:22\",\"current\":-1.0}]";
    let lines = json[1..json.len() - 1].replace("},{", "}\n{") + "\n";
    let csv = "id,time,current,count,ok,note\n\
               m1,2023-11-14T22:13:20,15.5,3,true,\n\
               m2,2023-11-14T22:13:21.000000001,,,,\"a,\"\"b\"\"\\nc\"\n\
               m2,2023-11-14T22:13:22,-1.0,,,\n";
    for (format, accept, content_type, expected) in [
        ("json", "application/json", "application/json", json),
        ("json", "*/*", "application/json", json),
        ("json", "text/html, */*;q=0.8", "application/json", json),
        ("jsonl", "application/jsonl", "application/jsonl", &lines),
        (
            "json_lines",
            "application/x-ndjson",
            "application/jsonl",
            &lines,
        ),
        ("csv", "text/csv", "text/csv", csv),
    ] {
        let by_name = server.client().ask("plant", ALL, format);
        let body = json!({ "db": "plant", "q": ALL }).to_string();
        let headers = [("accept", accept)];
        let by_accept = server
            .client()
            .send("POST", QUERY, &headers, body.as_bytes());
        for reply in [by_name, by_accept] {
            assert_eq!(
                (reply.status, reply.text().as_str()),
                (200, expected),
                "{format} {accept}"
            );
            assert_eq!(
                reply.header("content-type"),
                content_type,
                "{format} {accept}"
            );
        }
    }
    let pretty = server.client().ask(
        "plant",
        "SELECT id, current FROM motor ORDER BY time",
        "pretty",
    );
    assert_eq!(pretty.header("content-type"), "text/plain; charset=utf-8");
    let expected = "+----+---------+\n\
                    | id | current |\n\
                    +----+---------+\n\
                    | m1 | 15.5    |\n\
                    | m2 |         |\n\
                    | m2 | -1.0    |\n\
                    +----+---------+";
    assert_eq!(pretty.text().trim_end(), expected);
    let parquet = server.client().ask("plant", ALL, "parquet");
    assert_eq!(
        parquet.header("content-type"),
        "application/vnd.apache.parquet"
    );
    assert!(parquet.body.starts_with(b"PAR1") && parquet.body.ends_with(b"PAR1"));
    for (name, accept) in [("xml", "*/*"), ("", "image/png")] {
        let body = json!({ "db": "plant", "q": ALL, "format": name }).to_string();
        let reply = server
            .client()
            .send("POST", QUERY, &[("accept", accept)], body.as_bytes());
        assert_eq!(reply.status, 400, "{name} {accept}");
    }
}

#[test]
fn results_without_rows_are_well_formed() {
    let server = plant();
    let ask = |format| {
        server
            .client()
            .ask("plant", "SELECT id FROM motor WHERE false", format)
    };
    for (format, expected) in [("json", "[]"), ("jsonl", ""), ("csv", "id\n")] {
        let reply = ask(format);
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, expected),
            "{format}"
        );
    }
    assert_eq!(ask("pretty").status, 200);
    assert_eq!(ask("parquet").status, 200);
}

#[test]
fn a_query_may_be_in_the_address_or_in_the_body() {
    let server = plant();
    for client in [server.client().clone(), server.client().on_v3()] {
        let sql = "SELECT+count(*)+AS+n+FROM+motor+WHERE+id=$id";
        let params = "%7B%22id%22%3A%22m2%22%7D";
        let path = format!("{QUERY}?db=plant&q={sql}&params={params}&format=csv");
        assert_eq!(client.get(&path).text(), "n\n2\n");
        let body = json!({
            "db": "plant", "q": "SELECT count(*) AS n FROM motor WHERE id = $id",
            "params": { "id": "m2" },
        });
        assert_eq!(
            client.post(QUERY, body.to_string()).json(),
            json!([{ "n": 2 }])
        );
    }
}

#[test]
fn parameters_are_values_and_never_text() {
    let server = plant();
    let ask = |sql: &str, params: Value| {
        let body = json!({ "db": "plant", "q": sql, "params": params });
        server.client().post(QUERY, body.to_string())
    };
    for (sql, params, expected) in [
        ("SELECT $a AS v", json!({ "a": 1 }), json!([{ "v": 1 }])),
        (
            "SELECT $a AS v",
            json!({ "a": -1.5 }),
            json!([{ "v": -1.5 }]),
        ),
        (
            "SELECT $a AS v",
            json!({ "a": true }),
            json!([{ "v": true }]),
        ),
        (
            "SELECT $a AS v",
            json!({ "a": "x' OR '1'='1" }),
            json!([{ "v": "x' OR '1'='1" }]),
        ),
        (
            "SELECT $a IS NULL AS v",
            json!({ "a": null }),
            json!([{ "v": true }]),
        ),
        (
            "SELECT id FROM motor WHERE current > $min",
            json!({ "min": 0 }),
            json!([{ "id": "m1" }]),
        ),
        (
            "SELECT id FROM motor WHERE id = $id",
            json!({ "id": "x' OR '1'='1" }),
            json!([]),
        ),
        (
            "SELECT id FROM motor WHERE time < $t",
            json!({ "t": "2023-11-14T22:13:21Z" }),
            json!([{ "id": "m1" }]),
        ),
    ] {
        let reply = ask(sql, params.clone());
        assert_eq!(
            (reply.status, reply.json()),
            (200, expected),
            "{sql} {params}"
        );
    }
    for params in [
        json!({}),
        json!({ "b": 1 }),
        json!({ "a": [1] }),
        json!({ "a": {} }),
        json!([1]),
    ] {
        let reply = ask("SELECT $a AS v", params.clone());
        assert_eq!(reply.status, 400, "{params}: {}", reply.text());
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let server = plant();
    let client = server.client();
    for (database, sql, status, reason, text) in [
        (
            "plant",
            "SELECT * FORM motor",
            400,
            "invalid_sql",
            "Line: 1, Column: ",
        ),
        ("plant", "SELEC 1", 400, "invalid_sql", "SELEC"),
        (
            "plant",
            "SELECT * FROM moter",
            400,
            "table_not_found",
            "did you mean 'motor'?",
        ),
        (
            "plant",
            "SELECT * FROM nothing_like_it",
            400,
            "table_not_found",
            "nothing_like_it",
        ),
        (
            "plant",
            "SELECT curent FROM motor",
            400,
            "column_not_found",
            "curent",
        ),
        (
            "plant",
            "SELECT curent FROM motor",
            400,
            "column_not_found",
            "did you mean 'current'? at Line: 1, Column: 8",
        ),
        (
            "plant",
            "SELECT nosuch(1)",
            400,
            "function_not_found",
            "function 'nosuch' not found at Line: 1, Column: 8",
        ),
        (
            "plant",
            "SELECT rmss(current) FROM motor",
            400,
            "function_not_found",
            "did you mean 'rms'?",
        ),
        (
            "plant",
            "SELECT 1; SELECT 2",
            400,
            "single_statement_only",
            "2",
        ),
        (
            "plant",
            "SELECT 1; DROP TABLE motor",
            400,
            "single_statement_only",
            "one statement",
        ),
        ("plant", "-- nothing", 400, "single_statement_only", "0"),
        ("plant", "SELECT 1/0", 400, "query_failed", "ivi"),
        ("plant", "SELECT CAST('x' AS INT)", 400, "query_failed", "x"),
        (
            "nowhere",
            "SELECT 1",
            404,
            "database_not_found",
            "database not found: nowhere",
        ),
    ] {
        let reply = client.ask(database, sql, "json");
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (status, reason),
            "{sql}: {}",
            reply.text()
        );
        let error = reply.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(text), "{sql}: {error}");
        assert_eq!(
            reply.json()["request_id"],
            reply.header("x-request-id"),
            "{sql}"
        );
    }
    for (path, text) in [
        (QUERY, "missing query parameters 'db' and 'q'"),
        ("/api/v3/query_sql?db=plant", "missing query parameter 'q'"),
        (
            "/api/v3/query_sql?q=SELECT+1",
            "missing query parameter 'db'",
        ),
    ] {
        let reply = client.get(path);
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (400, &json!(text)),
            "{path}"
        );
    }
    for body in [
        "",
        "SELECT 1",
        "[]",
        "{\"db\":1,\"q\":\"SELECT 1\"}",
        "{\"db\":\"plant\"",
    ] {
        assert_eq!(client.post(QUERY, body).status, 400, "{body}");
    }
}

#[test]
fn times_are_understood_as_clients_write_them() {
    let server = plant();
    for (condition, count) in [
        ("time >= '2023-11-14T22:13:21Z'", 2),
        ("time >= timestamp '2023-11-14T22:13:21Z'", 2),
        ("time >= cast('2023-11-14T22:13:21Z' as timestamp)", 2),
        ("time = '2023-11-14T22:13:21.000000001'", 1),
        ("time <= now()", 3),
        ("time > now() - INTERVAL '1 day'", 0),
        (
            "date_bin(interval '60 second', time, timestamp '1970-01-01T00:00:00Z') = '2023-11-14T22:13:00Z'",
            3,
        ),
        ("datepart('hour', time) = 22", 3),
        ("extract(second from time) > 20", 2),
    ] {
        let sql = format!("SELECT count(*) FROM motor WHERE {condition}");
        assert_eq!(server.client().count("plant", &sql), count, "{condition}");
    }
}

#[test]
fn results_are_packed_for_those_who_ask() {
    let server = plant();
    let body = json!({ "db": "plant", "q": ALL, "format": "csv" }).to_string();
    let request = |extra: &str| {
        let length = body.len();
        let request = format!(
            "POST {QUERY} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{extra}content-length: {length}\r\n\r\n{body}"
        );
        server.client().raw(request.as_bytes())
    };
    let is_packed = |answer: &str| answer.contains("content-encoding: gzip\r\n");
    assert!(is_packed(&request("accept-encoding: gzip\r\n")));
    assert!(!is_packed(&request("")));
    assert!(!is_packed(&request("accept-encoding: identity\r\n")));
    assert!(request("").contains("id,time,current"));
}

#[test]
fn databases_are_listed_created_and_deleted() {
    let server = Server::open();
    let client = server.client();
    let path = "/api/v3/configure/database";
    let headers = [("content-type", "application/json")];
    let create = |body: &str| client.send("POST", path, &headers, body.as_bytes());
    let list = || client.get(&format!("{path}?format=csv")).text();
    assert_eq!(list(), "iox::database\n");
    assert_eq!(create(r#"{"db":"one"}"#).status, 200);
    assert_eq!(create(r#"{"db":"one"}"#).status, 409);
    assert_eq!(list(), "iox::database\none\n");
    for (body, status) in [
        (r#"{"db":""}"#, 400),
        (r#"{"db":"../x"}"#, 400),
        (r#"{}"#, 400),
        ("x", 400),
        (r#"{"db":"two","retention_period":"soon"}"#, 400),
    ] {
        assert_eq!(create(body).status, status, "{body}");
    }
    assert_eq!(client.post(path, r#"{"db":"two"}"#).status, 415);
    client.write("one", "m v=1 1");
    assert_eq!(
        client
            .send("DELETE", &format!("{path}?db=one"), &[], b"")
            .status,
        200
    );
    assert_eq!(
        client
            .send("DELETE", &format!("{path}?db=one"), &[], b"")
            .status,
        404
    );
    assert_eq!(client.ask("one", "SELECT 1", "json").status, 404);
    assert_eq!(list(), "iox::database\n");
    // A new one of the same name has nothing of the old.
    client.create("one");
    assert_eq!(client.tables("one"), [""; 0]);
}
