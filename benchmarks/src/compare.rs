//! The comparison with DuckDB: hands the rows, the queries and the server's answers to
//! `compare_duckdb.py`.
//!
//! The script is part of this program, so that program and script cannot be of different versions.
//! Where Python has no `duckdb`, the comparison is not made and the result says so.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::error::{AtPath, Error, Result};
use crate::model::Query;
use crate::report::{Comparison, DuckDb};

const SCRIPT: &str = include_str!("../compare_duckdb.py");

/// What is compared and how often each query runs.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) csv: &'a Path,
    pub(crate) queries: &'a [Query],
    /// Folders with one `<query>.csv` per query.
    pub(crate) answers: &'a [&'a Path],
    pub(crate) warm_ups: usize,
    pub(crate) runs: usize,
}

/// Runs the comparison with `python`, its files in `folder`.
pub(crate) fn compare(python: &str, folder: &Path, input: &Input<'_>) -> Result<Comparison> {
    if let Some(reason) = why_not(python) {
        return Ok(Comparison::NotMade { reason });
    }
    let (script, request) = (
        folder.join("compare_duckdb.py"),
        folder.join("compare.json"),
    );
    let result = folder.join("compared.json");
    std::fs::write(&script, SCRIPT).at(&script)?;
    std::fs::write(&request, request_json(input)).at(&request)?;
    let output = Command::new(python)
        .arg(&script)
        .arg(&request)
        .arg(&result)
        .output();
    let output = output.at(Path::new(python))?;
    if !output.status.success() {
        let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Comparison { detail });
    }
    let bytes = std::fs::read(&result).at(&result)?;
    serde_json::from_slice::<DuckDb>(&bytes)
        .at(&result)
        .map(Comparison::Made)
}

/// The first difference between the answers, if any.
pub(crate) fn difference(comparison: &Comparison) -> Option<Error> {
    let Comparison::Made(duckdb) = comparison else {
        return None;
    };
    duckdb.queries.iter().find_map(|query| {
        let detail = format!("{}, compared with DuckDB", query.difference.as_ref()?);
        Some(Error::WrongAnswer {
            query: query.name.clone(),
            detail,
        })
    })
}

fn why_not(python: &str) -> Option<String> {
    match Command::new(python).args(["-c", "import duckdb"]).output() {
        Ok(output) if output.status.success() => None,
        Ok(_) => Some(format!(
            "`{python} -c 'import duckdb'` fails; `pip install duckdb` makes it run"
        )),
        Err(error) => Some(format!("`{python}` cannot be run: {error}")),
    }
}

fn request_json(input: &Input<'_>) -> String {
    let queries: Vec<_> = input
        .queries
        .iter()
        .map(|query| {
            let file = format!("{}.csv", query.name);
            let answers: Vec<_> = input
                .answers
                .iter()
                .map(|folder| folder.join(&file))
                .collect();
            json!({ "name": query.name, "sql": query.sql, "answers": answers })
        })
        .collect();
    json!({
        "rows": input.csv,
        "queries": queries,
        "warm_ups": input.warm_ups,
        "runs": input.runs,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_duckdb_the_comparison_says_that_it_was_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let input = Input {
            csv: Path::new("none"),
            queries: &[],
            answers: &[],
            warm_ups: 0,
            runs: 1,
        };
        for python in ["no-such-python", "false"] {
            match compare(python, folder.path(), &input).unwrap() {
                Comparison::NotMade { reason } => assert!(reason.contains(python), "{reason}"),
                Comparison::Made(_) => panic!("{python} made a comparison"),
            }
        }
    }
}
