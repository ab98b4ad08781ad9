//! Where a command's result goes: standard output or a file.
//!
//! A file appears under its name only once it is complete; until then it is a temporary neighbour, so
//! that a broken-off query never leaves half a result that looks like a whole one.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// Why a result could not be delivered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OutputError {
    #[error("cannot write {path:?}")]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot write to standard output")]
    Stdout { source: io::Error },
    #[error("the answer broke off before its end")]
    Answer { source: io::Error },
    #[error("this format is not for a terminal; name a file with --output")]
    BinaryToTerminal,
}

/// A place for a result.
#[derive(Debug)]
pub(crate) enum Output {
    /// Standard output.
    Stdout {
        /// Whether the last line gets its newline if the answer has none, as a shell expects of text.
        ends_with_newline: bool,
    },
    /// A file that takes its name at the end.
    File {
        /// The name it takes.
        path: PathBuf,
        /// Where it grows.
        partial: Partial,
    },
}

impl Output {
    /// Opens `path`, or standard output without one. Bytes that are not text do not go to a terminal.
    pub(crate) fn open(path: Option<&Path>, is_binary: bool) -> Result<Self, OutputError> {
        match path.filter(|path| *path != Path::new("-")) {
            None if is_binary && io::stdout().is_terminal() => Err(OutputError::BinaryToTerminal),
            None => Ok(Self::Stdout {
                ends_with_newline: !is_binary,
            }),
            Some(path) => {
                let partial = Partial::create(path).map_err(|source| OutputError::Write {
                    path: path.to_owned(),
                    source,
                })?;
                Ok(Self::File {
                    path: path.to_owned(),
                    partial,
                })
            }
        }
    }

    /// Passes everything from `answer` on, then completes the file. How many bytes it was.
    ///
    /// A reader of standard output that went away, such as `head`, is no error: it has enough.
    pub(crate) fn write_from(self, answer: impl Read) -> Result<u64, OutputError> {
        match self {
            Self::Stdout { ends_with_newline } => {
                match write_to(answer, &mut io::stdout().lock(), ends_with_newline) {
                    Ok(count) => Ok(count),
                    Err(CopyError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                        Ok(0)
                    }
                    Err(CopyError::Write(source)) => Err(OutputError::Stdout { source }),
                    Err(CopyError::Read(source)) => Err(OutputError::Answer { source }),
                }
            }
            Self::File { path, mut partial } => {
                let unwritable = |source| OutputError::Write {
                    path: path.clone(),
                    source,
                };
                let count = match write_to(answer, &mut partial.file, false) {
                    Ok(count) => count,
                    Err(CopyError::Write(source)) => return Err(unwritable(source)),
                    Err(CopyError::Read(source)) => return Err(OutputError::Answer { source }),
                };
                partial.complete(&path).map_err(unwritable)?;
                Ok(count)
            }
        }
    }
}

/// Prints lines to standard output.
pub(crate) fn print_lines(lines: &[String]) -> Result<(), OutputError> {
    let mut text = lines.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    Output::Stdout {
        ends_with_newline: true,
    }
    .write_from(text.as_bytes())
    .map(drop)
}

/// Which side of a copy failed.
enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

/// `io::copy`, except that it tells the two sides' errors apart, and can complete the last line.
fn write_to(
    mut from: impl Read,
    to: &mut impl Write,
    ends_with_newline: bool,
) -> Result<u64, CopyError> {
    let mut buffer = vec![0; 64 << 10];
    let mut copied = 0;
    let mut last_byte = b'\n';
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                to.write_all(&buffer[..count]).map_err(CopyError::Write)?;
                copied += count as u64;
                last_byte = buffer[count - 1];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CopyError::Read(error)),
        }
    }
    if ends_with_newline && last_byte != b'\n' {
        to.write_all(b"\n").map_err(CopyError::Write)?;
    }
    to.flush().map_err(CopyError::Write)?;
    Ok(copied)
}

/// A file on its way, removed when dropped before it is complete.
#[derive(Debug)]
pub(crate) struct Partial {
    file: File,
    /// Taken when there is nothing to remove any more.
    path: Option<PathBuf>,
}

impl Partial {
    /// Creates the neighbour of `path`. Two commands with the same target do not share one.
    fn create(path: &Path) -> io::Result<Self> {
        let name = path
            .file_name()
            .ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
        let mut partial_name = name.to_owned();
        partial_name.push(format!(".{}.partial", std::process::id()));
        let partial = path.with_file_name(partial_name);
        Ok(Self {
            file: File::create(&partial)?,
            path: Some(partial),
        })
    }

    fn complete(mut self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        if let Some(partial) = &self.path {
            fs::rename(partial, path)?;
            self.path = None;
        }
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Already on the way out with an error of its own; a file left behind is a smaller one.
            drop(fs::remove_file(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields some bytes, then breaks.
    struct Breaking<'a>(&'a [u8]);

    impl Read for Breaking<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                count => Ok(count),
            }
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn file_replaces_an_earlier_one_when_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "earlier and longer").unwrap();
        let count = Output::open(Some(&path), true)
            .unwrap()
            .write_from(&b"new"[..])
            .unwrap();
        assert_eq!(
            (count, fs::read(&path).unwrap().as_slice()),
            (3, &b"new"[..])
        );
        assert_eq!(names(folder.path()), ["a.csv"]);
    }

    #[test]
    fn broken_off_answer_leaves_the_earlier_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "earlier").unwrap();
        let error = Output::open(Some(&path), false)
            .unwrap()
            .write_from(Breaking(b"ne"));
        assert!(
            matches!(error, Err(OutputError::Answer { .. })),
            "{error:?}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"earlier");
        assert_eq!(names(folder.path()), ["a.csv"]);
    }

    #[test]
    fn text_for_a_shell_ends_with_a_newline() {
        let check = |answer: &str, ends_with_newline, wanted: &str| {
            let mut text = Vec::new();
            let count = write_to(answer.as_bytes(), &mut text, ends_with_newline);
            assert_eq!(count.ok(), Some(answer.len() as u64));
            assert_eq!(text, wanted.as_bytes());
        };
        check("+--+\n|a |", true, "+--+\n|a |\n");
        check("a\n", true, "a\n");
        check("", true, "");
        check("PAR1", false, "PAR1");
    }

    #[test]
    fn place_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("no/such/folder.csv"), PathBuf::from("/")] {
            let error = Output::open(Some(&path), false).expect_err("there is no such place");
            assert!(
                error.to_string().contains(path.to_str().unwrap()),
                "{error}"
            );
        }
    }
}
