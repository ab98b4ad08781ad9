//! Sends a request to where it may go, once. Who sends again, and when, is decided elsewhere.
//!
//! A name is looked up once: what it stands for is checked, and the connection is made to what was checked.
//! Redirects are not followed, proxies of the environment not asked, and of an answer no more is read than a
//! limit. Without encryption nothing is sent but to hosts that the setting `notifications.allowed` names.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use url::{Host, Url};

use crate::addresses::Allowed;
use crate::error::{Error, Result};
use crate::kinds::smtp::{self, Mail};
use crate::mailer;
use crate::settings::Settings;

/// As much of what the other side says of a failure is passed on.
const WORDS_BYTES_MAX: usize = 300;

/// What is sent at a time.
#[derive(Debug, Clone)]
pub enum Message {
    /// A request of HTTP.
    Request(Box<Outgoing>),
    /// A mail.
    Mail(Box<Mail>),
}

/// A request to send.
#[derive(Clone)]
pub struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// What must not be passed on when the other side repeats it.
    pub(crate) secrets: Vec<String>,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("host", &self.url.host_str())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Outgoing {
    /// A `POST` of JSON.
    pub(crate) fn post(url: Url, body: Vec<u8>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(
            reqwest::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        Self {
            method: Method::POST,
            url,
            headers,
            body,
            secrets: Vec::new(),
        }
    }

    /// Adds a header, or replaces it.
    pub(crate) fn header(&mut self, name: &str, value: &str) -> Result<()> {
        let invalid = |problem: &str| Error::InvalidOption {
            option: format!("header.{name}"),
            problem: problem.to_owned(),
        };
        let parsed =
            HeaderName::try_from(name).map_err(|_| invalid("it is no name of a header"))?;
        let mut value =
            HeaderValue::try_from(value).map_err(|_| invalid("no header can carry its value"))?;
        value.set_sensitive(true);
        self.headers.insert(parsed, value);
        Ok(())
    }
}

/// Why a request did not arrive, or was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In words without secrets.
    pub problem: String,
    /// When the other side wants to be asked again.
    pub retry_after: Option<Duration>,
    /// Whether the same request may be taken later.
    pub is_transient: bool,
    /// Whether the other side says that to try again is of no use, whatever happens.
    pub is_final: bool,
}

impl Failure {
    /// One that may pass.
    pub fn transient(problem: String) -> Self {
        Self {
            problem,
            retry_after: None,
            is_transient: true,
            is_final: false,
        }
    }
}

/// Sends requests.
#[derive(Debug)]
pub struct Sender {
    allowed: Arc<Allowed>,
    /// For what is public or named by the setting. Clients are made when they are needed: that takes the
    /// certificates of the system.
    encrypted: OnceLock<Client>,
    /// For what is named by the setting.
    plain: OnceLock<Client>,
    timeout: Duration,
    mail_timeout: Duration,
    response_bytes_max: u64,
}

