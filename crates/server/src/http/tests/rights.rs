//! Rights to some tables, users and their sessions, requests that browsers are made to send.

use catalog::{Action, Member, Organization, Right, Rights, Role, Token, User};

use super::*;

/// A site with tables `motor` and `pump` in `plant`, `secret` in `lab`, and these rights for `some`.
async fn site(rights: &[(Action, &str, &[&str])]) -> Site {
    let site = Site::with_limits(Auth::Required, Limits::default()).await;
    let bearer = format!("Bearer {TOKEN}");
    for (database, lines) in [
        ("plant", "motor,host=a v=1 1\npump,host=a v=2 1"),
        ("lab", "secret v=3 1"),
    ] {
        let uri = format!("/api/v3/write_lp?db={database}&precision=ns");
        let write = Ask::post(&uri, lines.as_bytes()).with("authorization", &bearer);
        assert_eq!(site.ask(write).await.0, 204);
    }
    let right = |(action, database, tables): &(Action, &str, &[&str])| Right {
        action: *action,
        database: database.parse().unwrap(),
        tables: tables.iter().map(|table| table.parse().unwrap()).collect(),
    };
    let rights: Rights = rights.iter().map(right).collect::<Vec<_>>().into();
    let catalog = &site.server.services().unwrap().catalog;
    let token = |id| Token::new(id, "some", digest("some"), rights.clone(), 0);
    catalog.create_record(token).await.unwrap();
    site
}

/// The answer to a query of `some`.
async fn query(site: &Site, database: &str, sql: &str) -> (u16, String) {
    let body = serde_json::json!({ "db": database, "q": sql, "format": "csv" }).to_string();
    let ask = Ask::post("/api/v3/query_sql", body.as_bytes());
    site.ask(ask.with("authorization", "Bearer some")).await
}

#[tokio::test]
async fn a_query_sees_the_tables_that_it_may_read() {
    let site = site(&[(Action::Read, "plant", &["mot*"])]).await;
    let check = async |database: &str, sql: &str, status: u16, expected: &str| {
        let (found, body) = query(&site, database, sql).await;
        assert_eq!(found, status, "{sql}: {body}");
        assert!(body.contains(expected), "{sql}: {body}");
        assert!(!body.contains("pump"), "{sql}: {body}");
    };
    check("plant", "SELECT v FROM motor", 200, "v\n1.0").await;
    check("plant", "SELECT * FROM pum", 400, "table_not_found").await;
    let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'iox'";
    check("plant", tables, 200, "table_name\nmotor\n").await;
    let columns = "SELECT DISTINCT table_name FROM information_schema.columns \
                   WHERE table_schema = 'iox'";
    check("plant", columns, 200, "table_name\nmotor\n").await;
    check("plant", "SHOW TABLES", 200, "motor").await;
    check("plant", "SHOW TAG KEYS", 200, "motor,host").await;
    check("plant", "SHOW FIELD KEYS", 200, "motor,v").await;
    check(
        "plant",
        "SELECT table_name FROM system.tables",
        200,
        "table_name\nmotor\n",
    )
    .await;
    check(
        "plant",
        "SELECT DISTINCT table_name FROM system.columns",
        200,
        "motor",
    )
    .await;
    check("plant", "SELECT table_name FROM system.files", 200, "").await;
    check(
        "plant",
        "SELECT database_name FROM system.databases",
        200,
        "database_name\nplant\n",
    )
    .await;
    check(
        "plant",
        "SELECT token_name FROM system.tokens",
        200,
        "token_name\nsome\n",
    )
    .await;
    check(
        "plant",
        "SELECT count(*) FROM system.settings",
        200,
        "\n0\n",
    )
    .await;
    check("plant", "SHOW DATABASES", 200, "plant").await;
    for (database, sql) in [
        ("lab", "SELECT * FROM secret"),
        ("lab", "SELECT 1"),
        ("nowhere", "SELECT 1"),
        ("plant", "DELETE FROM motor WHERE true"),
        ("plant", "CREATE TABLE t (a TAG)"),
        ("plant", "ALTER TABLE motor SET RETENTION '1d'"),
        ("plant", "DROP TABLE motor"),
        ("plant", "DROP DATABASE plant"),
        ("plant", "CREATE DATABASE plant2"),
        ("plant", "ALTER DATABASE plant SET RETENTION '1d'"),
    ] {
        check(database, sql, 403, "forbidden").await;
    }
    // Those that hidden tables have no part in say so as for any that is not there.
    for sql in [
        "SELECT * FROM pump",
        "SELECT * FROM iox.pump",
        "SHOW TAG KEYS FROM pump",
    ] {
        let (status, body) = query(&site, "plant", sql).await;
        assert_eq!(
            (status, reason(&body).as_str()),
            (400, "table_not_found"),
            "{sql} {body}"
        );
    }
}

