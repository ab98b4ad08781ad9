//! Whether two samples come from the same distribution.
//!
//! | samples                                  | result                                             |
//! |------------------------------------------|----------------------------------------------------|
//! | one of them empty                        | none                                               |
//! | `student_test`, `welch_test`: too few    | none                                               |
//! | both without spread, and equal           | t: none; others: p = 1                             |
//! | `anderson`: all values equal             | none                                               |

mod anderson;
mod kolmogorov;
mod ranks;
mod student;

pub use anderson::anderson;
pub use kolmogorov::ks_test;
pub use ranks::mannwhitney;
pub use student::{WelchTest, student_test, welch_test};

/// A statistic and the chance of one as extreme if there is no difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Test {
    /// The statistic of the test.
    pub statistic: f64,
    /// The p value.
    pub p: f64,
}
