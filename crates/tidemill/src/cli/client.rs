//! The flags of the subcommands that talk to a server.
//!
//! [`ConnectionArgs`] is the part that all of them share. Host and database have their environment
//! variables through clap; the token's two variables are read where the connection is resolved
//! (`crate::client::connection`), because a flag must win over either variable and clap cannot say so.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand, ValueEnum};

/// Where a server listens unless told otherwise.
pub(crate) const DEFAULT_HOST: &str = "http://127.0.0.1:8086";

/// Where the server is and how to be let in.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// The server's address.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "TIDEMILL_HOST",
        default_value = DEFAULT_HOST
    )]
    pub(crate) host: String,
    /// The token to show [env: TIDEMILL_TOKEN]. Visible to other users of this machine in the list of
    /// processes: prefer the variable or --token-file.
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        conflicts_with = "token_file"
    )]
    pub(crate) token: Option<String>,
    /// A file with the token in it [env: TIDEMILL_TOKEN_FILE].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A PEM file with the roots to trust when the server speaks TLS; by default those that browsers do.
    #[arg(long, global = true, value_name = "FILE", env = "TIDEMILL_TLS_CA")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// A local server's data directory. When no token is given and the host is this machine, its
    /// `admin-token` is used.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "TIDEMILL_DATA_DIR",
        default_value = "./tidemill-data"
    )]
    pub(crate) data_dir: PathBuf,
}

/// Which database.
#[derive(Args, Clone, Debug)]
pub(crate) struct DatabaseName {
    /// The database.
    #[arg(
        long,
        short = 'd',
        global = true,
        value_name = "NAME",
        env = "TIDEMILL_DATABASE"
    )]
    pub(crate) database: Option<String>,
}

/// Write line protocol from a file or standard input.
///
/// The file may be compressed with gzip or zstd, whatever its name. It is sent in pieces of at most
/// 5000 lines or 8 MiB; a piece ends where a line ends, never inside a quoted string. Lines that the
/// server refuses are reported with their line numbers in the file and the others are kept; the exit
/// code is then 1. An overloaded or restarting server is waited for, within limits. Sending a file
/// again changes nothing: the same row replaces itself.
#[derive(Args, Debug)]
#[command(after_long_help = WRITE_EXAMPLES)]
pub(crate) struct WriteArgs {
    /// The file, or `-` for standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) database: DatabaseName,
    /// The unit of the timestamps; `auto` tells it from the magnitude of each.
    #[arg(long, short = 'p', value_enum, default_value_t = Precision::Auto)]
    pub(crate) precision: Precision,
    /// Refuse a whole piece when one of its lines is bad, and stop there.
    #[arg(long)]
    pub(crate) no_partial: bool,
    /// How often to try a piece again when the server is overloaded or unreachable.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) retries: u32,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const WRITE_EXAMPLES: &str = "\
Examples:
  tidemill write --database plant readings.lp
  tidemill write --database plant --precision s history.lp.gz
  zstdcat day.lp.zst | tidemill write --database plant
  echo 'motor,asset_id=m1,operating_state=RUNNING current_a=15.2,vibration_g=0.16' \\
    | tidemill write --database plant

Line protocol is: table,tag=value,… field=value,… [timestamp]
  1.5 is a float, 3i an integer, 3u an unsigned integer, true a boolean, \"text\" a string.";

/// Units of a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Precision {
    /// Told from the magnitude of each timestamp.
    Auto,
    /// Nanoseconds.
    #[value(name = "ns", aliases = ["n", "nanosecond"])]
    Nanosecond,
    /// Microseconds.
    #[value(name = "us", aliases = ["u", "microsecond"])]
    Microsecond,
    /// Milliseconds.
    #[value(name = "ms", aliases = ["millisecond"])]
    Millisecond,
    /// Seconds.
    #[value(name = "s", aliases = ["second"])]
    Second,
}

impl Precision {
    /// The word that the v3 write endpoint takes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Nanosecond => "nanosecond",
            Self::Microsecond => "microsecond",
            Self::Millisecond => "millisecond",
            Self::Second => "second",
        }
    }
}

