//! What is started when, by a clock that is set, and that no window is missed over crashes.

mod world;

use super::task::WRITES_GATHERED;
use super::*;
use crate::definition::Overlap;
use crate::schedule::Schedule;
use world::World;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;

fn task(id: u64) -> Definition {
    Definition {
        id: TaskId(id),
        trigger: Trigger::Schedule {
            schedule: Schedule::every("1m").unwrap(),
            offset: 0,
        },
        catch_up: 100,
        overlap: Overlap::Queue,
        retries: 0,
        disable_after: 0,
        is_active: true,
        since: 0,
    }
}

fn scheduler(tasks: impl IntoIterator<Item = Definition>, now: i64) -> Scheduler {
    let mut scheduler = Scheduler::new(2, RunId(0));
    for task in tasks {
        scheduler.put(task, None, now);
    }
    scheduler
}

/// The only run to begin at a time.
fn starts(scheduler: &mut Scheduler, now: i64) -> Vec<(u64, i64, i64)> {
    let starts = scheduler.next(now).starts;
    starts
        .iter()
        .map(|start| {
            (
                start.task.0,
                start.window.start / SECOND,
                start.window.stop / SECOND,
            )
        })
        .collect()
}

fn only_start(scheduler: &mut Scheduler, now: i64) -> Start {
    let starts = scheduler.next(now).starts;
    assert_eq!(starts.len(), 1, "{starts:?} at {now}");
    starts[0]
}

fn end(scheduler: &mut Scheduler, start: Start, outcome: Outcome, now: i64) -> Ended {
    scheduler.finished(start.run, outcome, now).unwrap()
}

const FAILED: Outcome = Outcome::Failed {
    is_transient: false,
};
const UNAVAILABLE: Outcome = Outcome::Failed { is_transient: true };

#[test]
fn a_window_runs_when_it_has_ended_and_its_offset_is_over() {
    let mut definition = task(1);
    definition.trigger = Trigger::Schedule {
        schedule: Schedule::every("1m").unwrap(),
        offset: 5 * SECOND,
    };
    let mut scheduler = scheduler([definition], 10 * SECOND);
    let actions = scheduler.next(10 * SECOND);
    assert_eq!(
        (actions.starts.len(), actions.wake_at),
        (0, Some(65 * SECOND))
    );
    assert_eq!(starts(&mut scheduler, 65 * SECOND - 1), []);
    assert_eq!(starts(&mut scheduler, 65 * SECOND), [(1, 0, 60)]);
    assert_eq!(
        starts(&mut scheduler, 130 * SECOND),
        [],
        "one run at a time"
    );
}

#[test]
fn a_task_begins_with_the_window_it_was_made_in() {
    let definition = Definition {
        since: 90 * SECOND,
        ..task(1)
    };
    let mut scheduler = scheduler([definition], 90 * SECOND);
    assert_eq!(starts(&mut scheduler, 90 * SECOND), []);
    assert_eq!(starts(&mut scheduler, 120 * SECOND), [(1, 60, 120)]);
}

#[test]
fn of_more_missed_windows_than_may_wait_the_oldest_are_skipped_and_noted() {
    let definition = Definition {
        catch_up: 3,
        ..task(1)
    };
    let mut scheduler = scheduler([definition], 0);
    let actions = scheduler.next(10 * MINUTE);
    let skipped = actions.skipped[0];
    assert_eq!(
        skipped.window,
        Window {
            start: 0,
            stop: 7 * MINUTE
        }
    );
    assert_eq!(skipped.progress.through, 7 * MINUTE);
    let mut start = actions.starts[0];
    for stop in [8, 9, 10] {
        assert_eq!(start.window.stop, stop * MINUTE);
        let ended = end(&mut scheduler, start, Outcome::Succeeded, 10 * MINUTE);
        assert_eq!(ended.progress.unwrap().through, stop * MINUTE);
        match scheduler.next(10 * MINUTE).starts.first() {
            Some(next) => start = *next,
            None => assert_eq!(stop, 10),
        }
    }
}

#[test]
fn a_task_that_lets_all_windows_wait_skips_none_however_long_it_fails() {
    let definition = Definition {
        catch_up: u32::MAX,
        ..task(1)
    };
    let mut scheduler = scheduler([definition], 0);
    let start = only_start(&mut scheduler, MINUTE);
    let ended = end(&mut scheduler, start, UNAVAILABLE, 5000 * MINUTE);
    assert!(ended.is_retried);
    let mut now = 6000 * MINUTE;
    for stop in 1..=6000 {
        let actions = scheduler.next(now);
        assert_eq!(actions.skipped, []);
        assert_eq!(actions.starts[0].window.stop, stop * MINUTE);
        now += 1;
        end(&mut scheduler, actions.starts[0], Outcome::Succeeded, now);
    }
    assert_eq!(scheduler.next(now).starts, []);
}

