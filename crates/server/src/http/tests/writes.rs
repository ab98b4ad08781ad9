//! Writes on every surface: what is stored and what is answered.

use std::io::Write as _;

use super::*;

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
async fn a_body_that_is_cut_short_stores_nothing() {
    let site = Site::start(Auth::Disabled).await;
    let mut stream = site.connect().await;
    let request =
        b"POST /api/v3/write_lp?db=d HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n\
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
    let head = b"POST /api/v3/write_lp?db=d HTTP/1.1\r\nhost: localhost\r\ncontent-length: 16\r\n\
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

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_nobody_will_see_are_counted() {
    let site = Site::start(Auth::Disabled).await;
    let ask = Ask::post(
        "/api/v3/query_sql",
        br#"{"db":"plant","q":"CREATE DATABASE plant RETENTION '1h'"}"#,
    );
    let (status, text) = site.ask(ask).await;
    assert_eq!(status, 200, "{text}");
    for (uri, profile) in [
        ("/write?db=plant", Profile::V1V2),
        ("/api/v2/write?bucket=plant&org=x", Profile::V1V2),
        ("/api/v3/write_lp?db=plant", Profile::V3),
    ] {
        for (lines, expected) in [("m v=1\nm v=2 1\nm v=3 2\n", Some("2")), ("m v=1\n", None)] {
            let response = site
                .send(profile, Ask::post(uri, lines.as_bytes()).build())
                .await;
            assert_eq!(response.status(), 204, "{uri}");
            let count = response.headers().get("x-tidemill-rows-too-old");
            let count = count.map(|count| count.to_str().unwrap());
            assert_eq!(count, expected, "{uri}");
        }
    }
    let (_, metrics) = site.ask(Ask::get("/metrics")).await;
    let line = metrics
        .lines()
        .find(|line| line.starts_with("tidemill_write_rows_too_old_total{api=\"v1\"}"));
    assert_eq!(
        line.and_then(|line| line.split(' ').next_back()),
        Some("2"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_do_not_fit_are_named_beside_those_of_wrong_syntax() {
    let site = Site::start(Auth::Disabled).await;
    let created = Ask::post("/api/v3/configure/database", br#"{"db":"plant"}"#)
        .with("content-type", "application/json");
    assert_eq!(site.ask(created).await.0, 200);
    let first = site.ask(Ask::post("/write?db=plant", b"m v=1 1")).await;
    assert_eq!(first.0, 204);
    let lines = b"m v=\"s\" 2\nm v= 3\nm v=5 5\n";
    for uri in ["/write?db=plant", "/api/v2/write?bucket=plant&org=x"] {
        let (status, text) = site.ask(Ask::post(uri, lines)).await;
        assert_eq!(status, 400, "{uri} {text}");
        for marker in [
            "unable to parse 'm v= 3'",
            "input field \\\"v\\\" on measurement",
        ] {
            assert!(text.contains(marker), "{uri} {marker}: {text}");
        }
    }
}
