//! `tidemill write`: a file or standard input, compressed or not, to the server.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use flate2::bufread::MultiGzDecoder;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use super::{CommandError, Result, connect, database};
use crate::cli::client::WriteArgs;
use crate::client::retry;
use crate::client::upload::{Behaviour, REPORTS_MAX, Summary, Target, Upload};

/// Runs the command; the exit code says whether every line was taken.
pub(crate) fn run(args: &WriteArgs) -> Result<ExitCode> {
    let target = Target {
        database: database(&args.database)?,
        precision: args.precision.name(),
        accept_partial: !args.no_partial,
    };
    let client = connect(&args.connection)?;
    let started = Instant::now();
    let (name, reader, bar) = open(&args.file)?;
    let mut notify = |message: &str| bar.suspend(|| eprintln!("{message}"));
    let behaviour = Behaviour {
        retries: args.retries,
        wait: &mut retry::wait,
        notify: &mut notify,
    };
    let mut upload = Upload::new(&client, target.clone(), name, behaviour);
    let result = upload.send_all(reader);
    let summary = upload.summary();
    bar.finish_and_clear();
    eprintln!("{}", describe(summary, &target.database, started));
    result?;
    Ok(exit_code(summary))
}

/// Zero if every line was taken.
pub(super) fn exit_code(summary: Summary) -> ExitCode {
    if summary.refused_count == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One line on what was done.
pub(super) fn describe(summary: Summary, database: &str, started: Instant) -> String {
    let elapsed = started.elapsed();
    let mut text = format!(
        "{} lines ({}) written to database {database:?} in {:.1} s",
        HumanCount(summary.stored_count),
        HumanBytes(summary.byte_count),
        elapsed.as_secs_f64(),
    );
    if summary.refused_count > 0 {
        text.push_str(&format!(
            "; {} lines refused",
            HumanCount(summary.refused_count)
        ));
    }
    if summary.refused_count > REPORTS_MAX {
        text.push_str(&format!(" (the first {REPORTS_MAX} are shown)"));
    }
    text
}

/// Opens the source: its name in messages, its text, and the bar that follows the reading of it.
fn open(path: &Path) -> Result<(String, Box<dyn BufRead>, ProgressBar)> {
    if path == Path::new("-") {
        if io::stdin().is_terminal() {
            eprintln!("reading line protocol from the terminal; end with Ctrl-D");
        }
        let name = "standard input".to_owned();
        let bar = ProgressBar::new_spinner().with_style(bar_style(false));
        let reader =
            decompressed(bar.wrap_read(io::stdin())).map_err(|source| CommandError::Read {
                name: name.clone(),
                source,
            })?;
        return Ok((name, reader, bar));
    }
    let name = path.display().to_string();
    let unreadable = |source| CommandError::Read {
        name: name.clone(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    let bar = ProgressBar::new(metadata.len()).with_style(bar_style(true));
    let reader = decompressed(bar.wrap_read(file)).map_err(unreadable)?;
    Ok((name, reader, bar))
}

/// The look of a progress bar over bytes. It hides by itself where standard error is no terminal.
pub(super) fn bar_style(has_length: bool) -> ProgressStyle {
    let template = if has_length {
        "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}"
    } else {
        "{spinner} {bytes} {bytes_per_sec}"
    };
    ProgressStyle::with_template(template).expect("the templates are right, a test shows them")
}

/// The text in `reader`, whatever it is compressed with. Told by its first bytes, for a pipe has no
/// name and a name may lie; no line protocol starts with these.
pub(super) fn decompressed(mut reader: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let mut magic = Vec::with_capacity(4);
    reader.by_ref().take(4).read_to_end(&mut magic)?;
    let format = Compression::of(&magic);
    let whole = BufReader::with_capacity(64 << 10, io::Cursor::new(magic).chain(reader));
    Ok(match format {
        Compression::None => Box::new(whole),
        Compression::Gzip => Box::new(BufReader::new(MultiGzDecoder::new(whole))),
        Compression::Zstd => Box::new(BufReader::new(zstd::Decoder::with_buffer(whole)?)),
    })
}

/// How a source is compressed.
enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    fn of(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Self::Zstd,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &str) -> Vec<u8> {
        zstd::encode_all(text.as_bytes(), 1).unwrap()
    }

    #[test]
    fn compression_is_told_by_the_first_bytes() {
        let check = |bytes: Vec<u8>, wanted: &str| {
            let mut text = String::new();
            decompressed(io::Cursor::new(bytes))
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, wanted);
        };
        check(b"".to_vec(), "");
        check(b"m".to_vec(), "m");
        check(b"m f=1\n".to_vec(), "m f=1\n");
        check(gzip("m f=1\n"), "m f=1\n");
        check(
            [gzip("m f=1\n"), gzip("m f=2\n")].concat(),
            "m f=1\nm f=2\n",
        );
        check(zstd("m f=1\n"), "m f=1\n");
        check(
            [zstd("m f=1\n"), zstd("m f=2\n")].concat(),
            "m f=1\nm f=2\n",
        );
    }

    #[test]
    fn summary_says_what_was_stored_and_what_was_not() {
        let check = |stored_count, refused_count, wanted: &[&str], unwanted: &str| {
            let summary = Summary {
                stored_count,
                refused_count,
                byte_count: 2048,
            };
            let text = describe(summary, "plant", Instant::now());
            for part in wanted {
                assert!(text.contains(part), "{text}");
            }
            assert!(!text.contains(unwanted), "{text}");
        };
        check(
            12_345,
            0,
            &["12,345 lines (2.00 KiB)", "\"plant\""],
            "refused",
        );
        check(1, 2, &["; 2 lines refused"], "are shown");
        check(
            1,
            101,
            &["; 101 lines refused (the first 100 are shown)"],
            "\n",
        );
    }

    #[test]
    fn progress_bars_have_valid_templates() {
        for has_length in [true, false] {
            ProgressBar::hidden()
                .with_style(bar_style(has_length))
                .finish();
        }
    }
}
