//! Selectors: aggregates that pick one row and give its value, its time and whatever else of it is wanted.
//!
//! ```text
//! rows ──rank (two integers)──▶ better than the best so far? ──rest (encoded)──▶ settles ties ──▶ value, time, others
//! ```
//!
//! `selector_*` are those of InfluxDB 3: a struct of `value`, `time`, `other_1`, … One row per group is kept, so that
//! they take partial results like any row, and need neither sorted input nor memory for what they did not pick.
//! Which row that is never depends on the order of arrival:
//!
//! | function          | picks                | among equals                                            |
//! |-------------------|----------------------|---------------------------------------------------------|
//! | `selector_first`  | the earliest time    | the larger value, as InfluxQL does; then larger others  |
//! | `selector_last`   | the latest time      | the larger value, then larger others                    |
//! | `selector_min`    | the smallest value   | the earliest time, then larger others                   |
//! | `selector_max`    | the largest value    | the earliest time, then larger others                   |
//!
//! | rows                                      | result                                                        |
//! |-------------------------------------------|---------------------------------------------------------------|
//! | whose value is NULL, NaN or infinite      | skipped                                                       |
//! | whose time is NULL                        | skipped                                                       |
//! | none left                                 | every field NULL                                              |

mod best;
mod contenders;
mod first_by;
mod frame;
mod last_by;
mod picked;
mod plan;
mod ranks;
mod selector;
mod selector_first;
mod selector_last;
mod selector_max;
mod selector_min;
#[cfg(test)]
mod tests;

use datafusion_expr::AggregateUDF;

use selector::Selector;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Selector::udf(selector_first::SelectorFirst),
        Selector::udf(selector_last::SelectorLast),
        Selector::udf(selector_min::SelectorMin),
        Selector::udf(selector_max::SelectorMax),
        Selector::udf(first_by::FirstBy),
        Selector::udf(last_by::LastBy),
    ]
}
