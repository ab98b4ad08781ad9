//! `tidemill task`: each subcommand is one statement of SQL.

use std::process::ExitCode;

use super::{Result, connect, database};
use crate::cli::client::Format;
use crate::cli::task::{CreateTask, TaskArgs, TaskCommand};
use crate::output::Output;

/// Runs the command.
pub(crate) fn run(args: &TaskArgs) -> Result<ExitCode> {
    let database = database(&args.database)?;
    let client = connect(&args.connection)?;
    let (sql, format, done) = statement(&args.command);
    let answer = client.query(&database, &sql, format.name())?;
    match done {
        Some(done) => eprintln!("{done}"),
        None => {
            Output::open(None, format == Format::Parquet)?.write_from(answer)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The statement, how its answer is written, and what to say instead of the answer.
fn statement(command: &TaskCommand) -> (String, Format, Option<String>) {
    let done = |sql: String, name: &str, what: &str| {
        (sql, Format::Json, Some(format!("task {name:?} {what}")))
    };
    match command {
        TaskCommand::List { format } => ("SHOW TASKS".to_owned(), *format, None),
        TaskCommand::Runs { name, format } => {
            let from = name
                .as_deref()
                .map(|name| format!(" FROM {}", quoted(name)));
            let sql = format!("SHOW TASK RUNS{}", from.unwrap_or_default());
            (sql, *format, None)
        }
        TaskCommand::Create(task) => done(create(task), &task.name, "created"),
        TaskCommand::Run { name, from, to } => {
            let window = from.as_deref().zip(to.as_deref());
            let window = window.map(|(from, to)| format!(" FROM {} TO {}", text(from), text(to)));
            let sql = format!(
                "EXECUTE TASK {}{}",
                quoted(name),
                window.unwrap_or_default()
            );
            (sql, Format::Table, None)
        }
        TaskCommand::Pause { name } => {
            done(format!("ALTER TASK {} PAUSE", quoted(name)), name, "paused")
        }
        TaskCommand::Resume { name } => done(
            format!("ALTER TASK {} RESUME", quoted(name)),
            name,
            "resumed",
        ),
        TaskCommand::Drop { name } => done(format!("DROP TASK {}", quoted(name)), name, "dropped"),
    }
}

fn create(task: &CreateTask) -> String {
    let mut sql = match task.replace {
        true => "CREATE OR REPLACE TASK ".to_owned(),
        false => "CREATE TASK ".to_owned(),
    };
    sql += &quoted(&task.name);
    for (word, value) in [
        ("EVERY", &task.every),
        ("CRON", &task.cron),
        ("TIMEZONE", &task.timezone),
    ] {
        if let Some(value) = value {
            sql += &format!(" {word} {}", text(value));
        }
    }
    if let Some(table) = &task.on_write_to {
        sql += &format!(" ON WRITE TO {}", quoted(table));
    }
    if let Some(offset) = &task.offset {
        sql += &format!(" OFFSET {}", text(offset));
    }
    for (word, value) in [("CATCH UP", task.catch_up), ("RETRIES", task.retries)] {
        if let Some(value) = value {
            sql += &format!(" {word} {value}");
        }
    }
    if task.skip_overlap {
        sql += " OVERLAP SKIP";
    }
    for (word, value) in [("TIMEOUT", &task.timeout), ("COMMENT", &task.comment)] {
        if let Some(value) = value {
            sql += &format!(" {word} {}", text(value));
        }
    }
    format!("{sql} AS {}", task.statement)
}

/// A name as SQL writes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL writes it.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_a_statement() {
        let some = |text: &str| Some(text.to_owned());
        let task = CreateTask {
            name: "a \"b\"".to_owned(),
            statement: "DELETE FROM t WHERE true".to_owned(),
            ..CreateTask::default()
        };
        let nightly = CreateTask {
            cron: some("0 3 * * *"),
            timezone: some("Europe/Zurich"),
            offset: some("5s"),
            catch_up: Some(7),
            retries: Some(0),
            skip_overlap: true,
            timeout: some("1m"),
            comment: some("it's late"),
            replace: true,
            ..task
        };
        assert_eq!(
            create(&nightly),
            "CREATE OR REPLACE TASK \"a \"\"b\"\"\" CRON '0 3 * * *' TIMEZONE 'Europe/Zurich' \
             OFFSET '5s' CATCH UP 7 RETRIES 0 OVERLAP SKIP TIMEOUT '1m' COMMENT 'it''s late' \
             AS DELETE FROM t WHERE true"
        );
        let on_write = CreateTask {
            name: "n".to_owned(),
            statement: "S".to_owned(),
            on_write_to: some("t"),
            ..CreateTask::default()
        };
        assert_eq!(
            create(&on_write),
            "CREATE TASK \"n\" ON WRITE TO \"t\" AS S"
        );
    }

    #[test]
    fn every_command_is_a_statement() {
        let check = |command: TaskCommand, expected: &str| {
            assert_eq!(statement(&command).0, expected);
        };
        let name = || "n".to_owned();
        check(
            TaskCommand::Pause { name: name() },
            "ALTER TASK \"n\" PAUSE",
        );
        check(
            TaskCommand::Resume { name: name() },
            "ALTER TASK \"n\" RESUME",
        );
        check(TaskCommand::Drop { name: name() }, "DROP TASK \"n\"");
        let format = Format::Table;
        check(TaskCommand::List { format }, "SHOW TASKS");
        check(TaskCommand::Runs { name: None, format }, "SHOW TASK RUNS");
        let of_one = Some(name());
        check(
            TaskCommand::Runs {
                name: of_one,
                format,
            },
            "SHOW TASK RUNS FROM \"n\"",
        );
        let (from, to) = (Some("2026-01-01".to_owned()), Some("2026-01-02".to_owned()));
        check(
            TaskCommand::Run {
                name: name(),
                from,
                to,
            },
            "EXECUTE TASK \"n\" FROM '2026-01-01' TO '2026-01-02'",
        );
    }
}
