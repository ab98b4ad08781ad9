//! Windows of times, each longer than the one before.

use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::Expr;

use super::bins;

/// How many times as long as the one before a window is: what was read in vain is then a small part of
/// what is read in the end.
const GROWTH: i128 = 16;

/// The windows from one end of the times that a query can see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Hash)]
pub(super) struct Windows {
    /// They end with the latest time, and the order is a descending one; otherwise they begin with the
    /// earliest.
    pub(super) newest_first: bool,
    /// The earliest and the latest time there may be.
    pub(super) earliest: i64,
    pub(super) latest: i64,
    /// What the order is by, over a column `time`.
    pub(super) bin: Expr,
    /// How long the first one is.
    pub(super) length: i64,
}

impl Windows {
    /// The edge of a window, a start of a bin: times from it on, if `newest_first`, and otherwise those
    /// before it. `None` if the window is all there is.
    pub(super) fn edge(&self, attempt: u32) -> Result<Option<i64>> {
        let length = GROWTH
            .checked_pow(attempt)
            .and_then(|growth| growth.checked_mul(self.length.into()));
        let Some(length) = length else {
            return Ok(None);
        };
        let edge = match self.newest_first {
            true => i128::from(self.latest) - length,
            false => i128::from(self.earliest) + length,
        };
        let is_within = i128::from(self.earliest) < edge && edge < i128::from(self.latest);
        let edge = match i64::try_from(edge) {
            Ok(edge) if is_within => edge,
            _ => return Ok(None),
        };
        let [Some(start)] = bins::starts(&self.bin, vec![edge])?[..] else {
            return Ok(None);
        };
        // What the starts of bins are told by; a function for which it does not hold has no windows.
        let is_start = bins::starts(&self.bin, vec![start])? == [Some(start)];
        let is_within = self.earliest < start && start <= edge;
        Ok((is_start && is_within).then_some(start))
    }
}

/// How long the bin before the one of `time` is.
pub(super) fn bin_length(bin: &Expr, time: i64) -> Result<Option<i64>> {
    let start = |time| Ok::<_, DataFusionError>(bins::starts(bin, vec![time])?[0]);
    let Some(end) = start(time)? else {
        return Ok(None);
    };
    let Some(before) = end.checked_sub(1) else {
        return Ok(None);
    };
    Ok(start(before)?.and_then(|start| end.checked_sub(start)))
}
