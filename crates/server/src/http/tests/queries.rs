//! Queries, and the databases they are for.

use super::*;

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
