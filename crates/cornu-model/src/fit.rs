//! Training: `fit` and `train_on_batch`.

use std::collections::BTreeMap;

use cornu_engine::Variables;
use cornu_nn::layers::Mixing;
use cornu_tensor::Tensor;

use crate::callbacks::{Callback, CallbackCx, Plan};
use crate::check::check_not_zero;
use crate::data::{Batch, Batches, Layout, Part};
use crate::history::{EpochSums, History, Logs, Mean};
use crate::mixing::Mixer;
use crate::seeds::{Purpose, derived};
use crate::shuffle::shuffled;
use crate::step::{StepKind, StepResult};
use crate::{Model, ModelError};

/// All arguments of [`Model::fit`] but the data.
#[allow(missing_debug_implementations, reason = "holds callbacks, which need not be printable")]
pub struct Fit<'a> {
    epochs: usize,
    batch_size: usize,
    initial_epoch: usize,
    initial_batch: usize,
    initial_sums: Option<EpochSums>,
    shuffle: bool,
    validation: Option<&'a dyn Batches>,
    validation_split: f64,
    validation_batch_size: Option<usize>,
    validation_freq: usize,
    class_weight: BTreeMap<i64, f64>,
    mixing: Option<Box<dyn Mixing + 'a>>,
    callbacks: Vec<Box<dyn Callback + 'a>>,
    stop_on_non_finite_loss: bool,
}

impl<'a> Fit<'a> {
    /// Trains up to epoch `epochs`.
    pub fn epochs(epochs: usize) -> Self {
        Self {
            epochs,
            batch_size: 32,
            initial_epoch: 0,
            initial_batch: 0,
            initial_sums: None,
            shuffle: true,
            validation: None,
            validation_split: 0.0,
            validation_batch_size: None,
            validation_freq: 1,
            class_weight: BTreeMap::new(),
            mixing: None,
            callbacks: Vec::new(),
            stop_on_non_finite_loss: true,
        }
    }

    /// Samples per step; the last batch may be shorter. Default: 32.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Epochs that were done before: training goes on with this one, counted from 0. Default: 0.
    pub fn initial_epoch(mut self, initial_epoch: usize) -> Self {
        self.initial_epoch = initial_epoch;
        self
    }

    /// Batches of the initial epoch that were done before: they are passed over, so that training
    /// that was stopped within an epoch goes on as if it had not been. The epoch's training logs are
    /// of the rest, unless [`Fit::initial_sums`] are given. Default: 0.
    pub fn initial_batch(mut self, initial_batch: usize) -> Self {
        self.initial_batch = initial_batch;
        self
    }

    /// What [`Model::epoch_sums`] gave after the `initial_batch` batches: the epoch's training logs
    /// are then of all its batches. Default: none.
    pub fn initial_sums(mut self, sums: EpochSums) -> Self {
        self.initial_sums = Some(sums);
        self
    }

    /// Whether each epoch has an order of its own. It follows from the model's seed and the epoch.
    /// Default: true.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Samples to evaluate after each epoch.
    pub fn validation(mut self, data: &'a dyn Batches) -> Self {
        self.validation = Some(data);
        self
    }

    /// The part of the samples, taken from the end before any shuffling, that is not trained with
    /// but evaluated after each epoch. Default: 0.
    pub fn validation_split(mut self, part: f64) -> Self {
        self.validation_split = part;
        self
    }

    /// Samples per batch of the validation. Default: as in training.
    pub fn validation_batch_size(mut self, batch_size: usize) -> Self {
        self.validation_batch_size = Some(batch_size);
        self
    }

    /// Validates only in every so-many-th epoch. Default: 1.
    pub fn validation_freq(mut self, epochs: usize) -> Self {
        self.validation_freq = epochs;
        self
    }

    /// Weights of classes: samples count so much in the loss and in weighted metrics. Classes that
    /// are not named count 1.
    pub fn class_weight(mut self, weights: impl IntoIterator<Item = (i64, f64)>) -> Self {
        self.class_weight = weights.into_iter().collect();
        self
    }

    /// Mixes pictures of each training batch, and their labels alike, by a layer such as
    /// [`MixUp`](cornu_nn::layers::MixUp) or [`CutMix`](cornu_nn::layers::CutMix); what Keras does with
    /// that layer in a data pipeline. Labels must be such as may be mixed: probabilities of classes
    /// (one-hot), not their numbers. Validation data stays as it is. Training metrics see mixed
    /// labels. For models of one input, and without sample weights. Default: none.
    ///
    /// ```
    /// use cornu_model::Fit;
    /// use cornu_nn::layers::MixUp;
    ///
    /// let fit = Fit::epochs(20).mixing(MixUp::new(0.2));
    /// ```
    pub fn mixing(mut self, mixing: impl Mixing + 'a) -> Self {
        self.mixing = Some(Box::new(mixing));
        self
    }

