//! The cases that rows in columns can have too, as Flight brings them: `CommandStatementIngest`. A batch
//! of records is refused whole, for a part of it is of no use to the program that sent it.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
    TimestampNanosecondArray,
};
use arrow::datatypes::{Field, Schema};
use arrow_flight::error::FlightError;
use arrow_flight::sql::CommandStatementIngest;
use arrow_flight::sql::client::FlightSqlServiceClient;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use super::surface::Tokens;
use crate::harness::Server;

/// A batch and what becomes of it.
struct Case {
    number: u8,
    name: &'static str,
    table: String,
    columns: Vec<(String, ArrayRef, Kind)>,
    token: Option<String>,
    /// `None` is one that was made for the case, with a table `known` of a float `v` and a tag `t`.
    database: Option<&'static str>,
    answer: Result<i64, (Code, &'static str)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Tag,
    Field,
}

/// What the cases came to.
pub(super) struct Checked {
    pub(super) checks: usize,
    pub(super) record: String,
}

fn floats(value: f64) -> ArrayRef {
    Arc::new(Float64Array::from(vec![value]))
}

fn text(value: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![value]))
}

fn time(nanos: i64) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from(vec![nanos]))
}

fn integers(value: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![value]))
}

/// A batch of one row: its time and these fields.
fn row(number: u8, name: &'static str, fields: &[(&str, ArrayRef)]) -> Case {
    let field =
        |(name, values): &(&str, ArrayRef)| ((*name).to_owned(), Arc::clone(values), Kind::Field);
    let mut columns = vec![("time".to_owned(), time(1), Kind::Field)];
    columns.extend(fields.iter().map(field));
    Case {
        number,
        name,
        table: "m".to_owned(),
        columns,
        token: None,
        database: None,
        answer: Ok(1),
    }
}

impl Case {
    fn refused(self, code: Code, reason: &'static str) -> Self {
        let answer = Err((code, reason));
        Self { answer, ..self }
    }

    fn into_table(self, table: &str) -> Self {
        let table = table.to_owned();
        Self { table, ..self }
    }

    fn at(mut self, times: ArrayRef) -> Self {
        self.columns[0].1 = times;
        self
    }

    fn with_tag(mut self, name: &str, value: &str) -> Self {
        self.columns.push((name.to_owned(), text(value), Kind::Tag));
        self
    }

    fn into_database(self, name: &'static str) -> Self {
        let database = Some(name);
        Self { database, ..self }
    }

    fn shown(self, token: &str) -> Self {
        let token = Some(token.to_owned());
        Self { token, ..self }
    }

    fn batch(&self) -> RecordBatch {
        let field = |(name, values, kind): &(String, ArrayRef, Kind)| {
            let field = Field::new(name, values.data_type().clone(), true);
            let tag = (
                "iox::column::type".to_owned(),
                "iox::column_type::tag".to_owned(),
            );
            field.with_metadata(match kind {
                Kind::Tag => [tag].into(),
                Kind::Field => [].into(),
            })
        };
        let fields: Vec<_> = self.columns.iter().map(field).collect();
        let values = self.columns.iter().map(|(_, values, _)| Arc::clone(values));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), values.collect()).unwrap()
    }
}

