//! `GET` and `POST /query`: statements of InfluxQL about databases and retention policies.
//!
//! ```text
//! parameters of address and form ─▶ parser: all statements, or 400 ─▶ each in turn ─▶ output
//! ```
//!
//! | what goes wrong | answer |
//! |---|---|
//! | no `q` | 400 |
//! | a statement that the caller may not do | 403, nothing was run |
//! | a text that is not InfluxQL | 400 `error parsing query: …`, nothing was run |
//! | a statement that cannot be done | 200, `error` in its result; those after it are not run |
//! | the server cannot: storage full, stopping | 503, 507, 500: as anywhere else |
//!
//! Parameters may stand in the address and in a form; Grafana uses both in one request. Those that
//! only concern rows with times (`epoch`) or their number (`chunk_size`) have no effect yet.

mod databases;
mod duration;
mod lexer;
mod output;
mod parser;
mod retention_policies;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method};
use axum::response::Response;

use self::output::{Message, Outcome, Output, Series};
use self::parser::{Parsed, Statement};
use crate::auth::Principal;
use crate::error::{Error, Kind, Result};
use crate::http::App;
use crate::http::errors::public_message;
use crate::http::parameters::Parameters;
use crate::services::Services;

/// What statements are run with.
struct Context<'a> {
    services: &'a Services,
    principal: Principal,
    /// The database of the request, for statements that name none.
    database: Option<String>,
}

/// Why a statement did not run.
#[derive(Debug)]
enum Failure {
    /// Its own fault: goes into its result.
    Statement(String),
    /// The server's: the request fails.
    Request(Error),
}

impl From<catalog::Error> for Failure {
    fn from(error: catalog::Error) -> Self {
        Self::from(Error::from(error))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::Invalid | Kind::NotFound | Kind::AlreadyExists | Kind::LimitReached => {
                Self::Statement(public_message(&error))
            }
            _ => Self::Request(error),
        }
    }
}

/// What a statement gives.
type Ran = std::result::Result<Vec<Series>, Failure>;

pub(super) async fn answer(State(app): State<App>, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let in_address = Parameters::of(&parts.uri)?;
    let mut parameters = parameters(&app, &parts.headers, body, in_address).await?;
    let message = "missing required parameter \"q\"";
    let text = parameters.take_some("q");
    let text = text.ok_or(Error::ParameterMissing { message })?;
    let statements =
        parser::parse(&text).map_err(|mistake| Error::QuerySyntax { problem: mistake.0 })?;
    // A result there always is: clients read the first without looking.
    if statements.is_empty() {
        return Err(Error::ParameterMissing { message });
    }
    let output = Output {
        is_csv: output::wants_csv(&parts.headers),
        is_chunked: is_on(&mut parameters, "chunked"),
        is_pretty: is_on(&mut parameters, "pretty"),
    };
    let context = Context {
        services: app.server.services()?,
        principal: Principal::of(&parts.extensions)?,
        database: parameters.take_some("db"),
    };
    for parsed in &statements {
        parsed.statement.check(&context.principal)?;
    }
    let results = run(&context, &statements, parts.method == Method::GET).await?;
    Ok(output.response(&results))
}

/// The parameters of a request: those of the body before those of the address, as Go's forms have
/// it.
async fn parameters(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    in_address: Parameters,
) -> Result<Parameters> {
    let bytes_max = app.server.settings.queries.body_bytes_max;
    let content = app.server.small_body(bytes_max, headers, body).await?;
    let content_type = headers
        .get(CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
    let content_type = content_type.as_deref().unwrap_or_default();
    let is_type = |name: &str| content_type.split(';').next().unwrap_or_default().trim() == name;
    let in_body = if is_type("application/vnd.influxql") {
        let text = String::from_utf8_lossy(&content.bytes).into_owned();
        Parameters::from_pairs(vec![("q".to_owned(), text)])
    } else if is_type("application/x-www-form-urlencoded") {
        Parameters::of_form(&content.bytes)
    } else {
        return Ok(in_address);
    };
    Ok(in_body.or(in_address))
}

fn is_on(parameters: &mut Parameters, name: &str) -> bool {
    parameters.take(name).as_deref() == Some("true")
}

/// Runs statements until one fails.
async fn run(
    context: &Context<'_>,
    statements: &[Parsed],
    is_read_only: bool,
) -> Result<Vec<Outcome>> {
    let mut results = Vec::with_capacity(statements.len());
    let mut has_failed = false;
    for (statement_id, Parsed { statement, text }) in statements.iter().enumerate() {
        let mut outcome = Outcome {
            statement_id,
            ..Outcome::default()
        };
        if has_failed {
            outcome.error = Some("not executed".to_owned());
            results.push(outcome);
            continue;
        }
        match statement.run(context).await {
            Ok(series) => outcome.series = series,
            Err(Failure::Statement(problem)) => {
                outcome.error = Some(problem);
                has_failed = true;
            }
            Err(Failure::Request(error)) => return Err(error),
        }
        if is_read_only && !statement.is_read() && !has_failed {
            let text = format!(
                "deprecated use of '{text}' in a read only context, please use a POST request \
                 instead"
            );
            let level = "warning";
            outcome.messages = vec![Message { level, text }];
        }
        results.push(outcome);
    }
    Ok(results)
}

impl Statement {
    fn check(&self, principal: &Principal) -> Result<()> {
        match self {
            Self::Databases(statement) => statement.check(principal),
            Self::RetentionPolicies(statement) => statement.check(principal),
            Self::Unsupported(_) => Ok(()),
        }
    }

    fn is_read(&self) -> bool {
        match self {
            Self::Databases(statement) => statement.is_read(),
            Self::RetentionPolicies(statement) => statement.is_read(),
            Self::Unsupported(_) => true,
        }
    }

    async fn run(&self, context: &Context<'_>) -> Ran {
        match self {
            Self::Databases(statement) => statement.run(context).await,
            Self::RetentionPolicies(statement) => statement.run(context).await,
            Self::Unsupported(words) => Err(Failure::Statement(format!(
                "{words} is not supported here: this endpoint takes statements about databases \
                 and retention policies; query with SQL at /api/v3/query_sql or over Flight SQL"
            ))),
        }
    }
}

#[cfg(test)]
mod tests;
