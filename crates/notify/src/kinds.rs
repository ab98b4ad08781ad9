//! Kinds of endpoints: what a notification looks like to each, and what options they have.
//!
//! | kind | what is sent |
//! |---|---|
//! | `webhook` | JSON, or whatever a template says, with headers of one's own |
//! | `slack` | a message with an attachment for every alert; incoming webhooks of Slack and what is like them |
//! | `teams` | an adaptive card; workflows of Microsoft Teams |
//! | `pagerduty` | an event for every alert, which PagerDuty puts together by its key |
//! | `alertmanager` | alerts of the API of Prometheus Alertmanager, version 2 |
//! | `influxdb` | line protocol to `/api/v2/write`: rows of tasks, and alerts as rows |
//! | `smtp` | a mail |

mod alertmanager;
mod influxdb;
mod pagerduty;
mod slack;
pub(crate) mod smtp;
mod teams;
mod webhook;

use std::collections::BTreeMap;

use url::Url;

use crate::error::{Error, Result};
use crate::notification::Notification;
use crate::sender::{Message, Outgoing};
pub use influxdb::forward_request;

/// Options of an endpoint, by name. They may be secret, all of them.
pub type Options = BTreeMap<String, String>;

/// What an endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// HTTP of one's own shape.
    Webhook,
    /// Slack.
    Slack,
    /// Microsoft Teams.
    Teams,
    /// PagerDuty.
    PagerDuty,
    /// Prometheus Alertmanager.
    Alertmanager,
    /// InfluxDB 2, and what speaks its API, such as this program.
    InfluxDb,
    /// Mail.
    Smtp,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Webhook,
        Self::Slack,
        Self::Teams,
        Self::PagerDuty,
        Self::Alertmanager,
        Self::InfluxDb,
        Self::Smtp,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::PagerDuty => "pagerduty",
            Self::Alertmanager => "alertmanager",
            Self::InfluxDb => "influxdb",
            Self::Smtp => "smtp",
        }
    }

    /// The one of a name.
    pub fn of_name(name: &str) -> Result<Self> {
        let name = name.to_lowercase();
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| Error::UnknownKind {
            known: Self::ALL.map(Self::name).join(", "),
            kind: name,
        })
    }

    /// The options that it takes; those that it needs come with `true`. A name that ends with a point begins
    /// names of any end.
    fn options(self) -> &'static [(&'static str, bool)] {
        match self {
            Self::Webhook => webhook::OPTIONS,
            Self::Slack => slack::OPTIONS,
            Self::Teams => teams::OPTIONS,
            Self::PagerDuty => pagerduty::OPTIONS,
            Self::Alertmanager => alertmanager::OPTIONS,
            Self::InfluxDb => influxdb::OPTIONS,
            Self::Smtp => smtp::OPTIONS,
        }
    }

    /// Fails unless an endpoint can have these options.
    pub fn check(self, options: &Options) -> Result<()> {
        let known = self.options();
        let is_known = |name: &str| {
            known
                .iter()
                .any(|(option, _)| match option.strip_suffix('.') {
                    Some(_) => name.len() > option.len() && name.starts_with(option),
                    None => name == *option,
                })
        };
        if let Some(option) = options.keys().find(|name| !is_known(name)) {
            let names = known.iter().map(|(option, _)| match option.ends_with('.') {
                true => format!("{option}…"),
                false => (*option).to_owned(),
            });
            return Err(Error::UnknownOption {
                kind: self.name(),
                option: option.clone(),
                known: names.collect::<Vec<_>>().join(", "),
            });
        }
        for (option, is_needed) in known {
            if *is_needed && !options.contains_key(*option) {
                let kind = self.name();
                return Err(Error::MissingOption { kind, option });
            }
        }
        // What can be made of an example can be made.
        self.url(options)?;
        self.messages(options, &example()).map(drop)
    }

    /// Where messages go; for [`crate::Sender::check`].
    pub fn url(self, options: &Options) -> Result<Url> {
        match self {
            Self::PagerDuty => url_or(options, pagerduty::URL),
            Self::Smtp => smtp::server(options),
            _ => url_or(options, ""),
        }
    }

    /// What a notification is, to be sent one after the other.
    pub fn messages(self, options: &Options, it: &Notification) -> Result<Vec<Message>> {
        if self == Self::Smtp {
            return Ok(vec![Message::Mail(Box::new(smtp::mail(options, it)?))]);
        }
        let requests = self.requests(options, it)?.into_iter();
        Ok(requests
            .map(|request| Message::Request(Box::new(request)))
            .collect())
    }

    /// The requests that a notification is, to what speaks HTTP.
    fn requests(self, options: &Options, it: &Notification) -> Result<Vec<Outgoing>> {
        let mut requests = match self {
            Self::Webhook => vec![webhook::request(options, it)?],
            Self::Slack => vec![slack::request(options, it)?],
            Self::Teams => vec![teams::request(options, it)?],
            Self::PagerDuty => pagerduty::requests(options, it)?,
            Self::Alertmanager => vec![alertmanager::request(options, it)?],
            Self::InfluxDb => vec![influxdb::request(options, it)?],
            Self::Smtp => Vec::new(),
        };
        for request in &mut requests {
            // How the other side knows what it has been told already.
            request.header("Idempotency-Key", &it.id)?;
            request.secrets = secrets(options);
        }
        Ok(requests)
    }
}

/// What of an address may be shown: the server. A path can be a secret, too.
pub fn shown_target(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

fn secrets(options: &Options) -> Vec<String> {
    options.values().cloned().collect()
}

fn url_or(options: &Options, usual: &str) -> Result<Url> {
    let invalid = |problem: &str| Error::InvalidOption {
        option: "url".to_owned(),
        problem: problem.to_owned(),
    };
    let text = options.get("url").map_or(usual, String::as_str);
    let url = Url::parse(text).map_err(|error| invalid(&format!("it is no URL: {error}")))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(invalid("it begins with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let problem = "names and passwords have options of their own: username, password";
        return Err(invalid(problem));
    }
    Ok(url)
}

/// The URL of a path below the one that is given.
fn below(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    let base = url.path().trim_end_matches('/').to_owned();
    if !base.ends_with(path) {
        url.set_path(&format!("{base}{path}"));
    }
    url
}

fn json(value: &serde_json::Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// A notification as there may be one, for looking at templates.
fn example() -> Notification {
    let alert = crate::Alert {
        id: "0".repeat(32),
        check: "example".to_owned(),
        key: "0".repeat(16),
        level: "crit".to_owned(),
        previous_level: "ok".to_owned(),
        status: "firing".to_owned(),
        message: "an example".to_owned(),
        time_nanos: 0,
        time: crate::Alert::time_text(0),
        since: crate::Alert::time_text(0),
        tags: [("asset".to_owned(), "m1".to_owned())].into(),
        values: serde_json::Map::new(),
    };
    Notification::new("0".repeat(32), "rule", "endpoint", "plant", vec![alert])
}

#[cfg(test)]
mod tests;
