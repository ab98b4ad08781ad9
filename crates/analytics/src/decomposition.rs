//! Decomposition: a series as the sum of a trend, a season and what is left over.
//!
//! | file    | does                                                                      |
//! |---------|---------------------------------------------------------------------------|
//! | `loess` | smooths an even series by lines through the points around each one         |
//! | `stl`   | trend and season by loess in turns (Cleveland et al. 1990)                 |

mod loess;
mod stl;

pub use stl::{Decomposition, Stl};
