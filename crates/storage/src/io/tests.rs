//! What the engine relies on, checked on the real file system and on the simulated one, and what only
//! the simulated one does: losing power.

use super::simulated::{Death, DeathPlan, Fault, Operation, SimulatedDisk};
use super::*;

fn create(files: &dyn FileSystem, path: &Path, content: &str) -> io::Result<()> {
    let file = files.create_file(path)?;
    write_all_at(file.as_ref(), 0, content.as_bytes())?;
    file.sync()
}

fn read(files: &dyn FileSystem, path: &Path) -> io::Result<String> {
    let file = files.open_to_read(path)?;
    let mut bytes = vec![0; file.metadata()?.size_bytes as usize + 1];
    let length = read_full_at(file.as_ref(), 0, &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

fn names(files: &dyn FileSystem, path: &Path) -> Vec<String> {
    let entries = files.list(path).unwrap();
    let mut names: Vec<_> = entries
        .into_iter()
        .map(|entry| match entry.is_directory {
            true => entry.name + "/",
            false => entry.name,
        })
        .collect();
    names.sort();
    names
}

#[test]
fn file_systems_conform() {
    let directory = tempfile::tempdir().unwrap();
    let disk = SimulatedDisk::new();
    let simulated = disk.mount();
    let cases: [(&dyn FileSystem, &Path); 2] = [
        (&LocalFileSystem, directory.path()),
        (simulated.as_ref(), Path::new("/")),
    ];
    for (files, root) in cases {
        names_behave(files, &root.join("names"));
        contents_behave(files, &root.join("contents"));
        locks_behave(files, &root.join("locks"));
    }
}

fn names_behave(files: &dyn FileSystem, root: &Path) {
    let kind = |result: io::Result<()>| result.unwrap_err().kind();
    let at = |name: &str| root.join(name);
    create_directory_durably(files, &at("a/b")).unwrap();
    create_directory_durably(files, &at("a/b")).unwrap();
    create(files, &at("a/one"), "1").unwrap();
    assert_eq!(names(files, &at("a")), ["b/", "one"]);
    assert_eq!(
        kind(create(files, &at("a/one"), "2")),
        io::ErrorKind::AlreadyExists
    );
    assert_eq!(
        kind(create(files, &at("c/one"), "2")),
        io::ErrorKind::NotFound
    );
    assert_eq!(
        kind(files.create_directory(&at("a"))),
        io::ErrorKind::AlreadyExists
    );

    files.hard_link(&at("a/one"), &at("a/two")).unwrap();
    let again = files.hard_link(&at("a/one"), &at("a/two"));
    assert_eq!(kind(again), io::ErrorKind::AlreadyExists);
    let inode = |name| files.metadata(&at(name)).unwrap().inode;
    assert_eq!(inode("a/one"), inode("a/two"));
    files.rename(&at("a/one"), &at("a/two")).unwrap();
    assert_eq!(
        names(files, &at("a")),
        ["b/", "one", "two"],
        "they were the same"
    );
    create(files, &at("a/three"), "3").unwrap();
    files.rename(&at("a/three"), &at("a/two")).unwrap();
    assert_eq!(names(files, &at("a")), ["b/", "one", "two"]);
    assert_eq!(read(files, &at("a/two")).unwrap(), "3");
    assert_eq!(
        kind(files.rename(&at("a/x"), &at("a/y"))),
        io::ErrorKind::NotFound
    );
    assert_eq!(kind(files.remove_file(&at("a/x"))), io::ErrorKind::NotFound);
    assert_eq!(
        kind(files.remove_directory(&at("a"))),
        io::ErrorKind::DirectoryNotEmpty
    );
    files.sync_directory(&at("a")).unwrap();
    assert_eq!(
        kind(files.sync_directory(&at("x"))),
        io::ErrorKind::NotFound
    );
    assert!(files.metadata(&at("a")).unwrap().is_directory);
    files.canonicalize(&at("a")).unwrap();
    remove_tree(files, &at("a")).unwrap();
    assert_eq!(names(files, root), [""; 0]);
    assert_eq!(
        files.list(&at("a")).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
}

fn contents_behave(files: &dyn FileSystem, root: &Path) {
    create_directory_durably(files, root).unwrap();
    let path = root.join("file");
    let file = files.create_file(&path).unwrap();
    file.allocate(6).unwrap();
    write_all_at(file.as_ref(), 4, b"efgh").unwrap();
    assert_eq!(read(files, &path).unwrap(), "\0\0\0\0efgh");
    file.truncate(6).unwrap();
    write_all_at(file.as_ref(), 0, b"abcd").unwrap();
    file.sync().unwrap();
    let again = files.open_to_write(&path).unwrap();
    write_all_at(again.as_ref(), 2, b"CD").unwrap();
    assert_eq!(read(files, &path).unwrap(), "abCDef");
    let metadata = file.metadata().unwrap();
    assert_eq!((metadata.size_bytes, metadata.is_directory), (6, false));
    assert_eq!(metadata.inode, files.metadata(&path).unwrap().inode);
    let mut buffer = [0; 4];
    assert_eq!(read_full_at(file.as_ref(), 4, &mut buffer).unwrap(), 2);
    assert_eq!(read_full_at(file.as_ref(), 9, &mut buffer).unwrap(), 0);
    // The content stays as long as somebody has it open.
    files.remove_file(&path).unwrap();
    assert_eq!(read_full_at(file.as_ref(), 0, &mut buffer).unwrap(), 4);
    assert_eq!(&buffer, b"abCD");
    let missing = files.open_to_write(&path).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
}

fn locks_behave(files: &dyn FileSystem, root: &Path) {
    create_directory_durably(files, root).unwrap();
    let path = root.join("lock");
    let held = files.lock(&path, Patience::Wait).unwrap();
    assert!(held.is_some());
    assert!(files.lock(&path, Patience::GiveUp).unwrap().is_none());
    drop(held);
    assert!(files.lock(&path, Patience::GiveUp).unwrap().is_some());
}

/// Writes `/d/f` with everything but the step that is left out, loses power so that nothing
/// unsynced survives, and returns what the next life finds.
fn survivor(without: Option<Operation>) -> Option<String> {
    let disk = SimulatedDisk::new();
    let files = disk.mount();
    let is_done = |step| without != Some(step);
    files.create_directory(Path::new("/d")).unwrap();
    if is_done(Operation::CreateDirectory) {
        files.sync_directory(Path::new("/")).unwrap();
    }
    let file = files.create_file(Path::new("/d/f")).unwrap();
    write_all_at(file.as_ref(), 0, b"content").unwrap();
    if is_done(Operation::Sync) {
        file.sync().unwrap();
    }
    if is_done(Operation::SyncDirectory) {
        files.sync_directory(Path::new("/d")).unwrap();
    }
    disk.lose_power(|| false);
    assert!(!files.is_alive());
    assert!(file.sync().is_err(), "the program has ended");
    read(disk.mount().as_ref(), Path::new("/d/f")).ok()
}

#[test]
fn only_what_was_synced_is_sure_to_survive() {
    assert_eq!(survivor(None).as_deref(), Some("content"));
    assert_eq!(survivor(Some(Operation::Sync)).as_deref(), Some(""));
    assert_eq!(survivor(Some(Operation::SyncDirectory)), None);
    assert_eq!(survivor(Some(Operation::CreateDirectory)), None);
}

#[test]
fn unsynced_sectors_survive_in_any_combination() {
    let mut found = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let disk = SimulatedDisk::new();
        let files = disk.mount();
        let file = files.create_file(Path::new("/f")).unwrap();
        file.allocate(1024).unwrap();
        file.sync().unwrap();
        files.sync_directory(Path::new("/")).unwrap();
        write_all_at(file.as_ref(), 0, &[b'x'; 1024]).unwrap();
        disk.die(Death::PowerLoss { seed });
        let left = read(disk.mount().as_ref(), Path::new("/f")).unwrap();
        let byte = |at: usize| left.as_bytes()[at] == b'x';
        found.insert((byte(0), byte(512)));
    }
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn failed_sync_loses_what_a_later_one_claims_to_have_written() {
    let disk = SimulatedDisk::new();
    let files = disk.mount();
    create(files.as_ref(), Path::new("/f"), "old").unwrap();
    files.sync_directory(Path::new("/")).unwrap();
    let file = files.open_to_write(Path::new("/f")).unwrap();
    write_all_at(file.as_ref(), 0, b"new").unwrap();
    disk.fail(Operation::Sync, 1, Fault::Error);
    file.sync().unwrap_err();
    file.sync().unwrap();
    assert_eq!(read(files.as_ref(), Path::new("/f")).unwrap(), "new");
    disk.lose_power(|| true);
    assert_eq!(read(disk.mount().as_ref(), Path::new("/f")).unwrap(), "old");
}

#[test]
fn program_ends_at_the_planned_operation_with_or_without_its_effect() {
    for has_effect in [false, true] {
        let disk = SimulatedDisk::new();
        let files = disk.mount();
        let lock = files.lock(Path::new("/lock"), Patience::GiveUp).unwrap();
        disk.die_at(DeathPlan {
            operation: 2,
            has_effect,
            death: Death::Kill,
        });
        files.create_directory(Path::new("/a")).unwrap();
        files.create_directory(Path::new("/b")).unwrap_err();
        files.create_directory(Path::new("/c")).unwrap_err();
        let next = disk.mount();
        let expected: &[&str] = match has_effect {
            true => &["a/", "b/", "lock"],
            false => &["a/", "lock"],
        };
        assert_eq!(names(next.as_ref(), Path::new("/")), expected);
        let relocked = next.lock(Path::new("/lock"), Patience::GiveUp).unwrap();
        assert!(relocked.is_some(), "a dead program holds no lock");
        drop(lock);
        let third = next.lock(Path::new("/lock"), Patience::GiveUp).unwrap();
        assert!(third.is_none(), "a dead program's lock frees nothing");
    }
}

#[test]
fn full_and_read_only_volumes_refuse_what_they_must() {
    let disk = SimulatedDisk::new();
    let files = disk.mount();
    let file = files.create_file(Path::new("/f")).unwrap();
    file.allocate(8).unwrap();
    disk.set_full(true);
    assert_eq!(file.write_at(0, b"in place").unwrap(), 8);
    let kind = |result: io::Result<()>| result.unwrap_err().kind();
    let full = io::ErrorKind::StorageFull;
    assert_eq!(kind(write_all_at(file.as_ref(), 8, b"more")), full);
    assert_eq!(kind(create(files.as_ref(), Path::new("/g"), "")), full);
    files.remove_file(Path::new("/f")).unwrap();
    disk.set_full(false);
    disk.set_read_only(true);
    let read_only = io::ErrorKind::ReadOnlyFilesystem;
    assert_eq!(kind(create(files.as_ref(), Path::new("/g"), "")), read_only);
    assert_eq!(kind(write_all_at(file.as_ref(), 0, b"x")), read_only);
    assert_eq!(names(files.as_ref(), Path::new("/")), [""; 0]);
}
