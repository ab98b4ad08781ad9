//! A simulated disk that fails on demand and loses what was not synced.
//!
//! Contents and directories are kept twice: as programs see them, and as they would be found after a
//! power failure. A sync copies the first to the second. At a power failure every 512-byte sector
//! written since the last sync, every new size and every entry of a directory survives or not, each
//! by itself, as a seeded generator decides. A directory or file that no durable entry leads to is gone.
//!
//! A program has the disk for one [`Life`]. When the program is killed or the power fails, everything
//! it still tries fails, and the next life begins with what the disk holds.

mod content;
mod life;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Component, Path};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};
use rand::{Rng, SeedableRng};
use rand_xoshiro::SplitMix64;

use content::Content;
pub(crate) use life::Life;

/// The operations that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    CreateDirectory,
    Create,
    Allocate,
    Write,
    Truncate,
    Sync,
    Link,
    Rename,
    Remove,
    SyncDirectory,
    Read,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An I/O error. A failing write may have written a part, a failing sync has lost what was
    /// pending although the program goes on seeing it.
    Error,
    /// Every write takes only a part of what it is given, and says so.
    ShortWrites,
    /// There is no space left.
    Full,
}

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// It is killed: everything it wrote stays.
    Kill,
    /// The power fails; what survives of what was not synced follows from the seed.
    PowerLoss { seed: u64 },
}

/// When a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeathPlan {
    /// The operation of the disk, counted from now on, starting at one.
    pub(crate) operation: u64,
    /// Whether this operation still has its effect. The program does not learn of it.
    pub(crate) has_effect: bool,
    pub(crate) death: Death,
}

/// See the module documentation.
#[derive(Debug)]
pub(crate) struct SimulatedDisk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// By inode number; the first is the root.
    nodes: Vec<Node>,
    faults: Vec<(Operation, u64, Fault)>,
    fail_at: Option<(u64, Fault)>,
    death_at: Option<(u64, DeathPlan)>,
    is_short_writing: bool,
    is_full: bool,
    is_read_only: bool,
    operations: u64,
    syncs: u64,
    /// Syncs wait while this is set.
    is_sync_held: bool,
    syncs_waiting: u64,
    /// Lives so far; the last one may use the disk.
    generation: u64,
    /// How the last life ended.
    last_death: Option<Death>,
    /// Locked inodes.
    locks: HashMap<usize, u64>,
    locks_taken: u64,
}

#[derive(Debug)]
enum Node {
    File(Content),
    Directory(Names),
}

/// The entries of a directory as programs see them, and as they are after a power failure.
#[derive(Debug, Default)]
struct Names {
    seen: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
}

/// Whether an operation has its effect, and whether the program learns of it.
enum Verdict {
    Proceed,
    Die { has_effect: bool, death: Death },
}

impl SimulatedDisk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                nodes: vec![Node::Directory(Names::default())],
                faults: Vec::new(),
                fail_at: None,
                death_at: None,
                is_short_writing: false,
                is_full: false,
                is_read_only: false,
                operations: 0,
                syncs: 0,
                is_sync_held: false,
                syncs_waiting: 0,
                generation: 0,
                last_death: None,
                locks: HashMap::new(),
                locks_taken: 0,
            }),
            changed: Condvar::new(),
        })
    }

    /// The disk for the program that runs now.
    pub(crate) fn mount(self: &Arc<Self>) -> Arc<Life> {
        let generation = self.state.lock().generation;
        Arc::new(Life::new(Arc::clone(self), generation))
    }

    /// Lets the next `times` operations of this kind fail.
    pub(crate) fn fail(&self, operation: Operation, times: u64, fault: Fault) {
        self.state.lock().faults.push((operation, times, fault));
    }

    /// Lets the operation with this number, counted from now over all kinds, fail.
    pub(crate) fn fail_after(&self, operations: u64, fault: Fault) {
        let mut state = self.state.lock();
        state.fail_at = Some((state.operations + operations, fault));
    }

    /// Lets the program end at an operation.
    pub(crate) fn die_at(&self, plan: DeathPlan) {
        let mut state = self.state.lock();
        state.death_at = Some((state.operations + plan.operation, plan));
    }

    /// Takes back what was planned to go wrong.
    pub(crate) fn calm_down(&self) {
        self.state.lock().forget_plans();
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        self.state.lock().is_full = is_full;
    }

    pub(crate) fn set_read_only(&self, is_read_only: bool) {
        self.state.lock().is_read_only = is_read_only;
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.state.lock().syncs
    }

    /// Operations so far, over all lives.
    pub(crate) fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Makes syncs wait until they are released.
    pub(crate) fn hold_syncs(&self, hold: bool) {
        self.state.lock().is_sync_held = hold;
        self.changed.notify_all();
    }

    /// Waits until a sync is being held.
    pub(crate) fn wait_for_held_sync(&self) {
        let mut state = self.state.lock();
        while state.syncs_waiting == 0 {
            self.changed.wait(&mut state);
        }
    }

    /// Whether a sync is being held.
    pub(crate) fn is_holding_sync(&self) -> bool {
        self.state.lock().syncs_waiting > 0
    }

    /// The power fails: what was not synced survives in part, as `random` decides.
    pub(crate) fn lose_power(&self, mut random: impl FnMut() -> bool) {
        self.state.lock().lose_power(&mut random);
        self.changed.notify_all();
    }

    /// The program ends.
    pub(crate) fn die(&self, death: Death) {
        self.state.lock().die(death);
        self.changed.notify_all();
    }

    /// How the last life ended.
    pub(crate) fn last_death(&self) -> Death {
        self.state.lock().last_death.unwrap_or(Death::Kill)
    }

    /// What is in a file.
    pub(crate) fn content(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state.lock();
        let node = state.find(path)?;
        Ok(state.file(node)?.seen().to_vec())
    }

    /// Replaces a file, or makes it, durably.
    pub(crate) fn set_content(&self, path: &Path, content: Vec<u8>) -> io::Result<()> {
        let mut state = self.state.lock();
        let (parent, name) = state.place(path)?;
        let node = state.add(Node::File(Content::durable(content)));
        let names = state.names_mut(parent)?;
        names.seen.insert(name.clone(), node);
        names.durable.insert(name, node);
        Ok(())
    }

    /// The names in a directory; none if it does not exist.
    pub(crate) fn names(&self, path: &Path) -> Vec<String> {
        let state = self.state.lock();
        let names = state.find(path).and_then(|node| state.names(node));
        names.map_or(Vec::new(), |names| names.seen.keys().cloned().collect())
    }
}

