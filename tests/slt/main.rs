//! Runs the SQL files below `tests/slt` against the engine in this process: the real catalog,
//! storage and query engine, over an in-memory object store.
//!
//! Besides queries, a `statement ok` may hold two commands that stand for what happens outside of
//! SQL:
//!
//! - `WRITE` followed by lines of line protocol, written as any client's would be;
//! - `FLUSH`, which moves everything buffered to Parquet files.
//!
//! Every file has a database of its own. Floats are shown with 12 significant digits, so that the
//! expected values do not hang on the last bits of a platform's arithmetic.

mod engine;
mod format;

use std::path::{Path, PathBuf};

use engine::Engine;

#[test]
fn sql_files_answer_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/slt");
    let files = sql_files(&root);
    assert!(
        files.len() > 10,
        "only {} SQL files found below {}",
        files.len(),
        root.display()
    );
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let failures: Vec<String> = runtime.block_on(async {
        let mut failures = Vec::new();
        for file in &files {
            let mut runner = sqllogictest::Runner::new(|| async { Engine::open().await });
            runner.with_column_validator(sqllogictest::strict_column_validator);
            match runner.run_file_async(file).await {
                Ok(()) => eprintln!("ok      {}", file.display()),
                Err(error) => {
                    failures.push(format!("{}: {}", file.display(), error.display(false)))
                }
            }
        }
        failures
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn sql_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of SQL files is readable") {
        let path = entry.expect("its entries are readable").path();
        if path.is_dir() {
            files.extend(sql_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
    files.sort();
    files
}
