//! Every statistic against scikit-learn's, on random cases with equal scores
//! (`conformance/statistics/generate.py` made them).

#![cfg(test)]

use cornu_stats::*;
use serde_json::Value;

const TOLERANCE: f64 = 1e-12;

fn cases(kind: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/statistics/cases.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all[kind].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn indices(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|x| x as usize).collect()
}

#[track_caller]
fn same(got: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!((got - expected).abs() < TOLERANCE, "expected {expected}, got {got}");
}

#[track_caller]
fn all_same(got: &[f64], expected: &Value) {
    let expected = numbers(expected);
    assert_eq!(got.len(), expected.len(), "{got:?} {expected:?}");
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < TOLERANCE, "expected {expected}, got {got}");
    }
}

#[test]
fn curves_and_areas() {
    let (mut n_curves, cases) = (0, cases("binary"));
    assert_eq!(cases.len(), 36);
    for case in &cases {
        let scores = numbers(&case["scores"]);
        let positive: Vec<bool> = numbers(&case["positive"]).iter().map(|&x| x == 1.0).collect();
        same(roc_auc(&scores, &positive).unwrap(), &case["roc_auc"]);
        same(average_precision(&scores, &positive).unwrap(), &case["average_precision"]);
        same(brier_score(&scores, &positive).unwrap(), &case["brier"]);
        let roc = RocCurve::new(&scores, &positive).unwrap();
        let curve = PrecisionRecallCurve::new(&scores, &positive).unwrap();
        same(roc.area(), &case["roc_auc"]);
        same(curve.average_precision(), &case["average_precision"]);
        if case["roc"].is_array() {
            n_curves += 1;
            all_same(&roc.false_positive_rate, &case["roc"][0]);
            all_same(&roc.true_positive_rate, &case["roc"][1]);
            all_same(&roc.thresholds[1..], &case["roc"][2]);
            all_same(&curve.precision, &case["precision_recall"][0]);
            all_same(&curve.recall, &case["precision_recall"][1]);
            all_same(&curve.thresholds, &case["precision_recall"][2]);
        }
        let best = best_by_youden(&scores, &positive).unwrap();
        same(best.youden(), &case["youden"][1]);
    }
    assert_eq!(n_curves, 30);
}

#[test]
fn calibration_and_thresholds() {
    let bins = [Bins::Uniform(5), Bins::Uniform(10), Bins::Quantile(4), Bins::Quantile(10)];
    for case in cases("binary") {
        let scores = numbers(&case["scores"]);
        let positive: Vec<bool> = numbers(&case["positive"]).iter().map(|&x| x == 1.0).collect();
        for (bins, expected) in bins.into_iter().zip(case["calibration"].as_array().unwrap()) {
            let got = calibration_curve(&scores, &positive, bins).unwrap();
            let column = |f: fn(&CalibrationBin) -> f64| got.iter().map(f).collect::<Vec<_>>();
            all_same(&column(|bin| bin.fraction_positive), &expected[0]);
            all_same(&column(|bin| bin.mean_predicted), &expected[1]);
        }
        let at = ThresholdScores::new(&scores, &positive, 0.5).unwrap().counts;
        let expected = &case["confusion_at_half"];
        assert_eq!(indices(&expected[0]), [at.true_negatives, at.false_positives]);
        assert_eq!(indices(&expected[1]), [at.false_negatives, at.true_positives]);
    }
}

#[test]
fn confusion_matrices() {
    for case in cases("classes") {
        let n = case["n_classes"].as_u64().unwrap() as usize;
        let (labels, predicted) = (indices(&case["labels"]), indices(&case["predicted"]));
        let matrix = ConfusionMatrix::new(&labels, &predicted, n).unwrap();
        for (row, expected) in matrix.counts.iter().zip(case["confusion"].as_array().unwrap()) {
            assert_eq!(*row, indices(expected));
        }
        same(matrix.accuracy(), &case["accuracy"]);
        same(matrix.balanced_accuracy(), &case["balanced_accuracy"]);
        same(matrix.matthews(), &case["matthews"]);
        let column = |f: fn(&ClassCounts) -> f64| -> Vec<f64> {
            (0..n).map(|class| f(&matrix.class(class))).collect()
        };
        all_same(&column(ClassCounts::precision), &case["precision"]);
        all_same(&column(ClassCounts::recall), &case["recall"]);
        all_same(&column(ClassCounts::f1), &case["f1"]);
        let samples: Vec<usize> = (0..n).map(|class| matrix.class(class).samples()).collect();
        assert_eq!(samples, indices(&case["support"]));
    }
}
