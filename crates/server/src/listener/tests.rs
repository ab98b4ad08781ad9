//! What sockets add: both versions of HTTP, limits of connections, shutdown.

use std::time::Duration;

use axum::body::to_bytes;
use bytesize::ByteSize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use super::*;
use crate::settings::Settings;

/// A listener at work, in front of a server that has not started.
struct Site {
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

impl Site {
    async fn start(settings: Settings) -> Self {
        let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let (address, shutdown) = (listener.local_addr(), CancellationToken::new());
        let server = Server::new(settings);
        let serving = tokio::spawn(listener.serve(Profile::V1V2, server, None, shutdown.clone()));
        Self {
            address,
            shutdown,
            serving,
        }
    }

    /// Sends bytes on a new connection and returns everything that comes back until it is closed.
    async fn send(&self, parts: &[&[u8]]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        for part in parts {
            stream.write_all(part).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[tokio::test]
async fn http1_is_answered() {
    let site = Site::start(Settings::default()).await;
    let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = site.send(&[request]).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\ndate: "), "{answer}");
    assert!(answer.contains(r#""name":"influxdb""#), "{answer}");
}

#[tokio::test]
async fn http2_is_answered_on_the_same_port() {
    let site = Site::start(Settings::default()).await;
    let stream = TcpStream::connect(site.address).await.unwrap();
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("http://localhost/api/v2/write")
        .body(Body::empty())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["x-influxdb-build"], "OSS");
    let body = to_bytes(Body::new(response.into_body()), usize::MAX)
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&body).contains(r#""reason":"starting""#));
    drop(sender);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_refused_body_does_not_hide_the_status() {
    let site = Site::start(Settings::default()).await;
    let body = vec![b'x'; 20 << 20];
    let head = format!(
        "POST /api/v2/write?bucket=x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let answer = site.send(&[head.as_bytes(), &body]).await;
    assert!(
        answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\r\nretry-after: "), "{answer}");
}

#[tokio::test]
async fn headers_have_a_limit() {
    let site = Site::start(Settings::default()).await;
    let head = format!(
        "GET /health HTTP/1.1\r\nauthorization: {}\r\n",
        "x".repeat(64 * 1024)
    );
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    // The server may have answered and closed before it has taken everything.
    let _sent = stream.write_all(head.as_bytes()).await;
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 431");
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let mut settings = Settings::default();
    settings.connections.first_request_timeout = Duration::from_millis(20);
    let site = Site::start(settings).await;
    assert_eq!(site.send(&[]).await, "");
    assert_eq!(site.send(&[b"GET /hea"]).await, "");
}

#[tokio::test]
async fn at_the_limit_an_idle_connection_makes_room() {
    let mut settings = Settings::default();
    settings.connections.connections_max = 1;
    let site = Site::start(settings).await;
    let mut silent = TcpStream::connect(site.address).await.unwrap();
    let mut first = TcpStream::connect(site.address).await.unwrap();
    first
        .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200", "it has the only place");
    assert_eq!(
        silent.read(&mut answer).await.unwrap(),
        0,
        "and the one before none"
    );
    let second = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert!(site.send(&[second]).await.starts_with("HTTP/1.1 200"));
    let mut rest = String::new();
    first.read_to_string(&mut rest).await.unwrap();
    assert!(
        rest.ends_with('}'),
        "the answer to the first one was whole: {rest}"
    );
}

#[tokio::test]
async fn shutdown_closes_idle_connections_and_ends() {
    let mut settings = Settings::default();
    settings.connections.header_bytes_max = ByteSize::b(1); // raised to what hyper needs
    let site = Site::start(settings).await;
    let mut idle = TcpStream::connect(site.address).await.unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).await.unwrap();
    site.shutdown.cancel();
    site.serving.await.unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(
        TcpStream::connect(site.address).await.is_err(),
        "nobody listens any more"
    );
}
