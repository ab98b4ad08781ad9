//! Line protocol to `/api/v2/write` of another server: rows that a task forwards, and alerts as rows of the
//! table `alerts`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{Options, below, url_or};
use crate::error::{Error, Result};
use crate::notification::Notification;
use crate::sender::Outgoing;

pub(super) const OPTIONS: &[(&str, bool)] = &[
    ("url", true),
    ("bucket", true),
    ("token", false),
    ("org", false),
];

/// A write of line protocol with times in nanoseconds. The bucket is the endpoint's.
pub fn forward_request(options: &Options, lines: Vec<u8>) -> Result<Outgoing> {
    let mut url = below(&url_or(options, "")?, "/api/v2/write");
    let needed = |option: &'static str| {
        let kind = "influxdb";
        options
            .get(option)
            .ok_or(Error::MissingOption { kind, option })
    };
    let org = options.get("org").map_or("default", String::as_str);
    url.query_pairs_mut()
        .append_pair("org", org)
        .append_pair("bucket", needed("bucket")?)
        .append_pair("precision", "ns");
    let mut request = Outgoing::post(url, lines);
    request.header("Content-Type", "text/plain; charset=utf-8")?;
    if let Some(token) = options.get("token") {
        request.header("Authorization", &format!("Token {token}"))?;
    }
    request.secrets = super::secrets(options);
    Ok(request)
}

pub(super) fn request(options: &Options, it: &Notification) -> Result<Outgoing> {
    let mut lines = String::new();
    for alert in &it.alerts {
        lines += "alerts";
        let own = [("check", &alert.check), ("database", &it.database)];
        let tags = alert.tags.iter().map(|(tag, value)| (tag.as_str(), value));
        let tags = tags.filter(|(tag, _)| !matches!(*tag, "check" | "database" | "time"));
        for (tag, value) in own.into_iter().chain(tags) {
            if !value.is_empty() {
                let (tag, value) = (escaped(tag), escaped(value));
                write!(lines, ",{tag}={value}").expect("a text takes anything");
            }
        }
        let text = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        writeln!(
            lines,
            " id={},level={},previous_level={},status={},message={} {}",
            text(&alert.id),
            text(&alert.level),
            text(&alert.previous_level),
            text(&alert.status),
            text(&alert.message),
            alert.time_nanos
        )
        .expect("a text takes anything");
    }
    forward_request(options, lines.into_bytes())
}

/// A name or the value of a tag. A line must stay one.
fn escaped(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let mut escaped = String::with_capacity(text.len());
    for c in text.trim_end_matches('\\').chars() {
        if matches!(c, ',' | '=' | ' ') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The value of `Authorization` for a name and a password (RFC 7617).
pub(super) fn basic(username: &str, password: &str) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{username}:{password}"))
    )
}
