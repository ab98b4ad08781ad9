//! Mail: a server of the test takes what is sent, or does not, and nothing is said to it that should not be.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::client::Client;
use crate::harness::{Server, Site, wait_until};

/// How a mail server encrypts.
#[derive(Debug, Clone)]
enum Encryption {
    None,
    Implicit(Arc<ServerConfig>),
    StartTls(Arc<ServerConfig>),
    /// It says something more after its answer to `STARTTLS`, as somebody between would.
    Injected(Arc<ServerConfig>),
}

#[derive(Debug)]
struct Shared {
    encryption: Encryption,
    /// What it was told, without the text of mails.
    told: Mutex<Vec<String>>,
    mails: Mutex<Vec<String>>,
    /// What recipients are answered with.
    answer: AtomicU16,
    is_stopped: AtomicBool,
}

/// Takes mail until it is dropped.
#[derive(Debug)]
struct MailServer {
    shared: Arc<Shared>,
    port: u16,
    listener: Option<JoinHandle<()>>,
}

impl MailServer {
    fn start(encryption: Encryption) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            encryption,
            told: Mutex::default(),
            mails: Mutex::default(),
            answer: AtomicU16::new(250),
            is_stopped: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let listener = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || serve(&shared, stream.unwrap()));
            }
        });
        Self {
            shared,
            port,
            listener: Some(listener),
        }
    }

    fn answer(&self, code: u16) {
        self.shared.answer.store(code, Ordering::SeqCst);
    }

    fn mails(&self) -> Vec<String> {
        self.shared.mails.lock().unwrap().clone()
    }

    /// All that it was told.
    fn told(&self) -> String {
        self.shared.told.lock().unwrap().join("\n")
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the listener.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(listener) = self.listener.take() {
            listener.join().unwrap();
        }
    }
}

fn serve(shared: &Shared, mut stream: TcpStream) {
    let encrypted = |stream: TcpStream, config: &Arc<ServerConfig>| {
        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
        StreamOwned::new(connection, stream)
    };
    match &shared.encryption {
        Encryption::None => {
            talk(shared, &mut stream, true);
        }
        Encryption::Implicit(config) => {
            talk(shared, &mut encrypted(stream, config), true);
        }
        Encryption::StartTls(config) | Encryption::Injected(config) => {
            if talk(shared, &mut stream, true) {
                talk(shared, &mut encrypted(stream, config), false);
            }
        }
    }
}

/// Answers until the client leaves. Returns whether it wants to encrypt.
fn talk(shared: &Shared, stream: &mut (impl Read + Write), is_first: bool) -> bool {
    if is_first && stream.write_all(b"220 mail.test ready\r\n").is_err() {
        return false;
    }
    let is_plain = is_first && !matches!(shared.encryption, Encryption::Implicit(_));
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        let line = line.trim_end().to_owned();
        shared.told.lock().unwrap().push(line.clone());
        let verb = line.split(' ').next().unwrap_or_default().to_uppercase();
        let code = shared.answer.load(Ordering::SeqCst);
        let answer = match &*verb {
            "EHLO" if is_plain && !matches!(shared.encryption, Encryption::None) => {
                "250-mail.test\r\n250-SIZE 10000000\r\n250 STARTTLS\r\n".to_owned()
            }
            "EHLO" => "250-mail.test\r\n250 AUTH LOGIN PLAIN\r\n".to_owned(),
            "STARTTLS" => {
                let more = match &shared.encryption {
                    Encryption::Injected(_) => "250 AUTH PLAIN\r\n",
                    _ => "",
                };
                let answer = format!("220 go on\r\n{more}");
                return reader.get_mut().write_all(answer.as_bytes()).is_ok();
            }
            "AUTH" if code == 535 => format!("535 5.7.8 no such user: {line}\r\n"),
            "AUTH" => "235 welcome\r\n".to_owned(),
            "RCPT" if code != 250 => format!("{code} not now, {line}\r\n"),
            "DATA" => {
                if reader.get_mut().write_all(b"354 go on\r\n").is_err() {
                    return false;
                }
                let Some(mail) = mail(&mut reader) else {
                    return false;
                };
                shared.mails.lock().unwrap().push(mail);
                "250 taken\r\n".to_owned()
            }
            "QUIT" => "221 bye\r\n".to_owned(),
            _ => "250 ok\r\n".to_owned(),
        };
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return false;
        }
    }
}

