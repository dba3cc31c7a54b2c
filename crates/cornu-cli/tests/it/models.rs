use crate::cornu::Place;
use cornu::data::write_npy;
use cornu::prelude::*;
use cornu::tensor::Tensor;

#[test]
fn the_lessons_network_is_summarised_as_keras_does() {
    let text = Place::new().run("summary lesson-cnn").ok();
    assert!(text.starts_with("Model: \"functional\"\n┏━"), "{text}");
    assert!(
        text.contains(
            "│ conv2d_6 (Conv2D)               │ (None, 4, 4, 50)       │        25,050 │"
        )
    );
    assert!(text.ends_with(
        " Total params: 54,627 (213.39 KB)\n Trainable params: 54,627 (213.39 KB)\n \
         Non-trainable params: 0 (0.00 B)\n"
    ));
}

#[test]
fn a_config_is_planned_and_timed() {
    let place = Place::new();
    for units in [1, 3] {
        place.write_net("net.json", units);
        let plan = place.run("plan net.json --train --threads 1").ok();
        let first = "net.json: training step\nmemory of 32 samples on 1 at once: ";
        assert!(plan.starts_with(first), "{plan}");
        assert!(plan.contains("adam") && plan.contains("3x3 1->4"), "{plan}");
        assert!(!place.run("plan net.json").ok().contains("adam"));
        let line = "bench net.json --batch 2 --steps 1 --threads 2 --json";
        let figures = place.run(line).json().remove(0);
        for key in ["train_img_s", "infer_img_s", "latency_b1_ms", "first_step_s"] {
            assert!(0.0 < figures[key].as_f64().unwrap(), "{key} of {figures}");
        }
        assert!(figures["peak_rss_mb"].is_u64());
    }
}

#[test]
fn a_model_of_three_classes_predicts_arrays_and_pictures() {
    let place = Place::new();
    place.write_net("net.json", 3);
    // Without names a class is its index.
    write_npy(&place.path("x.npy"), &Tensor::from_fn([40, 32, 32, 1], |i| (i % 7) as f32)).unwrap();
    let predictions = place.run("predict net.json x.npy --json").json();
    assert_eq!(predictions.len(), 40);
    for (index, prediction) in predictions.iter().enumerate() {
        assert_eq!(prediction["file"], "x.npy");
        assert_eq!(prediction["index"], index);
        let output: Vec<f64> =
            prediction["output"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect();
        assert_eq!(output.len(), 3);
        let class: usize = prediction["class"].as_str().unwrap().parse().unwrap();
        assert_eq!(prediction["probability"].as_f64().unwrap(), output[class]);
        assert!(output.iter().all(|p| *p <= output[class]));
    }
    assert_eq!(place.run("predict net.json x.npy").ok().lines().count(), 40);

    write_npy(&place.path("bad.npy"), &Tensor::zeros([32, 32, 1])).unwrap();
    place
        .run("predict net.json bad.npy")
        .error(&["bad.npy: expected samples in an array of shape (None, 32, 32, 1), where None is any number, got [32, 32, 1]"]);
    let mut x = Tensor::zeros([3, 32, 32, 1]);
    x.data_mut()[2 * 1024] = f32::NAN;
    write_npy(&place.path("nan.npy"), &x).unwrap();
    place.run("predict net.json nan.npy").error(&["nan.npy: sample 2 holds NaN"]);
}

/// As Keras's tutorials do: no activation behind the last layer, `from_logits=True` in the loss.
#[test]
fn logits_are_made_probabilities_where_the_loss_took_them_as_such() {
    let place = Place::with_pictures();
    let inputs = Input::new([32, 32, 1]);
    let x = GlobalMaxPooling2D::new().apply(&inputs).unwrap();
    let outputs = Dense::new(1).kernel_initializer(Initializer::Ones).apply(&x).unwrap();
    let mut model = Model::new(&inputs, &outputs).unwrap();
    let loss = BinaryCrossentropy::default().from_logits(true);
    model.compile(Adam::default(), loss, []).unwrap();
    model.save(place.path("logits.keras")).unwrap();

    write_npy(&place.path("x.npy"), &Tensor::from_fn([1, 32, 32, 1], |_| 2.0)).unwrap();
    let prediction = place.run("predict logits.keras x.npy --json").json().remove(0);
    let logit = prediction["output"][0].as_f64().unwrap();
    assert_eq!(logit, 2.0);
    let p = 1.0 / (1.0 + (-logit).exp());
    assert!((prediction["probability"].as_f64().unwrap() - p).abs() < 1e-6);

    let scores = place.run("evaluate logits.keras pictures --json").json().remove(0);
    assert!(scores["auc"].as_f64().is_some(), "{scores}");
    place.run("train pictures --out run --model logits.keras --epochs 1").ok();
    let probability = place.run("predict run/best.keras x.npy --json").json().remove(0);
    assert!((0.0..=1.0).contains(&probability["output"][0].as_f64().unwrap()));
}

#[test]
fn an_array_without_samples_says_so() {
    let place = Place::new();
    place.write_net("net.json", 3);
    write_npy(&place.path("none.npy"), &Tensor::zeros([0, 32, 32, 1])).unwrap();
    let ran = place.run("predict net.json none.npy");
    assert!(ran.stderr.contains("none.npy: there are no samples"), "{}", ran.stderr);
    assert!(ran.ok().is_empty());
}
