//! Golden kind `callback`: callbacks fed with a made-up history.

use cornu_model::callbacks::{
    Callback, CallbackCx, EarlyStopping, Mode, Plan, ReduceLROnPlateau, TerminateOnNaN,
};
use cornu_model::{LayerExt, Logs, LossSpec, Model, Sequential, metrics};
use cornu_nn::layers::Dense;
use cornu_nn::optimizers::SGD;
use cornu_tensor::Tensor;
use cornu_testkit::Case;
use cornu_testkit::golden::number;
use serde_json::Value;

use crate::compare::close;
use crate::tally::{Failure, Verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let args = &case.json["args"];
    match case.class() {
        "EarlyStopping" => replay(case, &mut early_stopping(args), |callback| State {
            wait: Some(callback.wait()),
            cooldown: None,
            best: callback.best(),
        }),
        "ReduceLROnPlateau" => replay(case, &mut reduce_lr(args), |callback| State {
            wait: Some(callback.wait()),
            cooldown: Some(callback.cooldown_counter()),
            best: callback.best(),
        }),
        "TerminateOnNaN" => replay(case, &mut TerminateOnNaN, |_| State::default()),
        other => Err(Failure::Refused(format!("callback `{other}`"))),
    }
}

#[derive(Default)]
struct State {
    wait: Option<usize>,
    cooldown: Option<usize>,
    best: Option<f64>,
}

fn mode(args: &Value) -> Mode {
    match args["mode"].as_str().unwrap() {
        "min" => Mode::Min,
        "max" => Mode::Max,
        _ => Mode::Auto,
    }
}

fn early_stopping(args: &Value) -> EarlyStopping {
    let mut callback = EarlyStopping::new()
        .monitor(args["monitor"].as_str().unwrap())
        .mode(mode(args))
        .min_delta(args["min_delta"].as_f64().unwrap())
        .patience(args["patience"].as_u64().unwrap() as usize)
        .restore_best_weights(args["restore_best_weights"] == true)
        .start_from_epoch(args["start_from_epoch"].as_u64().unwrap() as usize);
    if let Some(baseline) = args["baseline"].as_f64() {
        callback = callback.baseline(baseline);
    }
    callback
}

fn reduce_lr(args: &Value) -> ReduceLROnPlateau {
    ReduceLROnPlateau::new()
        .monitor(args["monitor"].as_str().unwrap())
        .mode(mode(args))
        .min_delta(args["min_delta"].as_f64().unwrap())
        .patience(args["patience"].as_u64().unwrap() as usize)
        .factor(args["factor"].as_f64().unwrap())
        .cooldown(args["cooldown"].as_u64().unwrap() as usize)
        .min_lr(args["min_lr"].as_f64().unwrap())
}

fn logs_of(json: &Value) -> Logs {
    let logs = json.as_object().unwrap().iter();
    logs.map(|(name, value)| (name.clone(), number(value).unwrap())).collect()
}

/// The model's only weight is the number of the epoch.
fn replay<C: Callback>(case: &Case, callback: &mut C, state: impl Fn(&C) -> State) -> Verdict {
    let mut model = model(case.json["initial_lr"].as_f64().unwrap());
    let logs: Vec<Logs> = case.json["logs"].as_array().unwrap().iter().map(logs_of).collect();
    let trace = case.json["trace"].as_array().unwrap();
    let plan = Plan { epochs: logs.len(), has_validation: true, ..Plan::default() };
    callback.on_train_begin(&mut CallbackCx::new(&mut model, &plan))?;
    for (epoch, (mut logs, expected)) in logs.into_iter().zip(trace).enumerate() {
        let mut cx = CallbackCx::new(&mut model, &plan);
        callback.on_epoch_begin(&mut cx, epoch)?;
        let what = |what: &str| format!("epoch {epoch}, {what}");
        let rate = |key: &str| expected[key].as_f64().unwrap();
        close(&what("lr_in_epoch"), cx.learning_rate()?, rate("lr_in_epoch"), 0.0)?;
        cx.set_weights(&[Tensor::full([1, 1], epoch as f32)])?;
        callback.on_epoch_end(&mut cx, epoch, &mut logs)?;
        close(&what("lr_after"), cx.learning_rate()?, rate("lr_after"), 0.0)?;
        if cx.is_stopping() != (expected["stop"] == true) {
            return Err(Failure::wrong(what("stop")));
        }
        let state = state(callback);
        if state.wait.map(|n| n as u64) != expected["wait"].as_u64() {
            return Err(Failure::wrong(what("wait")));
        }
        if state.cooldown.map(|n| n as u64) != expected["cooldown"].as_u64() {
            return Err(Failure::wrong(what("cooldown")));
        }
        if state.best != number(&expected["best"]) {
            return Err(Failure::wrong(what("best")));
        }
        let after = logs_of(&expected["logs_after"]);
        if format!("{logs:?}") != format!("{after:?}") {
            return Err(Failure::wrong(format!("{}: {logs:?}, not {after:?}", what("logs"))));
        }
        if cx.is_stopping() {
            break;
        }
    }
    callback.on_train_end(&mut CallbackCx::new(&mut model, &plan))?;
    let expected = case.json["weights_from_epoch"].as_f64().unwrap();
    close("weights_from_epoch", f64::from(model.get_weights()[0].data()[0]), expected, 0.0)
}

fn model(learning_rate: f64) -> Model {
    let layer = Dense::new(1).use_bias(false).named("dense");
    let mut model = Sequential::new([1]).add(layer).build().unwrap();
    let optimizer = SGD::new().learning_rate(learning_rate);
    model.compile(optimizer, LossSpec::named("mse"), metrics(["accuracy"])).unwrap();
    model
}