#[tokio::test]
async fn a_statement_changes_what_it_may() {
    let rights: [(Action, &str, &[&str]); 2] = [
        (Action::Write, "plant", &["motor", "new"]),
        (Action::Admin, "lab", &[]),
    ];
    let site = site(&rights).await;
    for (database, sql, status) in [
        ("plant", "SELECT * FROM motor", 403),
        ("plant", "DELETE FROM motor WHERE host = 'b'", 200),
        ("plant", "DELETE FROM pump WHERE true", 403),
        ("plant", "CREATE TABLE new (a TAG)", 200),
        ("plant", "CREATE TABLE other (a TAG)", 403),
        ("plant", "DROP TABLE motor", 403),
        ("lab", "SELECT * FROM secret", 200),
        ("lab", "ALTER TABLE secret SET RETENTION '1d'", 200),
        ("lab", "ALTER DATABASE lab SET RETENTION '1d'", 200),
        ("lab", "CREATE DATABASE lab2", 403),
        ("lab", "DROP DATABASE lab", 200),
        ("lab", "UNDROP DATABASE lab", 200),
    ] {
        let (found, body) = query(&site, database, sql).await;
        assert_eq!(found, status, "{sql}: {body}");
    }
}

#[tokio::test]
async fn a_write_reaches_the_tables_it_may_or_nothing_at_all() {
    let site = site(&[(Action::Write, "pl*", &["motor"])]).await;
    for (uri, lines, status) in [
        ("/write?db=plant", "motor v=1", 204),
        ("/write?db=plant", "motor v=7 7\npump v=7 7", 403),
        ("/api/v2/write?bucket=plant", "pump v=1", 403),
        ("/api/v3/write_lp?db=plant", "new v=1", 403),
        // Making a database takes a right to the whole of it.
        ("/api/v3/write_lp?db=plant2", "motor v=1", 403),
        ("/api/v3/write_lp?db=lab", "motor v=1", 403),
    ] {
        let ask = Ask::post(uri, lines.as_bytes()).with("authorization", "Bearer some");
        let (found, body) = site.ask(ask).await;
        assert_eq!(found, status, "{uri} {lines}: {body}");
    }
    let state = site.server.services().unwrap().catalog.state();
    assert!(state.database("plant2").is_none());
    assert!(state.database("plant").unwrap().table("new").is_none());
    let bearer = format!("Bearer {TOKEN}");
    let body = r#"{"db":"plant","q":"SELECT count(*) AS n FROM motor WHERE v = 7","format":"csv"}"#;
    let ask = Ask::post("/api/v3/query_sql", body.as_bytes()).with("authorization", &bearer);
    assert_eq!(site.ask(ask).await, (200, "n\n0\n".to_owned()));
}

#[tokio::test]
async fn a_token_that_is_taken_away_lets_nobody_in_any_more() {
    let site = site(&[(Action::Read, "plant", &[])]).await;
    let catalog = &site.server.services().unwrap().catalog;
    assert_eq!(query(&site, "plant", "SELECT 1").await.0, 200);
    let id = catalog.state().token_named("some").unwrap().id;
    let uses = site.server.services().unwrap().query.token_uses();
    assert!(uses.last(id).is_some());
    let stop = |token: &mut Token| {
        token.is_active = false;
        Ok(())
    };
    catalog.change_record(id, stop).await.unwrap();
    assert_eq!(query(&site, "plant", "SELECT 1").await.0, 401);
}

