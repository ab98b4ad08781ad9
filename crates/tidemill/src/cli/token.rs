//! The flags of `tidemill token`.

use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::client::{ConnectionArgs, Format};

/// Make, list, rotate and revoke tokens.
///
/// A token lets a program in and says what it may do: read or write or change certain databases, or
/// certain tables of them. What a token is made of is shown once, by the command that makes it; the
/// server keeps only a digest. Needs a token that may do everything, such as the admin token.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct TokenArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const EXAMPLES: &str = "\
Examples:
  tidemill token create telegraf --write plant --expires 365d
  tidemill token create grafana --read plant --read 'lab_*'
  tidemill token create dashboard --read plant:motor --read plant:pump
  tidemill token create deploy --admin
  tidemill token list
  tidemill token rotate telegraf --grace 24h        # both secrets are good for a day
  tidemill token revoke telegraf                    # at once

A database or table is a name, or a pattern in which * stands for any characters.";

/// The subcommands of `token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it, this once.
    Create {
        /// The name it is listed under.
        name: String,
        /// A database that it may read, or one table of it; may be repeated.
        #[arg(long, value_name = "DB[:TABLE]")]
        read: Vec<Target>,
        /// A database that it may write to, or one table of it; may be repeated.
        #[arg(long, value_name = "DB[:TABLE]")]
        write: Vec<Target>,
        /// A database that it may also change and drop; without a name it may do everything everywhere.
        #[arg(long, value_name = "DB[:TABLE]", num_args = 0..=1, default_missing_value = "*")]
        admin: Vec<Target>,
        /// When it expires, counted from now [default: 90d, or never with --admin alone].
        #[arg(long, value_name = "DURATION|never")]
        expires: Option<Lifetime>,
        /// What it is for.
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// List all tokens with what they may do.
    List {
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Give a token a new secret and print it, this once. The old one stays good for a while.
    Rotate {
        /// The name.
        name: String,
        /// For how long the old secret stays good.
        #[arg(long, value_name = "DURATION", default_value = "1h",
              value_parser = humantime::parse_duration)]
        grace: Duration,
    },
    /// Take a token away: it lets nobody in any more, at once.
    Revoke {
        /// The name.
        name: String,
    },
}

/// A database, or a table of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The database, or a pattern.
    pub(crate) database: String,
    /// The table, or a pattern; every table if none is named.
    pub(crate) table: Option<String>,
}

impl Target {
    /// Whether it is everything there is.
    pub(crate) fn is_everything(&self) -> bool {
        self.database == "*" && self.table.is_none()
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (database, table) = match text.split_once(':') {
            Some((database, table)) => (database, Some(table)),
            None => (text, None),
        };
        match database.is_empty() || table == Some("") {
            true => Err("expected DATABASE or DATABASE:TABLE".to_owned()),
            false => Ok(Self {
                database: database.to_owned(),
                table: table.map(str::to_owned),
            }),
        }
    }
}

/// How long a token lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// So long.
    For(Duration),
    /// For ever.
    Never,
}

impl FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("never") {
            return Ok(Self::Never);
        }
        let length = humantime::parse_duration(text);
        length
            .map(Self::For)
            .map_err(|_| "expected a length of time such as 90d, or `never`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_databases_or_tables() {
        let check = |text: &str, expected: Option<(&str, Option<&str>)>| {
            let found = text.parse::<Target>().ok();
            let found = found.as_ref().map(|t| (&*t.database, t.table.as_deref()));
            assert_eq!(found, expected, "{text}");
        };
        check("plant", Some(("plant", None)));
        check("plant:motor", Some(("plant", Some("motor"))));
        check("a.b:c:d", Some(("a.b", Some("c:d"))));
        check("", None);
        check(":motor", None);
        check("plant:", None);
    }

    #[test]
    fn lifetimes_are_lengths_or_never() {
        assert_eq!("never".parse(), Ok(Lifetime::Never));
        let day = Duration::from_secs(86_400);
        assert_eq!("1d".parse(), Ok(Lifetime::For(day)));
        assert!("soon".parse::<Lifetime>().is_err());
    }
}
