//! What a case of the corpus is made of: a request that is wrong in one way, what every API must
//! answer, and which rows are there afterwards.

use super::surface::Surface;

/// Why a request is refused, as far as the APIs differ in the status for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A line that is no line protocol, or a value that no column holds.
    Syntax,
    /// A line that contradicts what the table is.
    Schema,
    /// A limit of names.
    Limit,
    /// A parameter or a packing that makes no sense.
    Request,
    Encoding,
    TooLarge,
    HeaderTooLarge,
    Method,
    /// The request names no database.
    NoDatabase,
    /// The database is not there, where writes create none.
    UnknownDatabase,
    Unauthenticated,
    /// As above, where the header makes no sense.
    Malformed,
    Denied,
    /// The server is busy: try again.
    Busy,
    /// The body comes too slowly: try again.
    Unavailable,
}

/// What is answered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// 204 without a body.
    Taken,
    Refused(Class, &'static str),
    /// Where APIs differ in more than the status; `None` is 204.
    By(fn(Surface) -> Option<(Class, &'static str)>),
    /// The client has hung up. Whether a refusal still reaches it is not for the server to say.
    Nobody(&'static str),
}

/// Whose token a request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Admin,
    Nobody,
    Stranger,
    /// May read every database and write to none.
    Reader,
    /// Was let in once.
    Expired,
    /// The administrator, by the parameter `p` of the address.
    InAddress,
    /// Two headers.
    Two,
    /// A header of 20 kB: more than the API takes. Beyond what the server reads of headers the answer has no body, and
    /// where that begins depends on how they arrive.
    Huge,
}

/// Which database a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Database {
    /// One that was made for this case and API.
    Own,
    /// The same, whose rows are kept for a day.
    Brief,
    /// One that was made for this API and has a table `a` with columns `t` and `v`.
    Shared,
    /// One that nobody made.
    Absent,
    Named(&'static str),
    None,
}

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Whole,
    /// In chunks, without a length.
    Chunked,
    /// With a length larger than what comes, after which the client hangs up.
    TooShort,
    /// With a length of eight bytes, whatever comes.
    TooLong,
    /// In chunks of which the last is missing, after which the client hangs up.
    CutOff,
    /// With a length larger than what comes, and then nothing more.
    Stalled,
}

/// Rows that must be there afterwards.
#[derive(Debug, Clone)]
pub(super) enum Stored {
    Rows(Vec<String>),
    Count(u64),
}

/// One case.
#[derive(Debug)]
pub(super) struct Case {
    /// Its number in the list of bad inputs; several cases may have one.
    pub(super) number: u8,
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    pub(super) who: Who,
    pub(super) database: Database,
    pub(super) precision: &'static str,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) manner: Manner,
    pub(super) body: Vec<u8>,
    pub(super) times: usize,
    pub(super) answer: Answer,
    pub(super) stored: Stored,
    /// What is stored although others of the batch are refused stays away where the request wants all
    /// or nothing.
    pub(super) is_partial: bool,
}

/// A request that is taken and stores nothing, to be changed by the methods below.
pub(super) fn case(number: u8, name: &'static str, body: impl Into<Vec<u8>>) -> Case {
    Case {
        number,
        name,
        method: "POST",
        who: Who::Admin,
        database: Database::Own,
        precision: "ns",
        headers: Vec::new(),
        manner: Manner::Whole,
        body: body.into(),
        times: 1,
        answer: Answer::Taken,
        stored: Stored::Rows(Vec::new()),
        is_partial: false,
    }
}

/// A line between two good ones.
pub(super) fn line(number: u8, name: &'static str, line: impl AsRef<[u8]>) -> Case {
    let body = [b"# first\na v=1 1\n", line.as_ref(), b"\n\nb v=2 2\n"].concat();
    case(number, name, body).stores(&["a v=1.0 @1", "b v=2.0 @2"])
}

impl Case {
    pub(super) fn is(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }

    /// The whole request is refused.
    pub(super) fn refused(self, class: Class, reason: &'static str) -> Self {
        self.is(Answer::Refused(class, reason))
    }

    /// Some lines are refused, and the others stored.
    pub(super) fn partly(mut self, class: Class, reason: &'static str) -> Self {
        self.is_partial = true;
        self.refused(class, reason)
    }

    pub(super) fn stores(mut self, rows: &[&str]) -> Self {
        self.stored = Stored::Rows(rows.iter().map(|&row| row.to_owned()).collect());
        self
    }

    pub(super) fn stores_rows(mut self, count: u64) -> Self {
        self.stored = Stored::Count(count);
        self
    }

    pub(super) fn into_database(mut self, database: Database) -> Self {
        self.database = database;
        self
    }

    pub(super) fn shown(mut self, who: Who) -> Self {
        self.who = who;
        self
    }

    pub(super) fn with_precision(mut self, precision: &'static str) -> Self {
        self.precision = precision;
        self
    }

    pub(super) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn sent(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    pub(super) fn twice(mut self) -> Self {
        self.times = 2;
        self
    }

    pub(super) fn with_method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    /// What `surface` must answer: status and reason.
    pub(super) fn expected(&self, surface: Surface) -> (u16, &'static str) {
        let refusal = match self.answer {
            Answer::Taken => None,
            Answer::Refused(class, reason) => Some((class, reason)),
            Answer::By(decide) => decide(surface),
            Answer::Nobody(reason) => Some((Class::Request, reason)),
        };
        match refusal {
            None => (204, ""),
            Some((class, reason)) => (surface.status(class), reason),
        }
    }

    /// What must be stored by way of `surface`.
    pub(super) fn stored(&self, surface: Surface) -> Stored {
        match self.is_partial && surface == Surface::V3Whole {
            true => Stored::Rows(Vec::new()),
            false => self.stored.clone(),
        }
    }
}