    /// Adds a callback; give a `&mut` to look at it afterwards.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Whether a loss that is infinite or not a number ends training with an error. Default: true.
    pub fn stop_on_non_finite_loss(mut self, stop: bool) -> Self {
        self.stop_on_non_finite_loss = stop;
        self
    }
}

impl Model {
    /// Trains the model.
    ///
    /// Each epoch goes once over the samples in batches. The logs are means over the epoch so far;
    /// after the last batch the validation data is evaluated and its logs added as `val_...`.
    ///
    /// # Errors
    ///
    /// [`ModelError::NotCompiled`], [`ModelError::Data`], [`ModelError::Value`] if there are numbers
    /// that are not finite or targets that the loss does not take, [`ModelError::NonFiniteLoss`],
    /// and what callbacks answer. The model then is as after the last complete step.
    pub fn fit(&mut self, data: &dyn Batches, mut fit: Fit<'_>) -> Result<History, ModelError> {
        self.compiled("fit")?;
        let (train, held_back) = split(data, &fit)?;
        let validation = fit.validation.map(|data| Part { whole: data, start: 0, end: data.len() });
        let validation = validation.or(held_back);
        self.check_plan(&train, validation.as_ref(), &fit)?;
        let plan = Plan {
            epochs: fit.epochs,
            initial_epoch: fit.initial_epoch,
            samples: train.len(),
            batches: train.len().div_ceil(fit.batch_size),
            has_validation: validation.is_some(),
        };
        let mut listeners =
            Listeners { callbacks: std::mem::take(&mut fit.callbacks), plan, stop: false };
        let mut history = History::default();
        let mut mixer = match &fit.mixing {
            Some(mixing) => Some(Mixer::new(&**mixing, &train.layout(), &self.options)?),
            None => None,
        };

        listeners.tell(self, |callback, cx| callback.on_train_begin(cx))?;
        for epoch in fit.initial_epoch..fit.epochs {
            listeners.tell(self, |callback, cx| callback.on_epoch_begin(cx, epoch))?;
            let mut logs = self.train_epoch(&train, epoch, &fit, mixer.as_mut(), &mut listeners)?;
            self.validate(validation.as_ref(), epoch, &fit, &mut listeners, &mut logs)?;
            listeners.tell(self, |callback, cx| callback.on_epoch_end(cx, epoch, &mut logs))?;
            history.add(epoch, &logs);
            if listeners.stop {
                break;
            }
        }
        self.take_averages();
        listeners.tell(self, |callback, cx| callback.on_train_end(cx))?;
        Ok(history)
    }

    /// What would fail later, perhaps after hours, must fail before the first step.
    fn check_plan(
        &self,
        train: &dyn Batches,
        validation: Option<&Part<'_, dyn Batches + '_>>,
        fit: &Fit<'_>,
    ) -> Result<(), ModelError> {
        check_not_zero("epochs", fit.epochs)?;
        check_not_zero("validation_freq", fit.validation_freq)?;
        check_not_zero("validation_batch_size", fit.validation_batch_size.unwrap_or(1))?;
        self.check_layout(StepKind::Train, &train.layout())?;
        self.check_batch(&train.layout(), fit.batch_size.min(train.len()))?;
        self.check_class_weight(&train.layout(), &fit.class_weight)?;
        if let Some(validation) = validation {
            if validation.is_empty() {
                let error = ModelError::data("data", "at least one sample", "0");
                return Err(error.of_validation(0));
            }
            let graph = self.step_graph(StepKind::Test, &validation.layout());
            graph.map_err(|error| error.of_validation(0))?;
        }
        Ok(())
    }

    /// Goes once over the samples; answers the means of the epoch.
    fn train_epoch(
        &mut self,
        train: &dyn Batches,
        epoch: usize,
        fit: &Fit<'_>,
        mut mixer: Option<&mut Mixer>,
        listeners: &mut Listeners<'_>,
    ) -> Result<Logs, ModelError> {
        let order = self.order(train.len(), epoch, fit.shuffle);
        let mut running = Running::start(self);
        let mut batch = Batch { epoch, ..Batch::default() };
        let mut before = fit.stop_on_non_finite_loss.then(Variables::new);
        let is_first = epoch == fit.initial_epoch;
        let n_done = if is_first { fit.initial_batch } else { 0 };
        if let Some(sums) = fit.initial_sums.as_ref().filter(|_| is_first) {
            running.restore(self, sums)?;
        }
        let mut chunks = order.chunks(fit.batch_size).enumerate().skip(n_done).peekable();
        while let Some((index, samples)) = chunks.next() {
            train.fill(samples, &mut batch)?;
            if let Some((_, next)) = chunks.peek() {
                train.prefetch(epoch, next);
            }
            if let Some(mixer) = &mut mixer {
                let seed = derived(self.seed, Purpose::Mixing, 0);
                mixer.mix(&mut batch, seed, self.iterations().unwrap_or(0))?;
            }
            weigh_classes(&mut batch, &train.layout(), &fit.class_weight)?;
            let result = self.train_step(&batch, index, before.as_mut());
            let result = result.map_err(|error| error.of_samples(samples))?;
            running.add(self, &batch, &result)?;
            let logs = running.logs(self);
            self.running = Some(running.clone());
            let told = listeners.tell(self, |callback, cx| callback.on_batch_end(cx, index, &logs));
            self.running = None;
            told?;
            if listeners.stop {
                break;
            }
        }
        Ok(running.logs(self))
    }

