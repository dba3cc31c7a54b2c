//! Saving, loading, and going on.

use std::fs;

use cornu_model::callbacks::{CSVLogger, EarlyStopping, ModelCheckpoint};
use cornu_model::{Fit, LossSpec, Model, Sequential};
use cornu_nn::layers::{Dense, SpectralNormalization};
use cornu_nn::optimizers::SGD;
use tempfile::tempdir;

use crate::training::{data, model};

#[test]
fn training_goes_on_after_loading_as_if_nothing_had_happened() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("half.keras");
    let data = data(20);
    let mut whole = model(1);
    whole.fit(&data, Fit::epochs(4).batch_size(8)).unwrap();

    let mut half = model(1);
    half.fit(&data, Fit::epochs(2).batch_size(8)).unwrap();
    half.save(&path).unwrap();
    let mut rest = Model::load(&path).unwrap();
    rest.set_seed(1);
    assert_eq!(rest.summary(), half.summary());
    rest.fit(&data, Fit::epochs(4).initial_epoch(2).batch_size(8)).unwrap();
    let close = |a: &Model, b: &Model| {
        for (a, b) in a.get_weights().iter().zip(b.get_weights()) {
            // Files hold `float32`; the reference runtime goes on in `f64` without one.
            cornu_testkit::assert_close(a, &b, 1e-6, 1e-6);
        }
    };
    close(&rest, &whole);
    assert_eq!(rest.evaluate(&data).unwrap().len(), 2);
}

#[test]
fn the_same_seed_gives_the_same_file() {
    let folder = tempdir().unwrap();
    let bytes = |name: &str| {
        let path = folder.path().join(name);
        let mut model = model(1);
        model.fit(&data(20), Fit::epochs(1).batch_size(8)).unwrap();
        model.save(&path).unwrap();
        fs::read(path).unwrap()
    };
    assert_eq!(bytes("a.keras"), bytes("b.keras"));
}

#[test]
fn a_file_that_cannot_be_written_stays() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("model.txt");
    fs::write(&path, "mine").unwrap();
    let error = model(1).save(&path).unwrap_err().to_string();
    assert!(error.contains("model.txt") && error.contains(".keras"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn weights_of_another_model_are_refused_and_change_nothing() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.weights.h5");
    model(1).save_weights(&path).unwrap();
    let mut other = Sequential::new([3]).add(Dense::new(4)).add(Dense::new(1)).build().unwrap();
    let before = other.get_weights();
    let error = other.load_weights(&path).unwrap_err().to_string();
    assert!(error.contains("a.weights.h5"), "{error}");
    assert!(
        error.contains("layer `dense`: weight `kernel` (`layers/dense/vars/0`): expected shape [3, 4], got [3, 5]"),
        "{error}"
    );
    assert_eq!(other.get_weights(), before);
    let mut short = Sequential::new([3]).add(Dense::new(5)).build().unwrap();
    let error = short.load_weights(&path).unwrap_err().to_string();
    assert!(error.contains("no such weights: layers/dense_1/vars/0"), "{error}");
    let error = Model::load(folder.path().join("none.keras")).unwrap_err().to_string();
    assert!(error.contains("none.keras"), "{error}");
}

#[test]
fn checkpoints_and_logs_are_written() {
    let folder = tempdir().unwrap();
    let best = folder.path().join("best/{epoch:02d}.keras");
    let log = folder.path().join("history.csv");
    let data = data(20);
    let mut checkpoint = ModelCheckpoint::new(best).save_best_only(true);
    let mut model = model(1);
    let history = model
        .fit(
            &data,
            Fit::epochs(3)
                .batch_size(8)
                .validation(&data)
                .callback(&mut checkpoint)
                .callback(CSVLogger::new(&log)),
        )
        .unwrap();
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "epoch,accuracy,loss,val_accuracy,val_loss");
    assert_eq!((lines.len(), lines[1].starts_with("0,")), (4, true));
    let mut saved = Model::load(checkpoint.last_path().unwrap()).unwrap();
    let loss = saved.evaluate(&data).unwrap()["loss"];
    let best = history.get("val_loss").unwrap().iter().copied().fold(f64::INFINITY, f64::min);
    assert!((loss - best).abs() < 1e-5 && checkpoint.best() == Some(best), "{loss} {best}");

    model.fit(&data, Fit::epochs(1).callback(CSVLogger::new(&log).append(true))).unwrap();
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.lines().last().unwrap().ends_with(",NA,NA"), "{text}");
}

#[test]
fn early_stopping_puts_the_best_weights_back() {
    let data = data(20);
    let mut model = Sequential::new([3]).add(Dense::new(1)).build().unwrap();
    // A learning rate so high that the loss only grows.
    model.compile(SGD::new().learning_rate(10.0), LossSpec::named("mse"), []).unwrap();
    let mut stopping = EarlyStopping::new().monitor("loss").patience(2).restore_best_weights(true);
    let history = model.fit(&data, Fit::epochs(10).shuffle(false).callback(&mut stopping)).unwrap();
    assert_eq!((history.epochs.len(), stopping.stopped_epoch(), stopping.best_epoch()), (3, 2, 0));

    let unknown = EarlyStopping::new().monitor("val_lost");
    let error = model.fit(&data, Fit::epochs(1).callback(unknown)).unwrap_err().to_string();
    assert_eq!(
        error,
        "callback `EarlyStopping`: `val_lost` is not among the logs: loss; choose one of those, or \
         give validation data"
    );
}

#[test]
fn the_kernel_of_a_spectral_normalization_is_stored_twice_as_keras_does() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("spectral.weights.h5");
    let make = || Sequential::new([3]).add(SpectralNormalization::new(Dense::new(2))).build();
    let (model, mut again) = (make().unwrap(), make().unwrap());
    model.save_weights(&path).unwrap();
    let tree = cornu_formats::read_h5(fs::read(&path).unwrap()).unwrap();
    let layer = "layers/spectral_normalization";
    let kernel = tree.dataset(&format!("{layer}/vars/0")).unwrap();
    assert_eq!(kernel.dims, [3, 2]);
    assert_eq!(tree.dataset(&format!("{layer}/vars/1")).unwrap().dims, [1, 2]);
    assert_eq!(tree.dataset(&format!("{layer}/layer/vars/0")), Some(kernel));
    again.load_weights(&path).unwrap();
    assert_eq!(again.get_weights(), model.get_weights());
}
