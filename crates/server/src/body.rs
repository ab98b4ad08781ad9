//! Request bodies, received within limits.
//!
//! ```text
//!   headers: encoding known? declared length allowed? room in the budget?    else refuse, unread
//!      └▶ receive: length, rate, place in the budget                         else refuse, drain
//!           └▶ inflate: length, ratio, place in the budget                   else refuse
//! ```
//!
//! The budget bounds what all bodies together take in memory. A body keeps its place in it until its
//! [`Place`] is dropped: after it was parsed its rows take about as much while they wait to be stored.

mod drain;
mod inflate;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::Bytes;
use bytesize::ByteSize;
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::settings::BodySettings;

pub(crate) use drain::drained;

/// Reserved for a body at most before it is read, whatever length it declares: who declares much and
/// sends little must not keep others out.
const FIRST_RESERVATION: u64 = 64 * 1024;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Self> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let Some(value) = values.next() else {
            return Ok(Self::Identity);
        };
        let text = String::from_utf8_lossy(value.as_bytes())
            .trim()
            .to_ascii_lowercase();
        match text.as_str() {
            _ if values.next().is_some() => {}
            "" | "identity" => return Ok(Self::Identity),
            "gzip" | "x-gzip" => return Ok(Self::Gzip),
            "zstd" => return Ok(Self::Zstd),
            _ => {}
        }
        Err(Error::UnsupportedEncoding {
            encoding: text.chars().take(100).collect(),
        })
    }
}

/// The part of the budget that one body takes.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Semaphore>,
    limit: ByteSize,
    held: Option<OwnedSemaphorePermit>,
}

impl Reservation {
    fn new(budget: &Arc<Semaphore>, limit: ByteSize) -> Self {
        Self {
            budget: Arc::clone(budget),
            limit,
            held: None,
        }
    }

    /// Fails unless as much as `bytes` could be reserved now. Says so before anything is read; what is
    /// reserved is what has come.
    fn check_room(&self, bytes: u64) -> Result<()> {
        let limit = self.limit;
        if bytes > limit.as_u64() {
            // Waiting would not help: it is more than the whole budget.
            let limit = limit.as_u64();
            return Err(Error::BodyTooLarge { limit });
        }
        match self.budget.available_permits() as u64 >= bytes.div_ceil(1024) {
            true => Ok(()),
            false => Err(Error::WritesBusy { limit }),
        }
    }

    /// Makes sure that `bytes` are reserved in all.
    fn grow_to(&mut self, bytes: u64) -> Result<()> {
        let held = self
            .held
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits) as u64;
        let missing = bytes.div_ceil(1024).saturating_sub(held);
        if missing == 0 {
            return Ok(());
        }
        if bytes > self.limit.as_u64() {
            // Waiting would not help: it is more than the whole budget.
            return Err(Error::BodyTooLarge {
                limit: self.limit.as_u64(),
            });
        }
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        let budget = Arc::clone(&self.budget);
        let more = budget.try_acquire_many_owned(missing);
        let more = more.map_err(|_| Error::WritesBusy { limit: self.limit })?;
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }
}

/// A body as it was sent, within its limits.
#[derive(Debug)]
pub(crate) struct Received {
    bytes: Vec<u8>,
    encoding: Encoding,
    reservation: Reservation,
}

/// A body as it was meant.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) place: Place,
}

/// The place of a body in the budget.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "is held")] Reservation);

/// Receives a body.
pub(crate) async fn receive(
    settings: &BodySettings,
    budget: &Arc<Semaphore>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Received> {
    let mut stream = body.into_data_stream();
    let encoding = Encoding::of(headers)?;
    let limit = settings.bytes_max.as_u64();
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|declared: u64| declared > limit) {
        return Err(Error::BodyTooLarge { limit });
    }
    let mut reservation = Reservation::new(budget, settings.in_flight_bytes_max);
    reservation.check_room(declared.unwrap_or(FIRST_RESERVATION))?;
    reservation.grow_to(declared.unwrap_or(FIRST_RESERVATION).min(FIRST_RESERVATION))?;
    // Capacity grows with what has arrived, not with what was promised.
    let mut bytes = Vec::with_capacity(declared.unwrap_or(0).min(FIRST_RESERVATION) as usize);
    let mut pace = Pace::new(settings);
    while let Some(chunk) = pace.next(&mut stream).await? {
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(Error::BodyTooLarge { limit });
        }
        reservation.grow_to((bytes.len() + chunk.len()) as u64)?;
        make_room(&mut bytes, chunk.len(), declared);
        bytes.extend_from_slice(&chunk);
    }
    Ok(Received {
        bytes,
        encoding,
        reservation,
    })
}

/// Makes room for a chunk: twice as much each time, but no more than was promised once a quarter of that has
/// come. Growing a large body only by doubling would take up to three times its size.
fn make_room(bytes: &mut Vec<u8>, more: usize, declared: Option<u64>) {
    let needed = bytes.len() + more;
    let declared = declared.and_then(|declared| usize::try_from(declared).ok());
    match declared {
        _ if needed <= bytes.capacity() => {}
        Some(declared) if needed <= declared && needed >= declared / 4 => {
            bytes.reserve_exact(declared - bytes.len());
        }
        _ => {}
    }
}

/// Holds a body to the least rate: each byte buys time.
struct Pace {
    started: Instant,
    grace: Duration,
    rate_min: u64,
    received: u64,
}

impl Pace {
    fn new(settings: &BodySettings) -> Self {
        let rate_min = settings.rate_bytes_min.as_u64();
        Self {
            started: Instant::now(),
            grace: settings.rate_grace,
            rate_min,
            received: 0,
        }
    }

    async fn next(&mut self, stream: &mut BodyDataStream) -> Result<Option<Bytes>> {
        let next = stream.next();
        let next = if self.rate_min == 0 {
            next.await
        } else {
            let bought = Duration::from_secs_f64(self.received as f64 / self.rate_min as f64);
            let deadline = self.started + self.grace + bought;
            let slow = |_| Error::BodySlow {
                rate_min: self.rate_min,
            };
            tokio::time::timeout_at(deadline, next)
                .await
                .map_err(slow)?
        };
        let chunk = next.transpose().map_err(|_| Error::BodyTruncated)?;
        self.received += chunk.as_ref().map_or(0, Bytes::len) as u64;
        Ok(chunk)
    }
}

impl Received {
    /// Whether nothing was sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether unpacking it takes CPU time.
    pub(crate) fn is_packed(&self) -> bool {
        self.encoding != Encoding::Identity
    }

    /// Unpacks the body. One that is packed is not for a thread that answers requests.
    pub(crate) fn inflate(self, settings: &BodySettings) -> Result<Content> {
        let Self {
            bytes,
            encoding,
            mut reservation,
        } = self;
        let limits = inflate::Limits {
            bytes_max: settings.inflated_bytes_max.as_u64(),
            ratio_max: settings.inflation_ratio_max,
        };
        let sent = bytes.len() as u64;
        // The packed bytes are in memory until they are unpacked.
        let reserve = |inflated: u64| reservation.grow_to(sent + inflated);
        let bytes = match encoding {
            _ if bytes.is_empty() => bytes,
            Encoding::Identity => bytes,
            Encoding::Gzip => inflate::gzip(&bytes, limits, reserve)?,
            Encoding::Zstd => inflate::zstd(&bytes, limits, reserve)?,
        };
        Ok(Content {
            bytes,
            place: Place(reservation),
        })
    }
}

#[cfg(test)]
mod tests;
