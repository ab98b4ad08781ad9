//! Prepared statements. The server keeps none of them: a handle *is* the statement, sealed, and
//! binding parameters answers with another handle that has their values in it.

use std::future;
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    DoPutPreparedStatementResult,
};
use bytes::Bytes;
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt as _;
use futures::stream::Peekable;
use query::{Description, Placeholders};
use tonic::{Status, Streaming};

use super::caller::Caller;
use super::results;
use super::seal::Purpose;
use super::service::Flight;
use super::statements;
use super::tickets::{self, Sealed, Statement, Work};
use crate::error::{Error, Result};

/// The messages of a `DoPut`.
pub(super) type Messages = Pin<Box<Peekable<Streaming<FlightData>>>>;

/// Prepares a statement.
pub(super) async fn create(
    flight: &Flight,
    caller: &Caller,
    request: ActionCreatePreparedStatementRequest,
) -> Result<ActionCreatePreparedStatementResult> {
    if !tickets::is_none(&request.transaction_id) {
        let what = "a transaction";
        return Err(Error::Unsupported { what });
    }
    let Placeholders { sql, names } = query::placeholders(&request.query);
    let statement = Statement {
        database: caller.database().map(str::to_owned),
        sql,
        ..Statement::default()
    };
    let description = describe(flight, caller, &statement, &names).await?;
    let parameter = |name: &String| {
        let known = description.parameters.get(name).cloned().flatten();
        // Text is what the planner converts most easily to whatever it needs.
        let data_type = known.filter(|known| *known != DataType::Null);
        Field::new(name, data_type.unwrap_or(DataType::Utf8), true)
    };
    let parameters = Schema::new(names.iter().map(parameter).collect::<Vec<_>>());
    let sealed = Sealed::prepared(caller.database(), statement.sql);
    Ok(ActionCreatePreparedStatementResult {
        prepared_statement_handle: sealed.seal(caller, Purpose::Statement),
        // Clients take a statement with columns for a query and any other for an update.
        dataset_schema: match description.changes {
            true => Bytes::new(),
            false => statements::schema_bytes(&results::sent_schema(&description.schema))?,
        },
        parameter_schema: match parameters.fields().is_empty() {
            true => Bytes::new(),
            false => statements::schema_bytes(&results::sent_schema(&parameters))?,
        },
    })
}

/// What a statement will do, as far as that can be known before its parameters have values. Some
/// expressions, such as `$1 + $2`, have no type until then; they are described for whole numbers,
/// or else for text.
async fn describe(
    flight: &Flight,
    caller: &Caller,
    statement: &Statement,
    names: &[String],
) -> Result<Description> {
    let error = match statements::describe(flight, caller, statement).await {
        Err(error) if !names.is_empty() => error,
        described => return described,
    };
    for guess in [ScalarValue::Int64(None), ScalarValue::Utf8(None)] {
        let guesses = names.iter().map(|name| (bare(name), guess.clone()));
        let guessed = Statement {
            params: guesses.collect(),
            ..statement.clone()
        };
        if let Ok(description) = statements::describe(flight, caller, &guessed).await {
            return Ok(description);
        }
    }
    Err(error)
}

/// Checks a handle that is to be forgotten, which the caller does alone.
pub(super) fn close(caller: &Caller, handle: &[u8]) -> Result<()> {
    Sealed::open(caller, Purpose::Statement, handle).map(|_| ())
}

/// Binds the one row of parameters that a query can have.
pub(super) async fn bind(
    caller: &Caller,
    handle: &[u8],
    messages: Messages,
) -> Result<DoPutPreparedStatementResult, Status> {
    let bound = async {
        let sealed = Sealed::open(caller, Purpose::Statement, handle)?;
        let names = query::placeholders(sealed.sql()).names;
        let rows = rows_of(messages).await?;
        let handle = match &rows[..] {
            // Some clients bind a row of nothing.
            rows if names.is_empty() && rows.iter().all(|row| row.num_columns() == 0) => sealed,
            [row] => sealed.bound(&named(row, &names)?)?,
            _ => return Err(parameters(format!("{} rows", rows.len()), "one row")),
        };
        Ok(handle.seal(caller, Purpose::Statement))
    };
    let handle = bound.await.map_err(super::errors::status)?;
    Ok(DoPutPreparedStatementResult {
        prepared_statement_handle: Some(handle),
    })
}

/// Runs a statement that changes something, once for every row of parameters.
pub(super) async fn update(
    flight: &Flight,
    caller: &Caller,
    handle: &[u8],
    messages: Messages,
) -> Result<()> {
    let sealed = Sealed::open(caller, Purpose::Statement, handle)?;
    let names = query::placeholders(sealed.sql()).names;
    let rows = rows_of(messages).await?;
    if names.is_empty() || rows.is_empty() {
        return change(flight, caller, sealed).await;
    }
    for row in &rows {
        let bound = sealed.clone().bound(&named(row, &names)?)?;
        change(flight, caller, bound).await?;
    }
    Ok(())
}

