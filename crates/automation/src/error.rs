//! What can be wrong with a schedule.

/// Why a schedule is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text is not a length of time that can be scheduled by.
    #[error(
        "'{text}' is not a length of time between 1 second and 10 years, such as '10s', '5m' or '1h'"
    )]
    InvalidLength {
        /// The text.
        text: String,
    },
    /// A text is not a cron pattern.
    #[error("'{pattern}' is not a cron pattern: {problem}")]
    InvalidCron {
        /// The text.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A pattern of which no time ever comes, such as the 30th of February.
    #[error("the cron pattern '{pattern}' never comes true")]
    NeverDue {
        /// The text.
        pattern: String,
    },
    /// A condition on a tag is none.
    #[error("the condition on tag '{tag}' is wrong: {problem}")]
    InvalidTagCondition {
        /// The tag.
        tag: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No time zone has this name.
    #[error("'{zone}' is not a time zone; names are like 'Europe/Zurich' and 'UTC'")]
    UnknownZone {
        /// The name.
        zone: String,
    },
}

/// What can be wrong with a schedule.
pub type Result<T, E = Error> = std::result::Result<T, E>;
