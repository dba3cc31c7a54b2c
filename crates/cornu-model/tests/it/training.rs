//! The training loop.

use cornu_model::callbacks::{
    Callback, CallbackCx, LambdaCallback, LearningRateScheduler, Progress, ProgressEvent,
    SwapEMAWeights, TerminateOnNaN,
};
use cornu_model::{
    Batch, Dataset, EpochSums, Fit, Logs, LossSpec, Model, ModelError, OptimizerSpec, PerOutput,
    Sequential, metrics,
};
use cornu_nn::Activation;
use cornu_nn::layers::{Dense, Dropout};
use cornu_nn::optimizers::{Adam, SGD};
use cornu_tensor::Tensor;
use cornu_testkit::Random;

pub(crate) fn model(seed: u64) -> Model {
    let mut model = Sequential::new([3])
        .add(Dense::new(5).activation(Activation::Relu))
        .add(Dropout::new(0.2))
        .add(Dense::new(1).activation(Activation::Sigmoid))
        .build()
        .unwrap()
        .seed(seed);
    let loss = LossSpec::named("binary_crossentropy");
    model.compile(Adam::new().learning_rate(0.05), loss, metrics(["accuracy"])).unwrap();
    model
}

/// Whether the sum of three numbers is positive.
pub(crate) fn data(n: usize) -> Dataset {
    let x = Random::new(1).array([n, 3]);
    let y = Tensor::from_fn([n, 1], |i| {
        f32::from(x.data()[3 * i..3 * i + 3].iter().sum::<f32>() > 0.0)
    });
    Dataset::new(x, y).unwrap()
}

