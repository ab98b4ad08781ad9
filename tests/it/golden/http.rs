//! Requests in `tests/golden/*.http`, sent to one server in their order:
//!
//! ```text
//! ### what it is about
//! POST /write?db=plant
//! Header: value
//!
//! body
//! <<<
//! HTTP/1.1 204 No Content
//! header: value
//!
//! body
//! ```
//!
//! `Host`, `Content-Length` and, unless there is one, `Authorization` are added to what is sent. What differs
//! from run to run is left out of the answer (its date, how it was divided, how long it is) or replaced by
//! a name (`{version}`, `{request}`, `{cluster}`, `{started}`, `{up}`,
//! `{createdAt}`, `{updatedAt}`, `{latestCompleted}`, `{token}`).

use std::fmt::Write as _;

use super::{compare, path};
use crate::client::Client;
use crate::harness::Site;

const TOKEN: &str = "it-token-golden-2f6e";
const TITLE: &str = "### ";
const ANSWER: &str = "<<<";
const NO_TOKEN: &str = "Authorization: none";

#[test]
fn v1_exchanges_are_as_recorded() {
    replay("v1.http");
}

#[test]
fn v2_exchanges_are_as_recorded() {
    replay("v2.http");
}

#[test]
fn v2_resource_exchanges_are_as_recorded() {
    replay("v2_resources.http");
}

#[test]
fn v2_task_exchanges_are_as_recorded() {
    replay("v2_tasks.http");
}

#[test]
fn v2_check_exchanges_are_as_recorded() {
    replay("v2_checks.http");
}

#[test]
fn v3_exchanges_are_as_recorded() {
    replay("v3.http");
}

#[test]
fn status_exchanges_are_as_recorded() {
    replay("status.http");
}

fn replay(name: &str) {
    let site = Site::new()
        .env("TIDEMILL_INIT_ADMIN_TOKEN", TOKEN)
        .token(TOKEN);
    let server = site.start();
    let record = std::fs::read_to_string(path(name)).unwrap();
    let mut said = String::new();
    for exchange in record.split(TITLE).filter(|text| !text.is_empty()) {
        let (title, rest) = exchange.split_once('\n').unwrap();
        let request = rest.split(&format!("{ANSWER}\n")).next().unwrap();
        let answer = answer(server.client(), request);
        writeln!(said, "{TITLE}{title}\n{request}{ANSWER}\n{answer}").unwrap();
    }
    compare(name, &said);
}

fn answer(client: &Client, request: &str) -> String {
    let (head, body) = request
        .split_once("\n\n")
        .unwrap_or((request.trim_end(), ""));
    let body = body.strip_suffix('\n').unwrap_or(body);
    let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
    let mut sent = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    if !headers.contains("Authorization:") {
        write!(sent, "Authorization: Bearer {TOKEN}\r\n").unwrap();
    }
    let is_sent = |header: &&str| *header != NO_TOKEN;
    for header in headers.lines().filter(is_sent) {
        write!(sent, "{header}\r\n").unwrap();
    }
    write!(sent, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    shown(&client.raw(sent.as_bytes()))
}

/// An answer as records have it.
fn shown(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let is_chunked = head.contains("transfer-encoding: chunked");
    let varies = [
        "date:",
        "connection:",
        "transfer-encoding:",
        "content-length:",
    ];
    let lines = head.lines();
    let kept = lines.filter(|line| !varies.iter().any(|name| line.starts_with(name)));
    let head: Vec<_> = kept.collect();
    let body = match is_chunked {
        true => joined(body),
        false => body.to_owned(),
    };
    let text = format!("{}\n\n{body}", head.join("\n"));
    let mut text = text.replace(env!("CARGO_PKG_VERSION"), "{version}");
    for (header, name) in [
        ("request-id: ", "{request}"),
        ("cluster-uuid: ", "{cluster}"),
    ] {
        let id = text.lines().find_map(|line| line.strip_prefix(header));
        if let Some(id) = id.map(str::to_owned) {
            text = text.replace(&id, name);
        }
    }
    for key in [
        "started",
        "up",
        "createdAt",
        "updatedAt",
        "latestCompleted",
        "token",
    ] {
        text = without_values(&text, key);
    }
    format!("{}\n", text.trim_end())
}

/// The text with the name of a member of its JSON instead of what the members of that name say.
fn without_values(text: &str, key: &str) -> String {
    let start = format!("\"{key}\":\"");
    let mut parts = text.split(&start);
    let mut shown = parts.next().unwrap().to_owned();
    for part in parts {
        let (_, after) = part.split_once('"').unwrap();
        write!(shown, "{start}{{{key}}}\"{after}").unwrap();
    }
    shown
}

/// A body that came in chunks.
fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&rest[..size]);
        chunks = rest[size..].strip_prefix("\r\n").unwrap();
    }
    body
}
