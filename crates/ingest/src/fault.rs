//! What can be wrong with a line, in the words of every protocol.
//!
//! `Display` is the text that v3 clients know, [`Fault::v2_reason`] the one that v1 and v2 clients
//! know, [`Fault::reason`] our stable word, and [`Fault::class`] decides the status.

use catalog::ColumnKind;

/// A line that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// The line of the body where it starts, from 1, counting comments and blank lines too.
    pub line_number: usize,
    /// The line, invalid UTF-8 replaced, cut to 1 KiB.
    pub line: String,
    /// What is wrong.
    pub fault: Fault,
}

/// How a refused line is to be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultClass {
    /// The line alone is wrong: 400 everywhere.
    Syntax,
    /// The line contradicts the table: 422 on v2, 400 on v1 and v3.
    Schema,
    /// A limit of the catalog is reached: 422.
    Limit,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Not line protocol.
    #[error("{text}")]
    Syntax {
        /// The parser's words.
        text: String,
        /// The words of v1 and v2.
        v2_reason: &'static str,
    },
    /// A string field that does not end.
    #[error("string field has no closing quote")]
    UnterminatedQuote,
    /// Bytes that are no text.
    #[error("line is not valid UTF-8 at byte {offset}")]
    InvalidUtf8 {
        /// The first bad byte of the line.
        offset: usize,
    },
    /// NaN, an infinity, or a number too large for a float.
    #[error("field '{column}' is not a finite number: '{value}'; leave the field out instead")]
    NonFiniteFloat {
        /// The field.
        column: String,
        /// The value as written, shortened.
        value: String,
    },
    /// An integer that 64 bits do not hold.
    #[error("integer '{value}' does not fit in 64 bits")]
    IntegerOutOfRange {
        /// The value as written, shortened.
        value: String,
    },
    /// A timestamp that is not an integer.
    #[error("timestamp '{timestamp}' is not an integer")]
    InvalidTimestamp {
        /// The timestamp as written, shortened.
        timestamp: String,
    },
    /// A timestamp that nanoseconds cannot represent.
    #[error("timestamp '{timestamp}' is outside of 1678-01-01 to 2261-12-31: check the precision")]
    TimestampOutOfRange {
        /// The timestamp as written, shortened.
        timestamp: String,
    },
    /// A timestamp beyond the bound of the settings.
    #[error(
        "timestamp is further in the future than the setting `server.writes.line_protocol.future_max` allows"
    )]
    TooFarInFuture,
    /// The same tag twice.
    #[error("invalid line protocol - multiple instances of '{column}' tag found")]
    DuplicateTag {
        /// The tag.
        column: String,
    },
    /// The same field twice.
    #[error("invalid line protocol - multiple instances of '{column}' field found")]
    DuplicateField {
        /// The field.
        column: String,
    },
    /// A tag or field named like the timestamp.
    #[error("column name '{column}' is reserved: it is the timestamp of every row")]
    ReservedColumn {
        /// The name.
        column: String,
    },
    /// A name that could mislead a reader.
    #[error("{what} name '{name}' {problem}")]
    InvalidName {
        /// `table` or `column`.
        what: &'static str,
        /// The name, shortened.
        name: String,
        /// The rule.
        problem: &'static str,
    },
    /// A column exists as something else, in the catalog or by an earlier line.
    #[error(
        "invalid column type for column '{column}', expected {}, got {}",
        expected.iox_name(), got.iox_name()
    )]
    ColumnConflict {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What it is.
        expected: ColumnKind,
        /// What the line says.
        got: ColumnKind,
    },
    /// A line that is too long.
    #[error("line exceeds {limit_bytes} bytes")]
    LineTooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// A string field that is too long.
    #[error("value of field '{column}' has {size_bytes} bytes, more than {limit_bytes}")]
    ValueTooLarge {
        /// The field.
        column: String,
        /// Its length.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// Measurement and tags that are too long.
    #[error("measurement and tags have {size_bytes} bytes, more than {limit_bytes}")]
    KeyTooLarge {
        /// Their length.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The table can have no more columns.
    #[error("table '{table}' would have more than {limit} columns")]
    ColumnLimit {
        /// The table.
        table: String,
        /// The limit.
        limit: usize,
    },
    /// There can be no more tables.
    #[error("table '{table}' would be more than {limit} tables")]
    TableLimit {
        /// The table.
        table: String,
        /// The limit.
        limit: usize,
    },
}

impl Fault {
    /// A stable word for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Syntax { .. } | Self::UnterminatedQuote => "invalid_line_protocol",
            Self::InvalidUtf8 { .. } => "invalid_utf8",
            Self::NonFiniteFloat { .. } => "non_finite_float",
            Self::IntegerOutOfRange { .. } => "integer_out_of_range",
            Self::InvalidTimestamp { .. } => "invalid_timestamp",
            Self::TimestampOutOfRange { .. } => "timestamp_out_of_range",
            Self::TooFarInFuture => "beyond_future",
            Self::DuplicateTag { .. } => "duplicate_tag",
            Self::DuplicateField { .. } => "duplicate_field",
            Self::ReservedColumn { .. } => "reserved_column",
            Self::InvalidName { .. } => "invalid_name",
            Self::ColumnConflict { expected, got, .. } => match (expected, got) {
                (ColumnKind::Field(_), ColumnKind::Field(_)) => "field_type_conflict",
                _ => "column_kind_conflict",
            },
            Self::LineTooLarge { .. } => "line_too_large",
            Self::ValueTooLarge { .. } => "value_too_large",
            Self::KeyTooLarge { .. } => "key_too_large",
            Self::ColumnLimit { .. } => "column_limit",
            Self::TableLimit { .. } => "table_limit",
        }
    }

    /// How the line is to be reported.
    pub fn class(&self) -> FaultClass {
        match self {
            Self::ColumnConflict { .. } | Self::TooFarInFuture => FaultClass::Schema,
            Self::ColumnLimit { .. } | Self::TableLimit { .. } => FaultClass::Limit,
            _ => FaultClass::Syntax,
        }
    }

    /// The words that v1 and v2 writers know (InfluxDB 1.x and 2.x `models/points.go`): what
    /// follows `unable to parse '<line>': ` for a fault of syntax, and `partial write: ` otherwise.
    pub fn v2_reason(&self) -> String {
        match self {
            Self::Syntax { v2_reason, .. } => (*v2_reason).to_owned(),
            Self::UnterminatedQuote => "unbalanced quotes".to_owned(),
            Self::NonFiniteFloat { .. } => "invalid number".to_owned(),
            Self::IntegerOutOfRange { value } => {
                format!("unable to parse integer {value}: value out of range")
            }
            Self::InvalidTimestamp { .. } => "bad timestamp".to_owned(),
            Self::TimestampOutOfRange { .. } => "time outside range".to_owned(),
            Self::DuplicateTag { .. } => "duplicate tags".to_owned(),
            Self::ColumnConflict {
                table,
                column,
                expected,
                got,
            } => format!(
                "field type conflict: input field \"{column}\" on measurement \"{table}\" is type \
                 {}, already exists as type {}",
                v2_name(*got),
                v2_name(*expected),
            ),
            other => other.to_string(),
        }
    }
}

fn v2_name(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Tag => "tag",
        ColumnKind::Field(field) => field.name(),
    }
}

impl From<catalog::Error> for Fault {
    /// What is wrong with a name. The catalog's checks of names return nothing else.
    fn from(error: catalog::Error) -> Self {
        match error {
            catalog::Error::ReservedColumn { column } => Self::ReservedColumn { column },
            catalog::Error::InvalidName {
                what,
                name,
                problem,
            } => Self::InvalidName {
                what,
                name,
                problem,
            },
            other => Self::Syntax {
                text: other.to_string(),
                v2_reason: "invalid name",
            },
        }
    }
}

/// Text for a message: at most `bytes_max` bytes of it, cut between characters.
pub(crate) fn shortened(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(bytes_max)])
}

/// Bytes of a line for a message: at most `bytes_max` bytes of text, what is no text replaced.
pub(crate) fn shortened_lossy(bytes: &[u8], bytes_max: usize) -> String {
    // A character has at most four bytes, so this keeps every one that fits.
    let start = &bytes[..bytes.len().min(bytes_max + 4)];
    let text = String::from_utf8_lossy(start);
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}
