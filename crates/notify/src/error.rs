//! What can be wrong with an endpoint, a template or a secret.

use std::path::PathBuf;

/// Why something cannot be sent as it is asked for. No message holds the value of an option.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such kind of endpoint.
    #[error("there is no endpoint of kind '{kind}'; there are {known}")]
    UnknownKind {
        /// What was asked for.
        kind: String,
        /// What there is.
        known: String,
    },
    /// An option is not one of the kind.
    #[error("{kind} has no option '{option}'; it has {known}")]
    UnknownOption {
        /// The kind.
        kind: &'static str,
        /// The option's name.
        option: String,
        /// What there is.
        known: String,
    },
    /// An option is missing.
    #[error("{kind} needs the option '{option}'")]
    MissingOption {
        /// The kind.
        kind: &'static str,
        /// The option's name.
        option: &'static str,
    },
    /// An option's value is of no use.
    #[error("option '{option}': {problem}")]
    InvalidOption {
        /// The option's name.
        option: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A template is wrong.
    #[error("the template of the {what} is wrong: {problem}")]
    Template {
        /// What it is for.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing may be sent to an address.
    #[error(
        "'{host}' is {what}, where nothing is sent unless the setting `notifications.allowed` has it"
    )]
    Forbidden {
        /// The host.
        host: String,
        /// What it is.
        what: &'static str,
    },
    /// The key for secrets is not there, or another.
    #[error(
        "the secrets of the endpoint cannot be read with the key in {}: they were sealed with another; make the \
         endpoint anew", path.display()
    )]
    WrongKey {
        /// Where the key is.
        path: PathBuf,
    },
    /// The key for secrets cannot be read or made.
    #[error("the key for secrets in {} cannot be used: {problem}", path.display())]
    Key {
        /// Where it is, or should be.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// There is no client for HTTP.
    #[error("no connections can be made: {problem}")]
    Client {
        /// What is wrong.
        problem: String,
    },
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
