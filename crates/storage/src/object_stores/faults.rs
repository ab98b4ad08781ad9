//! An object store that fails as stores on the network do: before or after the effect of a request,
//! with a refusal to be tried again, in the middle of a download, slowly, or for a while altogether.
//! What happens to which request follows from a seed.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::SplitMix64;
use tokio::time::Instant;

use crate::io::simulated::{Death, Life};

/// How often what goes wrong, of a thousand requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    /// Fails and has no effect.
    pub(crate) fails_before: u32,
    /// Has its effect, and its answer is lost.
    pub(crate) fails_after: u32,
    /// Is refused with "slow down", and has no effect.
    pub(crate) throttled: u32,
    /// A download ends early, with an error.
    pub(crate) truncated: u32,
    /// Takes up to ten seconds.
    pub(crate) slow: u32,
}

/// A store over which faults are laid, as one life of a program has it.
#[derive(Debug, Clone)]
pub(crate) struct FaultStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inner: Arc<dyn ObjectStore>,
    /// A program that has ended reaches nothing.
    life: Arc<Life>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: SplitMix64,
    rates: Rates,
    away_until: Option<Instant>,
    /// The program ends at this request, with its effect or without.
    death_in: Option<(u64, bool, Death)>,
}

/// What becomes of one request.
#[derive(Debug, Clone, Copy)]
struct Fate {
    delay: Duration,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passes,
    FailsBefore(&'static str),
    FailsAfter,
    Truncated,
    Dies { has_effect: bool, death: Death },
}

fn failure(what: &'static str) -> Error {
    Error::Generic {
        store: "FaultStore",
        source: what.into(),
    }
}

impl FaultStore {
    /// Lets everything pass until it is told otherwise.
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, life: Arc<Life>, seed: u64) -> Self {
        let state = Mutex::new(State {
            random: SplitMix64::seed_from_u64(seed),
            rates: Rates::default(),
            away_until: None,
            death_in: None,
        });
        Self(Arc::new(Shared { inner, life, state }))
    }

    pub(crate) fn set_rates(&self, rates: Rates) {
        self.0.state.lock().rates = rates;
    }

    /// Refuses every request for this long.
    pub(crate) fn go_away(&self, length: Duration) {
        self.0.state.lock().away_until = Some(Instant::now() + length);
    }

    /// Lets the program end at a request, counted from now on, starting at one.
    pub(crate) fn die_at(&self, request: u64, has_effect: bool, death: Death) {
        self.0.state.lock().death_in = Some((request, has_effect, death));
    }

    /// Takes back what was planned to go wrong.
    pub(crate) fn calm_down(&self) {
        let mut state = self.0.state.lock();
        state.rates = Rates::default();
        state.away_until = None;
        state.death_in = None;
    }

    async fn request<T>(&self, effect: impl Future<Output = Result<T>>) -> Result<T> {
        self.request_told(effect).await.map(|(result, _)| result)
    }

    /// Makes a request; tells on success whether its download is to be cut.
    async fn request_told<T>(
        &self,
        effect: impl Future<Output = Result<T>>,
    ) -> Result<(T, Outcome)> {
        let fate = self.0.state.lock().fate();
        if !fate.delay.is_zero() {
            tokio::time::sleep(fate.delay).await;
        }
        self.check_alive()?;
        match fate.outcome {
            Outcome::Passes | Outcome::Truncated => {
                let result = effect.await?;
                self.check_alive()?;
                Ok((result, fate.outcome))
            }
            Outcome::FailsBefore(what) => Err(failure(what)),
            Outcome::FailsAfter => {
                effect.await?;
                Err(failure("the answer was lost"))
            }
            Outcome::Dies { has_effect, death } => {
                if has_effect {
                    // Nobody is there to be told how it went.
                    drop(effect.await);
                }
                self.0.life.die(death);
                Err(failure("the program has ended"))
            }
        }
    }

    fn check_alive(&self) -> Result<()> {
        match self.0.life.is_alive() {
            true => Ok(()),
            false => Err(failure("the program has ended")),
        }
    }
}

impl State {
    /// Draws as often whatever happens, so that one fault more does not change all that follow.
    fn fate(&mut self) -> Fate {
        let (slow, chosen) = (
            self.random.random_range(0..1000),
            self.random.random_range(0..1000),
        );
        let millis = self.random.random_range(1..10_000);
        let delay = match slow < self.rates.slow {
            true => Duration::from_millis(millis),
            false => Duration::ZERO,
        };
        let outcome = self.outcome(chosen);
        Fate { delay, outcome }
    }

    fn outcome(&mut self, mut chosen: u32) -> Outcome {
        if let Some((request, has_effect, death)) = &mut self.death_in {
            *request -= 1;
            if *request == 0 {
                let outcome = Outcome::Dies {
                    has_effect: *has_effect,
                    death: *death,
                };
                self.death_in = None;
                return outcome;
            }
        }
        if self.away_until.is_some_and(|until| Instant::now() < until) {
            return Outcome::FailsBefore("the store cannot be reached");
        }
        let rates = self.rates;
        let outcomes = [
            (
                rates.fails_before,
                Outcome::FailsBefore("the connection was lost"),
            ),
            (rates.fails_after, Outcome::FailsAfter),
            (
                rates.throttled,
                Outcome::FailsBefore("503 Slow Down, after all retries"),
            ),
            (rates.truncated, Outcome::Truncated),
        ];
        for (rate, outcome) in outcomes {
            if chosen < rate {
                return outcome;
            }
            chosen -= rate;
        }
        Outcome::Passes
    }
}