#[test]
fn training_learns() {
    let data = data(50);
    let mut model = model(1);
    let history = model.fit(&data, Fit::epochs(30).batch_size(8).validation(&data)).unwrap();
    assert_eq!(history.epochs.len(), 30);
    let accuracy = history.get("val_accuracy").unwrap();
    assert!(0.9 < accuracy[29], "{accuracy:?}");
    assert_eq!(model.iterations().unwrap(), 30 * 7);
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_others() {
    let weights = |seed| {
        let mut model = model(seed);
        model.fit(&data(20), Fit::epochs(3).batch_size(8)).unwrap();
        model.get_weights()
    };
    assert_eq!(weights(3), weights(3));
    assert_ne!(weights(3), weights(4));
}

#[test]
fn a_loss_that_is_not_finite_stops_training_and_keeps_the_weights() {
    let mut x = Random::new(1).array([8, 3]);
    // A number whose square is infinite.
    x.data_mut()[5 * 3] = 1e30;
    let data = Dataset::new(x, Tensor::zeros([8, 1])).unwrap();
    let mut model = Sequential::new([3]).add(Dense::new(1)).build().unwrap().seed(1);
    model.compile(Adam::new(), LossSpec::named("mse"), []).unwrap();
    let fit = || Fit::epochs(2).batch_size(4).shuffle(false);
    let error = model.fit(&data, fit()).unwrap_err();
    assert!(matches!(error, ModelError::NonFiniteLoss { epoch: 1, batch: 2, .. }), "{error}");
    assert!(model.get_weights().iter().all(|w| w.data().iter().all(|v| v.is_finite())));
    assert_eq!(model.iterations().unwrap(), 1);

    let history =
        model.fit(&data, fit().stop_on_non_finite_loss(false).callback(TerminateOnNaN)).unwrap();
    assert_eq!(history.epochs.len(), 1);
    assert!(!history.get("loss").unwrap()[0].is_finite());
}

#[test]
fn validation_split_takes_the_end() {
    let data = data(10);
    let mut model = model(1);
    let fit = Fit::epochs(1).batch_size(7).validation_split(0.3);
    let history = model.fit(&data, fit).unwrap();
    assert!(history.get("val_loss").is_some());
    // Seven samples to train with are one batch.
    assert_eq!(model.iterations().unwrap(), 1);
}

#[test]
fn class_weights_are_sample_weights() {
    let plain = data(12);
    let mut by_class = model(1);
    by_class.fit(&plain, Fit::epochs(1).batch_size(5).class_weight([(1, 3.0)])).unwrap();

    let mut batch = Batch::default();
    cornu_model::Batches::fill(&plain, &(0..12).collect::<Vec<_>>(), &mut batch).unwrap();
    let weights = Tensor::from_fn([12], |i| if batch.y[0].data()[i] == 1.0 { 3.0 } else { 1.0 });
    let weighted = plain.sample_weight(weights).unwrap();
    let mut by_sample = model(1);
    by_sample.fit(&weighted, Fit::epochs(1).batch_size(5)).unwrap();
    assert_eq!(by_class.get_weights(), by_sample.get_weights());

    let error = by_class.fit(&weighted, Fit::epochs(1).class_weight([(1, 3.0)])).unwrap_err();
    assert!(error.to_string().starts_with("class_weight: "), "{error}");
}

#[test]
fn learning_rates_and_progress_are_told() {
    let (mut events, mut rates) = (Vec::new(), Vec::new());
    let mut model = Sequential::new([3]).add(Dense::new(1)).build().unwrap();
    model.compile(SGD::new(), LossSpec::named("mse"), []).unwrap();
    let history = model
        .fit(
            &data(10),
            Fit::epochs(3)
                .initial_epoch(1)
                .batch_size(4)
                .callback(LearningRateScheduler::new(|epoch, _| 0.1 / epoch as f64))
                .callback(Progress::new(|report| {
                    events.push((report.event, report.epoch, report.batch, report.batches));
                    rates.push(report.samples_per_second);
                })),
        )
        .unwrap();
    assert_eq!(history.get("learning_rate").unwrap(), [f64::from(0.1f32), f64::from(0.05f32)]);
    assert_eq!(events[0], (ProgressEvent::EpochBegin, 1, 0, 3));
    assert_eq!(events[3], (ProgressEvent::BatchEnd, 1, 3, 3));
    // What comes after the last step takes time, too, but none of training's.
    assert_eq!((events[4].0, rates[4]), (ProgressEvent::EpochEnd, rates[3]));
    assert_eq!(events.last().unwrap().0, ProgressEvent::TrainEnd);
}

#[test]
fn wrong_data_and_settings_are_errors_that_say_what_is_expected() {
    let mut model = model(1);
    let text = |result: Result<_, ModelError>| result.map(|_: ()| ()).unwrap_err().to_string();
    let wide = Dataset::new(Tensor::zeros([4, 2]), Tensor::zeros([4, 1])).unwrap();
    assert_eq!(
        text(model.fit(&wide, Fit::epochs(1)).map(drop)),
        "x[0] (input `input_layer`): expected samples of shape [3], got [2]"
    );
    let labels = Dataset::new(Tensor::zeros([4, 3]), Tensor::zeros([4, 2])).unwrap();
    let error = text(model.evaluate(&labels).map(drop));
    assert_eq!(error, "y (output `dense_1`): expected labels of shape (None, 1), got (None, 2)");
    let labels = Dataset::new(Tensor::zeros([4, 3]), Tensor::zeros([4, 2, 5])).unwrap();
    let error = text(model.evaluate(&labels).map(drop));
    assert!(error.starts_with("y (output `dense_1`): expected labels"), "{error}");
    let none = Dataset::inputs(vec![Tensor::zeros([4, 3])]).unwrap();
    assert_eq!(text(model.evaluate(&none).map(drop)), "y: expected 1 arrays (dense_1), got 0");
    let error = text(model.fit(&data(4), Fit::epochs(1).batch_size(0)).map(drop));
    assert_eq!(error, "batch_size: expected at least 1, got 0");
    let mut raw = Sequential::new([3]).add(Dense::new(1)).build().unwrap();
    let error = text(raw.fit(&data(4), Fit::epochs(1)).map(drop));
    assert_eq!(error, "`fit` needs a compiled model: call `compile` first");
    let error = text(raw.compile(OptimizerSpec::named("adan"), LossSpec::named("mse"), []));
    assert!(error.contains("optimizer `adan` is not supported"), "{error}");
    let compile = cornu_model::Compile::several(
        OptimizerSpec::named("adam"),
        PerOutput::Named(vec![("logits".to_owned(), LossSpec::named("mse"))]),
    );
    let error = text(raw.compile_with(compile));
    assert_eq!(error, "compile: `loss`: no output is named `logits`; there are dense");
}

#[test]
fn an_empty_prediction_has_no_samples() {
    let mut model = model(1);
    assert_eq!(model.predict(&Tensor::zeros([0, 3])).unwrap().dims(), [0, 1]);
    assert_eq!(model.predict(&Tensor::zeros([33, 3])).unwrap().dims(), [33, 1]);
}

#[test]
fn averages_are_validated_and_training_does_not_notice() {
    let averaging = |use_ema: bool| {
        let mut model = model(1);
        let loss = LossSpec::named("binary_crossentropy");
        let adam = Adam::new().learning_rate(0.05).use_ema(use_ema).ema_momentum(0.8);
        model.compile(adam, loss, []).unwrap();
        model
    };
    let data = data(20);
    let plain = averaging(false).fit(&data, Fit::epochs(3).batch_size(8)).unwrap();

    // The averages, by hand.
    let mut means: Vec<Tensor> = Vec::new();
    let mut expected = Vec::new();
    let mut judge = averaging(true);
    let mut model = averaging(true);
    let mean = LambdaCallback::new().on_batch_end(|cx, _, _| {
        let weights = cx.weights();
        if means.is_empty() {
            means.clone_from(&weights);
            return Ok(());
        }
        for (mean, weight) in means.iter_mut().zip(&weights) {
            for (mean, weight) in mean.data_mut().iter_mut().zip(weight.data()) {
                *mean = 0.8 * *mean + 0.2 * weight;
            }
        }
        judge.set_weights(&means)?;
        expected.push(judge.evaluate(&data)?["loss"]);
        Ok(())
    });
    let fit = Fit::epochs(3).batch_size(8).validation(&data);
    let history = model.fit(&data, fit.callback(SwapEMAWeights).callback(mean)).unwrap();
    assert_eq!(history.get("loss"), plain.get("loss"));
    for (epoch, val_loss) in history.get("val_loss").unwrap().iter().enumerate() {
        // The first of all steps was not judged.
        let by_hand = expected[3 * epoch + 1];
        assert!((val_loss - by_hand).abs() < 1e-6, "{epoch}: {val_loss} {by_hand}");
    }
    let averaged = model.get_weights();
    model.swap_ema_weights().unwrap();
    model.swap_ema_weights().unwrap();
    assert_eq!(model.get_weights(), averaged);

    let fit = Fit::epochs(1).callback(SwapEMAWeights);
    let error = averaging(false).fit(&data, fit).unwrap_err().to_string();
    assert!(error.contains("use_ema(true)"), "{error}");
}

/// Stops after a batch and keeps what the logs so far are computed from.
struct StopAfter {
    batch: usize,
    sums: EpochSums,
}

impl Callback for StopAfter {
    fn on_batch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        batch: usize,
        _logs: &Logs,
    ) -> Result<(), ModelError> {
        if batch == self.batch {
            self.sums = cx.model.epoch_sums();
            cx.stop_training();
        }
        Ok(())
    }
}