    /// Adds the logs of the validation, if there is one in this epoch.
    fn validate(
        &mut self,
        validation: Option<&Part<'_, dyn Batches + '_>>,
        epoch: usize,
        fit: &Fit<'_>,
        listeners: &mut Listeners<'_>,
        logs: &mut Logs,
    ) -> Result<(), ModelError> {
        let is_due = (epoch + 1).is_multiple_of(fit.validation_freq);
        if let Some(validation) = validation.filter(|_| is_due) {
            let batch_size = fit.validation_batch_size.unwrap_or(fit.batch_size);
            listeners.tell(self, |callback, cx| callback.on_test_begin(cx))?;
            let scores = self.evaluate_batches(validation, batch_size);
            listeners.tell(self, |callback, cx| callback.on_test_end(cx))?;
            let scores = scores.map_err(|error| error.of_validation(validation.start))?;
            logs.extend(scores.into_iter().map(|(name, value)| (format!("val_{name}"), value)));
        }
        Ok(())
    }

    /// One training step. Answers the logs since the last [`Model::reset_metrics`].
    ///
    /// # Errors
    ///
    /// [`ModelError::NotCompiled`], [`ModelError::Data`], or [`ModelError::Value`].
    pub fn train_on_batch(&mut self, batch: &Batch) -> Result<Logs, ModelError> {
        self.compiled("train_on_batch")?;
        let result = self.run_step(StepKind::Train, batch)?;
        self.add_to_running(batch, &result)
    }

    fn order(&self, n: usize, epoch: usize, shuffle: bool) -> Vec<usize> {
        if shuffle { shuffled(n, self.seed, epoch) } else { (0..n).collect() }
    }

    /// One step; given memory for a copy of the variables, it leaves them as they were if its loss is
    /// not finite.
    fn train_step(
        &mut self,
        batch: &Batch,
        index: usize,
        before: Option<&mut Variables>,
    ) -> Result<StepResult, ModelError> {
        let Some(before) = before else { return self.run_step(StepKind::Train, batch) };
        self.build_optimizer()?;
        before.copy_from(&self.variables);
        let result = self.run_step(StepKind::Train, batch)?;
        if result.loss.is_finite() {
            return Ok(result);
        }
        self.variables.copy_from(before);
        self.compiled_mut("fit")?.iteration -= 1;
        Err(ModelError::NonFiniteLoss {
            epoch: batch.epoch + 1,
            batch: index + 1,
            loss: result.loss,
        })
    }
}

/// Running means of an epoch.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    loss: Mean,
    losses: Vec<Option<Mean>>,
}

impl Running {
    /// Everything from zero, the metrics too.
    pub(crate) fn start(model: &mut Model) -> Self {
        model.running = None;
        let mut losses = Vec::new();
        if let Some(compiled) = &mut model.compiled {
            compiled.metrics.reset();
            losses = compiled.losses.iter().map(|l| l.as_ref().map(|_| Mean::default())).collect();
        }
        Self { loss: Mean::default(), losses }
    }

    pub(crate) fn add(
        &mut self,
        model: &mut Model,
        batch: &Batch,
        result: &StepResult,
    ) -> Result<(), ModelError> {
        let samples = batch.samples();
        self.loss.update(result.loss, samples);
        for (mean, loss) in self.losses.iter_mut().zip(&result.losses) {
            if let (Some(mean), Some(loss)) = (mean, loss) {
                mean.update(*loss, samples);
            }
        }
        let n_outputs = result.y_pred.len();
        let weights: Vec<Option<&Tensor>> = (0..n_outputs)
            .map(|i| batch.sample_weight.get(i).or(batch.sample_weight.first()))
            .collect();
        let metrics = &mut model.compiled_mut("fit")?.metrics;
        metrics.update(&batch.y, &result.y_pred, &weights, &result.masks)
    }

