//! Seventy bad inputs, as real writers have sent them to real servers: each goes through every API on
//! both addresses, and Flight where rows in columns can be wrong in the same way, **while** others write
//! to the same server and query it. Every answer is held to the status and the reason that the case
//! says, and byte by byte to the record `tests/golden/bad_writes.txt`; SQL then shows what was stored.
//!
//! Afterwards nothing of the others' writes is missing, the server has answered no 5xx but those that
//! were asked for, and its log knows of no panic.
//!
//! | number | bad input | number | bad input |
//! |---|---|---|---|
//! | 1, 2 | a body that says nothing | 36–38 | texts, keys and lines too large |
//! | 3, 4, 10, 12, 24 | lines that are no line protocol | 39–43 | too many columns, tables, databases |
//! | 5–9, 11 | numbers that no column holds | 44 | many series |
//! | 13–18 | times and units | 45, 46 | rows too old, rows ahead of time |
//! | 19–23 | columns that mean two things | 47–49 | lengths that are wrong or too large |
//! | 25, 26 | a column of another type | 50–54 | packings |
//! | 27–29, 34, 35 | bytes, ends of lines, quotes | 55–58 | headers and parameters |
//! | 30–33 | names | 59–62 | callers |
//! | 63–68 | slow, idle, busy, broken | 69, 70 | retries, one bad line of many |
//!
//! What takes a server of its own is elsewhere: 64 (idle connections) in `connections`, 66 (no space) in
//! `full_disk`, 67 (no object store) in `s3`.
//!
//! `TIDEMILL_UPDATE_GOLDEN=1 cargo test --workspace --test it -- corpus` writes the record anew.

mod background;
mod case;
mod cases;
mod records;
mod surface;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::TcpStream;

use serde_json::json;

use self::background::Background;
use self::case::{Answer, Case, Database, Stored};
use self::surface::{Answered, Surface, Tokens};
use crate::client::Client;
use crate::golden;
use crate::harness::{Server, Site, wait_until};

const TOKEN: &str = "it-token-corpus-51d0";
const RECORD: &str = "bad_writes.txt";
/// What a row of the list is not: shown elsewhere.
const ELSEWHERE: [u8; 3] = [64, 66, 67];

/// A server under load, and the answers that it gave.
struct Arena {
    server: Server,
    tokens: Tokens,
    background: Background,
    /// While it started.
    failures_before: u64,
}

impl Arena {
    fn open(settings: &[String]) -> Self {
        let site = Site::new()
            .env("TIDEMILL_INIT_ADMIN_TOKEN", TOKEN)
            .token(TOKEN);
        let site = settings
            .iter()
            .fold(site, |site, setting| site.set(setting));
        let server = site.start();
        let client = server.client();
        let reader = token(
            client,
            "reader",
            json!([{ "action": "read", "database": "*" }]),
            None,
        );
        let writer = json!([{ "action": "write", "database": "*" }]);
        let expired = token(client, "brief", writer, Some(1));
        wait_until("the token's time is over", || {
            let shown = client.with_token(Some(&expired));
            shown.get("/api/v3/configure/database?format=csv").status == 401
        });
        let tokens = Tokens {
            admin: TOKEN.to_owned(),
            reader,
            expired,
        };
        let failures_before = failures(client);
        let background = Background::start(client);
        Self {
            server,
            tokens,
            background,
            failures_before,
        }
    }

    /// Makes a database with a table for each way in.
    fn share(&self) {
        let client = self.server.client();
        for surface in Surface::ALL {
            let name = format!("shared-{}", surface.label());
            client.create(&name);
            let fields = json!([{ "name": "v", "type": "float64" }]);
            let table = json!({ "db": name, "table": "a", "tags": ["t"], "fields": fields });
            configure(client, "table", &table);
        }
    }

    /// Sends every case every way, all ways at the same time.
    fn run(&self, cases: &[Case]) -> Vec<BTreeMap<Surface, Outcome>> {
        let (client, tokens) = (self.server.client(), &self.tokens);
        let send_all = |surface: Surface| {
            let send = |(at, case)| attempt(client, tokens, surface, at, case);
            cases.iter().enumerate().map(send).collect::<Vec<_>>()
        };
        let by_surface: Vec<_> = std::thread::scope(|scope| {
            let spawn = |surface| (surface, scope.spawn(move || send_all(surface)));
            let threads: Vec<_> = Surface::ALL.into_iter().map(spawn).collect();
            let join = |(surface, thread): (_, std::thread::ScopedJoinHandle<'_, _>)| {
                (surface, thread.join().unwrap())
            };
            threads.into_iter().map(join).collect()
        });
        let mut found: Vec<_> = cases.iter().map(|_| BTreeMap::new()).collect();
        for (surface, outcomes) in by_surface {
            for (outcomes, outcome) in found.iter_mut().zip(outcomes) {
                outcomes.insert(surface, outcome);
            }
        }
        found
    }

