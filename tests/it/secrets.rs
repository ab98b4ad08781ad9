//! Tokens and passwords stay where they are shown: with everything logged that can be, none of those that
//! any way in was given or gave is in the log, in tables of the server about itself, or in its files, where
//! digests are.

use std::path::{Path, PathBuf};

use arrow_flight::sql::client::FlightSqlServiceClient;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tonic::transport::Endpoint;

use crate::client::{Client, Reply};
use crate::harness::{Server, Site, run};

const ADMIN: &str = "s3cr3t-admin-4b1f";
const PASSWORD: &str = "s3cr3t-password-9c07";
const JSON: (&str, &str) = ("content-type", "application/json");

/// Every token, password and session that was shown or given away, by what it is.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn add(&mut self, what: &str, secret: &str) -> String {
        assert!(
            secret.len() >= 12,
            "{what}: too short to be looked for: {secret}"
        );
        self.0.push((what.to_owned(), secret.to_owned()));
        secret.to_owned()
    }

    /// Every secret that an answer gives away: tokens look like none of its other words.
    fn add_from(&mut self, what: &str, reply: &Reply) -> String {
        assert!(
            (200..300).contains(&reply.status),
            "{what}: {} {}",
            reply.status,
            reply.text()
        );
        let text = reply.text();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
        let mut found = words.filter(|word| word.starts_with("tidemill_"));
        let secret = found.next().unwrap_or_else(|| panic!("{what}: {text}"));
        self.add(what, secret)
    }

    /// What must not be found: the secrets as they are, and as headers carry them.
    fn forms(&self) -> Vec<(&str, String)> {
        let plain = self
            .0
            .iter()
            .map(|(what, secret)| (what.as_str(), secret.clone()));
        let users = ["anyone", "engineer", ""];
        let packed = self.0.iter().flat_map(|(what, secret)| {
            let pair = move |user| {
                (
                    what.as_str(),
                    BASE64_STANDARD.encode(format!("{user}:{secret}")),
                )
            };
            users.into_iter().map(pair)
        });
        plain.chain(packed).collect()
    }

    fn check_absent(&self, place: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for (what, form) in self.forms() {
            let line = text.lines().find(|line| line.contains(&form));
            assert_eq!(line, None, "{place} has {what}");
        }
    }
}

fn basic(user: &str, secret: &str) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{user}:{secret}"))
    )
}

/// What is sent as JSON by the administrator.
fn administer(client: &Client, method: &str, path: &str, body: &Value) -> Reply {
    client.send(method, path, &[JSON], body.to_string().as_bytes())
}

/// Paths of every API, of which some are about nothing.
const PATHS: [(&str, &str); 12] = [
    ("POST", "/write?db=db"),
    ("POST", "/api/v2/write?bucket=db"),
    ("POST", "/api/v3/write_lp?db=db"),
    ("GET", "/query?db=db&q=SHOW+DATABASES"),
    ("GET", "/api/v3/query_sql?db=db&q=SELECT+1"),
    ("GET", "/api/v2/buckets"),
    ("GET", "/api/v3/configure/database?format=json"),
    ("GET", "/api/v2/tasks"),
    ("POST", "/api/v2/query"),
    ("GET", "/metrics"),
    ("GET", "/ping"),
    ("GET", "/no/such/path"),
];

/// Shows a secret in every way there is, right ones and wrong ones.
fn show_everywhere(client: &Client, secret: &str) {
    let as_token = [
        format!("Bearer {secret}"),
        format!("Token {secret}"),
        format!("Digest {secret}"),
        format!("Bearer {secret} {secret}"),
        secret.to_owned(),
    ];
    // What is no token is looked up as a password, which takes its time on purpose.
    let as_password = [
        format!("Token engineer:{secret}"),
        basic("anyone", secret),
        basic("engineer", secret),
    ];
    for client in [client.with_token(None), client.on_v3().with_token(None)] {
        for (at, (method, path)) in PATHS.into_iter().enumerate() {
            let send = |path: &str, name: &str, value: &str| {
                client.send(method, path, &[(name, value)], b"m v=1 1");
            };
            let passwords = as_password.iter().filter(|_| at < 3);
            for header in as_token.iter().chain(passwords) {
                send(path, "authorization", header);
            }
            let mark = if path.contains('?') { '&' } else { '?' };
            for parameter in ["p", "token", "access_token"] {
                send(
                    &format!("{path}{mark}u=engineer&{parameter}={secret}"),
                    "x-it",
                    "1",
                );
            }
            send(path, "cookie", &format!("influxdb-oss-session={secret}"));
        }
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let body = format!("q=SHOW+DATABASES&u=engineer&p={secret}");
        client.send("POST", "/query", &form, body.as_bytes());
        let odd = format!("GET /?p={secret} HTTP/1.1\r\nauthorization {secret}\r\n\r\n");
        client.raw(odd.as_bytes());
    }
}

