//! Every call and every action of Flight against every kind of caller.

use arrow::array::{Float64Array, TimestampNanosecondArray};
use arrow_flight::sql::{
    Any, CommandGetPrimaryKeys, CommandStatementIngest, CommandStatementQuery,
    CommandStatementUpdate, ProstMessageExt as _,
};
use arrow_flight::{Action, Criteria, Empty, FlightData, FlightDescriptor};
use catalog::Action as Right;
use futures::{StreamExt as _, TryStreamExt as _};
use prost::Message as _;
use tonic::Status;

use super::*;
use crate::flight::actions;
use crate::http::routes::Access;
use crate::http::tests::matrix::{Verdict, Who, site_with_everyone};

const READ: Access = Access::Database(Right::Read);
const WRITE: Access = Access::Database(Right::Write);
const ADMIN: Access = Access::Database(Right::Admin);

/// A call, with what it needs.
const CALLS: [(&str, Access); 15] = [
    ("Handshake", Access::Known),
    ("ListFlights", Access::Known),
    ("GetFlightInfo", READ),
    ("PollFlightInfo", READ),
    ("GetSchema", READ),
    ("DoGet", READ),
    ("DoGet of tables", READ),
    ("DoGet of keys", READ),
    ("DoPut of a delete", WRITE),
    ("DoPut of a drop", ADMIN),
    ("DoPut of a token", Access::Server),
    ("DoPut of rows", WRITE),
    ("DoPut in another's place", ADMIN),
    ("DoExchange", Access::Known),
    ("ListActions", Access::Known),
];

fn query_command() -> FlightDescriptor {
    let query = CommandStatementQuery {
        query: "SELECT v FROM motor".to_owned(),
        transaction_id: None,
    };
    FlightDescriptor::new_cmd(query.as_any().encode_to_vec())
}

fn put(message: Any) -> futures::stream::BoxStream<'static, FlightData> {
    let descriptor = FlightDescriptor::new_cmd(message.encode_to_vec());
    let first = FlightData::new().with_descriptor(descriptor);
    futures::stream::iter([first]).boxed()
}

fn update(sql: &str) -> futures::stream::BoxStream<'static, FlightData> {
    let update = CommandStatementUpdate {
        query: sql.to_owned(),
        transaction_id: None,
    };
    put(update.as_any())
}

fn rows(replace: bool) -> futures::stream::BoxStream<'static, FlightData> {
    use arrow_flight::encode::FlightDataEncoderBuilder;
    use arrow_flight::sql::{TableDefinitionOptions, TableExistsOption, TableNotExistOption};
    let exists = match replace {
        true => TableExistsOption::Replace,
        false => TableExistsOption::Append,
    };
    let ingest = CommandStatementIngest {
        table_definition_options: Some(TableDefinitionOptions {
            if_not_exist: TableNotExistOption::Create.into(),
            if_exists: exists.into(),
        }),
        table: "motor".to_owned(),
        ..Default::default()
    };
    let values: Vec<(&str, ArrayRef)> = vec![
        ("time", Arc::new(TimestampNanosecondArray::from(vec![7]))),
        ("v", Arc::new(Float64Array::from(vec![7.0]))),
    ];
    let descriptor = FlightDescriptor::new_cmd(ingest.as_any().encode_to_vec());
    let batches = futures::stream::iter([Ok(batch(values))]);
    FlightDataEncoderBuilder::new()
        .with_flight_descriptor(Some(descriptor))
        .build(batches)
        .map(|message| message.unwrap())
        .boxed()
}

