//! `story`: a page of the guide as a reader runs it, step by step, with the time of each and what it prints compared with the page.
//!
//! A page is about one data set; `--instead FD001=FD002` runs it with another name in its place, for which it may show results of
//! its own. Every step is a process of the command line, whose start is in its time.

#[path = "../../../tests/stories/document.rs"]
mod document;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Args;

use super::Common;
use crate::error::{AtPath, Error, Result};
use crate::machine::pause;
use crate::record::{Aim, Cell, Table, say};
use crate::report::ms;
use crate::server::Server;
use document::{Action, Step, difference, state_of_run, steps};

/// The database of the pages.
const DATABASE: &str = "plant";

/// How long the run of a task may take.
const RUN_LIMIT: Duration = Duration::from_secs(600);

/// How often it is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Letters of a statement that are shown.
const SHOWN: usize = 60;

/// Options of `story`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// The page.
    #[arg(default_value = "docs/guide/stories/turbofans.md")]
    page: PathBuf,
    /// Runs the page with OTHER wherever its commands and statements say NAME; may be repeated, for a run each.
    #[arg(long, value_name = "NAME=OTHER", value_parser = pair)]
    instead: Vec<(String, String)>,
    /// The folder of the data sets; by default what `TIDEMILL_DATASETS` says.
    #[arg(long, value_name = "FOLDER", env = "TIDEMILL_DATASETS")]
    datasets: Option<PathBuf>,
}

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, other)) if !name.is_empty() => Ok((name.to_owned(), other.to_owned())),
        _ => Err("must be NAME=OTHER".to_owned()),
    }
}

/// A server and how to talk to it.
struct Reader<'a> {
    program: &'a Path,
    server: &'a Server,
    datasets: Option<&'a Path>,
}

/// Runs the page as it is and with every other name.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenario = options
        .common
        .begin("story", "A story of the guide, step by step")?;
    let page = std::fs::read_to_string(&options.page).at(&options.page)?;
    scenario.record.condition("page", options.page.display());
    let others = options.instead.iter();
    let others = others.map(|(name, other)| Some((name.as_str(), other.as_str())));
    let program = scenario.installed.program.clone();
    let mut wrong = 0;
    for instead in std::iter::once(None).chain(others) {
        let name = instead.map_or("as it is", |(_, other)| other);
        let (server, _) =
            scenario.fresh_server(&format!("server-{name}").replace(' ', "-"), &[])?;
        let reader = Reader {
            program: &program,
            server: &server,
            datasets: options.datasets.as_deref(),
        };
        let mut table = Table::new(name, &["step", "ms", "printed"]);
        let mut total_ms = 0.0;
        for step in steps(&page, instead) {
            let (took_ms, verdict) = reader.take(&step)?;
            total_ms += took_ms;
            let verdict = verdict.unwrap_or_else(|difference| {
                wrong += 1;
                say(&difference);
                format!("**differs**: {difference}")
            });
            table.push(vec![
                title(&step).as_str().into(),
                took_ms.into(),
                Cell::Text(verdict),
            ]);
        }
        server.stop()?;
        // What is asked of FD001: load, features, training and prediction on two cores.
        let aim = (options.page.ends_with("turbofans.md") && instead.is_none())
            .then_some(Aim::AtMost(30.0));
        let name = format!("all steps, {name}");
        scenario.record.single(&name, "s", total_ms / 1_000.0, aim);
        scenario.record.table(table);
    }
    scenario.finish()?;
    match wrong {
        0 => Ok(()),
        count => Err(Error::WrongAnswers { count }),
    }
}

impl Reader<'_> {
    /// Takes a step; how long it took, and whether it printed what the page shows.
    fn take(&self, step: &Step) -> Result<(f64, std::result::Result<String, String>)> {
        let mut command = match &step.action {
            Action::Command(line) => {
                let mut command = Command::new("sh");
                let script = format!("tidemill() {{ \"$PROGRAM\" \"$@\"; }}\n{line}");
                command.arg("-euc").arg(script).env("PROGRAM", self.program);
                command
            }
            Action::Sql(sql) => self.query(sql),
        };
        let start = Instant::now();
        let printed = self.printed(&mut command, step)?;
        let (Action::Command(text) | Action::Sql(text)) = &step.action;
        if let Some(state) = state_of_run(text, &printed) {
            self.wait(&state, step)?;
        }
        let took_ms = ms(start.elapsed());
        let verdict = match &step.printed {
            None => Ok(String::new()),
            Some(shown) => match difference(shown, &printed) {
                None => Ok("as shown".to_owned()),
                Some(difference) => Err(format!("{difference}\n{printed}")),
            },
        };
        Ok((took_ms, verdict))
    }

    fn query(&self, sql: &str) -> Command {
        let mut command = Command::new(self.program);
        command.args(["query", "--database", DATABASE, sql]);
        command
    }

    /// What a command prints.
    fn printed(&self, command: &mut Command, step: &Step) -> Result<String> {
        command.env("TIDEMILL_HOST", format!("http://{}", self.server.address()));
        command.env("TIDEMILL_DATA_DIR", self.server.data());
        if let Some(folder) = self.datasets {
            command.env("TIDEMILL_DATASETS", folder);
        }
        let output = command.output().at(self.program)?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(failed(step, &String::from_utf8_lossy(&output.stderr))),
        }
    }

    /// Waits until a task has run.
    fn wait(&self, state: &str, step: &Step) -> Result<()> {
        let start = Instant::now();
        loop {
            let said = self.printed(&mut self.query(state), step)?;
            if said.contains("succeeded") {
                return Ok(());
            }
            if said.contains("failed") || start.elapsed() > RUN_LIMIT {
                return Err(failed(step, &said));
            }
            pause(LOOK_EVERY);
        }
    }
}

fn failed(step: &Step, detail: &str) -> Error {
    Error::WrongAnswer {
        query: title(step),
        detail: detail.trim().to_owned(),
    }
}

/// The beginning of a step, on one line.
fn title(step: &Step) -> String {
    let (Action::Command(text) | Action::Sql(text)) = &step.action;
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ").replace('|', "\\|");
    let mut title: String = line.chars().take(SHOWN).collect();
    if title.len() < line.len() {
        write!(title, "…").expect("writing to a string cannot fail");
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_shown_on_one_line() {
        let check = |text: &str, expected: &str| {
            let step = Step {
                action: Action::Sql(text.to_owned()),
                printed: None,
            };
            assert_eq!(title(&step), expected);
        };
        check("SELECT 1,\n  2", "SELECT 1, 2");
        check("cat x | tidemill write", "cat x \\| tidemill write");
        check(&"ab ".repeat(40), &format!("{}…", "ab ".repeat(20)));
        assert!(pair("=x").is_err() && pair("x").is_err());
        assert_eq!(pair("a=b"), Ok(("a".to_owned(), "b".to_owned())));
    }
}
