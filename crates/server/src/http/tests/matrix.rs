//! Every route against every kind of caller, made of the router's own table: a route that this test knows
//! no request for fails it.

mod v2;

use catalog::{Action, Right, Rights, Token};

use super::*;
use crate::http::routes::{Access, Entry};

/// Kinds of callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Shows nothing.
    Nobody,
    /// May do everything, in another database.
    Stranger,
    /// May read `plant`.
    Reader,
    /// May write to `plant`.
    Writer,
    /// May change what there is in `plant`.
    Keeper,
    /// May do everything.
    Administrator,
    /// Might have done everything until their token expired.
    Expired,
}

impl Who {
    pub(crate) const ALL: [Self; 7] = [
        Self::Nobody,
        Self::Stranger,
        Self::Reader,
        Self::Writer,
        Self::Keeper,
        Self::Administrator,
        Self::Expired,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Stranger => "stranger",
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Keeper => "keeper",
            Self::Administrator => "administrator",
            Self::Expired => "expired",
        }
    }

    fn rights(self) -> Rights {
        let on = |action, database: &str| {
            let right = Right {
                action,
                database: database.parse().unwrap(),
                tables: vec![],
            };
            Rights::from(vec![right])
        };
        match self {
            Self::Stranger => on(Action::Admin, "lab"),
            Self::Reader => on(Action::Read, "plant"),
            Self::Writer => on(Action::Write, "plant"),
            Self::Keeper => on(Action::Admin, "plant"),
            Self::Nobody | Self::Administrator | Self::Expired => Rights::administrator(),
        }
    }

    /// The header that shows the caller's token.
    pub(crate) fn authorization(self) -> Option<String> {
        (self != Self::Nobody).then(|| format!("Bearer {}", self.name()))
    }

    /// What becomes of a call to what asks for this: let in, or how it is refused.
    pub(crate) fn verdict(self, access: Access, profile: Profile) -> Verdict {
        let is_open =
            access == Access::Open || (access == Access::OpenToV1V2 && profile == Profile::V1V2);
        if is_open {
            return Verdict::LetIn;
        }
        if matches!(self, Self::Nobody | Self::Expired) {
            return Verdict::Unknown;
        }
        let may = match access {
            Access::Open | Access::OpenToV1V2 | Access::Known => true,
            Access::Server => self == Self::Administrator,
            Access::Database(action) => self.rights().allow(action, "plant", Some("motor")),
        };
        match may {
            true => Verdict::LetIn,
            false => Verdict::Denied,
        }
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    LetIn,
    Unknown,
    Denied,
}

/// A site with table `motor` in database `plant`, and a token of each kind.
pub(crate) async fn site_with_everyone() -> Site {
    let site = Site::with_limits(Auth::Required, Limits::default()).await;
    let catalog = &site.server.services().unwrap().catalog;
    for who in Who::ALL {
        let expires_at_nanos = (who == Who::Expired).then_some(1);
        let token = |id| Token {
            expires_at_nanos,
            ..Token::new(id, who.name(), digest(who.name()), who.rights(), 0)
        };
        if who != Who::Nobody {
            catalog.create_record(token).await.unwrap();
        }
    }
    for database in ["plant", "lab"] {
        let uri = format!("/api/v3/write_lp?db={database}&precision=ns");
        let write = Ask::post(&uri, b"motor,host=a v=1 1");
        let bearer = format!("Bearer {TOKEN}");
        let (status, body) = site.ask(write.with("authorization", &bearer)).await;
        assert_eq!(status, 204, "{body}");
    }
    site
}

