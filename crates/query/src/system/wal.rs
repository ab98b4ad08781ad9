//! `system.wal`: the write-ahead log, and what it leads to: the rows in memory.

use storage::wal_settings::Health;

use super::{Definition, Rows, Type, Value, View};

pub(super) const TABLE: Definition = Definition {
    name: "wal",
    columns: &[
        // `writable`, `storage_full` or `read_only`.
        ("health", Type::Text),
        ("segments", Type::Integer),
        ("bytes", Type::Integer),
        // What waits to be committed.
        ("queued_bytes", Type::Integer),
        ("last_sequence", Type::Integer),
        ("synced_sequence", Type::Integer),
        // Every record up to this one is in live files.
        ("applied_through", Type::Integer),
        // Since the start of the server, as are the totals below.
        ("records", Type::Integer),
        ("record_bytes", Type::Integer),
        ("syncs", Type::Integer),
        ("sync_time_ms", Type::Integer),
        ("segments_given_up", Type::Integer),
        // Memory of the rows that are in no file yet, and of what is known of series.
        ("buffer_bytes", Type::Integer),
        ("series", Type::Integer),
        // Files that wait for the object store.
        ("spilled_files", Type::Integer),
        ("spilled_bytes", Type::Integer),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    if !view.caller.sees_server() {
        return Box::new(std::iter::empty());
    }
    let stats = view.storage.stats();
    let wal = &stats.wal;
    let health = match wal.health {
        Health::Writable => "writable",
        Health::StorageFull => "storage_full",
        Health::ReadOnly => "read_only",
        _ => "unknown",
    };
    let row = vec![
        Value::text(health),
        Value::count(wal.segments),
        Value::count(wal.bytes),
        Value::count(wal.queued_bytes),
        Value::count(wal.last_sequence),
        Value::count(wal.synced_sequence),
        Value::count(view.catalog.state().wal_applied_through()),
        Value::count(wal.records_total),
        Value::count(wal.record_bytes_total),
        Value::count(wal.syncs_total),
        Value::count(wal.sync_time_total.as_millis()),
        Value::count(wal.segments_poisoned_total),
        Value::count(stats.buffer_bytes),
        Value::count(stats.series),
        Value::count(stats.spilled_files),
        Value::count(stats.spilled_bytes),
    ];
    Box::new(std::iter::once(row))
}
