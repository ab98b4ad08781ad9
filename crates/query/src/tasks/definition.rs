//! From the record of a task to what the scheduler knows of it.

use automation::{Definition, Overlap, Schedule, TaskId, Trigger};
use catalog::{State, Task, TaskStatus, TaskTrigger};

/// What the scheduler is told. A task of a database that was dropped waits until that is brought back.
pub(super) fn of(task: &Task, state: &State) -> Result<Definition, automation::Error> {
    let is_live = state.database_of(task.database).is_some();
    let options = &task.options;
    Ok(Definition {
        id: TaskId(task.id.0),
        trigger: trigger(&task.trigger)?,
        catch_up: options.catch_up,
        overlap: match options.skips_overlap {
            true => Overlap::Skip,
            false => Overlap::Queue,
        },
        retries: options.retries,
        disable_after: options.disable_after,
        is_active: is_live && task.status == TaskStatus::Active,
        since: task.created_at_nanos,
    })
}

/// What the words for a trigger mean.
pub(crate) fn trigger(trigger: &TaskTrigger) -> Result<Trigger, automation::Error> {
    let (schedule, offset) = match trigger {
        TaskTrigger::Every { length, offset } => (Schedule::every(length)?, offset),
        TaskTrigger::Cron {
            pattern,
            zone,
            offset,
        } => (Schedule::cron(pattern, zone.as_deref())?, offset),
        TaskTrigger::Write { after, .. } => {
            let after = i64::try_from(*after).unwrap_or(i64::MAX);
            return Ok(Trigger::Write { after });
        }
        other => unreachable!("the catalog has no trigger {other:?}"),
    };
    let offset = offset.as_deref().map(automation::length).transpose()?;
    Ok(Trigger::Schedule {
        schedule,
        offset: offset.unwrap_or(0),
    })
}