fn bits(seed: u64) -> impl FnMut() -> bool {
    let mut random = SplitMix64::seed_from_u64(seed);
    move || random.next_u64() >> 63 == 1
}

impl State {
    fn forget_plans(&mut self) {
        self.faults.clear();
        self.fail_at = None;
        self.death_at = None;
        self.is_full = false;
        self.is_short_writing = false;
    }

    fn end_life(&mut self) {
        self.generation += 1;
        self.locks.clear();
        self.forget_plans();
    }

    fn die(&mut self, death: Death) {
        self.last_death = Some(death);
        match death {
            Death::Kill => self.end_life(),
            Death::PowerLoss { seed } => self.lose_power(&mut bits(seed)),
        }
    }

    fn lose_power(&mut self, random: &mut impl FnMut() -> bool) {
        for node in &mut self.nodes {
            match node {
                Node::File(content) => content.lose_power(random),
                Node::Directory(names) => names.lose_power(random),
            }
        }
        self.end_life();
    }

    /// Counts an operation and says what becomes of it.
    fn begin(&mut self, operation: Operation) -> io::Result<Verdict> {
        self.operations += 1;
        if let Some((at, plan)) = self.death_at
            && at == self.operations
        {
            let DeathPlan {
                has_effect, death, ..
            } = plan;
            return Ok(Verdict::Die { has_effect, death });
        }
        let is_reading = operation == Operation::Read;
        if self.is_read_only && !is_reading {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        use Operation::{Allocate, Create, CreateDirectory, Link, Rename};
        let needs_space = matches!(
            operation,
            Allocate | Create | CreateDirectory | Link | Rename
        );
        if self.is_full && needs_space {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match self.planned(operation) {
            None => {}
            Some(Fault::Error) => return Err(io::Error::other("simulated I/O error")),
            Some(Fault::Full) if is_reading => {}
            Some(Fault::Full) => return Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::ShortWrites) => self.is_short_writing = true,
        }
        Ok(Verdict::Proceed)
    }

    fn planned(&mut self, operation: Operation) -> Option<Fault> {
        let planned = self.faults.iter_mut().find(|fault| fault.0 == operation);
        if let Some((_, times, fault)) = planned {
            *times -= 1;
            let fault = *fault;
            self.faults.retain(|fault| fault.1 > 0);
            return Some(fault);
        }
        let (at, fault) = self.fail_at?;
        (at == self.operations).then_some(fault)
    }

    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// What is at a path.
    fn find(&self, path: &Path) -> io::Result<usize> {
        let mut node = 0;
        for name in components(path)? {
            let names = self.names(node)?;
            node = *names.seen.get(name).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    /// The directory that holds, or would hold, the last name of a path.
    fn place(&self, path: &Path) -> io::Result<(usize, String)> {
        let names = components(path)?;
        let (name, _) = names.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let parent = self.find(parent)?;
        self.names(parent)?;
        Ok((parent, (*name).to_owned()))
    }

    fn names(&self, node: usize) -> io::Result<&Names> {
        match &self.nodes[node] {
            Node::Directory(names) => Ok(names),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn names_mut(&mut self, node: usize) -> io::Result<&mut Names> {
        match &mut self.nodes[node] {
            Node::Directory(names) => Ok(names),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn file(&self, node: usize) -> io::Result<&Content> {
        match &self.nodes[node] {
            Node::File(content) => Ok(content),
            Node::Directory(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn file_mut(&mut self, node: usize) -> io::Result<&mut Content> {
        match &mut self.nodes[node] {
            Node::File(content) => Ok(content),
            Node::Directory(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }
}

/// The names on the way from the root to a path.
fn components(path: &Path) -> io::Result<Vec<&str>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::RootDir => {}
            Component::Normal(name) => {
                names.push(name.to_str().ok_or(io::ErrorKind::InvalidInput)?);
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    Ok(names)
}

impl Names {
    fn lose_power(&mut self, random: &mut impl FnMut() -> bool) {
        let all: Vec<String> = self
            .seen
            .keys()
            .chain(self.durable.keys())
            .cloned()
            .collect();
        for name in all {
            if self.seen.get(&name) != self.durable.get(&name) && random() {
                match self.seen.get(&name) {
                    Some(node) => self.durable.insert(name, *node),
                    None => self.durable.remove(&name),
                };
            }
        }
        self.seen = self.durable.clone();
    }
}
