//! What DataFusion's errors are: what the caller should make of them, and their words without what says nothing to
//! the author of a query.
//!
//! Errors arrive wrapped in one another, often as nothing but text: what is told apart by words here has nothing else in common.

use catalog::ErrorKind;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

use crate::builtins::FunctionLimit;

/// Everything that the author of a query can mend is `Invalid`; what concerns files is ours.
pub(super) fn classify(error: &DataFusionError) -> (ErrorKind, &'static str) {
    match error.find_root() {
        DataFusionError::SQL(..) => (ErrorKind::Invalid, "invalid_sql"),
        DataFusionError::SchemaError(schema_error, _) => match **schema_error {
            SchemaError::FieldNotFound { .. } => (ErrorKind::Invalid, "column_not_found"),
            _ => (ErrorKind::Invalid, "invalid_sql"),
        },
        DataFusionError::Plan(_) | DataFusionError::Configuration(_) => {
            (ErrorKind::Invalid, "invalid_query")
        }
        DataFusionError::NotImplemented(_) => (ErrorKind::Invalid, "not_implemented"),
        DataFusionError::ResourcesExhausted(_) => (ErrorKind::Exhausted, "query_memory_exceeded"),
        DataFusionError::External(problem) if problem.is::<FunctionLimit>() => {
            (ErrorKind::Invalid, "function_limit")
        }
        // A pattern is compiled when a query is planned, or when it meets its first text.
        DataFusionError::External(problem) if pattern_problem(&problem.to_string()).is_some() => {
            (ErrorKind::Invalid, "query_failed")
        }
        DataFusionError::Internal(problem) if pattern_problem(problem).is_some() => {
            (ErrorKind::Invalid, "query_failed")
        }
        DataFusionError::ObjectStore(_) => (ErrorKind::Unavailable, "storage_unavailable"),
        // Division by zero, a cast that fails, an argument out of range.
        DataFusionError::Execution(_) => (ErrorKind::Invalid, "query_failed"),
        DataFusionError::ArrowError(error, _) => classify_by_text(&error.to_string(), false),
        DataFusionError::ParquetError(error) => classify_by_text(&error.to_string(), true),
        DataFusionError::IoError(error) => classify_by_text(&error.to_string(), true),
        _ => (ErrorKind::Internal, "internal_error"),
    }
}

/// What a service says that was not reached, or could not answer.
const STORE_AWAY: &str = "Generic S3 error";

/// Tells errors apart that arrive wrapped in one another, with nothing but their words left.
fn classify_by_text(text: &str, is_from_file: bool) -> (ErrorKind, &'static str) {
    // Not to be mistaken for damage, which would alarm somebody: it passes.
    if text.contains(STORE_AWAY) {
        return (ErrorKind::Unavailable, "storage_unavailable");
    }
    if text.contains("disk space during the spilling process") {
        return (ErrorKind::Exhausted, "query_memory_exceeded");
    }
    // A filter that is evaluated while a file is read fails as it would anywhere else.
    let is_filter = text.contains("Error evaluating filter predicate");
    let is_from_file =
        is_from_file || text.starts_with("Parquet") || text.starts_with("External error");
    match is_from_file && !is_filter {
        true => (ErrorKind::Corrupt, "corrupt_file"),
        false => (ErrorKind::Invalid, "query_failed"),
    }
}

/// What went wrong, in words for the author of the query.
pub(super) fn message(error: &DataFusionError) -> String {
    // Which rule found it says nothing to the author of a query.
    if let DataFusionError::Context(_, inner) = error {
        return message(inner);
    }
    if let DataFusionError::SQL(problem, _) = error
        && let ParserError::ParserError(text) | ParserError::TokenizerError(text) = &**problem
    {
        return text.clone();
    }
    let text = error.strip_backtrace();
    let problem = pattern_problem(&text).or_else(|| argument_problem(&text));
    problem.unwrap_or_else(|| without_layer(&text)).to_owned()
}

/// The layers DataFusion puts in front say nothing to the author of a query.
fn without_layer(text: &str) -> &str {
    let prefixes = [
        "Error during planning: ",
        "SQL error: ",
        "Execution error: ",
        "Schema error: ",
        "External error: ",
    ];
    let stripped = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix));
    stripped.unwrap_or(text)
}

/// What is wrong with a regular expression. It comes as an error of the planner, of a function or of a
/// kernel, which have nothing in common but these words.
fn pattern_problem(text: &str) -> Option<&str> {
    let starts = [
        "regex parse error:",
        "Compiled regex exceeds size limit",
        "CompiledTooBig(",
    ];
    let at = starts.iter().find_map(|start| text.find(start))?;
    // Some show it between two lines of `~`, the last of them before a parenthesis.
    let problem = text[at..].split("~\n)").next().unwrap_or_default();
    Some(problem.trim_end_matches('~').trim_end())
}

/// What DataFusion says of arguments that no form of a function takes, before it lists the forms.
const NO_FUNCTION: &str = "No function matches the given name and argument types";

/// What is wrong with the arguments of a function, without what was tried before that was found.
fn argument_problem(text: &str) -> Option<&str> {
    let forms = text.find(NO_FUNCTION);
    if text.contains("failed to match any signature, errors: ") {
        return forms.map(|at| &text[at..]);
    }
    let (_, problem) = text.split_once("user-defined coercion failed with: ")?;
    // The function's own words say more than its only form, which is called "UserDefined".
    let problem = problem.split(NO_FUNCTION).next().unwrap_or(problem);
    Some(without_layer(problem).trim_end_matches(". "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn check(error: DataFusionError, expected: &str) {
        let error = Error::from(error);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_regular_expression_that_is_none_is_its_authors_fault() {
        let problem = "regex parse error:\n    (\n    ^\nerror: unclosed group";
        let line = "~".repeat(79);
        let shown =
            format!("Regular expression did not compile: Syntax(\n{line}\n{problem}\n{line}\n)");
        check(DataFusionError::External(problem.into()), problem);
        check(
            DataFusionError::External(problem.into()).context("x"),
            problem,
        );
        check(DataFusionError::Execution(shown.clone()), problem);
        check(DataFusionError::Internal(shown), problem);
        let limit = "Compiled regex exceeds size limit of 10 bytes.";
        check(DataFusionError::External(limit.into()), limit);
    }

    #[test]
    fn what_is_wrong_with_arguments_is_said_without_what_was_tried() {
        let none = "No function matches the given name and argument types 'sum(Utf8)'.";
        let tried = "Internal error: Function 'sum' failed to match any signature, errors: Error during \
                     planning: Function 'sum' requires Decimal.\nThis issue was likely caused by a bug.";
        check(DataFusionError::Plan(format!("{tried} {none}")), none);
        let own = "Execution error: Function 'f' user-defined coercion failed with: Error during planning: \
                   f takes a number";
        check(DataFusionError::Plan(own.to_owned()), "f takes a number");
        check(
            DataFusionError::Plan(format!("{own}. {none}")),
            "f takes a number",
        );
    }
}
