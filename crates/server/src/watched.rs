//! Results that take long to send: they end when their reader is not let in any more.

use arrow::array::RecordBatch;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::auth::Principal;
use crate::error::Result;
use crate::http::App;

/// The same rows, for as long as the caller may have them.
pub(crate) fn watched(
    app: &App,
    principal: &Principal,
    batches: BoxStream<'static, Result<RecordBatch>>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let (app, principal) = (app.clone(), principal.clone());
    let still_good = move |batch: Result<RecordBatch>| {
        principal.check_still_good(app.server.services()?)?;
        batch
    };
    batches.map(still_good).boxed()
}
