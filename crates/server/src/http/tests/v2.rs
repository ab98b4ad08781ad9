//! The resources of v2's API: what they do, besides being listed and shown, which the recorded exchanges
//! and the programs with v2's clients hold.

use axum::http::header::SET_COOKIE;
use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::*;

/// A site that may be set up over the network.
async fn new_site() -> Site {
    let mut settings = Settings::default();
    settings.auth.allow_setup = true;
    Site::with_settings(Auth::Required, Limits::default(), settings).await
}

/// Sends JSON with a token; gives status and JSON.
async fn call(site: &Site, token: &str, method: Method, uri: &str, body: Value) -> (u16, Value) {
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let bearer = format!("Token {token}");
    let ask = Ask::new(method, uri, body.as_bytes()).with("authorization", &bearer);
    let (status, text) = site.ask(ask).await;
    let found = match text.is_empty() {
        true => Value::Null,
        false => json(&text),
    };
    (status, found)
}

async fn set_up(site: &Site) -> (u16, Value) {
    let setup = serde_json::json!({
        "username": "ada", "password": "correct horse", "org": "works", "bucket": "plant",
        "retentionPeriodSeconds": 3600, "token": "given-token",
    });
    let (status, text) = site
        .ask(Ask::post("/api/v2/setup", setup.to_string().as_bytes()))
        .await;
    (status, json(&text))
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_makes_the_first_records_once() {
    let site = new_site().await;
    let allowed = async || json(&site.ask(Ask::get("/api/v2/setup")).await.1)["allowed"].clone();
    assert_eq!(allowed().await, true);
    let (status, made) = set_up(&site).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["user"]["name"], "ada");
    assert_eq!(made["org"]["name"], "works");
    assert_eq!(made["bucket"]["retentionRules"][0]["everySeconds"], 3600);
    assert_eq!(made["bucket"]["orgID"], made["org"]["id"]);
    assert_eq!(made["auth"]["token"], "given-token");
    assert_eq!(made["auth"]["userID"], made["user"]["id"]);
    assert_eq!(allowed().await, false);
    let (status, refused) = set_up(&site).await;
    assert_eq!(status, 422);
    assert_eq!(refused["code"], "conflict");
    assert_eq!(refused["message"], "onboarding has already been completed");
    let (status, _) = call(
        &site,
        "given-token",
        Method::GET,
        "/api/v2/users",
        Value::Null,
    )
    .await;
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_is_off_unless_it_is_asked_for() {
    let site = Site::with_limits(Auth::Required, Limits::default()).await;
    assert_eq!(
        site.ask(Ask::get("/api/v2/setup")).await.1,
        r#"{"allowed":false}"#
    );
    assert_eq!(set_up(&site).await.0, 422);
    let site = new_site().await;
    let token =
        serde_json::json!({ "permissions": [{"action": "read", "resource": {"type": "buckets"}}] });
    let (status, _) = call(&site, TOKEN, Method::POST, "/api/v2/authorizations", token).await;
    assert_eq!(status, 201);
    assert_eq!(set_up(&site).await.0, 422, "somebody has begun to use it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_good_until_its_end() {
    let site = new_site().await;
    set_up(&site).await;
    let sign_in = async |name: &str, password: &str| {
        let basic = BASE64_STANDARD.encode(format!("{name}:{password}"));
        let basic = format!("Basic {basic}");
        let ask = Ask::post("/api/v2/signin", b"").with("authorization", &basic);
        site.send(Profile::V1V2, ask.build()).await
    };
    assert_eq!(sign_in("ada", "wrong").await.status(), 401);
    assert_eq!(sign_in("nobody", "correct horse").await.status(), 401);
    assert_eq!(site.ask(Ask::post("/api/v2/signin", b"")).await.0, 401);
    let response = sign_in("ada", "correct horse").await;
    assert_eq!(response.status(), 204);
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("influxdb"), "{cookie}");
    let me = async |cookie: &str| {
        let (status, text) = site
            .ask(Ask::get("/api/v2/me").with("cookie", cookie))
            .await;
        (status, json(&text)["name"].clone())
    };
    assert_eq!(me(cookie).await, (200, "ada".into()));
    let sign_out = Ask::post("/api/v2/signout", b"").with("cookie", cookie);
    assert_eq!(site.ask(sign_out).await.0, 204);
    assert_eq!(me(cookie).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_let_in_as_far_as_they_say() {
    let site = new_site().await;
    let (_, made) = set_up(&site).await;
    let (org, plant) = (&made["org"]["id"], &made["bucket"]["id"]);
    let lab = serde_json::json!({ "orgID": org, "name": "lab" });
    let (status, _) = call(&site, TOKEN, Method::POST, "/api/v2/buckets", lab).await;
    assert_eq!(status, 201);
    let token = async |permissions: Value| {
        let body = serde_json::json!({ "orgID": org, "permissions": permissions });
        let (status, made) = call(&site, TOKEN, Method::POST, "/api/v2/authorizations", body).await;
        (
            status,
            made["token"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let on = |action: &str, kind: &str, id: &Value| serde_json::json!({ "action": action, "resource": { "type": kind, "id": id, "orgID": org } });
    let (any, all) = (
        Value::Null,
        [
            on("write", "buckets", &Value::Null),
            on("write", "authorizations", &Value::Null),
        ],
    );
    for (permissions, expected) in [
        // Writing to plant, to lab; reading plant, lab; making a bucket.
        (
            vec![on("write", "buckets", plant)],
            [204, 403, 403, 403, 403],
        ),
        (
            vec![on("read", "buckets", plant)],
            [403, 403, 200, 403, 403],
        ),
        (
            vec![on("write", "buckets", &any)],
            [204, 204, 403, 403, 403],
        ),
        (vec![on("read", "buckets", &any)], [403, 403, 200, 200, 403]),
        (vec![on("read", "tasks", &any)], [403, 403, 403, 403, 403]),
        (all.to_vec(), [204, 204, 200, 200, 201]),
    ] {
        let (status, secret) = token(permissions.clone().into()).await;
        assert_eq!(status, 201);
        let mut found = Vec::new();
        for bucket in ["plant", "lab"] {
            let uri = format!("/api/v2/write?bucket={bucket}");
            let bearer = format!("Token {secret}");
            let ask = Ask::post(&uri, b"m v=1 1").with("authorization", &bearer);
            found.push(site.ask(ask).await.0);
        }
        for bucket in ["plant", "lab"] {
            let uri = format!("/api/v3/query_sql?db={bucket}&q=SELECT+*+FROM+m&format=json");
            found.push(call(&site, &secret, Method::GET, &uri, Value::Null).await.0);
        }
        let new = serde_json::json!({ "orgID": org, "name": "new" });
        found.push(
            call(&site, &secret, Method::POST, "/api/v2/buckets", new)
                .await
                .0,
        );
        assert_eq!(found, expected, "{permissions:?}");
    }
    for wrong in [
        serde_json::json!([]),
        serde_json::json!([{"action": "own", "resource": {"type": "buckets"}}]),
        serde_json::json!([{"action": "read", "resource": {"type": "rockets"}}]),
        serde_json::json!([{"action": "read", "resource": {"type": "buckets", "name": "p*"}}]),
    ] {
        assert_eq!(token(wrong.clone()).await.0, 400, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_are_databases_by_name_and_by_id() {
    let site = new_site().await;
    let (_, made) = set_up(&site).await;
    let id = made["bucket"]["id"].as_str().unwrap();
    let ask = |uri: &'static str| Ask::post(uri, b"m v=1 1");
    let bearer = format!("Token {TOKEN}");
    let by_id = format!("/api/v2/write?org=any&bucket={id}");
    let (status, text) = site
        .ask(Ask::post(&by_id, b"m v=1 1").with("authorization", &bearer))
        .await;
    assert_eq!(status, 204, "{text}");
    let mapping = serde_json::json!({
        "org": "works", "bucketID": id, "database": "old", "retention_policy": "raw", "default": true,
    });
    let (status, mapped) = call(&site, TOKEN, Method::POST, "/api/v2/dbrps", mapping).await;
    assert_eq!(status, 201, "{mapped}");
    for uri in ["/write?db=old", "/write?db=old&rp=raw", "/write?db=plant"] {
        let (status, text) = site.ask(ask(uri).with("authorization", &bearer)).await;
        assert_eq!(status, 204, "{uri}: {text}");
    }
    let (status, _) = site
        .ask(ask("/write?db=old&rp=fine").with("authorization", &bearer))
        .await;
    assert_eq!(status, 404);
    let bucket = format!("/api/v2/buckets/{id}");
    assert_eq!(
        call(&site, TOKEN, Method::DELETE, &bucket, Value::Null)
            .await
            .0,
        204
    );
    let (status, gone) = call(&site, TOKEN, Method::GET, &bucket, Value::Null).await;
    assert_eq!(
        (status, &gone["message"]),
        (404, &"bucket not found".into())
    );
    let (status, _) = site
        .ask(ask("/write?db=old").with("authorization", &bearer))
        .await;
    assert_eq!(status, 404, "the mapping leads nowhere now");
}