/// Run one SQL query and print or save its result.
///
/// The result is passed on as it arrives, so it may be larger than memory. A file given with --output
/// appears only once it is complete. Without SQL and --file the query is read from standard input.
#[derive(Args, Debug)]
#[command(after_long_help = QUERY_EXAMPLES)]
pub(crate) struct QueryArgs {
    /// The query, or `-` for standard input.
    #[arg(value_name = "SQL", conflicts_with = "file")]
    pub(crate) sql: Option<String>,
    /// A file with the query in it.
    #[arg(long, short = 'f', value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) database: DatabaseName,
    /// How to write the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Where to write the result instead of standard output.
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const QUERY_EXAMPLES: &str = "\
Examples:
  tidemill query --database plant 'SELECT * FROM motor ORDER BY time DESC LIMIT 10'
  tidemill query --database plant --file report.sql --format csv > report.csv
  tidemill query --database plant --format parquet --output motor.parquet 'SELECT * FROM motor'
  tidemill query --database plant 'SHOW TABLES'";

/// Forms of a query result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    Table,
    /// One JSON array of objects.
    Json,
    /// One JSON object per line.
    Jsonl,
    /// Comma-separated values with a header line.
    Csv,
    /// An Apache Parquet file.
    Parquet,
}

impl Format {
    /// The word that the query endpoint takes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table => "pretty",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// List, create and delete databases.
///
/// A database is a named set of tables with a retention period; v2 clients call it a bucket. Rows older
/// than the period are hidden at once and removed later. Needs a token that may do so, such as the
/// admin token.
#[derive(Args, Debug)]
#[command(after_long_help = DATABASE_EXAMPLES)]
pub(crate) struct DatabaseArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: DatabaseCommand,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const DATABASE_EXAMPLES: &str = "\
Examples:
  tidemill database list
  tidemill database create plant
  tidemill database create raw --retention 30d
  tidemill database delete plant";

/// The subcommands of `database`.
#[derive(Debug, Subcommand)]
pub(crate) enum DatabaseCommand {
    /// Print the names, one per line.
    List,
    /// Create a database. It is an error if it exists.
    Create {
        /// The name: letters, digits, `_` and `-`, a letter or digit first.
        name: String,
        /// How long rows are kept, such as `30d` or `12h`; for ever if not given.
        #[arg(long, value_name = "PERIOD")]
        retention: Option<String>,
    },
    /// Delete a database and every row in it. Does not ask.
    Delete {
        /// The name.
        name: String,
    },
}

/// List, create, delete and bring back the tables of a database.
///
/// Writing to a table creates it too. A deleted table can be brought back for a while (setting
/// `maintenance.undrop_period`, 72 h unless set). Needs a token that may do so, such as the admin token.
#[derive(Args, Debug)]
#[command(after_long_help = TABLE_EXAMPLES)]
pub(crate) struct TableArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: TableCommand,
    #[command(flatten)]
    pub(crate) database: DatabaseName,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const TABLE_EXAMPLES: &str = "\
Examples:
  tidemill table list --database plant
  tidemill table create pump --database plant --tags asset_id,line --fields flow:float64,on:bool
  tidemill table delete pump --database plant
  tidemill table undrop pump --database plant
  tidemill table delete pump --database plant --now   # for good";

/// The subcommands of `table`.
#[derive(Debug, Subcommand)]
pub(crate) enum TableCommand {
    /// Print the names, one per line.
    List,
    /// Create a table. It is an error if it exists.
    Create {
        /// The name.
        name: String,
        /// Its tags.
        #[arg(long, value_name = "TAG,…", value_delimiter = ',')]
        tags: Vec<String>,
        /// Its fields with their types: float64, int64, uint64, utf8 or bool.
        #[arg(long, value_name = "FIELD:TYPE,…", value_delimiter = ',')]
        fields: Vec<TypedField>,
    },
    /// Delete a table and every row in it. Does not ask.
    Delete {
        /// The name.
        name: String,
        /// For good: it cannot be brought back.
        #[arg(long)]
        now: bool,
    },
    /// Bring back the table of this name that was deleted last.
    Undrop {
        /// The name.
        name: String,
    },
}

/// A field and its type, in the words of the v3 API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypedField {
    /// The name.
    pub(crate) name: String,
    /// The type.
    pub(crate) kind: String,
}

impl FromStr for TypedField {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const TYPES: [&str; 5] = ["float64", "int64", "uint64", "utf8", "bool"];
        match text.rsplit_once(':') {
            Some((name, kind)) if !name.is_empty() && TYPES.contains(&kind) => Ok(Self {
                name: name.to_owned(),
                kind: kind.to_owned(),
            }),
            _ => Err(format!(
                "expected FIELD:TYPE with a type of {}",
                TYPES.join(", ")
            )),
        }
    }
}

/// Load a known data set.
///
/// Reads a published data set from its original files, or simulates one, and writes it as tables. Nothing is downloaded.
#[derive(Args, Debug)]
#[command(after_long_help = LOAD_EXAMPLES)]
pub(crate) struct LoadArgs {
    /// Which data set.
    #[command(subcommand)]
    pub(crate) command: LoadCommand,
    #[command(flatten)]
    pub(crate) database: DatabaseName,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const LOAD_EXAMPLES: &str = "\
Examples:
  tidemill load cmapss ./CMAPSSData --database cmapss
  tidemill load motors --database plant             # a day of a simulated fleet
  tidemill load cmapss --help                       # the tables it makes, and more";

/// The data sets; each is described by its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum LoadCommand {
    Cmapss(CmapssArgs),
    Motors(MotorsArgs),
}

