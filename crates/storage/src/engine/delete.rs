//! Deletes rows. Readers that begin after it has returned do not see them; what was written before the
//! call is concerned, what is written later is not, even under the same keys.
//!
//! | the condition mentions | what is done                                                              |
//! |------------------------|---------------------------------------------------------------------------|
//! | tags and time alone    | it is noted in the manifest; readers apply it, compaction makes it real   |
//! | fields too             | the files that may hold such rows are rewritten at once: whether a row    |
//! |                        | matches is known only when all files that hold parts of it are merged     |
//!
//! Both begin with a flush, so that a file holds either rows from before the delete or from after it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::RecordBatch;
use catalog::{ColumnKind, ColumnRef, Predicate, RecordId, Table, TableId};
use tokio_util::sync::CancellationToken;

use super::{Core, flush};
use crate::compaction::rewrite::Rewrite;
use crate::error::{Error, Result};
use crate::row_filter::matches;
use crate::schema::arrow_schema;
use crate::snapshot::in_overlapping_windows;

/// Deletes the rows of these tables that match, and tells whoever follows the tables: durably before, so
/// that a crash does not hide it, and in memory for as long as it takes.
pub(super) async fn rows(core: &Arc<Core>, tables: Vec<(TableId, Predicate)>) -> Result<()> {
    check(core, &tables)?;
    let (touched, held) = hold(core, &tables);
    let noted = note_touched(core, &touched).await;
    let deleted = match noted {
        Ok(()) => delete(core, tables).await,
        Err(error) => Err(error),
    };
    // One that failed may have come half of the way.
    let now = core.clock.now_nanos();
    core.followers.release(&touched, &held, now);
    deleted
}

/// Refuses what cannot be evaluated, such as a regular expression that is too large: a condition that is noted
/// stands between readers and their rows until it has been carried out.
fn check(core: &Core, tables: &[(TableId, Predicate)]) -> Result<()> {
    let state = core.catalog.state();
    for (id, predicate) in tables {
        if let Some(table) = state.stored_table(*id) {
            let nothing = RecordBatch::new_empty(arrow_schema(table));
            let evaluated = matches(predicate, &nothing, table);
            evaluated.map_err(|error| Error::InvalidCondition {
                problem: error.to_string(),
            })?;
        }
    }
    Ok(())
}

/// Times of tables.
type Times = Vec<(TableId, Range<i64>)>;

/// Holds the times that are meant, and says of which of them there are rows that may go. Windows that get
/// their first rows from now on are not taken in before the end.
fn hold(core: &Core, tables: &[(TableId, Predicate)]) -> (Times, Vec<(RecordId, u64)>) {
    let wanted = |predicate: &Predicate| {
        let times = predicate.time_range();
        *times.start()..times.end().saturating_add(1)
    };
    let _nothing_is_applied = core.applied.lock();
    let of_table = |(table, predicate): &(TableId, Predicate)| {
        let wanted = wanted(predicate);
        let there = core.newer_times(*table, None).into_iter();
        let there = there.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))?;
        let times = there.start.max(wanted.start)..there.end.min(wanted.end);
        (!times.is_empty()).then_some((*table, times))
    };
    let touched = tables.iter().filter_map(of_table).collect();
    let all = tables.iter();
    let all: Times = all.map(|(table, it)| (*table, wanted(it))).collect();
    (touched, core.followers.hold(&all))
}

/// Notes durably which windows of rollups may not be right any more, before they are not.
async fn note_touched(core: &Core, touched: &[(TableId, Range<i64>)]) -> Result<()> {
    let state = core.catalog.state();
    let is_summed_up = |table| state.rollups().any(|rollup| rollup.source == table);
    if touched.iter().any(|(table, _)| is_summed_up(*table)) {
        core.catalog.touch_rollups(touched).await?;
    }
    Ok(())
}

/// All at once for each kind of condition.
async fn delete(core: &Arc<Core>, tables: Vec<(TableId, Predicate)>) -> Result<()> {
    let state = core.catalog.state();
    let mentions_fields = |(id, predicate): &(TableId, Predicate)| {
        let table = state.stored_table(*id);
        table.is_some_and(|table| mentions_fields(predicate, table))
    };
    let (with_fields, on_keys): (Vec<_>, Vec<_>) = tables.into_iter().partition(mentions_fields);
    if !on_keys.is_empty() {
        note(core, &on_keys).await?;
    }
    if !with_fields.is_empty() {
        rewrite(core, with_fields).await?;
    }
    Ok(())
}

async fn note(core: &Arc<Core>, tables: &[(TableId, Predicate)]) -> Result<()> {
    let _no_other_flush = core.flushing.lock().await;
    flush::flush_while_locked(core).await?;
    let through = core.catalog.state().wal_applied_through();
    core.catalog.delete_rows(tables, through).await?;
    core.flushed.notify_one(); // something to compact
    Ok(())
}

fn mentions_fields(predicate: &Predicate, table: &Table) -> bool {
    let mut found = false;
    predicate.visit_columns(&mut |column| match column {
        ColumnRef::Time => {}
        ColumnRef::Column(id) => {
            let column = table.columns().get(usize::from(id.0));
            found |= column.is_some_and(|column| column.kind != ColumnKind::Tag);
        }
    });
    found
}

async fn rewrite(core: &Arc<Core>, tables: Vec<(TableId, Predicate)>) -> Result<()> {
    let _no_other_rewrite = core.rewriting.lock().await;
    let state = {
        let _no_other_flush = core.flushing.lock().await;
        flush::flush_while_locked(core).await?;
        // Files that come from now on hold rows that are not concerned.
        core.catalog.state()
    };
    let now = core.clock.now_nanos();
    let mut rewrites = Vec::new();
    for (id, predicate) in tables {
        let Some(table) = state.stored_table(id) else {
            continue;
        };
        let range = predicate.time_range();
        let files = table.files().iter().map(|file| {
            let window = file.partition_start..file.partition_end();
            (window, Arc::clone(file))
        });
        for inputs in in_overlapping_windows(files.collect()) {
            let is_concerned = inputs
                .iter()
                .any(|file| *range.start() <= file.time_max && file.time_min <= *range.end());
            if !is_concerned {
                continue;
            }
            let start = inputs.iter().map(|file| file.partition_start).min();
            let end = inputs.iter().map(|file| file.partition_end()).max();
            let level = inputs.iter().map(|file| file.level).max();
            rewrites.push(Rewrite {
                table: Arc::clone(table),
                window: start.unwrap_or_default()..end.unwrap_or_default(),
                level: level.unwrap_or_default(),
                inputs,
                earliest: state.retention_of(table).earliest(now),
                unwanted: Some(predicate.clone()),
                is_whole_window: true,
                decided_at: state.number(),
                attempt: core.rewrites.fetch_add(1, Ordering::Relaxed),
                stop: CancellationToken::new(),
            });
        }
    }
    match rewrites.is_empty() {
        true => Ok(()),
        false => core.rewrite_and_commit(rewrites).await,
    }
}
