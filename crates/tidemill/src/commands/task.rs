//! `tidemill task`: each subcommand is one statement of SQL.

use std::process::ExitCode;

use super::Result;
use super::statement::{Change, Statement, change, quoted, show, text};
use crate::cli::client::Format;
use crate::cli::task::{CreateTask, TaskArgs, TaskCommand};

/// Runs the command.
pub(crate) fn run(args: &TaskArgs) -> Result<ExitCode> {
    statement(&args.command).run(&args.database, &args.connection)
}

fn statement(command: &TaskCommand) -> Statement {
    const NOUN: &str = "task";
    match command {
        TaskCommand::List { format } => Statement::rows("SHOW TASKS", *format),
        TaskCommand::Show(it) => show(NOUN, &it.name, it.format),
        TaskCommand::Runs { name, format } => {
            let from = name
                .as_deref()
                .map(|name| format!(" FROM {}", quoted(name)));
            let sql = format!("SHOW TASK RUNS{}", from.unwrap_or_default());
            Statement::rows(sql, *format)
        }
        TaskCommand::Create(task) => Statement::done(create(task), NOUN, &task.name, "created"),
        TaskCommand::Run { name, from, to } => {
            let window = from.as_deref().zip(to.as_deref());
            let window = window.map(|(from, to)| format!(" FROM {} TO {}", text(from), text(to)));
            let sql = format!(
                "EXECUTE TASK {}{}",
                quoted(name),
                window.unwrap_or_default()
            );
            Statement::rows(sql, Format::Table)
        }
        TaskCommand::Pause { name } => change(NOUN, name, Change::Pause),
        TaskCommand::Resume { name } => change(NOUN, name, Change::Resume),
        TaskCommand::Drop { name } => change(NOUN, name, Change::Drop),
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
            assert_eq!(statement(&command).sql, expected);
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
