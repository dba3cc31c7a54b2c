use std::collections::BTreeMap;

/// Values by name, sorted as Keras sorts them: `accuracy`, `loss`, `val_accuracy`, `val_loss`.
pub type Logs = BTreeMap<String, f64>;

/// What `fit` did: the logs of each epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Epochs, counted from 0.
    pub epochs: Vec<usize>,
    /// For each name its value in each epoch.
    pub history: BTreeMap<String, Vec<f64>>,
}

impl History {
    /// Values of `name`, one per epoch.
    pub fn get(&self, name: &str) -> Option<&[f64]> {
        self.history.get(name).map(Vec::as_slice)
    }

    pub(crate) fn add(&mut self, epoch: usize, logs: &Logs) {
        self.epochs.push(epoch);
        for (name, &value) in logs {
            self.history.entry(name.clone()).or_default().push(value);
        }
    }
}

/// What the logs of an epoch so far are computed from: kept with a model that is saved within an
/// epoch, it lets the epoch's logs come out as if training had not stopped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EpochSums {
    /// Weighted sum and weight of the total loss, then those of each output's loss.
    pub losses: Vec<[f64; 2]>,
    /// For each metric its variables, flat.
    pub metrics: Vec<Vec<Vec<f64>>>,
}

/// A running mean, weighted by the numbers of samples.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    pub(crate) fn update(&mut self, value: f64, samples: usize) {
        self.sum += value * samples as f64;
        self.count += samples as f64;
    }

    pub(crate) fn of_sums([sum, count]: [f64; 2]) -> Self {
        Self { sum, count }
    }

    pub(crate) fn sums(self) -> [f64; 2] {
        [self.sum, self.count]
    }

    /// 0 before the first value, as in Keras.
    pub(crate) fn result(self) -> f64 {
        if self.count == 0.0 { 0.0 } else { self.sum / self.count }
    }
}
