//! Data and settings that nothing can be learned from are refused, and the message says where.

use cornu_model::{
    Batch, Batches, Compile, Dataset, Fit, Input, LayerExt, LossSpec, Model, ModelError, PerOutput,
    Sequential,
};
use cornu_nn::Activation;
use cornu_nn::layers::{Conv2D, Dense};
use cornu_nn::losses::{BinaryCrossentropy, Dice, Loss, SparseCategoricalCrossentropy};
use cornu_nn::optimizers::SGD;
use cornu_tensor::Tensor;

use crate::training;

const REPAIR: &str = "repair the sample or leave it out";
const CLASSES: &str = "correct the label, give the last layer as many units as there are classes, or \
                       set `ignore_class`";

/// Five classes from three numbers.
fn classifier(loss: impl Into<LossSpec>) -> Model {
    let model = Sequential::new([3]).add(Dense::new(5).activation(Activation::Softmax)).build();
    let mut model = model.unwrap().seed(1);
    model.compile(SGD::new(), loss, []).unwrap();
    model
}

fn sparse() -> LossSpec {
    LossSpec::named("sparse_categorical_crossentropy")
}

/// `n` samples of zeros with these targets.
fn labelled(dims: &[usize], y: impl FnMut(usize) -> f32) -> Dataset {
    let y = Tensor::from_fn(dims, y);
    Dataset::new(Tensor::zeros([dims[0], 3]), y).unwrap()
}

fn text<T>(result: Result<T, ModelError>) -> String {
    result.map(drop).unwrap_err().to_string()
}

/// What `fit`, `evaluate`, `train_on_batch` and `test_on_batch` say of the data, all the same.
fn refusal(model: &mut Model, data: &Dataset) -> String {
    // Shuffled and in small batches: the message has the number in the data set all the same.
    let message = text(model.fit(data, Fit::epochs(1).batch_size(2)));
    assert_eq!(text(model.evaluate_batches(data, 3)), message);
    let mut batch = Batch::default();
    let all: Vec<usize> = (0..data.len()).collect();
    data.fill(&all, &mut batch).unwrap();
    assert_eq!(text(model.train_on_batch(&batch)), message);
    assert_eq!(text(model.test_on_batch(&batch)), message);
    message
}

#[test]
fn numbers_must_be_finite() {
    let good = training::data(9);
    let mut batch = Batch::default();
    good.fill(&(0..9).collect::<Vec<_>>(), &mut batch).unwrap();
    let (x, y) = (&batch.x[0], &batch.y[0]);
    let with = |array: &Tensor, index: usize, value: f32| {
        let mut array = array.clone();
        array.data_mut()[index] = value;
        array
    };
    let mut model = training::model(1);
    let pictures = Dataset::new(with(x, 3 * 7 + 2, f32::NAN), y.clone()).unwrap();
    assert_eq!(
        refusal(&mut model, &pictures),
        format!(
            "x[0] (input `input_layer`): sample 7 (counted from 0) holds NaN, expected a finite \
             number: {REPAIR}"
        )
    );
    let labels = Dataset::new(x.clone(), with(y, 8, f32::NEG_INFINITY)).unwrap();
    assert_eq!(
        refusal(&mut model, &labels),
        format!(
            "y (output `dense_1`): sample 8 (counted from 0) holds -inf, expected a finite number: \
             {REPAIR}"
        )
    );
    for wrong in [f32::NAN, f32::INFINITY, -1.0] {
        let weights = with(&Tensor::full([9], 1.0), 4, wrong);
        assert_eq!(
            refusal(&mut model, &good.clone().sample_weight(weights).unwrap()),
            format!(
                "sample_weight[0]: sample 4 (counted from 0) holds {wrong}, expected a finite \
                 number that is not negative: {REPAIR}"
            )
        );
    }
}

#[test]
fn wrong_numbers_are_found_in_large_arrays() {
    let mut model = Sequential::new([64, 65, 1]).add(Conv2D::new(1, 1)).build().unwrap();
    model.compile(SGD::new(), LossSpec::named("mse"), []).unwrap();
    let n = 64 * 65;
    for index in [0, 4095, 4096, n - 1, n, 3 * n - 1] {
        let mut x = Tensor::zeros([3, 64, 65, 1]);
        x.data_mut()[index] = f32::INFINITY;
        let batch = Batch::new(x, Tensor::zeros([3, 64, 65, 1]));
        let error = model.test_on_batch(&batch).unwrap_err();
        assert!(
            matches!(error, ModelError::Value { sample, .. } if sample == index / n),
            "{error}"
        );
    }
}

