//! `tidemill check`, `tidemill endpoint`, `tidemill rollup`: each subcommand is one statement of SQL.

use std::process::ExitCode;

use super::Result;
use super::statement::{Change, Statement, change, quoted, show, text};
use crate::cli::automation::{
    CheckArgs, CheckCommand, EndpointArgs, EndpointCommand, RollupArgs, RollupCommand,
};
use crate::cli::client::Format;

/// Runs `tidemill check`.
pub(crate) fn check(args: &CheckArgs) -> Result<ExitCode> {
    of_check(&args.command).run(&args.database, &args.connection)
}

/// Runs `tidemill endpoint`.
pub(crate) fn endpoint(args: &EndpointArgs) -> Result<ExitCode> {
    of_endpoint(&args.command).run(&args.database, &args.connection)
}

/// Runs `tidemill rollup`.
pub(crate) fn rollup(args: &RollupArgs) -> Result<ExitCode> {
    of_rollup(&args.command).run(&args.database, &args.connection)
}

fn of_check(command: &CheckCommand) -> Statement {
    const NOUN: &str = "check";
    match command {
        CheckCommand::List { format } => Statement::rows("SHOW CHECKS", *format),
        CheckCommand::Show(it) => show(NOUN, &it.name, it.format),
        CheckCommand::Alerts { format } => Statement::rows("SHOW ALERTS", *format),
        CheckCommand::Statuses { name, format } => {
            let from = name.as_ref().map(|name| format!(" FROM {}", quoted(name)));
            let sql = format!("SHOW CHECK STATUSES{}", from.unwrap_or_default());
            Statement::rows(sql, *format)
        }
        CheckCommand::Pause(it) => change(NOUN, &it.name, Change::Pause),
        CheckCommand::Resume(it) => change(NOUN, &it.name, Change::Resume),
        CheckCommand::Drop(it) => change(NOUN, &it.name, Change::Drop),
        CheckCommand::Silence {
            name,
            length,
            condition,
            comment,
        } => {
            let what = match name {
                Some(name) => format!("CHECK {}", quoted(name)),
                None => "ALL CHECKS".to_owned(),
            };
            let length = format!(" FOR {}", text(length));
            let parts = [whose(condition.as_ref()), length, why(comment.as_ref())].concat();
            Statement::rows(format!("SILENCE {what}{parts}"), Format::Table)
        }
        CheckCommand::Unsilence { id } => {
            Statement::done(format!("UNSILENCE {}", text(id)), "silence", id, "ended")
        }
        CheckCommand::Silences { format } => Statement::rows("SHOW SILENCES", *format),
        CheckCommand::Acknowledge {
            name,
            condition,
            comment,
        } => {
            let parts = [whose(condition.as_ref()), why(comment.as_ref())].concat();
            let sql = format!("ACKNOWLEDGE CHECK {}{parts}", quoted(name));
            Statement::rows(sql, Format::Table)
        }
    }
}

fn whose(condition: Option<&String>) -> String {
    condition.map_or_else(String::new, |condition| format!(" WHERE {condition}"))
}

fn why(comment: Option<&String>) -> String {
    comment.map_or_else(String::new, |comment| format!(" COMMENT {}", text(comment)))
}

fn of_endpoint(command: &EndpointCommand) -> Statement {
    const NOUN: &str = "endpoint";
    match command {
        EndpointCommand::List { format } => Statement::rows("SHOW ENDPOINTS", *format),
        EndpointCommand::Show(it) => show(NOUN, &it.name, it.format),
        EndpointCommand::Test(it) => {
            let sql = format!("TEST ENDPOINT {}", quoted(&it.name));
            Statement::delivery(sql, &it.name)
        }
        EndpointCommand::Pause(it) => change(NOUN, &it.name, Change::Pause),
        EndpointCommand::Resume(it) => change(NOUN, &it.name, Change::Resume),
        EndpointCommand::Drop(it) => change(NOUN, &it.name, Change::Drop),
    }
}

fn of_rollup(command: &RollupCommand) -> Statement {
    const NOUN: &str = "rollup";
    match command {
        RollupCommand::List { format } => Statement::rows("SHOW ROLLUPS", *format),
        RollupCommand::Show(it) => show(NOUN, &it.name, it.format),
        RollupCommand::Refresh { name, from, to } => {
            let (from, to) = (text(from), text(to));
            let sql = format!("REFRESH ROLLUP {} FROM {from} TO {to}", quoted(name));
            Statement::done(sql, NOUN, name, "refreshed")
        }
        RollupCommand::Pause(it) => change(NOUN, &it.name, Change::Pause),
        RollupCommand::Resume(it) => change(NOUN, &it.name, Change::Resume),
        RollupCommand::Drop { name, with_table } => {
            let mut statement = change(NOUN, name, Change::Drop);
            if *with_table {
                statement.sql += " WITH TABLE";
            }
            statement
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn every_command_is_a_statement() {
        for (line, expected) in [
            ("check list", "SHOW CHECKS"),
            ("check show h\"t", "DESCRIBE CHECK \"h\"\"t\""),
            ("check alerts", "SHOW ALERTS"),
            ("check statuses", "SHOW CHECK STATUSES"),
            ("check statuses hot", "SHOW CHECK STATUSES FROM \"hot\""),
            ("check pause hot", "ALTER CHECK \"hot\" PAUSE"),
            ("check resume hot", "ALTER CHECK \"hot\" RESUME"),
            ("check drop hot", "DROP CHECK \"hot\""),
            ("check silence --for 1d", "SILENCE ALL CHECKS FOR '1d'"),
            (
                "check silence hot --for 1d --where line~'^A' --comment it's",
                "SILENCE CHECK \"hot\" WHERE line~'^A' FOR '1d' COMMENT 'it''s'",
            ),
            ("check unsilence 2a", "UNSILENCE '2a'"),
            ("check silences", "SHOW SILENCES"),
            (
                "check acknowledge hot --where line='A' --comment mine",
                "ACKNOWLEDGE CHECK \"hot\" WHERE line='A' COMMENT 'mine'",
            ),
            ("endpoint list", "SHOW ENDPOINTS"),
            ("endpoint show pager", "DESCRIBE ENDPOINT \"pager\""),
            ("endpoint test pager", "TEST ENDPOINT \"pager\""),
            ("endpoint pause pager", "ALTER ENDPOINT \"pager\" PAUSE"),
            ("endpoint drop pager", "DROP ENDPOINT \"pager\""),
            ("rollup list", "SHOW ROLLUPS"),
            ("rollup show m", "DESCRIBE ROLLUP \"m\""),
            (
                "rollup refresh m --from 2026 --to 2027",
                "REFRESH ROLLUP \"m\" FROM '2026' TO '2027'",
            ),
            ("rollup resume m", "ALTER ROLLUP \"m\" RESUME"),
            ("rollup drop m --with-table", "DROP ROLLUP \"m\" WITH TABLE"),
        ] {
            let words = ["tidemill"].into_iter().chain(line.split(' '));
            let statement = match Cli::try_parse_from(words).unwrap().command {
                Command::Check(args) => of_check(&args.command),
                Command::Endpoint(args) => of_endpoint(&args.command),
                Command::Rollup(args) => of_rollup(&args.command),
                other => panic!("{line}: {other:?}"),
            };
            assert_eq!(statement.sql, expected, "{line}");
        }
    }
}
