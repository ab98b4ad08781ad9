//! A request body to a [`Draft`], and the whole way to a [`Parsed`] write.
//!
//! Lines of the common forms are read where they stand, see [`common`]. Any other line is cut out
//! by [`Lines`], parsed by the reference and checked as a whole; whatever is refused is refused
//! there. Both ways end in the same columns.

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use catalog::{Catalog, ColumnId, Database, Limits, State, check_table_name};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::draft::{Draft, Parsed, Summary, find_database};
use crate::error::{Error, Result};
use crate::fault::{Fault, LineError, shortened_lossy};
use crate::keys::Keys;
use crate::line_protocol::{Point, parse_line};
use crate::lines::{Line, Lines, Problem};
use crate::settings::{Settings, bytes};
use crate::table::TableRows;
use crate::timestamps::Precision;

/// Offsets in Arrow text columns are 32 bits; a body below this can never exceed them.
const BODY_BYTES_MAX: usize = 1 << 30;

/// How much of a refused line is reported.
const REPORTED_LINE_BYTES_MAX: usize = 1024;

/// How often a write is parsed again because other writers changed the schema at the same time.
/// Each time another commit has won, so this many losses in a row mean that something is wrong.
const ATTEMPTS_MAX: usize = 16;

/// What becomes of the good lines when others are bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnError {
    /// They are kept.
    KeepValid,
    /// Nothing is kept.
    RejectAll,
}

/// A write as it arrived, decompressed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Line protocol.
    pub body: &'a [u8],
    /// The unit of its timestamps.
    pub precision: Precision,
    /// The time of every line that has no timestamp, in nanoseconds.
    pub now_nanos: i64,
    /// What becomes of the good lines when others are bad.
    pub on_error: OnError,
}

/// Parses a body and checks it against a state of the catalog. CPU work only.
///
/// # Errors
///
/// The database does not exist, or the body as a whole is too large. Bad lines are no error but
/// part of the draft.
pub fn parse(
    state: &State,
    limits: &Limits,
    settings: &Settings,
    database: &str,
    request: &Request<'_>,
) -> Result<Draft> {
    parse_lines(state, limits, settings, database, request, Scanner::On)
}

/// Whether lines of the common forms are read by our own scanner or, like any other, by the
/// reference. The result is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scanner {
    On,
    Off,
}

/// As [`parse()`], by either way.
pub(crate) fn parse_lines(
    state: &State,
    limits: &Limits,
    settings: &Settings,
    database: &str,
    request: &Request<'_>,
    scanner: Scanner,
) -> Result<Draft> {
    let size_bytes = request.body.len();
    if size_bytes > BODY_BYTES_MAX {
        return Err(Error::BodyTooLarge {
            size_bytes,
            size_bytes_max: BODY_BYTES_MAX,
        });
    }
    let database = find_database(state, database)?;
    let tables_left = limits.tables.saturating_sub(state.table_count());
    let mut parser = Parser::new(database, tables_left, limits, settings, request);
    let mut lines = Lines::new(request.body, parser.settings.line_bytes);
    loop {
        if scanner == Scanner::On {
            parser.scan(&mut lines);
        }
        match lines.next() {
            Some(line) => parser.add(&line)?,
            None => return Ok(parser.finish()),
        }
    }
}

/// Parses a body, makes its new tables and columns durable, and gives its rows their ids. The CPU
/// work runs on the calling thread: a server that must stay responsive calls [`parse()`],
/// [`Catalog::extend`] and [`Draft::finish`] itself.
///
/// # Errors
///
/// As for [`parse()`], and those of [`Catalog::extend`].
pub async fn ingest(
    catalog: &Catalog,
    settings: &Settings,
    database: &str,
    request: Request<'_>,
) -> Result<Parsed> {
    let mut attempt = 1;
    loop {
        let state = catalog.state();
        let draft = parse(&state, catalog.limits(), settings, database, &request)?;
        let finished = match draft.extensions() {
            [] => draft.finish(&state),
            extensions => match catalog.extend(database, extensions).await {
                Ok(extended) => draft.finish(&extended),
                Err(error) => Err(error.into()),
            },
        };
        match finished {
            // Another writer was first: what it added may make lines of this write wrong.
            Err(error) if error.is_conflict() && attempt < ATTEMPTS_MAX => attempt += 1,
            finished => return finished,
        }
    }
}

