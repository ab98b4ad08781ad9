//! Settings of what is sent to others.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

/// Settings of what is sent to others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Hosts and networks that may be sent to although they are this machine's or a private network's, such
    /// as `["alerts.plant.example", "10.1.0.0/16", "127.0.0.1"]`; to them without encryption, too. Whoever
    /// administers a database can make the server call them. Default none.
    pub allowed: Vec<String>,
    /// How long one delivery may take; longer lets an endpoint that hangs hold up others. Default 5 seconds.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How long one batch of rows to another server may take. Default 30 seconds.
    #[serde(with = "humantime_serde")]
    pub forward_timeout: Duration,
    /// How long sending one mail may take; servers of mail let others wait before they greet them. Default 30
    /// seconds.
    #[serde(with = "humantime_serde")]
    pub mail_timeout: Duration,
    /// As much of an answer is read. Default 64 KiB.
    pub response_bytes_max: ByteSize,
    /// Deliveries at a time; at most two of them to one endpoint. Default 8.
    pub concurrent: usize,
    /// What cannot be delivered is tried for so long. Default 1 day.
    #[serde(with = "humantime_serde")]
    pub give_up_after: Duration,
    /// Notifications that are kept in memory for `system.notifications`, the newest. Default 10 000.
    pub shown: usize,
    /// How long notifications are kept in the database `_checks`. Default 90 days.
    #[serde(with = "humantime_serde")]
    pub kept: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allowed: Vec::new(),
            timeout: Duration::from_secs(5),
            forward_timeout: Duration::from_secs(30),
            mail_timeout: Duration::from_secs(30),
            response_bytes_max: ByteSize::kib(64),
            concurrent: 8,
            give_up_after: Duration::from_secs(86_400),
            shown: 10_000,
            kept: Duration::from_secs(90 * 86_400),
        }
    }
}
