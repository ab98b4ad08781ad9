//! Requests to a server of the test, and to where none may go.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::thread::JoinHandle;

use super::*;

/// Answers one request; returns what it was.
fn answer(with: &'static str) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut part) = (Vec::new(), [0; 1024]);
        while !request.ends_with(b"{}") {
            let read = stream.read(&mut part).unwrap();
            assert_ne!(read, 0, "the request is cut short");
            request.extend_from_slice(&part[..read]);
        }
        stream.write_all(with.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    (port, server)
}

fn sender(allowed: &[&str]) -> Sender {
    let allowed = allowed.iter().map(|entry| (*entry).to_owned()).collect();
    Sender::new(&Settings {
        allowed,
        ..Settings::default()
    })
    .unwrap()
}

async fn send(sender: &Sender, url: &str) -> Result<(), Failure> {
    let mut outgoing = Outgoing::post(url.parse().unwrap(), b"{}".to_vec());
    outgoing
        .header("Authorization", "Bearer hush-hush")
        .unwrap();
    outgoing.secrets = vec!["hush-hush".to_owned()];
    sender.send(&outgoing, Duration::from_secs(20)).await
}

#[tokio::test]
async fn what_is_allowed_arrives() {
    for (allowed, host) in [
        ("127.0.0.0/8", "127.0.0.1"),
        ("localhost", "localhost"),
        ("127.0.0.1", "[::ffff:127.0.0.1]"),
    ] {
        let (port, server) = answer("HTTP/1.1 204 No Content\r\n\r\n");
        let sent = send(&sender(&[allowed]), &format!("http://{host}:{port}/x?y=z")).await;
        assert_eq!(sent, Ok(()), "{host}");
        let request = server.join().unwrap().to_lowercase();
        assert!(request.starts_with("post /x?y=z http/1.1\r\n"), "{request}");
        assert!(
            request.contains("authorization: bearer hush-hush"),
            "{request}"
        );
    }
}

#[tokio::test]
async fn nothing_is_sent_to_what_is_not_public() {
    // Nobody listens there: what is refused is refused before a connection.
    let sender = sender(&["10.99.0.0/16"]);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::1]",
        "0.0.0.0",
        "[::]",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::7f00:1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "localhost",
    ] {
        let refused = send(&sender, &format!("https://{host}:1/"))
            .await
            .unwrap_err();
        assert!(
            refused.problem.contains("where nothing is sent unless"),
            "{host}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn without_encryption_a_host_must_be_named() {
    let sender = sender(&["10.99.0.0/16"]);
    for host in ["1.1.1.1", "[2606:4700:4700::1111]"] {
        let refused = send(&sender, &format!("http://{host}:1/"))
            .await
            .unwrap_err();
        assert!(
            refused.problem.contains("without encryption"),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (port, server) = answer(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
    );
    let sent = send(
        &sender(&["127.0.0.1"]),
        &format!("http://127.0.0.1:{port}/"),
    )
    .await;
    let problem = sent.unwrap_err().problem;
    assert!(problem.contains("redirects are not followed"), "{problem}");
    server.join().unwrap();
}

#[tokio::test]
async fn a_refusal_is_told_without_secrets() {
    let (port, server) = answer(
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 24\r\n\r\nBearer hush-hush is busy",
    );
    let sent = send(
        &sender(&["127.0.0.1"]),
        &format!("http://127.0.0.1:{port}/secret"),
    )
    .await;
    let expected = Failure {
        problem: "the answer is 429 Too Many Requests: Bearer … is busy".to_owned(),
        retry_after: Some(Duration::from_secs(7)),
        is_transient: true,
        is_final: false,
    };
    assert_eq!(sent, Err(expected));
    server.join().unwrap();
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_without_its_address() {
    let sender = sender(&["127.0.0.1"]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let failed = send(&sender, &format!("http://127.0.0.1:{port}/hush-hush")).await;
    let failed = failed.unwrap_err();
    assert!(
        failed.is_transient && !failed.problem.contains("hush"),
        "{failed:?}"
    );
}
