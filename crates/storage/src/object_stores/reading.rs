//! The reading side of the local store: objects, ranges of them, and listings sorted by name, as S3's
//! are, at the cost of holding one in memory.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use object_store::path::Path;
use object_store::{
    Attributes, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, ObjectMeta,
    Result,
};

use tokio::task::spawn_blocking;

use super::local::STORE;
use super::staging::STAGING;
use crate::io::{FileSystem, Metadata, OpenFile, read_full_at};

/// What is read at once of an object that is read as a stream; it bounds the memory that takes.
const CHUNK_BYTES: usize = 8 << 20;

/// What is read where the caller runs, if it is in memory: copying it takes less time than handing the
/// work to another thread and getting it back.
const AT_ONCE_BYTES_MAX: u64 = 256 << 10;

/// The file of an object.
pub(super) fn file_of(root: &FilePath, location: &Path) -> Result<PathBuf> {
    let mut path = root.to_owned();
    for part in location.parts() {
        // `Path` encodes these; nothing may ever lead out of the root.
        if matches!(part.as_ref(), "" | "." | "..") || part.as_ref().contains('/') {
            return Err(Error::NotSupported {
                source: format!("`{location}` cannot be the name of a file").into(),
            });
        }
        path.push(part.as_ref());
    }
    Ok(path)
}

/// Changes whenever the object does.
pub(super) fn e_tag(metadata: &Metadata) -> String {
    let modified = metadata.modified.duration_since(SystemTime::UNIX_EPOCH);
    let micros = modified.unwrap_or_default().as_micros();
    let (inode, size) = (metadata.inode, metadata.size_bytes);
    format!("{inode:x}-{micros:x}-{size:x}")
}

fn object_meta(location: Path, metadata: &Metadata) -> ObjectMeta {
    ObjectMeta {
        location,
        last_modified: metadata.modified.into(),
        size: metadata.size_bytes,
        e_tag: Some(e_tag(metadata)),
        version: None,
    }
}

/// What an error of the operating system means for the object at a path.
pub(super) fn failure(path: &FilePath, source: io::Error) -> Error {
    let (kind, path, source) = (source.kind(), path.display().to_string(), source.into());
    match kind {
        io::ErrorKind::NotFound => Error::NotFound { path, source },
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source },
        io::ErrorKind::PermissionDenied => Error::PermissionDenied { path, source },
        _ => Error::Generic {
            store: STORE,
            source,
        },
    }
}

/// Opens an object. A directory is none.
fn open(files: &dyn FileSystem, path: &FilePath) -> Result<(Box<dyn OpenFile>, Metadata)> {
    let opened = files.open_to_read(path).and_then(|file| {
        let metadata = file.metadata()?;
        match metadata.is_directory {
            true => Err(io::ErrorKind::NotFound.into()),
            false => Ok((file, metadata)),
        }
    });
    opened.map_err(|error| match error.kind() {
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
            failure(path, io::ErrorKind::NotFound.into())
        }
        _ => failure(path, error),
    })
}

/// Opens the object, or the part of it that is asked for, and reads the beginning.
pub(super) fn get(
    files: &dyn FileSystem,
    path: &FilePath,
    location: Path,
    options: &GetOptions,
) -> Result<GetResult> {
    let (file, metadata) = open(files, path)?;
    let meta = object_meta(location, &metadata);
    options.check_preconditions(&meta)?;
    let range = match &options.range {
        None => 0..meta.size,
        Some(range) => bounded(range, meta.size)?,
    };
    let mut chunks = match options.head {
        true => Vec::new(),
        false => chunks(&range),
    }
    .into_iter();
    let first = chunks.next().map(|first| read(file.as_ref(), path, &first));
    let first = first.transpose()?;
    let file: Arc<dyn OpenFile> = file.into();
    let path = path.to_owned();
    let rest = stream::iter(chunks).then(move |chunk| {
        let (file, path) = (Arc::clone(&file), path.clone());
        async move { spawn_blocking(move || read(file.as_ref(), &path, &chunk)).await? }
    });
    Ok(GetResult {
        payload: GetResultPayload::Stream(stream::iter(first.map(Ok)).chain(rest).boxed()),
        meta,
        range,
        attributes: Attributes::new(),
    })
}

/// A range in pieces that are read at once.
fn chunks(range: &Range<u64>) -> Vec<Range<u64>> {
    let starts = range.clone().step_by(CHUNK_BYTES);
    let chunk = |start: u64| start..range.end.min(start + CHUNK_BYTES as u64);
    starts.map(chunk).collect()
}

