//! Rows of series in order, for the operators that go through series one after the other.
//!
//! A table's rows are read by series and, within a series, by time; but in several partitions, each of which is in that order by itself.
//! Stock planning hashes the rows of all of them to spread them by series, and sorts them anew. Here they are merged by runs, which
//! copies nothing where a series lies in one partition for long, and whole series are handed to whoever has had the fewest rows.
//!
//! ```text
//!   partitions of a scan            series           partitions of the output
//!   a a a c c ─┐                                    ┌─▶ a a a a a
//!              ├─▶ merge ─▶ a a a a a│b b│c c c ────┤
//!   a a b b c ─┘                                    └─▶ b b c c c
//! ```

mod exec;
mod merge;
mod orders;
mod spread;

pub(super) use exec::SeriesExchangeExec;
pub(super) use orders::orderings;
