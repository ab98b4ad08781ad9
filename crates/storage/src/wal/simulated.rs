//! A directory on a simulated disk that fails on demand and loses what was not synced.
//!
//! Contents are kept twice: as the program sees them, and as they would be found after a power
//! failure. A sync copies the first to the second. At a power failure every 512-byte sector written
//! since the last sync, and every directory entry, survives or not as a seeded generator decides.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::files::{Directory, SegmentFile};

const SECTOR: usize = 512;

/// The operations that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Allocate,
    Write,
    Truncate,
    Sync,
    Remove,
    SyncDirectory,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// An I/O error. A failing write may have written a part, a failing sync has lost what was
    /// pending although the program goes on seeing it.
    Error,
    /// Every write takes only a part of what it is given, and says so.
    ShortWrites,
    /// There is no space left.
    Full,
}

#[derive(Debug, Default)]
pub(super) struct SimulatedDirectory {
    disk: Mutex<Disk>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Disk {
    files: Vec<Content>,
    /// Name to file as the program sees it, and as it is after a power failure.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    faults: Vec<(Operation, u64, Fault)>,
    is_short_writing: bool,
    is_full: bool,
    is_read_only: bool,
    operations: u64,
    fail_at: Option<(u64, Fault)>,
    syncs: u64,
    /// Syncs wait while this is set.
    is_sync_held: bool,
    syncs_waiting: u64,
    generation: u64,
}

#[derive(Debug, Default, Clone)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// A failed sync has dropped these sectors: no later sync writes them.
    dropped: Vec<bool>,
}

impl SimulatedDirectory {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Lets the next `times` operations of this kind fail.
    pub(super) fn fail(&self, operation: Operation, times: u64, fault: Fault) {
        self.disk.lock().faults.push((operation, times, fault));
    }

    /// Lets the operation with this number, counted from now over all kinds, fail.
    pub(super) fn fail_after(&self, operations: u64, fault: Fault) {
        let mut disk = self.disk.lock();
        disk.fail_at = Some((disk.operations + operations, fault));
    }

    pub(super) fn set_full(&self, is_full: bool) {
        self.disk.lock().is_full = is_full;
    }

    pub(super) fn set_read_only(&self, is_read_only: bool) {
        self.disk.lock().is_read_only = is_read_only;
    }

    pub(super) fn syncs(&self) -> u64 {
        self.disk.lock().syncs
    }

    /// Makes syncs wait until they are released.
    pub(super) fn hold_syncs(&self, hold: bool) {
        self.disk.lock().is_sync_held = hold;
        self.changed.notify_all();
    }

    /// Waits until a sync is being held.
    pub(super) fn wait_for_held_sync(&self) {
        let mut disk = self.disk.lock();
        while disk.syncs_waiting == 0 {
            self.changed.wait(&mut disk);
        }
    }

    /// The power fails: what was not synced survives in part, as `random` decides. Files that are
    /// still open fail from now on.
    pub(super) fn lose_power(&self, mut random: impl FnMut() -> bool) {
        let mut disk = self.disk.lock();
        let mut names = disk.durable_names.clone();
        let all: Vec<String> = disk.names.keys().chain(names.keys()).cloned().collect();
        for name in all {
            if random() {
                match disk.names.get(&name) {
                    Some(file) => names.insert(name, *file),
                    None => names.remove(&name),
                };
            }
        }
        for file in &mut disk.files {
            file.lose_power(&mut random);
        }
        disk.names = names.clone();
        disk.durable_names = names;
        disk.forget_programs();
    }

    /// The program is killed: everything it wrote stays. Its open files fail from now on.
    pub(super) fn kill(&self) {
        self.disk.lock().forget_programs();
    }

    pub(super) fn content(&self, name: &str) -> Vec<u8> {
        let disk = self.disk.lock();
        disk.files[disk.names[name]].seen.clone()
    }

    pub(super) fn set_content(&self, name: &str, content: Vec<u8>) {
        let mut disk = self.disk.lock();
        let file = Content {
            dropped: Vec::new(),
            durable: content.clone(),
            seen: content,
        };
        disk.files.push(file);
        let index = disk.files.len() - 1;
        disk.names.insert(name.into(), index);
        disk.durable_names.insert(name.into(), index);
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.disk.lock().names.keys().cloned().collect()
    }

    /// The directory for one life of a program.
    pub(super) fn mount(self: &Arc<Self>) -> Arc<dyn Directory> {
        let generation = self.disk.lock().generation;
        Arc::new(Mounted {
            disk: Arc::clone(self),
            generation,
        })
    }
}

impl Disk {
    fn forget_programs(&mut self) {
        self.generation += 1;
        self.faults.clear();
        self.fail_at = None;
        self.is_full = false;
        self.is_short_writing = false;
    }

    fn operate(&mut self, operation: Operation) -> io::Result<()> {
        self.operations += 1;
        let needs_space = matches!(operation, Operation::Create | Operation::Allocate);
        if self.is_read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        if self.is_full && needs_space {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let planned = self.faults.iter_mut().find(|fault| fault.0 == operation);
        let fault = match planned {
            Some((_, times, fault)) => {
                *times -= 1;
                let fault = *fault;
                self.faults.retain(|fault| fault.1 > 0);
                Some(fault)
            }
            None => (self.fail_at)
                .filter(|(at, _)| *at == self.operations)
                .map(|(_, fault)| fault),
        };
        match fault {
            None => Ok(()),
            Some(Fault::Error) => Err(io::Error::other("simulated I/O error")),
            Some(Fault::Full) => Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::ShortWrites) => {
                self.is_short_writing = true;
                Ok(())
            }
        }
    }

