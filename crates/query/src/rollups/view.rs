//! What a query can take from rollups: read together with the table itself, so that both are of one moment.

use std::ops::Range;
use std::sync::Arc;

use catalog::{RecordId, Rollup, State, TableId};
use storage::TableSnapshot;

use super::layout::{self, Layout};
use super::maintainer::up;
use crate::system::View;

/// As often is it tried to find a moment at which nothing is being taken in.
const ATTEMPTS_MAX: usize = 4;

/// A rollup as of the moment of a snapshot of its raw table.
#[derive(Debug, Clone)]
pub(crate) struct RollupView {
    pub(crate) name: String,
    /// The length of a window; windows are counted from 1970.
    pub(crate) every_nanos: i64,
    pub(crate) layout: Layout,
    /// Its rows.
    pub(crate) table: TableSnapshot,
    /// Before this nothing is in it, or not any more.
    pub(crate) from: i64,
    /// Windows of which it does not hold what the raw table does, in order. Those that the raw table does not
    /// hold any more are none of them.
    pub(crate) changed: Vec<Range<i64>>,
}

/// A snapshot of a table, and of the rollups that sum it up.
pub(crate) fn snapshots(
    view: &View,
    table: TableId,
) -> Option<(TableSnapshot, Vec<Arc<RollupView>>)> {
    let state = view.catalog.state();
    let of_table = state.rollups().filter(|rollup| {
        let raw = layout::raw_table(&state, rollup);
        raw.is_some_and(|raw| raw.id == table)
    });
    let is_of_raw = state.rollup_in(table).is_none();
    let rollups: Vec<_> = of_table.cloned().collect();
    if rollups.is_empty() || !view.use_rollups || !is_of_raw {
        return Some((view.storage.snapshot(table)?, Vec::new()));
    }
    for _ in 0..ATTEMPTS_MAX {
        let before = generations(view, &rollups);
        let tables: Vec<_> = rollups
            .iter()
            .map(|it| view.storage.snapshot(it.target))
            .collect();
        let raw = view.storage.snapshot(table)?;
        let changes: Vec<_> = rollups
            .iter()
            .map(|it| view.storage.changes(it.id))
            .collect();
        if before != generations(view, &rollups) {
            continue;
        }
        let known: Vec<_> = rollups.iter().zip(changes).collect();
        let changed_of = |id: RecordId| {
            let found = known.iter().find(|(rollup, _)| rollup.id == id);
            found.and_then(|(_, changes)| changes.as_ref().map(|it| it.changed.clone()))
        };
        let views = rollups.iter().zip(tables).filter_map(|(rollup, table)| {
            view_of(view, &state, rollup, table?, &raw, &changed_of).map(Arc::new)
        });
        return Some((raw.clone(), views.collect()));
    }
    // Somebody is taking in one window after another; raw rows are right at any moment.
    Some((view.storage.snapshot(table)?, Vec::new()))
}

fn generations(view: &View, rollups: &[Arc<Rollup>]) -> Vec<Option<u64>> {
    let rollups = rollups.iter();
    rollups
        .map(|rollup| view.storage.generation(rollup.id))
        .collect()
}

fn view_of(
    view: &View,
    state: &State,
    rollup: &Rollup,
    table: TableSnapshot,
    raw: &TableSnapshot,
    changed_of: &dyn Fn(RecordId) -> Option<Vec<Range<i64>>>,
) -> Option<RollupView> {
    let every = rollup.every_nanos;
    let mut from = rollup.since_nanos.max(table.earliest());
    let mut frozen = raw.earliest();
    let mut changed = Vec::new();
    for level in [rollup]
        .into_iter()
        .chain(layout::finer(state, rollup).map(|it| &**it))
    {
        let standing = view.rollups.standing(level.id);
        // Of what it sums up itself: windows that cannot be computed any more.
        let first = up(standing.frozen, level.every_nanos);
        let missing = changed_of(level.id)?.into_iter();
        changed.extend(missing.filter_map(|it| {
            let start = it.start.max(first);
            (start < it.end).then_some(start..it.end)
        }));
        if level.id == rollup.id {
            from = from.max(standing.floor);
        }
        if state.rollup_in(level.source).is_none() {
            frozen = frozen.max(standing.frozen);
        }
    }
    let frozen = up(frozen, every);
    let windows = changed.into_iter().filter_map(|it| {
        let start = it.start.div_euclid(every).saturating_mul(every).max(frozen);
        let end = up(it.end, every);
        (start < end).then_some(start..end)
    });
    let mut layout = layout::of(state, rollup)?;
    // A tag that came later than the last row of the rollup.
    let has = |tag: &String| table.schema().field_with_name(tag).is_ok();
    layout.tags.retain(has);
    Some(RollupView {
        name: rollup.name.clone(),
        every_nanos: every,
        layout,
        table,
        from: up(from, every),
        changed: union(windows.collect()),
    })
}

/// Ranges in order that neither overlap nor touch.
pub(crate) fn union(mut ranges: Vec<Range<i64>>) -> Vec<Range<i64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<i64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}
