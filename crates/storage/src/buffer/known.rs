//! What is known of the series of one table: their numbers, and which of their times have rows.
//!
//! It is kept in *generations*. Series are looked up in the current one, then in the one before, from
//! which they move over when they are seen again; what is still in the older one when the next
//! rotation comes is forgotten, without anybody having looked at it:
//!
//! ```text
//!            rotate                       rotate
//!  [ A B C D ] ─▶ previous [ A B C D ]     ─▶ forgotten: A D
//!                 current  [ B C E ]       ─▶ previous [ B C E ], current [ ]
//! ```
//!
//! Forgetting loses nothing but the claim that a row is new: a series that comes back starts with a
//! floor above every time that a forgotten series ever had. Buffered chunks refer to the keys of
//! their own generation, which live as long as the chunks do.
//!
//! The table is made for tens of millions of series. Memory that is not in a cache costs most of the
//! time there, so a batch is taken in passes of independent steps, whose misses overlap: hash all
//! keys, find all candidates by their hash, compare all of them.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::{HashSet, HashTable};
use std::hash::BuildHasher;

use super::chunk::time_bounds;
use super::keys::{Blocks, SeriesKeys};
use super::memory::{Account, Share};
use super::occupied::{Occupied, Runs, Taking};
use super::taken_times::TakenTimes;
use crate::series::SeriesKey;

/// A table keeps what is known of this many series without asking whether they are still in use.
const SERIES_KEPT: usize = 100_000;

/// The lookup table grows in this many independent parts: less to move at a time.
const SHARDS: usize = 16;

/// Occupied times grow in blocks of this many, which never move.
const OCCUPIED_PER_BLOCK: usize = 4096;

/// What one entry costs in `Generation::runs`, about.
const RUNS_BYTES: usize = size_of::<(u32, Box<Runs>)>() * 2 + size_of::<Runs>();

/// What the buffer knows of the series of one table.
#[derive(Debug)]
pub(super) struct KnownSeries {
    current: Generation,
    previous: Option<Generation>,
    /// The latest time that a series may have which is in neither generation.
    floor: i64,
    taken: TakenTimes,
    /// How many series the current generation had at its first flush: about as many as are in use.
    in_use: Option<usize>,
    /// No series was looked up since the last flush.
    is_idle: bool,
    hasher: RandomState,
    account: Account,
}

/// How much is to be forgotten after a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forget {
    /// Series of large tables that were not seen for a while.
    Idle,
    /// Everything: memory is short.
    All,
}

/// What was forgotten, to be dropped where nobody waits for it.
#[derive(Debug, Default)]
pub(crate) struct Forgotten(Vec<Generation>);

impl Forgotten {
    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }
}

impl KnownSeries {
    /// Nothing is known; files may hold times up to `latest_in_files`.
    pub(super) fn new(latest_in_files: i64, account: &Account) -> Self {
        Self {
            current: Generation::new(account),
            previous: None,
            floor: latest_in_files,
            taken: TakenTimes::up_to(latest_in_files),
            in_use: None,
            is_idle: false,
            hasher: RandomState::default(),
            account: account.clone(),
        }
    }

    /// The keys that the numbers handed out now belong to.
    pub(super) fn keys(&self) -> &Arc<SeriesKeys> {
        &self.current.keys
    }

    /// Series known, in both generations together.
    pub(super) fn len(&self) -> usize {
        self.current.len() + self.previous.as_ref().map_or(0, Generation::len)
    }

    /// The numbers of series in the current generation, new ones for those it does not have.
    pub(super) fn intern(&mut self, series: &[SeriesKey]) -> Vec<u32> {
        self.is_idle = false;
        let hash = |key: &SeriesKey| shortened(self.hasher.hash_one(key.as_bytes()));
        let hashes: Vec<u32> = series.iter().map(hash).collect();
        let keys = Arc::clone(&self.current.keys);
        let mut blocks = keys.write();
        let mut numbers = self.current.find_all(&blocks, series, &hashes);
        let missing = numbers.iter().filter(|number| number.is_none()).count();
        if missing > 0 {
            let known_before = self.known_before(series, &hashes, &numbers);
            let mut known_before = known_before.into_iter();
            for (at, number) in numbers.iter_mut().enumerate() {
                if number.is_some() {
                    continue;
                }
                let before = known_before.next().expect("one for each missing series");
                let (occupied, runs) = before.unwrap_or((Occupied::up_to(self.floor), None));
                let key = series[at].as_bytes();
                let new = self.current.insert(&mut blocks, hashes[at], key, occupied);
                if let (new, Some(runs)) = (new, runs) {
                    self.current.runs.insert(new, runs);
                }
                *number = Some(new);
            }
            blocks.settle();
            self.current.settle();
        }
        let numbers = numbers.into_iter();
        numbers
            .map(|number| number.expect("all were added"))
            .collect()
    }

