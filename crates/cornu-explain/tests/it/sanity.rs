use cornu_explain::{Explainer, Method, Target};

use crate::explainer::{network, pictures};

#[test]
fn layers_are_drawn_anew_from_the_last_to_the_first() {
    let model = network(2);
    let targets = [Target::Predicted; 3];
    let mut explainer = Explainer::new(&model).unwrap();
    let mut check =
        |seed| explainer.sanity_check(&pictures(3), &Method::Saliency, &targets, seed).unwrap();
    let report = check(1);
    let layers: Vec<&str> = report.steps.iter().map(|step| step.layer.as_str()).collect();
    assert_eq!(layers, ["dense", "base/conv2d"]);
    assert_eq!(report, check(1));
    assert_ne!(report.steps[1].maps, check(2).steps[1].maps);
    for step in &report.steps {
        assert!(step.rank_correlation < 1.0 && step.ssim < 1.0, "{step:?}");
        for (map, before) in step.maps.iter().zip(&report.maps) {
            assert_eq!(map.class, before.class);
            assert_ne!(map.values, before.values);
        }
    }
    // The weights are those of the model again.
    let maps = explainer.explain_batch(&pictures(3), &Method::Saliency, &targets).unwrap();
    assert_eq!(maps, report.maps);
}