#[test]
fn an_epoch_that_was_stopped_within_gives_the_logs_of_all_its_batches() {
    let data = data(50);
    let straight = model(1).fit(&data, Fit::epochs(2).batch_size(8)).unwrap();
    let mut stopped = model(1);
    stopped.fit(&data, Fit::epochs(1).batch_size(8)).unwrap();
    let mut stop = StopAfter { batch: 2, sums: EpochSums::default() };
    let fit = Fit::epochs(2).batch_size(8).initial_epoch(1);
    stopped.fit(&data, fit.validation(&data).callback(&mut stop)).unwrap();
    assert_eq!(stopped.epoch_sums(), EpochSums::default());

    let mut resumed = stopped;
    let fit = || Fit::epochs(2).batch_size(8).initial_epoch(1).initial_batch(3);
    let rest = resumed.fit(&data, fit().initial_sums(stop.sums.clone())).unwrap();
    for name in ["loss", "accuracy"] {
        let [all, rest] = [&straight.get(name).unwrap()[1], &rest.get(name).unwrap()[0]];
        assert_eq!(all.to_bits(), rest.to_bits(), "{name}");
    }

    let mut others = stop.sums;
    others.metrics.clear();
    let error = resumed.fit(&data, fit().initial_sums(others)).unwrap_err().to_string();
    assert!(error.contains("initial_sums: expected what `epoch_sums`"), "{error}");
}
