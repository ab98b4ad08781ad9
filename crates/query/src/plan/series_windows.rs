//! Window functions over series that are sorted already, whole runs of rows at a time.
//!
//! A table's rows are read by series and, within a series, by time, which is what nearly every window over them asks for:
//! `PARTITION BY asset ORDER BY time`. Stock planning spreads rows by hashes and sorts them anew. Stock evaluation then cuts every row
//! out of its columns to hand it to the function, and takes one value back.
//!
//! ```text
//! BoundedWindowAggExec                          SeriesWindowExec         goes through series by series
//!   SortExec: asset, time            becomes      SeriesExchangeExec     where there are several
//!     RepartitionExec: Hash(asset)                  DataSourceExec
//!       DataSourceExec
//! ```
//!
//! It stands in where every function of a window is one of ours that can go through many frames at once ([`functions::series`]), the
//! frames end at the current row, and the input is in order. Everything else is left to [`super::windows`].

mod exec;
mod frames;
mod rule;
mod series;
#[cfg(test)]
mod tests;

pub(super) use rule::SeriesWindows;
