//! What is sent to others: to whom it may be sent, in which shape, and how secrets for it are kept.
//!
//! ```text
//!   Notification ─▶ kinds (webhook, smtp, …) ─▶ Message ─▶ Sender ─▶ addresses: allowed? ─▶ the other side
//!                      ▲ options                                        connects to what was looked at
//!                      └─ Vault: sealed in the catalog, the key in the data directory
//! ```
//!
//! Nothing here knows of checks, storage or SQL. What is sent may be sent again: every request carries an id
//! by which the other side knows it.

mod addresses;
mod error;
mod kinds;
mod mailer;
mod notification;
mod sender;
mod settings;
mod template;
mod vault;

pub use addresses::is_public;
pub use error::{Error, Result};
pub use kinds::smtp::Mail;
pub use kinds::{Kind, Options, forward_request, shown_target};
pub use notification::{Alert, Notification};
pub use sender::{Failure, Message, Outgoing, Sender};
pub use settings::Settings;
pub use template::{check_message, message};
pub use vault::Vault;
