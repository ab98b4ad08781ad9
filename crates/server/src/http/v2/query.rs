//! `POST /api/v2/query`: the one query of Flux that programs ask to see whether the server answers,
//! `buckets()`. Everything else is a clear error.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use catalog::Database;
use serde::Deserialize;

use super::{buckets, ids};
use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::http::App;

#[derive(Debug, Default, Deserialize)]
struct Query {
    #[serde(default)]
    query: String,
    #[serde(default)]
    dialect: Dialect,
}

/// How the answer is written.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Dialect {
    header: bool,
    delimiter: String,
    annotations: Vec<String>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            header: true,
            delimiter: ",".to_owned(),
            annotations: Vec::new(),
        }
    }
}

/// What `buckets()` gives: name, type and membership in the key of its one table.
const COLUMNS: [(&str, &str, bool); 5] = [
    ("name", "string", false),
    ("id", "string", false),
    ("organizationID", "string", true),
    ("retentionPolicy", "string", false),
    ("retentionPeriod", "long", false),
];

pub(super) async fn answer(State(app): State<App>, request: Request) -> Result<Response> {
    let (parts, content) = request.into_parts();
    let query = read(&app, &parts.headers, content).await?;
    let delimiter = match query.dialect.delimiter.as_str() {
        "" | "," => ',',
        one if one.chars().count() == 1 => one.chars().next().unwrap_or(','),
        _ => return invalid("invalid dialect: the delimiter must have one character"),
    };
    let is_known = |annotation: &String| matches!(&**annotation, "datatype" | "group" | "default");
    if !query.dialect.annotations.iter().all(is_known) {
        return invalid("invalid dialect: annotations are datatype, group and default");
    }
    if !is_buckets(&query.query) {
        let what =
            "Flux, but for buckets(): query with SQL at /api/v3/query_sql or over Flight SQL";
        return Err(Error::NotImplemented { what });
    }
    let state = app.server.services()?.catalog.state();
    let principal = Principal::of(&parts.extensions)?;
    let text = table(&state, &principal, &query.dialect, delimiter);
    let mut response = Response::new(Body::from(text));
    let content_type = HeaderValue::from_static("text/csv; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}

fn invalid<T>(problem: &str) -> Result<T> {
    let problem = problem.to_owned();
    Err(Error::InvalidRequest { problem })
}

async fn read(app: &App, headers: &HeaderMap, content: Body) -> Result<Query> {
    let bytes_max = app.server.settings.queries.body_bytes_max;
    let content = app.server.small_body(bytes_max, headers, content).await?;
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if content_type.is_some_and(|found| found.starts_with(b"application/vnd.flux")) {
        return Ok(Query {
            query: String::from_utf8_lossy(&content.bytes).into_owned(),
            ..Query::default()
        });
    }
    serde_json::from_slice(&content.bytes).map_err(|error| Error::InvalidJson {
        problem: error.to_string(),
    })
}

/// Whether a query is `buckets()`, perhaps under a name.
fn is_buckets(query: &str) -> bool {
    let blanks_out: String = query.chars().filter(|c| !c.is_whitespace()).collect();
    let bare = blanks_out.strip_suffix("|>yield()").unwrap_or(&blanks_out);
    bare == "buckets()"
}

/// The table as annotated CSV.
fn table(
    state: &catalog::State,
    principal: &Principal,
    dialect: &Dialect,
    delimiter: char,
) -> String {
    let delimiter = delimiter.to_string();
    let mut text = String::new();
    let mut line = |cells: &[&str]| {
        text.push_str(&cells.join(&delimiter));
        text.push_str("\r\n");
    };
    let mut has_default = false;
    for annotation in &dialect.annotations {
        has_default |= annotation == "default";
        let (head, result, number) = match annotation.as_str() {
            "datatype" => ("#datatype", "string", "long"),
            "group" => ("#group", "false", "false"),
            _ => ("#default", "_result", ""),
        };
        let of_column = |(_, datatype, in_key): &(&str, &'static str, bool)| match head {
            "#datatype" => *datatype,
            "#group" if *in_key => "true",
            "#group" => "false",
            _ => "",
        };
        let cells = [head, result, number].into_iter();
        line(
            &cells
                .chain(COLUMNS.iter().map(of_column))
                .collect::<Vec<_>>(),
        );
    }
    if dialect.header {
        let names = COLUMNS.iter().map(|(name, ..)| *name);
        line(
            &["", "result", "table"]
                .into_iter()
                .chain(names)
                .collect::<Vec<_>>(),
        );
    }
    let result = if has_default { "" } else { "_result" };
    let sees = |database: &&Arc<Database>| principal.sees(&database.name);
    for database in state.databases().filter(sees) {
        let organization = buckets::organization_of(state, database.id);
        let organization = organization.map_or_else(String::new, |id| id.to_string());
        let period = database.retention.nanos().unwrap_or(0).to_string();
        let id = ids::of_bucket(database.id).to_string();
        // Names of databases need no quotes.
        line(&[
            "",
            result,
            "0",
            &database.name,
            &id,
            &organization,
            "",
            &period,
        ]);
    }
    line(&[]);
    text
}

#[cfg(test)]
mod tests {
    use super::is_buckets;

    #[test]
    fn only_buckets_is_understood() {
        for (query, expected) in [
            ("buckets()", true),
            (" buckets ( )\n", true),
            ("buckets() |> yield()", true),
            ("buckets() |> limit(n: 1)", false),
            ("from(bucket: \"a\")", false),
            ("", false),
        ] {
            assert_eq!(is_buckets(query), expected, "{query}");
        }
    }
}
