//! A task as the statement that makes it.

use catalog::{Task, TaskOptions, TaskStatus, TaskTrigger};

/// When a task runs, as `CREATE TASK` has it.
pub(crate) fn schedule(trigger: &TaskTrigger) -> String {
    let with_offset = |schedule: String, offset: &Option<String>| match offset {
        None => schedule,
        Some(offset) => format!("{schedule} OFFSET {}", text(offset)),
    };
    match trigger {
        TaskTrigger::Every { length, offset } => {
            with_offset(format!("EVERY {}", text(length)), offset)
        }
        TaskTrigger::Cron {
            pattern,
            zone,
            offset,
        } => {
            let zone = zone
                .as_deref()
                .map(|zone| format!(" TIMEZONE {}", text(zone)));
            let zone = zone.unwrap_or_default();
            with_offset(format!("CRON {}{zone}", text(pattern)), offset)
        }
        TaskTrigger::Write { table, .. } => format!("ON WRITE TO {}", name(table)),
        other => unreachable!("the catalog has no trigger {other:?}"),
    }
}

/// The statement that would make a task as it is, or put it in the place of one of its name. What is as it
/// would be without a word is left out.
pub fn task_script(task: &Task, database: &str, or_replace: bool) -> String {
    let create = if or_replace {
        "CREATE OR REPLACE"
    } else {
        "CREATE"
    };
    let mut script = format!(
        "{create} TASK {} IN {} {}",
        name(&task.name),
        name(database),
        schedule(&task.trigger)
    );
    let (options, usual) = (&task.options, TaskOptions::default());
    if options.catch_up == u32::MAX {
        script += " CATCH UP ALL";
    } else if options.catch_up != usual.catch_up {
        script += &format!(" CATCH UP {}", options.catch_up);
    }
    if options.skips_overlap {
        script += " OVERLAP SKIP";
    }
    if options.retries != usual.retries {
        script += &format!(" RETRIES {}", options.retries);
    }
    if let Some(nanos) = options.timeout_nanos {
        let timeout = humantime::format_duration(std::time::Duration::from_nanos(nanos));
        script += &format!(" TIMEOUT '{timeout}'");
    }
    match options.disable_after {
        0 => script += " DISABLE NEVER",
        after if after != usual.disable_after => script += &format!(" DISABLE AFTER {after}"),
        _ => {}
    }
    if task.status != TaskStatus::Active {
        script += " PAUSED";
    }
    if !task.description.is_empty() {
        script += &format!(" COMMENT {}", text(&task.description));
    }
    format!("{script} AS {}", task.statement)
}

/// A name as SQL writes it.
fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL writes it.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
