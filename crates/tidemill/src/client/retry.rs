//! When to ask again, and how long to wait before it.
//!
//! | what happened                              | asked again                                      |
//! |--------------------------------------------|--------------------------------------------------|
//! | 429, 502, 503, 504, 507                    | after `Retry-After`, else after the backoff      |
//! | no connection, connection lost, timed out  | after the backoff                                |
//! | any other answer                           | no: asking again would get the same              |
//! | TLS, malformed address or answer           | no                                               |
//!
//! Only writes are retried. They may be: a row that arrives twice replaces itself.

use std::sync::mpsc;
use std::time::Duration;

use ureq::Body;
use ureq::http::Response;

use super::{ClientError, Result, refusal, unreachable_at};

/// The wait before the second attempt; it doubles from there.
const WAIT_FIRST: Duration = Duration::from_millis(250);
/// No wait is longer, whatever the server asks for.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Attempts at one request. Carries what varies: the number, the way to wait and the way to tell.
pub(crate) struct Retry<'a> {
    /// How many attempts may follow the first.
    pub(crate) retries: u32,
    /// Waits; a test's need not.
    pub(crate) wait: &'a mut dyn FnMut(Duration),
    /// Tells the user why it takes longer.
    pub(crate) notify: &'a mut dyn FnMut(&str),
}

impl Retry<'_> {
    /// Calls `send` until it gets an answer that asking again would not change.
    pub(super) fn run(
        &mut self,
        url: &str,
        mut send: impl FnMut() -> Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>> {
        let mut attempts = 0;
        loop {
            let (wanted_wait, failure) = match send() {
                Ok(answer) if is_transient_status(answer.status().as_u16()) => {
                    (retry_after(&answer), refusal(answer))
                }
                Ok(answer) => return Ok(answer),
                Err(error) if is_transient(&error) => (None, unreachable_at(url, error)),
                Err(error) => return Err(unreachable_at(url, error)),
            };
            attempts += 1;
            if attempts > self.retries {
                return Err(ClientError::GaveUp {
                    attempts,
                    source: Box::new(failure),
                });
            }
            let wait = wanted_wait
                .unwrap_or_else(|| backoff(attempts))
                .min(WAIT_MAX);
            (self.notify)(&format!(
                "{}; trying again in {} ({attempts} of {})",
                chain(&failure),
                humantime::format_duration(wait),
                self.retries
            ));
            (self.wait)(wait);
        }
    }
}

/// Waits for real. A channel that nobody writes to, because a thread must not be put to sleep here.
pub(crate) fn wait(duration: Duration) {
    let (_sender, receiver) = mpsc::channel::<()>();
    // Always times out: the sender lives until the end of this function and sends nothing.
    let timed_out = receiver.recv_timeout(duration).is_err();
    debug_assert!(timed_out);
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn is_transient_status(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504 | 507)
}

fn is_transient(error: &ureq::Error) -> bool {
    matches!(
        error,
        ureq::Error::Io(_)
            | ureq::Error::Timeout(_)
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
    )
}

/// The wait that the server asks for, in seconds; its other form, a date, is left to the backoff.
fn retry_after(answer: &Response<Body>) -> Option<Duration> {
    let text = answer.headers().get("retry-after")?.to_str().ok()?;
    Duration::try_from_secs_f64(text.trim().parse().ok()?).ok()
}

fn backoff(attempts: u32) -> Duration {
    WAIT_FIRST
        .saturating_mul(1 << attempts.saturating_sub(1).min(16))
        .min(WAIT_MAX)
}
