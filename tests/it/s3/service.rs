//! An S3 service over real HTTP in the process of the test, which it can stop, start again on the same
//! port, and make misbehave as services and networks do.
//!
//! | harm                 | what a client meets                                                     |
//! |----------------------|--------------------------------------------------------------------------|
//! | [`Harm::Refuse`]     | an answer of 500 or 503; nothing was done                                |
//! | [`Harm::LoseAnswer`] | the end of the connection, after everything was done                     |
//! | [`Harm::Deny`]       | an answer of 500, after everything was done                              |
//! | [`Harm::Delay`]      | everything, later                                                        |
//!
//! Signatures are checked, objects are files in a folder (`s3s`, `s3s-fs`). `s3s-fs` looks whether an
//! object exists before it takes the body in, so of two puts that must not overwrite both could succeed,
//! which S3 rules out: puts are made one at a time here.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpResponse};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::harness::{Seeded, Site, tidemill, wait_until};

/// The bucket of the stores.
pub(super) const BUCKET: &str = "history";
/// A bucket for backups.
pub(super) const BACKUPS: &str = "backups";
/// The store's place in its bucket.
const PREFIX: &str = "plant/one";
const KEY: &str = "AKIDTIDEMILL";
const SECRET: &str = "hush-hush-hush";

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Harm {
    /// It is not carried out and answered with this status.
    Refuse(u16),
    /// It is carried out, and the connection ends without an answer.
    LoseAnswer,
    /// It is carried out, and answered with this status.
    Deny(u16),
    /// It is carried out after this long.
    Delay(Duration),
}

/// Which requests are meant: by method, and path with query.
pub(super) type Meant = fn(&Method, &str) -> bool;

/// Every request.
pub(super) fn all(_: &Method, _: &str) -> bool {
    true
}

/// Puts of manifests.
pub(super) fn commits(method: &Method, path: &str) -> bool {
    method == Method::PUT && path.contains("/manifest/")
}

/// Parts of large objects.
pub(super) fn parts(method: &Method, path: &str) -> bool {
    method == Method::PUT && path.contains("partNumber=")
}

/// The beginnings and ends of large objects.
pub(super) fn uploads(method: &Method, path: &str) -> bool {
    method == Method::POST && (path.contains("uploads") || path.contains("uploadId="))
}

/// Everything that changes something.
pub(super) fn changes(method: &Method, _: &str) -> bool {
    method != Method::GET && method != Method::HEAD
}

#[derive(Debug)]
struct Rule {
    percent: u64,
    is_meant: Meant,
    harm: Harm,
}

#[derive(Debug)]
struct Rules {
    seeded: Seeded,
    rules: Vec<Rule>,
    harmed: u64,
}

impl Rules {
    fn harm(&mut self, method: &Method, path: &str) -> Option<Harm> {
        let mut meant = self
            .rules
            .iter()
            .filter(|rule| (rule.is_meant)(method, path));
        let rule = meant.find(|rule| self.seeded.below(100) < rule.percent)?;
        self.harmed += 1;
        Some(rule.harm)
    }
}

/// What connections share.
struct Shared {
    s3: S3Service,
    one_put: tokio::sync::Mutex<()>,
    rules: Mutex<Rules>,
}

/// The service.
pub(super) struct Service {
    runtime: Runtime,
    folder: TempDir,
    address: SocketAddr,
    /// Bound, never listening: nobody else gets the port while the service is stopped.
    _port: TcpSocket,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

impl Service {
    /// A service that is up, with two empty buckets.
    pub(super) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let folder = tempfile::Builder::new()
            .prefix("tidemill-it-s3-")
            .tempdir()
            .unwrap();
        for bucket in [BUCKET, BACKUPS] {
            std::fs::create_dir(folder.path().join(bucket)).unwrap();
        }
        let files = s3s_fs::FileSystem::new(folder.path()).expect("the folder exists");
        let mut s3 = S3ServiceBuilder::new(files);
        s3.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let shared = Shared {
            s3: s3.build(),
            one_put: tokio::sync::Mutex::default(),
            rules: Mutex::new(Rules {
                seeded: Seeded(0x53),
                rules: Vec::new(),
                harmed: 0,
            }),
        };
        let port = socket();
        port.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let mut service = Self {
            runtime,
            folder,
            address: port.local_addr().unwrap(),
            _port: port,
            shared: Arc::new(shared),
            stop: CancellationToken::new(),
        };
        service.again();
        service
    }

    /// Takes requests, at the address of before.
    pub(super) fn again(&mut self) {
        let _inside = self.runtime.enter();
        let socket = socket();
        socket.bind(self.address).unwrap();
        let listener = socket.listen(1024).unwrap();
        self.stop = CancellationToken::new();
        let (shared, stop) = (Arc::clone(&self.shared), self.stop.clone());
        self.runtime.spawn(listen(listener, shared, stop));
    }

