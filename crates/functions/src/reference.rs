//! The reference page of the functions, generated from their documentation.
//!
//! `TIDEMILL_UPDATE_REFERENCE=1 cargo test -p functions reference` writes it; without the variable the test compares.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use datafusion_expr::Documentation;

use crate::{all_aggregate_udfs, all_scalar_udfs, all_window_udfs};

const PAGE: &str = "../../docs/reference/functions.md";

const OPENING: &str = "\
# Functions

<!-- Generated from the code: TIDEMILL_UPDATE_REFERENCE=1 cargo test -p functions reference -->

Beside the functions of [DataFusion](https://datafusion.apache.org/user-guide/sql/index.html), SQL has the ones below.
Numbers of any type are accepted. NULL, NaN and infinities are missing values: aggregates skip them, other functions give
NULL for them unless their entry says otherwise. Too few values, a ratio to zero and an overflow give NULL as well; no function gives NaN,
and none gives infinity but anomaly scores of what differs where nothing else does.
Aggregates work with `GROUP BY`, with `FILTER (WHERE …)` and over window frames (`OVER (…)`).

Statistics that need all rows of a group at once keep them: at most 2000000 rows per group unless their entry says
otherwise, and more are an error. Over a moving frame they are computed anew for each row, at the cost of the whole frame.

Window functions give every row a result and need `OVER (…)`; the frame (`ROWS …`, `RANGE …`) does not matter to them
unless their entry says that they compare a row with it. Those, and functions that look ahead, keep the rows of a partition.
";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Aggregate,
    Scalar,
    Window,
}

/// Every function: its kind, name and documentation. Sections are in the order of their first function.
fn functions() -> Vec<(Kind, String, Documentation)> {
    let mut functions = vec![];
    let mut add = |kind, name: &str, documentation: Option<&Documentation>| {
        let documentation = documentation.unwrap_or_else(|| panic!("{name} is documented"));
        functions.push((kind, name.to_owned(), documentation.clone()));
    };
    for udaf in all_aggregate_udfs() {
        add(Kind::Aggregate, udaf.name(), udaf.documentation());
    }
    for udf in all_scalar_udfs() {
        add(Kind::Scalar, udf.name(), udf.documentation());
    }
    for udwf in all_window_udfs() {
        add(Kind::Window, udwf.name(), udwf.documentation());
    }
    functions
}

fn page() -> String {
    let functions = functions();
    let mut sections: Vec<&str> = vec![];
    for (_, _, documentation) in &functions {
        let label = documentation.doc_section.label;
        if !sections.contains(&label) {
            sections.push(label);
        }
    }
    let mut page = OPENING.to_owned();
    for section in sections {
        write!(page, "\n## {section}\n").unwrap();
        for (kind, name, documentation) in &functions {
            if documentation.doc_section.label == section {
                page.push_str(&entry(name, *kind, documentation));
            }
        }
    }
    page
}

fn entry(name: &str, kind: Kind, documentation: &Documentation) -> String {
    let kind = match kind {
        Kind::Aggregate => "Aggregate",
        Kind::Scalar => "Scalar",
        Kind::Window => "Window",
    };
    let Documentation {
        description,
        syntax_example,
        ..
    } = documentation;
    let mut entry = format!("\n### {name}\n\n    {syntax_example}\n\n{kind}. {description}\n\n");
    for (argument, meaning) in documentation.arguments.iter().flatten() {
        writeln!(entry, "- `{argument}`: {meaning}").unwrap();
    }
    if let Some(example) = &documentation.sql_example {
        write!(entry, "\n{example}\n").unwrap();
    }
    if let Some(related) = &documentation.related_udfs {
        let links: Vec<String> = related
            .iter()
            .map(|name| format!("[{name}](#{name})"))
            .collect();
        write!(entry, "\nSee also {}.\n", links.join(", ")).unwrap();
    }
    entry
}

#[test]
fn reference_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page();
    if std::env::var_os("TIDEMILL_UPDATE_REFERENCE").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/reference/functions.md is not what the code says; \
         TIDEMILL_UPDATE_REFERENCE=1 cargo test -p functions reference"
    );
}

#[test]
fn related_functions_exist() {
    let functions = functions();
    for (_, name, documentation) in &functions {
        for related in documentation.related_udfs.iter().flatten() {
            assert!(
                functions.iter().any(|(_, other, _)| other == related),
                "{related}, related to {name}, is not a function"
            );
        }
    }
}
