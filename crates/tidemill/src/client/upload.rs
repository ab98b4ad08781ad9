//! Sends lines of line protocol in bodies, and follows up on each.
//!
//! | answer                       | what is done                                                     |
//! |------------------------------|------------------------------------------------------------------|
//! | 2xx                          | the lines are stored                                             |
//! | 400 or 422 that names lines  | those are reported by their numbers in the file; with            |
//! |                              | `accept_partial` the others are stored and the upload goes on    |
//! | 413                          | the body is halved and each half sent, down to single lines      |
//! | 429, 502, 503, 504, 507      | sent again, see [`super::retry`]                                 |
//! | anything else                | the upload stops                                                 |

use std::io::{BufRead, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use ureq::Body as AnswerBody;
use ureq::http::Response;

use super::lines::{BODY_BYTES_MAX, Body, LineError, LineReader, Lines};
use super::retry::Retry;
use super::{Client, ClientError, Encoding, Result, error_message, read_error_body};

/// So many refused lines are reported in full; the rest are counted.
pub(crate) const REPORTS_MAX: u64 = 100;
/// A report quotes so many characters of a refused line.
const QUOTE_CHARS_MAX: usize = 120;

/// Where lines go.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The database.
    pub(crate) database: String,
    /// The unit of the timestamps, in the endpoint's words.
    pub(crate) precision: &'static str,
    /// Whether the good lines of a body are kept when others are bad.
    pub(crate) accept_partial: bool,
}

/// How an upload behaves that is not about the data.
pub(crate) struct Behaviour<'a> {
    /// How often a body is sent again.
    pub(crate) retries: u32,
    /// Waits between attempts; see [`super::retry::wait`].
    pub(crate) wait: &'a mut dyn FnMut(Duration),
    /// Takes a message for the user.
    pub(crate) notify: &'a mut dyn FnMut(&str),
}

/// What an upload has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Lines that are stored.
    pub(crate) stored_count: u64,
    /// Lines that the server refused.
    pub(crate) refused_count: u64,
    /// Bytes of the bodies that went through, before compression.
    pub(crate) byte_count: u64,
}

/// One source of lines on its way to a server.
pub(crate) struct Upload<'a> {
    client: &'a Client,
    target: Target,
    /// The source, as messages call it.
    name: String,
    behaviour: Behaviour<'a>,
    body: Body,
    gzipped: Vec<u8>,
    summary: Summary,
}

impl<'a> Upload<'a> {
    /// Starts an upload of a source called `name`; nothing is sent yet.
    pub(crate) fn new(
        client: &'a Client,
        target: Target,
        name: impl Into<String>,
        behaviour: Behaviour<'a>,
    ) -> Self {
        Self {
            client,
            target,
            name: name.into(),
            behaviour,
            body: Body::default(),
            gzipped: Vec::new(),
            summary: Summary::default(),
        }
    }

    /// What is done so far; after an error too.
    pub(crate) fn summary(&self) -> Summary {
        self.summary
    }

    /// Sends all lines of `reader`.
    pub(crate) fn send_all(&mut self, reader: impl BufRead) -> Result<()> {
        let mut lines = LineReader::new(reader);
        loop {
            match lines.next_line() {
                Ok(Some((number, line))) => self.push(number, line)?,
                Ok(None) => return self.finish(),
                Err(LineError::TooLong { line }) => {
                    // What came before it is good and must not depend on where a body ended.
                    self.send_body()?;
                    let name = self.name.clone();
                    return Err(ClientError::LineTooLong {
                        name,
                        line,
                        limit: BODY_BYTES_MAX,
                    });
                }
                Err(LineError::Read(source)) => {
                    self.send_body()?;
                    return Err(ClientError::Read {
                        name: self.name.clone(),
                        source,
                    });
                }
            }
        }
    }

    /// Takes one line, without its newline, and sends what has gathered once it is enough.
    pub(crate) fn push(&mut self, number: u64, line: &[u8]) -> Result<()> {
        if !self.body.has_room_for(line.len()) {
            self.send_body()?;
        }
        self.body.push(number, line);
        Ok(())
    }

