//! Anomaly scores: how far a row is from what is usual.
//!
//! | file        | compares a row with                               | functions                                              |
//! |-------------|---------------------------------------------------|--------------------------------------------------------|
//! | `reference` | the rows of a frame                               | z score, robust z score, quartile score, fleet deviation |
//! | `spread`    | the rows of a frame, several features at once     | Hotelling's T², squared prediction error               |
//! | `charts`    | a target and a sigma that were set                | EWMA chart, CUSUM, Page–Hinkley                        |
//! | `rules`     | the same, by the patterns of control charts       | rules of Nelson and of Western Electric                |
//! | `shifts`    | the rows before with the rows after               | level shift, volatility shift, persistence             |
//! | `outliers`  | all rows, which are taken to be normal            | tests of Grubbs, Rosner and Dixon                      |
//! | `seasonal`  | the trend and the season of their series          | robust scores, seasonal hybrid ESD                     |
//!
//! Zero spread: a value at the centre scores 0, one beside it is infinitely far away. Scores that are normalised are then 1.

mod charts;
mod matrix;
mod outliers;
mod reference;
mod rules;
mod seasonal;
mod shifts;
mod spread;

pub use charts::{Cusum, CusumSums, EwmaChart, EwmaPoint, PageHinkley};
pub use outliers::{DixonLevel, OutlierTest, dixon, extreme_deviates, grubbs};
pub use reference::{Fleet, Quartiles, Reference, Robust, Standard, from_quartiles, from_z};
pub use rules::{RuleSet, SpcRules};
pub use seasonal::{Deviate, hybrid_deviates, robust_scores};
pub use shifts::{level_shift, persistence, volatility_shift};
pub use spread::{Hotelling, PredictionError};
