//! The threads of a replay: one reads segments and verifies frames, several decode records, and the
//! caller's applies what they stand for, in order.
//!
//! ```text
//!                 ┌─▶ decoder ─┐
//! reader ─ units ─┼─▶ decoder ─┼─▶ caller: in the order in which the reader found them
//!                 └─▶ decoder ─┘
//! ```
//!
//! A unit is some records of one segment. As many wait as [`UNITS_WAITING_MAX`] says, and each keeps
//! the bytes of its segment: what is in flight is bounded by that and by the two or three segments
//! that the units lie in. Whoever finds an error ends his part; the others notice that nobody takes
//! from them, or that nothing comes, and end theirs.

use std::num::NonZero;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use parking_lot::Mutex;

use super::super::ReplayedRecord;
use super::super::error::{Error, Result};
use super::Refusal;

/// Payload bytes of a unit, about: enough that handing it over costs nothing beside decoding it.
const UNIT_BYTES: usize = 1 << 20;

/// Units read and not applied. A decoded unit takes about as much memory as its bytes.
const UNITS_WAITING_MAX: usize = 24;

/// More decoders than this would wait for the reader or the caller.
const DECODERS_MAX: usize = 4;

/// What to do with records: decode them, on any thread, then apply them in order.
pub(in super::super) struct Visitor<'v, T> {
    pub(in super::super) decode: &'v (dyn Fn(ReplayedRecord<'_>) -> Result<T, Refusal> + Sync),
    pub(in super::super) apply: &'v mut dyn FnMut(u64, T) -> Result<(), Refusal>,
}

/// Where a record lies in its segment.
#[derive(Debug)]
pub(super) struct RecordPlace {
    pub(super) sequence: u64,
    pub(super) kind: u8,
    pub(super) payload: Range<usize>,
}

/// Records of one segment, in order.
#[derive(Debug)]
struct Unit {
    file: PathBuf,
    bytes: Arc<Vec<u8>>,
    records: Vec<RecordPlace>,
}

/// Its records decoded, up to the first that cannot be.
struct Decoded<T> {
    file: PathBuf,
    records: Vec<(u64, T)>,
    error: Option<Error>,
}

/// A unit to decode and where to put the result.
struct Job<T> {
    unit: Unit,
    answer: SyncSender<Decoded<T>>,
}

/// The reader's end: collects records into units.
pub(super) struct Units<'a> {
    dispatch: &'a mut dyn FnMut(Unit) -> Result<()>,
    current: Option<Unit>,
    current_bytes: usize,
}

impl Units<'_> {
    /// Begins a segment.
    pub(super) fn enter(&mut self, file: PathBuf, bytes: &Arc<Vec<u8>>) -> Result<()> {
        self.finish()?;
        self.current = Some(Unit {
            file,
            bytes: Arc::clone(bytes),
            records: Vec::new(),
        });
        Ok(())
    }

    /// Adds a record of the segment.
    pub(super) fn push(&mut self, record: RecordPlace) -> Result<()> {
        let unit = self.current.as_mut().expect("a segment was entered");
        self.current_bytes += record.payload.len();
        unit.records.push(record);
        if self.current_bytes < UNIT_BYTES {
            return Ok(());
        }
        let (file, bytes) = (unit.file.clone(), Arc::clone(&unit.bytes));
        self.enter(file, &bytes)
    }

    /// Hands out what was collected.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.current_bytes = 0;
        match self.current.take() {
            Some(unit) if !unit.records.is_empty() => (self.dispatch)(unit),
            _ => Ok(()),
        }
    }
}

/// Runs `read`, which hands records to its argument, and `visitor` on them. Returns what `read` does,
/// or the error of the first record that was refused.
pub(super) fn run<T: Send, R: Send>(
    visitor: Visitor<'_, T>,
    read: impl FnOnce(&mut Units<'_>) -> Result<R> + Send,
) -> Result<R> {
    let decoders = thread::available_parallelism().map_or(1, NonZero::get);
    let (jobs, waiting) = sync_channel::<Job<T>>(UNITS_WAITING_MAX);
    let (in_order, results) = sync_channel::<Receiver<Decoded<T>>>(UNITS_WAITING_MAX);
    let waiting = Arc::new(Mutex::new(waiting));
    let decode = visitor.decode;
    thread::scope(|scope| {
        for _ in 0..decoders.min(DECODERS_MAX) {
            let waiting = Arc::clone(&waiting);
            scope.spawn(move || decode_units(&waiting, decode));
        }
        // The decoders' own handles remain: when they have ended, the reader is told.
        drop(waiting);
        let reader = scope.spawn(move || {
            let mut dispatch = |unit| {
                let (answer, result) = sync_channel(1);
                let job = Job { unit, answer };
                // Nobody takes it any more: the caller has found an error, which is the one to report.
                jobs.send(job).map_err(|_| Error::Closed)?;
                in_order.send(result).map_err(|_| Error::Closed)
            };
            let mut units = Units {
                dispatch: &mut dispatch,
                current: None,
                current_bytes: 0,
            };
            let read = read(&mut units);
            // What comes before an error in the log comes first here, too.
            units.finish().and(read)
        });
        let applied = apply_units(results, visitor.apply);
        let read = reader.join();
        applied?;
        read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The body of a decoding thread.
fn decode_units<T>(
    jobs: &Mutex<Receiver<Job<T>>>,
    decode: &(dyn Fn(ReplayedRecord<'_>) -> Result<T, Refusal> + Sync),
) {
    loop {
        let job = jobs.lock().recv();
        let Ok(Job { unit, answer }) = job else {
            return;
        };
        // A caller that has found an error does not wait for more.
        let _ = answer.send(decode_unit(unit, decode));
    }
}

fn decode_unit<T>(
    unit: Unit,
    decode: &(dyn Fn(ReplayedRecord<'_>) -> Result<T, Refusal> + Sync),
) -> Decoded<T> {
    let mut records = Vec::with_capacity(unit.records.len());
    let mut error = None;
    for place in &unit.records {
        let record = ReplayedRecord {
            sequence: place.sequence,
            kind: place.kind,
            payload: &unit.bytes[place.payload.clone()],
        };
        match decode(record) {
            Ok(item) => records.push((place.sequence, item)),
            Err(source) => {
                error = Some(refused(&unit.file, place.sequence, source));
                break;
            }
        }
    }
    Decoded {
        file: unit.file,
        records,
        error,
    }
}

/// Applies units as they come. Taking no more of them, after an error, ends the other threads.
fn apply_units<T>(
    results: Receiver<Receiver<Decoded<T>>>,
    apply: &mut dyn FnMut(u64, T) -> Result<(), Refusal>,
) -> Result<()> {
    for result in results {
        // A decoder that panicked gives no answer; its panic is passed on when the threads end.
        let unit = result.recv().map_err(|_| Error::Closed)?;
        for (sequence, item) in unit.records {
            apply(sequence, item).map_err(|source| refused(&unit.file, sequence, source))?;
        }
        if let Some(error) = unit.error {
            return Err(error);
        }
    }
    Ok(())
}

fn refused(file: &std::path::Path, sequence: u64, source: Refusal) -> Error {
    Error::Replay {
        file: file.to_owned(),
        sequence,
        source: source.into(),
    }
}