    /// Sends what is left.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.send_body()
    }

    fn send_body(&mut self) -> Result<()> {
        let body = std::mem::take(&mut self.body);
        let result = self.send(body.as_lines());
        self.body = body;
        self.body.clear();
        result
    }

    fn send(&mut self, lines: Lines<'_>) -> Result<()> {
        if lines.count() == 0 {
            return Ok(());
        }
        self.compress(lines.text());
        let mut retry = Retry {
            retries: self.behaviour.retries,
            wait: &mut *self.behaviour.wait,
            notify: &mut *self.behaviour.notify,
        };
        let answer = self
            .client
            .write(&self.target, &self.gzipped, Encoding::Gzip, &mut retry);
        let answer = answer.map_err(|error| self.failed_at(lines, error))?;
        match answer.status().as_u16() {
            200..300 => {
                self.add_stored(lines.count(), lines);
                Ok(())
            }
            413 if lines.count() > 1 => {
                let (front, back) = lines.halves();
                self.send(front)?;
                self.send(back)
            }
            _ => self.take_refusal(lines, answer),
        }
    }

    fn add_stored(&mut self, count: usize, lines: Lines<'_>) {
        self.summary.stored_count += count as u64;
        self.summary.byte_count += lines.text().len() as u64;
    }

    fn compress(&mut self, text: &[u8]) {
        self.gzipped.clear();
        let mut encoder = GzEncoder::new(&mut self.gzipped, Compression::fast());
        encoder
            .write_all(text)
            .and_then(|()| encoder.try_finish())
            .expect("memory takes all");
    }

    /// Reports the lines that the answer names; an error if it names none, or if none are stored.
    fn take_refusal(&mut self, lines: Lines<'_>, answer: Response<AnswerBody>) -> Result<()> {
        let refusal = Refusal::read(answer);
        if refusal.lines.is_empty() || refusal.lines.len() > lines.count() {
            return Err(self.failed_at(lines, refusal.error));
        }
        for line in &refusal.lines {
            if self.summary.refused_count < REPORTS_MAX {
                self.report(lines, line);
            }
            self.summary.refused_count += 1;
        }
        if !self.target.accept_partial {
            return Err(self.failed_at(lines, refusal.error));
        }
        self.add_stored(lines.count() - refusal.lines.len(), lines);
        Ok(())
    }

    fn failed_at(&self, lines: Lines<'_>, source: ClientError) -> ClientError {
        let (first, last) = lines.range();
        ClientError::Piece {
            name: self.name.clone(),
            first,
            last,
            source: Box::new(source),
        }
    }

    fn report(&mut self, lines: Lines<'_>, refused: &RefusedLine) {
        let beginning = refused.original_line.trim_end();
        let (number, text) = match lines.locate(refused.line_number, beginning) {
            Some((number, text)) => (number.to_string(), quote(text)),
            None => ("?".to_owned(), refused.original_line.clone()),
        };
        let message = &refused.error_message;
        (self.behaviour.notify)(&format!("{}:{number}: {message}: {text}", self.name));
    }
}

/// The beginning of a line, on one line.
fn quote(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut quoted: String = text.chars().take(QUOTE_CHARS_MAX).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    quoted.replace('\n', "\\n")
}

/// What the server said against a body.
struct Refusal {
    error: ClientError,
    lines: Vec<RefusedLine>,
}

/// What the server said against a line.
#[derive(Debug, Deserialize)]
struct RefusedLine {
    /// Counted from one within the body.
    line_number: u64,
    /// Its beginning.
    #[serde(default)]
    original_line: String,
    error_message: String,
}

impl Refusal {
    fn read(mut answer: Response<AnswerBody>) -> Self {
        /// A list when the other lines are stored, a single one when nothing is.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum OneOrMany {
            Many(Vec<RefusedLine>),
            One(RefusedLine),
        }
        #[derive(Deserialize)]
        struct ErrorBody {
            data: OneOrMany,
        }
        let status = answer.status().as_u16();
        let body = match read_error_body(&mut answer) {
            Ok(body) => body,
            Err(error) => format!("its explanation could not be read: {error}"),
        };
        let names_lines = matches!(status, 400 | 422);
        let lines = match serde_json::from_str::<ErrorBody>(&body) {
            Ok(ErrorBody {
                data: OneOrMany::Many(lines),
            }) if names_lines => lines,
            Ok(ErrorBody {
                data: OneOrMany::One(line),
            }) if names_lines => vec![line],
            _ => Vec::new(),
        };
        let message = error_message(&body).unwrap_or_else(|| "no reason given".to_owned());
        Self {
            error: ClientError::refused(status, message),
            lines,
        }
    }
}
