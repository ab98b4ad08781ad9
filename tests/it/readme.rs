//! What the README says works: its commands are run and its queries asked, in order, on one server,
//! as a reader would who pastes one after the other.
//!
//! | block                       | what is done                                                    |
//! |-----------------------------|-----------------------------------------------------------------|
//! | `sh`                        | lines with a `tidemill` command are run at the root of the      |
//! |                             | checkout, unless they run a server                              |
//! | `sql`                       | asked with `tidemill query`; there must be rows                 |
//! | `text` right after one of   | what the last command or query must have printed                |
//! | those                       |                                                                 |
//! | `console`, others           | for the eye only: sessions that need a terminal or a server     |

use std::process::{Command, Output};

use crate::document::{blocks, commands};
use crate::harness::{Server, checkout, run, tidemill};

/// Runs a line of a document as a shell would, `tidemill` being the program under test.
pub(crate) fn shell(server: &Server, line: &str) -> Output {
    let program = tidemill().get_program().to_owned();
    let script = format!("tidemill() {{ \"$PROGRAM\" \"$@\"; }}\n{line}");
    let mut command = Command::new("sh");
    command.arg("-euc").arg(script).current_dir(checkout());
    command.env("PROGRAM", program);
    for (name, value) in server.cli(&[]).get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("TIDEMILL_DATABASE", "plant");
    run(&mut command, b"")
}

/// The number of rows in a table as it is printed for people.
fn row_count(table: &str) -> usize {
    // The line of names is one too.
    table
        .lines()
        .filter(|line| line.starts_with('|'))
        .count()
        .saturating_sub(1)
}

#[test]
fn what_the_readme_says_works() {
    let readme = std::fs::read_to_string(checkout().join("README.md")).unwrap();
    let server = Server::open();
    let (mut commands_run, mut queries_run) = (0, 0);
    let mut printed: Option<String> = None;
    for block in blocks(&readme) {
        match block.language.as_str() {
            "sh" => {
                printed = None;
                for line in commands(&block.text) {
                    let output = shell(&server, &line);
                    let error = String::from_utf8_lossy(&output.stderr).into_owned();
                    assert!(output.status.success(), "{line}\n{error}");
                    printed = Some(String::from_utf8_lossy(&output.stdout).into_owned());
                    commands_run += 1;
                }
            }
            "sql" => {
                let output = run(&mut server.cli(&["query", "-d", "plant", &block.text]), b"");
                let error = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success(), "{}\n{error}", block.text);
                let table = String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(
                    row_count(&table) > 0,
                    "{}\ngave no rows:\n{table}",
                    block.text
                );
                printed = Some(table);
                queries_run += 1;
            }
            "text" if block.follows => {
                if let Some(printed) = printed.take() {
                    assert_eq!(
                        printed.trim_end(),
                        block.text.trim_end(),
                        "as the README shows"
                    );
                }
            }
            _ => printed = None,
        }
    }
    assert!(
        commands_run > 0 && queries_run > 0,
        "{commands_run} commands, {queries_run} queries"
    );
}