    /// Goes on from `sums`.
    fn restore(&mut self, model: &mut Model, sums: &EpochSums) -> Result<(), ModelError> {
        let problem = |got: String| {
            ModelError::data("initial_sums", "what `epoch_sums` of this model gave", got)
        };
        let means = std::iter::once(&mut self.loss).chain(self.losses.iter_mut().flatten());
        let means: Vec<&mut Mean> = means.collect();
        if means.len() != sums.losses.len() {
            return Err(problem(format!("{} losses", sums.losses.len())));
        }
        for (mean, sums) in means.into_iter().zip(&sums.losses) {
            *mean = Mean::of_sums(*sums);
        }
        if model.compiled_mut("fit")?.metrics.restore(&sums.metrics) {
            return Ok(());
        }
        Err(problem(format!("{} metrics", sums.metrics.len())))
    }

    pub(crate) fn sums(&self, model: &Model) -> EpochSums {
        let means = std::iter::once(&self.loss).chain(self.losses.iter().flatten());
        EpochSums {
            losses: means.map(|mean| mean.sums()).collect(),
            metrics: model.compiled.as_ref().map_or_else(Vec::new, |c| c.metrics.sums()),
        }
    }

    pub(crate) fn logs(&self, model: &Model) -> Logs {
        let mut logs = Logs::from([("loss".to_owned(), self.loss.result())]);
        if 1 < self.losses.len() {
            let names = model.network.output_labels();
            for (name, loss) in names.iter().zip(&self.losses) {
                if let Some(loss) = loss {
                    logs.insert(format!("{name}_loss"), loss.result());
                }
            }
        }
        if let Some(compiled) = &model.compiled {
            compiled.metrics.results(&mut logs);
        }
        logs
    }
}

/// The samples to train with, and those of `validation_split`.
fn split<'a>(
    data: &'a dyn Batches,
    fit: &Fit<'_>,
) -> Result<(Part<'a, dyn Batches + 'a>, Option<Part<'a, dyn Batches + 'a>>), ModelError> {
    check_not_zero("batch_size", fit.batch_size)?;
    if !(0.0..1.0).contains(&fit.validation_split) {
        return Err(ModelError::data(
            "validation_split",
            "at least 0 and less than 1",
            fit.validation_split.to_string(),
        ));
    }
    let n = data.len();
    let n_train = (n as f64 * (1.0 - fit.validation_split)).floor() as usize;
    if n_train == 0 {
        return Err(ModelError::data("data", "at least one sample to train with", format!("{n}")));
    }
    let train = Part { whole: data, start: 0, end: n_train };
    let held_back = (n_train < n).then_some(Part { whole: data, start: n_train, end: n });
    Ok((train, held_back))
}

/// Turns class weights into sample weights.
fn weigh_classes(
    batch: &mut Batch,
    layout: &Layout,
    weights: &BTreeMap<i64, f64>,
) -> Result<(), ModelError> {
    if weights.is_empty() {
        return Ok(());
    }
    let problem = |expected: &str, got: &str| Err(ModelError::data("class_weight", expected, got));
    if !layout.sample_weight.is_empty() {
        return problem("data without sample weights", "both");
    }
    let [y] = &batch.y[..] else {
        return problem("a model of one output", "several");
    };
    let samples = batch.samples();
    let row = y.len().checked_div(samples).unwrap_or(0);
    let label = |row: &[f32]| match row {
        [label] => label.round() as i64,
        scores => {
            let mut best = 0;
            for (i, score) in scores.iter().enumerate() {
                if scores[best] < *score {
                    best = i;
                }
            }
            best as i64
        }
    };
    if y.rank() > 2 {
        return problem("one label per sample", "several");
    }
    let weight = |row: &[f32]| weights.get(&label(row)).copied().unwrap_or(1.0) as f32;
    let values: Vec<f32> = y.data().chunks_exact(row.max(1)).map(weight).collect();
    let weights = Tensor::new([samples], values);
    let weights = weights
        .map_err(|error| ModelError::data("y[0]", "one label per sample", error.to_string()))?;
    batch.sample_weight = vec![weights];
    Ok(())
}

/// The callbacks of a run, and whether one of them asked for its end.
struct Listeners<'a> {
    callbacks: Vec<Box<dyn Callback + 'a>>,
    plan: Plan,
    stop: bool,
}

impl<'a> Listeners<'a> {
    /// Tells each callback in turn.
    fn tell(
        &mut self,
        model: &mut Model,
        mut what: impl FnMut(&mut (dyn Callback + 'a), &mut CallbackCx<'_>) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        for callback in &mut self.callbacks {
            let mut cx = CallbackCx::new(model, &self.plan);
            what(&mut **callback, &mut cx)?;
            self.stop |= cx.is_stopping();
        }
        Ok(())
    }
}