fn cases(tokens: &Tokens) -> Vec<Case> {
    const INVALID: Code = Code::InvalidArgument;
    let v = || ("v", floats(1.0));
    let one = |number, name| row(number, name, &[v()]);
    let wide: Vec<(String, ArrayRef)> = (0..2000).map(|i| (format!("f{i}"), floats(1.0))).collect();
    let wide: Vec<_> = wide
        .iter()
        .map(|(name, values)| (name.as_str(), Arc::clone(values)))
        .collect();
    let seconds = Arc::new(TimestampMillisecondArray::from(vec![i64::MAX]));
    let mut list = vec![
        row(3, "no field", &[]).refused(INVALID, "unsupported_column_type"),
        row(5, "not a number", &[("v", floats(f64::NAN))]).refused(INVALID, "non_finite_float"),
        row(6, "infinity", &[("v", floats(f64::INFINITY))]).refused(INVALID, "non_finite_float"),
        one(13, "a time too large")
            .at(time(i64::MAX))
            .refused(INVALID, "timestamp_out_of_range"),
        one(14, "the least of all times")
            .at(time(i64::MIN))
            .refused(INVALID, "timestamp_out_of_range"),
        one(15, "milliseconds that nanoseconds do not hold")
            .at(seconds)
            .refused(INVALID, "unsupported_column_type"),
        one(16, "a time in words")
            .at(text("now"))
            .refused(INVALID, "unsupported_column_type"),
        one(19, "a tag twice")
            .with_tag("t", "a")
            .with_tag("t", "b")
            .refused(INVALID, "duplicate_tag"),
        row(20, "a field twice", &[v(), v()]).refused(INVALID, "duplicate_field"),
        one(21, "a tag and a field of one name")
            .with_tag("v", "a")
            .refused(INVALID, "column_kind_conflict"),
        one(24, "an empty tag value").with_tag("t", ""),
        row(25, "text in a column of floats", &[("v", text("hot"))])
            .into_table("known")
            .refused(INVALID, "field_type_conflict"),
        row(
            26,
            "an integer in a column of floats",
            &[("v", integers(1))],
        )
        .into_table("known")
        .refused(INVALID, "field_type_conflict"),
        one(30, "a NUL in the name of a table")
            .into_table("m\0")
            .refused(INVALID, "invalid_name"),
        row(
            30,
            "an escape in the name of a field",
            &[("v\u{1b}", floats(1.0))],
        )
        .refused(INVALID, "invalid_name"),
        one(31, "text turned round in a name")
            .into_table("m\u{202e}x")
            .refused(INVALID, "invalid_name"),
        one(32, "a table named like a path").into_table("../../etc/passwd"),
        one(33, "a database named like a path")
            .into_database("../x")
            .refused(Code::NotFound, "database_not_found"),
        row(
            36,
            "a text of more than 64 KiB",
            &[("s", text(&"x".repeat((64 << 10) + 1)))],
        )
        .refused(INVALID, "value_too_large"),
        one(37, "a tag value of 70 kB")
            .with_tag("t", &"x".repeat(70_000))
            .refused(INVALID, "key_too_large"),
        row(39, "2 000 fields", &wide).refused(Code::ResourceExhausted, "column_limit"),
        one(46, "a row ten years ahead").at(time(2_015_360_000_000_000_000)),
        one(58, "a database that is not there")
            .into_database("nowhere")
            .refused(Code::NotFound, "database_not_found"),
        one(59, "an unknown token")
            .shown("nobody-knows-me")
            .refused(Code::Unauthenticated, "unauthorized"),
        one(60, "a token that may not write")
            .shown(&tokens.reader)
            .refused(Code::PermissionDenied, "forbidden"),
        one(61, "a token whose time is over")
            .shown(&tokens.expired)
            .refused(Code::Unauthenticated, "token_expired"),
    ];
    let mut untimed = one(57, "no time");
    untimed.columns.remove(0);
    list.push(untimed.refused(INVALID, "unsupported_column_type"));
    list
}

/// Sends every case to both addresses.
pub(super) fn run(server: &Server, tokens: &Tokens) -> Checked {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let cases = cases(tokens);
    let mut checked = Checked {
        checks: 0,
        record: String::new(),
    };
    for (at, case) in cases.iter().enumerate() {
        writeln!(
            checked.record,
            "### {} {}, as records",
            case.number, case.name
        )
        .unwrap();
        let mut words = Vec::new();
        for (address, http) in ["first", "second"]
            .into_iter()
            .zip([server.client().clone(), server.client().on_v3()])
        {
            let own = format!("{address}-{at}");
            server.client().write(&own, "known,t=a v=0 0");
            let database = case.database.unwrap_or(&own);
            let said = runtime.block_on(send(http.http(), case, database, &tokens.admin));
            words.push(judged(case, said).replace(&own, "{database}"));
            let rows = server.client().dump(&own).len();
            assert_eq!(rows, 1 + usize::from(case.answer.is_ok()), "{}", case.name);
            checked.checks += 1;
        }
        assert_eq!(words[0], words[1], "both addresses");
        writeln!(checked.record, "flight: {}\n", words[0]).unwrap();
    }
    checked
}

async fn send(url: &str, case: &Case, database: &str, admin: &str) -> Result<i64, FlightError> {
    let endpoint = Endpoint::from_shared(url.to_owned()).unwrap();
    let mut client: FlightSqlServiceClient<Channel> =
        FlightSqlServiceClient::new(endpoint.connect().await.unwrap());
    client.set_header("database", database);
    client.set_token(case.token.as_deref().unwrap_or(admin).to_owned());
    let command = CommandStatementIngest {
        table: case.table.clone(),
        ..CommandStatementIngest::default()
    };
    let batches = futures::stream::iter([Ok(case.batch())]);
    client.execute_ingest(command, batches).await
}

/// Holds what came to what had to come; returns it as records have it.
fn judged(case: &Case, said: Result<i64, FlightError>) -> String {
    match said {
        Ok(rows) => {
            assert_eq!(Ok(rows), case.answer, "{}", case.name);
            format!("{rows} stored")
        }
        Err(FlightError::Tonic(status)) => {
            let reason = status.metadata().get("tidemill-reason");
            let reason = reason.map_or("", |reason| reason.to_str().unwrap());
            let found = (status.code(), reason);
            assert_eq!(Err(found), case.answer, "{}: {status}", case.name);
            format!("{:?} {reason}: {}", status.code(), status.message())
        }
        Err(other) => panic!("{}: not from the server: {other}", case.name),
    }
}