    /// What the previous generation knows of the series that have no number.
    fn known_before(
        &mut self,
        series: &[SeriesKey],
        hashes: &[u32],
        numbers: &[Option<u32>],
    ) -> Vec<Option<(Occupied, Option<Box<Runs>>)>> {
        let missing = numbers.iter().enumerate().filter(|(_, n)| n.is_none());
        let Some(previous) = &mut self.previous else {
            return missing.map(|_| None).collect();
        };
        let keys = Arc::clone(&previous.keys);
        let blocks = keys.read();
        let known = |(at, _): (usize, _)| {
            let number = previous.find(&blocks, hashes[at], series[at].as_bytes())?;
            Some((
                *previous.occupied.get(number),
                previous.runs.remove(&number),
            ))
        };
        missing.map(known).collect()
    }

    /// Takes times for rows of the record `sequence`; tells for each whether its key is new for
    /// certain. `series` are numbers of the current generation.
    pub(super) fn take(&mut self, sequence: u64, series: &[u32], times: &[i64]) -> Vec<bool> {
        let current = &mut self.current;
        let (_, last) = time_bounds(times);
        current.latest = current.latest.max(last);
        let rows = series.iter().zip(times);
        let is_new = rows.map(|(&series, &time)| current.take(series, time, sequence));
        let mut is_new: Vec<bool> = is_new.collect();
        self.claim_free_times(series, times, &mut is_new);
        self.taken.take_all(times);
        is_new
    }

    /// Says of rows that their series is in doubt about that they are new all the same: no row of an earlier record has their time, and no
    /// row before them in this one has their key.
    fn claim_free_times(&self, series: &[u32], times: &[i64], is_new: &mut [bool]) {
        if is_new.iter().all(|is_new| *is_new) {
            return;
        }
        let rows = || series.iter().copied().zip(times.iter().copied());
        let claims = rows().zip(&*is_new);
        let claims: Vec<bool> = claims
            .map(|((_, time), is_new)| !is_new && self.taken.is_free(time))
            .collect();
        let count = claims.iter().filter(|claim| **claim).count();
        if count == 0 {
            return;
        }
        // All rows of a write that was overtaken may be here: sets that grow take longer than what is put into them.
        let mut in_doubt = HashSet::with_capacity_and_hasher(count, RandomState::default());
        let of_claims = rows().zip(&claims).filter(|(_, claim)| **claim);
        in_doubt.extend(of_claims.map(|((series, _), _)| series));
        let mut seen = HashSet::with_capacity_and_hasher(count, RandomState::default());
        for ((row, is_new), claim) in rows().zip(is_new).zip(claims) {
            if in_doubt.contains(&row.0) {
                *is_new |= seen.insert(row) && claim;
            }
        }
    }

    /// Forgets series after a flush. Takes no longer for many series than for few.
    pub(super) fn forget(&mut self, how_much: Forget) -> Forgotten {
        let len = self.current.len();
        let grew = self.in_use.is_some_and(|in_use| len >= 2 * in_use);
        let was_idle = std::mem::replace(&mut self.is_idle, true);
        match how_much {
            Forget::Idle if was_idle && len > SERIES_KEPT => self.forget(Forget::All),
            Forget::All => {
                let mut forgotten = self.rotate();
                forgotten.append(self.rotate());
                forgotten
            }
            Forget::Idle if grew && len > SERIES_KEPT => self.rotate(),
            Forget::Idle => {
                self.in_use.get_or_insert(len);
                self.forget_previous()
            }
        }
    }

    /// Begins a new generation.
    fn rotate(&mut self) -> Forgotten {
        let forgotten = self.forget_previous();
        let new = Generation::new(&self.account);
        self.previous = Some(std::mem::replace(&mut self.current, new));
        self.in_use = None;
        forgotten
    }

    /// The previous generation had a whole flush's time for its series to be seen again.
    fn forget_previous(&mut self) -> Forgotten {
        let forgotten = Vec::from_iter(self.previous.take());
        for generation in &forgotten {
            self.floor = self.floor.max(generation.latest);
        }
        Forgotten(forgotten)
    }
}

/// Series and their occupied times, by numbers of its own.
#[derive(Debug)]
struct Generation {
    keys: Arc<SeriesKeys>,
    shards: [HashTable<Slot>; SHARDS],
    occupied: OccupiedTimes,
    /// Of the few series whose rows overtake one another.
    runs: HashMap<u32, Box<Runs>>,
    /// The latest time of any row of its series.
    latest: i64,
    share: Share,
}

/// The hash is kept so that growing the table and passing over other series touches no key.
#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    number: u32,
}

