//! Who is calling: a token from the request, compared by digest with those the catalog keeps.
//!
//! | where the token is | who sends it so |
//! |---|---|
//! | `Authorization: Token …`, `Bearer …` | v2 and v3 clients, Telegraf |
//! | `Authorization: Basic user:token` | v1 clients, Grafana; the user is ignored |
//! | query parameter `p` | v1 clients; on v1 paths only, as addresses end up in logs |
//!
//! Every known token is an admin token: it may do everything.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Uri};
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine as _};
use catalog::{State, TokenDigest};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

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

/// Whether callers have to show a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// They do.
    Required,
    /// They do not: for a server that only its own machine can reach.
    Disabled,
}

/// What the catalog keeps of a token.
pub fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

/// Checks that the request shows a token that exists, and returns the token's name.
pub(crate) fn authenticate(
    state: &State,
    surface: Surface,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<String> {
    let token = match token_of_header(headers)? {
        Some(token) => Some(token),
        None if surface == Surface::V1 => Parameters::of(uri)?.take("p"),
        None => None,
    };
    let token = token
        .filter(|token| !token.is_empty())
        .ok_or(Error::TokenMissing)?;
    name_of(state, &token)
        .map(str::to_owned)
        .ok_or(Error::TokenUnknown)
}

/// Compares with every token, whatever the outcome, so that the time taken says nothing.
pub(crate) fn name_of<'a>(state: &'a State, token: &str) -> Option<&'a str> {
    let shown = digest(token);
    let none = (Choice::from(0), 0);
    let (found, place) =
        (0u64..)
            .zip(state.tokens())
            .fold(none, |(found, place), (at, (_, known))| {
                let is_it = known.as_slice().ct_eq(&shown);
                (found | is_it, u64::conditional_select(&place, &at, is_it))
            });
    let (name, _) = state.tokens().nth(usize::try_from(place).ok()?)?;
    bool::from(found).then_some(name)
}

/// The token that the `Authorization` header shows, whether or not it is known.
pub(crate) fn token_of_header(headers: &HeaderMap) -> Result<Option<String>> {
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
    let (Some(scheme), Some(credentials), None) = (words.next(), words.next(), words.next()) else {
        return Err(Error::AuthorizationMalformed);
    };
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => Ok(Some(credentials.to_owned())),
        "basic" => token_of_basic(credentials)
            .map(Some)
            .ok_or(Error::AuthorizationMalformed),
        _ => Err(Error::AuthorizationMalformed),
    }
}

/// The password of `user:password`.
fn token_of_basic(credentials: &str) -> Option<String> {
    let decoded = BASIC.decode(credentials).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':').map(|(_, token)| token.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::http::HeaderValue;
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

    use super::*;

    async fn state_with_tokens() -> Arc<State> {
        let store = Arc::new(object_store::memory::InMemory::new());
        let catalog = catalog::Catalog::open(store, catalog::Limits::default())
            .await
            .unwrap();
        catalog.put_token("first", digest("s3cret")).await.unwrap();
        catalog.put_token("second", digest("other")).await.unwrap();
        catalog.state()
    }

    #[tokio::test]
    async fn only_a_known_token_gets_in() {
        let state = state_with_tokens().await;
        let check = |surface, uri: &str, authorization: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in authorization {
                headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            match authenticate(&state, surface, &headers, &uri.parse().unwrap()) {
                Ok(name) => {
                    if name == "first" {
                        "first"
                    } else {
                        "second"
                    }
                }
                Err(error) => error.reason(),
            }
        };
        let basic = format!("Basic {}", BASE64_STANDARD.encode("anyone:s3cret"));
        let unpadded = format!("Basic {}", BASE64_STANDARD_NO_PAD.encode("anyone:s3cret"));
        let root = format!("Basic {}", BASE64_STANDARD.encode("root:root"));
        let huge = format!("Bearer {}", "x".repeat(64 * 1024));
        let (v1, v2, v3) = (Surface::V1, Surface::V2, Surface::V3);
        for (surface, uri, authorization, expected) in [
            (v3, "/", &["Bearer s3cret"][..], "first"),
            (v2, "/", &["Token s3cret"], "first"),
            (v2, "/", &["token other"], "second"),
            (v1, "/", &[basic.as_str()], "first"),
            (v3, "/", &[basic.as_str()], "first"),
            (v3, "/", &[unpadded.as_str()], "first"),
            (v1, "/write?db=x&u=me&p=s3cret", &[], "first"),
            (v1, "/write?db=x&u=me&p=wrong", &[], "unauthorized"),
            (v2, "/api/v2/write?p=s3cret", &[], "unauthorized"),
            (v3, "/api/v3/write_lp?p=s3cret", &[], "unauthorized"),
            (v1, "/write", &[root.as_str()], "unauthorized"),
            (v3, "/", &[], "unauthorized"),
            (v3, "/", &["Bearer S3CRET"], "unauthorized"),
            (v3, "/", &["Bearer s3cre"], "unauthorized"),
            (v3, "/", &["Bearer"], "malformed_authorization"),
            (v3, "/", &["Bearer fake token"], "malformed_authorization"),
            (v3, "/", &["Digest s3cret"], "malformed_authorization"),
            (v3, "/", &["Basic not-base64!"], "malformed_authorization"),
            (
                v3,
                "/",
                &["Bearer s3cret", "Bearer s3cret"],
                "malformed_authorization",
            ),
            (v3, "/", &[huge.as_str()], "header_too_large"),
        ] {
            let shown: Vec<_> = authorization
                .iter()
                .map(|v| v.get(..30).unwrap_or(v))
                .collect();
            assert_eq!(
                check(surface, uri, authorization),
                expected,
                "{uri} {shown:?}"
            );
        }
    }
}
