//! Who is calling, and what they may do: one layer for every route of HTTP and every call of Flight.
//!
//! ```text
//!   request ─▶ credentials: what it shows ─▶ authenticate: a Principal ─▶ routes: declared Access
//!                                                                           └▶ Principal::require(Need)
//! ```
//!
//! | what is shown                                  | who sends it so                          |
//! |------------------------------------------------|------------------------------------------|
//! | `Authorization: Token …`, `Bearer …`           | v2 and v3 clients, Telegraf              |
//! | `Authorization: Basic user:token`              | v1 clients, Grafana; the user is ignored |
//! | `Authorization: Basic user:password`           | the same with a user's password          |
//! | `Authorization: Token user:password`           | v2 clients against 1.8                   |
//! | query parameters `u` and `p`, the same as Basic | v1 clients; on v1 paths only, as addresses end up in logs |
//! | cookie `influxdb-oss-session`                  | v2 clients after `/api/v2/signin`; on v2 paths only |
//!
//! Denying is the default: a route that declares nothing does not compile, a handler of a route about a
//! database that asks for no right answers with an error, and what a [`Principal`] may do is looked up in
//! the catalog anew for every request.

mod authenticate;
mod authorize;
mod credentials;
mod failures;
mod owners;
mod passwords;
mod principal;
mod secrets;
mod sessions;

pub(crate) use catalog::digest;

pub(crate) use authenticate::{authenticate, check_origin};
pub(crate) use authorize::Need;
pub(crate) use credentials::Credentials;
pub(crate) use failures::{Failures, Peer};
pub use owners::TaskOwners;
pub(crate) use passwords::Passwords;
pub(crate) use principal::{Identity, Principal};
pub(crate) use sessions::Sessions;

/// Whether callers have to show a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// They do.
    Required,
    /// They do not: for a server that only its own machine can reach.
    Disabled,
}
