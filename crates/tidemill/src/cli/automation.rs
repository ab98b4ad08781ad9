//! The flags of `tidemill check`, `tidemill endpoint` and `tidemill rollup`. What they are about is made in SQL, with `tidemill query`.

use clap::{Args, Subcommand};

use super::client::{ConnectionArgs, DatabaseName, Format};

/// Look after checks: how things are, what fires, who has taken note.
///
/// A check is made in SQL: `tidemill query "CREATE CHECK hot ON motor.temp crit WHEN value > 90"`.
#[derive(Args, Debug)]
#[command(after_long_help = CHECK_EXAMPLES)]
pub(crate) struct CheckArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: CheckCommand,
    #[command(flatten)]
    pub(crate) database: DatabaseName,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  tidemill check list
  tidemill check alerts
  tidemill check statuses hot
  tidemill check acknowledge hot --where \"asset = 'm1'\" --comment mine
  tidemill check silence hot --for 2h --where \"asset = 'm1'\" --comment bearing
  tidemill check silence --for 1d
  tidemill check unsilence 000000000000002a";

/// The subcommands of `check`.
#[derive(Debug, Subcommand)]
pub(crate) enum CheckCommand {
    /// List checks, with how things are.
    List {
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Show all that there is to say of a check, its query included.
    Show(Shown),
    /// List what fires, and what will if it lasts.
    Alerts {
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// List the newest changes, of one check or of all.
    Statuses {
        /// The name.
        name: Option<String>,
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Keep a check from looking.
    Pause(Named),
    /// Let a check look again.
    Resume(Named),
    /// Take a check away.
    Drop(Named),
    /// Let nobody be told for a while, of one check or of all; what it sees is noted all the same.
    Silence {
        /// The name; without it, all checks of the database.
        name: Option<String>,
        /// For how long, as 30m or 2h.
        #[arg(long = "for", value_name = "DURATION")]
        length: String,
        /// Of which series, as "asset = 'm1' AND line ~ '^A'".
        #[arg(long = "where", value_name = "CONDITION")]
        condition: Option<String>,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
    },
    /// End a silence before its time.
    Unsilence {
        /// Its id, as SHOW SILENCES has it.
        id: String,
    },
    /// List silences.
    Silences {
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Take note of what fires: rules that repeat themselves tell of it no more.
    Acknowledge {
        /// The name.
        name: String,
        /// Of which series, as "asset = 'm1'".
        #[arg(long = "where", value_name = "CONDITION")]
        condition: Option<String>,
        /// What is done about it.
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
    },
}

/// Look after endpoints: where changes are told.
///
/// An endpoint is made in SQL, by which its options are sealed:
/// `tidemill query "CREATE ENDPOINT pager USING webhook WITH (url = 'https://…')"`; `tidemill query -` reads the statement from
/// standard input, which keeps secrets out of the shell's history.
#[derive(Args, Debug)]
#[command(after_long_help = ENDPOINT_EXAMPLES)]
pub(crate) struct EndpointArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: EndpointCommand,
    #[command(flatten)]
    pub(crate) database: DatabaseName,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const ENDPOINT_EXAMPLES: &str = "\
Examples:
  tidemill endpoint list
  tidemill endpoint test pager
  tidemill endpoint pause pager";

/// The subcommands of `endpoint`.
#[derive(Debug, Subcommand)]
pub(crate) enum EndpointCommand {
    /// List endpoints.
    List {
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Show all that there is to say of an endpoint, but for its secrets.
    Show(Shown),
    /// Send it an example; exits with 1 when it does not arrive.
    Test(Named),
    /// Let what is to be told wait.
    Pause(Named),
    /// Let it be told again.
    Resume(Named),
    /// Take an endpoint away.
    Drop(Named),
}

/// Look after rollups: tables that are kept up to date from others.
///
/// A rollup is made in SQL: `tidemill query "CREATE ROLLUP …"`.
#[derive(Args, Debug)]
#[command(after_long_help = ROLLUP_EXAMPLES)]
pub(crate) struct RollupArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: RollupCommand,
    #[command(flatten)]
    pub(crate) database: DatabaseName,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const ROLLUP_EXAMPLES: &str = "\
Examples:
  tidemill rollup list
  tidemill rollup show motor_1m
  tidemill rollup refresh motor_1m --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z
  tidemill rollup drop motor_1m --with-table";

/// The subcommands of `rollup`.
#[derive(Debug, Subcommand)]
pub(crate) enum RollupCommand {
    /// List rollups, with how far they are.
    List {
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Show all that there is to say of a rollup.
    Show(Shown),
    /// Compute windows anew.
    Refresh {
        /// The name.
        name: String,
        /// Where they begin, as 2026-01-01T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        from: String,
        /// Where they end.
        #[arg(long, value_name = "TIME")]
        to: String,
    },
    /// Let it fall behind; queries stay right.
    Pause(Named),
    /// Let it catch up.
    Resume(Named),
    /// Take a rollup away.
    Drop {
        /// The name.
        name: String,
        /// Its table goes, too.
        #[arg(long)]
        with_table: bool,
    },
}

/// One of a name.
#[derive(Args, Debug)]
pub(crate) struct Named {
    /// The name.
    pub(crate) name: String,
}

/// One of a name, and how it is shown.
#[derive(Args, Debug)]
pub(crate) struct Shown {
    /// The name.
    pub(crate) name: String,
    /// How to write it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}