/// The settings as plain numbers.
#[derive(Debug)]
struct Bounds {
    line_bytes: usize,
    string_bytes: usize,
    key_bytes: usize,
    line_errors: usize,
    cells: usize,
    time: i64,
}

impl Bounds {
    fn new(settings: &Settings, now_nanos: i64) -> Self {
        let future = settings
            .future_max
            .map(|future| i64::try_from(future.as_nanos()));
        Self {
            line_bytes: bytes(settings.line_bytes_max),
            string_bytes: bytes(settings.string_bytes_max),
            key_bytes: bytes(settings.series_key_bytes_max),
            line_errors: settings.line_errors_max,
            cells: settings.cells_max,
            time: match future {
                Some(Ok(future)) => now_nanos.saturating_add(future),
                Some(Err(_)) | None => i64::MAX,
            },
        }
    }
}

struct Parser<'a> {
    database: &'a Arc<Database>,
    /// New tables that the catalog has room for.
    tables_left: usize,
    limits: &'a Limits,
    settings: Bounds,
    request: &'a Request<'a>,
    tables: Vec<TableRows>,
    table_by_name: HashMap<Arc<str>, usize, RandomState>,
    /// Neighbouring lines are mostly of one table.
    last_table: usize,
    keys: Keys<'a>,
    /// Of the line at hand, here to be allocated once.
    tags: Vec<(ColumnId, &'a str)>,
    /// Of all tables.
    cells: usize,
    /// Tables that are there, of which a line was refused.
    refused_tables: BTreeSet<Arc<str>>,
    summary: Summary,
}

impl<'a> Parser<'a> {
    fn new(
        database: &'a Arc<Database>,
        tables_left: usize,
        limits: &'a Limits,
        settings: &Settings,
        request: &'a Request<'a>,
    ) -> Self {
        Self {
            database,
            tables_left,
            limits,
            settings: Bounds::new(settings, request.now_nanos),
            request,
            tables: Vec::new(),
            table_by_name: HashMap::default(),
            last_table: 0,
            keys: Keys::default(),
            tags: Vec::new(),
            cells: 0,
            refused_tables: BTreeSet::new(),
            summary: Summary::default(),
        }
    }

    fn add(&mut self, line: &Line<'a>) -> Result<()> {
        self.summary.lines += 1;
        if let Err(fault) = self.accept(line) {
            self.summary.lines_refused += 1;
            if self.summary.line_errors.len() < self.settings.line_errors {
                let text = shortened_lossy(line.bytes, REPORTED_LINE_BYTES_MAX);
                let line_number = line.number;
                self.summary.line_errors.push(LineError {
                    line_number,
                    line: text,
                    fault,
                });
            }
        }
        if self.cells > self.settings.cells {
            return Err(Error::TooManyCells {
                limit: self.settings.cells,
            });
        }
        Ok(())
    }

    fn accept(&mut self, line: &Line<'a>) -> Result<(), Fault> {
        match line.problem {
            Some(Problem::TooLarge) => {
                return Err(Fault::LineTooLarge {
                    limit_bytes: self.settings.line_bytes,
                });
            }
            Some(Problem::UnterminatedQuote) => return Err(Fault::UnterminatedQuote),
            None => {}
        }
        let text = std::str::from_utf8(line.bytes).map_err(|error| Fault::InvalidUtf8 {
            offset: error.valid_up_to(),
        })?;
        let point = parse_line(text)?;
        if point.key.len() > self.settings.key_bytes {
            let (size_bytes, limit_bytes) = (point.key.len(), self.settings.key_bytes);
            return Err(Fault::KeyTooLarge {
                size_bytes,
                limit_bytes,
            });
        }
        let time = self.time(point.timestamp)?;
        self.append(&point, time)?;
        self.note_time(point.timestamp, time);
        Ok(())
    }