impl Generation {
    fn new(account: &Account) -> Self {
        Self {
            keys: Arc::new(SeriesKeys::new(account)),
            shards: std::array::from_fn(|_| HashTable::new()),
            occupied: OccupiedTimes::default(),
            runs: HashMap::new(),
            latest: i64::MIN,
            share: account.share(),
        }
    }

    fn len(&self) -> usize {
        self.occupied.len
    }

    /// The numbers of those series that it has.
    fn find_all(&self, blocks: &Blocks, series: &[SeriesKey], hashes: &[u32]) -> Vec<Option<u32>> {
        let by_hash = |&hash: &u32| {
            let shard = &self.shards[shard_of(hash)];
            let found = shard.find(spread(hash), |slot| slot.hash == hash);
            found.map(|slot| slot.number)
        };
        let mut numbers: Vec<Option<u32>> = hashes.iter().map(by_hash).collect();
        for ((number, key), &hash) in numbers.iter_mut().zip(series).zip(hashes) {
            let key = key.as_bytes();
            if number.is_some_and(|number| blocks.key(number) != key) {
                // Another series with the same hash: rare, and this one may still be there.
                *number = self.find(blocks, hash, key);
            }
        }
        numbers
    }

    fn find(&self, blocks: &Blocks, hash: u32, key: &[u8]) -> Option<u32> {
        let is_it = |slot: &Slot| slot.hash == hash && blocks.key(slot.number) == key;
        let found = self.shards[shard_of(hash)].find(spread(hash), is_it);
        found.map(|slot| slot.number)
    }

    /// The number of a series; new, with these occupied times, unless the same batch added it.
    fn insert(&mut self, blocks: &mut Blocks, hash: u32, key: &[u8], occupied: Occupied) -> u32 {
        let entry = self.shards[shard_of(hash)].entry(
            spread(hash),
            |slot| slot.hash == hash && blocks.key(slot.number) == key,
            |slot| spread(slot.hash),
        );
        match entry {
            hashbrown::hash_table::Entry::Occupied(entry) => entry.get().number,
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let number = blocks.push(key);
                self.occupied.push(occupied);
                entry.insert(Slot { hash, number });
                number
            }
        }
    }

    fn take(&mut self, series: u32, time: i64, sequence: u64) -> bool {
        let occupied = self.occupied.get_mut(series);
        match occupied.take(time, sequence) {
            Taking::Free => true,
            Taking::PerhapsTaken => false,
            Taking::AskRuns => {
                let new = || Box::new(occupied.split());
                let runs = self.runs.entry(series).or_insert_with(new);
                runs.take(time, sequence)
            }
        }
    }

    /// Brings the account up to date.
    fn settle(&mut self) {
        let slots: usize = self.shards.iter().map(HashTable::capacity).sum();
        // Capacity is seven eighths of the slots, each with a control byte.
        let slots = slots * 8 / 7 * (size_of::<Slot>() + 1);
        let runs = self.runs.capacity() * RUNS_BYTES;
        self.share.set(slots + runs + self.occupied.size_bytes());
    }
}

/// Occupied times by series number.
#[derive(Debug, Default)]
struct OccupiedTimes {
    blocks: Vec<Vec<Occupied>>,
    len: usize,
}

impl OccupiedTimes {
    fn push(&mut self, occupied: Occupied) {
        if self.len.is_multiple_of(OCCUPIED_PER_BLOCK) {
            self.blocks.push(Vec::new());
        }
        let last = self.blocks.last_mut().expect("one was just made if needed");
        last.push(occupied);
        self.len += 1;
    }

    fn get(&self, series: u32) -> &Occupied {
        let series = series as usize;
        &self.blocks[series / OCCUPIED_PER_BLOCK][series % OCCUPIED_PER_BLOCK]
    }

    fn get_mut(&mut self, series: u32) -> &mut Occupied {
        let series = series as usize;
        &mut self.blocks[series / OCCUPIED_PER_BLOCK][series % OCCUPIED_PER_BLOCK]
    }

    fn size_bytes(&self) -> usize {
        let open = self.blocks.last().map_or(0, Vec::capacity);
        let full = self.blocks.len().saturating_sub(1) * OCCUPIED_PER_BLOCK;
        (full + open) * size_of::<Occupied>()
    }
}

/// 32 bits of a hash: with ten million series, one lookup in four hundred meets another series with
/// the same ones.
fn shortened(hash: u64) -> u32 {
    (hash >> 32) as u32 ^ hash as u32
}

/// The hash as the table wants it: it takes its bits from both ends.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn shard_of(hash: u32) -> usize {
    hash as usize >> (u32::BITS - SHARDS.ilog2())
}

#[cfg(test)]
mod tests;
