//! Bodies that nobody reads to their end.
//!
//! Most clients send the whole body before they look for a response. If the connection is closed
//! under them they see a reset instead of the status: a writer that misses 413 sends the same batch
//! again, one that misses 401 never learns why. So what is left of a refused body is read and
//! thrown away, within limits, while the response goes out.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::EXPECT;
use bytes::Bytes;
use futures::StreamExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::settings::BodySettings;

/// Makes the rest of a request's body be drained when it is dropped.
pub(crate) fn drained(settings: &BodySettings, request: Request) -> Request {
    // A client that expects 100 waits for leave to send, and takes the status for an answer.
    if request.body().is_end_stream() || request.headers().contains_key(EXPECT) {
        return request;
    }
    let settings = settings.clone();
    request.map(|body| Body::new(Drained { body, settings }))
}

struct Drained {
    body: Body,
    settings: BodySettings,
}

impl HttpBody for Drained {
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

impl Drop for Drained {
    fn drop(&mut self) {
        if self.body.is_end_stream() {
            return;
        }
        // Without a runtime the process is ending, and the connection with it.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let body = std::mem::take(&mut self.body);
        runtime.spawn(drain(body, self.settings.clone()));
    }
}

async fn drain(body: Body, settings: BodySettings) {
    let mut stream = body.into_data_stream();
    let deadline = Instant::now() + settings.drain_timeout;
    let mut bytes_left = settings.drain_bytes_max.as_u64();
    while let Ok(Some(Ok(chunk))) = tokio::time::timeout_at(deadline, stream.next()).await {
        match bytes_left.checked_sub(chunk.len() as u64) {
            Some(left) => bytes_left = left,
            None => return,
        }
    }
}
