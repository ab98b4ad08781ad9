//! Session options, which the client keeps: they travel in a sealed cookie that clients with a
//! cookie store, such as the JDBC driver, send with every call.
//!
//! | option | values |
//! |---|---|
//! | `database` | the name of a database that exists: that of calls without a header for it |
//! | `catalog` | `public`, which is the only one; also the name of a database, as for `database` |
//! | `schema` | `iox`, where the tables of a database are |

use std::collections::HashMap;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use prost::{Message, Oneof};

use super::seal::{Key, Purpose};
use crate::auth::Principal;
use crate::services::Services;

const COOKIE_NAME: &str = "tidemill_session";

/// The catalog and the schema of all tables.
pub(super) const CATALOG: &str = "public";
pub(super) const SCHEMA: &str = "iox";

/// What a caller has set.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Session {
    #[prost(string, optional, tag = "1")]
    pub(super) database: Option<String>,
}

/// `SessionOptionValue` of Flight.proto.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OptionValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(sfixed64, tag = "3")]
    Integer(i64),
    #[prost(double, tag = "4")]
    Float(f64),
    #[prost(message, tag = "5")]
    Texts(Texts),
}

#[derive(Clone, PartialEq, Message)]
struct Texts {
    #[prost(string, repeated, tag = "1")]
    values: Vec<String>,
}

/// `SetSessionOptionsRequest` and `GetSessionOptionsResult` of Flight.proto.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Options {
    #[prost(map = "string, message", tag = "1")]
    pub(super) options: HashMap<String, OptionValue>,
}

/// `SetSessionOptionsResult` of Flight.proto.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SetResult {
    #[prost(map = "string, message", tag = "1")]
    pub(super) errors: HashMap<String, SetError>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct SetError {
    #[prost(enumeration = "SetErrorValue", tag = "1")]
    value: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
enum SetErrorValue {
    Unspecified = 0,
    InvalidName = 1,
    InvalidValue = 2,
}

/// `CloseSessionResult` of Flight.proto.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct CloseResult {
    /// 1 is `CLOSED`.
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
}

/// The session that the request's cookies tell of. A cookie that another token made, or another
/// server, is none: the client cannot help sending it.
pub(super) fn of_cookies(key: &Key, headers: &HeaderMap) -> Session {
    let cookies = headers.get_all(COOKIE).iter();
    let pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    let ours = pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE_NAME);
    let mut sessions = ours.filter_map(|(_, value)| {
        let sealed = BASE64_URL_SAFE_NO_PAD
            .decode(value.trim_matches('"'))
            .ok()?;
        Session::decode(key.open(Purpose::Session, &sealed).ok()?).ok()
    });
    sessions.next().unwrap_or_default()
}

impl Session {
    /// The value of `Set-Cookie` that makes a client keep the session.
    pub(super) fn cookie(&self, key: &Key) -> String {
        let sealed = key.seal(Purpose::Session, &self.encode_to_vec());
        let value = BASE64_URL_SAFE_NO_PAD.encode(sealed);
        format!("{COOKIE_NAME}={value}; Path=/; HttpOnly")
    }

    /// The value of `Set-Cookie` that makes a client forget it.
    pub(super) fn forgotten() -> String {
        format!("{COOKIE_NAME}=; Path=/; Max-Age=0; HttpOnly")
    }

    /// Sets options, as far as they are valid.
    pub(super) fn set(
        &mut self,
        services: &Services,
        principal: &Principal,
        options: Options,
    ) -> SetResult {
        let mut errors = HashMap::new();
        for (name, OptionValue { value }) in options.options {
            if let Err(error) = self.set_one(services, principal, &name, value) {
                let value = error as i32;
                errors.insert(name, SetError { value });
            }
        }
        SetResult { errors }
    }

    fn set_one(
        &mut self,
        services: &Services,
        principal: &Principal,
        name: &str,
        value: Option<Value>,
    ) -> Result<(), SetErrorValue> {
        let invalid = Err(SetErrorValue::InvalidValue);
        let text = match value {
            // An empty value takes an option back.
            None => String::new(),
            Some(Value::Text(text)) => text,
            Some(_) => return invalid,
        };
        let exists = || principal.sees(&text) && services.catalog.state().database(&text).is_some();
        match (name, text.as_str()) {
            ("database" | "catalog", "") => self.database = None,
            ("catalog", CATALOG) | ("schema", "" | SCHEMA) => {}
            ("database" | "catalog", _) if exists() => self.database = Some(text),
            ("database" | "catalog" | "schema", _) => return invalid,
            _ => return Err(SetErrorValue::InvalidName),
        }
        Ok(())
    }

    /// All options with their values.
    pub(super) fn options(database: Option<&str>) -> Options {
        let database = database.map(|name| ("database", name));
        let all = [("catalog", CATALOG), ("schema", SCHEMA)];
        let option = |(name, value): (&str, &str)| {
            let value = Some(Value::Text(value.to_owned()));
            (name.to_owned(), OptionValue { value })
        };
        Options {
            options: all.into_iter().chain(database).map(option).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_session_comes_back_to_whoever_made_it() {
        let (ours, other) = (Key::of([1; 32]), Key::of([2; 32]));
        let database = Some("plant é".to_owned());
        let session = Session { database };
        let set = session.cookie(&ours);
        let pair = set.split(';').next().unwrap();
        let check = |key: &Key, cookie: String| {
            let headers = [(COOKIE, HeaderValue::from_str(&cookie).unwrap())];
            of_cookies(key, &headers.into_iter().collect())
        };
        assert_eq!(check(&ours, pair.to_owned()), session);
        assert_eq!(check(&ours, format!("a=b; {pair}; c=d")), session);
        assert_eq!(check(&other, pair.to_owned()), Session::default());
        assert_eq!(check(&ours, format!("{pair}AA")), Session::default());
        assert_eq!(check(&ours, Session::forgotten()), Session::default());
    }
}
