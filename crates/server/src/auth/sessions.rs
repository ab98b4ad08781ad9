//! Sessions of users who have signed in. The server keeps them in memory, by a digest of what the client
//! holds; a restart ends them.
//!
//! A session is a cookie for v2 clients, and a bearer token for Flight clients that shook hands with a
//! user's password.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use axum::http::HeaderMap;
use catalog::{RecordId, State, TokenDigest, User, random_hex};

use super::credentials::cookie;
use super::digest;
use crate::error::Result;

/// The name that v2 clients look for.
const COOKIE: &str = "influxdb-oss-session";
/// What the secret of a session begins with, so that no token is taken for one.
const PREFIX: &str = "tidemill_session_";
/// Sessions at a time; another ends the one that was used least lately.
const SESSIONS_MAX: usize = 1000;

/// All sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    length: Duration,
    sessions: Mutex<HashMap<TokenDigest, Session>>,
}

#[derive(Debug, Clone, Copy)]
struct Session {
    user: RecordId,
    /// Digest of what the catalog kept of the password: a new password ends sessions.
    password: TokenDigest,
    ends_nanos: i64,
}

impl Sessions {
    /// Sessions that end when they were not used for so long.
    pub(crate) fn new(length: Duration) -> Self {
        Self {
            length,
            sessions: Mutex::default(),
        }
    }

    /// Begins a session and returns its secret.
    pub(crate) fn begin(&self, user: &User, now_nanos: i64) -> Result<String> {
        let random = random_hex()?;
        let secret = format!("{PREFIX}{random}");
        let session = Session {
            user: user.id,
            password: mark(user),
            ends_nanos: self.end(now_nanos),
        };
        let mut sessions = self.sessions();
        if sessions.len() >= SESSIONS_MAX {
            sessions.retain(|_, session| now_nanos < session.ends_nanos);
        }
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions
                .iter()
                .min_by_key(|(_, session)| session.ends_nanos);
            let oldest = oldest.map(|(digest, _)| *digest);
            if let Some(oldest) = oldest {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(digest(&secret), session);
        Ok(secret)
    }

    /// The user whose session this is; it then lasts its full length again.
    pub(crate) fn user(&self, state: &State, secret: &str, now_nanos: i64) -> Option<RecordId> {
        if !secret.starts_with(PREFIX) {
            return None;
        }
        let key = digest(secret);
        let mut sessions = self.sessions();
        let session = sessions.get_mut(&key)?;
        let user = state.user(session.user);
        let is_good = now_nanos < session.ends_nanos
            && user.is_some_and(|user| user.is_active && mark(user) == session.password);
        if !is_good {
            sessions.remove(&key);
            return None;
        }
        session.ends_nanos = self.end(now_nanos);
        Some(session.user)
    }

    /// Ends a session; nothing happens if there is none.
    pub(crate) fn end_of(&self, secret: &str) {
        self.sessions().remove(&digest(secret));
    }

    /// The value of `Set-Cookie` that makes a client keep a session.
    pub(crate) fn cookie(&self, secret: &str) -> String {
        let seconds = self.length.as_secs();
        format!("{COOKIE}={secret}; Path=/api/; Max-Age={seconds}; HttpOnly; SameSite=Strict")
    }

    /// The value of `Set-Cookie` that makes a client forget its session.
    pub(crate) fn forgotten() -> String {
        format!("{COOKIE}=; Path=/api/; Max-Age=0; HttpOnly; SameSite=Strict")
    }

    fn end(&self, now_nanos: i64) -> i64 {
        let length = i64::try_from(self.length.as_nanos()).unwrap_or(i64::MAX);
        now_nanos.saturating_add(length)
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<TokenDigest, Session>> {
        self.sessions
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// The secret of the session that the request's cookies tell of.
pub(crate) fn of_cookies(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
}

fn mark(user: &User) -> TokenDigest {
    digest(user.password.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use catalog::{Catalog, Limits};

    use super::*;

    async fn catalog_with_ada() -> (Catalog, Arc<User>) {
        let store = Arc::new(object_store::memory::InMemory::new());
        let catalog = Catalog::open(store, Limits::default()).await.unwrap();
        let user = |id| User {
            id,
            name: "ada".to_owned(),
            is_active: true,
            password: Some("one".to_owned()),
            created_at_nanos: 0,
            updated_at_nanos: 0,
        };
        let ada = catalog.create_record(user).await.unwrap();
        (catalog, ada)
    }

    #[tokio::test]
    async fn a_session_lasts_while_it_is_used_and_its_user_stays_as_they_are() {
        let (catalog, ada) = catalog_with_ada().await;
        let sessions = Sessions::new(Duration::from_nanos(10));
        let user = |secret: &str, now| sessions.user(&catalog.state(), secret, now);
        let one = sessions.begin(&ada, 0).unwrap();
        assert_eq!(user(&one, 9), Some(ada.id));
        assert_eq!(user(&one, 18), Some(ada.id));
        assert_eq!(user(&one, 28), None, "it was not used for its length");
        assert_eq!(user(&one, 18), None, "it is gone for good");
        let two = sessions.begin(&ada, 30).unwrap();
        assert_ne!(one, two);
        sessions.end_of(&two);
        assert_eq!(user(&two, 31), None);
        let three = sessions.begin(&ada, 30).unwrap();
        assert_eq!(user("tidemill_session_", 31), None);
        let change = |user: &mut User| {
            user.password = Some("two".to_owned());
            Ok(())
        };
        catalog.change_record(ada.id, change).await.unwrap();
        assert_eq!(user(&three, 31), None, "the password is another");
    }

    #[tokio::test]
    async fn there_are_only_so_many() {
        let (catalog, ada) = catalog_with_ada().await;
        let sessions = Sessions::new(Duration::from_secs(1));
        let secrets: Vec<_> = (0..=SESSIONS_MAX)
            .map(|at| sessions.begin(&ada, at as i64).unwrap())
            .collect();
        assert_eq!(sessions.sessions().len(), SESSIONS_MAX);
        let state = catalog.state();
        assert_eq!(sessions.user(&state, &secrets[0], 0), None);
        assert_eq!(sessions.user(&state, &secrets[1], 0), Some(ada.id));
    }
}
