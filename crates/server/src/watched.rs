//! Results that take long to send: they end when their reader is not let in any more.
//!
//! What comes at once is handed over in any case: it may be the word that the caller's own token was dropped.

use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::auth::Principal;
use crate::error::Result;
use crate::http::App;

/// So often it is looked, also while no rows come.
const EVERY: Duration = Duration::from_secs(1);

struct Watched {
    app: App,
    principal: Principal,
    looked_at: Instant,
    batches: BoxStream<'static, Result<RecordBatch>>,
}

/// The same rows, for as long as the caller may have them.
pub(crate) fn watched(
    app: &App,
    principal: &Principal,
    batches: BoxStream<'static, Result<RecordBatch>>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let watched = Watched {
        app: app.clone(),
        principal: principal.clone(),
        looked_at: Instant::now(),
        batches,
    };
    let rows = futures::stream::unfold(Some(watched), async |watched| {
        let mut watched = watched?;
        let next = watched.next().await.transpose()?;
        // Dropping what makes the rows stops it.
        let rest = next.is_ok().then_some(watched);
        Some((next, rest))
    });
    rows.boxed()
}

impl Watched {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let next = tokio::time::timeout(EVERY, self.batches.next()).await;
            if self.looked_at.elapsed() >= EVERY {
                self.principal
                    .check_still_good(self.app.server.services()?)?;
                self.looked_at = Instant::now();
            }
            if let Ok(next) = next {
                return next.transpose();
            }
        }
    }
}
