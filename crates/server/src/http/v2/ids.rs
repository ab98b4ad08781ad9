//! Ids as v2 writes them: sixteen hexadecimal digits.
//!
//! Everything administered has an id of its own. A bucket is a database, and its id is made of the
//! database's number, so that it is the same whether or not a v2 client ever saw the database.

use std::sync::Arc;

use axum::extract::Path;
use catalog::{Database, DatabaseId, RecordId, State};

use crate::error::{Error, Result};

/// Set in the ids of buckets and in no other.
const BUCKET: u64 = 1 << 62;

/// The id of a bucket.
pub(super) fn of_bucket(database: DatabaseId) -> RecordId {
    RecordId(BUCKET | u64::from(database.0))
}

/// The database that is the bucket of this id.
pub(super) fn bucket(state: &State, id: RecordId) -> Option<&Arc<Database>> {
    let number = id.0 & !BUCKET;
    let number = u32::try_from(number).ok().filter(|_| id.0 & BUCKET != 0)?;
    state.database_of(DatabaseId(number))
}

/// The name of the database that a client means: as in v2, first by id, then by name.
pub(super) fn database_name(state: &State, bucket_or_id: &str) -> String {
    let by_id = bucket_or_id.parse().ok().and_then(|id| bucket(state, id));
    by_id.map_or_else(
        || bucket_or_id.to_owned(),
        |database| database.name.to_string(),
    )
}

/// An id in an address.
pub(super) fn of_path(Path(text): Path<String>) -> Result<RecordId> {
    parse(&text)
}

/// An id in a request.
pub(super) fn parse(text: &str) -> Result<RecordId> {
    text.parse().map_err(|_| Error::InvalidRequest {
        problem: problem(text).to_owned(),
    })
}

/// What is wrong with a text that is no id.
fn problem(text: &str) -> &'static str {
    match text.len() {
        16 => "id must be 16 hexadecimal digits in small letters, and not zero",
        _ => "id must have a length of 16 bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_id_is_told() {
        for (text, expected) in [
            ("plant", "length of 16 bytes"),
            ("0000000000000000", "not zero"),
            ("400000000000000g", "hexadecimal"),
            ("400000000000000A", "small letters"),
        ] {
            let problem = parse(text).unwrap_err().to_string();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
        assert_eq!(parse("4000000000000001").unwrap(), of_bucket(DatabaseId(1)));
    }
}
