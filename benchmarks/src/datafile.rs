//! Rendered rows as a file of line protocol, plain or gzip by its name, and beside it a JSON file
//! that says what a server must hold after them.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::bodies::{Bodies, Collector, Encoding, encode};
use crate::data::{Spec, TableTally, Tally};
use crate::error::{AtPath, Result};

const BUFFER_BYTES: usize = 1 << 20;

/// What is in a data file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contents {
    pub(crate) spec: Spec,
    pub(crate) lines: u64,
    pub(crate) line_bytes: u64,
    /// Lines that come later than their time says.
    pub(crate) delayed_lines: u64,
    pub(crate) range_ns: (i64, i64),
    pub(crate) tables: Vec<TableTally>,
}

/// Renders `spec` into `path`.
pub(crate) fn write(spec: &Spec, path: &Path) -> Result<Contents> {
    let file = File::create(path).at(path)?;
    let contents = if is_gzip(path) {
        let mut encoder = GzEncoder::new(file, Compression::new(6));
        let contents = write_lines(spec, &mut encoder, path)?;
        encoder.finish().at(path)?;
        contents
    } else {
        write_lines(spec, file, path)?
    };
    let (beside, json) = (contents_path(path), serde_json::to_vec_pretty(&contents));
    std::fs::write(&beside, json.at(&beside)?).at(&beside)?;
    Ok(contents)
}

fn write_lines(spec: &Spec, out: impl Write, path: &Path) -> Result<Contents> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
    let (mut stream, mut tally, mut line_bytes) = (spec.lines(), Tally::default(), 0);
    let mut text = Vec::with_capacity(512);
    while let Some(line) = stream.next_line(&mut text) {
        tally.add(&line, &text);
        line_bytes += text.len() as u64;
        out.write_all(&text).at(path)?;
        text.clear();
    }
    out.flush().at(path)?;
    Ok(Contents {
        spec: *spec,
        lines: tally.lines,
        line_bytes,
        delayed_lines: tally.delayed,
        range_ns: tally.range_ns.unwrap_or_default(),
        tables: tally.into_tables(),
    })
}

/// Reads `path` into bodies; without the file beside it nothing is known of the rows.
pub(crate) fn read(
    path: &Path,
    lines_per_body: u64,
    encoding: Encoding,
    threads: usize,
) -> Result<Bodies> {
    let file = File::open(path).at(path)?;
    let mut reader: Box<dyn BufRead> = if is_gzip(path) {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, GzDecoder::new(file)))
    } else {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, file))
    };
    let (bodies, result) = encode(encoding, threads, |sink| {
        let mut collector = Collector::new(lines_per_body, sink);
        while reader
            .read_until(b'\n', &mut collector.raw.lines)
            .at(path)?
            > 0
        {
            collector.end_line();
        }
        collector.finish();
        Ok(())
    });
    result?;
    let contents = contents_of(path)?;
    Ok(Bodies {
        bodies,
        encoding,
        range_ns: contents.as_ref().map_or((0, 0), |found| found.range_ns),
        tables: contents.map_or(Vec::new(), |found| found.tables),
    })
}

/// What the file beside `path` says, if there is one.
pub(crate) fn contents_of(path: &Path) -> Result<Option<Contents>> {
    let beside = contents_path(path);
    match std::fs::read(&beside) {
        Ok(bytes) => serde_json::from_slice(&bytes).at(&beside).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at(&beside),
    }
}

fn is_gzip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

fn contents_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Shape;

    #[test]
    fn plain_and_compressed_files_read_back_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let spec = Spec::new(Shape::Iot, 11, 300_000_000_000);
        let mut expected = Bodies::render(&mut *spec.lines(), 50, Encoding::Plain, 2);
        for name in ["rows.lp", "rows.lp.gz"] {
            let path = folder.path().join(name);
            let contents = write(&spec, &path).unwrap();
            let bodies = read(&path, 50, Encoding::Plain, 2).unwrap();
            assert!(bodies.bodies == expected.bodies, "{name}");
            assert_eq!(bodies.tables, expected.tables);
            assert_eq!(bodies.range_ns, expected.range_ns);
            assert_eq!(contents.lines, bodies.rows());
            assert_eq!(contents_of(&path).unwrap(), Some(contents));
        }
        std::fs::remove_file(folder.path().join("rows.lp.json")).unwrap();
        expected.tables.clear();
        let unknown = read(&folder.path().join("rows.lp"), 50, Encoding::Plain, 2).unwrap();
        assert_eq!(unknown.tables, expected.tables);
    }

    #[test]
    fn the_two_files_are_the_bytes_of_the_spec() {
        let folder = tempfile::tempdir().unwrap();
        let spec = Spec::new(Shape::Cpu, 3, 60_000_000_000);
        let mut expected = Vec::new();
        let mut lines = spec.lines();
        while lines.next_line(&mut expected).is_some() {}
        let path = folder.path().join("rows.lp");
        let contents = write(&spec, &path).unwrap();
        assert!(std::fs::read(&path).unwrap() == expected);
        assert_eq!(contents.line_bytes, expected.len() as u64);
    }
}