#[test]
fn windows_that_fall_due_during_a_run_wait_or_are_skipped() {
    for (overlap, expected) in [(Overlap::Queue, 2), (Overlap::Skip, 4)] {
        let mut scheduler = scheduler([Definition { overlap, ..task(1) }], 0);
        let start = only_start(&mut scheduler, MINUTE);
        let ended = end(&mut scheduler, start, Outcome::Succeeded, 3 * MINUTE + 1);
        let skipped = Window {
            start: MINUTE,
            stop: 3 * MINUTE,
        };
        let found = ended.skipped.map(|(_, window)| window);
        assert_eq!(found, (overlap == Overlap::Skip).then_some(skipped));
        let next = only_start(&mut scheduler, 4 * MINUTE);
        assert_eq!(next.window.stop, expected * MINUTE);
    }
}

#[test]
fn what_was_missed_before_a_run_began_is_caught_up_even_where_overlaps_are_skipped() {
    let mut scheduler = scheduler(
        [Definition {
            overlap: Overlap::Skip,
            ..task(1)
        }],
        0,
    );
    let start = only_start(&mut scheduler, 5 * MINUTE);
    let ended = end(&mut scheduler, start, Outcome::Succeeded, 7 * MINUTE);
    assert_eq!(ended.skipped, None);
    assert_eq!(
        only_start(&mut scheduler, 7 * MINUTE).window.stop,
        2 * MINUTE
    );
}

#[test]
fn a_failed_run_is_tried_again_after_pauses_that_double() {
    let mut scheduler = scheduler(
        [Definition {
            retries: 2,
            ..task(1)
        }],
        0,
    );
    let mut now = MINUTE;
    for (attempt, pause) in [(1, 1), (2, 2)] {
        let start = only_start(&mut scheduler, now);
        assert_eq!((start.attempt, start.window.stop), (attempt, MINUTE));
        let ended = end(&mut scheduler, start, FAILED, now);
        assert!(ended.is_retried && ended.progress.is_none());
        let actions = scheduler.next(now + pause * SECOND - 1);
        assert_eq!(
            (actions.starts.len(), actions.wake_at),
            (0, Some(now + pause * SECOND))
        );
        now += pause * SECOND;
    }
    let start = only_start(&mut scheduler, now);
    let ended = end(&mut scheduler, start, FAILED, now);
    assert!(!ended.is_retried);
    let progress = ended.progress.unwrap();
    assert_eq!((progress.through, progress.failures), (MINUTE, 1));
}

#[test]
fn what_is_nobodys_fault_is_tried_until_it_passes_and_disables_nothing() {
    let mut scheduler = scheduler(
        [Definition {
            disable_after: 1,
            ..task(1)
        }],
        0,
    );
    let mut now = MINUTE;
    for _ in 0..20 {
        let start = only_start(&mut scheduler, now);
        let ended = end(&mut scheduler, start, UNAVAILABLE, now);
        assert!(ended.is_retried && ended.disabled_after.is_none());
        now = scheduler.next(now).wake_at.unwrap();
    }
    let start = only_start(&mut scheduler, now);
    assert_eq!(start.window.stop, MINUTE);
    let ended = end(&mut scheduler, start, Outcome::Succeeded, now);
    assert_eq!(ended.progress.unwrap().failures, 0);
}

#[test]
fn so_many_failures_in_a_row_disable_a_task_until_it_is_resumed() {
    let definition = Definition {
        disable_after: 2,
        ..task(1)
    };
    let mut scheduler = scheduler([definition.clone()], 0);
    for (minute, disabled) in [(1, None), (2, Some(2))] {
        let start = only_start(&mut scheduler, minute * MINUTE);
        let ended = end(&mut scheduler, start, FAILED, minute * MINUTE);
        assert_eq!(ended.disabled_after, disabled);
    }
    assert_eq!(starts(&mut scheduler, 4 * MINUTE), []);
    assert_eq!(scheduler.status(TaskId(1)).unwrap().state, State::Paused);
    scheduler.put(definition, None, 4 * MINUTE);
    let resumed = only_start(&mut scheduler, 4 * MINUTE);
    assert_eq!(resumed.window.stop, 3 * MINUTE, "nothing was lost");
    let ended = end(&mut scheduler, resumed, FAILED, 4 * MINUTE);
    assert_eq!(ended.disabled_after, None, "it is counted anew");
}