fn mail(reader: &mut impl std::io::BufRead) -> Option<String> {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(mail);
        }
        mail += &line;
    }
}

fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let mut lines = mail.lines();
    let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_default()
}

fn body(mail: &str) -> String {
    let (_, body) = mail.split_once("\r\n\r\n").unwrap();
    let body = BASE64_STANDARD.decode(body.replace("\r\n", ""));
    String::from_utf8(body.unwrap()).unwrap()
}

fn site() -> Site {
    Site::open()
        .set(r#"notifications.allowed=["127.0.0.1", "localhost"]"#)
        .set("notifications.mail_timeout=20s")
}

fn run(client: &Client, sql: &str) -> Vec<Value> {
    client.rows("plant", sql)
}

const ENDS: &str =
    "from = 'Mühle <mill@plant.example>', to = 'ops@plant.example, eve@plant.example'";

/// A check that fires, and a rule that tells an endpoint of it.
fn fire(server: &Server, endpoint: &str) {
    let client = server.client();
    client.write("plant", "motor,asset=m1 temp=95\n");
    run(
        client,
        &format!("CREATE ENDPOINT mail USING smtp WITH ({endpoint}, {ENDS})"),
    );
    run(client, "CREATE NOTIFICATION RULE page TO mail");
    run(
        client,
        "CREATE CHECK hot EVERY '1s' AS SELECT asset, last_value(temp ORDER BY time) AS temp FROM motor GROUP BY asset \
         LEVEL crit WHEN temp > 90 MESSAGE '{{ asset }} is at {{ temp }} °C'",
    );
}

fn notification(client: &Client) -> (String, String) {
    let rows = run(client, "SELECT state, error FROM system.notifications");
    let text = |name: &str| {
        let row = rows.first();
        row.and_then(|row| row[name].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    (text("state"), text("error"))
}

#[test]
fn a_mail_is_sent_again_until_it_is_taken_and_is_the_same_each_time() {
    let mail_server = MailServer::start(Encryption::None);
    let server = site().start();
    let client = server.client();
    mail_server.answer(451);
    let port = mail_server.port;
    fire(
        &server,
        &format!(
            "host = '127.0.0.1', port = '{port}', tls = 'none', username = 'mill', password = 's3cr3t-of-mail'"
        ),
    );
    wait_until("it was tried", || notification(client).1.contains("451"));
    assert_eq!(notification(client).0, "pending");
    mail_server.answer(250);
    wait_until("it is taken", || mail_server.mails().len() == 1);
    wait_until("that is noted", || notification(client).0 == "delivered");
    let mail = mail_server.mails().remove(0);
    assert_eq!(
        header(&mail, "From"),
        "=?utf-8?B?TcO8aGxl?= <mill@plant.example>"
    );
    assert_eq!(header(&mail, "To"), "ops@plant.example,");
    assert!(header(&mail, "Subject").starts_with("=?utf-8?B?"), "{mail}");
    assert!(
        body(&mail).starts_with("m1 is at 95.0 °C\r\n"),
        "{}",
        body(&mail)
    );
    let id = client.value("plant", "SELECT notification_id FROM system.notifications");
    let expected = format!("<{}.tidemill@plant.example>", id.as_str().unwrap());
    assert_eq!(header(&mail, "Message-ID"), expected);
    let told = mail_server.told();
    for line in [
        "EHLO plant.example",
        "MAIL FROM:<mill@plant.example>",
        "RCPT TO:<ops@plant.example>",
        "RCPT TO:<eve@plant.example>",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let both = BASE64_STANDARD.encode("\0mill\0s3cr3t-of-mail");
    assert!(told.contains(&format!("AUTH PLAIN {both}")), "{told}");
}

#[test]
fn what_a_server_refuses_for_good_is_given_up_and_no_secret_is_repeated() {
    for (code, state) in [(550, "failed"), (535, "pending")] {
        let mail_server = MailServer::start(Encryption::None);
        let server = site().start();
        let client = server.client();
        mail_server.answer(code);
        let port = mail_server.port;
        fire(
            &server,
            &format!("url = 'smtp://mill:s3cr3t-of-mail@127.0.0.1:{port}', tls = 'none'"),
        );
        let answer = match code {
            550 => "recipient 1 of 2: the answer is 550",
            _ => "the answer is 535",
        };
        wait_until("it is refused", || notification(client).1.contains(answer));
        let (found, error) = notification(client);
        assert_eq!(found, state, "{error}");
        for secret in ["s3cr3t", "bWlsb", "mill", "@plant"] {
            assert!(!error.contains(secret), "{secret}: {error}");
        }
        let shown = run(client, "SHOW ENDPOINTS");
        assert!(!format!("{shown:?}").contains("s3cr3t"), "{shown:?}");
        assert!(
            format!("{shown:?}").contains("smtp-plain://127.0.0.1"),
            "{shown:?}"
        );
        assert_eq!(mail_server.mails().len(), 0);
    }
}

/// A certificate for names, as a server has it, and as a file that a client trusts.
fn certificate(site: &Site, name: &str) -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let path = site.folder().join(format!("{name}.pem"));
    std::fs::write(&path, certificate.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate.der().to_vec())],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    (Arc::new(config), path.to_str().unwrap().to_owned())
}

#[test]
fn nothing_is_said_before_the_server_is_known_by_its_certificate() {
    let site = site();
    let (own, trusted) = certificate(&site, "localhost");
    let (others, _) = certificate(&site, "mail.example");
    let site = site.env("SSL_CERT_FILE", &trusted);
    for (encryption, scheme, problem) in [
        (Encryption::StartTls(Arc::clone(&own)), "smtp", None),
        (Encryption::Implicit(Arc::clone(&own)), "smtps", None),
        (
            Encryption::StartTls(Arc::clone(&others)),
            "smtp",
            Some("encrypted"),
        ),
        (Encryption::Implicit(others), "smtps", Some("encrypted")),
        (Encryption::None, "smtp", Some("no STARTTLS")),
        (Encryption::Injected(own), "smtp", Some("encrypt")),
    ] {
        let mail_server = MailServer::start(encryption);
        let server = site.start();
        let client = server.client();
        let (port, name) = (mail_server.port, format!("e{}", mail_server.port));
        client.write("plant", "warm up=1\n");
        run(
            client,
            &format!(
                "CREATE ENDPOINT {name} USING smtp WITH (url = '{scheme}://u:p4ssw0rd@localhost:{port}', {ENDS})"
            ),
        );
        let answer = &run(client, &format!("TEST ENDPOINT {name}"))[0];
        let told = mail_server.told();
        match problem {
            None => {
                assert_eq!(answer["state"], "delivered", "{answer}");
                assert_eq!(mail_server.mails().len(), 1);
                assert!(body(&mail_server.mails()[0]).contains("this is a test"));
            }
            Some(problem) => {
                let error = answer["error"].as_str().unwrap();
                assert!(error.contains(problem), "{error}");
                assert!(!told.contains("AUTH") && !told.contains("MAIL"), "{told}");
                assert_eq!(mail_server.mails().len(), 0);
            }
        }
        server.stop();
    }
}

#[test]
fn mail_goes_nowhere_that_is_not_allowed() {
    let mail_server = MailServer::start(Encryption::None);
    let server = Server::open();
    let client = server.client();
    client.write("plant", "warm up=1\n");
    let port = mail_server.port;
    for (options, expected) in [
        (
            format!("url = 'smtps://127.0.0.1:{port}'"),
            "notifications.allowed",
        ),
        (
            format!("url = 'smtp://2130706433:{port}'"),
            "notifications.allowed",
        ),
        (
            format!("host = '[::1]', port = '{port}'"),
            "notifications.allowed",
        ),
        (
            "host = '169.254.169.254'".to_owned(),
            "notifications.allowed",
        ),
        (
            "url = 'smtp://1.1.1.1', tls = 'none'".to_owned(),
            "without encryption",
        ),
        (
            "url = 'smtp://x', tls = 'maybe'".to_owned(),
            "implicit, starttls or none",
        ),
    ] {
        let sql = format!("CREATE ENDPOINT e USING smtp WITH ({options}, {ENDS})");
        let reply = client.ask("plant", &sql, "json");
        assert_ne!(reply.status, 200, "{sql}");
        assert!(reply.text().contains(expected), "{sql}: {}", reply.text());
    }
    // A name that stands for this machine is found out when it is called.
    run(
        client,
        &format!("CREATE ENDPOINT e USING smtp WITH (url = 'smtp://localhost:{port}', {ENDS})"),
    );
    let answer = &run(client, "TEST ENDPOINT e")[0];
    assert_eq!(answer["state"], "failed");
    let error = answer["error"].as_str().unwrap();
    assert!(error.contains("this machine"), "{error}");
    assert_eq!(mail_server.told(), "");
}