#[test]
fn sparse_labels_must_be_classes() {
    let cases = [(5.0, "5"), (-1.0, "-1"), (1.5, "1.5")];
    for loss in ["sparse_categorical_crossentropy", "crossentropy"] {
        for (label, shown) in cases {
            for dims in [&[7, 1][..], &[7]] {
                let data = labelled(dims, |i| if i == 6 { label } else { i as f32 % 5.0 });
                assert_eq!(
                    refusal(&mut classifier(LossSpec::named(loss)), &data),
                    format!(
                        "y (output `dense`): sample 6 (counted from 0) holds {shown}, expected a \
                         whole number from 0 to 4, as the model has 5 classes: {CLASSES}"
                    )
                );
            }
        }
    }
    let ignoring = SparseCategoricalCrossentropy::new().ignore_class(255);
    let mut model = classifier(ignoring);
    let ignored = labelled(&[4], |i| if i == 3 { 255.0 } else { 1.0 });
    assert!(model.evaluate(&ignored).is_ok());
    let data = labelled(&[4], |i| if i == 2 { 254.0 } else { 255.0 });
    assert_eq!(
        refusal(&mut model, &data),
        format!(
            "y (output `dense`): sample 2 (counted from 0) holds 254, expected a whole number from \
             0 to 4 (or 255, ignored), as the model has 5 classes: {CLASSES}"
        )
    );
}

#[test]
fn labels_of_pictures_are_counted_by_sample() {
    let mut model = Sequential::new([2, 2, 1]).add(Conv2D::new(3, 1)).build().unwrap();
    let loss = SparseCategoricalCrossentropy::new().from_logits(true);
    model.compile(SGD::new(), loss, []).unwrap();
    let y = Tensor::from_fn([5, 2, 2], |i| if i == 4 * 3 + 1 { 3.0 } else { 2.0 });
    let data = Dataset::new(Tensor::zeros([5, 2, 2, 1]), y).unwrap();
    let error = refusal(&mut model, &data);
    assert!(error.contains("sample 3 ") && error.contains("from 0 to 2, as"), "{error}");
}

#[test]
fn probabilities_must_be_between_0_and_1() {
    let one_hot = labelled(&[3, 5], |i| if i == 7 { 2.0 } else { 0.0 });
    let hint =
        "give one-hot labels, or use `SparseCategoricalCrossentropy` for labels as whole numbers";
    for loss in ["categorical_crossentropy", "categorical_focal_crossentropy", "crossentropy"] {
        assert_eq!(
            refusal(&mut classifier(LossSpec::named(loss)), &one_hot),
            format!(
                "y (output `dense`): sample 1 (counted from 0) holds 2, expected at least 0 and at \
                 most 1: {hint}"
            )
        );
    }
    let masks = labelled(&[4, 5], |i| if i < 10 { 0.0 } else { 255.0 });
    let losses: [Box<dyn Loss>; 2] = [Box::new(BinaryCrossentropy::new()), Box::new(Dice::new())];
    for loss in losses {
        let mut model = classifier(LossSpec::boxed(loss));
        assert_eq!(
            text(model.evaluate(&masks)),
            "y (output `dense`): sample 2 (counted from 0) holds 255, expected at least 0 and at \
             most 1: scale the labels: 0 is no, 1 is yes (divide masks of 0 and 255 by 255)"
        );
    }
    // Losses between numbers take any.
    assert!(classifier(LossSpec::named("mse")).evaluate(&masks).is_ok());
}

#[test]
fn targets_must_have_a_shape_that_the_loss_takes() {
    for (loss, expected) in [
        ("mse", "labels of shape (None, 5), got (None, 1)"),
        ("categorical_crossentropy", "labels of shape (None, 5), got (None, 1)"),
    ] {
        let error = text(classifier(LossSpec::named(loss)).evaluate(&labelled(&[4, 1], |_| 0.0)));
        assert_eq!(error, format!("y (output `dense`): expected {expected}"));
    }
    let error = text(classifier(sparse()).evaluate(&labelled(&[4, 5], |_| 0.0)));
    assert_eq!(error, "y (output `dense`): expected labels of shape (None,), got (None, 5)");
}

#[test]
fn an_output_without_a_loss_takes_any_targets() {
    let input = Input::new([3]);
    let outputs = ["a", "b"].map(|name| Dense::new(2).named(name).apply(&input).unwrap());
    let mut model = Model::new(&input, outputs).unwrap();
    let loss = PerOutput::Named(vec![("b".to_owned(), LossSpec::named("mse"))]);
    model.compile_with(Compile::several(SGD::new(), loss)).unwrap();
    let nan = Tensor::full([4, 2], f32::NAN);
    let data = |a: &Tensor, b: &Tensor| {
        Dataset::several(vec![Tensor::zeros([4, 3])], vec![a.clone(), b.clone()]).unwrap()
    };
    assert!(model.evaluate(&data(&nan, &Tensor::zeros([4, 2]))).is_ok());
    let error = text(model.evaluate(&data(&Tensor::zeros([4, 2]), &nan)));
    assert!(error.starts_with("y (output `b`): sample 0 "), "{error}");
}

