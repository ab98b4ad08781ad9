//! The plain HTTP exchange with a server, whichever it is. What is sent where is in `target`.

use std::time::Duration;

use ureq::http::Response;

use crate::error::{Error, Result};

/// No request of these measurements may take longer; the measurement fails instead of hanging.
const REQUEST_LIMIT: Duration = Duration::from_secs(900);

/// Largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// One client with connections of its own.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
}

/// A body to post.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post<'a> {
    pub(crate) path: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) is_gzip: bool,
    pub(crate) body: &'a [u8],
}

/// An answer of any status.
#[derive(Debug)]
pub(crate) struct Answer {
    request: String,
    pub(crate) status: u16,
    /// Seconds that the server asks to wait before the next try.
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    #[cfg(test)]
    pub(crate) fn for_test(status: u16, body: &str) -> Self {
        Self {
            request: "POST /write".to_owned(),
            status,
            retry_after_s: None,
            body: body.as_bytes().to_vec(),
        }
    }

    /// The body, or the refusal as an error.
    pub(crate) fn success(self) -> Result<Vec<u8>> {
        if self.is_success() {
            return Ok(self.body);
        }
        Err(Error::Refused {
            request: self.request,
            status: self.status,
            body: String::from_utf8_lossy(&self.body).into_owned(),
        })
    }
}

impl Client {
    /// A client of the server at `base` (`http://host:port`).
    pub(crate) fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(REQUEST_LIMIT))
            // The server is on this machine: a proxy from the environment must not get between.
            .proxy(None)
            // Compressing answers would be part of what is timed.
            .accept_encoding("identity")
            .build();
        Self {
            agent: config.into(),
            base: base.trim_end_matches('/').to_owned(),
        }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        let request = format!("GET {path}");
        let sent = self.agent.get(format!("{}{path}", self.base)).call();
        read(request, sent)
    }

    pub(crate) fn post(&self, post: &Post<'_>) -> Result<Answer> {
        let mut request = self
            .agent
            .post(format!("{}{}", self.base, post.path))
            .header("Content-Type", post.content_type);
        if post.is_gzip {
            request = request.header("Content-Encoding", "gzip");
        }
        read(format!("POST {}", post.path), request.send(post.body))
    }
}

fn read(request: String, sent: Result<Response<ureq::Body>, ureq::Error>) -> Result<Answer> {
    let failed = |source| Error::Http {
        request: request.clone(),
        source: Box::new(source),
    };
    let mut answer = sent.map_err(failed)?;
    let retry_after_s = answer
        .headers()
        .get("Retry-After")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let limited = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    let body = limited.read_to_vec().map_err(failed)?;
    Ok(Answer {
        request,
        status: answer.status().as_u16(),
        retry_after_s,
        body,
    })
}

/// `text` for a place in a query string.
pub(crate) fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
