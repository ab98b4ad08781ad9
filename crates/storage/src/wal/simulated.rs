//! A log's directory on a disk of its own that is simulated.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::Directory;
use crate::io::create_directory_durably;
use crate::io::simulated::{Death, SimulatedDisk};
pub(super) use crate::io::simulated::{Fault, Operation};

const PATH: &str = "/simulated";

#[derive(Debug)]
pub(super) struct SimulatedDirectory(Arc<SimulatedDisk>);

impl SimulatedDirectory {
    pub(super) fn new() -> Arc<Self> {
        let disk = SimulatedDisk::new();
        create_directory_durably(disk.mount().as_ref(), Path::new(PATH)).unwrap();
        Arc::new(Self(disk))
    }

    fn path(name: &str) -> PathBuf {
        Path::new(PATH).join(name)
    }

    /// The directory for one life of a program.
    pub(super) fn mount(&self) -> Arc<Directory> {
        Arc::new(Directory::new(self.0.mount(), PATH))
    }

    /// The program is killed: everything it wrote stays. Its open files fail from now on.
    pub(super) fn kill(&self) {
        self.0.die(Death::Kill);
    }

    pub(super) fn content(&self, name: &str) -> Vec<u8> {
        self.0.content(&Self::path(name)).unwrap()
    }

    pub(super) fn set_content(&self, name: &str, content: Vec<u8>) {
        self.0.set_content(&Self::path(name), content).unwrap();
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.names(Path::new(PATH))
    }
}

/// Everything else is as on the disk.
impl std::ops::Deref for SimulatedDirectory {
    type Target = SimulatedDisk;

    fn deref(&self) -> &SimulatedDisk {
        &self.0
    }
}
