//! The text of a mail: its headers and its body, in ASCII, whatever is said in it (RFC 5322, RFC 2045, RFC 2047).
//!
//! What comes from outside is in the values of headers alone, without characters that control anything, and in the
//! body, which is encoded: nothing that is said can begin a header or end the mail.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::DateTime;

use super::Options;
use crate::error::Result;
use crate::notification::Notification;
use crate::template;

/// The longest subject, in bytes.
const SUBJECT_BYTES_MAX: usize = 200;

/// As much goes into one encoded word, which has 75 characters at most (RFC 2047, 2).
const WORD_BYTES_MAX: usize = 45;

/// Characters of a line of the body.
const LINE_MAX: usize = 76;

const SUBJECT: &str = "[{{ level if status == 'firing' else status }}] {{ database }}: \
                       {{ message if alerts | length == 1 else alerts | length ~ ' alerts' }}";

const BODY: &str = "\
{% for a in alerts %}{{ a.message }}
    {{ a.check }}: {{ a.previous_level }} -> {{ a.level }} at {{ a.time }}\
{% if a.status == 'firing' and a.since != a.time %}, since {{ a.since }}{% endif %}
{% for tag, value in a.tags | items %}    {{ tag }} = {{ value }}
{% endfor %}{% for name, value in a.values | items %}{% if name not in a.tags %}    {{ name }} = {{ value }}
{% endif %}{% endfor %}
{% endfor %}(rule {{ rule }} of {{ database }})
";

/// Somebody's address, and what they are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mailbox {
    name: String,
    pub(super) address: String,
}

impl Mailbox {
    /// Reads `ops@plant.example` or `Ops <ops@plant.example>`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.chars().any(char::is_control) {
            return None;
        }
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>') {
            Some(named) => named.split_once('<')?,
            None => ("", text),
        };
        let name = name.trim().trim_matches('"');
        let (local, domain) = address.split_once('@')?;
        let of_local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        let of_domain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
        let has_dots = |text: &str| text.split('.').all(|part| !part.is_empty());
        let is_fit = (1..=64).contains(&local.len())
            && (1..=253).contains(&domain.len())
            && local.chars().all(of_local)
            && domain.chars().all(of_domain)
            && has_dots(local)
            && has_dots(domain)
            && !name.contains(['<', '>', '"', '\\']);
        is_fit.then(|| Self {
            name: name.to_owned(),
            address: address.to_owned(),
        })
    }

    pub(super) fn domain(&self) -> &str {
        self.address
            .split_once('@')
            .map_or("", |(_, domain)| domain)
    }

    fn header(&self) -> String {
        match &*self.name {
            "" => self.address.clone(),
            name if is_plain(name) => format!("\"{name}\" <{}>", self.address),
            name => format!("{} <{}>", encoded_words(name), self.address),
        }
    }
}

/// The mail that a notification is.
pub(super) fn text(
    options: &Options,
    it: &Notification,
    from: &Mailbox,
    to: &[Mailbox],
) -> Result<String> {
    let template = |option: &str, usual: &'static str| {
        template::text(options.get(option).map_or(usual, String::as_str), it)
    };
    let subject = one_line(&template("subject", SUBJECT)?);
    let subject = match is_plain(&subject) {
        true => subject,
        false => encoded_words(&subject),
    };
    let to: Vec<_> = to.iter().map(Mailbox::header).collect();
    let at = it.alerts.iter().map(|alert| alert.time_nanos).max();
    let at = DateTime::from_timestamp_nanos(at.unwrap_or(0));
    let mut headers = vec![
        ("From", from.header()),
        ("To", to.join(",\r\n ")),
        ("Subject", subject),
        ("Date", at.to_rfc2822()),
        ("Message-ID", id(&it.id, from.domain())),
    ];
    if let [alert] = &it.alerts[..] {
        // What is said of one series stands together.
        headers.push(("References", id(&alert.key, from.domain())));
    }
    let own = [
        // RFC 3834: nobody is on holiday for a machine.
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "base64"),
    ];
    headers.extend(own.map(|(name, value)| (name, value.to_owned())));
    let mut text = String::new();
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").expect("a text takes anything");
    }
    text += "\r\n";
    text += &encoded_body(&template("body", BODY)?);
    Ok(text)
}

/// The id of a mail. It is made of ids of ours, of which nothing but letters and digits counts.
fn id(id: &str, domain: &str) -> String {
    let id = id.chars().filter(char::is_ascii_alphanumeric);
    format!("<{}.tidemill@{domain}>", id.collect::<String>())
}

/// A subject is one line, and no longer than anybody reads.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace());
    let words = words.filter(|word| !word.is_empty());
    let mut line = words.collect::<Vec<_>>().join(" ");
    line.truncate(line.floor_char_boundary(SUBJECT_BYTES_MAX));
    line
}

/// Whether a header can carry a text as it is, and nobody takes it for an encoded one.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) && !text.contains("=?")
}

/// A text in words of ASCII, each of whole characters.
fn encoded_words(text: &str) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD_BYTES_MAX));
        words.push(format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(word)));
        rest = after;
    }
    words.join("\r\n ")
}

fn encoded_body(body: &str) -> String {
    let lines: Vec<_> = body.lines().collect();
    let encoded = BASE64_STANDARD.encode(lines.join("\r\n") + "\r\n");
    let mut text = String::with_capacity(encoded.len() + encoded.len() / LINE_MAX * 2 + 2);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE_MAX));
        text += line;
        text += "\r\n";
        rest = after;
    }
    text
}