    #[inline]
    fn time(&self, timestamp: Option<i64>) -> Result<i64, Fault> {
        match timestamp {
            None => Ok(self.request.now_nanos),
            Some(timestamp) => match self.request.precision.to_nanos(timestamp)? {
                time if time > self.settings.time => Err(Fault::TooFarInFuture),
                time => Ok(time),
            },
        }
    }

    /// Counts the time of an accepted line if it is odd.
    fn note_time(&mut self, timestamp: Option<i64>, time: i64) {
        let is_suspicious = timestamp.is_some() && self.request.precision.is_suspicious(time);
        self.summary.suspicious_timestamps += usize::from(is_suspicious);
    }

    fn append(&mut self, point: &Point<'a>, time: i64) -> Result<(), Fault> {
        let known = self.keys.find(point.key.as_bytes());
        let index = match &known {
            Some(key) => key.table,
            None => self.table(&point.measurement)?,
        };
        let table = &mut self.tables[index];
        let cells_before = table.cell_count(0);
        let line = self.summary.lines as u64;
        let series = known.map(|key| key.series);
        match table.check(point, series, line, self.settings.string_bytes) {
            Ok(series) => {
                // Before the row is there: its new columns may need a NULL for every row so far.
                self.cells += table.cell_count(1) - cells_before;
                if self.cells <= self.settings.cells {
                    let series = table.push(point, series, time);
                    match known {
                        Some(key) => self.keys.follow(&key),
                        None => self.keys.insert(point.key.as_bytes(), index, series),
                    }
                }
                Ok(())
            }
            Err(fault) => {
                if table.row_count() == 0 {
                    if !table.is_new() {
                        self.refused_tables.insert(Arc::clone(table.name()));
                    }
                    self.take_back_table();
                }
                Err(fault)
            }
        }
    }

    /// The index of the table of this name, which is added if the write has no row of it yet.
    fn table(&mut self, name: &str) -> Result<usize, Fault> {
        if let Some(index) = self.table_with_rows(name) {
            return Ok(index);
        }
        let existing = self.database.table(name);
        if existing.is_none() {
            check_table_name(name)?;
            let (table, limit) = (name.to_owned(), self.limits.tables);
            self.tables_left = self
                .tables_left
                .checked_sub(1)
                .ok_or(Fault::TableLimit { table, limit })?;
        }
        let table = TableRows::new(name, existing, self.limits.columns_per_table);
        self.last_table = self.tables.len();
        self.table_by_name
            .insert(Arc::clone(table.name()), self.last_table);
        self.tables.push(table);
        Ok(self.last_table)
    }

    /// The index of the table of this name if the write has rows of it.
    fn table_with_rows(&mut self, name: &str) -> Option<usize> {
        let last = self.tables.get(self.last_table);
        if last.is_none_or(|table| **table.name() != *name) {
            self.last_table = *self.table_by_name.get(name)?;
        }
        Some(self.last_table)
    }

    /// Forgets the newest table, which has no rows.
    fn take_back_table(&mut self) {
        let table = self.tables.pop().expect("a table was just added");
        self.table_by_name.remove(table.name());
        self.tables_left += usize::from(table.is_new());
    }

    fn finish(mut self) -> Draft {
        let mut named = self.refused_tables;
        named.extend(self.tables.iter().map(|table| Arc::clone(table.name())));
        if self.request.on_error == OnError::RejectAll && self.summary.lines_refused > 0 {
            self.tables.clear();
            self.summary.suspicious_timestamps = 0;
        }
        Draft {
            database: self.database.name.to_string(),
            named,
            extensions: self
                .tables
                .iter()
                .filter_map(TableRows::extension)
                .collect(),
            tables: self.tables.into_iter().map(TableRows::finish).collect(),
            summary: self.summary,
        }
    }
}
