use cornu_engine::{Options, Runtime};
use cornu_explain::{ExplainError, Explainer, Method, Occlusion, ScoreKind, SmoothGrad, Target};
use cornu_model::{Input, LayerExt, Model};
use cornu_nn::Activation;
use cornu_nn::layers::{Conv2D, DataFormat, Dense, Flatten, GlobalAveragePooling2D};
use cornu_tensor::Tensor;

pub(crate) fn network(units: usize) -> Model {
    cornu_model::set_random_seed(3);
    let inputs = Input::new([12, 10, 1]);
    let x = Conv2D::new(4, 3).activation(Activation::Relu).apply(&inputs).unwrap();
    let base = Model::new(&inputs, &x).unwrap().named("base");
    let inputs = Input::new([12, 10, 1]);
    let x = base.apply(&inputs).unwrap();
    let x = GlobalAveragePooling2D::new().apply(&x).unwrap();
    let last = if units == 1 { Activation::Sigmoid } else { Activation::Softmax };
    let outputs = Dense::new(units).activation(last).apply(&x).unwrap();
    Model::new(&inputs, &outputs).unwrap()
}

pub(crate) fn pictures(n: usize) -> Tensor {
    Tensor::from_fn([n, 12, 10, 1], |i| ((i * 7919) % 256) as f32 / 255.0)
}

#[test]
fn every_method_gives_the_same_by_the_reference_runtime() {
    let model = network(3);
    let targets = [Target::Predicted, Target::Class(1)];
    let reference = Options::from_environment().unwrap().runtime(Runtime::Reference);
    let mut slow = Explainer::new(&model).unwrap().options(reference);
    let mut fast = Explainer::new(&model).unwrap();
    for name in Method::NAMES {
        let mut method = Method::named(name).unwrap();
        if let Method::SmoothGrad(settings) = &mut method {
            settings.samples = 3;
        }
        let a = fast.explain_batch(&pictures(2), &method, &targets).unwrap();
        let b = slow.explain_batch(&pictures(2), &method, &targets).unwrap();
        for (a, b) in a.iter().zip(&b) {
            assert_eq!((a.class, a.signed, a.method), (b.class, b.signed, name));
            let far = b.values.data().iter().fold(1e-6f32, |far, x| far.max(x.abs()));
            for (x, y) in a.values.data().iter().zip(b.values.data()) {
                assert!((x - y).abs() < 1e-3 * far, "{name}: {x} {y}");
            }
        }
    }
}

#[test]
fn scores_of_both_sides_of_one_unit() {
    let model = network(1);
    let picture = pictures(1).reshaped([12, 10, 1]).unwrap();
    let mut explainer = Explainer::new(&model).unwrap();
    let mut explain = |class| {
        let map = explainer.explain(&picture, &Method::Saliency, Target::Class(class)).unwrap();
        (map.score, map.values)
    };
    let ((z, map), (minus_z, same)) = (explain(1), explain(0));
    assert_eq!(z, -minus_z);
    assert_eq!(map, same);
    let mut explainer = Explainer::new(&model).unwrap().score_kind(ScoreKind::Output);
    let map = explainer.explain(&picture, &Method::Saliency, Target::Class(0)).unwrap();
    let p = 1.0 / (1.0 + (-z).exp());
    assert!((map.score - (1.0 - p)).abs() < 1e-6);
    assert!((f64::from(map.outputs[0]) - p).abs() < 1e-6);
    let predicted = explainer.explain(&picture, &Method::Saliency, Target::Predicted).unwrap();
    assert_eq!(predicted.class, usize::from(0.5 <= p));
}

#[test]
fn layers_inside_of_models_have_paths() {
    let model = network(2);
    let mut explainer = Explainer::new(&model).unwrap();
    assert_eq!(explainer.default_layer().unwrap(), "base/conv2d");
    let picture = pictures(1).reshaped([12, 10, 1]).unwrap();
    let map = explainer.explain(&picture, &Method::grad_cam(), Target::Class(0)).unwrap();
    assert_eq!(map.layer.as_deref(), Some("base/conv2d"));
    assert_eq!(map.coarse.unwrap().dims(), [10, 8]);
    assert_eq!(map.values.dims(), [12, 10]);
}

#[test]
fn errors_say_what_to_do() {
    let model = network(2);
    let mut explainer = Explainer::new(&model).unwrap();
    let picture = pictures(1).reshaped([12, 10, 1]).unwrap();
    let mut error = |picture: &Tensor, method: Method, target| -> String {
        explainer.explain(picture, &method, target).map(|_| ()).unwrap_err().to_string()
    };
    let text = error(&picture, Method::grad_cam().at_layer("conv"), Target::Predicted);
    assert!(
        text.contains("layer `conv`: there is no such layer") && text.contains("`base/conv2d`")
    );
    let text = error(&picture, Method::grad_cam().at_layer("dense"), Target::Predicted);
    assert!(
        text.contains("expected an output of shape (N, rows, columns, channels), got"),
        "{text}"
    );
    let text = error(&picture, Method::Saliency, Target::Class(2));
    assert_eq!(text, "class 2: the model has the classes 0 to 1");
    let text = error(&Tensor::zeros([3, 3, 1]), Method::Saliency, Target::Predicted);
    assert_eq!(text, "picture: expected shape (12, 10, 1), got [3, 3, 1]");
    let text = error(&Tensor::full([12, 10, 1], f32::NAN), Method::Saliency, Target::Predicted);
    assert_eq!(text, "picture: expected finite numbers, got NaN");
    let settings = Occlusion { window: Some(11), ..Occlusion::default() };
    let text = error(&picture, Method::Occlusion(settings), Target::Predicted);
    assert_eq!(text, "`window`: expected 1 to 10, got 11");
    let settings = SmoothGrad { samples: 0, ..SmoothGrad::default() };
    error(&picture, Method::SmoothGrad(settings), Target::Predicted);
    assert!(matches!(Method::named("magic"), Err(ExplainError::Setting { .. })));
}

#[test]
fn channels_first_is_an_error_and_no_wrong_map() {
    let inputs = Input::new([1, 12, 10]);
    let conv = Conv2D::new(4, 3).data_format(DataFormat::ChannelsFirst).named("conv");
    let base = Model::new(&inputs, conv.apply(&inputs).unwrap()).unwrap().named("base");
    let inputs = Input::new([1, 12, 10]);
    let x = Flatten::new().apply(&base.apply(&inputs).unwrap()).unwrap();
    let model = Model::new(&inputs, Dense::new(2).apply(&x).unwrap()).unwrap();
    let error = Explainer::new(&model).unwrap_err().to_string();
    assert!(error.contains("layer `conv` has channels first") && error.contains("channels_last"));
}

#[test]
fn a_network_without_convolution_has_maps_of_pixels_only() {
    let inputs = Input::new([4, 4, 1]);
    let x = Flatten::new().apply(&inputs).unwrap();
    let outputs = Dense::new(2).apply(&x).unwrap();
    let model = Model::new(&inputs, &outputs).unwrap();
    let mut explainer = Explainer::new(&model).unwrap();
    let picture = Tensor::full([4, 4, 1], 1.0);
    explainer.explain(&picture, &Method::Saliency, Target::Predicted).unwrap();
    let error = explainer.explain(&picture, &Method::grad_cam(), Target::Predicted).unwrap_err();
    assert!(error.to_string().contains("it has no convolution to look at"), "{error}");
    let vector = Input::new([4]);
    let model = Model::new(&vector, Dense::new(2).apply(&vector).unwrap()).unwrap();
    Explainer::new(&model).unwrap_err();
}
