//! From what a request shows to who its caller is.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use catalog::State;

use super::{Credentials, Peer, Principal, digest, secrets};
use crate::error::{Error, Result};
use crate::services::{Server, Services};

/// Who shows these credentials.
pub(crate) async fn authenticate(
    server: &Server,
    services: &Services,
    shown: &Credentials,
    peer: Option<Peer>,
) -> Result<Principal> {
    let (state, now) = (services.catalog.state(), services.clock.now_nanos());
    let secret = shown.secret.as_str();
    let of_session = server.sessions.user(&state, secret, now);
    if let Some(user) = of_session.and_then(|user| state.user(user)) {
        return Ok(Principal::of_user(&state, user));
    }
    let token = match shown.is_cookie {
        true => None,
        false => secrets::find(&state, secret, now),
    };
    if let Some(token) = token.filter(|token| token.is_live(now)) {
        services.query.token_uses().note(token.id, now);
        return Ok(Principal::of_token(token, digest(secret)));
    }
    // Whoever holds it may know, and it is no guess.
    if token.is_some_and(|token| token.is_active) {
        return Err(Error::TokenExpired);
    }
    if server.failures.is_over(peer, now) {
        return Err(Error::TooManyGuesses);
    }
    let found = match &shown.user {
        Some(name) => of_password(server, &state, name, secret, now).await,
        None => Err(Error::TokenUnknown),
    };
    if matches!(found, Err(Error::TokenUnknown)) {
        server.failures.note(peer, now);
    }
    found
}

/// The user of this name and password.
pub(crate) async fn of_password(
    server: &Server,
    state: &State,
    name: &str,
    password: &str,
    now_nanos: i64,
) -> Result<Principal> {
    let has_users = state.users().next().is_some();
    let user = state.user_named(name).filter(|user| user.is_active);
    // Where there are no users nothing is to be hidden of them.
    let is_right = has_users
        && server
            .passwords
            .verify(user.map(|user| &**user), password, now_nanos)
            .await?;
    match user {
        Some(user) if is_right => Ok(Principal::of_user(state, user)),
        _ => Err(Error::TokenUnknown),
    }
}

/// Refuses a request that a browser sends with its cookies because another site asked it to.
pub(crate) fn check_origin(method: &Method, headers: &HeaderMap) -> Result<()> {
    let Some(origin) = headers.get(ORIGIN).filter(|_| !method.is_safe()) else {
        return Ok(());
    };
    let of_origin = origin.as_bytes().splitn(2, |byte| *byte == b'/').nth(1);
    let of_origin = of_origin.and_then(|rest| rest.strip_prefix(b"/"));
    let host = headers.get(HOST).map(|host| host.as_bytes());
    match of_origin.is_some() && of_origin == host {
        true => Ok(()),
        false => Err(Error::ForeignOrigin),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn cookies_count_only_where_the_page_is_ours() {
        let check = |method, origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("localhost:8086"));
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            check_origin(&method, &headers).is_ok()
        };
        for (method, origin, expected) in [
            (Method::POST, None, true),
            (Method::POST, Some("http://localhost:8086"), true),
            (Method::POST, Some("http://localhost:8087"), false),
            (Method::POST, Some("https://evil.example"), false),
            (Method::POST, Some("null"), false),
            (Method::DELETE, Some("null"), false),
            (Method::GET, Some("https://evil.example"), true),
        ] {
            assert_eq!(
                check(method.clone(), origin),
                expected,
                "{method} {origin:?}"
            );
        }
    }
}