#[test]
fn a_run_that_was_asked_for_is_no_progress_and_happens_while_the_task_is_paused() {
    let mut scheduler = scheduler(
        [Definition {
            is_active: false,
            ..task(1)
        }],
        0,
    );
    let now = 150 * SECOND;
    assert_eq!(starts(&mut scheduler, now), []);
    let Request::Accepted(run) = scheduler.request(TaskId(1), None, now) else {
        panic!("it is there");
    };
    let start = only_start(&mut scheduler, now);
    assert_eq!((start.run, start.cause), (run, Cause::Request));
    assert_eq!(
        start.window,
        Window {
            start: MINUTE,
            stop: 2 * MINUTE
        }
    );
    let ended = end(&mut scheduler, start, FAILED, now);
    assert_eq!((ended.progress, ended.is_retried), (None, false));
    let window = Window { start: 7, stop: 9 };
    assert!(matches!(
        scheduler.request(TaskId(1), Some(window), now),
        Request::Accepted(_)
    ));
    assert_eq!(only_start(&mut scheduler, now).window, window);
    assert_eq!(scheduler.request(TaskId(2), None, now), Request::NoSuchTask);
    for _ in 0..REQUESTS_MAX {
        assert!(matches!(
            scheduler.request(TaskId(1), None, now),
            Request::Accepted(_)
        ));
    }
    assert_eq!(scheduler.request(TaskId(1), None, now), Request::TooMany);
}