impl Sender {
    /// With the rules of these settings.
    pub fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            allowed: Arc::new(Allowed::parse(&settings.allowed)?),
            encrypted: OnceLock::new(),
            plain: OnceLock::new(),
            timeout: settings.timeout,
            mail_timeout: settings.mail_timeout,
            response_bytes_max: settings.response_bytes_max.as_u64(),
        })
    }

    fn client(&self, is_encrypted: bool) -> Result<&Client> {
        let place = match is_encrypted {
            true => &self.encrypted,
            false => &self.plain,
        };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let guard = Guard {
            allowed: Arc::clone(&self.allowed),
            must_be_named: !is_encrypted,
        };
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .https_only(is_encrypted)
            .connect_timeout(self.timeout)
            .pool_max_idle_per_host(2)
            .pool_idle_timeout(Duration::from_secs(30))
            .dns_resolver(Arc::new(guard))
            .build();
        let client = client.map_err(|error| Error::Client {
            problem: error.to_string(),
        })?;
        Ok(place.get_or_init(|| client))
    }

    /// Fails when nothing may be sent to a URL as it is written. What its host's name stands for is looked at
    /// when something is sent.
    pub fn check(&self, url: &Url) -> Result<()> {
        let host = url.host_str().unwrap_or_default();
        let literal = literal(url);
        if let Some(address) = literal {
            self.allowed.check(host, [address])?;
        }
        let is_named = self.allowed.names_host(host)
            || literal.is_some_and(|address| self.allowed.names_address(address));
        // A name may stand for an address of a network that is named.
        if matches!(url.scheme(), "http" | smtp::PLAIN) && literal.is_some() && !is_named {
            return Err(unencrypted(host));
        }
        Ok(())
    }

    /// Sends what a notification is, or a part of it, within the time of the settings.
    pub async fn deliver(&self, message: &Message) -> Result<(), Failure> {
        match message {
            Message::Request(request) => self.send(request, self.timeout).await,
            Message::Mail(mail) => {
                let timeout = self.mail_timeout;
                // A dialogue is large, and kept by few.
                let sent = tokio::time::timeout(timeout, Box::pin(self.mail(mail)));
                sent.await.unwrap_or_else(|_| Err(late(timeout)))
            }
        }
    }

    async fn mail(&self, mail: &Mail) -> Result<(), Failure> {
        let failure = Failure::transient;
        self.check(&mail.url)
            .map_err(|error| failure(error.to_string()))?;
        let host = mail.url.host_str().unwrap_or_default();
        let host = host.trim_matches(['[', ']']);
        let must_be_named = mail.url.scheme() == smtp::PLAIN;
        let found = Guard::look_up(&self.allowed, must_be_named, host).await;
        let mut found = found.map_err(|error| failure(error.to_string()))?;
        let port = mail.url.port().unwrap_or_default();
        found.iter_mut().for_each(|address| address.set_port(port));
        mailer::send(mail, &found).await
    }

    /// Sends a request within this time.
    pub async fn send(&self, outgoing: &Outgoing, timeout: Duration) -> Result<(), Failure> {
        let failure = Failure::transient;
        self.check(&outgoing.url)
            .map_err(|error| failure(error.to_string()))?;
        let client = self.client(outgoing.url.scheme() == "https");
        let client = client.map_err(|error| failure(error.to_string()))?;
        let request = client
            .request(outgoing.method.clone(), outgoing.url.clone())
            .headers(outgoing.headers.clone())
            .body(outgoing.body.clone())
            .timeout(timeout);
        let sent = async {
            let response = request
                .send()
                .await
                .map_err(|error| failure(words(error)))?;
            match response.status().is_success() {
                true => Ok(()),
                false => Err(self.refusal(response, &outgoing.secrets).await),
            }
        };
        // The whole of it, whatever the other side does.
        tokio::time::timeout(timeout, sent)
            .await
            .map_err(|_| late(timeout))?
    }

    /// What the other side says that it does not take.
    async fn refusal(&self, mut response: Response, secrets: &[String]) -> Failure {
        let status = response.status();
        if status.is_redirection() {
            let problem = format!("the answer is {status}: redirects are not followed");
            return Failure::transient(problem);
        }
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after
            .and_then(|value| value.to_str().ok()?.trim().parse::<f64>().ok())
            .filter(|seconds| (0.0..=86_400.0).contains(seconds))
            .map(Duration::from_secs_f64);
        let most = usize::try_from(self.response_bytes_max).unwrap_or(usize::MAX);
        let mut said = Vec::new();
        while said.len() < most.min(4 * WORDS_BYTES_MAX)
            && let Ok(Some(chunk)) = response.chunk().await
        {
            said.extend_from_slice(&chunk);
        }
        let said = without_secrets(&String::from_utf8_lossy(&said), secrets);
        Failure {
            problem: match said.is_empty() {
                true => format!("the answer is {status}"),
                false => format!("the answer is {status}: {said}"),
            },
            retry_after,
            is_transient: !status.is_client_error()
                || matches!(status.as_u16(), 401 | 403 | 404 | 408 | 425 | 429),
            // Somebody can mend the address, or the template of the body.
            is_final: false,
        }
    }
}

fn late(timeout: Duration) -> Failure {
    Failure::transient(format!("no answer within {timeout:?}"))
}

/// What an answer says, without what it should not repeat, and no longer than anybody reads.
pub(crate) fn without_secrets(said: &str, secrets: &[String]) -> String {
    let mut said: String = said
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
        said = said.replace(secret.as_str(), "…");
    }
    said.truncate(said.floor_char_boundary(WORDS_BYTES_MAX));
    said.trim().to_owned()
}

/// What went wrong on the way. The address may hold a secret, and is left out.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    let mut last = String::new();
    while let Some(cause) = source {
        if let Some(forbidden) = cause.downcast_ref::<Error>() {
            return forbidden.to_string();
        }
        last = cause.to_string();
        source = cause.source();
    }
    match error.is_timeout() {
        true => "no answer in time".to_owned(),
        false => format!("{error}: {last}"),
    }
}

/// The address that a URL names itself.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        // The hosts of other schemes than those of the web are not looked at when a URL is read.
        Host::Domain(name) => name.parse().ok(),
    }
}

fn unencrypted(host: &str) -> Error {
    Error::Forbidden {
        host: host.to_owned(),
        what: "addressed without encryption",
    }
}

/// Looks names up, and keeps to itself what nothing may be sent to.
struct Guard {
    allowed: Arc<Allowed>,
    must_be_named: bool,
}

impl Guard {
    async fn look_up(
        allowed: &Allowed,
        must_be_named: bool,
        host: &str,
    ) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let found: Vec<_> = tokio::net::lookup_host((host, 0)).await?.collect();
        allowed.check(host, found.iter().map(SocketAddr::ip))?;
        let is_named = allowed.names_host(host)
            || found
                .iter()
                .all(|address| allowed.names_address(address.ip()));
        match must_be_named && !is_named {
            true => Err(Box::new(unencrypted(host))),
            false => Ok(found),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = Arc::clone(&self.allowed);
        let must_be_named = self.must_be_named;
        Box::pin(async move {
            let found = Self::look_up(&allowed, must_be_named, name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