/// Makes, changes and loses tokens, users and sessions by every API that can.
fn administer_everything(server: &Server, secrets: &mut Secrets) {
    let client = server.client();
    let read = json!([{ "action": "read", "database": "db" }]);
    let token = json!({ "token_name": "reader", "rights": read });
    let made = administer(client, "POST", "/api/v3/configure/token", &token);
    let reader = secrets.add_from("a token of v3", &made);
    let rotate = json!({ "token_name": "reader" });
    let made = administer(client, "POST", "/api/v3/configure/token/rotate", &rotate);
    secrets.add_from("a rotated token of v3", &made);
    let named = json!({ "token_name": "deploy" });
    let made = administer(
        client,
        "POST",
        "/api/v3/configure/token/named_admin",
        &named,
    );
    let deploy = secrets.add_from("a named admin token", &made);
    let wrong = json!({ "token_name": { "secret": deploy }, "rights": deploy });
    administer(client, "POST", "/api/v3/configure/token", &wrong);
    for sql in [
        "CREATE TOKEN writer WRITE ON db",
        "ALTER TOKEN writer ROTATE GRACE '1h'",
    ] {
        secrets.add_from(sql, &client.ask("db", sql, "json"));
    }
    let output = run(
        &mut server.cli(&["token", "create", "cli", "--read", "db", "--token", ADMIN]),
        b"",
    );
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    secrets.add("a token of the command line", printed.trim());

    let org = client.get("/api/v2/orgs").json()["orgs"][0]["id"].clone();
    let permission = json!({ "action": "read", "resource": { "type": "buckets" } });
    let authorization = json!({ "orgID": org, "permissions": [permission], "description": "v2" });
    let made = administer(client, "POST", "/api/v2/authorizations", &authorization);
    let of_v2 = secrets.add_from("a token of v2", &made);
    client.get("/api/v2/authorizations");
    client.get(&format!("/api/v2/authorizations?token={of_v2}"));

    let user = administer(
        client,
        "POST",
        "/api/v2/users",
        &json!({ "name": "operator" }),
    )
    .json();
    let path = format!("/api/v2/users/{}/password", user["id"].as_str().unwrap());
    let password = secrets.add("a user's password", "s3cr3t-operator-51aa");
    assert_eq!(
        administer(client, "POST", &path, &json!({ "password": password })).status,
        204
    );
    let strange = secrets.add("a password that is no object", "s3cr3t-strange-7d20");
    assert_eq!(
        administer(client, "POST", &path, &json!(strange)).status,
        400
    );
    administer(client, "POST", &path, &json!({ "password": [strange] }));
    let statement = format!("CREATE USER ops WITH PASSWORD '{strange}'");
    let form = [("content-type", "application/vnd.influxql")];
    // To SQL this would be the text of a query, which the administrator is meant to see in `system.queries`.
    client.send("POST", "/query?db=db", &form, statement.as_bytes());

    let stranger = client.with_token(None);
    let sign_in = |secret: &str| {
        let headers = [("authorization", basic("engineer", secret))];
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        stranger.send("POST", "/api/v2/signin", &headers, b"")
    };
    sign_in(&password);
    let signed_in = sign_in(PASSWORD);
    assert_eq!(signed_in.status, 204, "{}", signed_in.text());
    let cookie = signed_in
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    secrets.add("a session", cookie.split_once('=').unwrap().1);
    let with_cookie = [("cookie", cookie.as_str())];
    assert_eq!(
        stranger.send("GET", "/api/v2/me", &with_cookie, b"").status,
        200
    );
    let new = secrets.add("a new password", "s3cr3t-changed-e5c2");
    let change = json!({ "password": new }).to_string();
    let headers = [JSON, ("authorization", &basic("engineer", PASSWORD))];
    let changed = stranger.send("PUT", "/api/v2/me/password", &headers, change.as_bytes());
    assert_eq!(changed.status, 204, "{}", changed.text());
    for secret in [&reader, &deploy, &of_v2] {
        show_everywhere(client, secret);
    }
    administer(
        client,
        "DELETE",
        "/api/v3/configure/token?token_name=reader",
        &json!({}),
    );
}

