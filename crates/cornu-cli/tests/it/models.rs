use crate::cornu::Place;
use cornu::data::write_npy;
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
        .error(&["bad.npy: expected samples of shape [32, 32, 1]"]);
    let mut x = Tensor::zeros([3, 32, 32, 1]);
    x.data_mut()[2 * 1024] = f32::NAN;
    write_npy(&place.path("nan.npy"), &x).unwrap();
    place.run("predict net.json nan.npy").error(&["nan.npy: sample 2 holds NaN"]);
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