/// A user of this name and password who owns the first organization, or is a member of it.
async fn user(site: &Site, name: &str, password: &str, role: Role) {
    let kept = site.server.passwords.hash(password).await.unwrap();
    let catalog = &site.server.services().unwrap().catalog;
    let organization = catalog.state().default_organization().unwrap().id;
    catalog
        .administer(|edits| {
            let user = edits.create(|id| User {
                id,
                name: name.to_owned(),
                is_active: true,
                password: Some(kept.clone()),
                created_at_nanos: 0,
                updated_at_nanos: 0,
            })?;
            let user = user.id;
            edits.change(organization, |organization: &mut Organization| {
                organization.members.push(Member { user, role });
                Ok(())
            })
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn users_get_in_by_their_password() {
    let site = site(&[]).await;
    user(&site, "ada", "correct horse", Role::Owner).await;
    user(&site, "bob", "staple", Role::Member).await;
    let basic = |text: &str| {
        use base64::Engine as _;
        format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(text))
    };
    for (uri, authorization, expected) in [
        ("/write?db=plant", Some(basic("ada:correct horse")), 204),
        ("/write?db=plant", Some(basic("bob:staple")), 403),
        ("/write?db=plant", Some(basic("ada:staple")), 401),
        ("/write?db=plant", Some(basic("eve:staple")), 401),
        ("/write?db=plant&u=ada&p=correct+horse", None, 204),
        ("/write?db=plant&u=ada&p=wrong", None, 401),
        (
            "/api/v2/write?bucket=plant",
            Some("Token bob:staple".to_owned()),
            403,
        ),
        (
            "/api/v2/write?bucket=plant",
            Some("Token bob:horse".to_owned()),
            401,
        ),
    ] {
        let mut ask = Ask::post(uri, b"motor v=1");
        if let Some(authorization) = &authorization {
            ask = ask.with("authorization", authorization);
        }
        let (status, body) = site.ask(ask).await;
        assert_eq!(status, expected, "{uri} {authorization:?}: {body}");
    }
}

#[tokio::test]
async fn a_session_cookie_is_good_for_pages_of_ours() {
    let site = site(&[]).await;
    user(&site, "ada", "correct horse", Role::Owner).await;
    let services = site.server.services().unwrap();
    let (state, now) = (services.catalog.state(), services.clock.now_nanos());
    let ada = state.user_named("ada").unwrap();
    let secret = site.server.sessions.begin(ada, now).unwrap();
    // As some clients do, with all that the server said of it.
    let cookie = site.server.sessions.cookie(&secret);
    for (origin, expected) in [
        (None, 204),
        (Some("http://localhost:8086"), 204),
        (Some("https://evil.example"), 403),
    ] {
        let mut ask = Ask::post("/api/v2/write?bucket=plant", b"motor v=1")
            .with("cookie", &cookie)
            .with("host", "localhost:8086");
        if let Some(origin) = origin {
            ask = ask.with("origin", origin);
        }
        let (status, body) = site.ask(ask).await;
        assert_eq!(status, expected, "{origin:?}: {body}");
    }
    site.server.sessions.end_of(&secret);
    let ask = Ask::post("/api/v2/write?bucket=plant", b"motor v=1").with("cookie", &cookie);
    assert_eq!(site.ask(ask).await.0, 401);
}

#[tokio::test]
async fn a_request_for_another_host_is_refused_on_loopback() {
    let site = Site::start(Auth::Disabled).await;
    for (host, expected) in [
        ("localhost:8086", 200),
        ("127.0.0.1:8086", 200),
        ("evil.example", 403),
    ] {
        let (status, body) = site.ask(Ask::get("/metrics").with("host", host)).await;
        assert_eq!(status, expected, "{host} {body}");
        let (status, _) = site.ask(Ask::get("/health").with("host", host)).await;
        assert_eq!(status, expected, "{host}");
    }
}

#[tokio::test]
async fn bad_lines_say_nothing_of_tables_that_may_not_be_written_to() {
    let site = site(&[(Action::Write, "plant", &["motor"])]).await;
    for uri in [
        "/write?db=plant",
        "/api/v2/write?bucket=plant",
        "/api/v3/write_lp?db=plant",
        "/api/v3/write_lp?db=plant&accept_partial=false",
    ] {
        for lines in [
            "pump v=1 5",
            "pump v=\"x\" 5",
            "pump host=1 5",
            "pump nope=\"x\" 5",
            "motor v=77 5\npump v=\"x\" 5",
        ] {
            let write = Ask::post(uri, lines.as_bytes()).with("authorization", "Token some");
            let (status, body) = site.ask(write).await;
            assert_eq!(status, 403, "{uri} {lines}: {body}");
            assert!(!body.contains("already exists"), "{uri} {lines}: {body}");
        }
        let bad = Ask::post(uri, b"motor v=\"x\" 5").with("authorization", "Token some");
        assert_ne!(site.ask(bad).await.0, 403, "{uri}");
    }
    let bearer = format!("Bearer {TOKEN}");
    let stored = Ask::get("/api/v3/query_sql?db=plant&q=SELECT+max(v)+AS+v+FROM+motor");
    let stored = site.ask(stored.with("authorization", &bearer)).await;
    assert_eq!(stored, (200, r#"[{"v":1.0}]"#.to_owned()));
}

#[tokio::test]
async fn whoever_drops_their_own_token_is_told_so() {
    let site = site(&[]).await;
    let sql =
        |sql: &str| serde_json::json!({ "db": "plant", "q": sql, "format": "csv" }).to_string();
    let ask = async |statement: &str, bearer: &str| {
        let body = sql(statement);
        let ask = Ask::post("/api/v3/query_sql", body.as_bytes());
        site.ask(ask.with("authorization", bearer)).await
    };
    let first = format!("Bearer {TOKEN}");
    let (status, made) = ask("CREATE TOKEN second ADMIN", &first).await;
    assert_eq!(status, 200, "{made}");
    let secret = made
        .split([',', '\n'])
        .find(|word| word.starts_with("tidemill_"));
    let second = format!("Bearer {}", secret.unwrap_or_else(|| panic!("{made}")));
    let dropped = ask("DROP TOKEN second", &second).await;
    assert_eq!(dropped.0, 200, "{}", dropped.1);
    assert_eq!(ask("SELECT 1", &second).await.0, 401);
}
