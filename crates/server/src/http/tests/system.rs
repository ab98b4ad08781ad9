//! What holds for all requests: who gets in, headers, shared paths.

use super::*;

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
        let response = listening(&server, Profile::V1V2)
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
