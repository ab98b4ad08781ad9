//! `GET|POST /api/v3/query_sql`: SQL in, rows out. `X-Tidemill-Timeout: 5s` asks for a deadline.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use datafusion::scalar::ScalarValue;
use futures::{StreamExt as _, TryStreamExt as _};
use query::{Access, Caller, SqlRequest};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::http::formats::{self, Format, Rows};
use crate::http::parameters::Parameters;
use crate::http::{App, gate};

const TIMEOUT: HeaderName = HeaderName::from_static("x-tidemill-timeout");

/// What a query request says, in a body or in parameters.
#[derive(Debug, Deserialize)]
struct Query {
    db: Option<String>,
    q: Option<String>,
    format: Option<String>,
    params: Option<Params>,
}

/// Values for `$name`, or for `$1`, `$2` and so on.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Params {
    Named(Map<String, Value>),
    Positions(Vec<Value>),
}

pub(super) async fn answer_get(State(app): State<App>, request: Request) -> Result<Response> {
    let mut parameters = Parameters::of(request.uri())?;
    let params = parameters.take_some("params");
    let params = params.map(|text| serde_json::from_str(&text)).transpose();
    let query = Query {
        db: parameters.take("db"),
        q: parameters.take("q"),
        format: parameters.take("format"),
        params: params.map_err(|error| invalid_params(&error.to_string()))?,
    };
    // A link that is followed, or fetched ahead by a proxy, must not change anything.
    let caller = gate::caller(request.extensions());
    answer(&app, request.headers(), query, Access::Read, caller).await
}

pub(super) async fn answer_post(State(app): State<App>, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let bytes_max = app.server.settings.queries.body_bytes_max;
    let content = app
        .server
        .small_body(bytes_max, &parts.headers, body)
        .await?;
    let query = serde_json::from_slice(&content.bytes).map_err(|error| Error::InvalidJson {
        problem: error.to_string(),
    })?;
    let caller = gate::caller(&parts.extensions);
    answer(&app, &parts.headers, query, Access::Change, caller).await
}

async fn answer(
    app: &App,
    headers: &HeaderMap,
    query: Query,
    access: Access,
    caller: Caller,
) -> Result<Response> {
    let is_given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let message = match (is_given(&query.db), is_given(&query.q)) {
        (true, true) => None,
        (false, false) => Some("missing query parameters 'db' and 'q'"),
        (false, true) => Some("missing query parameter 'db'"),
        (true, false) => Some("missing query parameter 'q'"),
    };
    if let Some(message) = message {
        return Err(Error::ParameterMissing { message });
    }
    let format = Format::of(query.format.as_deref(), headers)?;
    let request = SqlRequest {
        database: query.db.unwrap_or_default(),
        sql: query.q.unwrap_or_default(),
        params: query.params.map_or(Ok(Vec::new()), scalars)?,
        timeout: timeout(headers)?,
        access,
        caller,
    };
    let result = app.server.services()?.query.sql(request).await?;
    let schema = result.schema();
    let rows = Rows {
        schema,
        batches: result.map_err(Error::from).boxed(),
    };
    formats::respond(app, format, headers, rows).await
}

fn timeout(headers: &HeaderMap) -> Result<Option<Duration>> {
    let Some(value) = headers.get(TIMEOUT) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    match humantime::parse_duration(text.trim()) {
        Ok(timeout) if !timeout.is_zero() => Ok(Some(timeout)),
        _ => Err(Error::InvalidParameter {
            name: TIMEOUT.to_string(),
            value: text.chars().take(40).collect(),
            expected: "a duration such as 500ms, 5s or 2m",
        }),
    }
}

fn scalars(params: Params) -> Result<Vec<(String, ScalarValue)>> {
    let named =
        |(name, value): (String, Value)| Ok((parameter_name(&name)?, scalar(&name, value)?));
    match params {
        Params::Named(values) => values.into_iter().map(named).collect(),
        Params::Positions(values) => {
            let names = (1..).map(|position: usize| position.to_string());
            names.zip(values).map(named).collect()
        }
    }
}

fn parameter_name(name: &str) -> Result<String> {
    match name.strip_prefix('$').unwrap_or(name) {
        "" => Err(invalid_params("a parameter has no name")),
        name => Ok(name.to_owned()),
    }
}

fn scalar(name: &str, value: Value) -> Result<ScalarValue> {
    Ok(match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(value) => ScalarValue::Boolean(Some(value)),
        Value::String(value) => ScalarValue::Utf8(Some(value)),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => ScalarValue::Int64(Some(value)),
            (_, Some(value), _) => ScalarValue::UInt64(Some(value)),
            (_, _, Some(value)) if value.is_finite() => ScalarValue::Float64(Some(value)),
            _ => return Err(invalid_params(&format!("`{name}` does not fit in 64 bits"))),
        },
        Value::Array(_) | Value::Object(_) => {
            return Err(invalid_params(&format!("`{name}` is a list or an object")));
        }
    })
}

fn invalid_params(problem: &str) -> Error {
    Error::InvalidParameter {
        name: "params".to_owned(),
        value: problem.chars().take(200).collect(),
        expected: "an object or a list of strings, numbers, booleans and null",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_scalars() {
        let check = |json: &str| {
            let params: Params = serde_json::from_str(json).unwrap();
            scalars(params).map_err(|error| error.reason())
        };
        let one = |value| Ok(vec![("x".to_owned(), value)]);
        for (json, expected) in [
            (r#"{"x":1}"#, one(ScalarValue::Int64(Some(1)))),
            (r#"{"$x":1.5}"#, one(ScalarValue::Float64(Some(1.5)))),
            (
                r#"{"x":18446744073709551615}"#,
                one(ScalarValue::UInt64(Some(u64::MAX))),
            ),
            (r#"{"x":"a"}"#, one(ScalarValue::Utf8(Some("a".to_owned())))),
            (r#"{"x":false}"#, one(ScalarValue::Boolean(Some(false)))),
            (r#"{"x":null}"#, one(ScalarValue::Null)),
            (r#"[]"#, Ok(vec![])),
            (
                r#"[1,"a"]"#,
                Ok(vec![
                    ("1".to_owned(), ScalarValue::Int64(Some(1))),
                    ("2".to_owned(), ScalarValue::Utf8(Some("a".to_owned()))),
                ]),
            ),
            (r#"[[1]]"#, Err("invalid_parameter")),
            (r#"{"x":[1]}"#, Err("invalid_parameter")),
            (r#"{"x":{}}"#, Err("invalid_parameter")),
            (r#"{"$":1}"#, Err("invalid_parameter")),
        ] {
            assert_eq!(check(json), expected, "{json}");
        }
    }

    #[test]
    fn a_deadline_may_be_asked_for() {
        let check = |text: &'static str| {
            let headers = [(TIMEOUT, axum::http::HeaderValue::from_static(text))];
            timeout(&headers.into_iter().collect()).map_err(|error| error.reason())
        };
        assert_eq!(check("5s"), Ok(Some(Duration::from_secs(5))));
        assert_eq!(check("250ms"), Ok(Some(Duration::from_millis(250))));
        for bad in ["0s", "5", "soon", "-1s", ""] {
            assert_eq!(check(bad), Err("invalid_parameter"), "{bad}");
        }
        assert_eq!(timeout(&HeaderMap::new()).unwrap(), None);
    }
}
