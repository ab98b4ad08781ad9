//! Gives a mail to its server, once: the dialogue of RFC 5321, as far as a client needs it that says who it is
//! (RFC 4954) and encrypts what it says (RFC 3207, RFC 8314).
//!
//! The server's name has been looked up and checked; the connection is made to what was checked, and the certificate
//! must be that of the name. A mail is given to all of its recipients or to none, so that what is tried again comes
//! twice to nobody, except when the connection breaks before the server says that it has taken it.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::kinds::smtp::{Encryption, Mail};
use crate::sender::{Failure, without_secrets};

/// The longest answer of a server.
const REPLY_BYTES_MAX: usize = 16 * 1024;

/// Sends a mail to one of these addresses, the first that answers.
pub(crate) async fn send(mail: &Mail, addresses: &[SocketAddr]) -> Result<(), Failure> {
    let stream = TcpStream::connect(addresses).await;
    let stream = stream.map_err(|error| Failure::transient(format!("no connection: {error}")))?;
    match mail.encryption {
        Encryption::None => {
            let mut dialogue = Dialogue::new(stream, mail);
            dialogue.greeting().await?;
            dialogue.give().await
        }
        Encryption::Implicit => {
            let mut dialogue = Dialogue::new(encrypted(stream, mail).await?, mail);
            dialogue.greeting().await?;
            dialogue.give().await
        }
        Encryption::StartTls => {
            let mut dialogue = Dialogue::new(stream, mail);
            dialogue.greeting().await?;
            let stream = dialogue.start_tls().await?;
            // All that was said before is forgotten.
            Dialogue::new(encrypted(stream, mail).await?, mail)
                .give()
                .await
        }
    }
}

/// Encrypts a connection. Whom the system trusts is read anew, as that changes.
async fn encrypted(stream: TcpStream, mail: &Mail) -> Result<TlsStream<TcpStream>, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::transient(format!("it cannot be encrypted: {error}"))
    };
    let reading = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs);
    let read = reading.await.map_err(|error| failed(&error))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(read.certs);
    let provider = Arc::new(crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| failed(&error))?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let host = mail.url.host_str().unwrap_or_default();
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
    let name = name.map_err(|error| failed(&error))?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    connecting.await.map_err(|error| failed(&error))
}

/// What a server says.
struct Reply {
    code: u16,
    lines: Vec<String>,
}

/// A connection to a server, and what was read of it and not looked at yet.
struct Dialogue<'a, S> {
    stream: S,
    unread: Vec<u8>,
    mail: &'a Mail,
}

