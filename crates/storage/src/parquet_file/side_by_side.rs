//! The columns of a file are encoded one by one, or several at a time.

use std::panic::resume_unwind;
use std::thread::Builder;

use parking_lot::Mutex;

/// Does this to every item on so many threads, this one included, and returns what came of it in the order
/// of the items; or a failure, after which some items are not begun.
///
/// New threads have the priority of this one. Where the system gives none, fewer do the work.
pub(super) fn side_by_side<T: Send, R: Send, E: Send>(
    items: impl ExactSizeIterator<Item = T> + Send,
    threads: usize,
    work: impl Fn(T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let others = threads.min(items.len()).saturating_sub(1);
    if others == 0 {
        return items.map(work).collect();
    }
    let mut results: Vec<Option<R>> = (0..items.len()).map(|_| None).collect();
    let waiting = Mutex::new(items.zip(&mut results));
    let work_on = || {
        loop {
            // The lock is held for taking an item only.
            let next = waiting.lock().next();
            let Some((item, result)) = next else {
                return Ok(());
            };
            *result = Some(work(item)?);
        }
    };
    std::thread::scope(|scope| {
        let spawn = |_| Builder::new().spawn_scoped(scope, work_on).ok();
        let others: Vec<_> = (0..others).filter_map(spawn).collect();
        let here = work_on();
        let there = others
            .into_iter()
            .map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        there.fold(here, Result::and)
    })?;
    drop(waiting);
    let results = results.into_iter();
    Ok(results
        .map(|result| result.expect("every item was taken, and none failed"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::side_by_side;

    #[test]
    fn results_are_in_order_however_many_threads_there_are() {
        for threads in [0, 1, 2, 3, 100] {
            for items in [0, 1, 2, 50] {
                let doubled = side_by_side(0..items, threads, |item| Ok::<_, ()>(item * 2));
                let expected: Vec<_> = (0..items).map(|item| item * 2).collect();
                assert_eq!(doubled, Ok(expected), "{items} items, {threads} threads");
            }
        }
    }

    #[test]
    fn a_failure_is_that_of_all() {
        for threads in [1, 2, 8] {
            let failed = side_by_side(0..50, threads, |item| match item {
                33 => Err("no"),
                item => Ok(item),
            });
            assert_eq!(failed, Err("no"), "{threads} threads");
        }
    }

    #[test]
    #[should_panic(expected = "of the work")]
    fn a_panic_is_not_lost() {
        let _ = side_by_side(0..50, 2, |item| {
            assert!(item != 33, "of the work");
            Ok::<_, ()>(())
        });
    }
}
