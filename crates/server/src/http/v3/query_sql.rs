//! `GET|POST /api/v3/query_sql`: SQL in, rows out. `X-Tidemill-Timeout: 5s` asks for a deadline.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use datafusion::scalar::ScalarValue;
use futures::{StreamExt as _, TryStreamExt as _};
use query::{Access, SqlRequest};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::http::App;
use crate::http::formats::{self, Format, Rows};
use crate::http::parameters::Parameters;
use crate::http::scalars;
use crate::watched::watched;

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
        params: params.map_err(|error| scalars::invalid(&error.to_string()))?,
    };
    // A link that is followed, or fetched ahead by a proxy, must not change anything.
    let principal = Principal::of(request.extensions())?;
    answer(&app, request.headers(), query, Access::Read, principal).await
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
    let principal = Principal::of(&parts.extensions)?;
    answer(&app, &parts.headers, query, Access::Change, principal).await
}

async fn answer(
    app: &App,
    headers: &HeaderMap,
    query: Query,
    access: Access,
    principal: Principal,
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
        params: query.params.map_or(Ok(Vec::new()), params_of)?,
        timeout: timeout(headers)?,
        access,
        caller: principal.caller(),
    };
    let result = app.server.services()?.query.sql(request).await?;
    let schema = result.schema();
    let rows = Rows {
        schema,
        batches: watched(app, &principal, result.map_err(Error::from).boxed()),
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

fn params_of(params: Params) -> Result<Vec<(String, ScalarValue)>> {
    match params {
        Params::Named(values) => scalars::of_json(values),
        Params::Positions(values) => scalars::of_list(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
