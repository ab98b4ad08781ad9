//! Reads everything that backups consist of: damage is to be found before it is too late.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, stream};
use object_store::ObjectStore;

use super::copy::{self, Copied, KeptFile};
use super::record;
use super::{Error, FILES_AT_ONCE, Result};
use crate::progress::{Meter, Watch};
use crate::verify::Problem;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Check {
    /// Backups that can be read.
    pub backups: u64,
    /// Files of theirs that are as they were written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is damaged.
    pub damages: Vec<Problem>,
}

/// Reads every backup and every file of one, and compares checksums.
pub async fn check(backups: &Arc<dyn ObjectStore>, watch: Watch<'_>) -> Result<Check> {
    let mut found = Check::default();
    let mut files: BTreeMap<String, KeptFile> = BTreeMap::new();
    for number in record::numbers(backups).await? {
        // The state, too, is to be restored some day.
        let read = record::read(backups, number).await;
        let read = read.and_then(|record| record.state().map(|_| record));
        match read {
            Ok(record) => {
                found.backups += 1;
                let by_path = |file: KeptFile| (file.path.clone(), file);
                files.extend(record.files.into_iter().map(by_path));
            }
            Err(Error::Damaged { path, problem }) => found.damages.push(Problem {
                place: path,
                problem,
            }),
            Err(error) => return Err(error),
        }
    }
    let meter = Meter::new(watch);
    let bytes = files.values().map(|file| file.size_bytes).sum();
    meter.expect(files.len() as u64, bytes);
    let checks = stream::iter(files.into_values()).map(|file| async move {
        let outcome = copy::check(backups, &file).await;
        (file, outcome)
    });
    let mut checks = checks.buffer_unordered(FILES_AT_ONCE);
    while let Some((file, outcome)) = checks.next().await {
        meter.done(file.size_bytes);
        let problem = match outcome? {
            Copied::Done => {
                found.files += 1;
                found.bytes += file.size_bytes;
                continue;
            }
            Copied::Gone => "it is missing".to_owned(),
            Copied::Damaged(problem) => problem,
        };
        found.damages.push(Problem {
            place: file.path,
            problem,
        });
    }
    Ok(found)
}
