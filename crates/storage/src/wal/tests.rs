//! Tests of the log as a whole, over a simulated disk and over a real directory.

mod crashes;
mod damage;
mod format;
mod running;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use parking_lot::Mutex;
use uuid::Uuid;

use super::log::Record;
use super::simulated::SimulatedDirectory;
use super::*;
use crate::io::LocalFileSystem;

const CLUSTER: Uuid = Uuid::from_u128(0x7d);

/// Small limits, so that few records reach them.
fn settings() -> Settings {
    Settings {
        segment_size: ByteSize::kib(4),
        group_bytes_max: ByteSize::kib(2),
        queue_bytes_max: ByteSize::kib(64),
        quota: ByteSize::mib(1),
        unsynced_age_max: Duration::MAX,
        retry_interval: Duration::ZERO,
        ..Settings::default()
    }
}

/// What a replay handed out: sequence numbers and payloads.
type Replay = BTreeMap<u64, Vec<u8>>;

fn reopen(
    disk: &Arc<SimulatedDirectory>,
    settings: Settings,
    applied_through: u64,
) -> Result<(Opened, Replay)> {
    let mut replay = Replay::new();
    let mut previous = applied_through;
    let opened = open_to_look(disk.mount(), CLUSTER, settings, applied_through, |record| {
        if record.sequence <= previous {
            return Err(format!("{} follows {previous}", record.sequence));
        }
        previous = record.sequence;
        replay.insert(record.sequence, record.payload.to_vec());
        Ok(())
    })?;
    Ok((opened, replay))
}

fn record(payload: impl Into<Vec<u8>>) -> Record {
    Record {
        kind: 1,
        payload: payload.into(),
    }
}

/// Keeps what was applied, in the order in which it was.
#[derive(Debug, Clone, Default)]
struct Applied(Arc<Mutex<Vec<(u64, u32)>>>);

impl Apply<u32> for Applied {
    fn apply(&mut self, sequence: u64, item: u32) {
        self.0.lock().push((sequence, item));
    }
}

fn entry(item: u32, durability: Durability) -> Entry<u32> {
    Entry {
        kind: 1,
        payload: item.to_le_bytes().to_vec(),
        item,
        durability,
    }
}
