//! Statements and what comes back, through the whole router.

use axum::body::to_bytes;
use axum::http::Method;

use crate::auth::Auth;
use crate::http::tests::{Ask, Site};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn post(site: &Site, query: &str) -> (u16, String) {
    let body: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("q", query)
        .finish();
    let (status, text) = site
        .ask(Ask::post("/query", body.as_bytes()).with(FORM.0, FORM.1))
        .await;
    (status, text.trim_end().to_owned())
}

async fn open() -> Site {
    let limits = catalog::Limits {
        databases: 6,
        ..catalog::Limits::default()
    };
    Site::with_limits(Auth::Disabled, limits).await
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_on_databases_and_policies_do_what_they_do_in_influxdb() {
    let site = open().await;
    let done = r#"{"results":[{"statement_id":0}]}"#;
    let columns = r#""columns":["name","duration","shardGroupDuration","replicaN","default"]"#;
    let failed =
        |problem: &str| format!(r#"{{"results":[{{"statement_id":0,"error":"{problem}"}}]}}"#);
    let autogen = r#"["autogen","0s","168h0m0s",1,true]"#;
    for (query, expected) in [
        ("SHOW DATABASES", r#"{"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"]}]}]}"#.to_owned()),
        (r#"CREATE DATABASE "plant""#, done.to_owned()),
        ("create database plant", done.to_owned()),
        ("CREATE DATABASE lab WITH DURATION 30d REPLICATION 1 SHARD DURATION 1h NAME autogen", done.to_owned()),
        ("CREATE DATABASE lab WITH DURATION 3d", failed("retention policy conflicts with an existing policy")),
        ("CREATE DATABASE lab WITH DURATION 4w2d", done.to_owned()),
        ("CREATE DATABASE x WITH DURATION 59m", failed("retention policy duration must be at least 1h0m0s")),
        ("SHOW DATABASES;", r#"{"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["lab"],["plant"]]}]}]}"#.to_owned()),
        ("CREATE RETENTION POLICY weekly ON plant DURATION 7d REPLICATION 1", done.to_owned()),
        ("CREATE RETENTION POLICY weekly ON plant DURATION 1w REPLICATION 1", done.to_owned()),
        ("CREATE RETENTION POLICY weekly ON plant DURATION 8d REPLICATION 1", failed("retention policy already exists")),
        ("CREATE RETENTION POLICY weekly ON nowhere DURATION 7d REPLICATION 1", failed("database not found: nowhere")),
        ("SHOW DATABASES", r#"{"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["lab"],["plant"]]}]}]}"#.to_owned()),
        ("SHOW RETENTION POLICIES ON plant", format!(
            r#"{{"results":[{{"statement_id":0,"series":[{{{columns},"values":[{autogen},["weekly","168h0m0s","24h0m0s",1,false]]}}]}}]}}"#)),
        ("ALTER RETENTION POLICY weekly ON plant DURATION INF", done.to_owned()),
        ("ALTER RETENTION POLICY autogen ON plant DURATION 1h DEFAULT", done.to_owned()),
        ("ALTER RETENTION POLICY yearly ON plant DURATION 52w", failed("retention policy not found: yearly")),
        ("SHOW RETENTION POLICIES ON plant", format!(
            r#"{{"results":[{{"statement_id":0,"series":[{{{columns},"values":[["autogen","1h0m0s","1h0m0s",1,true],["weekly","0s","168h0m0s",1,false]]}}]}}]}}"#)),
        ("SHOW RETENTION POLICIES", failed("database name required")),
        ("SHOW RETENTION POLICIES ON nowhere", failed("database not found: nowhere")),
        ("DROP RETENTION POLICY weekly ON plant", done.to_owned()),
        ("DROP RETENTION POLICY weekly ON plant", done.to_owned()),
        ("DROP DATABASE plant", done.to_owned()),
        ("DROP DATABASE plant", done.to_owned()),
        ("SHOW DATABASES", r#"{"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["lab"]]}]}]}"#.to_owned()),
    ] {
        assert_eq!(post(&site, query).await, (200, expected), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_without_a_policy_go_to_the_default_one() {
    let site = open().await;
    for query in [
        "CREATE DATABASE plant",
        "CREATE RETENTION POLICY raw ON plant DURATION 7d REPLICATION 1 DEFAULT",
        "CREATE DATABASE lab WITH DURATION 30d NAME month",
    ] {
        let (_, text) = post(&site, query).await;
        assert_eq!(text, r#"{"results":[{"statement_id":0}]}"#, "{query}");
    }
    let policies = async |database: &str| {
        let (_, text) = post(&site, &format!("SHOW RETENTION POLICIES ON {database}")).await;
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        let rows = &found["results"][0]["series"][0]["values"];
        let rows = rows.as_array().unwrap().iter();
        let shown = rows.map(|row| format!("{} {} {}", row[0], row[1], row[4]).replace('"', ""));
        shown.collect::<Vec<_>>()
    };
    assert_eq!(
        policies("plant").await,
        ["autogen 0s false", "raw 168h0m0s true"]
    );
    assert_eq!(policies("lab").await, ["month 720h0m0s true"]);
    let rows = async |database: &str| {
        let state = site.server.services().unwrap().catalog.state();
        state.database(database).unwrap().table("m").is_some()
    };
    for (uri, database) in [
        ("/write?db=plant", "plant/raw"),
        ("/write?db=plant&rp=autogen", "plant"),
        ("/write?db=lab", "lab"),
        ("/write?db=lab&rp=month", "lab"),
    ] {
        let (status, text) = site.ask(Ask::post(uri, b"m v=1")).await;
        assert_eq!(status, 204, "{uri}: {text}");
        assert!(rows(database).await, "{uri}");
    }
    post(&site, "ALTER RETENTION POLICY autogen ON plant DEFAULT").await;
    assert_eq!(
        policies("plant").await,
        ["autogen 0s true", "raw 168h0m0s false"]
    );
    post(&site, "DROP RETENTION POLICY raw ON plant").await;
    assert_eq!(policies("plant").await, ["autogen 0s true"]);
    post(&site, "DROP DATABASE plant; DROP DATABASE lab").await;
    let (_, text) = post(&site, "SHOW DATABASES").await;
    assert!(!text.contains("values"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_before_anything_runs() {
    let site = open().await;
    for (query, expected) in [
        ("SHOW", "found EOF, expected CONTINUOUS, DATABASES,"),
        (
            "CREATE DATABASE",
            "found EOF, expected identifier at line 1, char 16",
        ),
        (
            "CREATE DATABASE 'x'",
            "found x, expected identifier at line 1, char 17",
        ),
        (
            "CREATE DATABASE x y",
            "found y, expected ; EOF at line 1, char 19",
        ),
        (
            "CREATE DATABASE x WITH",
            "found EOF, expected DURATION, NAME, REPLICATION, SHARD",
        ),
        (
            "CREATE DATABASE x WITH DURATION soon",
            "found soon, expected duration",
        ),
        (
            "CREATE DATABASE x WITH REPLICATION 0",
            "found 0, expected integer",
        ),
        (
            "CREATE DATABASE x; SELEKT 1",
            "found SELEKT, expected SELECT, DELETE, SHOW,",
        ),
        (
            "CREATE RETENTION POLICY p ON x REPLICATION 1",
            "expected DURATION",
        ),
        (
            "CREATE RETENTION POLICY p ON x DURATION 1d",
            "expected REPLICATION",
        ),
        (
            "ALTER RETENTION POLICY p ON x",
            "expected DURATION, REPLICATION, SHARD, DEFAULT",
        ),
        ("DROP \"x", "found x, expected CONTINUOUS, DATABASE,"),
    ] {
        let (status, text) = post(&site, query).await;
        assert_eq!(status, 400, "{query}: {text}");
        assert!(
            text.starts_with(r#"{"error":"error parsing query: found "#),
            "{text}"
        );
        assert!(text.contains(expected), "{query}: {text}");
    }
    for query in ["", ";", " ; "] {
        let (status, text) = post(&site, query).await;
        assert_eq!(status, 400, "{query}");
        assert!(
            text.contains(r#"missing required parameter \"q\""#),
            "{text}"
        );
    }
    assert!(
        !post(&site, "SHOW DATABASES").await.1.contains('x'),
        "nothing was run"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_for_others_and_those_after_a_failure_are_not_run() {
    let site = open().await;
    for (query, words) in [
        (
            "SELECT mean(v) FROM m WHERE k =~ /;'/ GROUP BY time(1m)",
            "SELECT is not",
        ),
        ("SHOW MEASUREMENTS LIMIT 1", "SHOW MEASUREMENTS is not"),
        ("SHOW TAG VALUES FROM m WITH KEY = \"k\"", "SHOW TAG is not"),
        ("DROP MEASUREMENT \"m\"", "DROP MEASUREMENT is not"),
        ("CREATE USER u WITH PASSWORD 'p'", "CREATE USER is not"),
        ("GRANT ALL ON d TO u", "GRANT ALL is not"),
    ] {
        let (status, text) = post(&site, query).await;
        assert_eq!(status, 200);
        assert!(text.contains(words), "{query}: {text}");
    }
    let query = "CREATE DATABASE one; SHOW SERIES; CREATE DATABASE two";
    let (status, text) = post(&site, query).await;
    assert_eq!(status, 200);
    assert!(
        text.starts_with(
            r#"{"results":[{"statement_id":0},{"statement_id":1,"error":"SHOW SERIES"#
        ),
        "{text}"
    );
    assert!(
        text.ends_with(r#"{"statement_id":2,"error":"not executed"}]}"#),
        "{text}"
    );
    let (_, text) = post(&site, "SHOW DATABASES").await;
    assert!(text.contains(r#"[["one"]]"#), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_to_the_policy_that_was_made() {
    let site = open().await;
    post(
        &site,
        "CREATE DATABASE plant; CREATE RETENTION POLICY weekly ON plant DURATION INF REPLICATION 1",
    )
    .await;
    for (uri, status) in [
        ("/write?db=plant", 204),
        ("/write?db=plant&rp=autogen", 204),
        ("/write?db=plant&rp=weekly", 204),
        ("/write?db=plant&rp=yearly", 404),
        ("/write?db=lab", 404),
    ] {
        let (found, text) = site.ask(Ask::post(uri, b"m v=1 1")).await;
        assert_eq!(found, status, "{uri}: {text}");
    }
    let (_, text) = site
        .ask(Ask::post("/write?db=plant&rp=yearly", b"m v=1 1"))
        .await;
    assert!(text.contains("database not found"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_address_and_form_are_taken_together() {
    let site = open().await;
    post(&site, "CREATE DATABASE plant").await;
    let policies = "SHOW RETENTION POLICIES".replace(' ', "+");
    let in_form = format!("q={policies}");
    let both = Ask::post("/query?db=plant&epoch=ms", in_form.as_bytes()).with(FORM.0, FORM.1);
    assert!(site.ask(both).await.1.contains("autogen"));
    let body_first =
        Ask::post("/query?db=nowhere&q=SHOW+DATABASES", b"db=plant").with(FORM.0, FORM.1);
    assert!(site.ask(body_first).await.1.contains("plant"));
    let uri = format!("/query?db=plant&q={policies}");
    assert!(site.ask(Ask::get(&uri)).await.1.contains("autogen"));
    let text = Ask::post("/query?db=plant", b"SHOW RETENTION POLICIES")
        .with("content-type", "application/vnd.influxql");
    assert!(site.ask(text).await.1.contains("autogen"));
    let (status, text) = site
        .ask(Ask::post("/query?db=plant", b"{}").with("content-type", "application/json"))
        .await;
    assert_eq!(status, 400, "{text}");
    // What is written by a GET is written, with a word about it.
    let (_, text) = site
        .ask(Ask::get("/query?q=CREATE+DATABASE+%22by+get%22"))
        .await;
    let word = r#"deprecated use of 'CREATE DATABASE \"by get\"' in a read only context, please use a POST request instead"#;
    assert!(text.contains(word), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_as_json_in_chunks_indented_or_as_csv() {
    let site = open().await;
    post(&site, "CREATE DATABASE one; CREATE DATABASE \"two, three\"").await;
    let two = "/query?q=SHOW+DATABASES;SHOW+RETENTION+POLICIES+ON+one";
    let (_, text) = site.ask(Ask::get(&format!("{two}&chunked=true"))).await;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[1].starts_with(r#"{"results":[{"statement_id":1,"series":[{"columns":"#),
        "{text}"
    );
    let (_, text) = site
        .ask(Ask::get("/query?q=SHOW+DATABASES&pretty=true"))
        .await;
    assert!(
        text.starts_with("{\n    \"results\": [\n        {\n"),
        "{text}"
    );
    let csv = "name,tags,name\ndatabases,,one\ndatabases,,\"two, three\"\n\nname,tags,name,duration,shardGroupDuration,replicaN,default\n,,autogen,0s,168h0m0s,1,true\n";
    for accept in ["text/csv", "application/csv, */*;q=0.1"] {
        let (_, text) = site.ask(Ask::get(two).with("accept", accept)).await;
        // Names with a comma are allowed in no database, so this one was refused.
        let expected = csv.replace("databases,,\"two, three\"\n", "");
        assert_eq!(text, expected);
    }
    let pack = Ask::get(two).with("accept", "application/x-msgpack, application/json");
    let response = site.send(crate::http::Profile::V1V2, pack.build()).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(
        to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap()
            .starts_with(b"{\"results\"")
    );
    let head = Ask::new(Method::PUT, two, b"");
    assert_eq!(site.ask(head).await.0, 405);
}
