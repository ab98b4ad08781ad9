//! What commands have in common that are one statement of SQL each.

use std::process::ExitCode;

use super::{Result, connect, database};
use crate::cli::client::{ConnectionArgs, DatabaseName, Format};
use crate::output::Output;

/// A statement, and what is said of it.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) sql: String,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    /// It is written out.
    Rows(Format),
    /// In its place this is said.
    Done(String),
}

impl Statement {
    /// Rows are what is asked for.
    pub(super) fn rows(sql: impl Into<String>, format: Format) -> Self {
        Self {
            sql: sql.into(),
            answer: Answer::Rows(format),
        }
    }

    /// Something is to be done to the one of this name.
    pub(super) fn done(sql: impl Into<String>, noun: &str, name: &str, what: &str) -> Self {
        Self {
            sql: sql.into(),
            answer: Answer::Done(format!("{noun} {name:?} {what}")),
        }
    }

    /// Lets the server run it.
    pub(super) fn run(
        &self,
        database_name: &DatabaseName,
        connection: &ConnectionArgs,
    ) -> Result<ExitCode> {
        let database = database(database_name)?;
        let client = connect(connection)?;
        let format = match self.answer {
            Answer::Rows(format) => format,
            Answer::Done(_) => Format::Json,
        };
        let answer = client.query(&database, &self.sql, format.name())?;
        match &self.answer {
            Answer::Done(done) => eprintln!("{done}"),
            Answer::Rows(_) => {
                Output::open(None, format == Format::Parquet)?.write_from(answer)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `PAUSE`, `RESUME` and `DROP`, which everything has that works by itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Pause,
    Resume,
    Drop,
}

/// Changes the one of a name; `noun` as people say it, which is that of SQL in small letters.
pub(super) fn change(noun: &str, name: &str, change: Change) -> Statement {
    let (kind, quoted) = (noun.to_uppercase(), quoted(name));
    match change {
        Change::Pause => {
            Statement::done(format!("ALTER {kind} {quoted} PAUSE"), noun, name, "paused")
        }
        Change::Resume => Statement::done(
            format!("ALTER {kind} {quoted} RESUME"),
            noun,
            name,
            "resumed",
        ),
        Change::Drop => Statement::done(format!("DROP {kind} {quoted}"), noun, name, "dropped"),
    }
}

/// All that there is to say of the one of a name.
pub(super) fn show(noun: &str, name: &str, format: Format) -> Statement {
    let kind = noun.to_uppercase();
    Statement::rows(format!("DESCRIBE {kind} {}", quoted(name)), format)
}

/// A name as SQL writes it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL writes it.
pub(super) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
