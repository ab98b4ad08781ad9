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

use crate::harness::{Server, checkout, run, tidemill};

/// A fenced block.
#[derive(Debug)]
struct Block {
    language: String,
    text: String,
    /// Whether nothing but blank lines is between this block and the one before it.
    follows: bool,
}

fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    let mut follows = false;
    for line in document.lines() {
        match (line.strip_prefix("```"), is_open) {
            (Some(_), true) => (is_open, follows) = (false, true),
            (Some(language), false) => {
                is_open = true;
                let language = language
                    .split([' ', ','])
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                blocks.push(Block {
                    language,
                    text: String::new(),
                    follows,
                });
            }
            (None, true) => {
                let text = &mut blocks.last_mut().expect("one is open").text;
                text.push_str(line);
                text.push('\n');
            }
            (None, false) => follows = follows && line.trim().is_empty(),
        }
    }
    assert!(!is_open, "a block does not end");
    blocks
}

/// The commands of a block that a test can run: those of the program that end by themselves.
/// A line that ends in a backslash goes on in the next.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined
        .lines()
        .map(|line| line.trim().trim_start_matches("$ "));
    let ours = lines.filter(|line| {
        let mut words = line.split_whitespace();
        let is_ours = line.starts_with("tidemill ") || line.contains("| tidemill ");
        let is_server = words.any(|word| matches!(word, "serve" | "demo"));
        is_ours && !is_server
    });
    ours.map(str::to_owned).collect()
}

/// Runs a line of the README as a shell would, `tidemill` being the program under test.
fn shell(server: &Server, line: &str) -> Output {
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

#[test]
fn blocks_and_commands_are_found() {
    let document = "a\n```sh\n# run\ntidemill serve &\ntidemill ping\n$ tidemill query \\\n  'x'\n\
                    echo m | tidemill write\ncargo run\n```\n\n```text\nout\n```\nb\n```text\nx\n```\n";
    let found = blocks(document);
    let shape: Vec<_> = found
        .iter()
        .map(|b| (b.language.as_str(), b.follows))
        .collect();
    assert_eq!(shape, [("sh", false), ("text", true), ("text", false)]);
    let expected = [
        "tidemill ping",
        "tidemill query    'x'",
        "echo m | tidemill write",
    ];
    assert_eq!(commands(&found[0].text), expected);
    assert_eq!(row_count("+--+\n| a |\n+--+\n| 1 |\n+--+"), 1);
    assert_eq!(row_count("++\n++"), 0);
}
