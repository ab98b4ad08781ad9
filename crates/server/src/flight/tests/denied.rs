//! Who gets in, what is refused and with which code.

use arrow_flight::sql::{Any, CommandStatementQuery, ProstMessageExt as _, TicketStatementQuery};
use arrow_flight::{Action, Criteria, Empty, FlightData, FlightDescriptor};
use futures::StreamExt as _;
use prost::Message as _;
use tonic::{Request, Status};
use tower::ServiceExt as _;

use super::*;
use crate::auth::digest;

const OTHER: &str = "tidemill_other";

/// Every call of the service, and how it ends without credentials.
async fn call(client: &mut Client, name: &str) -> Result<(), Status> {
    let inner = client.inner_mut();
    let nothing = || futures::stream::iter(Vec::<FlightData>::new()).boxed();
    match name {
        "Handshake" => inner
            .handshake(futures::stream::iter(vec![]))
            .await
            .map(drop),
        "ListFlights" => inner.list_flights(Criteria::default()).await.map(drop),
        "GetFlightInfo" => inner
            .get_flight_info(FlightDescriptor::default())
            .await
            .map(drop),
        "PollFlightInfo" => inner
            .poll_flight_info(FlightDescriptor::default())
            .await
            .map(drop),
        "GetSchema" => inner
            .get_schema(FlightDescriptor::default())
            .await
            .map(drop),
        "DoGet" => inner.do_get(Ticket::default()).await.map(drop),
        "DoPut" => inner.do_put(nothing()).await.map(drop),
        "DoExchange" => inner.do_exchange(nothing()).await.map(drop),
        "DoAction" => inner.do_action(Action::default()).await.map(drop),
        "ListActions" => inner.list_actions(Empty {}).await.map(drop),
        other => panic!("no such call: {other}"),
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let site = plant().await;
    for name in [
        "Handshake",
        "ListFlights",
        "GetFlightInfo",
        "PollFlightInfo",
        "GetSchema",
        "DoGet",
        "DoPut",
        "DoExchange",
        "DoAction",
        "ListActions",
    ] {
        let status = call(&mut client(&site, &[]), name).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{name}");
        assert_eq!(
            status.metadata().get("tidemill-reason").unwrap(),
            "unauthorized"
        );
    }
    for (authorization, expected) in [
        ("Bearer wrong", Code::Unauthenticated),
        ("Digest x", Code::Unauthenticated),
        ("Bearer tidemill_test", Code::Ok),
        ("Token tidemill_test", Code::Ok),
        ("Basic YW55b25lOnRpZGVtaWxsX3Rlc3Q=", Code::Ok),
        ("Basic YW55b25lOnRpZGVtaWxsX3Rlc3Q", Code::Ok),
    ] {
        let mut client = client(
            &site,
            &[("database", "plant"), ("authorization", authorization)],
        );
        assert_eq!(
            code(query(&mut client, "SELECT 1").await).0,
            expected,
            "{authorization}"
        );
    }
}

#[tokio::test]
async fn a_handshake_turns_credentials_into_a_token() {
    let site = plant().await;
    let mut client = client(&site, &[("database", "plant")]);
    assert!(client.handshake("anyone", "wrong").await.is_err());
    client.handshake("anyone", TOKEN).await.unwrap();
    assert_eq!(client.token().map(String::as_str), Some(TOKEN));
    assert_eq!(lines(&query(&mut client, "SELECT 1").await.unwrap()), ["1"]);
}

#[tokio::test]
async fn failures_have_the_codes_of_their_kind() {
    let site = plant().await;
    for (headers, sql, expected, text) in [
        (
            &[("database", "plant")][..],
            "SELEKT",
            Code::InvalidArgument,
            "SELEKT",
        ),
        (
            &[("database", "plant")],
            "SELECT * FROM moter",
            Code::InvalidArgument,
            "did you mean 'motor'",
        ),
        (
            &[("database", "plant")],
            "SELECT 1; SELECT 2",
            Code::InvalidArgument,
            "one statement",
        ),
        (
            &[("database", "plant")],
            "COPY motor TO '/tmp/x'",
            Code::PermissionDenied,
            "COPY",
        ),
        (
            &[("database", "plant")],
            "SELECT $x",
            Code::InvalidArgument,
            "",
        ),
        (
            &[("database", "missing")],
            "SELECT 1",
            Code::NotFound,
            "database not found: missing",
        ),
        (
            &[("database", "plant"), ("bucket", "b")],
            "SELECT 1",
            Code::InvalidArgument,
            "same name",
        ),
        (
            &[("database", "plant"), ("grpc-timeout", "1n")],
            "SELECT 1",
            Code::DeadlineExceeded,
            "longer than",
        ),
        (
            &[("database", "plant"), ("grpc-timeout", "soon")],
            "SELECT 1",
            Code::InvalidArgument,
            "digits",
        ),
    ] {
        let mut client = client(&site, headers);
        client.set_token(TOKEN.to_owned());
        let (found, message) = code(query(&mut client, sql).await);
        assert_eq!(found, expected, "{sql}: {message}");
        assert!(message.contains(text), "{sql}: {message}");
    }
    let mut ours = ours(&site);
    query(&mut ours, "CREATE DATABASE other").await.unwrap();
    let mut nameless = client(&site, &[]);
    nameless.set_token(TOKEN.to_owned());
    let (found, message) = code(query(&mut nameless, "SELECT 1").await);
    assert_eq!(
        (found, message.as_str()),
        (Code::InvalidArgument, "no 'database' header in request")
    );
}

#[tokio::test]
async fn failures_while_rows_are_sent_end_the_stream_with_their_code() {
    let site = plant().await;
    let mut client = ours(&site);
    let (found, message) = code(query(&mut client, "SELECT 1 / (count - count) FROM motor").await);
    assert_eq!(found, Code::InvalidArgument, "{message}");
    assert!(
        message.to_lowercase().contains("divide by zero"),
        "{message}"
    );
}

#[tokio::test]
async fn forged_tickets_and_handles_are_refused() {
    let site = plant().await;
    let mut client = ours(&site);
    let statement = |sealed: &[u8]| {
        let statement_handle = sealed.to_vec().into();
        TicketStatementQuery { statement_handle }
            .as_any()
            .encode_to_vec()
    };
    let info = client.execute("SELECT 1".to_owned(), None).await.unwrap();
    let good = info.endpoint[0].ticket.clone().unwrap().ticket.to_vec();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    let unknown = Any {
        type_url: "type.googleapis.com/x".to_owned(),
        value: Default::default(),
    };
    let transaction = CommandStatementQuery {
        query: "SELECT 1".to_owned(),
        transaction_id: Some("t".into()),
    };
    for (ticket, expected) in [
        (vec![], Code::InvalidArgument),
        (b"garbage".to_vec(), Code::InvalidArgument),
        (b"\xff\xff\xff\xff\xff".to_vec(), Code::InvalidArgument),
        (b"{}".to_vec(), Code::InvalidArgument),
        (b"{\"database\":1}".to_vec(), Code::InvalidArgument),
        (
            br#"{"database":"plant","sql_query":"SELECT 1","query_type":"graphql"}"#.to_vec(),
            Code::InvalidArgument,
        ),
        (
            br#"{"database":"plant","sql_query":"SELECT 1","query_type":"influxql"}"#.to_vec(),
            Code::Unimplemented,
        ),
        (
            br#"{"database":"plant","sql_query":"SELECT $x","params":{"x":[1]}}"#.to_vec(),
            Code::InvalidArgument,
        ),
        (
            br#"{"database":"missing","sql_query":"SELECT 1"}"#.to_vec(),
            Code::NotFound,
        ),
        (statement(b""), Code::InvalidArgument),
        (statement(&[0; 32]), Code::InvalidArgument),
        (statement(&[7; 100]), Code::InvalidArgument),
        (changed, Code::InvalidArgument),
        (good[..good.len() - 5].to_vec(), Code::InvalidArgument),
        (unknown.encode_to_vec(), Code::InvalidArgument),
        (transaction.as_any().encode_to_vec(), Code::Unimplemented),
        (good, Code::Ok),
    ] {
        let shown = String::from_utf8_lossy(&ticket).into_owned();
        assert_eq!(
            code(get(&mut client, ticket).await).0,
            expected,
            "{shown:?}"
        );
    }
}

#[tokio::test]
async fn tickets_and_handles_are_worth_nothing_with_another_token() {
    let site = plant().await;
    let catalog = &site.server.services().unwrap().catalog;
    catalog
        .put_admin_token("other", digest(OTHER), 0)
        .await
        .unwrap();
    let mut mine = ours(&site);
    let info = mine.execute("SELECT 1".to_owned(), None).await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap().ticket;
    let mut theirs = ours(&site);
    theirs.set_token(OTHER.to_owned());
    assert_eq!(
        code(get(&mut theirs, ticket.clone()).await).0,
        Code::InvalidArgument
    );
    assert_eq!(code(get(&mut mine, ticket.clone()).await).0, Code::Ok);
    // Whoever may no longer come in gets nothing for it either.
    catalog
        .put_admin_token("admin", digest("tidemill_next"), 0)
        .await
        .unwrap();
    assert_eq!(code(get(&mut mine, ticket).await).0, Code::Unauthenticated);
}

#[tokio::test]
async fn actions_that_there_are_not_say_so() {
    let site = plant().await;
    let mut client = ours(&site);
    for (action, expected) in [
        ("BeginTransaction", Code::Unimplemented),
        ("EndTransaction", Code::Unimplemented),
        ("BeginSavepoint", Code::Unimplemented),
        ("EndSavepoint", Code::Unimplemented),
        ("CreatePreparedSubstraitPlan", Code::Unimplemented),
        ("RenewFlightEndpoint", Code::Unimplemented),
        ("MakeCoffee", Code::InvalidArgument),
        ("", Code::InvalidArgument),
    ] {
        let answer = client.do_action(Action::new(action, "")).await;
        assert_eq!(code(answer).0, expected, "{action}");
    }
    for (action, body) in [
        ("CreatePreparedStatement", &b"garbage"[..]),
        ("ClosePreparedStatement", b""),
        ("CancelQuery", b"\xff"),
        ("SetSessionOptions", b"\xff"),
        ("CancelFlightInfo", b"\xff"),
    ] {
        let answer = client.do_action(Action::new(action, body.to_vec())).await;
        assert_eq!(code(answer).0, Code::InvalidArgument, "{action}");
    }
    let mut request = Request::new(Empty {});
    let bearer = format!("Bearer {TOKEN}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    let listed = client
        .inner_mut()
        .list_actions(request)
        .await
        .unwrap()
        .into_inner();
    let listed: Vec<_> = listed.try_collect().await.unwrap();
    assert_eq!(listed.len(), 7);
    for action in listed {
        // Whatever is wrong with an empty body: the action is there.
        let answer = client
            .do_action(Action::new(action.r#type.clone(), ""))
            .await;
        assert_ne!(code(answer).0, Code::Unimplemented, "{}", action.r#type);
    }
}

#[tokio::test]
async fn services_that_there_are_not_are_refused_in_grpc() {
    let site = plant().await;
    for (token, expected) in [(TOKEN, "12"), ("wrong", "16")] {
        let request = axum::http::Request::post("/grpc.health.v1.Health/Check")
            .header("content-type", "application/grpc")
            .header("authorization", format!("Bearer {token}"));
        let request = request.body(axum::body::Body::empty()).unwrap();
        let router = listening(&site.server, Profile::V1V2);
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], expected);
        assert_eq!(response.headers()["content-type"], "application/grpc");
    }
    let metrics = Ask::get("/metrics");
    let authorization = format!("Bearer {TOKEN}");
    let (_, metrics) = site
        .ask(metrics.with("authorization", &authorization))
        .await;
    let refused = "tidemill_http_requests_total{api=\"flight\",status=\"4xx\"} 2";
    assert!(metrics.contains(refused), "{metrics}");
}