impl fmt::Display for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultStore({})", self.0.inner)
    }
}

#[async_trait]
impl ObjectStore for FaultStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.request(self.0.inner.put_opts(location, payload, options))
            .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let begun = self.0.inner.put_multipart_opts(location, options);
        let upload = self.request(begun).await?;
        Ok(Box::new(FaultUpload {
            store: self.clone(),
            upload,
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let got = self.0.inner.get_opts(location, options);
        let (result, outcome) = self.request_told(got).await?;
        match outcome {
            Outcome::Truncated => Ok(cut(result)),
            _ => Ok(result),
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let got = self.0.inner.get_ranges(location, ranges);
        match self.request_told(got).await? {
            (_, Outcome::Truncated) => Err(failure("the download ended early")),
            (result, _) => Ok(result),
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .then(move |location| {
                let store = store.clone();
                async move {
                    let one = stream::iter([location]).boxed();
                    let mut deleted = store.0.inner.delete_stream(one);
                    let effect = async {
                        let deleted = deleted.next().await;
                        deleted.unwrap_or(Err(failure("nothing was deleted")))
                    };
                    store.request(effect).await
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), prefix.cloned());
        let listed = async move {
            let objects = store.0.inner.list(prefix.as_ref());
            let objects: Vec<_> = store.request(objects.try_collect()).await?;
            Ok::<_, Error>(stream::iter(objects).map(Ok))
        };
        stream::once(listed).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.request(self.0.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.request(self.0.inner.copy_opts(from, to, options))
            .await
    }
}

/// The first half of a download and then an error, as a client sees a connection that was lost.
fn cut(result: GetResult) -> GetResult {
    let half = (result.range.end - result.range.start) / 2;
    let (meta, range, attributes) = (
        result.meta.clone(),
        result.range.clone(),
        result.attributes.clone(),
    );
    let first = result.into_stream().map_ok(move |bytes| {
        let length = bytes.len().min(usize::try_from(half).unwrap_or(usize::MAX));
        bytes.slice(..length)
    });
    let lost = stream::iter([Err(failure("the download ended early"))]);
    GetResult {
        payload: GetResultPayload::Stream(first.take(1).chain(lost).boxed()),
        meta,
        range,
        attributes,
    }
}

#[derive(Debug)]
struct FaultUpload {
    store: FaultStore,
    upload: Box<dyn MultipartUpload>,
}

#[async_trait]
impl MultipartUpload for FaultUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (store, part) = (self.store.clone(), self.upload.put_part(data));
        Box::pin(async move { store.request(part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let store = self.store.clone();
        store.request(self.upload.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        let store = self.store.clone();
        store.request(self.upload.abort()).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;
    use crate::io::simulated::SimulatedDisk;

    fn store(rates: Rates) -> (Arc<InMemory>, FaultStore) {
        let inner = Arc::new(InMemory::new());
        let life = SimulatedDisk::new().mount();
        let store = FaultStore::new(Arc::clone(&inner) as _, life, 1);
        store.set_rates(rates);
        (inner, store)
    }

    #[tokio::test(start_paused = true)]
    async fn faults_have_the_effect_they_claim() {
        // Rates, whether the put is confirmed, whether it has its effect.
        let fails_before = Rates {
            fails_before: 1000,
            ..Rates::default()
        };
        let fails_after = Rates {
            fails_after: 1000,
            ..Rates::default()
        };
        let throttled = Rates {
            throttled: 1000,
            ..Rates::default()
        };
        let slow = Rates {
            slow: 1000,
            ..Rates::default()
        };
        let cases = [
            (Rates::default(), true, true),
            (fails_before, false, false),
            (fails_after, false, true),
            (throttled, false, false),
            (slow, true, true),
        ];
        for (rates, is_confirmed, has_effect) in cases {
            let (inner, store) = store(rates);
            let (name, start) = (Path::from("a"), Instant::now());
            let put = store.put(&name, PutPayload::from("content")).await;
            assert_eq!(put.is_ok(), is_confirmed, "{rates:?}");
            assert_eq!(inner.head(&name).await.is_ok(), has_effect, "{rates:?}");
            assert_eq!(start.elapsed().is_zero(), rates.slow == 0);
            let deleted = store.delete(&name).await;
            assert_eq!(deleted.is_ok(), is_confirmed, "{rates:?}");
            assert!(inner.head(&name).await.is_err(), "{rates:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn cut_downloads_are_errors_and_absence_ends() {
        let (inner, store) = store(Rates {
            truncated: 1000,
            ..Rates::default()
        });
        let name = Path::from("a");
        inner.put(&name, PutPayload::from("content")).await.unwrap();
        store.get(&name).await.unwrap().bytes().await.unwrap_err();
        store.set_rates(Rates::default());
        store.go_away(Duration::from_secs(3600));
        store.get(&name).await.unwrap_err();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let content = store.get(&name).await.unwrap().bytes().await.unwrap();
        assert_eq!(content, "content");
        store.die_at(1, true, Death::Kill);
        store
            .put(&name, PutPayload::from("last"))
            .await
            .unwrap_err();
        store.get(&name).await.unwrap_err();
        let left = inner.get(&name).await.unwrap().bytes().await.unwrap();
        assert_eq!(left, "last");
    }
}
