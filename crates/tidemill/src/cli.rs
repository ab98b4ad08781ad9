//! The command line of the program: every subcommand, flag and help text, and nothing that acts.
//!
//! This file has the program itself and the subcommands that run a server; [`client`] has those that
//! talk to one, [`store`] those that work on its store without it. Flags which are settings are optional here and have no default of their own: the one
//! source of defaults is the settings' `Default`, and [`ServeArgs::overrides`] hands the given ones to
//! [`crate::settings::layered`] as the topmost layer.

pub(crate) mod automation;
pub(crate) mod client;
pub(crate) mod model;
pub(crate) mod store;
pub(crate) mod task;
pub(crate) mod token;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use automation::{CheckArgs, EndpointArgs, RollupArgs};
use client::{DatabaseArgs, LoadArgs, PingArgs, QueryArgs, TableArgs, WriteArgs};
use model::ModelArgs;
use store::{BackupArgs, RestoreArgs, VerifyArgs};
use task::TaskArgs;
use token::TokenArgs;

/// A time series engine for machines.
///
/// Tidemill takes InfluxDB line protocol (v1, v2 and v3 writers work unchanged), keeps it durably as
/// Parquet, and answers SQL in which the vocabulary of predictive maintenance is built in.
#[derive(Debug, Parser)]
#[command(name = "tidemill", version, after_long_help = PROGRAM_EXAMPLES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const PROGRAM_EXAMPLES: &str = "\
A first round:
  tidemill serve                                    # in one terminal
  tidemill database create plant                    # in another
  echo 'motor,asset_id=m1 current_a=15.2' | tidemill write --database plant
  tidemill query --database plant 'SELECT * FROM motor'

Or with a simulated fleet of motors in it, faults included:
  tidemill demo

On the server's own machine the other commands find its admin token by themselves; elsewhere set
TIDEMILL_HOST, TIDEMILL_TOKEN and TIDEMILL_DATABASE once instead of repeating flags.
`tidemill help COMMAND` shows each command with examples.";

/// The subcommands; each is described by its arguments, whose text is its help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(ServeArgs),
    Demo(DemoArgs),
    Write(WriteArgs),
    Query(QueryArgs),
    Database(DatabaseArgs),
    Table(TableArgs),
    Model(ModelArgs),
    Token(TokenArgs),
    Task(TaskArgs),
    Check(CheckArgs),
    Endpoint(EndpointArgs),
    Rollup(RollupArgs),
    Load(LoadArgs),
    Config(ConfigArgs),
    Ping(PingArgs),
    Verify(VerifyArgs),
    Backup(BackupArgs),
    Restore(RestoreArgs),
}