pub(super) fn get_ranges(
    files: &dyn FileSystem,
    path: &FilePath,
    ranges: &[Range<u64>],
) -> Result<Vec<Bytes>> {
    let (file, metadata) = open(files, path)?;
    let read = |range: &Range<u64>| {
        let range = bounded(&GetRange::Bounded(range.clone()), metadata.size_bytes)?;
        read(file.as_ref(), path, &range)
    };
    ranges.iter().map(read).collect()
}

/// The same if all of it is in memory and not much; otherwise nothing, and nothing is said of errors.
pub(super) fn get_ranges_at_once(
    files: &dyn FileSystem,
    path: &FilePath,
    ranges: &[Range<u64>],
) -> Option<Vec<Bytes>> {
    let sizes = ranges
        .iter()
        .map(|range| range.end.saturating_sub(range.start));
    let size = sizes.fold(0u64, u64::saturating_add);
    if size > AT_ONCE_BYTES_MAX {
        return None;
    }
    let (file, _) = open(files, path).ok()?;
    let read = |range: &Range<u64>| {
        let size = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        let mut bytes = vec![0; size];
        let read = file.read_at_once(range.start, &mut bytes).ok()??;
        (read == size).then(|| bytes.into())
    };
    ranges.iter().map(read).collect()
}

fn bounded(range: &GetRange, size: u64) -> Result<Range<u64>> {
    range.as_range(size).map_err(|source| Error::Generic {
        store: STORE,
        source: Box::new(source),
    })
}

fn read(file: &dyn OpenFile, path: &FilePath, range: &Range<u64>) -> Result<Bytes> {
    let too_large = || failure(path, io::ErrorKind::FileTooLarge.into());
    let size = usize::try_from(range.end - range.start).map_err(|_| too_large())?;
    let mut bytes = vec![0; size];
    match read_full_at(file, range.start, &mut bytes) {
        Ok(read) if read == size => Ok(bytes.into()),
        Ok(_) => Err(failure(path, io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(failure(path, error)),
    }
}

/// All objects below a prefix.
pub(super) fn list(
    files: &dyn FileSystem,
    root: &FilePath,
    prefix: Option<&Path>,
) -> Result<Vec<ObjectMeta>> {
    let prefix = prefix.cloned().unwrap_or_default();
    let mut objects = Vec::new();
    let mut directories = vec![(file_of(root, &prefix)?, prefix)];
    while let Some((directory, location)) = directories.pop() {
        let level = read_level(files, &directory, &location)?;
        objects.extend(level.objects);
        directories.extend(level.directories);
    }
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(objects)
}

/// The objects and prefixes one level below a prefix.
pub(super) fn list_level(
    files: &dyn FileSystem,
    root: &FilePath,
    prefix: Option<&Path>,
) -> Result<ListResult> {
    let prefix = prefix.cloned().unwrap_or_default();
    let level = read_level(files, &file_of(root, &prefix)?, &prefix)?;
    let mut objects = level.objects;
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    let prefixes: BTreeSet<Path> = level.directories.into_iter().map(|(_, l)| l).collect();
    Ok(ListResult {
        objects,
        common_prefixes: prefixes.into_iter().collect(),
    })
}

#[derive(Default)]
struct Level {
    objects: Vec<ObjectMeta>,
    directories: Vec<(PathBuf, Path)>,
}

/// What one directory holds. One that is not there holds nothing, and what is removed while it is
/// read is not in it.
fn read_level(files: &dyn FileSystem, directory: &FilePath, location: &Path) -> Result<Level> {
    let entries = match files.list(directory) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Level::default());
        }
        entries => entries.map_err(|error| failure(directory, error))?,
    };
    let mut level = Level::default();
    for entry in entries {
        // What cannot be an object's name was put there by somebody else.
        let Ok(name) = Path::parse(&entry.name) else {
            continue;
        };
        let is_staging = location.as_ref().is_empty() && entry.name == STAGING;
        let parts = location.parts().chain(name.parts());
        let (path, location) = (directory.join(&entry.name), Path::from_iter(parts));
        match entry.is_directory {
            true if is_staging => {}
            true => level.directories.push((path, location)),
            false => match files.metadata(&path) {
                Ok(metadata) => level.objects.push(object_meta(location, &metadata)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failure(&path, error)),
            },
        }
    }
    Ok(level)
}
