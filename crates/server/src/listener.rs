//! A listening address: accepts connections and serves HTTP/1.1 and HTTP/2 (h2c) on them until it
//! is told to stop.
//!
//! A connection has to bring its first request within a short time, later ones within a longer one.
//! When the limit of connections is reached, more wait in the backlog of the operating system.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use crate::auth::Peer;
use crate::http::{self, App, Profile};
use crate::services::Server;
use crate::settings::ConnectionSettings;

/// Wait after a failed accept, which fails again at once while file descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
    /// and returns.
    pub async fn serve(self, profile: Profile, server: Arc<Server>, shutdown: CancellationToken) {
        let settings = server.settings.connections.clone();
        let router = http::router(App {
            server,
            profile,
            is_loopback: self.local_addr.ip().is_loopback(),
        });
        let places = Arc::new(Semaphore::new(
            settings.connections_max.min(Semaphore::MAX_PERMITS),
        ));
        let mut connections = JoinSet::new();
        loop {
            let (place, stream, peer) = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = accept(&self.inner, &places) => accepted,
                // Takes what is left of connections that have ended.
                Some(_) = connections.join_next() => continue,
            };
            let connection = serve_connection(
                stream,
                peer,
                router.clone(),
                settings.clone(),
                shutdown.clone(),
            );
            connections.spawn(async move {
                let _place = place;
                connection.await;
            });
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

/// The next connection, once there is a place for it. Nothing is lost when this is dropped.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (OwnedSemaphorePermit, TcpStream, Peer) {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (place, stream, Peer(address.ip())),
            Err(error) => warn!(%error, "could not accept a connection"),
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

async fn serve_connection(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    settings: ConnectionSettings,
    shutdown: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "a connection was gone before it began");
        return;
    }
    let has_request = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&has_request);
    let service = router.map_request(move |request: Request<Incoming>| {
        seen.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        request
    });
    let builder = builder(&settings);
    let service = TowerToHyperService::new(service);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut first_request = pin!(tokio::time::sleep(settings.first_request_timeout));
    let (mut is_first_due, mut is_stopping) = (true, false);
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
            () = shutdown.cancelled(), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
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
