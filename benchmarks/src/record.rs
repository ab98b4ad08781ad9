//! The result of a scenario: a JSON file for machines and the same as Markdown for people. One form
//! for all scenarios, so that results can be read side by side.
//!
//! A figure without its circumstances is not a figure: each record names its command, commit,
//! server, machine, load before the run and durability. A figure that was taken more than once is a
//! [`Spread`].

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::error::{AtPath, Result};
use crate::machine::{self, Machine};
use crate::report::Spread;

/// Version of the JSON layout.
const FORMAT: u32 = 1;

/// Everything a scenario found.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    format: u32,
    title: String,
    command: String,
    taken_at: String,
    commit: String,
    loader_profile: &'static str,
    machine: Machine,
    /// What else was fixed: versions, settings, sizes of the data.
    conditions: Vec<Condition>,
    figures: Vec<Figure>,
    tables: Vec<Table>,
    notes: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Condition {
    name: String,
    value: String,
}

/// One number of the result.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    name: String,
    unit: String,
    #[serde(flatten)]
    value: Spread,
    #[serde(skip_serializing_if = "Option::is_none")]
    aim: Option<Aim>,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

impl Aim {
    fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }

    /// What it is, and whether `value` reaches it.
    pub(crate) fn verdict(self, value: f64) -> String {
        let verdict = if self.is_reached(value) {
            "reached"
        } else {
            "**missed**"
        };
        format!("{}: {verdict}", self.text())
    }

    pub(crate) fn text(self) -> String {
        match self {
            Self::AtLeast(least) => format!("at least {}", shown(least)),
            Self::AtMost(most) => format!("at most {}", shown(most)),
        }
    }
}

/// Numbers side by side.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// A cell of a [`Table`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Cell {
    Text(String),
    Number(f64),
    Spread(Spread),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<Spread> for Cell {
    fn from(spread: Spread) -> Self {
        Self::Spread(spread)
    }
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => shown(*number),
            Self::Spread(spread) => spread_text(spread),
        }
    }
}