/// Signs in over Flight with what is right and what is not; what comes back is a secret too.
async fn shake_hands(url: &str, secrets: &mut Secrets) {
    let channel = Endpoint::from_shared(url.to_owned())
        .unwrap()
        .connect()
        .await
        .unwrap();
    for secret in [ADMIN, "s3cr3t-nobodys-0d3e"] {
        let mut client = FlightSqlServiceClient::new(channel.clone());
        let greeted = client.handshake("anyone", secret).await;
        assert_eq!(greeted.is_ok(), secret == ADMIN);
        client.set_header("database", "db");
        let token = client.token().cloned().unwrap_or_else(|| secret.to_owned());
        secrets.add("a token of a handshake", &token);
        client.set_token(token);
        // Whether it is let in is for other tests.
        let _ = client.execute("SELECT 1".to_owned(), None).await;
        let _ = client.prepare("SELECT 1".to_owned(), None).await;
    }
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// What the server tells of itself in SQL, as the administrator sees it.
fn check_tables(client: &Client, secrets: &Secrets) {
    let sql = "SELECT table_schema AS s, table_name AS t FROM information_schema.tables \
               WHERE table_schema IN ('system', 'information_schema')";
    let tables = client.rows("db", sql);
    assert!(
        tables.iter().any(|table| table["t"] == "audit"),
        "{tables:?}"
    );
    for table in tables {
        let name = format!(
            "{}.{}",
            table["s"].as_str().unwrap(),
            table["t"].as_str().unwrap()
        );
        let rows = client.ask("db", &format!("SELECT * FROM {name}"), "json");
        assert_eq!(rows.status, 200, "{name}: {}", rows.text());
        secrets.check_absent(&name, &rows.body);
    }
    for sql in ["SHOW TOKENS", "SHOW QUERIES", "SHOW ALL"] {
        secrets.check_absent(sql, &client.ask("db", sql, "json").body);
    }
    for path in [
        "/metrics",
        "/api/v2/users",
        "/api/v3/configure/token?format=json",
    ] {
        secrets.check_absent(path, &client.get(path).body);
    }
}

#[test]
fn no_secret_is_found_where_it_was_not_shown() {
    let site = Site::new()
        .env("TIDEMILL_LOG", "trace")
        .env("TIDEMILL_INIT_ADMIN_TOKEN", ADMIN)
        .env("TIDEMILL_INIT_USERNAME", "engineer")
        .env("TIDEMILL_INIT_PASSWORD", PASSWORD)
        // Wrong ones are shown more often here than anybody would guess.
        .set("server.auth.failures_burst=0")
        .token(ADMIN);
    let mut secrets = Secrets::default();
    secrets.add("the admin token", ADMIN);
    secrets.add("the first password", PASSWORD);
    secrets.add("an unknown token", "s3cr3t-nobodys-0d3e");
    let server = site.start();
    let client = server.client();
    client.create("db");
    client.write("db", "m v=1 1");
    for secret in [ADMIN, PASSWORD, "s3cr3t-nobodys-0d3e"] {
        show_everywhere(client, secret);
    }
    administer_everything(&server, &mut secrets);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for client in [client.clone(), client.on_v3()] {
        runtime.block_on(shake_hands(client.http(), &mut secrets));
    }
    check_tables(client, &secrets);
    let log = server.stop();
    let has = |text: &str| log.contains(text);
    assert!(
        has("TRACE") && has("/api/v2/signin") && has("/query"),
        "the log was on"
    );
    secrets.check_absent("the log", log.as_bytes());
    check_files(&site, &secrets);
}

/// What is on disk after the end: digests, and no secret.
fn check_files(site: &Site, secrets: &Secrets) {
    let digest: String = Sha256::digest(ADMIN)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut has_digest = false;
    let files = files(&site.data_dir());
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        secrets.check_absent(&file.display().to_string(), &bytes);
        has_digest |= String::from_utf8_lossy(&bytes).contains(&digest);
    }
    assert!(has_digest, "the digest of the admin token is kept");
}

#[test]
fn setting_up_leaves_no_secret_behind() {
    let site = Site::new()
        .env("TIDEMILL_LOG", "trace")
        .arg("--allow-setup");
    let server = site.start();
    let mut secrets = Secrets::default();
    let password = secrets.add("the password of the set-up", "s3cr3t-first-2f81");
    let token = secrets.add("the token of the set-up", "s3cr3t-chosen-c6d9");
    let admin = std::fs::read_to_string(site.data_dir().join("admin-token")).unwrap();
    secrets.add("the admin token", admin.trim());
    let set_up = |username: &str| {
        let body = json!({
            "username": username, "password": password, "org": "plant", "bucket": "db", "token": token,
        });
        server
            .client()
            .send("POST", "/api/v2/setup", &[], body.to_string().as_bytes())
            .status
    };
    assert_eq!((set_up("engineer"), set_up("other")), (201, 422));
    let client = server.client().with_token(Some(&token));
    client.write("db", "m v=1 1");
    check_tables(&client, &secrets);
    let log = server.stop();
    assert!(log.contains("/api/v2/setup"), "the log was on");
    secrets.check_absent("the log", log.as_bytes());
    std::fs::remove_file(site.data_dir().join("admin-token")).unwrap();
    for file in files(&site.data_dir()) {
        let bytes = std::fs::read(&file).unwrap();
        secrets.check_absent(&file.display().to_string(), &bytes);
    }
}