/// A request to a route that is about `plant`, and right but for who sends it.
fn request_to(entry: &Entry) -> Ask<'_> {
    let json = |method, uri, body: &str| {
        Ask::new(method, uri, body.as_bytes()).with("content-type", "application/json")
    };
    match (entry.method.as_str(), &*entry.path) {
        ("GET", "/health") => Ask::get("/health"),
        ("GET", "/ready") => Ask::get("/ready"),
        ("GET", "/ping") => Ask::get("/ping"),
        ("HEAD", "/ping") => Ask::new(Method::HEAD, "/ping", b""),
        ("GET", "/metrics") => Ask::get("/metrics"),
        ("GET", "/query") => Ask::get("/query?q=SHOW+DATABASES"),
        ("POST", "/query") => Ask::post("/query?q=SHOW+DATABASES", b""),
        ("POST", "/write") => Ask::post("/write?db=plant", b"motor,host=a v=2 1"),
        ("POST", "/api/v2/write") => Ask::post("/api/v2/write?bucket=plant", b"motor,host=a v=2 1"),
        ("POST", "/api/v2/delete") => json(
            Method::POST,
            "/api/v2/delete?bucket=plant",
            r#"{"start":"2020-01-01T00:00:00Z","stop":"2021-01-01T00:00:00Z"}"#,
        ),
        ("POST", "/api/v3/write_lp") => {
            Ask::post("/api/v3/write_lp?db=plant", b"motor,host=a v=2 1")
        }
        ("GET", "/api/v3/query_sql") => {
            Ask::get("/api/v3/query_sql?db=plant&q=SELECT+*+FROM+motor&format=json")
        }
        ("POST", "/api/v3/query_sql") => json(
            Method::POST,
            "/api/v3/query_sql",
            r#"{"db":"plant","q":"SELECT * FROM motor","format":"json"}"#,
        ),
        ("GET", "/api/v3/configure/database") => Ask::get("/api/v3/configure/database?format=json"),
        (method @ ("POST" | "PUT"), "/api/v3/configure/database") => json(
            method.parse().unwrap(),
            "/api/v3/configure/database",
            r#"{"db":"plant"}"#,
        ),
        ("DELETE", "/api/v3/configure/database") => {
            Ask::new(Method::DELETE, "/api/v3/configure/database?db=plant", b"")
        }
        ("POST", "/api/v3/configure/database/retention_period") => Ask::post(
            "/api/v3/configure/database/retention_period?db=plant&duration=30d",
            b"",
        ),
        ("DELETE", "/api/v3/configure/database/retention_period") => Ask::new(
            Method::DELETE,
            "/api/v3/configure/database/retention_period?db=plant",
            b"",
        ),
        // Nothing is there, which is told to whoever is known.
        (method, path)
            if path.contains("_cache") || path.contains("plugin") || path.contains("engine") =>
        {
            Ask::new(method.parse().unwrap(), path, b"")
        }
        ("POST", "/api/v3/configure/table") => json(
            Method::POST,
            "/api/v3/configure/table",
            r#"{"db":"plant","table":"motor","tags":["host"]}"#,
        ),
        ("DELETE", "/api/v3/configure/table") => Ask::new(
            Method::DELETE,
            "/api/v3/configure/table?db=plant&table=motor",
            b"",
        ),
        ("GET", "/api/v3/configure/model") => {
            Ask::get("/api/v3/configure/model?db=plant&model=wear")
        }
        ("POST", "/api/v3/configure/model") => json(
            Method::POST,
            "/api/v3/configure/model?db=plant&model=wear",
            r#"{"format":1,"kind":"standard_scaler","arrays":{"names":["a"],"features.used":[0],
                "features.center":[1.5],"features.scale":[0.5],"summary.missing":[0.0],
                "summary.mean":[1.5],"summary.sigma":[0.5],"summary.lengths":[1],"summary.points":[1.5],
                "summary.below":[0.0],"summary.upto":[1.0]}}"#,
        ),
        ("DELETE", "/api/v3/configure/model") => Ask::new(
            Method::DELETE,
            "/api/v3/configure/model?db=plant&model=wear",
            b"",
        ),
        ("GET", "/api/v3/configure/token") => Ask::get("/api/v3/configure/token?format=json"),
        ("POST", "/api/v3/configure/token") => json(
            Method::POST,
            "/api/v3/configure/token",
            r#"{"token_name":"new","rights":[{"action":"read","database":"plant"}]}"#,
        ),
        ("DELETE", "/api/v3/configure/token") => Ask::new(
            Method::DELETE,
            "/api/v3/configure/token?token_name=reader",
            b"",
        ),
        ("POST", "/api/v3/configure/token/admin") => {
            Ask::post("/api/v3/configure/token/admin", b"")
        }
        ("POST", "/api/v3/configure/token/admin/regenerate") => {
            Ask::post("/api/v3/configure/token/admin/regenerate", b"")
        }
        ("POST", "/api/v3/configure/token/named_admin") => json(
            Method::POST,
            "/api/v3/configure/token/named_admin",
            r#"{"token_name":"new"}"#,
        ),
        ("POST", "/api/v3/configure/token/rotate") => json(
            Method::POST,
            "/api/v3/configure/token/rotate",
            r#"{"token_name":"reader"}"#,
        ),
        (method, path) => panic!("{method} {path} has no request here: add one"),
    }
}

