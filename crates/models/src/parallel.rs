//! Work shared between threads, with results in the order of the work.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `job(0) … job(count - 1)` on at most this many threads, each taking the next one that nobody has.
pub(crate) fn map<T: Send>(
    threads: usize,
    count: usize,
    job: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let threads = threads.min(count);
    if threads <= 1 {
        return (0..count).map(job).collect();
    }
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
    let work = || loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(result) = results.get(index) else {
            break;
        };
        let value = job(index);
        *result.lock().expect("nobody panics with it locked") = Some(value);
    };
    std::thread::scope(|scope| {
        (1..threads).for_each(|_| {
            scope.spawn(work);
        });
        work();
    });
    results
        .into_iter()
        .map(|result| {
            let result = result.into_inner().expect("nobody panics with it locked");
            result.expect("every job was taken by a thread that has ended")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_work() {
        for (threads, count) in [(1, 5), (2, 5), (8, 3), (3, 0)] {
            let expected: Vec<usize> = (0..count).map(|job| job * job).collect();
            assert_eq!(map(threads, count, |job| job * job), expected);
        }
    }
}