    /// Ends the load, and looks whether it suffered and whether the server did.
    fn close(self, transient: u64) {
        let refused = self.background.finish(self.server.client());
        let failures = failures(self.server.client()) - self.failures_before;
        assert_eq!(failures, transient + refused, "answers of 5xx");
        let log = self.server.stop();
        let panicked = log.lines().find(|line| line.contains("panicked"));
        assert_eq!(panicked, None, "the log knows of a panic");
    }
}

/// Answers of 5xx so far, by the server's own count.
fn failures(client: &Client) -> u64 {
    let metrics = client.get("/metrics").text();
    let is_failure = |line: &&str| {
        line.starts_with("tidemill_http_requests_total") && line.contains("status=\"5xx\"")
    };
    let count = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    metrics.lines().filter(is_failure).map(count).sum()
}

/// What became of a case by one way in.
#[derive(Debug)]
struct Outcome {
    answered: Vec<Answered>,
    database: String,
    rows: Vec<String>,
}

/// Makes a token and returns its secret.
fn token(client: &Client, name: &str, rights: serde_json::Value, seconds: Option<u64>) -> String {
    let token = json!({ "token_name": name, "rights": rights, "expiry_secs": seconds });
    configure(client, "token", &token)["token"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn configure(client: &Client, what: &str, body: &serde_json::Value) -> serde_json::Value {
    let path = format!("/api/v3/configure/{what}");
    let headers = [("content-type", "application/json")];
    let reply = client.send("POST", &path, &headers, body.to_string().as_bytes());
    assert!(
        matches!(reply.status, 200 | 201),
        "{what}: {}",
        reply.text()
    );
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

fn attempt(client: &Client, tokens: &Tokens, surface: Surface, at: usize, case: &Case) -> Outcome {
    let label = surface.label();
    let database = match case.database {
        Database::Shared => format!("shared-{label}"),
        Database::Named(name) => name.to_owned(),
        Database::Own | Database::Brief | Database::Absent | Database::None => {
            format!("c{at}-{label}")
        }
    };
    match case.database {
        Database::Own => client.create(&database),
        Database::Brief => {
            let brief = json!({ "db": database, "retention_period": "1d" });
            configure(client, "database", &brief);
        }
        Database::Shared | Database::Absent | Database::Named(_) | Database::None => {}
    }
    let named = (case.database != Database::None).then_some(database.as_str());
    let send = |_| surface.send(client, case, named, tokens);
    let answered: Vec<_> = (0..case.times).map(send).collect();
    let is_there = match case.database {
        Database::Own | Database::Brief | Database::Shared => true,
        Database::Absent => answered[0].status == 204,
        Database::Named(_) | Database::None => false,
    };
    Outcome {
        rows: if is_there {
            client.dump(&database)
        } else {
            Vec::new()
        },
        answered,
        database,
    }
}

/// Holds what came to what had to come.
fn check(case: &Case, surface: Surface, outcome: &Outcome) {
    let what = format!("{} {} by {}", case.number, case.name, surface.name());
    let (status, reason) = case.expected(surface);
    for answered in &outcome.answered {
        let found = (answered.status, answered.reason());
        let has_hung_up = matches!(case.answer, Answer::Nobody(_)) && answered.status == 0;
        if !has_hung_up {
            assert_eq!(found, (status, reason.to_owned()), "{what}: {answered:?}");
        }
        if matches!(status, 429 | 503 | 507) {
            let seconds: u64 = answered.retry_after.parse().expect(&what);
            assert!((1..=30).contains(&seconds), "{what}: {seconds}");
        }
        if status == 405 {
            assert_eq!(answered.allow, "POST", "{what}");
        }
    }
    let is_taken = status == 204 || case.is_partial;
    match case.stored(surface) {
        Stored::Count(count) => assert_eq!(outcome.rows.len() as u64, count, "{what}"),
        Stored::Rows(rows) if is_taken => assert_eq!(outcome.rows, rows, "{what}"),
        Stored::Rows(_) => assert_eq!(outcome.rows, [""; 0], "{what}"),
    }
}

/// Adds a case to the record: answers that are the same stand once.
fn note(record: &mut String, case: &Case, outcomes: &BTreeMap<Surface, Outcome>) {
    writeln!(record, "### {} {}", case.number, case.name).unwrap();
    let mut answers: Vec<(String, Vec<&str>)> = Vec::new();
    for (surface, outcome) in outcomes {
        let answer = shown(case, outcome);
        match answers.iter_mut().find(|(known, _)| *known == answer) {
            Some((_, names)) => names.push(surface.name()),
            None => answers.push((answer, vec![surface.name()])),
        }
    }
    for (answer, names) in answers {
        writeln!(record, "{}: {answer}", names.join("; ")).unwrap();
    }
    writeln!(record).unwrap();
}

/// An answer without what differs from run to run.
fn shown(case: &Case, outcome: &Outcome) -> String {
    if let Answer::Nobody(reason) = case.answer {
        return format!("nothing, or {reason}");
    }
    let Answered { status, body, .. } = outcome.answered.last().unwrap();
    let body = match case.database {
        Database::Named(_) | Database::None => body.clone(),
        _ => body.replace(&outcome.database, "{database}"),
    };
    let start = "\"request_id\":\"";
    let masked = body.split_once(start).map(|(before, after)| {
        let (_, after) = after.split_once('"').unwrap();
        format!("{before}{start}{{request}}\"{after}")
    });
    format!("{status} {}", masked.unwrap_or(body))
        .trim_end()
        .to_owned()
}

/// Takes memory for bodies and keeps it, until dropped.
fn take_memory(client: &Client) -> TcpStream {
    let path = format!("/write?db=shared-{}", Surface::V1.label());
    let headers = [("authorization", format!("Bearer {TOKEN}"))];
    client.stall(&path, &headers, 90 << 10, b"m v=1 1")
}

/// Limits that the databases and tables of [`Arena::share`] and of the load exhaust.
fn tight() -> Vec<String> {
    let places = Surface::ALL.len() + 1;
    let mut settings = vec!["limits.columns_per_table=3".to_owned()];
    settings.extend(["databases", "tables"].map(|name| format!("limits.{name}={places}")));
    settings.push("server.bodies.bytes_max=64KiB".to_owned());
    settings
}

#[test]
fn bad_writes_are_refused_as_recorded_and_disturb_nobody() {
    let mut record = String::new();
    let (mut checks, mut numbers) = (0, Vec::from(ELSEWHERE));
    let mut hold = |arena: &Arena, cases: &[Case]| {
        let mut transient = 0;
        for (case, outcomes) in cases.iter().zip(arena.run(cases)) {
            for (surface, outcome) in &outcomes {
                check(case, *surface, outcome);
                checks += 1;
                transient += u64::from(matches!(outcome.answered[0].status, 503 | 507));
            }
            note(&mut record, case, &outcomes);
            numbers.push(case.number);
        }
        transient
    };
    let many = ["limits.databases=10000", "limits.tables=100000"].map(str::to_owned);
    let arena = Arena::open(&many);
    let transient = hold(&arena, &cases::usual());
    let by_flight = records::run(&arena.server, &arena.tokens);
    arena.close(transient);

    let arena = Arena::open(&tight());
    arena.share();
    let transient = hold(&arena, &cases::of_limits());
    arena.close(transient);

    let arena = Arena::open(&[
        "server.bodies.in_flight_bytes_max=100KiB".to_owned(),
        "server.bodies.rate_grace=10m".to_owned(),
    ]);
    arena.share();
    let taken = take_memory(arena.server.client());
    let transient = hold(&arena, &cases::of_no_memory());
    drop(taken);
    arena.close(transient);

    let arena = Arena::open(&["server.bodies.rate_grace=100ms".to_owned()]);
    arena.share();
    let transient = hold(&arena, &cases::of_slowness());
    arena.close(transient);

    checks += by_flight.checks;
    record += &by_flight.record;
    numbers.sort_unstable();
    numbers.dedup();
    let all: Vec<u8> = (1..=70).collect();
    assert_eq!(numbers, all, "cases of the list");
    golden::compare(RECORD, &record);
    println!("{checks} answers to bad writes were checked");
    assert!(checks >= 300, "{checks}");
}
