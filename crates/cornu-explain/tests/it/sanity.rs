use cornu_explain::{Method, ScoreKind, Target, sanity_check};

use crate::explainer::{network, pictures};

#[test]
fn layers_are_drawn_anew_from_the_last_to_the_first() {
    let model = network(2);
    let targets = [Target::Predicted; 3];
    let check = |seed| {
        let method = Method::Saliency;
        sanity_check(&model, &pictures(3), &method, &targets, ScoreKind::Logit, seed).unwrap()
    };
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
}