/// NASA's turbofan engine degradation data (C-MAPSS).
///
/// Reads the original text files train_FDxxx.txt, test_FDxxx.txt and RUL_FDxxx.txt, as published by
/// the NASA Prognostics Center of Excellence (Saxena, Goebel, Simon, Eklund, PHM 2008), each plain or
/// compressed as .zst. Every file is read and checked before the first row is written.
#[derive(Args, Debug)]
#[command(after_long_help = CMAPSS_HELP)]
pub(crate) struct CmapssArgs {
    /// The folder with the files.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The sets to load [default: those in the folder].
    #[arg(long, value_name = "SET,…", value_delimiter = ',')]
    pub(crate) sets: Vec<String>,
    /// The time before the first cycle, in UTC; the time of day may be left out.
    #[arg(long, value_name = "RFC3339", default_value = "2008-10-06T00:00:00Z",
          value_parser = start)]
    pub(crate) start: SystemTime,
    /// The time from one cycle to the next.
    #[arg(long, value_name = "DURATION", default_value = "1s",
          value_parser = humantime::parse_duration)]
    pub(crate) step: Duration,
}

/// A point in time, or the start of a day.
pub(crate) fn start(text: &str) -> Result<SystemTime, humantime::TimestampError> {
    humantime::parse_rfc3339_weak(text)
        .or_else(|error| humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).map_err(|_| error))
}

const CMAPSS_HELP: &str = "\
What is written:
  cmapss_train  tags dataset, unit_number; fields time_cycles (integer), setting_1 … setting_3,
  cmapss_test   s_1 … s_21 (floats); one row per engine and cycle
  cmapss_rul    tags dataset, unit_number; field rul (integer): the true remaining cycles of each
                test engine, at the time of its last reading

A cycle becomes a time: cycle c of every engine is at start + c · step, so the newest row of an
engine is its last cycle, and cmapss_rul joins cmapss_test on (dataset, unit_number, time). All
engines start together, as a fleet that is watched side by side. A step of 1s keeps a set (at most
543 cycles) within ten minutes; --step 1h spreads it over weeks. The default start is the opening
day of the conference at which the data were published; it is fixed so that loading twice changes
nothing. In a database with a retention period give a recent --start, or the rows are too old.

Examples:
  tidemill load cmapss ./CMAPSSData --database cmapss
  tidemill load cmapss ./CMAPSSData --database cmapss --sets FD001,FD003 --step 1h
  tidemill query --database cmapss \\
    \"SELECT unit_number, max(time_cycles) FROM cmapss_test WHERE dataset = 'FD001' GROUP BY 1\"";

/// A simulated fleet of electric motors with known faults.
///
/// The fleet of `tidemill demo` at a time that is given, so that the same command writes the same rows whenever it is run. Faults are placed
/// relative to the end.
#[derive(Args, Debug)]
#[command(after_long_help = MOTORS_HELP)]
pub(crate) struct MotorsArgs {
    /// The fleet to simulate (TOML) instead of the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) fleet: Option<PathBuf>,
    /// How many motors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) motors: Option<u32>,
    /// The time of the first row, in UTC; the time of day may be left out.
    #[arg(long, value_name = "RFC3339", default_value = "2026-01-01T00:00:00Z",
          value_parser = start)]
    pub(crate) start: SystemTime,
    /// How many days; fractions are fine.
    #[arg(long, value_name = "D", default_value = "1", value_parser = super::days)]
    pub(crate) days: f64,
}

const MOTORS_HELP: &str = "\
What is written:
  sensor_data      tags asset_id, operating_state (RUNNING, IDLE, OFF); fields voltage_v, current_a, power_factor,
                   vibration_g, power_kw; one row per motor and second, unless the fleet's file says otherwise
  injected_faults  tags asset_id, kind, severity, signal; fields start_ns, end_ns, amount, description: the truth

Examples:
  tidemill load motors --database plant --days 0.5
  tidemill load motors --database plant --fleet my-fleet.toml --start 2026-03-01 --days 7";

/// Ask a server whether it is ready.
///
/// Exits with 0 when it takes writes and queries, with 1 when it does not answer or is still starting.
/// Needs no token.
#[derive(Args, Debug)]
#[command(after_long_help = PING_EXAMPLES)]
pub(crate) struct PingArgs {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const PING_EXAMPLES: &str = "\
Examples:
  tidemill ping
  tidemill ping --host http://plant-7:8086";
