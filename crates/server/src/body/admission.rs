//! Lets the bodies of writes in as there is room for them.
//!
//! A body that is refused has cost its sender, the network and this machine nearly as much as one that is
//! stored, and comes again. So a write for which there is no room waits for a moment before it is
//! read, in the order of arrival, while the transport holds its sender back; under more load than can be taken the
//! processor is left to what was let in.
//!
//! A body that was let in is promised the room that it declares. Who does not send it soon
//! loses the promise, so that a few who declare much and send little cannot keep others out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::error::Result;

/// How often the first of those that wait looks again.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long room is kept for what does not come.
const PROMISE_HELD: Duration = Duration::from_secs(1);

/// The door that bodies of writes come in by.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// Held by the one that looks for room; others queue for it.
    first: Mutex<()>,
    promised: Arc<AtomicU64>,
}

/// Room that is kept for the part of a body that has not come yet.
#[derive(Debug)]
pub(crate) struct Promise {
    all: Arc<AtomicU64>,
    bytes: u64,
    until: Instant,
}

impl Admission {
    /// Waits until there is room for a body of so many bytes, for `patience` at most, and keeps it.
    ///
    /// `room` is asked with the bytes that others were promised, and fails with what is to be answered.
    pub(crate) async fn enter(
        &self,
        patience: Duration,
        bytes: u64,
        room: impl Fn(u64) -> Result<()>,
    ) -> Result<Promise> {
        let deadline = Instant::now() + patience;
        let first = timeout_at(deadline, self.first.lock()).await;
        loop {
            match room(self.promised.load(Ordering::Relaxed)) {
                Ok(()) => return Ok(Promise::new(&self.promised, bytes)),
                Err(full) if first.is_err() || Instant::now() >= deadline => return Err(full),
                Err(_) => sleep(LOOK_EVERY).await,
            }
        }
    }
}

impl Promise {
    fn new(all: &Arc<AtomicU64>, bytes: u64) -> Self {
        all.fetch_add(bytes, Ordering::Relaxed);
        Self {
            all: Arc::clone(all),
            bytes,
            until: Instant::now() + PROMISE_HELD,
        }
    }

    /// So much more has come, and has its place in the budget.
    pub(super) fn came(&mut self, bytes: u64) {
        self.take(bytes.min(self.bytes));
    }

    /// Waits until the promise need not be kept any more, and breaks it. For ever once that is done.
    pub(super) async fn broken(&mut self) {
        if self.bytes == 0 {
            std::future::pending::<()>().await;
        }
        sleep_until(self.until).await;
        self.take(self.bytes);
    }

    fn take(&mut self, bytes: u64) {
        self.bytes -= bytes;
        self.all.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.take(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use bytesize::ByteSize;

    use super::*;
    use crate::error::Error;

    const PATIENCE: Duration = Duration::from_secs(2);

    fn busy() -> Error {
        Error::WritesBusy {
            limit: ByteSize::mib(1),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_waited_for_and_not_for_ever() {
        let (admission, has_room) = (Admission::default(), AtomicBool::new(false));
        let room = |_| {
            has_room
                .load(Ordering::Relaxed)
                .then_some(())
                .ok_or_else(busy)
        };
        let began = Instant::now();
        let refused = admission.enter(PATIENCE, 1, room).await;
        assert_eq!(refused.unwrap_err().reason(), "overloaded");
        assert!(began.elapsed() >= PATIENCE);
        let make_room = async {
            sleep(PATIENCE / 2).await;
            has_room.store(true, Ordering::Relaxed);
        };
        let (entered, ()) = tokio::join!(admission.enter(PATIENCE, 1, room), make_room);
        entered.unwrap();
        has_room.store(false, Ordering::Relaxed);
        let began = Instant::now();
        admission.enter(Duration::ZERO, 1, room).await.unwrap_err();
        assert_eq!(began.elapsed(), Duration::ZERO, "the impatient do not wait");
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_are_let_in_in_their_order() {
        let (admission, has_room) = (Admission::default(), AtomicBool::new(false));
        let order = std::sync::Mutex::new(Vec::new());
        // One at a time.
        let room = |promised| {
            let free = has_room.load(Ordering::Relaxed) && promised == 0;
            free.then_some(()).ok_or_else(busy)
        };
        let writer = async |name: u32| {
            sleep(Duration::from_millis(u64::from(name))).await;
            let promise = admission.enter(PATIENCE, 10, room).await.unwrap();
            order.lock().unwrap().push(name);
            sleep(Duration::from_millis(100)).await;
            drop(promise);
        };
        let opener = async {
            sleep(Duration::from_millis(500)).await;
            has_room.store(true, Ordering::Relaxed);
        };
        tokio::join!(writer(3), writer(1), writer(4), writer(2), opener);
        assert_eq!(*order.lock().unwrap(), [1, 2, 3, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn promises_end_as_the_body_comes_or_with_time_if_it_does_not() {
        let admission = Admission::default();
        let promised = || admission.promised.load(Ordering::Relaxed);
        let mut promise = admission.enter(PATIENCE, 100, |_| Ok(())).await.unwrap();
        promise.came(60);
        assert_eq!(promised(), 40);
        promise.came(60);
        assert_eq!(promised(), 0, "more came than was declared");
        let mut stalled = admission.enter(PATIENCE, 100, |_| Ok(())).await.unwrap();
        let dropped = admission.enter(PATIENCE, 5, |_| Ok(())).await.unwrap();
        assert_eq!(promised(), 105);
        drop(dropped);
        stalled.broken().await;
        assert_eq!(promised(), 0);
        drop(stalled);
        assert_eq!(promised(), 0);
    }
}
