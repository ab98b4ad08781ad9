//! The simulated disk as one life of a program has it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::*;
use crate::io::{Entry, FileSystem, Lock, Metadata, OpenFile, Patience};

/// See the module documentation.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    disk: Arc<SimulatedDisk>,
    generation: u64,
}

impl Life {
    pub(super) fn new(disk: Arc<SimulatedDisk>, generation: u64) -> Self {
        Self { disk, generation }
    }

    /// Whether the program still runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.disk.state.lock().generation == self.generation
    }

    /// The program ends, if it has not yet.
    pub(crate) fn die(&self, death: Death) {
        if let Ok(mut state) = self.state() {
            state.die(death);
        }
        self.disk.changed.notify_all();
    }

    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        self.check(self.disk.state.lock())
    }

    fn check<'a>(&self, state: MutexGuard<'a, State>) -> io::Result<MutexGuard<'a, State>> {
        match state.generation == self.generation {
            true => Ok(state),
            false => Err(dead()),
        }
    }

    /// Carries an operation out, unless something else was planned for it.
    fn operate<T>(
        &self,
        operation: Operation,
        effect: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state()?;
        let verdict = state.begin(operation)?;
        self.conclude(&mut state, verdict, effect)
    }

    fn conclude<T>(
        &self,
        state: &mut State,
        verdict: Verdict,
        effect: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        match verdict {
            Verdict::Proceed => effect(state),
            Verdict::Die { has_effect, death } => {
                if has_effect {
                    // Nobody is there to be told how it went.
                    drop(effect(state));
                }
                state.die(death);
                self.disk.changed.notify_all();
                Err(dead())
            }
        }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.operate(Operation::Read, |state| {
            let node = state.find(path)?;
            state.file(node)?;
            Ok(self.handle(node))
        })
    }

    fn handle(&self, node: usize) -> Box<dyn OpenFile> {
        let life = self.clone();
        Box::new(SimulatedFile { life, node })
    }
}

fn dead() -> io::Error {
    io::Error::other("the program has ended")
}

impl State {
    fn metadata(&self, node: usize) -> Metadata {
        let (size, changes) = match &self.nodes[node] {
            Node::File(content) => (content.seen().len(), content.changes),
            Node::Directory(_) => (0, 0),
        };
        Metadata {
            is_directory: matches!(self.nodes[node], Node::Directory(_)),
            size_bytes: size as u64,
            modified: SystemTime::UNIX_EPOCH + Duration::from_micros(changes),
            inode: node as u64,
        }
    }

    fn insert(&mut self, path: &Path, node: usize) -> io::Result<()> {
        let (parent, name) = self.place(path)?;
        let names = self.names_mut(parent)?;
        if names.seen.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        names.seen.insert(name, node);
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        let (parent, name) = self.place(path)?;
        let names = self.names_mut(parent)?;
        names.seen.remove(&name).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }
}

impl FileSystem for Life {
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.state()?.find(path)?;
        Ok(path.to_owned())
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let state = self.state()?;
        Ok(state.metadata(state.find(path)?))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        self.operate(Operation::Read, |state| {
            let names = state.names(state.find(directory)?)?;
            let entry = |(name, node): (&String, &usize)| Entry {
                name: name.clone(),
                is_directory: matches!(state.nodes[*node], Node::Directory(_)),
            };
            Ok(names.seen.iter().map(entry).collect())
        })
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.operate(Operation::CreateDirectory, |state| {
            let node = state.add(Node::Directory(Names::default()));
            state.insert(path, node)
        })
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.operate(Operation::Remove, |state| {
            match state.names(state.find(path)?)?.seen.is_empty() {
                true => state.remove(path),
                false => Err(io::ErrorKind::DirectoryNotEmpty.into()),
            }
        })
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.operate(Operation::SyncDirectory, |state| {
            let node = state.find(path)?;
            let names = state.names_mut(node)?;
            names.durable = names.seen.clone();
            Ok(())
        })
    }

    fn create_file(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.operate(Operation::Create, |state| {
            let node = state.add(Node::File(Content::default()));
            state.insert(path, node)?;
            Ok(self.handle(node))
        })
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.open(path)
    }

    fn open_to_write(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        if self.state()?.is_read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.open(path)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operate(Operation::Link, |state| {
            let node = state.find(from)?;
            state.file(node)?;
            state.insert(to, node)
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operate(Operation::Rename, |state| {
            let node = state.find(from)?;
            let (parent, name) = state.place(to)?;
            let replaced = state.names_mut(parent)?.seen.insert(name, node);
            // Two names of one file: nothing happens.
            match replaced == Some(node) {
                true => Ok(()),
                false => state.remove(from),
            }
        })
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.operate(Operation::Remove, |state| {
            let node = state.find(path)?;
            state.file(node)?;
            state.remove(path)
        })
    }

    fn lock(&self, path: &Path, patience: Patience) -> io::Result<Option<Lock>> {
        let mut state = self.state()?;
        let node = match state.find(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                drop(state);
                self.create_file(path)?;
                state = self.state()?;
                state.find(path)?
            }
            found => found?,
        };
        while state.locks.contains_key(&node) {
            if patience == Patience::GiveUp {
                return Ok(None);
            }
            self.disk.changed.wait(&mut state);
            state = self.check(state)?;
        }
        state.locks_taken += 1;
        let number = state.locks_taken;
        state.locks.insert(node, number);
        let disk = Arc::clone(&self.disk);
        Ok(Some(Lock::new(HeldLock { disk, node, number })))
    }
}