    fn file(&self, name: &str) -> io::Result<usize> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Content {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        self.seen[offset..end].copy_from_slice(bytes);
        let sectors = offset / SECTOR..end.div_ceil(SECTOR);
        for dropped in self
            .dropped
            .iter_mut()
            .take(sectors.end)
            .skip(sectors.start)
        {
            *dropped = false;
        }
    }

    fn sectors(&self) -> usize {
        self.seen.len().max(self.durable.len()).div_ceil(SECTOR)
    }

    /// Makes the pending sectors that `survives` names durable, and the size.
    fn settle(&mut self, mut survives: impl FnMut(usize) -> bool) {
        let sectors = self.sectors();
        self.durable.resize(self.seen.len(), 0);
        self.dropped.resize(sectors, false);
        for sector in 0..sectors {
            let start = sector * SECTOR;
            let end = (start + SECTOR).min(self.seen.len());
            if start < end && !self.dropped[sector] && survives(sector) {
                self.durable[start..end].copy_from_slice(&self.seen[start..end]);
            }
        }
    }

    fn lose_power(&mut self, random: &mut impl FnMut() -> bool) {
        if random() {
            // The new size reached the disk.
            self.settle(|_| random());
        }
        self.seen = self.durable.clone();
        self.dropped.clear();
    }

    fn fail_sync(&mut self) {
        let sectors = self.sectors();
        self.dropped.resize(sectors, false);
        let mut durable = self.durable.clone();
        durable.resize(self.seen.len(), 0);
        for sector in 0..sectors {
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(self.seen.len());
            if !range.is_empty() && self.seen[range.clone()] != durable[range] {
                self.dropped[sector] = true;
            }
        }
    }
}

/// The disk as one life of a program has it.
#[derive(Debug)]
struct Mounted {
    disk: Arc<SimulatedDirectory>,
    generation: u64,
}

impl Mounted {
    fn disk(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.disk.lock();
        match disk.generation == self.generation {
            true => Ok(disk),
            false => Err(io::Error::other("the program was killed")),
        }
    }

    fn operate(&self, operation: Operation) -> io::Result<MutexGuard<'_, Disk>> {
        let mut disk = self.disk()?;
        disk.operate(operation)?;
        Ok(disk)
    }

    fn file(&self, index: usize) -> Box<dyn SegmentFile> {
        Box::new(SimulatedFile {
            mounted: Self {
                disk: Arc::clone(&self.disk),
                generation: self.generation,
            },
            index,
        })
    }
}

impl Directory for Mounted {
    fn create(&self) -> io::Result<()> {
        self.operate(Operation::SyncDirectory).map(drop)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.disk()?.names.keys().cloned().collect())
    }

    fn read(&self, name: &str, limit: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        let disk = self.disk()?;
        let content = &disk.files[disk.file(name)?].seen;
        let length = content.len().min(limit.try_into().unwrap_or(usize::MAX));
        buffer.clear();
        buffer.extend_from_slice(&content[..length]);
        Ok(())
    }

    fn create_file(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        let mut disk = self.operate(Operation::Create)?;
        if disk.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        disk.files.push(Content::default());
        let index = disk.files.len() - 1;
        disk.names.insert(name.into(), index);
        Ok(self.file(index))
    }

    fn open_file(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        let disk = self.disk()?;
        match disk.is_read_only {
            true => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            false => Ok(self.file(disk.file(name)?)),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.operate(Operation::Remove)?;
        disk.file(name)?;
        disk.names.remove(name);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.operate(Operation::SyncDirectory)?;
        disk.durable_names = disk.names.clone();
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("simulated").join(name)
    }
}

#[derive(Debug)]
struct SimulatedFile {
    mounted: Mounted,
    index: usize,
}

impl SegmentFile for SimulatedFile {
    fn allocate(&mut self, size_bytes: u64) -> io::Result<()> {
        let mut disk = self.mounted.operate(Operation::Allocate)?;
        disk.files[self.index].seen.resize(size_bytes as usize, 0);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.mounted.disk()?;
        let result = disk.operate(Operation::Write);
        let is_partial = result.is_err() || disk.is_short_writing;
        let length = match is_partial {
            true => bytes.len().div_ceil(2),
            false => bytes.len(),
        };
        disk.files[self.index].write(offset as usize, &bytes[..length]);
        result.map(|()| length)
    }

    fn truncate(&mut self, size_bytes: u64) -> io::Result<()> {
        let mut disk = self.mounted.operate(Operation::Truncate)?;
        disk.files[self.index].seen.truncate(size_bytes as usize);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.mounted.disk()?;
        disk.syncs_waiting += 1;
        self.mounted.disk.changed.notify_all();
        while disk.is_sync_held {
            self.mounted.disk.changed.wait(&mut disk);
        }
        disk.syncs_waiting -= 1;
        disk.syncs += 1;
        let result = disk.operate(Operation::Sync);
        let file = &mut disk.files[self.index];
        match result {
            Ok(()) => file.settle(|_| true),
            Err(_) => file.fail_sync(),
        }
        result
    }
}