impl Dialogue<'_, TcpStream> {
    /// Agrees to encrypt the connection.
    async fn start_tls(mut self) -> Result<TcpStream, Failure> {
        let able = self.hello().await?;
        if !able.iter().any(|word| word == "STARTTLS") {
            let problem = "the server has no STARTTLS, and nothing is said without encryption";
            return Err(Failure::transient(problem.to_owned()));
        }
        self.command("STARTTLS", 220).await?;
        // Whoever sits between could send answers in advance, to be taken for ones that came encrypted
        // (CVE-2011-0411).
        if !self.unread.is_empty() {
            let problem = "something was said after the answer to STARTTLS, before the encryption";
            return Err(Failure::transient(problem.to_owned()));
        }
        Ok(self.stream)
    }
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Dialogue<'a, S> {
    fn new(stream: S, mail: &'a Mail) -> Self {
        Self {
            stream,
            unread: Vec::new(),
            mail,
        }
    }

    async fn greeting(&mut self) -> Result<(), Failure> {
        let reply = self.reply().await?;
        self.expect(reply, 220).map(drop)
    }

    /// Says hello. Returns what the server can do, in capital letters.
    async fn hello(&mut self) -> Result<Vec<String>, Failure> {
        let reply = self
            .command(&format!("EHLO {}", self.mail.hello), 250)
            .await?;
        let able = reply.lines.iter().skip(1);
        Ok(able.map(|line| line.to_ascii_uppercase()).collect())
    }

    /// Says who it is, and gives the mail.
    async fn give(&mut self) -> Result<(), Failure> {
        let mail = self.mail;
        let able = self.hello().await?;
        if let Some((name, password)) = &mail.credentials {
            self.authenticate(&able, name, password).await?;
        }
        self.command(&format!("MAIL FROM:<{}>", mail.from), 250)
            .await?;
        for (at, recipient) in mail.to.iter().enumerate() {
            let taken = self.command(&format!("RCPT TO:<{recipient}>"), 250).await;
            taken.map_err(|failure| Failure {
                problem: format!(
                    "recipient {} of {}: {}",
                    at + 1,
                    mail.to.len(),
                    failure.problem
                ),
                ..failure
            })?;
        }
        self.command("DATA", 354).await?;
        self.command(&format!("{}.", mail.text), 250).await?;
        // It has been taken, whatever is said to a farewell.
        drop(self.say("QUIT").await);
        Ok(())
    }

    async fn authenticate(
        &mut self,
        able: &[String],
        name: &str,
        password: &str,
    ) -> Result<(), Failure> {
        let ways = able.iter().filter_map(|line| line.strip_prefix("AUTH"));
        let ways: Vec<_> = ways.flat_map(|ways| ways.split([' ', '='])).collect();
        if ways.contains(&"PLAIN") {
            let both = BASE64_STANDARD.encode(format!("\0{name}\0{password}"));
            return self
                .command(&format!("AUTH PLAIN {both}"), 235)
                .await
                .map(drop);
        }
        if ways.contains(&"LOGIN") {
            self.command("AUTH LOGIN", 334).await?;
            self.command(&BASE64_STANDARD.encode(name), 334).await?;
            let password = BASE64_STANDARD.encode(password);
            return self.command(&password, 235).await.map(drop);
        }
        let problem = "the server takes no name and password (AUTH PLAIN or LOGIN)";
        Err(Failure::transient(problem.to_owned()))
    }

    /// Says a line; the answer must be of this code, or another that says so much.
    async fn command(&mut self, line: &str, code: u16) -> Result<Reply, Failure> {
        self.say(line).await?;
        let reply = self.reply().await?;
        self.expect(reply, code)
    }

    async fn say(&mut self, line: &str) -> Result<(), Failure> {
        let said = async {
            self.stream.write_all(line.as_bytes()).await?;
            self.stream.write_all(b"\r\n").await?;
            self.stream.flush().await
        };
        said.await.map_err(|error: std::io::Error| {
            Failure::transient(format!("the connection broke: {error}"))
        })
    }

    async fn reply(&mut self) -> Result<Reply, Failure> {
        let strange = || Failure::transient("what the server says is not SMTP".to_owned());
        let mut reply = Reply {
            code: 0,
            lines: Vec::new(),
        };
        let mut size = 0;
        loop {
            let line = self.line().await?;
            size += line.len();
            let code = line
                .get(..3)
                .filter(|code| code.bytes().all(|c| c.is_ascii_digit()));
            let code = code
                .and_then(|code| code.parse().ok())
                .ok_or_else(strange)?;
            if size > REPLY_BYTES_MAX || (!reply.lines.is_empty() && code != reply.code) {
                return Err(strange());
            }
            reply.code = code;
            let rest = &line[3..];
            reply
                .lines
                .push(rest.get(1..).unwrap_or_default().trim().to_owned());
            match rest.bytes().next() {
                Some(b'-') => {}
                Some(b' ') | None => return Ok(reply),
                Some(_) => return Err(strange()),
            }
        }
    }

    /// A line without its end.
    async fn line(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.unread.len() > REPLY_BYTES_MAX {
                let problem = "the server's answer does not end";
                return Err(Failure::transient(problem.to_owned()));
            }
            let mut part = [0; 1024];
            match self.stream.read(&mut part).await {
                Ok(0) => {
                    let problem = "the server ended the connection";
                    return Err(Failure::transient(problem.to_owned()));
                }
                Ok(count) => self.unread.extend_from_slice(&part[..count]),
                Err(error) => {
                    return Err(Failure::transient(format!("the connection broke: {error}")));
                }
            }
        }
    }

    /// A code of 5xx says that it is of no use to try again (RFC 5321, 4.2.1), but for those about a name and a password
    /// (RFC 4954), which somebody can set right.
    fn expect(&self, reply: Reply, code: u16) -> Result<Reply, Failure> {
        // 251: the server knows where to send it on.
        if reply.code == code || (code == 250 && reply.code == 251) {
            return Ok(reply);
        }
        let is_final =
            (500..600).contains(&reply.code) && !matches!(reply.code, 530 | 534 | 535 | 538);
        let said = without_secrets(&reply.lines.join(" "), &self.mail.secrets);
        Err(Failure {
            problem: format!("the answer is {}: {said}", reply.code),
            retry_after: None,
            is_transient: !is_final,
            is_final,
        })
    }
}
