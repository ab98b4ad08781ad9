//! How good predictions are: errors of forecasts, counts of right and wrong alarms, rankings, and events in time.
//!
//! | file             | measures                                                                                 | over                     |
//! |------------------|------------------------------------------------------------------------------------------|--------------------------|
//! | `errors`         | mae, rmse, mape, smape, r2, pinball loss, coverage, crps                                    | actual and predicted     |
//! | `confusion`      | precision, recall, F1, Matthews' correlation, false alarm and missed alarm rates             | label and alarm          |
//! | `ranking`        | areas under the ROC and the precision-recall curve, the best threshold                       | label and score          |
//! | `folds`          | which part of a division a machine belongs to                                              | names                    |
//! | `events`         | F1 with point adjustment and of ranges, detection delay, the NAB score                          | label and alarm, in time |
//!
//! All but the last three are [`Summary`](crate::Summary)s: they merge, and slide, in any order.

mod confusion;
mod errors;
mod events;
mod folds;
mod ranking;

pub use confusion::{BrierScore, Confusion, Judged};
pub use errors::{
    AbsoluteErrors, Coverage, NormalCrps, PercentageErrors, SquaredErrors, SymmetricErrors,
    VarianceShare, naive_error,
};
pub use events::{
    DetectionDelay, NAB_STANDARD, NabProfile, detection_delay, nab_score, point_adjusted, range_f1,
};
pub use folds::{fold_of, is_in_share};
pub use ranking::{Best, ThresholdMetric, best_threshold, pr_auc, roc_auc};
