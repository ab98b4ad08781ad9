//! What a state says of its tables, held against itself.

use std::collections::HashSet;

use catalog::{ColumnKind, ColumnRef, Delete, FileRecord, State, Table};

use super::Report;

/// Checks what can be told without looking at any file.
pub(super) fn check(state: &State, report: &mut Report) {
    let mut paths = HashSet::new();
    for table in state.stored_tables() {
        for file in table.files() {
            if !paths.insert(file.path()) {
                report.damaged(file.path(), "the manifest names it twice");
            }
            if let Some(problem) = problem_of_file(state, table, file) {
                report.damaged(file.path(), problem);
            }
        }
        for delete in table.deletes() {
            if let Some(problem) = problem_of_delete(table, delete) {
                let place = format!(
                    "table {} (`{}`), delete {}",
                    table.id, table.name, delete.id
                );
                report.damaged(place, problem);
            }
        }
    }
}

fn problem_of_file(state: &State, table: &Table, file: &FileRecord) -> Option<String> {
    let window = file.partition_start..file.partition_end();
    let applied = state.wal_applied_through();
    if (file.database, file.table) != (table.database, table.id) {
        Some(format!(
            "the manifest names it as one of table {}",
            table.id
        ))
    } else if file.rows == 0 || file.time_min > file.time_max {
        Some("the manifest says that it has no rows".to_owned())
    } else if !window.contains(&file.time_min) || !window.contains(&file.time_max) {
        Some("its times are outside of its partition, says the manifest".to_owned())
    } else if file.id.first_sequence > file.id.last_sequence {
        Some("its sequence numbers end before they begin".to_owned())
    } else if file.id.last_sequence > applied {
        Some(format!(
            "it has rows of record {}, but the manifest says that files end at record {applied}",
            file.id.last_sequence
        ))
    } else {
        None
    }
}

fn problem_of_delete(table: &Table, delete: &Delete) -> Option<String> {
    let mut problem = None;
    delete.predicate.visit_columns(&mut |column| {
        let ColumnRef::Column(id) = column else {
            return;
        };
        match table.columns().get(usize::from(id.0)) {
            None => problem = Some(format!("it mentions column {}, which there is not", id.0)),
            Some(column) if column.kind != ColumnKind::Tag => {
                problem = Some(format!("it mentions field `{}`", column.name));
            }
            Some(_) => {}
        }
    });
    problem
}
