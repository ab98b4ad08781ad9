//! What commands have in common that are one statement of SQL each.

use std::io::Read;
use std::process::ExitCode;

use serde::Deserialize;

use super::{CommandError, Result, connect, database};
use crate::cli::client::{ConnectionArgs, DatabaseName, Format};
use crate::client::ClientError;
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
    /// It says whether something has arrived at this endpoint.
    Delivery(String),
}

/// What the server says of something that was sent.
#[derive(Debug, Deserialize)]
struct Delivery {
    state: String,
    #[serde(default)]
    error: Option<String>,
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

    /// An example is to be sent to the endpoint of this name.
    pub(super) fn delivery(sql: impl Into<String>, name: &str) -> Self {
        Self {
            sql: sql.into(),
            answer: Answer::Delivery(name.to_owned()),
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
            Answer::Done(_) | Answer::Delivery(_) => Format::Json,
        };
        let answer = client.query(&database, &self.sql, format.name())?;
        match &self.answer {
            Answer::Done(done) => eprintln!("{done}"),
            Answer::Delivery(endpoint) => delivered(endpoint, answer)?,
            Answer::Rows(_) => {
                Output::open(None, format == Format::Parquet)?.write_from(answer)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Says that something has arrived, or fails with the reason why not.
fn delivered(endpoint: &str, answer: impl Read) -> Result<()> {
    let unexpected = |reason: String| ClientError::Unexpected { reason };
    let rows: serde_json::Result<Vec<Delivery>> = serde_json::from_reader(answer);
    let rows = rows.map_err(|error| unexpected(error.to_string()))?;
    let sent = rows.into_iter().next();
    let sent = sent.ok_or_else(|| unexpected("it has no row".to_owned()))?;
    if sent.state != "delivered" {
        return Err(CommandError::TestFailed {
            endpoint: endpoint.to_owned(),
            reason: sent.error.unwrap_or(sent.state),
        });
    }
    eprintln!("endpoint {endpoint:?}: an example was delivered");
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_arrive_is_an_error_with_its_reason() {
        let check = |answer: &str, expected: Result<(), &str>| {
            let found = delivered("pager", answer.as_bytes()).map_err(|error| error.to_string());
            match expected {
                Ok(()) => assert_eq!(found, Ok(()), "{answer}"),
                Err(words) => assert!(found.is_err_and(|found| found.contains(words)), "{answer}"),
            }
        };
        check(r#"[{"endpoint_name":"pager","state":"delivered"}]"#, Ok(()));
        check(
            r#"[{"endpoint_name":"pager","state":"failed","error":"it answered 500"}]"#,
            Err("\"pager\" has failed: it answered 500"),
        );
        check("[]", Err("no row"));
        check("<html>", Err("not what was expected"));
    }
}
