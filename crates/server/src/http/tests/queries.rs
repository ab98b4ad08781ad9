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
            Ask::get("/api/v3/query_sql?db=d&q=SELECT+1&params=%22%22"),
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
    let json = |ask: Ask<'static>| ask.with("content-type", "application/json");
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
            json(Ask::post(
                PATH,
                br#"{"db":"c","retention_period":"a while"}"#,
            )),
            400,
            "invalid_parameter",
        ),
        (
            json(Ask::post(PATH, br#"{"db":"c","retention_period":"30d"}"#)),
            200,
            "",
        ),
        (
            json(Ask::new(
                Method::PUT,
                PATH,
                br#"{"db":"c","retention_period":"7d"}"#,
            )),
            200,
            "",
        ),
        (
            json(Ask::new(Method::PUT, PATH, br#"{"db":"nowhere"}"#)),
            404,
            "database_not_found",
        ),
        (create("d"), 200, ""),
        (create("e"), 422, "database_limit"),
        (drop("/api/v3/configure/database?db=c"), 200, ""),
        (
            drop("/api/v3/configure/database?db=d&hard_delete_at=now"),
            200,
            "",
        ),
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
        "iox::database,deleted\na,false\nb,false\nc,true\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_made_and_dropped() {
    const PATH: &str = "/api/v3/configure/table";
    let site = Site::start(Auth::Disabled).await;
    let json = |ask: Ask<'static>| ask.with("content-type", "application/json");
    let body =
        br#"{"db":"db","table":"pump","tags":["id"],"fields":[{"name":"flow","type":"float64"}]}"#;
    for (ask, status, expected) in [
        (
            json(Ask::post("/api/v3/configure/database", br#"{"db":"db"}"#)),
            200,
            "",
        ),
        (json(Ask::post(PATH, body)), 200, ""),
        (json(Ask::post(PATH, body)), 409, "table_exists"),
        (
            json(Ask::post(
                PATH,
                br#"{"db":"nowhere","table":"t","tags":[]}"#,
            )),
            404,
            "database_not_found",
        ),
        (
            json(Ask::post(
                PATH,
                br#"{"db":"db","table":"t","tags":["time"]}"#,
            )),
            400,
            "reserved_column",
        ),
        (
            Ask::new(
                Method::DELETE,
                "/api/v3/configure/table?db=db&table=pump",
                b"",
            ),
            200,
            "",
        ),
        (
            Ask::new(
                Method::DELETE,
                "/api/v3/configure/table?db=db&table=pump",
                b"",
            ),
            404,
            "table_not_found",
        ),
        (json(Ask::post(PATH, body)), 200, ""),
        (
            Ask::new(
                Method::DELETE,
                "/api/v3/configure/table?db=db&table=pump&hard_delete_at=2999-01-01",
                b"",
            ),
            400,
            "invalid_parameter",
        ),
        (
            Ask::new(
                Method::DELETE,
                "/api/v3/configure/table?db=db&table=pump&hard_delete_at=now",
                b"",
            ),
            200,
            "",
        ),
        (
            Ask::new(
                Method::DELETE,
                "/api/v3/configure/table?db=db&table=pump&hard_delete_at=now",
                b"",
            ),
            404,
            "table_not_found",
        ),
        (
            Ask::new(Method::DELETE, PATH, b""),
            400,
            "missing_parameter",
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
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_change_things_need_a_post() {
    let site = Site::start(Auth::Disabled).await;
    let uri = "/api/v3/query_sql?db=db&q=CREATE%20DATABASE%20made";
    let (status, text) = site.ask(Ask::get(uri)).await;
    assert_eq!(
        (status, reason(&text).as_str()),
        (403, "statement_not_allowed")
    );
    let body = br#"{"db":"db","q":"CREATE DATABASE made"}"#;
    let (status, text) = site.ask(Ask::post("/api/v3/query_sql", body)).await;
    assert_eq!(
        (status, text.as_str()),
        (200, r#"[{"status":"database created"}]"#)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn v2_deletes_rows_by_tags_and_time() {
    let site = Site::start(Auth::Disabled).await;
    let create = Ask::post("/api/v3/configure/database", br#"{"db":"db"}"#);
    let created = site
        .ask(create.with("content-type", "application/json"))
        .await;
    assert_eq!(created.0, 200);
    let lines = b"m,host=a v=1 1\nm,host=a v=2 2\nm,host=b v=3 1\nn,host=a v=4 1";
    let (status, text) = site
        .ask(Ask::post(
            "/api/v3/write_lp?db=db&precision=nanosecond",
            lines,
        ))
        .await;
    assert_eq!(status, 204, "{text}");
    let left = async || {
        let uri = "/api/v3/query_sql?db=db&format=csv&q=\
            SELECT%20v%20FROM%20m%20UNION%20ALL%20SELECT%20v%20FROM%20n%20ORDER%20BY%20v";
        site.ask(Ask::get(uri)).await.1
    };
    const PATH: &str = "/api/v2/delete?org=o&bucket=db";
    for (body, status, expected, rows) in [
        ("{", 400, "invalid_json", "v\n1.0\n2.0\n3.0\n4.0\n"),
        (
            r#"{"start":"yesterday","stop":"1970-01-02T00:00:00Z"}"#,
            400,
            "invalid_timestamp",
            "v\n1.0\n2.0\n3.0\n4.0\n",
        ),
        (
            r#"{"start":"1970-01-01T00:00:00Z","stop":"1970-01-02T00:00:00Z","predicate":"host=a OR host=b"}"#,
            400,
            "invalid_predicate",
            "v\n1.0\n2.0\n3.0\n4.0\n",
        ),
        (
            r#"{"start":"1970-01-01T00:00:00Z","stop":"1970-01-01T00:00:00.000000001Z","predicate":"_measurement=\"m\" AND host='a'"}"#,
            204,
            "",
            "v\n2.0\n3.0\n4.0\n",
        ),
        (
            r#"{"start":"1970-01-01T00:00:00Z","stop":"1970-01-02T00:00:00Z","predicate":"v=3"}"#,
            400,
            "invalid_predicate",
            "v\n2.0\n3.0\n4.0\n",
        ),
        (
            r#"{"start":"1970-01-01T00:00:00Z","stop":"1970-01-02T00:00:00Z","predicate":"_measurement=n AND v=\"4\""}"#,
            400,
            "invalid_predicate",
            "v\n2.0\n3.0\n4.0\n",
        ),
        (
            r#"{"start":"1970-01-01T00:00:00Z","stop":"1970-01-02T00:00:00Z","predicate":"_field=v"}"#,
            400,
            "invalid_predicate",
            "v\n2.0\n3.0\n4.0\n",
        ),
        (
            r#"{"start":"1970-01-01T00:00:00Z","stop":"1970-01-02T00:00:00Z","predicate":"line=A"}"#,
            204,
            "",
            "v\n2.0\n3.0\n4.0\n",
        ),
        (
            r#"{"start":"1970-01-01T00:00:00Z","stop":"1970-01-02T00:00:00Z","predicate":"_measurement=o AND v=3"}"#,
            204,
            "",
            "v\n2.0\n3.0\n4.0\n",
        ),
        (
            r#"{"start":"1600-01-01T00:00:00Z","stop":"2900-01-01T00:00:00Z","predicate":"host=a"}"#,
            204,
            "",
            "v\n3.0\n",
        ),
    ] {
        let ask = Ask::post(PATH, body.as_bytes());
        let (got, text) = site.ask(ask).await;
        assert_eq!(
            (got, reason(&text).as_str()),
            (status, expected),
            "{body} {text}"
        );
        assert_eq!(left().await, rows, "{body}");
    }
    let unknown = Ask::post(
        "/api/v2/delete?bucket=nowhere",
        br#"{"start":"1970-01-01T00:00:00Z","stop":"1970-01-01T00:00:00Z"}"#,
    );
    let (status, text) = site.ask(unknown).await;
    assert_eq!(
        (status, reason(&text).as_str()),
        (404, "database_not_found")
    );
}