/// Run the server.
///
/// Data lives under --data-dir: the write-ahead log, and, unless an object store is configured, the
/// Parquet files. Both listeners answer everything (v1, v2 and v3 HTTP APIs); they differ
/// only where those APIs collide. The first start writes an admin token to DATA_DIR/admin-token.
///
/// Settings come from defaults, the file given with --config, environment variables such as
/// TIDEMILL_WAL_RECOVERY for `recovery` in section `[wal]`, and flags; the later wins. An unknown key
/// anywhere is an error.
#[derive(Args, Debug)]
#[command(after_long_help = SERVE_EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Where the data lives [default: ./tidemill-data].
    #[arg(long, value_name = "DIR", env = "TIDEMILL_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The address that answers as InfluxDB v1 and v2 do; port 0 picks a free one
    /// [default: 127.0.0.1:8086].
    #[arg(long, value_name = "ADDR")]
    pub(crate) http_bind: Option<SocketAddr>,
    /// The address that answers as InfluxDB v3 does, or `none` [default: 127.0.0.1:8181].
    #[arg(long, value_name = "ADDR|none")]
    pub(crate) v3_bind: Option<OptionalAddr>,
    /// Let everyone in. Refused unless every listener is on a loopback address.
    #[arg(long)]
    pub(crate) without_auth: bool,
    /// Speak TLS with the certificate in this PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The key of the certificate, in PEM form.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Ask clients for a certificate of one of the roots in this PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Take tokens over unencrypted connections on other than loopback addresses.
    #[arg(long)]
    pub(crate) allow_insecure: bool,
    /// Let whoever comes first make the first user and their token over /api/v2/setup.
    #[arg(long)]
    pub(crate) allow_setup: bool,
    /// Take the admin token from this file instead of making one up at the first start.
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,
    /// The settings file (TOML); `tidemill config` prints one to start from.
    #[arg(long, value_name = "FILE", env = "TIDEMILL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where Parquet files and the manifest are kept.
    #[arg(long, value_name = "KIND")]
    pub(crate) object_store: Option<ObjectStoreKind>,
    /// What to do about damage in the middle of the write-ahead log: stop, or keep what can be read.
    #[arg(long, value_name = "MODE")]
    pub(crate) wal_recovery: Option<WalRecovery>,
    /// Any setting, by its path in the settings file; may be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub(crate) settings: Vec<Assignment>,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  tidemill serve --data-dir /var/lib/tidemill
  tidemill serve --http-bind 0.0.0.0:8086 --tls-certificate cert.pem --tls-key key.pem
  tidemill serve --http-bind 0.0.0.0:8086 --v3-bind none --allow-insecure    # a proxy speaks TLS
  tidemill serve --config tidemill.toml --set wal.recovery=strict
  TIDEMILL_WAL_RECOVERY=salvage tidemill serve        # the same as --wal-recovery salvage

The addresses in use are printed at start and kept in DATA_DIR/endpoints.json.";

impl ServeArgs {
    /// The flags that were given, as settings: dotted path and value, in the order to apply them.
    ///
    /// `--set` comes last, so it wins over a flag of its own for the same setting. The data directory,
    /// the token's file and the settings file are no settings: they say where to look for those.
    pub(crate) fn overrides(&self) -> Vec<(String, toml::Value)> {
        let text = |value: &dyn fmt::Display| toml::Value::String(value.to_string());
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| text(&path.display()));
        let named = [
            (
                "listen.http_bind",
                self.http_bind.as_ref().map(|addr| text(addr)),
            ),
            (
                "listen.v3_bind",
                self.v3_bind.as_ref().map(|addr| text(addr)),
            ),
            (
                "listen.without_auth",
                self.without_auth.then_some(toml::Value::Boolean(true)),
            ),
            ("listen.tls.certificate", path(&self.tls_certificate)),
            ("listen.tls.key", path(&self.tls_key)),
            ("listen.tls.client_ca", path(&self.tls_client_ca)),
            (
                "listen.allow_insecure",
                self.allow_insecure.then_some(toml::Value::Boolean(true)),
            ),
            (
                "server.auth.allow_setup",
                self.allow_setup.then_some(toml::Value::Boolean(true)),
            ),
            (
                "object_store.kind",
                self.object_store.map(|kind| text(&kind.name())),
            ),
            (
                "wal.recovery",
                self.wal_recovery.map(|mode| text(&mode.name())),
            ),
        ];
        let named = named
            .into_iter()
            .filter_map(|(path, value)| Some((path.to_owned(), value?)));
        let set = self
            .settings
            .iter()
            .map(|set| (set.path.clone(), text(&set.value)));
        named.chain(set).collect()
    }
}

/// An address to listen on, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionalAddr {
    /// Listen here.
    Addr(SocketAddr),
    /// Do not listen.
    None,
}

impl FromStr for OptionalAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self::None);
        }
        let addr = text
            .parse()
            .map_err(|_| "expected ADDRESS:PORT or `none`".to_owned())?;
        Ok(Self::Addr(addr))
    }
}

impl serde::Serialize for OptionalAddr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for OptionalAddr {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: String = serde::Deserialize::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for OptionalAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addr(addr) => addr.fmt(f),
            Self::None => f.write_str("none"),
        }
    }
}

