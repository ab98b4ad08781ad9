//! Connections over TLS, and what the files may and may not hold.

use std::net::SocketAddr;

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::http::Profile;
use crate::services::Server;
use crate::settings::Settings;

/// Who signs certificates.
struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { params, key, pem }
    }

    /// A certificate of `localhost` and its key, in PEM form.
    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Files of a server.
struct Site {
    folder: TempDir,
    settings: TlsSettings,
}

impl Site {
    fn new(authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = TlsSettings {
            certificate: Some(folder.path().join("cert.pem")),
            key: Some(folder.path().join("key.pem")),
            client_ca: None,
        };
        let site = Self { folder, settings };
        site.install(&authority.issue());
        site
    }

    fn install(&self, (certificate, key): &(String, String)) {
        fs::write(self.folder.path().join("cert.pem"), certificate).unwrap();
        fs::write(self.folder.path().join("key.pem"), key).unwrap();
    }

    fn load(&self) -> Arc<Tls> {
        Tls::load(&self.settings).unwrap().unwrap()
    }

    async fn serve(&self) -> SocketAddr {
        let listener = crate::listener::bind(([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        let address = listener.local_addr();
        let (server, stop) = (Server::new(Settings::default()), CancellationToken::new());
        tokio::spawn(listener.serve(Profile::V1V2, server, Some(self.load()), stop));
        address
    }
}

/// A client that trusts an authority, offers these protocols, and shows a certificate if it has one.
async fn connect(
    address: SocketAddr,
    authority: &Authority,
    protocols: &[&[u8]],
    own: Option<(String, String)>,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let pem = authority.pem.as_bytes();
    for root in CertificateDer::pem_slice_iter(pem) {
        roots.add(root.unwrap()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
            let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await
}

/// What the server answers over HTTP/1.1.
async fn health(mut stream: TlsStream<TcpStream>) -> io::Result<String> {
    let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let authority = Authority::new();
    let address = Site::new(&authority).serve().await;
    for (offered, agreed) in [
        (&[&b"http/1.1"[..]][..], Some(&b"http/1.1"[..])),
        (&[b"http/1.1", b"h2"], Some(b"h2")),
        (&[], None),
    ] {
        let stream = connect(address, &authority, offered, None).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
        if agreed != Some(b"h2") {
            let answer = health(stream).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        }
    }
    let h2 = connect(address, &authority, &[b"h2"], None).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(h2);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut client, connection) = hyper::client::conn::http2::handshake(executor, io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = axum::http::Request::get("https://localhost/health");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let answer = client.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn nothing_is_said_in_the_clear() {
    let address = Site::new(&Authority::new()).serve().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // The server may close before everything that was sent is read.
    let _closed_or_reset = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer);
    assert!(!text.contains("HTTP"), "{text}");
}

#[tokio::test]
async fn clients_show_certificates_where_they_are_asked_for() {
    let (authority, of_clients) = (Authority::new(), Authority::new());
    let mut site = Site::new(&authority);
    let roots = site.folder.path().join("clients.pem");
    fs::write(&roots, &of_clients.pem).unwrap();
    site.settings.client_ca = Some(roots);
    let address = site.serve().await;
    for (own, is_welcome) in [
        (Some(of_clients.issue()), true),
        (Some(Authority::new().issue()), false),
        (None, false),
    ] {
        let answer = match connect(address, &authority, &[], own).await {
            Ok(stream) => health(stream).await,
            Err(error) => Err(error),
        };
        assert_eq!(answer.is_ok(), is_welcome, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let authority = Authority::new();
    let site = Site::new(&authority);
    let tls = site.load();
    let stop = CancellationToken::new();
    let following = tokio::spawn(Arc::clone(&tls).follow_files(stop.clone()));
    let later = || tokio::time::sleep(3 * LOOK_EVERY);
    let first = tls.current();
    later().await;
    assert!(Arc::ptr_eq(&first, &tls.current()), "nothing has changed");
    let (certificate, _) = authority.issue();
    fs::write(site.folder.path().join("cert.pem"), &certificate).unwrap();
    later().await;
    assert!(Arc::ptr_eq(&first, &tls.current()), "it is of another key");
    site.install(&authority.issue());
    later().await;
    assert!(!Arc::ptr_eq(&first, &tls.current()));
    stop.cancel();
    following.await.unwrap();
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let authority = Authority::new();
    let site = Site::new(&authority);
    let complaint = |change: &dyn Fn(&mut TlsSettings)| {
        let mut settings = site.settings.clone();
        change(&mut settings);
        Tls::load(&settings).unwrap_err().to_string()
    };
    let (cert, key) = (site.settings.certificate.clone(), site.settings.key.clone());
    let nowhere = || Some(site.folder.path().join("nowhere.pem"));
    for (found, expected) in [
        (
            complaint(&|it| it.key = None),
            "both `certificate` and `key`",
        ),
        (
            complaint(&|it| it.certificate = None),
            "both `certificate` and `key`",
        ),
        (complaint(&|it| it.certificate = nowhere()), "nowhere.pem"),
        (
            complaint(&|it| it.certificate = key.clone()),
            "no usable certificate",
        ),
        (
            complaint(&|it| it.key = cert.clone()),
            "no usable private key",
        ),
        (
            complaint(&|it| it.client_ca = key.clone()),
            "no usable certificate",
        ),
    ] {
        assert!(found.contains(expected), "{found}");
    }
    site.install(&(authority.issue().0, authority.issue().1));
    let error = Tls::load(&site.settings).unwrap_err().to_string();
    assert!(error.contains("cannot be used"), "{error}");
    assert!(Tls::load(&TlsSettings::default()).unwrap().is_none());
}
