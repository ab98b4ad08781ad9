//! Arrow Flight and Flight SQL over real connections, with arrow-flight's own client: both
//! addresses, results larger than memory allows, cancelled and late queries, forged tickets.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::util::pretty::pretty_format_batches;
use arrow_flight::Ticket;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt as _;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use crate::harness::{Server, Site, wait_until};

type Client = FlightSqlServiceClient<Channel>;

const TOKEN: &str = "it-token-flight-81c0";

const LINES: &str = "types,host=a f=1.5,i=-2i,u=18446744073709551615u,b=true,s=\"x\" 1\n\
                     types,region=r f=-1 2";
const ALL: &str = "SELECT host, region, f, i, u, b, s, time FROM types ORDER BY time";
const ROWS: [&str; 2] = [
    "a,,1.5,-2,18446744073709551615,true,x,1970-01-01T00:00:00.000000001",
    ",r,-1.0,,,,,1970-01-01T00:00:00.000000002",
];

/// Runs for minutes if nothing stops it.
const ENDLESS: &str =
    "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";

/// A server that asks for the token, with a table of every type in database `plant`.
fn site() -> Site {
    Site::new()
        .env("TIDEMILL_INIT_ADMIN_TOKEN", TOKEN)
        .token(TOKEN)
}

fn started(site: &Site) -> Server {
    let server = site.start();
    server.client().write("plant", LINES);
    server
}

async fn connect(url: &str) -> Client {
    let endpoint = Endpoint::from_shared(url.to_owned()).unwrap();
    let mut client = Client::new(endpoint.connect().await.unwrap());
    client.set_header("database", "plant");
    client.set_token(TOKEN.to_owned());
    client
}

async fn query(client: &mut Client, sql: &str) -> Result<Vec<RecordBatch>, FlightError> {
    let info = client.execute(sql.to_owned(), None).await?;
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    client.do_get(ticket).await?.try_collect().await
}

/// Rows as text, one line each.
fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let table = pretty_format_batches(batches).unwrap().to_string();
    let rows = table.lines().skip(3).filter(|line| line.starts_with('|'));
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split('|').map(str::trim);
        cells.collect::<Vec<_>>().join(",")
    };
    rows.map(cells).collect()
}

fn code<T>(result: Result<T, FlightError>) -> Code {
    match result {
        Ok(_) => Code::Ok,
        Err(FlightError::Tonic(status)) => status.code(),
        Err(other) => panic!("not from the server: {other}"),
    }
}

/// How many queries run, by the server's own figures.
fn running(server: &Server) -> String {
    let text = server.client().get("/metrics").text();
    let line = text
        .lines()
        .find(|line| line.starts_with("tidemill_queries_running "));
    line.unwrap().rsplit(' ').next().unwrap().to_owned()
}

/// What the process had in memory at most, in MiB.
fn peak_mib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

#[tokio::test]
async fn both_addresses_speak_flight_beside_http() {
    let server = started(&site());
    for http in [server.client().clone(), server.client().on_v3()] {
        let mut client = connect(http.http()).await;
        assert_eq!(lines(&query(&mut client, ALL).await.unwrap()), ROWS);
        let ticket = br#"{"database":"plant","sql_query":"SELECT 1","query_type":"sql"}"#;
        let stream = client.do_get(Ticket::new(&ticket[..])).await.unwrap();
        let batches: Vec<_> = stream.try_collect().await.unwrap();
        assert_eq!(lines(&batches), ["1"]);
        assert_eq!(http.get("/health").status, 200);
    }
}

