//! Who makes a call, and what its headers say besides.
//!
//! | what | from where, the first that says so |
//! |---|---|
//! | database | `database`, `bucket`, `bucket-name`, `iox-namespace-name`, which must agree; the session; the only database that the caller sees |
//! | deadline | `grpc-timeout`, or else the setting `query.timeout` |
//! | session | the cookie that `SetSessionOptions` made |

use std::time::Duration;

use axum::http::{Extensions, HeaderMap};
use query::Access;

use super::seal::Key;
use super::sessions::{self, Session};
use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::services::Services;

/// The headers that name a database; clients differ.
const DATABASE: [&str; 4] = ["database", "bucket", "bucket-name", "iox-namespace-name"];

const GRPC_TIMEOUT: &str = "grpc-timeout";

/// The caller of one call. The gate has let it in.
#[derive(Debug)]
pub(super) struct Caller {
    /// Seals what the caller is to bring back.
    pub(super) key: Key,
    /// Who it is, and what they may do.
    pub(super) principal: Principal,
    /// What its statements may do, whoever it is.
    pub(super) access: Access,
    pub(super) session: Session,
    /// How long it waits.
    pub(super) timeout: Option<Duration>,
    /// The database named by a header.
    named: Option<String>,
    /// The database that is meant when there is no other.
    only: Option<String>,
}

impl Caller {
    pub(super) fn of(
        services: &Services,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Self> {
        let principal = Principal::of(extensions)?;
        let key = Key::of(principal.key());
        let state = services.catalog.state();
        let names = state.databases().map(|database| &*database.name);
        let mut names = names.filter(|name| principal.sees(name)).map(str::to_owned);
        let only = names.next().filter(|_| names.next().is_none());
        Ok(Self {
            session: sessions::of_cookies(&key, headers),
            key,
            principal,
            access: Access::Change,
            timeout: timeout(headers)?,
            named: named_database(headers)?,
            only,
        })
    }

    /// Who asks, for the query engine.
    pub(super) fn asking(&self) -> query::Caller {
        self.principal.caller()
    }

    /// The database of the call, if it has one.
    pub(super) fn database(&self) -> Option<&str> {
        let found = self.named.as_ref().or(self.session.database.as_ref());
        found.or(self.only.as_ref()).map(String::as_str)
    }

    /// The database of the call.
    pub(super) fn need_database(&self) -> Result<&str> {
        self.database().ok_or(Error::ParameterMissing {
            message: "no 'database' header in request",
        })
    }
}

fn named_database(headers: &HeaderMap) -> Result<Option<String>> {
    let values = DATABASE.iter().flat_map(|name| headers.get_all(*name));
    let mut found: Option<String> = None;
    for value in values {
        let invalid = |expected| Error::InvalidParameter {
            name: "database".to_owned(),
            value: String::from_utf8_lossy(value.as_bytes())
                .chars()
                .take(100)
                .collect(),
            expected,
        };
        // Names may have any letters; some clients send them as they are.
        let name = std::str::from_utf8(value.as_bytes())
            .map_err(|_| invalid("a name in UTF-8"))?
            .trim();
        match &found {
            _ if name.is_empty() => {}
            Some(other) if other != name => {
                return Err(invalid("the same name in all headers that name a database"));
            }
            _ => found = Some(name.to_owned()),
        }
    }
    Ok(found)
}

/// What the gRPC specification calls `Timeout`: up to 8 digits and a unit.
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>> {
    let Some(value) = headers.get(GRPC_TIMEOUT) else {
        return Ok(None);
    };
    let invalid = || Error::InvalidParameter {
        name: GRPC_TIMEOUT.to_owned(),
        value: String::from_utf8_lossy(value.as_bytes())
            .chars()
            .take(40)
            .collect(),
        expected: "up to 8 digits and one of H, M, S, m, u, n",
    };
    let text = value.to_str().map_err(|_| invalid())?;
    let (digits, unit) = text
        .split_at_checked(text.len().wrapping_sub(1))
        .ok_or_else(invalid)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    let count: u64 = digits.parse().map_err(|_| invalid())?;
    Ok(Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return Err(invalid()),
    }))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_database_may_be_named_by_several_headers_that_agree() {
        for (pairs, expected) in [
            (&[("database", "a")][..], Ok(Some("a"))),
            (&[("bucket", "a")], Ok(Some("a"))),
            (
                &[("bucket-name", "a"), ("iox-namespace-name", "a")],
                Ok(Some("a")),
            ),
            (&[("database", ""), ("bucket", "b")], Ok(Some("b"))),
            (
                &[("database", "a"), ("bucket", "b")],
                Err("invalid_parameter"),
            ),
            (&[("db", "a")], Ok(None)),
        ] {
            let found = named_database(&headers(pairs)).map_err(|error| error.reason());
            assert_eq!(
                found,
                expected.map(|name| name.map(str::to_owned)),
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn timeouts_are_those_of_grpc() {
        let check = |text: &'static str| {
            let found = timeout(&headers(&[(GRPC_TIMEOUT, text)]));
            found.map_err(|error| error.reason())
        };
        for (text, expected) in [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("1m", Duration::from_millis(1)),
            ("5u", Duration::from_micros(5)),
            ("99999999n", Duration::from_nanos(99_999_999)),
        ] {
            assert_eq!(check(text), Ok(Some(expected)));
        }
        for text in ["", "m", "5", "100000000S", "-1S", "1x", "1.5S"] {
            assert_eq!(check(text), Err("invalid_parameter"), "{text}");
        }
        assert_eq!(timeout(&HeaderMap::new()).unwrap(), None);
    }
}
