//! Mail: what it says, and to which server it goes (RFC 5321, RFC 5322).
//!
//! | option | |
//! |---|---|
//! | `url` | `smtps://host[:465]`: encrypted from the first byte; `smtp://host[:587]`: STARTTLS, which is a must |
//! | `host`, `port` | in the place of `url`; port 465 is `smtps`, any other `smtp` |
//! | `tls` | `none`: without encryption, to hosts that the setting `notifications.allowed` names |
//! | `username`, `password` | or in the `url` |
//! | `from`, `to` | addresses with or without names; `to` has several with commas between them |
//! | `subject`, `body` | templates |
//!
//! The text of a mail follows from the notification alone, its id and date too: what is sent again is the same mail
//! to whoever sorts mails by their ids.

mod text;

use std::fmt;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use self::text::Mailbox;
use super::Options;
use crate::error::{Error, Result};
use crate::notification::Notification;

pub(super) const OPTIONS: &[(&str, bool)] = &[
    ("from", true),
    ("to", true),
    ("url", false),
    ("host", false),
    ("port", false),
    ("tls", false),
    ("username", false),
    ("password", false),
    ("subject", false),
    ("body", false),
];

/// Schemes of the address of a server, as it is shown.
const IMPLICIT: &str = "smtps";
const STARTTLS: &str = "smtp";
pub(crate) const PLAIN: &str = "smtp-plain";

/// Recipients of one mail.
const RECIPIENTS_MAX: usize = 50;

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// From its first byte.
    Implicit,
    /// From `STARTTLS` on, before which nothing is said.
    StartTls,
    /// Not at all.
    None,
}

