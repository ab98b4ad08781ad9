//! `system.caches`.

use super::{Definition, Rows, Type, Value, View};
use crate::lately_used::CacheStats;

pub(super) const TABLE: Definition = Definition {
    name: "caches",
    columns: &[
        // `file_bytes`: what was read of files of a remote store; `file_metadata`: their footers and
        // page indexes; `hot_pages`: columns of files that are read again and again, ready to be read;
        // `kept_plans`: plans of statements that differ in constants; `last_rows`: the last row of every series;
        // `models`: trained models; `tag_rows`: which rows of a file have which value of a tag.
        ("cache_name", Type::Text),
        // NULL where it is not counted, as below.
        ("size_bytes", Type::Integer),
        ("entries", Type::Integer),
        ("hits", Type::Integer),
        ("misses", Type::Integer),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    if !view.caller.sees_server() {
        return Box::new(std::iter::empty());
    }
    let stats = view.storage.stats();
    let read = stats.read_cache;
    let metadata = view.runtime.cache_manager.get_file_metadata_cache();
    let entries = metadata.list_entries();
    let (metadata_bytes, metadata_hits) = entries.values().fold((0, 0), |(bytes, hits), entry| {
        (bytes + entry.size_bytes, hits + entry.hits)
    });
    let plans = view.kept_plans.stats();
    let rows = [
        vec![
            Value::text("file_bytes"),
            Value::count(read.bytes),
            Value::Null,
            Value::count(read.hits.saturating_add(read.shared)),
            Value::count(read.misses),
        ],
        vec![
            Value::text("file_metadata"),
            Value::count(metadata_bytes),
            Value::count(entries.len()),
            // Those of entries that are still there.
            Value::count(metadata_hits),
            Value::Null,
        ],
        counted("hot_pages", view.hot_pages.stats()),
        vec![
            Value::text("kept_plans"),
            Value::Null,
            Value::count(plans.entries),
            Value::count(plans.hits),
            Value::count(plans.misses),
        ],
        vec![
            Value::text("last_rows"),
            Value::count(stats.last_rows_bytes),
            Value::Null,
            Value::Null,
            Value::Null,
        ],
        counted("models", view.models.stats()),
        counted("tag_rows", view.tag_rows.stats()),
    ];
    Box::new(rows.into_iter())
}

/// A cache that counts everything.
fn counted(name: &'static str, stats: CacheStats) -> Vec<Value> {
    vec![
        Value::text(name),
        Value::count(stats.bytes),
        Value::count(stats.entries),
        Value::count(stats.hits),
        Value::count(stats.misses),
    ]
}