/// Makes a call, to the end of what it answers.
async fn call(client: &mut Client, who: Who, name: &str) -> Result<(), Status> {
    let authorization = who.authorization().map(|value| ("authorization", value));
    let database = ("database", "plant".to_owned());
    let headers: Vec<_> = authorization.into_iter().chain([database]).collect();
    let inner = client.inner_mut();
    macro_rules! with {
        ($message:expr) => {{
            let mut request = tonic::Request::new($message);
            for (name, value) in &headers {
                request.metadata_mut().insert(*name, value.parse().unwrap());
            }
            request
        }};
    }
    macro_rules! drained {
        ($answer:expr) => {
            $answer
                .await?
                .into_inner()
                .try_collect::<Vec<_>>()
                .await
                .map(drop)
        };
    }
    let json = r#"{"database":"plant","sql_query":"SELECT v FROM motor","query_type":"sql"}"#;
    let tables = r#"{"database":"plant","sql_query":"SHOW TABLES","query_type":"sql"}"#;
    match name {
        "Handshake" => drained!(inner.handshake(with!(futures::stream::iter(vec![])))),
        "ListFlights" => drained!(inner.list_flights(with!(Criteria::default()))),
        "GetFlightInfo" => inner
            .get_flight_info(with!(query_command()))
            .await
            .map(drop),
        "PollFlightInfo" => inner
            .poll_flight_info(with!(query_command()))
            .await
            .map(drop),
        "GetSchema" => inner.get_schema(with!(query_command())).await.map(drop),
        "DoGet" => drained!(inner.do_get(with!(Ticket::new(json)))),
        "DoGet of tables" => drained!(inner.do_get(with!(Ticket::new(tables)))),
        "DoGet of keys" => {
            let keys = CommandGetPrimaryKeys {
                table: "motor".to_owned(),
                ..Default::default()
            };
            let ticket = Ticket::new(keys.as_any().encode_to_vec());
            drained!(inner.do_get(with!(ticket)))
        }
        "DoPut of a delete" => {
            drained!(inner.do_put(with!(update("DELETE FROM motor WHERE v > 9"))))
        }
        "DoPut of a drop" => drained!(inner.do_put(with!(update("DROP TABLE motor")))),
        "DoPut of a token" => drained!(inner.do_put(with!(update("CREATE TOKEN new ADMIN")))),
        "DoPut of rows" => drained!(inner.do_put(with!(rows(false)))),
        "DoPut in another's place" => drained!(inner.do_put(with!(rows(true)))),
        "DoExchange" => {
            drained!(inner.do_exchange(with!(futures::stream::iter(Vec::<FlightData>::new()))))
        }
        "ListActions" => drained!(inner.list_actions(with!(Empty {}))),
        action => drained!(inner.do_action(with!(Action::new(action, "")))),
    }
}

fn verdict_of(result: &Result<(), Status>) -> Verdict {
    match result.as_ref().map_err(|status| status.code()) {
        Err(Code::Unauthenticated) => Verdict::Unknown,
        Err(Code::PermissionDenied) => Verdict::Denied,
        // There is no such call, or its empty body is no request or about nothing: they were let in.
        Ok(()) | Err(Code::Unimplemented | Code::InvalidArgument | Code::NotFound) => {
            Verdict::LetIn
        }
        Err(code) => panic!("neither let in nor refused: {code:?} {result:?}"),
    }
}

#[tokio::test]
async fn every_call_lets_in_whom_it_should() {
    let actions = actions::list().map(|action| (action.r#type, Access::Known));
    let calls = CALLS.map(|(name, access)| (name.to_owned(), access));
    for (name, access) in calls.into_iter().chain(actions) {
        let site = site_with_everyone().await;
        for who in Who::ALL {
            let mut client = client(&site, &[]);
            let result = call(&mut client, who, &name).await;
            let expected = who.verdict(access, Profile::V3);
            assert_eq!(verdict_of(&result), expected, "{who:?} {name}: {result:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_reader_is_not_let_in_any_more() {
    let site = site_with_everyone().await;
    let mut reader = client(&site, &[("database", "plant")]);
    reader.set_token("reader".to_owned());
    let endless = r#"{"database":"plant","sql_query":"SELECT value FROM generate_series(1, 100000000)","query_type":"sql"}"#;
    let mut rows = reader.do_get(Ticket::new(endless)).await.unwrap();
    rows.try_next().await.unwrap().unwrap();
    let catalog = &site.server.services().unwrap().catalog;
    let id = catalog.state().token_named("reader").unwrap().id;
    catalog.remove_record::<catalog::Token>(id).await.unwrap();
    let ended = rows.try_for_each(async |_| Ok(())).await;
    assert_eq!(code(ended).0, Code::Unauthenticated);
}

#[tokio::test]
async fn a_ticket_is_asked_again_what_its_holder_may_do() {
    let site = site_with_everyone().await;
    let mut reader = client(&site, &[("database", "plant")]);
    reader.set_token("reader".to_owned());
    let sql = "SELECT v FROM motor".to_owned();
    let info = reader.execute(sql, None).await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap().ticket;
    assert_eq!(code(get(&mut reader, ticket.clone()).await).0, Code::Ok);
    let catalog = &site.server.services().unwrap().catalog;
    let id = catalog.state().token_named("reader").unwrap().id;
    let narrow = |token: &mut catalog::Token| {
        token.rights = Default::default();
        Ok(())
    };
    catalog.change_record(id, narrow).await.unwrap();
    let refused = code(get(&mut reader, ticket).await);
    assert_eq!(refused.0, Code::PermissionDenied, "{}", refused.1);
}
