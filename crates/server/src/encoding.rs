//! Where rows become bytes: at once where they are few, else on a thread that no connection waits for.

use arrow::array::RecordBatch;

use crate::error::Result;

/// Values that become bytes in less time than it takes to wake another thread, twice.
const FEW_VALUES: usize = 4096;

/// Bytes of texts may be many where values are few.
const FEW_BYTES: usize = 1 << 20;

/// Whether a batch takes so little time that it is not worth handing over.
pub(crate) fn is_little(batch: &RecordBatch) -> bool {
    batch.num_rows() * batch.num_columns() <= FEW_VALUES
        && batch.get_array_memory_size() <= FEW_BYTES
}

/// Does the work that makes bytes.
pub(crate) async fn encoded<T: Send + 'static>(
    is_little: bool,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match is_little {
        true => work(),
        false => tokio::task::spawn_blocking(work).await?,
    }
}