#[tokio::test]
async fn credentials_become_a_token_and_others_stay_out() {
    let server = started(&site());
    let url = server.client().http();
    let mut client = connect(url).await;
    client.clear_token();
    assert_eq!(
        code(query(&mut client, "SELECT 1").await),
        Code::Unauthenticated
    );
    client.set_token("wrong".to_owned());
    assert_eq!(
        code(query(&mut client, "SELECT 1").await),
        Code::Unauthenticated
    );
    client.clear_token();
    client.handshake("anyone", TOKEN).await.unwrap();
    assert_eq!(lines(&query(&mut client, "SELECT 1").await.unwrap()), ["1"]);
    assert!(!server.log().contains(TOKEN), "the token is in the log");
}

#[tokio::test]
async fn prepared_statements_outlive_the_server() {
    let site = site();
    let server = started(&site);
    let mut client = connect(server.client().http()).await;
    let sql = "SELECT f FROM types WHERE host = ? AND i < ?".to_owned();
    let mut prepared = client.prepare(sql, None).await.unwrap();
    let host: ArrayRef = std::sync::Arc::new(StringArray::from(vec!["a"]));
    let most: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![0]));
    let row = RecordBatch::try_from_iter([("0", host), ("1", most)]).unwrap();
    prepared.set_parameters(row).unwrap();
    let info = prepared.execute().await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    server.stop();
    let server = site.start();
    let mut client = connect(server.client().http()).await;
    let stream = client.do_get(ticket).await.unwrap();
    let batches: Vec<_> = stream.try_collect().await.unwrap();
    assert_eq!(lines(&batches), ["1.5"]);
}

#[tokio::test]
async fn a_million_rows_stream_in_bounded_memory() {
    let server = started(&site());
    let mut client = connect(server.client().http()).await;
    // About 110 MB of result.
    let sql = "SELECT value AS n, repeat('x', 100) AS text FROM generate_series(1, 1000000)";
    query(&mut client, "SELECT 1").await.unwrap();
    let before = peak_mib(&server);
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let mut stream = client.do_get(ticket).await.unwrap();
    let (mut rows, mut sum) = (0, 0);
    while let Some(batch) = stream.try_next().await.unwrap() {
        rows += batch.num_rows();
        let numbers = batch
            .column(0)
            .as_any()
            .downcast_ref::<Int64Array>()
            .unwrap();
        sum += numbers.values().iter().sum::<i64>();
    }
    assert_eq!((rows, sum), (1_000_000, 500_000_500_000));
    let taken = peak_mib(&server) - before;
    assert!(taken < 64, "the result took {taken} MiB");
}

// Waiting blocks this thread; the connection needs another.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_result_that_nobody_reads_any_more_stops() {
    let server = started(&site());
    let mut client = connect(server.client().http()).await;
    let info = client.execute(ENDLESS.to_owned(), None).await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let stream = client.do_get(ticket).await.unwrap();
    assert_eq!(running(&server), "1");
    drop(stream);
    wait_until("the query has ended", || running(&server) == "0");
}

// Waiting blocks this thread; the connection needs another.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_deadline_ends_a_query() {
    let server = started(&site());
    let mut client = connect(server.client().http()).await;
    client.set_header("grpc-timeout", "300m");
    assert_eq!(
        code(query(&mut client, ENDLESS).await),
        Code::DeadlineExceeded
    );
    wait_until("the query has ended", || running(&server) == "0");
}

#[tokio::test]
async fn forged_tickets_never_end_the_server() {
    let server = started(&site());
    let mut client = connect(server.client().http()).await;
    let info = client.execute("SELECT 1".to_owned(), None).await.unwrap();
    let good = info.endpoint[0].ticket.clone().unwrap().ticket;
    // Every byte wrong once, and every length.
    for at in 0..good.len() {
        let mut changed = good.to_vec();
        changed[at] ^= 0x55;
        let cut = good.slice(..at);
        for ticket in [changed.into(), cut] {
            let result = client.do_get(Ticket { ticket }).await;
            assert_eq!(code(result), Code::InvalidArgument, "byte {at}");
        }
    }
    assert_eq!(lines(&query(&mut client, "SELECT 1").await.unwrap()), ["1"]);
}
