//! Evaluation and prediction.

use cornu_tensor::Tensor;

use crate::check::check_not_zero;
use crate::data::{Arrays, Batch, Batches, Dataset};
use crate::fit::Running;
use crate::history::{EpochSums, Logs};
use crate::step::{StepKind, StepResult};
use crate::{Model, ModelError};

/// Samples per batch of `evaluate` and `predict`, as in Keras.
const BATCH_SIZE: usize = 32;

impl Model {
    /// Loss and metrics of the model as it is, in batches of 32.
    ///
    /// # Errors
    ///
    /// [`ModelError::NotCompiled`], [`ModelError::Data`], or [`ModelError::Value`] if there are
    /// numbers that are not finite, or targets that the loss does not take.
    pub fn evaluate(&mut self, data: &dyn Batches) -> Result<Logs, ModelError> {
        self.evaluate_batches(data, BATCH_SIZE)
    }

    /// The same with another batch size.
    ///
    /// # Errors
    ///
    /// As for [`Model::evaluate`].
    pub fn evaluate_batches(
        &mut self,
        data: &dyn Batches,
        batch_size: usize,
    ) -> Result<Logs, ModelError> {
        self.compiled("evaluate")?;
        check_not_zero("batch_size", batch_size)?;
        if data.is_empty() {
            return Err(ModelError::data("data", "at least one sample to evaluate", "0"));
        }
        self.check_batch(&data.layout(), batch_size.min(data.len()))?;
        let mut progress = Running::start(self);
        let mut batch = Batch::default();
        let order: Vec<usize> = (0..data.len()).collect();
        let mut chunks = order.chunks(batch_size).peekable();
        while let Some(samples) = chunks.next() {
            data.fill(samples, &mut batch)?;
            if let Some(next) = chunks.peek() {
                data.prefetch(0, next);
            }
            let result = self.run_step(StepKind::Test, &batch);
            let result = result.map_err(|error| error.of_samples(samples))?;
            progress.add(self, &batch, &result)?;
        }
        Ok(progress.logs(self))
    }

    /// Output of a model with one input and one output, in batches of 32.
    ///
    /// # Errors
    ///
    /// [`ModelError::Data`] if the samples have another shape than the input, or there are several
    /// inputs or outputs.
    pub fn predict(&mut self, x: &Tensor) -> Result<Tensor, ModelError> {
        let data = Dataset::inputs(vec![x.clone()])?;
        let mut outputs = self.predict_batches(&data, BATCH_SIZE)?;
        match outputs.len() {
            1 => Ok(outputs.swap_remove(0)),
            n => Err(ModelError::data(
                "predict",
                "a model of one output (see `predict_batches`)",
                format!("{n}"),
            )),
        }
    }

    /// All outputs for the inputs of `data`, whose targets are not looked at.
    ///
    /// # Errors
    ///
    /// [`ModelError::Data`] if the samples have other shapes than the inputs.
    pub fn predict_batches(
        &mut self,
        data: &dyn Batches,
        batch_size: usize,
    ) -> Result<Vec<Tensor>, ModelError> {
        check_not_zero("batch_size", batch_size)?;
        self.check_batch(&data.layout(), batch_size.min(data.len()))?;
        let mut batch = Batch::default();
        let mut values: Vec<Vec<f32>> = vec![Vec::new(); self.network.outputs.len()];
        let mut dims: Vec<Vec<usize>> = self
            .output_shapes()
            .iter()
            .map(|shape| [vec![0], shape.sample().unwrap_or_default()].concat())
            .collect();
        let order: Vec<usize> = (0..data.len()).collect();
        let mut chunks = order.chunks(batch_size).peekable();
        while let Some(samples) = chunks.next() {
            data.fill(samples, &mut batch)?;
            if let Some(next) = chunks.peek() {
                data.prefetch(0, next);
            }
            let result = self.run_step(StepKind::Predict, &batch)?;
            for (i, output) in result.y_pred.into_iter().enumerate() {
                // The first batch tells sizes that the model leaves open.
                let samples = dims[i][0] + output.dims().first().copied().unwrap_or(0);
                dims[i] = output.dims().to_vec();
                if let Some(first) = dims[i].first_mut() {
                    *first = samples;
                }
                values[i].extend(output.into_data());
            }
        }
        let tensors = dims.into_iter().zip(values).map(|(dims, values)| {
            Tensor::new(dims, values).map_err(|error| {
                ModelError::data("predict", "outputs of one shape", error.to_string())
            })
        });
        tensors.collect()
    }

    /// All outputs for one batch.
    ///
    /// # Errors
    ///
    /// As for [`Model::predict`].
    pub fn predict_on_batch(&mut self, x: &[Tensor]) -> Result<Vec<Tensor>, ModelError> {
        let batch = Arrays { x, ..Arrays::default() };
        Ok(self.run_step(StepKind::Predict, batch)?.y_pred)
    }

    /// Loss and metrics of one batch. Answers the logs since the last [`Model::reset_metrics`].
    ///
    /// # Errors
    ///
    /// As for [`Model::evaluate`].
    pub fn test_on_batch(&mut self, batch: &Batch) -> Result<Logs, ModelError> {
        self.compiled("test_on_batch")?;
        let result = self.run_step(StepKind::Test, batch)?;
        self.add_to_running(batch, &result)
    }

    /// What the logs so far are computed from: of the epoch within `fit`'s `on_batch_end`, else since
    /// the last [`Model::reset_metrics`]. Empty before the first batch.
    pub fn epoch_sums(&self) -> EpochSums {
        self.running.as_ref().map_or_else(EpochSums::default, |running| running.sums(self))
    }

    /// Forgets what `train_on_batch` and `test_on_batch` summed up.
    pub fn reset_metrics(&mut self) {
        self.running = None;
    }

    /// Adds a batch to the sums of `train_on_batch` and `test_on_batch`.
    pub(crate) fn add_to_running(
        &mut self,
        batch: &Batch,
        result: &StepResult,
    ) -> Result<Logs, ModelError> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => Running::start(self),
        };
        running.add(self, batch, result)?;
        let logs = running.logs(self);
        self.running = Some(running);
        Ok(logs)
    }
}
