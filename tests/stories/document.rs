//! A document that can be run: its blocks of commands and SQL in their order, and what it says that they print.
//!
//! | block                   | what it is                                                                              |
//! |-------------------------|-----------------------------------------------------------------------------------------|
//! | `sh`                    | lines with a `tidemill` command that ends by itself; others are for the reader          |
//! | `sql`                   | one statement                                                                           |
//! | `text` right after one  | what the last command or statement prints                                               |
//! | `text FD002` thereafter | what it prints where the document is run with FD002 in place of the name it is about    |
//! | others                  | for the eye only                                                                        |
//!
//! Shared by the tests, which run small documents, and by `benchmarks story`, which runs any of them and tells the times.

/// Numbers of a table may differ by this part of their size: there are platforms that round otherwise.
pub(crate) const TOLERANCE: f64 = 1e-3;

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// The first word after the fence.
    pub(crate) language: String,
    /// The second, if there is one.
    pub(crate) variant: Option<String>,
    pub(crate) text: String,
    /// Whether nothing but blank lines is between this block and the one before it.
    pub(crate) follows: bool,
}

/// The blocks of a document.
///
/// # Panics
/// When a block does not end.
pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    let mut follows = false;
    for line in document.lines() {
        match (line.strip_prefix("```"), is_open) {
            (Some(_), true) => (is_open, follows) = (false, true),
            (Some(info), false) => {
                is_open = true;
                let mut words = info.split([' ', ',']).map(str::to_owned);
                blocks.push(Block {
                    language: words.next().unwrap_or_default(),
                    variant: words.next(),
                    text: String::new(),
                    follows,
                });
            }
            (None, true) => {
                if let Some(block) = blocks.last_mut() {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
            }
            (None, false) => follows = follows && line.trim().is_empty(),
        }
    }
    assert!(!is_open, "a block does not end");
    blocks
}

/// The commands of a block that end by themselves. A line that ends in a backslash goes on in the next.
pub(crate) fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined
        .lines()
        .map(|line| line.trim().trim_start_matches("$ "));
    let ours = lines.filter(|line| {
        let mut words = line.split_whitespace();
        let is_ours = ["| tidemill ", "do tidemill "]
            .iter()
            .any(|call| line.contains(call))
            || line.starts_with("tidemill ");
        let is_server = words.any(|word| matches!(word, "serve" | "demo"));
        is_ours && !is_server
    });
    ours.map(str::to_owned).collect()
}

/// Something to do, and what it is to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) action: Action,
    /// Nothing if the document does not say.
    pub(crate) printed: Option<String>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// A line for a shell.
    Command(String),
    /// A statement.
    Sql(String),
}

/// The steps of a document, with `name` replaced by another in commands and statements if one is given.
pub(crate) fn steps(document: &str, instead: Option<(&str, &str)>) -> Vec<Step> {
    let replaced = |text: &str| match instead {
        Some((name, other)) => text.replace(name, other),
        None => text.to_owned(),
    };
    let variant = instead.map(|(_, other)| other);
    let mut steps: Vec<Step> = Vec::new();
    let mut is_told = false;
    for block in blocks(document) {
        let action = match block.language.as_str() {
            "sh" => {
                let commands = commands(&block.text).into_iter();
                steps.extend(commands.map(|line| Step {
                    action: Action::Command(replaced(&line)),
                    printed: None,
                }));
                is_told = true;
                continue;
            }
            "sql" => Action::Sql(replaced(&block.text)),
            "text" if is_told && (block.follows || block.variant.is_some()) => {
                if block.variant.as_deref() == variant
                    && let Some(step) = steps.last_mut()
                {
                    step.printed = Some(block.text);
                }
                continue;
            }
            _ => {
                is_told = false;
                continue;
            }
        };
        steps.push(Step {
            action,
            printed: None,
        });
        is_told = true;
    }
    steps
}

/// The query that tells the state of the run that a statement has started, `EXECUTE TASK` alone: the statements after it are about what the run
/// leaves behind. `printed` is what it has printed.
pub(crate) fn state_of_run(statement: &str, printed: &str) -> Option<String> {
    if !statement.trim_start().starts_with("EXECUTE TASK") {
        return None;
    }
    let row = printed.lines().rfind(|line| line.starts_with('|'))?;
    let run = row.trim_matches('|').rsplit('|').next()?.trim();
    Some(format!(
        "SELECT state FROM system.task_runs WHERE run_id = '{run}'"
    ))
}

/// What is different about a printed table, or any text, that the document shows.
pub(crate) fn difference(shown: &str, printed: &str) -> Option<String> {
    let rows = |text: &str| -> Vec<Vec<String>> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        // Rules are as wide as the widest cell.
        let lines = lines.filter(|line| !line.starts_with('+'));
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
        lines.map(cells).collect()
    };
    let (shown, printed) = (rows(shown), rows(printed));
    if shown.len() != printed.len() {
        return Some(format!(
            "{} lines instead of {}",
            printed.len(),
            shown.len()
        ));
    }
    for (line, (shown, printed)) in shown.iter().zip(&printed).enumerate() {
        let is_same = shown.len() == printed.len()
            && shown
                .iter()
                .zip(printed)
                .all(|(shown, printed)| is_same(shown, printed));
        if !is_same {
            let (printed, shown) = (printed.join("|"), shown.join("|"));
            return Some(format!("line {}: {printed} instead of {shown}", line + 1));
        }
    }
    None
}

fn is_same(shown: &str, printed: &str) -> bool {
    match (shown.parse::<f64>(), printed.parse::<f64>()) {
        (Ok(shown), Ok(printed)) => (shown - printed).abs() <= TOLERANCE * shown.abs(),
        _ => shown == printed,
    }
}
