//! The client against a server that plays a script: one answer after the other, all requests kept.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use flate2::read::GzDecoder;

use super::connection::Connection;
use super::retry::{chain, wait};
use super::upload::{Behaviour, Summary, Target, Upload};
use super::*;
use crate::cli::client::ConnectionArgs;

/// A request as it arrived: first line, headers in lower case, body without its compression.
#[derive(Debug)]
struct Request {
    line: String,
    headers: String,
    body: String,
}

/// Answers each connection with the next of `answers`, an empty one by closing it at once.
fn server(answers: Vec<String>) -> (String, JoinHandle<Vec<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            if !answer.is_empty() {
                requests.push(read_request(&stream));
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
        requests
    });
    (host, thread)
}

fn read_request(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut headers = String::new();
    while !headers.ends_with("\r\n\r\n") && headers != "\r\n" {
        reader.read_line(&mut headers).unwrap();
    }
    let headers = headers.to_lowercase();
    let length = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).unwrap();
    let body = if headers.contains("content-encoding: gzip") {
        let mut text = String::new();
        GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
        text
    } else {
        String::from_utf8(bytes).unwrap()
    };
    Request {
        line: line.trim_end().to_owned(),
        headers,
        body,
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

fn client(host: &str) -> Client {
    let args = ConnectionArgs {
        host: host.to_owned(),
        token: Some("let-me-in".to_owned()),
        tls_ca: None,
        token_file: None,
        data_dir: "no/such/folder".into(),
    };
    Client::new(Connection::resolve(&args, |_| None).unwrap()).unwrap()
}

/// What one upload did.
struct Outcome {
    result: Result<()>,
    summary: Summary,
    requests: Vec<Request>,
    notices: Vec<String>,
    waits: Vec<Duration>,
}

fn upload(text: &str, accept_partial: bool, answers: &[String]) -> Outcome {
    let (host, thread) = server(answers.to_vec());
    let (mut waits, mut notices) = (Vec::new(), Vec::new());
    let behaviour = Behaviour {
        retries: 3,
        wait: &mut |duration| waits.push(duration),
        notify: &mut |message| notices.push(message.replace(host.as_str(), "HOST")),
    };
    let target = Target {
        database: "plant one".to_owned(),
        precision: "auto",
        accept_partial,
    };
    let client = client(&host);
    let mut upload = Upload::new(&client, target, "x.lp", behaviour);
    let result = upload.send_all(text.as_bytes());
    let summary = upload.summary();
    let requests = thread.join().unwrap();
    Outcome {
        result,
        summary,
        requests,
        notices,
        waits,
    }
}

fn lines(count: usize) -> String {
    (0..count).map(|i| format!("m f={i}\n")).collect()
}

fn stored() -> String {
    answer("204 No Content", "", "")
}

fn refused(status: &str, lines: &[(u64, &str)]) -> String {
    let data: Vec<Value> = lines
        .iter()
        .map(|(number, text)| {
            json!({ "line_number": number, "original_line": text, "error_message": "bad" })
        })
        .collect();
    let body = json!({ "error": "partial write of line protocol occurred", "data": data });
    answer(
        status,
        "Content-Type: application/json\r\n",
        &body.to_string(),
    )
}

#[test]
fn write_is_one_gzipped_request_with_the_token() {
    let outcome = upload("# a comment\nm f=1\n\nm f=2", true, &[stored()]);
    outcome.result.unwrap();
    assert_eq!(outcome.requests.len(), 1);
    let request = &outcome.requests[0];
    assert_eq!(
        request.line,
        "POST /api/v3/write_lp?db=plant%20one&precision=auto HTTP/1.1"
    );
    assert_eq!(request.body, "m f=1\nm f=2\n");
    assert!(
        request
            .headers
            .contains("authorization: bearer let-me-in\r\n"),
        "{request:?}"
    );
    assert_eq!(
        outcome.summary,
        Summary {
            stored_count: 2,
            refused_count: 0,
            byte_count: 12
        }
    );
}

#[test]
fn nothing_is_sent_for_nothing() {
    let outcome = upload("\n# only a comment\n", true, &[]);
    outcome.result.unwrap();
    assert_eq!(outcome.summary, Summary::default());
}

#[test]
fn long_file_is_sent_in_pieces() {
    let outcome = upload(&lines(12_000), true, &[stored(), stored(), stored()]);
    outcome.result.unwrap();
    let counts: Vec<_> = outcome
        .requests
        .iter()
        .map(|r| r.body.lines().count())
        .collect();
    assert_eq!(counts, [5000, 5000, 2000]);
    let sent: String = outcome
        .requests
        .iter()
        .map(|request| request.body.as_str())
        .collect();
    assert_eq!(sent, lines(12_000));
    assert_eq!(outcome.summary.stored_count, 12_000);
}

#[test]
fn refused_lines_are_reported_with_their_numbers_in_the_file() {
    let text = format!("# one comment\n{}", lines(6000));
    let bad = [(1, "m f=5000"), (1000, "m f=5999")];
    let outcome = upload(&text, true, &[stored(), refused("400 Bad Request", &bad)]);
    outcome.result.unwrap();
    assert_eq!(
        outcome.notices,
        ["x.lp:5002: bad: m f=5000", "x.lp:6001: bad: m f=5999"]
    );
    assert_eq!(
        (outcome.summary.stored_count, outcome.summary.refused_count),
        (5998, 2)
    );
}

#[test]
fn reports_of_refused_lines_are_bounded_but_counted() {
    let all: Vec<_> = (1..=300).map(|number| (number, "m")).collect();
    let refused = refused("422 Unprocessable Entity", &all);
    let outcome = upload(&lines(300), true, &[refused]);
    outcome.result.unwrap();
    assert_eq!(
        (outcome.notices.len(), outcome.summary.refused_count),
        (100, 300)
    );
}

#[test]
fn whole_refusals_stop_the_upload() {
    let check = |accept_partial, answer: String, wanted: &str| {
        let outcome = upload(&lines(6000), accept_partial, &[stored(), answer]);
        let error = chain(&outcome.result.expect_err(wanted));
        assert!(
            error.starts_with("stopped at lines 5001 to 6000 of x.lp: "),
            "{error}"
        );
        assert!(error.contains(wanted), "{error}");
        assert_eq!(outcome.summary.stored_count, 5000);
        outcome.requests
    };
    let single = json!({
        "error": "line protocol parsing error",
        "data": { "line_number": 2, "original_line": "m f=5001", "error_message": "why" },
    });
    let requests = check(
        false,
        answer("400 Bad Request", "", &single.to_string()),
        "answered 400: line protocol parsing error: why",
    );
    assert!(
        requests[1].line.contains("accept_partial=false"),
        "{requests:?}"
    );
    check(
        true,
        answer("400 Bad Request", "", "no"),
        "the server answered 400: no",
    );
    check(
        true,
        answer(
            "401 Unauthorized",
            "",
            r#"{"error":"the request was not authenticated"}"#,
        ),
        "answered 401: the request was not authenticated; give a token with --token-file",
    );
    check(
        true,
        answer("403 Forbidden", "", r#"{"error":"this is not allowed"}"#),
        "answered 403: this is not allowed",
    );
    check(
        true,
        answer("500 Internal Server Error", "", "x"),
        "answered 500: x",
    );
    // More bad lines than were sent: not an answer to this request.
    let absurd: Vec<_> = (1..=1001).map(|number| (number, "m")).collect();
    check(true, refused("400 Bad Request", &absurd), "partial write");
}

#[test]
fn transient_failures_are_waited_out() {
    let check = |transient: String, wait_ms: u64, said: &str| {
        let outcome = upload("m f=1\n", true, &[transient, stored()]);
        outcome.result.expect(said);
        assert_eq!(outcome.waits, [Duration::from_millis(wait_ms)], "{said}");
        let notice = &outcome.notices[0];
        assert!(
            notice.contains(said) && notice.ends_with("(1 of 3)"),
            "{notice}"
        );
        assert_eq!(outcome.requests.last().unwrap().body, "m f=1\n");
        assert_eq!(outcome.summary.stored_count, 1);
    };
    let busy = |status: &str, headers: &str| answer(status, headers, r#"{"message":"busy"}"#);
    check(
        busy("429 Too Many Requests", "Retry-After: 2\r\n"),
        2000,
        "answered 429: busy",
    );
    check(
        busy("503 Service Unavailable", "Retry-After: 1.5\r\n"),
        1500,
        "answered 503: busy",
    );
    check(
        busy("503 Service Unavailable", "Retry-After: 86400\r\n"),
        60_000,
        "again in 1m",
    );
    check(
        busy("503 Service Unavailable", "Retry-After: -1\r\n"),
        250,
        "again in 250ms",
    );
    check(
        busy(
            "502 Bad Gateway",
            "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n",
        ),
        250,
        "502",
    );
    check(busy("504 Gateway Timeout", ""), 250, "answered 504");
    check(busy("507 Insufficient Storage", ""), 250, "answered 507");
    check(String::new(), 250, "no answer from HOST/api/v3/write_lp");
}

#[test]
fn waiting_has_an_end() {
    let busy = answer("503 Service Unavailable", "", "");
    let outcome = upload(
        "m f=1\n",
        true,
        &[busy.clone(), busy.clone(), busy.clone(), busy],
    );
    let error = chain(&outcome.result.expect_err("it is always busy"));
    assert_eq!(
        error,
        "stopped at lines 1 to 1 of x.lp: gave up after 4 attempts: \
         the server answered 503: service unavailable"
    );
    assert_eq!(outcome.waits, [250, 500, 1000].map(Duration::from_millis));
}

#[test]
fn body_that_is_too_large_is_halved_until_it_fits() {
    let large = || {
        answer(
            "413 Payload Too Large",
            "",
            "max request size (1 bytes) exceeded",
        )
    };
    let answers = [large(), large(), stored(), stored(), stored()];
    let outcome = upload(&lines(8), true, &answers);
    outcome.result.unwrap();
    let counts: Vec<_> = outcome
        .requests
        .iter()
        .map(|r| r.body.lines().count())
        .collect();
    assert_eq!(counts, [8, 4, 2, 2, 4]);
    assert_eq!(outcome.summary.stored_count, 8);

    let outcome = upload(&lines(2), true, &[large(), stored(), large()]);
    let error = chain(&outcome.result.expect_err("one line cannot be halved"));
    assert!(
        error.starts_with("stopped at lines 2 to 2 of x.lp: the server answered 413"),
        "{error}"
    );
    assert_eq!(outcome.summary.stored_count, 1);
}

#[test]
fn lines_before_a_line_without_end_are_stored() {
    let text = format!("m f=1\nm f=\"{}", "x".repeat(lines::BODY_BYTES_MAX));
    let outcome = upload(&text, true, &[stored()]);
    let error = outcome.result.expect_err("it has no end").to_string();
    assert!(
        error.starts_with("line 2 of x.lp is longer than 8388608 bytes"),
        "{error}"
    );
    assert_eq!(outcome.summary.stored_count, 1);
}

#[test]
fn query_streams_the_answer() {
    let (host, thread) = server(vec![answer("200 OK", "", "a,b\n1,2\n")]);
    let mut result = String::new();
    let mut answer = client(&host).query("plant", "SELECT \"a\"", "csv").unwrap();
    answer.read_to_string(&mut result).unwrap();
    assert_eq!(result, "a,b\n1,2\n");
    let request = &thread.join().unwrap()[0];
    assert_eq!(request.line, "POST /api/v3/query_sql HTTP/1.1");
    assert!(
        request.headers.contains("content-type: application/json"),
        "{request:?}"
    );
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(
        body,
        json!({ "db": "plant", "q": "SELECT \"a\"", "format": "csv" })
    );
}

#[test]
fn answer_that_breaks_off_is_an_error() {
    let whole = answer("200 OK", "", "a,b\n1,2\n");
    let (host, thread) = server(vec![whole[..whole.len() - 3].to_owned()]);
    let mut answer = client(&host).query("plant", "SELECT 1", "csv").unwrap();
    assert!(answer.read_to_string(&mut String::new()).is_err());
    thread.join().unwrap();
}

#[test]
fn errors_carry_the_words_of_the_server() {
    let check = |body: &str, wanted: &str| {
        let (host, thread) = server(vec![answer("400 Bad Request", "", body)]);
        let error = client(&host)
            .query("plant", "SELEC 1", "json")
            .err()
            .unwrap()
            .to_string();
        assert_eq!(error, format!("the server answered 400: {wanted}"));
        thread.join().unwrap();
    };
    check(r#"{"code":"invalid","message":"near SELEC"}"#, "near SELEC");
    check(r#"{"error":"near SELEC"}"#, "near SELEC");
    check(
        r#"{"error":"parsing","data":{"error_message":"why"}}"#,
        "parsing: why",
    );
    check(
        "missing query parameters 'db' and 'q'\n",
        "missing query parameters 'db' and 'q'",
    );
    check("{}", "{}");
    check("", "bad request");
}

#[test]
fn databases_are_listed_created_and_deleted() {
    let listed = r#"[{"iox::database":"a"},{"iox::database":"b"}]"#;
    let answers = vec![
        answer("200 OK", "", listed),
        answer("200 OK", "", ""),
        stored(),
    ];
    let (host, thread) = server(answers);
    let client = client(&host);
    assert_eq!(client.databases().unwrap(), ["a", "b"]);
    client.create_database("c", Some("30d")).unwrap();
    client.delete_database("a b").unwrap();
    let requests = thread.join().unwrap();
    let wanted = [
        "GET /api/v3/configure/database?format=json HTTP/1.1",
        "POST /api/v3/configure/database HTTP/1.1",
        "DELETE /api/v3/configure/database?db=a%20b HTTP/1.1",
    ];
    assert_eq!(
        requests.iter().map(|r| r.line.as_str()).collect::<Vec<_>>(),
        wanted
    );
    let body: Value = serde_json::from_str(&requests[1].body).unwrap();
    assert_eq!(body, json!({ "db": "c", "retention_period": "30d" }));
}

#[test]
fn strange_list_of_databases_is_an_error() {
    for body in ["{}", "[{}]", "<html>"] {
        let (host, thread) = server(vec![answer("200 OK", "", body)]);
        let error = client(&host).databases().expect_err(body).to_string();
        assert!(error.contains("not what was expected"), "{error}");
        thread.join().unwrap();
    }
}

#[test]
fn wait_returns() {
    wait(Duration::ZERO);
    wait(Duration::from_millis(1));
}