fn verdict_of(status: u16, body: &str) -> Verdict {
    match status {
        // It has no password to show, and is told so whoever asks.
        400 if body.contains("a token has no password") => Verdict::LetIn,
        400 if body.contains("it is the only one") => Verdict::LetIn,
        405 if reason(body) == "no_processing_engine" => Verdict::LetIn,
        401 => Verdict::Unknown,
        403 => Verdict::Denied,
        // One who was let in before has taken it away, or it is not there for anybody.
        404 | 501 if reason(body) != "route_not_found" => Verdict::LetIn,
        // 409: one who was let in before has done it already.
        200..=299 | 409 | 422 => Verdict::LetIn,
        _ => panic!("neither let in nor refused: {status} {body}"),
    }
}

fn table_of(site: &Site, profile: Profile) -> Vec<Entry> {
    let app = App {
        server: Arc::clone(&site.server),
        profile,
        is_loopback: true,
    };
    let (_, table) = routes(&app).into_parts();
    table.entries().to_vec()
}

async fn check_all(profile: Profile) {
    let site = site_with_everyone().await;
    let entries = table_of(&site, profile);
    let (flight, entries): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .partition(|entry| entry.path.starts_with(flight::PATH));
    assert_eq!(flight.len(), 2, "its calls have a test of their own");
    // Signing in is for those who show a password, which has a test of its own.
    let others = entries
        .into_iter()
        .filter(|entry| entry.path != "/api/v2/signin");
    for entry in others {
        // What an administrator does to it must not concern other routes.
        let site = site_with_everyone().await;
        let records = v2::Records::make(&site).await;
        let of_v2 = records.request_to(&entry);
        for who in Who::ALL {
            let mut ask = match &of_v2 {
                Some((uri, body)) => Ask::new(entry.method.clone(), uri, body.as_bytes()),
                None => request_to(&entry),
            };
            ask.profile = profile;
            let authorization = who.authorization();
            if let Some(authorization) = &authorization {
                ask = ask.with("authorization", authorization);
            }
            let (status, body) = site.ask(ask).await;
            let expected = who.verdict(entry.access, profile);
            let Entry { method, path, .. } = &entry;
            let found = verdict_of(status, &body);
            assert_eq!(found, expected, "{who:?} {method} {path}: {status} {body}");
        }
    }
}

#[tokio::test]
async fn every_route_lets_in_whom_it_declares_on_the_v2_address() {
    check_all(Profile::V1V2).await;
}

#[tokio::test]
async fn every_route_lets_in_whom_it_declares_on_the_v3_address() {
    check_all(Profile::V3).await;
}

#[tokio::test]
async fn refusals_have_the_words_of_their_api() {
    let site = site_with_everyone().await;
    let ask = async |uri: &str, body: &'static [u8]| {
        let ask = Ask::post(uri, body).with("authorization", "Bearer reader");
        let (status, body) = site.ask(ask.with("content-type", "application/json")).await;
        assert_eq!(status, 403, "{body}");
        json(&body)
    };
    let found = ask("/write?db=plant", b"motor v=1").await;
    let expected = r#""reader" user is not authorized to write to database "plant""#;
    assert_eq!(found["error"], expected);
    let found = ask("/api/v2/write?bucket=plant", b"motor v=1").await;
    assert_eq!(found["code"], "forbidden");
    assert_eq!(found["message"], "insufficient permissions to write");
    let delete = br#"{"start":"2020-01-01T00:00:00Z","stop":"2021-01-01T00:00:00Z"}"#;
    let found = ask("/api/v2/delete?bucket=plant", delete).await;
    assert_eq!(found["message"], "insufficient permissions to delete");
    let found = ask("/api/v3/write_lp?db=plant", b"motor v=1").await;
    assert_eq!(found["reason"], "forbidden");
    let expected = "the caller has no right to write database 'plant'";
    assert_eq!(found["error"], expected);
    // Whether a database exists is not told to those who may not know.
    for database in ["lab", "nowhere"] {
        let uri = format!("/api/v2/write?bucket={database}");
        let found = ask(&uri, b"motor v=1").await;
        assert_eq!(found["message"], "insufficient permissions to write");
    }
}
