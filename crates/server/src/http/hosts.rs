//! The host that a request names. A listener that only its own machine can reach takes requests for
//! names of that machine: a page of another site whose name was made to lead here (DNS rebinding) sends
//! that name.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::HOST;

use super::App;
use crate::error::{Error, Result};

/// Refuses a request for a host that this listener is not.
pub(super) fn check(app: &App, request: &Request) -> Result<()> {
    if !app.is_loopback {
        return Ok(());
    }
    let of_header = request.headers().get(HOST);
    let of_header = of_header.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let authority = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    // Programs that name none are no browsers.
    let Some(host) = of_header.as_deref().or(authority) else {
        return Ok(());
    };
    let allowed = &app.server.settings.auth.hosts;
    match is_ours(host, allowed) {
        true => Ok(()),
        false => Err(Error::UnknownHost {
            host: host.chars().take(100).collect(),
        }),
    }
}

fn is_ours(authority: &str, allowed: &[String]) -> bool {
    let host = without_port(authority);
    let is_local = host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        // A page cannot make a name of an address.
        || host.parse::<IpAddr>().is_ok();
    is_local || allowed.iter().any(|name| name.eq_ignore_ascii_case(host))
}

fn without_port(authority: &str) -> &str {
    if let Some((host, _)) = authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return host;
    }
    authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_sites_are_not_ours() {
        let allowed = ["tsdb.plant.example".to_owned()];
        for (host, expected) in [
            ("localhost", true),
            ("localhost:8086", true),
            ("LOCALHOST:8086", true),
            ("tidemill.localhost", true),
            ("127.0.0.1:8086", true),
            ("[::1]:8086", true),
            ("::1", false),
            ("tsdb.plant.example", true),
            ("TSDB.plant.example:80", true),
            ("evil.example", false),
            ("evil.example:8086", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("", false),
        ] {
            assert_eq!(is_ours(host, &allowed), expected, "{host}");
        }
    }
}