#[test]
fn class_weights_must_be_of_classes() {
    let fit = |loss: &str, dims: &[usize], weights: [(i64, f64); 2]| {
        let mut model = classifier(LossSpec::named(loss));
        model.fit(&labelled(dims, |i| (i % 2) as f32), Fit::epochs(1).class_weight(weights))
    };
    for (loss, dims) in [
        ("sparse_categorical_crossentropy", &[4, 1][..]),
        ("crossentropy", &[4]),
        ("categorical_crossentropy", &[4, 5]),
    ] {
        assert!(fit(loss, dims, [(0, 1.0), (4, 2.0)]).is_ok());
        for wrong in [5, -1] {
            assert_eq!(
                text(fit(loss, dims, [(0, 1.0), (wrong, 2.0)])),
                format!(
                    "class_weight: expected classes from 0 to 4, got a weight for class {wrong}"
                )
            );
        }
    }
    let mut binary = training::model(1);
    assert_eq!(
        text(binary.fit(&training::data(4), Fit::epochs(1).class_weight([(2, 1.0)]))),
        "class_weight: expected classes from 0 to 1, got a weight for class 2"
    );
    for (weight, shown) in [(-1.0, "-1"), (f64::NAN, "NaN")] {
        assert_eq!(
            text(fit("crossentropy", &[4], [(0, 1.0), (1, weight)])),
            format!(
                "class_weight: expected finite weights that are not negative, got {shown} for class \
                 1"
            )
        );
    }
}

#[test]
fn nothing_to_do_is_an_error() {
    let mut model = training::model(1);
    let data = training::data(4);
    let none = training::data(0);
    let settings = [
        (Fit::epochs(0), "epochs: expected at least 1, got 0"),
        (Fit::epochs(1).batch_size(0), "batch_size: expected at least 1, got 0"),
        (
            Fit::epochs(1).validation(&data).validation_batch_size(0),
            "validation_batch_size: expected at least 1, got 0",
        ),
        (
            Fit::epochs(1).validation(&data).validation_freq(0),
            "validation_freq: expected at least 1, got 0",
        ),
        (Fit::epochs(1).validation(&none), "validation data: expected at least one sample, got 0"),
    ];
    for (fit, message) in settings {
        assert_eq!(text(model.fit(&data, fit)), message);
    }
    let message = "data: expected at least one sample to train with, got 0";
    assert_eq!(text(model.fit(&none, Fit::epochs(1))), message);
    let message = "data: expected at least one sample to evaluate, got 0";
    assert_eq!(text(model.evaluate(&none)), message);
    let message = "batch_size: expected at least 1, got 0";
    assert_eq!(text(model.evaluate_batches(&data, 0)), message);
    assert_eq!(text(model.predict_batches(&data, 0)), message);
    let batch = Batch::new(Tensor::zeros([0, 3]), Tensor::zeros([0, 1]));
    assert_eq!(text(model.train_on_batch(&batch)), "batch: expected at least one sample, got 0");
    assert_eq!(model.iterations().unwrap(), 0);
}

#[test]
fn validation_data_is_refused_by_its_own_name() {
    let mut model = classifier(sparse());
    let good = labelled(&[4], |_| 0.0);
    let wide = Dataset::new(Tensor::zeros([4, 2]), Tensor::zeros([4])).unwrap();
    // Before the first step.
    assert_eq!(
        text(model.fit(&good, Fit::epochs(1).validation(&wide))),
        "validation x[0] (input `input_layer`): expected samples of shape [3], got [2]"
    );
    assert_eq!(
        text(model.fit(&good, Fit::epochs(1).validation(&labelled(&[4, 5], |_| 0.0)))),
        "validation y (output `dense`): expected labels of shape (None,), got (None, 5)"
    );
    assert_eq!(model.iterations().unwrap(), 0);

    let bad = labelled(&[10], |i| if i == 9 { 7.0 } else { 0.0 });
    let error = text(model.fit(&good, Fit::epochs(1).validation(&bad)));
    assert!(error.starts_with("validation y (output `dense`): sample 9 "), "{error}");
    // Samples of `validation_split` keep the numbers that they have in the data.
    let split = Fit::epochs(1).validation_split(0.3).validation_batch_size(2);
    let error = text(model.fit(&bad, split));
    assert!(error.starts_with("validation y (output `dense`): sample 9 "), "{error}");
}