    /// Ends every connection as it stands, and refuses new ones.
    pub(super) fn stop(&mut self) {
        self.stop.cancel();
        // The listener goes with its task.
        let address = self.address;
        wait_until("the service is gone", || {
            std::net::TcpStream::connect(address).is_err()
        });
    }

    /// From now on, does harm to so many in a hundred of the requests that are meant.
    pub(super) fn harm(&self, percent: u64, is_meant: Meant, harm: Harm) {
        let mut rules = self.shared.rules.lock().unwrap();
        rules.rules.push(Rule {
            percent,
            is_meant,
            harm,
        });
    }

    /// Does no more harm; says how many requests have come to some.
    pub(super) fn heal(&self) -> u64 {
        let mut rules = self.shared.rules.lock().unwrap();
        rules.rules.clear();
        std::mem::take(&mut rules.harmed)
    }

    /// A data directory for servers whose object store this is, or a part of it.
    pub(super) fn site(&self) -> Site {
        let site = Site::open().arg("--object-store").arg("s3");
        let site = site.env("AWS_ACCESS_KEY_ID", KEY);
        let site = site.env("AWS_SECRET_ACCESS_KEY", SECRET);
        self.variables()
            .into_iter()
            .fold(site, |site, (name, value)| site.env(name, &value))
    }

    /// A command that finds the store, and backups, here.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = tidemill();
        command.args(args).envs(self.variables());
        command.env("TIDEMILL_OBJECT_STORE_KIND", "s3");
        // By settings this time.
        command.env("TIDEMILL_OBJECT_STORE_S3__ACCESS_KEY_ID", KEY);
        command.env("TIDEMILL_OBJECT_STORE_S3__SECRET_ACCESS_KEY", SECRET);
        command
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "TIDEMILL_OBJECT_STORE_S3__ENDPOINT",
                format!("http://{}", self.address),
            ),
            ("TIDEMILL_OBJECT_STORE_S3__ALLOW_HTTP", "true".to_owned()),
            ("TIDEMILL_OBJECT_STORE_S3__BUCKET", BUCKET.to_owned()),
            ("TIDEMILL_OBJECT_STORE_S3__PREFIX", PREFIX.to_owned()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ]
    }

    /// The objects of the store whose names start and end like this, as files, sorted.
    pub(super) fn objects(&self, start: &str, end: &str) -> Vec<PathBuf> {
        self.objects_in(&self.folder.path().join(BUCKET).join(PREFIX), start, end)
    }

    /// The objects of the bucket for backups.
    pub(super) fn backups(&self, start: &str, end: &str) -> Vec<PathBuf> {
        self.objects_in(&self.folder.path().join(BACKUPS), start, end)
    }

    fn objects_in(&self, root: &Path, start: &str, end: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            // Not there before the first object.
            let Ok(entries) = std::fs::read_dir(folder) else {
                continue;
            };
            for entry in entries {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(root).unwrap().to_string_lossy();
                if name.starts_with(start) && name.ends_with(end) {
                    found.push(path.clone());
                }
            }
        }
        found.sort();
        found
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A socket that may share its port with the one that only keeps it.
fn socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket
}

async fn listen(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        if let Ok((stream, _)) = accepted {
            tokio::spawn(serve(stream, Arc::clone(&shared), stop.clone()));
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, stop: CancellationToken) {
    let answer = service_fn(move |request| answer(Arc::clone(&shared), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    tokio::select! {
        () = stop.cancelled() => {}
        // Clients hang up, and answers are lost on purpose.
        _ended = connection => {}
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<HttpResponse, Box<dyn Error + Send + Sync>> {
    let harm = {
        let mut rules = shared.rules.lock().unwrap();
        let path = request.uri().path_and_query();
        rules.harm(request.method(), path.map_or("/", |path| path.as_str()))
    };
    match harm {
        Some(Harm::Refuse(status)) => return Ok(refusal(status)),
        Some(Harm::Delay(duration)) => tokio::time::sleep(duration).await,
        Some(Harm::LoseAnswer | Harm::Deny(_)) | None => {}
    }
    let _one_at_a_time = match *request.method() {
        Method::PUT => Some(shared.one_put.lock().await),
        _ => None,
    };
    let response = shared.s3.call(request.map(Body::from)).await?;
    match harm {
        Some(Harm::LoseAnswer) => Err("the answer is lost".into()),
        Some(Harm::Deny(status)) => Ok(refusal(status)),
        Some(Harm::Refuse(_) | Harm::Delay(_)) | None => Ok(response),
    }
}

fn refusal(status: u16) -> HttpResponse {
    let code = match status {
        503 => "SlowDown",
        _ => "InternalError",
    };
    let body = format!("<Error><Code>{code}</Code><Message>please try again</Message></Error>");
    let mut response = HttpResponse::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("it is a status");
    response
}
