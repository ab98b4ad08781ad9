//! Threads for work that nobody waits for: encoding, merging. They yield to those that answer requests.
//!
//! A flush and a compaction together can use every core of a small machine for seconds. At the priority
//! of everything else a write that comes then waits for its share; at a lower one it hardly notices.

use std::num::NonZero;

use thread_priority::{ThreadPriority, set_current_thread_priority};
use tokio::runtime::Runtime;

use crate::error::{Error, Result};

/// Threads at most: one for a flush, one for a compaction, and two for what they call in turn.
const THREADS_MAX: usize = 4;

/// Threads of one piece of work at most.
const WORK_THREADS_MAX: usize = 4;

/// Runs work that may block or compute for long.
#[derive(Debug)]
pub(crate) struct Background {
    /// Only its threads for blocking work are used. `None`: those of the caller's runtime are.
    own: Option<Runtime>,
}

impl Background {
    /// With threads that are this much nicer than others, from 0 to 19. With 0 the threads of the
    /// caller's runtime are used.
    pub(crate) fn new(niceness: u8) -> Result<Self> {
        if niceness == 0 {
            return Ok(Self { own: None });
        }
        let priority = priority(niceness);
        let own = tokio::runtime::Builder::new_current_thread()
            .thread_name("background")
            .max_blocking_threads(THREADS_MAX)
            .on_thread_start(move || {
                // Not every platform and sandbox allows it; the work is done all the same.
                if let Err(error) = set_current_thread_priority(priority) {
                    tracing::debug!(
                        ?error,
                        "background threads run at the priority of all others"
                    );
                }
            })
            .build()
            .map_err(Error::Threads)?;
        Ok(Self { own: Some(own) })
    }

    /// How many threads one piece of work may use: all cores but on a large machine, where others
    /// need them too.
    pub(crate) fn threads() -> usize {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        cores.min(WORK_THREADS_MAX)
    }

    /// Runs this and waits for it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let done = match &self.own {
            Some(own) => own.handle().spawn_blocking(work),
            None => tokio::task::spawn_blocking(work),
        };
        done.await.map_err(|_| Error::ShuttingDown)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(own) = self.own.take() {
            // Waiting for it would block a thread of the caller's runtime.
            own.shutdown_background();
        }
    }
}

/// The crate counts from 0, the nicest, to 99, and maps that evenly to what the system counts from 19
/// down to -20.
fn priority(niceness: u8) -> ThreadPriority {
    let above_nicest = 19 - u32::from(niceness.min(19));
    let value = above_nicest * 99 / 39;
    u8::try_from(value)
        .ok()
        .and_then(|value| value.try_into().ok())
        .map_or(ThreadPriority::Min, ThreadPriority::Crossplatform)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// The 19th field of `stat`, counted after the name, which may hold spaces.
    #[expect(
        clippy::disallowed_methods,
        reason = "asks the system about this thread, no data is read"
    )]
    fn niceness_of_this_thread() -> String {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').nth(16).unwrap().to_owned()
    }

    #[tokio::test]
    async fn work_runs_at_the_niceness_asked_for() {
        let here = niceness_of_this_thread();
        for (niceness, expected) in [(0, here.as_str()), (10, "10"), (1, "1"), (19, "19")] {
            let background = Background::new(niceness).unwrap();
            let seen = background.run(niceness_of_this_thread).await.unwrap();
            assert_eq!(seen, expected);
        }
    }
}
