//! The last row of each series instead of all rows, where the answer is the same.
//!
//! Storage knows the last row of every series of a table, usually without reading a file
//! ([`storage::Engine::last_rows`]). What a query takes from newest rows alone can be answered from those:
//!
//! | query                                                             | what makes it so               |
//! |-------------------------------------------------------------------|--------------------------------|
//! | `SELECT DISTINCT ON (tags) … ORDER BY tags, time DESC`             | the first row is the newest    |
//! | `last_value(x ORDER BY time)`, `first_value(x ORDER BY time DESC)` | likewise, with its NULL        |
//! | `last_value(x ORDER BY time) IGNORE NULLS`, `selector_last(x, time)` | if no last row has NULL there |
//! | `max(time)`, `min(tag)`, `max(tag)`, `count(DISTINCT tag)`         | no other row counts            |
//! | `row_number() OVER (PARTITION BY tags ORDER BY time DESC) = 1`     | the only row that is left      |
//! | `SELECT DISTINCT tags`                                            | every series has a last row    |
//! | `ORDER BY time DESC LIMIT 1`                                      | the newest of the newest       |
//!
//! Groups are made of tags alone, of any of them or of none: the newest row of a group is the newest of its
//! series. (If two series of a group end at the same time, either is right, as it is without this.) Conditions
//! below may look at tags, which all rows of a series share, and may ask for times from some moment on: if the
//! newest row of a series is older, so are all others. They stay where they are and are applied to the last
//! rows. Any other condition, on a field or on an upper bound of time, could let an older row win.
//!
//! The scan is replaced, and what takes whole rows of groups from it; all else above computes what it would
//! have. Whether last rows have a NULL that would let an older row win is seen when they are read; then all rows
//! are read after all.
//!
//! ```text
//! rule.rs       where in a plan only newest rows count
//! relation.rs   what of a plan's columns is a tag or the time, down to the scan
//! table.rs      last rows as a table, with its operator exec.rs
//! groups.rs     the newest of a group's last rows, with its operator groups_exec.rs
//! function.rs   latest('table'): the same, asked for by name
//! ```

mod exec;
mod function;
mod groups;
mod groups_exec;
mod relation;
mod rule;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use function::Latest;
pub(crate) use groups::{NewestOfGroups, physical_plan};
pub(in crate::plan) use relation::is_a_function_of_its_columns;
pub(crate) use rule::LastRows;
