//! Similarity: which stretches of a series are like which others.
//!
//! | file      | does                                                                                      |
//! |-----------|-------------------------------------------------------------------------------------------|
//! | `profile` | for every stretch the one that is most like it: the matrix profile                         |
//! | `extreme` | stretches that are like no other (discords), and pairs that are most alike (motifs)        |

mod extreme;
mod profile;

pub use extreme::{discords, motifs};
pub use profile::{Nearest, exclusion_zone, matrix_profile};
