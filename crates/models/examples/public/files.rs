//! The public data sets, which are not part of the repository: `TIDEMILL_DATASETS` names their folder, else
//! `shared/datasets` is looked for beside this repository.

use std::error::Error;
use std::path::{Path, PathBuf};

/// Where the data sets are, or a sentence that says that they are not.
pub(crate) fn folder() -> Result<PathBuf, Box<dyn Error>> {
    let named = std::env::var_os("TIDEMILL_DATASETS").map(PathBuf::from);
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let beside = above.map(|folder| folder.join("shared/datasets"));
    let found = named
        .into_iter()
        .chain(beside)
        .find(|folder| folder.is_dir());
    found.ok_or_else(|| {
        "the public data sets are not there: set TIDEMILL_DATASETS to their folder".into()
    })
}

/// A text file, compressed or not.
pub(crate) fn text(path: &Path) -> Result<String, Box<dyn Error>> {
    let plain = path.with_extension("");
    if path.extension().is_some_and(|extension| extension == "zst") && path.is_file() {
        let file = std::fs::File::open(path)?;
        return Ok(std::io::read_to_string(zstd::Decoder::new(file)?)?);
    }
    Ok(std::fs::read_to_string(plain)?)
}

/// The columns of a text of numbers.
pub(crate) fn columns(
    text: &str,
    separator: fn(char) -> bool,
) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for line in text.lines() {
        let fields = line.split(separator).filter(|field| !field.is_empty());
        for (place, field) in fields.enumerate() {
            if columns.len() <= place {
                columns.push(Vec::new());
            }
            columns[place].push(field.parse()?);
        }
    }
    Ok(columns)
}
