//! The places that connections take: a bounded number, and who has to go when all are taken.
//!
//! ```text
//!          open()                 begin()                    last end()
//!  ─ wait ───────▶ idle, by age ───────────▶ at work ─────────────────────▶ idle, by age
//!      ▲                │ somebody waits: the oldest is told to close │ somebody waits: told to close
//!      └──── place ─────┴─────────────────────────────────────────────┘
//! ```
//!
//! Only where no request is at work: what is being answered is never cut off for somebody else.
//! Without this, as many idle connections as there are places would keep everybody out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The places of a listener.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    /// What tells a connection to close, by when it had nothing to do any more.
    by_age: BTreeMap<u64, CancellationToken>,
    count: u64,
    /// Whether somebody waits for a place.
    is_wanted: bool,
}

impl Places {
    pub(super) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))),
            idle: Mutex::default(),
        })
    }

    /// A place for a new connection, as soon as there is one.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.ask_for_one();
                let permit = Arc::clone(&self.free).acquire_owned().await;
                self.idle().is_wanted = false;
                permit.expect("the semaphore is never closed")
            }
        };
        let place = Place {
            places: Arc::clone(self),
            close: CancellationToken::new(),
            at_work: Mutex::new(AtWork::default()),
            _permit: permit,
        };
        place.rest(&mut place.at_work());
        place
    }

    /// Closes the connection that has been idle longest, or the next one that will be.
    fn ask_for_one(&self) {
        let mut idle = self.idle();
        match idle.by_age.pop_first() {
            Some((_, close)) => close.cancel(),
            None => idle.is_wanted = true,
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    close: CancellationToken,
    at_work: Mutex<AtWork>,
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug, Default)]
struct AtWork {
    requests: usize,
    /// Where it stands among the idle ones, while there is no request.
    age: Option<u64>,
}

impl Place {
    /// Resolves when the connection has to go.
    pub(super) fn closing(&self) -> impl Future<Output = ()> + use<> {
        self.close.clone().cancelled_owned()
    }

    /// Whether no request is at work.
    pub(super) fn is_idle(&self) -> bool {
        self.at_work().requests == 0
    }

    /// A request begins; it ends when this is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Request {
        let mut at_work = self.at_work();
        at_work.requests += 1;
        if let Some(age) = at_work.age.take() {
            self.places.idle().by_age.remove(&age);
        }
        drop(at_work);
        Request(Arc::clone(self))
    }

    /// Notes that there is nothing to do, or makes room for who waits.
    fn rest(&self, at_work: &mut AtWork) {
        let mut idle = self.places.idle();
        if std::mem::take(&mut idle.is_wanted) {
            self.close.cancel();
            return;
        }
        idle.count += 1;
        let age = idle.count;
        idle.by_age.insert(age, self.close.clone());
        at_work.age = Some(age);
    }

    fn at_work(&self) -> MutexGuard<'_, AtWork> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let age = self.at_work().age.take();
        if let Some(age) = age {
            self.places.idle().by_age.remove(&age);
        }
    }
}

/// A request at work on a connection.
#[derive(Debug)]
pub(super) struct Request(Arc<Place>);

impl Drop for Request {
    fn drop(&mut self) {
        let mut at_work = self.0.at_work();
        at_work.requests -= 1;
        if at_work.requests == 0 {
            self.0.rest(&mut at_work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the places has to go; `None` where nobody has to.
    fn told(places: &[&Place]) -> Option<usize> {
        let mut told = places.iter().enumerate();
        let found = told.find(|(_, place)| place.close.is_cancelled());
        found.map(|(at, _)| at)
    }

    #[tokio::test]
    async fn whoever_is_idle_longest_makes_room() {
        let places = Places::new(3);
        let (a, b, c) = (
            places.take().await,
            places.take().await,
            places.take().await,
        );
        let (a, b) = (Arc::new(a), Arc::new(b));
        // `b` has been idle longest once `a` has had a request.
        drop(a.begin());
        let mut next = Box::pin(places.take());
        assert!(futures::poll!(&mut next).is_pending());
        assert_eq!(told(&[&a, &b, &c]), Some(1));
        drop(b);
        next.await;
        assert_eq!(told(&[&a, &c]), None);
    }

    #[tokio::test]
    async fn what_is_at_work_is_done_before_it_makes_room() {
        let places = Places::new(1);
        let place = Arc::new(places.take().await);
        let (first, second) = (place.begin(), place.begin());
        let mut next = Box::pin(places.take());
        assert!(futures::poll!(&mut next).is_pending());
        drop(first);
        assert_eq!(told(&[&place]), None);
        drop(second);
        assert_eq!(told(&[&place]), Some(0));
        drop(place);
        next.await;
    }

    #[tokio::test]
    async fn nobody_has_to_go_for_who_does_not_wait_any_more() {
        let places = Places::new(1);
        let place = Arc::new(places.take().await);
        let request = place.begin();
        let mut next = Box::pin(places.take());
        assert!(futures::poll!(&mut next).is_pending());
        drop(next);
        drop(request);
        // It goes all the same, which costs a reconnect; but no more than one does.
        assert_eq!(told(&[&place]), Some(0));
        drop(place);
        let place = Arc::new(places.take().await);
        drop(place.begin());
        assert_eq!(told(&[&place]), None);
    }
}