async fn change(flight: &Flight, caller: &Caller, sealed: Sealed) -> Result<()> {
    match sealed.into_work()? {
        Work::Statement(statement) => statements::change(flight, caller, &statement).await,
        Work::Metadata(_) => Err(Error::InvalidTicket {
            problem: "it is no statement",
        }),
    }
}

/// The rows of a stream, each as a batch of its own; none if there is not even a schema.
async fn rows_of(messages: Messages) -> Result<Vec<RecordBatch>> {
    let mut batches = batches(messages);
    let mut rows = Vec::new();
    while let Some(batch) = batches.try_next().await.map_err(undecodable)? {
        rows.extend((0..batch.num_rows()).map(|row| batch.slice(row, 1)));
        if rows.len() > ROWS_MAX {
            return Err(parameters(
                format!("{} rows", rows.len()),
                "10000 rows at most",
            ));
        }
    }
    Ok(rows)
}

/// Rows of parameters in one call.
const ROWS_MAX: usize = 10_000;

/// A row of parameters under the names that the planner knows them by, without the `$`. Columns
/// that have the names of the placeholders are taken by name; any others by position, because
/// clients make names up: ADBC calls them `0`, `1`, …
fn named(row: &RecordBatch, names: &[String]) -> Result<RecordBatch> {
    let schema = row.schema();
    if names.len() != schema.fields().len() {
        let found = format!("{} columns", schema.fields().len());
        return Err(parameters(found, "one column for every placeholder"));
    }
    let given: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| bare(field.name()))
        .collect();
    let by_name = names.iter().map(|name| {
        let name = bare(name);
        given.iter().position(|given| *given == name)
    });
    let by_name: Option<Vec<usize>> = by_name.collect();
    let order = by_name.unwrap_or_else(|| (0..names.len()).collect());
    let fields = names.iter().zip(&order).map(|(name, &column)| {
        let data_type = schema.field(column).data_type().clone();
        Field::new(bare(name), data_type, true)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = order.iter().map(|&column| Arc::clone(row.column(column)));
    RecordBatch::try_new(schema, columns.collect())
        .map_err(|error| parameters(error.to_string(), "values of plain types"))
}

/// The name of a parameter without the `$`.
fn bare(name: &str) -> String {
    name.strip_prefix('$').unwrap_or(name).to_owned()
}

/// The record batches of a `DoPut`. Some clients that have none send the command alone, without a schema.
pub(super) fn batches(messages: Messages) -> FlightRecordBatchStream {
    let with_data = messages
        .map_err(|status| FlightError::Tonic(Box::new(status)))
        .try_filter(|message| future::ready(!message.data_header.is_empty()));
    FlightRecordBatchStream::new_from_flight_data(with_data)
}

/// What is wrong with a stream of record batches: what tonic says of it, or its content.
pub(super) fn undecodable(error: FlightError) -> Error {
    match error {
        FlightError::Tonic(status) if status.code() == tonic::Code::Cancelled => {
            Error::BodyTruncated
        }
        error => parameters(error.to_string(), "a stream of record batches"),
    }
}

fn parameters(value: String, expected: &'static str) -> Error {
    Error::InvalidParameter {
        name: "parameters".to_owned(),
        value: value.chars().take(200).collect(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    #[test]
    fn parameters_are_taken_by_name_or_else_by_position() {
        let check = |given: &[&str], names: &[&str]| {
            let column = |(at, name): (usize, &&str)| {
                let values: ArrayRef = Arc::new(Int64Array::from(vec![at as i64]));
                (name.to_string(), values)
            };
            let row = RecordBatch::try_from_iter(given.iter().enumerate().map(column)).unwrap();
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            let named = named(&row, &names).map_err(|error| error.reason())?;
            let schema = named.schema();
            let columns = schema.fields().iter().zip(named.columns());
            let text = columns.map(|(field, column)| {
                let values = column.as_any().downcast_ref::<Int64Array>().unwrap();
                format!("{}={}", field.name(), values.value(0))
            });
            Ok(text.collect::<Vec<_>>().join(" "))
        };
        for (given, names, expected) in [
            (&["0", "1"][..], &["$1", "$2"][..], Ok("1=0 2=1")),
            (&["1", "2"], &["$1", "$2"], Ok("1=0 2=1")),
            (&["$2", "$1"], &["$1", "$2"], Ok("1=1 2=0")),
            (&["b", "a"], &["$a", "$b"], Ok("a=1 b=0")),
            (&["x", "y"], &["$a", "$b"], Ok("a=0 b=1")),
            (&["?"], &["$1"], Ok("1=0")),
            (&["0"], &["$1", "$2"], Err("invalid_parameter")),
            (&["0", "1"], &["$1"], Err("invalid_parameter")),
        ] {
            assert_eq!(
                check(given, names).as_deref().map_err(|e| *e),
                expected,
                "{given:?}"
            );
        }
    }
}
