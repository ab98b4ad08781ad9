//! `/ready`: whether requests will be answered. 503 while the server starts, while it stops, and
//! while writes are not taken: the write-ahead log refuses them, or another process has the store.

use std::fmt::Write as _;

use axum::Json;
use axum::extract::State;
use chrono::DateTime;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::http::App;

#[derive(Serialize)]
pub(super) struct Ready {
    status: &'static str,
    started: String,
    up: String,
}

pub(super) async fn answer(State(app): State<App>) -> Result<Json<Ready>> {
    let services = app.server.services()?;
    if services.readiness.is_stopping() {
        return Err(Error::Stopping);
    }
    // The default is the healthy one: the last write went well, or there was none.
    let stats = services.storage.stats();
    if stats.is_fenced {
        return Err(storage::Error::Fenced.into());
    }
    if stats.wal.health != Default::default() {
        return Err(Error::NotWritable);
    }
    let started = services.readiness.started_nanos();
    let up_seconds = (services.clock.now_nanos() - started) as f64 / 1e9;
    let started = DateTime::from_timestamp_nanos(started).to_rfc3339();
    Ok(Json(Ready {
        status: "ready",
        started,
        up: go_duration(up_seconds),
    }))
}

/// A duration as Go prints it: `1h2m3.4s`.
fn go_duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let (hours, minutes) = ((seconds / 3600.0) as u64, (seconds / 60.0) as u64 % 60);
    let mut text = String::new();
    if hours > 0 {
        write!(text, "{hours}h").expect("text takes text");
    }
    if hours > 0 || minutes > 0 {
        write!(text, "{minutes}m").expect("text takes text");
    }
    let millis = ((seconds % 60.0) * 1e3).floor() / 1e3;
    write!(text, "{millis}s").expect("text takes text");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_go() {
        for (seconds, expected) in [
            (0.0, "0s"),
            (3.4, "3.4s"),
            (61.25, "1m1.25s"),
            (3723.5, "1h2m3.5s"),
            (3600.0, "1h0m0s"),
            (-1.0, "0s"),
        ] {
            assert_eq!(go_duration(seconds), expected);
        }
    }
}
