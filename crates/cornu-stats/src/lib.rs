//! What predictions are worth: exact statistics of scores and labels.
//!
//! | question | answer |
//! |---|---|
//! | how well do scores rank positives above negatives? | [`roc_auc`], [`RocCurve`] |
//! | and where positives are rare? | [`average_precision`], [`PrecisionRecallCurve`] |
//! | what is taken for what? | [`ConfusionMatrix`] |
//! | is a probability of 0.8 right in 8 of 10 cases? | [`calibration_curve`], [`brier_score`] |
//! | what does a threshold cost? | [`ThresholdScores`], [`best_by_youden`] |
//! | how sure is all that? | [`bootstrap`], [`wilson_interval`] |
//!
//! Plain slices in, plain numbers out; every value is the one that scikit-learn gives
//! (`conformance/statistics`), ties included. The metrics that a model is compiled with are Keras's,
//! whose AUC is a sum over 200 thresholds: good for watching training, not for reporting a result.
//!
//! ```
//! let scores = [0.1, 0.4, 0.35, 0.8];
//! let positive = [false, false, true, true];
//! assert_eq!(cornu_stats::roc_auc(&scores, &positive)?, 0.75);
//! # Ok::<(), cornu_stats::StatsError>(())
//! ```

pub mod bootstrap;
mod calibration;
mod confusion;
mod error;
mod interval;
mod precision_recall;
mod ranked;
mod roc;
mod threshold;

pub use calibration::{Bins, CalibrationBin, brier_score, calibration_curve, calibration_error};
pub use confusion::{ClassCounts, ConfusionMatrix};
pub use error::StatsError;
pub use interval::{Interval, wilson_interval};
pub use precision_recall::{PrecisionRecallCurve, average_precision};
pub use roc::{RocCurve, roc_auc};
pub use threshold::{ThresholdScores, best_by_youden};
