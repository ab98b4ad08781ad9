//! Values as v2 writes them.

use chrono::{DateTime, SecondsFormat};

/// A time in nanoseconds as RFC 3339 with as many digits as it has.
pub(super) fn time(nanos: i64) -> String {
    DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The word for whether something is in use.
pub(super) fn status(is_active: bool) -> &'static str {
    match is_active {
        true => "active",
        false => "inactive",
    }
}
