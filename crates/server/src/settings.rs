//! Settings of the server, as plain data. Every limit here ends in an error that names it.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

/// Settings of everything that listens.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who may call.
    pub auth: AuthSettings,
    /// Connections.
    pub connections: ConnectionSettings,
    /// Request bodies.
    pub bodies: BodySettings,
    /// Writes.
    pub writes: WriteSettings,
    /// Queries.
    pub queries: QuerySettings,
}

/// Settings of who may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// Names by which requests may call an address that only this machine can reach, besides `localhost`
    /// and addresses: what keeps pages of other sites from reaching it under a name of theirs. A proxy
    /// that passes on its own name needs it here. Default none.
    pub hosts: Vec<String>,
    /// How long a user stays signed in without a request. Longer is more convenient and more dangerous.
    /// Default 1 h.
    #[serde(with = "humantime_serde")]
    pub session_length: Duration,
    /// Lets whoever comes first make the first user and their token over `/api/v2/setup`, without showing
    /// anything. On, clients that set a server up themselves can; it must not be reached by others
    /// until then. Default false.
    pub allow_setup: bool,
    /// Unknown tokens and wrong passwords from one address at once; after that one a second, and more are
    /// refused with 429. Tokens that are right are let in all the same. Lower makes guessing slower, 0 is
    /// no limit. Default 100.
    pub failures_burst: u32,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            session_length: Duration::from_secs(3600),
            allow_setup: false,
            failures_burst: 100,
        }
    }
}

/// Settings of connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionSettings {
    /// Open connections at most, per address. When all are taken, the one that has been idle longest is
    /// closed for the next; while none is idle, more wait. Higher costs memory and file descriptors, lower
    /// makes clients reconnect or wait. Default 1024.
    pub connections_max: usize,
    /// A new connection is closed when its first request has not arrived after this time. Shorter
    /// frees places sooner, longer is kinder to slow links. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub first_request_timeout: Duration,
    /// A connection without a request is closed after this time; it also bounds how long the
    /// headers of one request may take. Shorter costs clients reconnects. Default 3 min.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// Bytes that the headers of one request may have. Default 32 KiB.
    pub header_bytes_max: ByteSize,
    /// How long requests may go on after shutdown began. Default 30 s.
    #[serde(with = "humantime_serde")]
    pub shutdown_timeout: Duration,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            first_request_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(180),
            header_bytes_max: ByteSize::kib(32),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

/// Settings of request bodies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BodySettings {
    /// Bytes of one body as sent. Larger takes memory for each request. Default 25 MiB.
    pub bytes_max: ByteSize,
    /// Bytes of one body after decompression. Default 100 MiB.
    pub inflated_bytes_max: ByteSize,
    /// How many times larger than sent a body may become, once it is over 1 MiB: what stops a
    /// decompression bomb early. Lower refuses very repetitive data. Default 200.
    pub inflation_ratio_max: u64,
    /// Bytes of all write bodies in memory together; more are refused with 429 before they are
    /// read. Default 256 MiB.
    pub in_flight_bytes_max: ByteSize,
    /// How long a write waits, unread, for room in memory before it is refused with 429 or 503. Longer
    /// holds more writers back instead of having them come again, but not for as long as they
    /// wait for an answer; 0 refuses at once. Default 2 s.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
    /// A body must arrive at this many bytes a second on average, after `rate_grace`. Higher cuts
    /// off slow links, 0 waits for ever. Default 1 KiB.
    pub rate_bytes_min: ByteSize,
    /// How long a body may take whatever its rate. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub rate_grace: Duration,
    /// How much of a refused body is read and thrown away, for at most `drain_timeout`. A client
    /// that is still sending when the connection closes sees a reset instead of the status, and a
    /// writer that does not see 413 sends the same batch again. Default 32 MiB.
    pub drain_bytes_max: ByteSize,
    /// How long a refused body is read. Default 5 s.
    #[serde(with = "humantime_serde")]
    pub drain_timeout: Duration,
}

impl Default for BodySettings {
    fn default() -> Self {
        Self {
            bytes_max: ByteSize::mib(25),
            inflated_bytes_max: ByteSize::mib(100),
            inflation_ratio_max: 200,
            in_flight_bytes_max: ByteSize::mib(256),
            patience: Duration::from_secs(2),
            rate_bytes_min: ByteSize::kib(1),
            rate_grace: Duration::from_secs(10),
            drain_bytes_max: ByteSize::mib(32),
            drain_timeout: Duration::from_secs(5),
        }
    }
}

/// Settings of writes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriteSettings {
    /// Whether a v1 or v2 write to a database that does not exist creates it, as v3 writes and all
    /// writes on the v3 address always do. Off, a misspelt name is an error; on, it is a new
    /// database. Default off.
    pub create_databases: bool,
    /// Limits of line protocol.
    pub line_protocol: ingest::Settings,
}

/// Settings of query requests; how they run is for the query engine's own settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuerySettings {
    /// Bytes of one request's body, in which the query is JSON text. Default 8 MiB.
    pub body_bytes_max: ByteSize,
    /// Bytes of all such bodies in memory together; more are refused with 429. Default 64 MiB.
    pub in_flight_bytes_max: ByteSize,
    /// Bytes of rows that the `pretty` format collects to align its columns; other formats stream
    /// without a limit. Default 64 MiB.
    pub pretty_bytes_max: ByteSize,
}

impl Default for QuerySettings {
    fn default() -> Self {
        Self {
            body_bytes_max: ByteSize::mib(8),
            in_flight_bytes_max: ByteSize::mib(64),
            pretty_bytes_max: ByteSize::mib(64),
        }
    }
}
