//! What a request shows of its caller, whether or not it is known.

use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, Uri};
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine as _};

use super::sessions;
use crate::error::{Error, Result};
use crate::http::Surface;
use crate::http::parameters::Parameters;

/// Go's Flight client leaves out the padding.
const BASIC: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Longest `Authorization` header that is looked at.
const HEADER_BYTES_MAX: usize = 8 * 1024;

/// What a request shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// A token, or the password of the user.
    pub(crate) secret: String,
    pub(crate) user: Option<String>,
    /// It came as a cookie, which a browser sends whoever asks it to.
    pub(crate) is_cookie: bool,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    fn token(secret: &str) -> Self {
        Self {
            secret: secret.to_owned(),
            user: None,
            is_cookie: false,
        }
    }

    fn user(user: &str, secret: &str) -> Self {
        Self {
            user: Some(user.to_owned()),
            ..Self::token(secret)
        }
    }

    /// What a request shows; `None` if it shows nothing.
    pub(crate) fn of(surface: Surface, headers: &HeaderMap, uri: &Uri) -> Result<Option<Self>> {
        let shown = match Self::of_header(headers)? {
            None if surface == Surface::V1 => of_parameters(uri)?,
            None if surface == Surface::V2 => of_cookie(headers),
            shown => shown,
        };
        Ok(shown.filter(|shown| !shown.secret.is_empty()))
    }

    /// What the `Authorization` header shows.
    pub(crate) fn of_header(headers: &HeaderMap) -> Result<Option<Self>> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Error::AuthorizationMalformed);
        }
        if value.len() > HEADER_BYTES_MAX {
            let (length, limit) = (value.len(), HEADER_BYTES_MAX);
            return Err(Error::AuthorizationTooLong { length, limit });
        }
        let value = value.to_str().map_err(|_| Error::AuthorizationMalformed)?;
        let mut words = value.split_ascii_whitespace();
        let (Some(scheme), Some(shown), None) = (words.next(), words.next(), words.next()) else {
            return Err(Error::AuthorizationMalformed);
        };
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Ok(Some(Self::token(shown))),
            "token" => Ok(Some(match shown.split_once(':') {
                Some((user, password)) => Self::user(user, password),
                None => Self::token(shown),
            })),
            "basic" => of_basic(shown)
                .map(Some)
                .ok_or(Error::AuthorizationMalformed),
            _ => Err(Error::AuthorizationMalformed),
        }
    }
}

/// `user:password` in base64.
fn of_basic(encoded: &str) -> Option<Credentials> {
    let decoded = BASIC.decode(encoded).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':')
        .map(|(user, password)| Credentials::user(user, password))
}

fn of_parameters(uri: &Uri) -> Result<Option<Credentials>> {
    let mut parameters = Parameters::of(uri)?;
    let user = parameters.take("u").unwrap_or_default();
    let shown = parameters.take("p");
    Ok(shown.map(|password| Credentials::user(&user, &password)))
}

fn of_cookie(headers: &HeaderMap) -> Option<Credentials> {
    let shown = sessions::of_cookies(headers)?;
    Some(Credentials {
        is_cookie: true,
        ..Credentials::token(shown)
    })
}

/// The value of the first cookie of this name.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE).iter();
    let pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = named.find(|(name, _)| *name == wanted)?;
    Some(value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

    use super::*;

    /// `token`, `user:password`, `cookie token`, or why not.
    fn shown(surface: Surface, uri: &str, headers: &[(&'static str, &str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        match Credentials::of(surface, &map, &uri.parse().unwrap()) {
            Ok(None) => "nothing".to_owned(),
            Ok(Some(shown)) if shown.is_cookie => format!("cookie {}", shown.secret),
            Ok(Some(shown)) => match shown.user {
                Some(user) => format!("{user}:{}", shown.secret),
                None => shown.secret,
            },
            Err(error) => error.reason().to_owned(),
        }
    }

    #[test]
    fn credentials_are_taken_from_where_clients_put_them() {
        let basic = format!("Basic {}", BASE64_STANDARD.encode("any:s3cret"));
        let unpadded = format!("Basic {}", BASE64_STANDARD_NO_PAD.encode("any:s3cret"));
        let huge = format!("Bearer {}", "x".repeat(64 * 1024));
        let (v1, v2, v3) = (Surface::V1, Surface::V2, Surface::V3);
        let malformed = "malformed_authorization";
        for (surface, uri, authorization, expected) in [
            (v3, "/", &["Bearer s3cret"][..], "s3cret"),
            (v2, "/", &["Token s3cret"], "s3cret"),
            (v2, "/", &["token me:s3cret"], "me:s3cret"),
            (v3, "/", &["Bearer me:s3cret"], "me:s3cret"),
            (v1, "/", &[basic.as_str()], "any:s3cret"),
            (v3, "/", &[unpadded.as_str()], "any:s3cret"),
            (v1, "/write?u=me&p=s3cret", &[], "me:s3cret"),
            (v1, "/write?p=s3cret", &[], ":s3cret"),
            (v1, "/write?u=me&p=", &[], "nothing"),
            (v1, "/write?p=other", &["Token s3cret"], "s3cret"),
            (v2, "/api/v2/write?p=s3cret", &[], "nothing"),
            (v3, "/api/v3/write_lp?p=s3cret", &[], "nothing"),
            (v3, "/", &[], "nothing"),
            (v3, "/", &["Bearer"], malformed),
            (v3, "/", &["Bearer fake token"], malformed),
            (v3, "/", &["Digest s3cret"], malformed),
            (v3, "/", &["Basic not-base64!"], malformed),
            (v3, "/", &["Bearer a", "Bearer a"], malformed),
            (v3, "/", &[huge.as_str()], "header_too_large"),
        ] {
            let headers: Vec<_> = authorization
                .iter()
                .map(|v| ("authorization", *v))
                .collect();
            let found = shown(surface, uri, &headers);
            assert_eq!(found, expected, "{uri} {surface:?}");
        }
    }

    #[test]
    fn session_cookies_count_on_v2_paths_alone() {
        let cookies = [("cookie", "a=b; influxdb-oss-session=\"abc\"; c=d")];
        assert_eq!(shown(Surface::V2, "/", &cookies), "cookie abc");
        assert_eq!(shown(Surface::V3, "/", &cookies), "nothing");
        assert_eq!(
            shown(Surface::V2, "/", &[("cookie", "session=abc")]),
            "nothing"
        );
    }
}
