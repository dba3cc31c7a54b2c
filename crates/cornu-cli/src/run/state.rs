use cornu::model::EpochSums;
use serde::{Deserialize, Serialize};

use crate::recipe::Recipe;

/// Where training stands: all that is needed to go on besides the model and its optimizer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainingState {
    /// Epochs that are complete.
    pub(crate) epoch: usize,
    /// Batches of the next epoch that are done.
    pub(crate) batch: usize,
    /// What the training logs of those batches are computed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sums: Option<Sums>,
    /// The validation loss, smoothed over the epochs.
    pub(crate) smoothed: Option<f64>,
    /// The lowest smoothed validation loss.
    pub(crate) best: Option<f64>,
    /// The epoch it was reached in, counted from 1.
    pub(crate) best_epoch: usize,
    /// Whether early stopping ended training.
    pub(crate) stopped: bool,
}

/// [`EpochSums`] as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sums {
    losses: Vec<[f64; 2]>,
    metrics: Vec<Vec<Vec<f64>>>,
}

impl From<EpochSums> for Sums {
    fn from(EpochSums { losses, metrics }: EpochSums) -> Self {
        Self { losses, metrics }
    }
}

impl From<Sums> for EpochSums {
    fn from(Sums { losses, metrics }: Sums) -> Self {
        Self { losses, metrics }
    }
}

impl TrainingState {
    /// Takes the end of an epoch into account. Answers whether it is the best so far.
    ///
    /// `smoothed = (1 - a) * smoothed + a * val_loss`, from the first epoch's own value. Without
    /// validation the last epoch is always the best.
    pub(crate) fn end_epoch(&mut self, val_loss: Option<f64>, recipe: &Recipe) -> bool {
        self.epoch += 1;
        self.batch = 0;
        self.sums = None;
        let Some(val_loss) = val_loss else {
            self.best_epoch = self.epoch;
            return true;
        };
        let smoothed = match self.smoothed {
            None => val_loss,
            Some(before) => before + recipe.smoothing * (val_loss - before),
        };
        self.smoothed = Some(smoothed);
        let is_best = self.best.is_none_or(|best| smoothed < best);
        if is_best {
            self.best = Some(smoothed);
            self.best_epoch = self.epoch;
        }
        self.stopped = recipe.early_stopping && self.best_epoch + recipe.patience <= self.epoch;
        is_best
    }

    /// Whether nothing is left to do up to `epochs`.
    pub(crate) fn is_finished(&self, epochs: usize) -> bool {
        self.stopped || epochs <= self.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lucky_epoch_is_not_the_best_and_patience_runs_out() {
        let recipe = Recipe { smoothing: 0.5, patience: 2, ..Recipe::default() };
        let mut state = TrainingState::default();
        let best: Vec<bool> =
            [1.0, 0.6, 0.9, 0.9].map(|loss| state.end_epoch(Some(loss), &recipe)).to_vec();
        // Smoothed: 1.0, 0.8, 0.85, 0.875.
        assert_eq!(best, [true, true, false, false]);
        assert_eq!((state.best_epoch, state.stopped), (2, true));
        assert!(state.is_finished(100));
    }

    #[test]
    fn without_validation_the_last_epoch_is_kept() {
        let recipe = Recipe::default();
        let mut state = TrainingState::default();
        assert!(state.end_epoch(None, &recipe) && state.end_epoch(None, &recipe));
        assert_eq!((state.best_epoch, state.stopped), (2, false));
        assert!(state.is_finished(2) && !state.is_finished(3));
    }
}
