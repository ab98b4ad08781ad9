//! A listening address: accepts connections and serves HTTP/1.1 and HTTP/2 on them, in the clear or over
//! TLS, until it is told to stop.
//!
//! A connection has to bring its first request within a short time, later ones within a longer one.
//! When the limit of connections is reached, the one that has been idle longest makes room for the next; while
//! all are at work, more wait in the backlog of the operating system.

mod places;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::Request;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use self::places::{Place, Places};
use crate::auth::Peer;
use crate::http::{self, App, Profile};
use crate::services::Server;
use crate::settings::ConnectionSettings;
use crate::tls::Tls;

/// Wait after a failed accept, which fails again at once while file descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection that has to go may take to say farewell.
const GIVE_WAY: Duration = Duration::from_secs(1);

/// Requests at the same time on one HTTP/2 connection.
const HTTP2_STREAMS_MAX: u32 = 128;

/// An address that takes connections already, though nobody answers them yet.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
    local_addr: SocketAddr,
}

/// Binds an address. Port 0 takes a free one: see [`Listener::local_addr`].
pub async fn bind(address: SocketAddr) -> io::Result<Listener> {
    let inner = TcpListener::bind(address).await?;
    let local_addr = inner.local_addr()?;
    Ok(Listener { inner, local_addr })
}

impl Listener {
    /// The address in use.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown`, then lets running requests end, for as long as the settings allow,
    /// and returns. With `tls`, that is all that is spoken.
    pub async fn serve(
        self,
        profile: Profile,
        server: Arc<Server>,
        tls: Option<Arc<Tls>>,
        shutdown: CancellationToken,
    ) {
        let settings = server.settings.connections.clone();
        let router = http::router(App {
            server,
            profile,
            is_loopback: self.local_addr.ip().is_loopback(),
        });
        let places = Places::new(settings.connections_max);
        let shared = Shared {
            router,
            tls,
            settings: settings.clone(),
            shutdown: shutdown.clone(),
        };
        let mut connections = JoinSet::new();
        loop {
            let (stream, peer) = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = accept(&self.inner) => accepted,
                // Takes what is left of connections that have ended.
                Some(_) = connections.join_next() => continue,
            };
            // One has been accepted before there is a place for it: to know that it is there.
            let place = tokio::select! {
                () = shutdown.cancelled() => break,
                place = places.take() => place,
            };
            connections.spawn(shared.clone().connect(stream, peer, place));
        }
        drop(self.inner);
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(settings.shutdown_timeout, ended)
            .await
            .is_err()
        {
            warn!(address = %self.local_addr, "requests were cut off: they took too long to end");
        }
    }
}

/// The next connection. Nothing is lost when this is dropped.
async fn accept(listener: &TcpListener) -> (TcpStream, Peer) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, Peer(address.ip())),
            Err(error) => warn!(%error, "could not accept a connection"),
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// What the connections of a listener share.
#[derive(Clone)]
struct Shared {
    router: Router,
    tls: Option<Arc<Tls>>,
    settings: ConnectionSettings,
    shutdown: CancellationToken,
}

impl Shared {
    /// Agrees on encryption, if there is to be any, and serves.
    async fn connect(self, stream: TcpStream, peer: Peer, place: Place) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "a connection was gone before it began");
            return;
        }
        let Some(tls) = &self.tls else {
            return self.serve(stream, peer, place).await;
        };
        let handshake = TlsAcceptor::from(tls.current()).accept(stream);
        // Part of what has to be done before the first request.
        let handshake = tokio::time::timeout(self.settings.first_request_timeout, handshake);
        let shaken = tokio::select! {
            shaken = handshake => shaken,
            () = place.closing() => {
                debug!("a connection was closed before it agreed on TLS: another needs its place");
                return;
            }
        };
        match shaken {
            // Boxed: the state of TLS is large.
            Ok(Ok(stream)) => self.serve(Box::new(stream), peer, place).await,
            Ok(Err(error)) => debug!(%error, "a connection could not agree on TLS"),
            Err(_) => debug!("a connection did not agree on TLS in time"),
        }
    }

    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: Peer,
        place: Place,
    ) {
        let place = Arc::new(place);
        let has_request = Arc::new(AtomicBool::new(false));
        let (seen, held) = (Arc::clone(&has_request), Arc::clone(&place));
        let router = self.router;
        let service = tower::service_fn(move |request| {
            seen.store(true, Ordering::Relaxed);
            answer(router.clone(), request, peer, held.begin())
        });
        let builder = builder(&self.settings);
        let service = TowerToHyperService::new(service);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut first_request = pin!(tokio::time::sleep(self.settings.first_request_timeout));
        let mut closing = pin!(place.closing());
        let mut last_call = pin!(tokio::time::sleep(Duration::ZERO));
        let (mut is_first_due, mut is_stopping, mut gives_way) = (true, false, false);
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        debug!(%error, "a connection ended early");
                    }
                    return;
                }
                () = &mut first_request, if is_first_due => {
                    is_first_due = false;
                    if !has_request.load(Ordering::Relaxed) {
                        debug!("a connection brought no request in time");
                        return;
                    }
                }
                () = &mut closing, if !is_stopping => {
                    debug!("a connection is closed while it is idle: another needs its place");
                    if !has_request.load(Ordering::Relaxed) {
                        return;
                    }
                    (is_stopping, gives_way) = (true, true);
                    connection.as_mut().graceful_shutdown();
                    last_call.as_mut().reset(Instant::now() + GIVE_WAY);
                }
                () = &mut last_call, if gives_way => {
                    if place.is_idle() {
                        return;
                    }
                    // A request came at the last moment.
                    last_call.as_mut().reset(Instant::now() + GIVE_WAY);
                }
                () = self.shutdown.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    peer: Peer,
    at_work: places::Request,
) -> Result<Response<Sent>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    let response: Response = router.oneshot(request).await?;
    Ok(response.map(|body| Sent {
        body,
        _at_work: at_work,
    }))
}

/// The body of a response. The request is at work until it is sent.
struct Sent {
    body: Body,
    _at_work: places::Request,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn builder(settings: &ConnectionSettings) -> Builder<TokioExecutor> {
    let header_bytes = settings.header_bytes_max.as_u64();
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // For hyper the wait for the next request counts as reading its headers.
        .header_read_timeout(settings.idle_timeout)
        // The least that hyper takes is 8 KiB.
        .max_buf_size(
            usize::try_from(header_bytes)
                .unwrap_or(usize::MAX)
                .max(8 * 1024),
        );
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(settings.idle_timeout)
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX));
    builder
}

#[cfg(test)]
mod tests;