/// One `--set section.key=value`; the value is read by the type of the setting it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The setting's path, dots between the levels.
    pub(crate) path: String,
    /// Its new value, as written.
    pub(crate) value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((path, value)) if !path.trim().is_empty() => Ok(Self {
                path: path.trim().to_owned(),
                value: value.trim().to_owned(),
            }),
            _ => Err("expected SECTION.KEY=VALUE".to_owned()),
        }
    }
}

/// The kinds of object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ObjectStoreKind {
    /// Files below the data directory.
    Local,
    /// An S3-compatible service, set up in section `object_store`.
    S3,
    /// Nothing is kept after the server stops; for tests.
    Memory,
}

impl ObjectStoreKind {
    fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::S3 => "s3",
            Self::Memory => "memory",
        }
    }
}

/// What to do about a damaged record in the middle of the write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WalRecovery {
    /// Refuse to start and say where the damage is.
    Strict,
    /// Keep every record that can be read and report the others.
    Salvage,
}

impl WalRecovery {
    fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Salvage => "salvage",
        }
    }
}

/// Run a server filled with a simulated fleet of motors.
///
/// Starts a server, writes the history of a fleet with known faults in it, and goes on writing in
/// real time. Shows what the maintenance functions do before there is data of your own. Without
/// --data-dir everything goes to a fresh temporary directory, whose path is printed.
#[derive(Args, Debug)]
#[command(after_long_help = DEMO_EXAMPLES)]
pub(crate) struct DemoArgs {
    /// Where the data lives [default: a fresh temporary directory].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The fleet to simulate (TOML) instead of the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) fleet: Option<PathBuf>,
    /// How many motors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) motors: Option<u32>,
    /// How many days of history; fractions are fine.
    #[arg(long, value_name = "D", value_parser = days)]
    pub(crate) days: Option<f64>,
    /// The address that answers as InfluxDB v1 and v2 do; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8086")]
    pub(crate) http_bind: SocketAddr,
    /// The address that answers as InfluxDB v3 does, or `none`.
    #[arg(long, value_name = "ADDR|none", default_value = "127.0.0.1:8181")]
    pub(crate) v3_bind: OptionalAddr,
    /// Write the history only; nothing in real time after it.
    #[arg(long)]
    pub(crate) no_live: bool,
    /// Stop once the history is written and can be queried.
    #[arg(long)]
    pub(crate) exit_when_ready: bool,
    /// Where to tell which motors need maintenance: JSON by POST.
    #[arg(long, value_name = "URL")]
    pub(crate) webhook: Option<String>,
    /// Let everyone in. Refused unless every listener is on a loopback address.
    #[arg(long)]
    pub(crate) without_auth: bool,
}

const DEMO_EXAMPLES: &str = "\
Examples:
  tidemill demo
  tidemill demo --motors 50 --days 7
  tidemill demo --webhook http://127.0.0.1:9000/alerts
  tidemill demo --data-dir ./demo --days 0.25 --no-live --exit-when-ready";

/// A positive, finite number of days.
pub(crate) fn days(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(days) if days.is_finite() && days > 0.0 => Ok(days),
        _ => Err("expected a number of days above zero".to_owned()),
    }
}

/// Print the settings as TOML.
///
/// Without flags: every setting with its default, commented out, as a file to start from. With
/// --effective: what `serve` would use, after the file and the environment.
#[derive(Args, Debug)]
#[command(after_long_help = CONFIG_EXAMPLES)]
pub(crate) struct ConfigArgs {
    /// Print the values in effect instead of the defaults.
    #[arg(long)]
    pub(crate) effective: bool,
    /// The settings file whose values are in effect; only for --effective.
    #[arg(
        long,
        value_name = "FILE",
        env = "TIDEMILL_CONFIG",
        requires = "effective"
    )]
    pub(crate) config: Option<PathBuf>,
}

const CONFIG_EXAMPLES: &str = "\
Examples:
  tidemill config > tidemill.toml
  tidemill config --effective --config tidemill.toml";

#[cfg(test)]
mod tests;
