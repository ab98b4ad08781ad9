//! The flags of `tidemill task`.

use clap::{ArgGroup, Args, Subcommand};

use super::automation::Shown;
use super::client::{ConnectionArgs, DatabaseName, Format};

/// Make, list, run and stop tasks: statements that run by themselves.
///
/// A task runs INSERT INTO … SELECT, or another statement that changes something, on a schedule or when rows
/// are written. It may do what the token may do that it was made with.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct TaskArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: TaskCommand,
    #[command(flatten)]
    pub(crate) database: DatabaseName,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const EXAMPLES: &str = "\
Examples:
  tidemill task create hourly --every 1h --offset 30s 'INSERT INTO motor_1h SELECT …'
  tidemill task create nightly --cron '0 3 * * *' --timezone Europe/Zurich 'DELETE FROM raw WHERE …'
  tidemill task create alarms --on-write-to motor 'INSERT INTO alarms SELECT …'
  tidemill task list
  tidemill task show hourly
  tidemill task run hourly --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z
  tidemill task runs hourly
  tidemill task pause hourly

The statement runs for windows of time: WHERE time >= $window_start AND time < $window_stop.";

/// The subcommands of `task`.
#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// List tasks, with when they run next and how they ran last.
    List {
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Show all that there is to say of a task, its statement included.
    Show(Shown),
    /// Make a task.
    Create(CreateTask),
    /// Run a task now, for the window that ended last or for the one given.
    Run {
        /// The name.
        name: String,
        /// Where the window begins, as 2026-01-01T00:00:00Z.
        #[arg(long, value_name = "TIME", requires = "to")]
        from: Option<String>,
        /// Where it ends.
        #[arg(long, value_name = "TIME", requires = "from")]
        to: Option<String>,
    },
    /// List the newest runs, of one task or of all.
    Runs {
        /// The name.
        name: Option<String>,
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Keep a task from running by itself.
    Pause {
        /// The name.
        name: String,
    },
    /// Let a task run by itself again; what it missed is caught up, as far as it lets windows wait.
    Resume {
        /// The name.
        name: String,
    },
    /// Take a task away.
    Drop {
        /// The name.
        name: String,
    },
}

/// What a new task is like. What is not given is as the server has it by default.
#[derive(Args, Debug, Default)]
#[command(group(ArgGroup::new("when").required(true).args(["every", "cron", "on_write_to"])))]
pub(crate) struct CreateTask {
    /// Its name.
    pub(crate) name: String,
    /// What it does.
    #[arg(value_name = "SQL")]
    pub(crate) statement: String,
    /// Runs every so long, as 10m or 1h.
    #[arg(long, value_name = "DURATION")]
    pub(crate) every: Option<String>,
    /// Runs at the times of a cron pattern.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) cron: Option<String>,
    /// Runs when rows are written to this table.
    #[arg(long, value_name = "TABLE")]
    pub(crate) on_write_to: Option<String>,
    /// The time zone of the cron pattern [default: UTC].
    #[arg(long, value_name = "ZONE", requires = "cron")]
    pub(crate) timezone: Option<String>,
    /// How long after the end of a window it runs.
    #[arg(long, value_name = "DURATION", conflicts_with = "on_write_to")]
    pub(crate) offset: Option<String>,
    /// As many missed windows are caught up.
    #[arg(long, value_name = "N")]
    pub(crate) catch_up: Option<u32>,
    /// Skips windows that fall due while a run is under way.
    #[arg(long)]
    pub(crate) skip_overlap: bool,
    /// How often a failed run is tried again.
    #[arg(long, value_name = "N")]
    pub(crate) retries: Option<u32>,
    /// How long a run may take.
    #[arg(long, value_name = "DURATION")]
    pub(crate) timeout: Option<String>,
    /// Takes the place of a task of this name.
    #[arg(long)]
    pub(crate) replace: bool,
    /// What it is for.
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
}