impl Table {
    pub(crate) fn new(title: &str, columns: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        assert_eq!(row.len(), self.columns.len(), "a cell for every column");
        self.rows.push(row);
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "\n## {}\n\n| {} |",
            self.title,
            self.columns.join(" | ")
        )?;
        writeln!(out, "|{}", " --- |".repeat(self.columns.len()))?;
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(Cell::text).collect();
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

impl Record {
    /// Begins a record, before anything runs: the load average is that of the machine without the
    /// scenario. `folder` is where the data goes.
    pub(crate) fn begin(title: &str, folder: &Path) -> Result<Self> {
        Ok(Self {
            format: FORMAT,
            title: title.to_owned(),
            command: machine::command_line(),
            taken_at: machine::now_rfc3339(),
            commit: machine::commit(),
            loader_profile: machine::loader_profile(),
            machine: Machine::describe(folder)?,
            conditions: Vec::new(),
            figures: Vec::new(),
            tables: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// Told twice, it stands there once.
    pub(crate) fn condition(&mut self, name: &str, value: impl ToString) {
        let (name, value) = (name.to_owned(), value.to_string());
        let condition = Condition { name, value };
        if !self.conditions.contains(&condition) {
            self.conditions.push(condition);
        }
    }

    pub(crate) fn figure(&mut self, name: &str, unit: &str, value: Spread, aim: Option<Aim>) {
        self.figures.push(Figure {
            name: name.to_owned(),
            unit: unit.to_owned(),
            value,
            aim,
        });
    }

    /// A figure that was taken once.
    pub(crate) fn single(&mut self, name: &str, unit: &str, value: f64, aim: Option<Aim>) {
        self.figure(name, unit, Spread::of([value]), aim);
    }

    pub(crate) fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// Something that a reader of the figures has to know.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Writes the JSON file, the same as Markdown beside it and on standard output.
    pub(crate) fn write(&self, out: &Path) -> Result<()> {
        self.save(out)?;
        std::io::stdout()
            .write_all(self.to_markdown().as_bytes())
            .at(Path::new("standard output"))
    }

    /// Writes the two files as far as the record has come.
    pub(crate) fn save(&self, out: &Path) -> Result<()> {
        if let Some(parent) = out.parent() {
            std::fs::create_dir_all(parent).at(parent)?;
        }
        let mut json = serde_json::to_vec_pretty(self).at(out)?;
        json.push(b'\n');
        std::fs::write(out, json).at(out)?;
        let beside = out.with_extension("md");
        std::fs::write(&beside, self.to_markdown()).at(&beside)
    }

    fn to_markdown(&self) -> String {
        let mut out = String::new();
        self.write_markdown(&mut out)
            .expect("writing to a string cannot fail");
        out
    }

    fn write_markdown(&self, out: &mut String) -> std::fmt::Result {
        let machine = &self.machine;
        writeln!(out, "# {}\n\n| what | value |\n| --- | --- |", self.title)?;
        writeln!(out, "| command | `{}` |", self.command)?;
        writeln!(out, "| taken at | {} |", self.taken_at)?;
        writeln!(out, "| commit | {} |", self.commit)?;
        writeln!(
            out,
            "| build profile of the loader | {} |",
            self.loader_profile
        )?;
        writeln!(
            out,
            "| machine | {}, {} cores, {:.1} GiB, kernel {}, data on {} |",
            machine.cpu,
            machine.cores,
            machine.memory_bytes as f64 / f64::from(1 << 30),
            machine.kernel,
            machine.data_filesystem
        )?;
        writeln!(out, "| load average before | {:.2} |", machine.load_average)?;
        for condition in &self.conditions {
            writeln!(out, "| {} | {} |", condition.name, condition.value)?;
        }
        self.write_figures(out)?;
        for table in &self.tables {
            table.write(out)?;
        }
        if !self.notes.is_empty() {
            writeln!(out)?;
        }
        for note in &self.notes {
            writeln!(out, "- {note}")?;
        }
        Ok(())
    }

    fn write_figures(&self, out: &mut String) -> std::fmt::Result {
        if self.figures.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "\n## Figures\n\n| figure | value | unit | aim |\n| --- | ---: | --- | --- |"
        )?;
        for figure in &self.figures {
            let aim = figure.aim;
            let aim = aim.map_or(String::new(), |aim| aim.verdict(figure.value.median));
            let value = spread_text(&figure.value);
            writeln!(
                out,
                "| {} | {value} | {} | {aim} |",
                figure.name, figure.unit
            )?;
        }
        Ok(())
    }
}

/// `median (min to max)`, or the value alone when it was taken once.
fn spread_text(spread: &Spread) -> String {
    match spread.runs {
        1 => shown(spread.median),
        _ => format!(
            "{} ({} to {})",
            shown(spread.median),
            shown(spread.min),
            shown(spread.max)
        ),
    }
}

/// A number with about three significant digits, whole numbers and those above a hundred without
/// decimals, thousands apart.
pub(crate) fn shown(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", &*text), |rest| ("-", rest));
    let (whole, decimals) = text.split_once('.').map_or((text, ""), |parts| parts);
    let mut grouped = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    match decimals {
        "" => format!("{sign}{grouped}"),
        _ => format!("{sign}{grouped}.{decimals}"),
    }
}

/// Tells on standard error what is being done.
pub(crate) fn say(what: &str) {
    eprintln!("benchmarks: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_to_be_read() {
        let cases = [
            (0.0, "0"),
            (0.3749, "0.375"),
            (1.2351, "1.24"),
            (12.34, "12.3"),
            (30.0, "30"),
            (999.0, "999"),
            (1_234.5, "1 234"),
            (639_065.1, "639 065"),
            (-1_234_567.8, "-1 234 568"),
        ];
        for (value, text) in cases {
            assert_eq!(shown(value), text, "{value}");
        }
    }

    #[test]
    fn a_record_shows_figures_aims_and_tables() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = Record::begin("A title", folder.path()).unwrap();
        record.condition("durability", "sync");
        record.condition("durability", "sync");
        record.single("bytes", "B/value", 1.4, Some(Aim::AtMost(1.5)));
        record.figure(
            "ratio",
            "",
            Spread::of([0.5, 0.7, 0.6]),
            Some(Aim::AtLeast(0.8)),
        );
        let mut table = Table::new("By server", &["server", "rows/s"]);
        table.push(vec!["X".into(), 12_345.0.into()]);
        record.table(table);
        record.note("a note");
        let out = folder.path().join("inner/result.json");
        record.write(&out).unwrap();
        let markdown = std::fs::read_to_string(out.with_extension("md")).unwrap();
        assert_eq!(markdown.matches("| durability |").count(), 1);
        for line in [
            "# A title",
            "| durability | sync |",
            "| bytes | 1.40 | B/value | at most 1.50: reached |",
            "| ratio | 0.600 (0.500 to 0.700) |  | at least 0.800: **missed** |",
            "## By server",
            "| server | rows/s |",
            "| X | 12 345 |",
            "- a note",
        ] {
            assert!(
                markdown.lines().any(|got| got == line),
                "{line}\n{markdown}"
            );
        }
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
        assert_eq!(json["figures"][1]["median"], 0.6);
        assert_eq!(json["figures"][1]["aim"]["at_least"], 0.8);
        assert_eq!(json["tables"][0]["rows"][0][1], 12_345.0);
    }
}