#[derive(Debug)]
struct HeldLock {
    disk: Arc<SimulatedDisk>,
    node: usize,
    number: u64,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        let mut state = self.disk.state.lock();
        // After a death somebody else may have it.
        if state.locks.get(&self.node) == Some(&self.number) {
            state.locks.remove(&self.node);
        }
        self.disk.changed.notify_all();
    }
}

#[derive(Debug)]
struct SimulatedFile {
    life: Life,
    node: usize,
}

impl OpenFile for SimulatedFile {
    fn metadata(&self) -> io::Result<Metadata> {
        Ok(self.life.state()?.metadata(self.node))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.life.operate(Operation::Read, |state| {
            let seen = state.file(self.node)?.seen();
            let rest = seen.get(offset as usize..).unwrap_or_default();
            let length = rest.len().min(buffer.len());
            buffer[..length].copy_from_slice(&rest[..length]);
            Ok(length)
        })
    }

    fn allocate(&self, size_bytes: u64) -> io::Result<()> {
        self.life.operate(Operation::Allocate, |state| {
            state.file_mut(self.node)?.allocate(size_bytes as usize);
            Ok(())
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let offset = offset as usize;
        let mut state = self.life.state()?;
        let size = state.file(self.node)?.seen().len();
        let is_out_of_space = state.is_full && offset + bytes.len() > size;
        let verdict = match state.begin(Operation::Write) {
            Ok(Verdict::Proceed) if is_out_of_space => Err(io::ErrorKind::StorageFull.into()),
            verdict => verdict,
        };
        let is_whole = matches!(verdict, Ok(Verdict::Proceed)) && !state.is_short_writing;
        let length = match is_whole {
            true => bytes.len(),
            false => bytes.len().div_ceil(2),
        };
        let write = |state: &mut State| {
            state.file_mut(self.node)?.write(offset, &bytes[..length]);
            Ok(length)
        };
        match verdict {
            Err(error) if state.is_read_only => Err(error),
            Err(error) => {
                write(&mut state)?;
                Err(error)
            }
            Ok(verdict) => self.life.conclude(&mut state, verdict, write),
        }
    }

    fn truncate(&self, size_bytes: u64) -> io::Result<()> {
        self.life.operate(Operation::Truncate, |state| {
            state.file_mut(self.node)?.truncate(size_bytes as usize);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.life.state()?;
        state.syncs_waiting += 1;
        self.life.disk.changed.notify_all();
        while state.is_sync_held && state.generation == self.life.generation {
            self.life.disk.changed.wait(&mut state);
        }
        state.syncs_waiting -= 1;
        state = self.life.check(state)?;
        state.syncs += 1;
        let sync = |state: &mut State| {
            state.file_mut(self.node)?.sync();
            Ok(())
        };
        match state.begin(Operation::Sync) {
            Ok(verdict) => self.life.conclude(&mut state, verdict, sync),
            Err(error) => {
                state.file_mut(self.node)?.fail_sync();
                Err(error)
            }
        }
    }
}
