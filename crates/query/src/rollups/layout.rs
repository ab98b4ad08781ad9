//! What the rows of a rollup hold, and what that is called.
//!
//! | column | what it is |
//! |---|---|
//! | `time` | the start of the window |
//! | tags | those that the rollup is by |
//! | `rows` | how many rows there were |
//! | `time_first`, `time_last` | their earliest and latest time, nanoseconds since 1970 |
//! | `v_count`, `v_sum`, `v_min`, `v_max` | of the field `v`, of the values that there are |
//! | `v_first`, `v_first_time`, `v_last`, `v_last_time` | its earliest and latest value, and when that was |
//! | `v_sketch` | a `percentile_agg` of it, as Base64 |
//!
//! Names are made of those of fields, so a field that comes later has its columns from then on.

use std::collections::HashSet;
use std::sync::Arc;

use catalog::{
    ColumnKind, FieldType, Rollup, RollupField, RollupFunction, State, TIME_COLUMN, Table,
};

use crate::error::{Error, Result};

/// How many rows there were.
pub(crate) const ROWS: &str = "rows";
/// The earliest time of a row.
pub(crate) const TIME_FIRST: &str = "time_first";
/// The latest.
pub(crate) const TIME_LAST: &str = "time_last";

/// What the rows of a rollup hold as of one state of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The tags that rows are by.
    pub(crate) tags: Vec<String>,
    pub(crate) fields: Vec<KeptField>,
}

/// What is kept of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptField {
    pub(crate) name: String,
    pub(crate) kind: FieldType,
    pub(crate) functions: Vec<RollupFunction>,
}

impl KeptField {
    /// The column for a function.
    pub(crate) fn column(&self, function: RollupFunction) -> String {
        format!("{}_{}", self.name, function.name())
    }

    /// The column for the time of `first` or `last`.
    pub(crate) fn time_column(&self, function: RollupFunction) -> String {
        format!("{}_time", self.column(function))
    }
}

/// The rollups between a rollup and its raw table, the finest last; none for one of raw rows.
pub(crate) fn finer<'a>(
    state: &'a State,
    rollup: &Rollup,
) -> impl Iterator<Item = &'a Arc<Rollup>> {
    let first = state.rollup_in(rollup.source);
    // A table is made after those that it sums up, so there is no circle; were there one, it ends here.
    std::iter::successors(first, |finer| state.rollup_in(finer.source)).take(LEVELS_MAX)
}

/// As many rollups may sum up one another.
pub(crate) const LEVELS_MAX: usize = 8;

/// The table of raw rows below a rollup, even if it was dropped.
pub(crate) fn raw_table<'a>(state: &'a State, rollup: &Rollup) -> Option<&'a Arc<Table>> {
    let finest = finer(state, rollup).last();
    state.stored_table(finest.map_or(rollup.source, |finest| finest.source))
}

/// What the rows of a rollup hold; `None` when its source is not there.
pub(crate) fn of(state: &State, rollup: &Rollup) -> Option<Layout> {
    let mut chain: Vec<&Rollup> = finer(state, rollup).map(|finer| &**finer).collect();
    let raw = raw_table(state, rollup)?;
    let mut layout = of_table(raw);
    chain.reverse();
    for level in chain.into_iter().chain([rollup]) {
        layout = narrowed(layout, level);
    }
    Some(layout)
}

/// Everything of a table: what a rollup keeps that says nothing else. Fields that are no numbers have all
/// that can be asked for, but are kept only if they are.
fn of_table(table: &Table) -> Layout {
    let fields = table.fields().filter_map(|column| match column.kind {
        ColumnKind::Field(kind) => Some(KeptField {
            name: column.name.to_string(),
            kind,
            functions: possible(kind),
        }),
        ColumnKind::Tag => None,
    });
    Layout {
        tags: table.tags().map(|tag| tag.name.to_string()).collect(),
        fields: fields.collect(),
    }
}

fn possible(kind: FieldType) -> Vec<RollupFunction> {
    let all = RollupFunction::ALL.into_iter();
    all.filter(|function| is_number(kind) || !function.needs_number())
        .collect()
}

fn is_number(kind: FieldType) -> bool {
    matches!(
        kind,
        FieldType::Float | FieldType::Integer | FieldType::UInteger
    )
}

fn narrowed(mut layout: Layout, rollup: &Rollup) -> Layout {
    if let Some(by) = &rollup.by {
        layout.tags.retain(|tag| by.contains(tag));
    }
    let wanted = |name: &str| rollup.fields.iter().find(|field| field.field == name);
    layout.fields.retain_mut(|field| match wanted(&field.name) {
        Some(wanted) => {
            let functions = &wanted.functions;
            field
                .functions
                .retain(|function| functions.contains(function));
            !field.functions.is_empty()
        }
        None => rollup.fields.is_empty() && is_number(field.kind),
    });
    layout
}

/// Fails unless the columns have names that differ.
pub(crate) fn check(layout: &Layout) -> Result<()> {
    let mut names: HashSet<String> = HashSet::new();
    let rows = [TIME_COLUMN, ROWS, TIME_FIRST, TIME_LAST].map(str::to_owned);
    let fields = layout.fields.iter().flat_map(columns_of);
    for name in rows
        .into_iter()
        .chain(layout.tags.iter().cloned())
        .chain(fields)
    {
        if !names.insert(name.clone()) {
            let problem = format!("it would have two columns '{name}'");
            return Err(Error::InvalidRollup { problem });
        }
    }
    Ok(())
}

fn columns_of(field: &KeptField) -> Vec<String> {
    let mut columns = Vec::new();
    for function in &field.functions {
        columns.push(field.column(*function));
        if matches!(function, RollupFunction::First | RollupFunction::Last) {
            columns.push(field.time_column(*function));
        }
    }
    columns
}

/// What a rollup that is asked for keeps, against the layout of its source: fails when it cannot.
pub(crate) fn check_fields(source: &Layout, fields: &[RollupField]) -> Result<()> {
    for RollupField { field, functions } in fields {
        let known = source.fields.iter().find(|known| known.name == *field);
        let known = known.ok_or_else(|| Error::InvalidRollup {
            problem: format!("its source has no field '{field}'"),
        })?;
        let missing = functions.iter().find(|it| !known.functions.contains(it));
        if let Some(missing) = missing {
            let problem = format!(
                "there is no {}({field}) to be had of its source",
                missing.name()
            );
            return Err(Error::InvalidRollup { problem });
        }
    }
    Ok(())
}

/// What can be kept of the rows of a table, of raw rows or of a rollup.
pub(crate) fn of_source(state: &State, table: &Table) -> Option<Layout> {
    match state.rollup_in(table.id) {
        Some(rollup) => of(state, rollup),
        None => Some(of_table(table)),
    }
}