/// A mail to send.
#[derive(Clone)]
pub struct Mail {
    /// The server, as [`server`] gives it.
    pub(crate) url: Url,
    pub(crate) encryption: Encryption,
    pub(crate) credentials: Option<(String, String)>,
    /// What the server is greeted with.
    pub(crate) hello: String,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Lines of ASCII that end with CR and LF; none begins with a point.
    pub(crate) text: String,
    /// What must not be passed on when the server repeats it.
    pub(crate) secrets: Vec<String>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("host", &self.url.host_str())
            .field("text_bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

fn invalid(option: &str, problem: &str) -> Error {
    Error::InvalidOption {
        option: option.to_owned(),
        problem: problem.to_owned(),
    }
}

/// What the options say of the server.
struct Given {
    host: Host,
    port: u16,
    encryption: Encryption,
    credentials: Option<(String, String)>,
}

fn given(options: &Options) -> Result<Given> {
    let (host, port, scheme, in_url) = match options.get("url") {
        Some(url) => of_url(url, options)?,
        None => {
            let (host, port) = of_host(options)?;
            let is_implicit = port == Some(465);
            (
                host,
                port,
                if is_implicit { IMPLICIT } else { STARTTLS },
                None,
            )
        }
    };
    let encryption = match (options.get("tls").map(String::as_str), scheme) {
        (None, IMPLICIT) | (Some("implicit"), _) => Encryption::Implicit,
        (None | Some("starttls"), STARTTLS) => Encryption::StartTls,
        (Some("none"), STARTTLS) => Encryption::None,
        (Some("none" | "starttls"), _) => {
            let problem = "smtps and port 465 are encrypted from the beginning";
            return Err(invalid("tls", problem));
        }
        (_, _) => return Err(invalid("tls", "it is implicit, starttls or none")),
    };
    let usual = match encryption {
        Encryption::Implicit => 465,
        Encryption::StartTls | Encryption::None => 587,
    };
    Ok(Given {
        host,
        port: port.unwrap_or(usual),
        encryption,
        credentials: credentials(options, in_url)?,
    })
}

type OfUrl = (Host, Option<u16>, &'static str, Option<(String, String)>);

fn of_url(text: &str, options: &Options) -> Result<OfUrl> {
    let wrong = |problem: &str| invalid("url", problem);
    if ["host", "port"].iter().any(|it| options.contains_key(*it)) {
        return Err(wrong("there are host and port already"));
    }
    let url = Url::parse(text).map_err(|error| wrong(&format!("it is no URL: {error}")))?;
    let scheme = match url.scheme() {
        "smtps" => IMPLICIT,
        "smtp" => STARTTLS,
        _ => return Err(wrong("it begins with smtps:// or smtp://")),
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("nothing follows the host and its port"));
    }
    let decoded = |text: &str| -> Result<String> {
        let decoded = percent_decode_str(text).decode_utf8();
        let decoded = decoded.map_err(|_| wrong("the name or password is no UTF-8"))?;
        Ok(decoded.into_owned())
    };
    let in_url = match (url.username(), url.password()) {
        ("", None) => None,
        (name, password) => Some((decoded(name)?, decoded(password.unwrap_or_default())?)),
    };
    let host = host("url", url.host_str().unwrap_or_default())?;
    Ok((host, url.port(), scheme, in_url))
}

fn of_host(options: &Options) -> Result<(Host, Option<u16>)> {
    let kind = "smtp";
    let option = "url";
    let text = options
        .get("host")
        .ok_or(Error::MissingOption { kind, option })?;
    let port = match options.get("port") {
        None => None,
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return Err(invalid("port", "it is a number from 1 to 65535")),
        },
    };
    Ok((host("host", text)?, port))
}

/// A host, read as that of an URL of the web is: an address written in any form is one.
fn host(option: &str, text: &str) -> Result<Host> {
    Host::parse(text).map_err(|_| invalid(option, "it has no name or address of a host"))
}

fn credentials(
    options: &Options,
    in_url: Option<(String, String)>,
) -> Result<Option<(String, String)>> {
    let (name, password) = (options.get("username"), options.get("password"));
    match (name, password, in_url) {
        (None, None, in_url) => Ok(in_url),
        (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => Err(invalid(
            "username",
            "the url has a name or a password already",
        )),
        (Some(name), Some(password), None) => Ok(Some((name.clone(), password.clone()))),
        (Some(_), None, None) => Err(invalid("password", "a username needs one")),
        (None, Some(_), None) => Err(invalid("username", "a password needs one")),
    }
}

/// Where the server is, without secrets.
pub(super) fn server(options: &Options) -> Result<Url> {
    url_of(&given(options)?)
}

fn url_of(given: &Given) -> Result<Url> {
    let scheme = match given.encryption {
        Encryption::Implicit => IMPLICIT,
        Encryption::StartTls => STARTTLS,
        Encryption::None => PLAIN,
    };
    let url = format!("{scheme}://{}:{}", given.host, given.port);
    Url::parse(&url).map_err(|_| invalid("url", "it has no name or address of a host"))
}

/// The mail that a notification is.
pub(super) fn mail(options: &Options, it: &Notification) -> Result<Mail> {
    let given = given(options)?;
    let mut senders = mailboxes(options, "from")?.into_iter();
    let (Some(from), None) = (senders.next(), senders.next()) else {
        return Err(invalid("from", "it is one address"));
    };
    let to = mailboxes(options, "to")?;
    if to.len() > RECIPIENTS_MAX {
        let problem = format!("there are {RECIPIENTS_MAX} addresses at most");
        return Err(invalid("to", &problem));
    }
    let known = ["tls", "port"];
    let kept = options
        .iter()
        .filter(|(name, _)| !known.contains(&name.as_str()));
    let mut secrets: Vec<_> = kept.map(|(_, value)| value.clone()).collect();
    secrets.extend(to.iter().chain([&from]).map(|it| it.address.clone()));
    if let Some((name, password)) = &given.credentials {
        secrets.extend([password.clone(), name.clone()]);
        secrets.extend(encoded(name, password));
    }
    Ok(Mail {
        url: url_of(&given)?,
        encryption: given.encryption,
        credentials: given.credentials,
        hello: from.domain().to_owned(),
        text: text::text(options, it, &from, &to)?,
        from: from.address,
        to: to.into_iter().map(|mailbox| mailbox.address).collect(),
        secrets,
    })
}

/// What `AUTH` makes of a name and a password.
fn encoded(name: &str, password: &str) -> [String; 2] {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    let plain = format!("\0{name}\0{password}");
    [plain.as_str(), password].map(|text| BASE64_STANDARD.encode(text))
}

fn mailboxes(options: &Options, option: &'static str) -> Result<Vec<Mailbox>> {
    let kind = "smtp";
    let text = options
        .get(option)
        .ok_or(Error::MissingOption { kind, option })?;
    let wrong = "it has addresses of ASCII such as ops@plant.example or Ops <ops@plant.example>";
    text.split(',')
        .map(|one| Mailbox::parse(one).ok_or_else(|| invalid(option, wrong)))
        .collect()
}

#[cfg(test)]
mod tests;
