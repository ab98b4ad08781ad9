//! The reference page of the functions, generated from their documentation.
//!
//! `TIDEMILL_UPDATE_REFERENCE=1 cargo test -p functions reference` writes it; without the variable the test compares.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use datafusion_expr::Documentation;

use crate::{all_aggregate_udfs, all_scalar_udfs};

const PAGE: &str = "../../docs/reference/functions.md";

const OPENING: &str = "\
# Functions

<!-- Generated from the code: TIDEMILL_UPDATE_REFERENCE=1 cargo test -p functions reference -->

Beside the functions of [DataFusion](https://datafusion.apache.org/user-guide/sql/index.html), SQL has the ones below.
Numbers of any type are accepted. NULL, NaN and infinities are missing values: aggregates skip them, other functions give
NULL for them unless their entry says otherwise. Too few values, a ratio to zero and an overflow give NULL as well; no function gives NaN.
Aggregates work with `GROUP BY`, with `FILTER (WHERE …)` and over window frames (`OVER (…)`).

Statistics that need all rows of a group at once keep them: at most 2000000 rows per group unless their entry says
otherwise, and more are an error. Over a moving frame they are computed anew for each row, at the cost of the whole frame.
";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Aggregate,
    Scalar,
}

fn page() -> String {
    let aggregates = all_aggregate_udfs();
    let scalars = all_scalar_udfs();
    let aggregates = aggregates
        .iter()
        .map(|f| (f.name(), Kind::Aggregate, f.documentation()));
    let scalars = scalars
        .iter()
        .map(|f| (f.name(), Kind::Scalar, f.documentation()));
    let mut page = OPENING.to_owned();
    let mut section = "";
    for (name, kind, documentation) in aggregates.chain(scalars) {
        let documentation = documentation.unwrap_or_else(|| panic!("{name} is documented"));
        let label = documentation.doc_section.label;
        if label != section {
            write!(page, "\n## {label}\n").unwrap();
            section = label;
        }
        page.push_str(&entry(name, kind, documentation));
    }
    page
}

fn entry(name: &str, kind: Kind, documentation: &Documentation) -> String {
    let kind = match kind {
        Kind::Aggregate => "Aggregate",
        Kind::Scalar => "Scalar",
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
    let aggregates = all_aggregate_udfs();
    let scalars = all_scalar_udfs();
    let names: Vec<&str> = aggregates
        .iter()
        .map(|f| f.name())
        .chain(scalars.iter().map(|f| f.name()))
        .collect();
    let documents = aggregates.iter().map(|f| f.documentation());
    for documentation in documents
        .chain(scalars.iter().map(|f| f.documentation()))
        .flatten()
    {
        for related in documentation.related_udfs.iter().flatten() {
            assert!(
                names.contains(&related.as_str()),
                "{related} is not a function"
            );
        }
    }
}