#[test]
fn only_so_many_run_at_a_time_and_all_get_their_turn() {
    let mut scheduler = scheduler((1..=4).map(task), 0);
    let actions = scheduler.next(3 * MINUTE);
    let mut running: VecDeque<_> = actions.starts.into();
    let mut begun: Vec<u64> = running.iter().map(|start| start.task.0).collect();
    while let Some(start) = running.pop_front() {
        end(&mut scheduler, start, Outcome::Succeeded, 3 * MINUTE);
        let next = scheduler.next(3 * MINUTE).starts;
        running.extend(&next);
        begun.extend(next.iter().map(|start| start.task.0));
        assert!(running.len() <= 2);
    }
    assert_eq!(begun, [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
}

#[test]
fn writes_are_gathered_into_runs() {
    let trigger = Trigger::Write { after: 4 };
    let definition = Definition { trigger, ..task(1) };
    let mut scheduler = scheduler([definition.clone()], 0);
    let id = TaskId(1);
    let window = |start, stop| Window { start, stop };
    scheduler.written(id, window(0, 99), 4, 0);
    assert_eq!(scheduler.next(0).wake_at, None, "that was before its time");
    scheduler.written(id, window(50, 60), 5, 0);
    scheduler.written(id, window(20, 30), 6, 1);
    let actions = scheduler.next(2);
    assert_eq!(
        (actions.starts.len(), actions.wake_at),
        (0, Some(WRITES_GATHERED))
    );
    let start = only_start(&mut scheduler, WRITES_GATHERED);
    assert_eq!((start.window, start.cause), (window(20, 60), Cause::Write));
    scheduler.written(id, window(20, 60), 6, WRITES_GATHERED);
    scheduler.written(id, window(70, 71), 7, WRITES_GATHERED);
    assert_eq!(starts(&mut scheduler, SECOND), []);
    let ended = end(&mut scheduler, start, Outcome::Succeeded, SECOND);
    assert_eq!(ended.progress.unwrap().through, 6);
    assert_eq!(only_start(&mut scheduler, SECOND).window, window(70, 71));
    // After a crash what is not done with is told again.
    let mut restarted = Scheduler::new(1, RunId(0));
    restarted.put(definition, Some(ended.progress.unwrap()), 0);
    restarted.written(id, window(20, 60), 6, 0);
    assert_eq!(restarted.next(0).wake_at, None);
    restarted.written(id, window(50, 71), 7, 0);
    assert_eq!(only_start(&mut restarted, SECOND).window, window(50, 71));
}

#[test]
fn writes_that_a_run_failed_on_are_tried_again_before_others() {
    let trigger = Trigger::Write { after: 0 };
    let mut scheduler = scheduler(
        [Definition {
            trigger,
            retries: 1,
            ..task(1)
        }],
        0,
    );
    let (id, first, second) = (
        TaskId(1),
        Window { start: 1, stop: 2 },
        Window { start: 8, stop: 9 },
    );
    scheduler.written(id, first, 1, 0);
    let start = only_start(&mut scheduler, SECOND);
    scheduler.written(id, second, 2, SECOND);
    assert!(end(&mut scheduler, start, FAILED, SECOND).is_retried);
    assert_eq!(starts(&mut scheduler, SECOND), []);
    let again = only_start(&mut scheduler, 2 * SECOND);
    assert_eq!((again.window, again.attempt), (first, 2));
    assert_eq!(
        end(&mut scheduler, again, FAILED, 2 * SECOND)
            .progress
            .unwrap()
            .through,
        1
    );
    assert_eq!(only_start(&mut scheduler, 2 * SECOND).window, second);
}

#[test]
fn writes_are_not_forgotten_when_a_task_is_paused_under_its_run() {
    let trigger = Trigger::Write { after: 0 };
    let definition = Definition { trigger, ..task(1) };
    let mut scheduler = scheduler([definition.clone()], 0);
    let window = Window { start: 1, stop: 2 };
    scheduler.written(TaskId(1), window, 1, 0);
    let start = only_start(&mut scheduler, SECOND);
    let paused = Definition {
        is_active: false,
        ..definition.clone()
    };
    scheduler.put(paused, None, SECOND);
    assert_eq!(
        end(&mut scheduler, start, Outcome::Succeeded, SECOND).progress,
        None
    );
    assert_eq!(starts(&mut scheduler, 2 * SECOND), []);
    scheduler.put(definition, None, 2 * SECOND);
    assert_eq!(only_start(&mut scheduler, 2 * SECOND).window, window);
}

#[test]
fn a_clock_that_goes_back_far_does_not_stop_a_task() {
    let mut scheduler = scheduler([task(1)], 0);
    let year = 365 * 24 * 60 * MINUTE;
    let start = only_start(&mut scheduler, year);
    end(&mut scheduler, start, Outcome::Succeeded, year);
    for (back_to, expected) in [(10 * MINUTE, 11 * MINUTE), (2 * MINUTE, 3 * MINUTE)] {
        // What is under way ends first.
        for (start, _) in scheduler.runs() {
            end(&mut scheduler, start, Outcome::Succeeded, back_to);
        }
        assert_eq!(starts(&mut scheduler, back_to), []);
        assert_eq!(
            only_start(&mut scheduler, back_to + MINUTE).window.stop,
            expected
        );
    }
    // What is noted of a future that has not come counts no more after a restart either.
    let progress = Progress {
        through: year,
        failures: 0,
    };
    let mut restarted = Scheduler::new(1, RunId(0));
    restarted.put(task(1), Some(progress), 10 * MINUTE);
    assert_eq!(
        restarted.status(TaskId(1)).unwrap().next_at,
        Some(11 * MINUTE)
    );
}

#[test]
fn ids_of_runs_only_grow() {
    let mut scheduler = Scheduler::new(1, RunId(5 * MINUTE));
    scheduler.put(task(1), None, 0);
    let first = only_start(&mut scheduler, MINUTE);
    assert_eq!(first.run, RunId(5 * MINUTE + 1));
    end(&mut scheduler, first, Outcome::Succeeded, MINUTE);
    assert!(
        matches!(scheduler.request(TaskId(1), None, MINUTE), Request::Accepted(RunId(run)) if run == 5 * MINUTE + 2)
    );
}

#[test]
fn a_task_that_is_taken_away_under_a_run_leaves_nothing_behind() {
    let mut scheduler = scheduler([task(1)], 0);
    let start = only_start(&mut scheduler, MINUTE);
    scheduler.remove(TaskId(1));
    let ended = end(&mut scheduler, start, Outcome::Succeeded, MINUTE);
    assert_eq!((ended.progress, scheduler.is_empty()), (None, true));
    assert_eq!(scheduler.next(9 * MINUTE), Actions::default());
}

#[test]
fn idle_tasks_are_not_looked_at() {
    let mut scheduler = scheduler((1..=10_000).map(task), 0);
    assert_eq!(scheduler.next(SECOND).wake_at, Some(MINUTE));
    for second in 2..59 {
        scheduler.next(second * SECOND);
        assert!(scheduler.line.is_empty());
    }
}

/// Whatever happens, and whenever the process is killed: see [`World::check`].
#[test]
fn no_window_is_missed_and_none_is_wrong_over_crashes() {
    for seed in 0..300 {
        let mut world = World::new(seed);
        world.live();
        world.check();
    }
}
