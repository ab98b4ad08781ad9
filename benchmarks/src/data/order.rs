//! Lines that come late. Which lines there are does not change, only their order.
//!
//! Without a delay it is done as in the iot case of the Time Series Benchmark Suite: a line is held
//! back with probability `share`, and after each line one that was held back is let go with
//! probability 0.5; whole batches of ten likewise, with probability 0.05. Lines then move by some
//! dozens of places, which with many series is hardly more than an interval.
//!
//! With a delay a line is held back with probability `share` and comes when the data's time has
//! gone on by a time drawn evenly from (0, delay]: what a gateway does that was without network.

use std::collections::{BTreeMap, VecDeque};

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

use super::{Line, Lines, stream_generator};

const BATCH: usize = 10;
const BATCH_HELD: f64 = 0.05;
const LET_GO: f64 = 0.5;

/// Purpose of the stream's generator of disorder.
const ORDER: u32 = 2;

/// How much of the data comes late.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Disorder {
    /// Share of the lines that are held back, 0 to 1.
    pub(crate) share: f64,
    /// Longest delay; 0 is the suite's way of holding back.
    pub(crate) delay_ns: i64,
}

impl Disorder {
    /// Every line in its place.
    pub(crate) const NONE: Self = Self {
        share: 0.0,
        delay_ns: 0,
    };
}

type Held = (Vec<u8>, Line);

/// A stream of lines in another order.
pub(super) struct Disordered {
    source: Box<dyn Lines>,
    disorder: Disorder,
    random: Xoshiro256PlusPlus,
    /// Single lines held back, in the order they were.
    held: VecDeque<Held>,
    held_batches: VecDeque<Vec<Held>>,
    /// Lines by the time at which they are let go.
    due: BTreeMap<i64, Vec<Held>>,
    /// Lines on their way out.
    ready: VecDeque<Held>,
    source_ended: bool,
}

impl Disordered {
    pub(super) fn new(source: Box<dyn Lines>, disorder: Disorder, seed: u64) -> Self {
        Self {
            source,
            disorder,
            random: stream_generator(seed, ORDER),
            held: VecDeque::new(),
            held_batches: VecDeque::new(),
            due: BTreeMap::new(),
            ready: VecDeque::new(),
            source_ended: false,
        }
    }

    fn next_batch(&mut self) -> Vec<Held> {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            let mut bytes = Vec::with_capacity(256);
            match self.source.next_line(&mut bytes) {
                Some(line) => batch.push((bytes, line)),
                None => {
                    self.source_ended = true;
                    break;
                }
            }
        }
        batch
    }

    fn refill(&mut self) {
        let batch = self.next_batch();
        if self.disorder.delay_ns > 0 {
            self.delay(batch);
        } else {
            self.shuffle(batch);
        }
        if self.source_ended {
            self.ready.extend(self.held.drain(..));
            self.ready.extend(self.held_batches.drain(..).flatten());
            self.ready
                .extend(std::mem::take(&mut self.due).into_values().flatten());
        }
    }

    /// The suite's way.
    fn shuffle(&mut self, mut batch: Vec<Held>) {
        if self.random.random_bool(BATCH_HELD) {
            batch
                .iter_mut()
                .for_each(|(_, line)| line.is_delayed = true);
            self.held_batches.push_back(batch);
        } else {
            for held in batch {
                self.pass_or_hold(held);
                if !self.held.is_empty() && self.random.random_bool(LET_GO) {
                    self.ready.extend(self.held.pop_front());
                }
            }
        }
        if !self.held_batches.is_empty() && self.random.random_bool(LET_GO) {
            self.ready
                .extend(self.held_batches.pop_front().into_iter().flatten());
        }
    }

    fn pass_or_hold(&mut self, (bytes, mut line): Held) {
        if self.random.random_bool(self.disorder.share) {
            line.is_delayed = true;
            self.held.push_back((bytes, line));
        } else {
            self.ready.push_back((bytes, line));
        }
    }

    fn delay(&mut self, batch: Vec<Held>) {
        for (bytes, mut line) in batch {
            let later = self.due.split_off(&(line.time_ns + 1));
            let now_due = std::mem::replace(&mut self.due, later);
            self.ready.extend(now_due.into_values().flatten());
            if self.random.random_bool(self.disorder.share) {
                line.is_delayed = true;
                let at = line.time_ns + self.random.random_range(1..=self.disorder.delay_ns);
                self.due.entry(at).or_default().push((bytes, line));
            } else {
                self.ready.push_back((bytes, line));
            }
        }
    }
}

impl Lines for Disordered {
    fn next_line(&mut self, out: &mut Vec<u8>) -> Option<Line> {
        while self.ready.is_empty() && !self.source_ended {
            self.refill();
        }
        let (bytes, line) = self.ready.pop_front()?;
        out.extend_from_slice(&bytes);
        Some(line)
    }
}
