//! Tokens over `/api/v3/configure/token…`.

use super::*;

async fn ask(site: &Site, method: Method, path: &str, body: &str) -> (u16, String) {
    let bearer = format!("Bearer {TOKEN}");
    let uri = format!("/api/v3/configure/token{path}");
    let ask = Ask::new(method, &uri, body.as_bytes()).with("authorization", &bearer);
    site.ask(ask.with("content-type", "application/json")).await
}

/// The status of a write with a token.
async fn write(site: &Site, token: &str, uri: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let ask = Ask::post(uri, b"motor v=1").with("authorization", &bearer);
    site.ask(ask).await.0
}

const PLANT: &str = "/api/v3/write_lp?db=plant";
const LAB: &str = "/api/v3/write_lp?db=lab";

fn secret(body: &str) -> String {
    let secret = json(body)["token"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("tidemill_"), "{secret}");
    secret
}

#[tokio::test]
async fn tokens_are_made_rotated_and_deleted() {
    let site = Site::with_limits(Auth::Required, Limits::default()).await;
    let post = Method::POST;
    let writer = r#"{"token_name":"writer","rights":[{"action":"write","database":"plant"}]}"#;
    let (status, body) = ask(&site, post.clone(), "", writer).await;
    assert_eq!(status, 201, "{body}");
    let made = json(&body);
    assert_eq!(
        (&made["name"], &made["expiry"]),
        (&"writer".into(), &Value::Null)
    );
    let first = secret(&body);
    assert_eq!(write(&site, &first, PLANT).await, 204);
    assert_eq!(write(&site, &first, LAB).await, 403);

    let rotate = r#"{"token_name":"writer"}"#;
    let (status, body) = ask(&site, post.clone(), "/rotate", rotate).await;
    assert_eq!(status, 201, "{body}");
    let second = secret(&body);
    assert_eq!(
        write(&site, &first, PLANT).await,
        204,
        "it is good for a while"
    );
    assert_eq!(write(&site, &second, PLANT).await, 204);
    let at_once = r#"{"token_name":"writer","grace_secs":0}"#;
    let third = secret(&ask(&site, post.clone(), "/rotate", at_once).await.1);
    assert_eq!(write(&site, &second, PLANT).await, 401);
    assert_eq!(write(&site, &third, PLANT).await, 204);

    let (status, list) = ask(&site, Method::GET, "?format=json", "").await;
    assert_eq!(status, 200);
    let names: Vec<_> = json(&list)
        .as_array()
        .unwrap()
        .iter()
        .map(|token| format!("{} {}", token["token_name"], token["permissions"]))
        .collect();
    assert_eq!(names, [r#""admin" "admin""#, r#""writer" "write:plant""#]);
    for secret in [&first, &second, &third] {
        assert!(!list.contains(&**secret));
    }
    assert_eq!(
        ask(&site, Method::DELETE, "?token_name=writer", "").await.0,
        200
    );
    assert_eq!(write(&site, &third, PLANT).await, 401);
}

#[tokio::test]
async fn named_administrators_are_as_v3_has_them() {
    let site = Site::with_limits(Auth::Required, Limits::default()).await;
    let check = async |method: Method, path: &str, body: &str, status: u16, expected: &str| {
        let (found, body) = ask(&site, method, path, body).await;
        assert_eq!(found, status, "{path}: {body}");
        assert!(body.contains(expected), "{path}: {body}");
    };
    let (post, delete) = (Method::POST, Method::DELETE);
    let named = r#"{"token_name":"boss","expiry_secs":3600}"#;
    check(post.clone(), "/named_admin", named, 201, "\"expiry\":\"20").await;
    check(
        post.clone(),
        "/named_admin",
        named,
        409,
        "token already exists: boss",
    )
    .await;
    check(
        post.clone(),
        "/admin",
        "",
        409,
        "token already exists: admin",
    )
    .await;
    check(
        delete.clone(),
        "?token_name=admin",
        "",
        405,
        "operator token",
    )
    .await;
    check(
        delete.clone(),
        "?token_name=nobody",
        "",
        404,
        "token not found",
    )
    .await;
    check(delete.clone(), "", "", 400, "token_name").await;
    let bad = r#"{"token_name":"x","rights":[{"action":"read","database":""}]}"#;
    check(post.clone(), "", bad, 400, "a name, or a pattern").await;
    check(
        post.clone(),
        "",
        r#"{"token_name":"x","rights":[{"action":"fly"}]}"#,
        400,
        "JSON",
    )
    .await;
    let long = format!(r#"{{"token_name":"{}"}}"#, "x".repeat(300));
    check(post.clone(), "/named_admin", &long, 400, "255 bytes").await;
    // From now on its old secret is worth nothing.
    let (status, body) = ask(&site, post.clone(), "/admin/regenerate", "").await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(write(&site, &secret(&body), PLANT).await, 204);
    check(post, "/admin/regenerate", "", 401, "not authenticated").await;
}

#[tokio::test]
async fn a_server_without_tokens_has_none_to_administer() {
    let site = Site::start(Auth::Disabled).await;
    for (method, path) in [
        (Method::POST, "/admin"),
        (Method::POST, "/admin/regenerate"),
        (Method::GET, "?format=json"),
        (Method::DELETE, "?token_name=x"),
    ] {
        let (status, body) = ask(&site, method, path, "").await;
        assert_eq!(status, 405, "{path} {body}");
        assert!(
            body.contains("endpoint disabled, started without auth"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn changes_are_audited_with_the_name_of_the_token() {
    let site = Site::with_limits(Auth::Required, Limits::default()).await;
    let named = r#"{"token_name":"boss"}"#;
    let boss = secret(&ask(&site, Method::POST, "/named_admin", named).await.1);
    let bearer = format!("Bearer {boss}");
    let sql = async |sql: &str| {
        let body = serde_json::json!({ "db": "plant", "q": sql, "format": "csv" }).to_string();
        let ask = Ask::post("/api/v3/query_sql", body.as_bytes());
        site.ask(ask.with("authorization", &bearer)).await
    };
    assert_eq!(sql("CREATE DATABASE plant RETENTION '1d'").await.0, 200);
    assert_eq!(sql("CREATE TOKEN reader READ ON plant").await.0, 200);
    assert_eq!(sql("DROP TOKEN reader").await.0, 200);
    let (_, log) = sql("SELECT who, action, subject FROM system.audit").await;
    let expected = "who,action,subject\n\
                    admin,create token,boss\n\
                    boss,create database,plant\n\
                    boss,create token,reader\n\
                    boss,remove token,reader\n";
    assert_eq!(log, expected);
    let (_, log) =
        sql("SELECT count(*) AS n FROM system.audit WHERE time > now() - INTERVAL '1 hour'").await;
    assert_eq!(log, "n\n4\n");
}
