//! What can go wrong with a model.

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller should make of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is wrong and will be wrong again.
    Invalid,
    /// The bytes of a model are not what was written.
    Corrupt,
    /// The caller asked for it to end.
    Cancelled,
}

/// Failures of training, using and decoding a model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No kind of model has this name.
    #[error("there is no model kind '{name}': use one of {known}")]
    UnknownKind {
        /// What was asked for.
        name: String,
        /// The kinds there are.
        known: String,
    },
    /// The kind of model has no such option.
    #[error("{kind} has no option '{name}': it takes {known}")]
    UnknownOption {
        /// The kind of model.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// The options there are.
        known: String,
    },
    /// An option has a value that it cannot have.
    #[error("option '{name}' must be {expected}, and is {given}")]
    InvalidOption {
        /// The option.
        name: String,
        /// What it may be.
        expected: String,
        /// What it is.
        given: String,
    },
    /// The columns given are not as many as the model's features.
    #[error("the model takes {expected} features ({names}), and {given} are given")]
    FeatureCount {
        /// How many it takes.
        expected: usize,
        /// Their names in their order, with commas between them.
        names: String,
        /// How many columns there were.
        given: usize,
    },
    /// Training data has no columns, or names that are empty or there twice.
    #[error("{problem}")]
    InvalidFeatures {
        /// What is wrong.
        problem: String,
    },
    /// Columns of one request are of different lengths.
    #[error("column '{column}' has {rows} rows, the others have {expected}")]
    UnequalColumns {
        /// Its name.
        column: String,
        /// Its rows.
        rows: usize,
        /// The rows of the first column.
        expected: usize,
    },
    /// This kind of model learns a target, and there is none.
    #[error("{kind} learns a target: name one")]
    NoTarget {
        /// The kind of model.
        kind: &'static str,
    },
    /// There is too little to learn from.
    #[error("{kind} needs at least {needed} rows without missing values, and there are {rows}")]
    TooFewRows {
        /// The kind of model.
        kind: &'static str,
        /// The least number of rows.
        needed: usize,
        /// The rows there were.
        rows: usize,
    },
    /// No feature varies over the training rows.
    #[error("every feature is constant over the training rows: {features}")]
    NothingVaries {
        /// Their names.
        features: String,
    },
    /// Features are combinations of one another, so that there is no one best answer.
    #[error("the features are combinations of one another: give option 'alpha' a value above 0")]
    Collinear,
    /// The model does not do what is asked of it.
    #[error("a model of kind {kind} has no {what}")]
    NotSupported {
        /// The kind of model.
        kind: &'static str,
        /// What was asked for.
        what: &'static str,
    },
    /// Bytes or text are no model.
    #[error("the model cannot be read: {problem}")]
    Corrupt {
        /// What is wrong.
        problem: String,
    },
    /// The caller asked for training to end.
    #[error("training was cancelled")]
    Cancelled,
}

impl Error {
    /// What the caller should make of it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Corrupt { .. } => ErrorKind::Corrupt,
            Self::Cancelled => ErrorKind::Cancelled,
            _ => ErrorKind::Invalid,
        }
    }

    pub(crate) fn corrupt(problem: impl Into<String>) -> Self {
        Self::Corrupt {
            problem: problem.into(),
        }
    }
}
