//! Each remark where it is called for, and none where it is not.

use std::path::PathBuf;
use std::sync::Arc;

use cornu::Samples;
use cornu::data::{DataError, Dataset};
use cornu::networks::Head;

use super::super::duplicates::Pair;
use super::*;
use crate::machine::Machine;
use crate::recipe::Recipe;
use crate::report::material::{Part, Training};
use crate::run::{HistoryFile, RunConfig, TrainingState};

/// Pictures of which only the class is known.
struct Labelled(Vec<usize>);

impl Dataset for Labelled {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn sample_shape(&self) -> Vec<usize> {
        vec![1, 1, 1]
    }

    fn labels(&self) -> &[usize] {
        &self.0
    }

    fn fill(&self, _indices: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        out.fill(0.0);
        Ok(())
    }
}

/// A part of pictures and how a model of two classes judges them.
struct Judgement {
    name: &'static str,
    samples: Samples,
    names: Vec<String>,
    judged: Judged,
}

impl Judgement {
    /// `counts` pictures of each class, of each of which so many are `right`, with a probability of
    /// `sure` for each answer.
    fn new(name: &'static str, counts: [usize; 2], right: [usize; 2], sure: f32) -> Self {
        let labels: Vec<usize> =
            counts.iter().enumerate().flat_map(|(class, &n)| vec![class; n]).collect();
        let mut outputs = Vec::new();
        for class in 0..2 {
            for i in 0..counts[class] {
                let answers_one = (class == 1) == (i < right[class]);
                // Not all the same, but of the right ones as of the wrong ones.
                let sure = sure - 1e-4 * (i % 10) as f32;
                outputs.push(if answers_one { sure } else { 1.0 - sure });
            }
        }
        let judged = Judged::new(Head::Binary, &outputs, &labels, &classes()).unwrap();
        let names = (0..labels.len()).map(|i| i.to_string()).collect();
        Self { name, samples: Samples::new(Arc::new(Labelled(labels))), names, judged }
    }
}

fn classes() -> Vec<String> {
    ["a", "b"].map(str::to_owned).to_vec()
}

/// A run of five epochs with nothing to remark on, to be changed.
struct Case {
    parts: Vec<Judgement>,
    losses: Vec<f64>,
    best_epoch: usize,
    weights: bool,
    pairs: Vec<Pair>,
}

fn good() -> Case {
    Case {
        parts: vec![
            Judgement::new("training", [300, 300], [270, 270], 0.9),
            Judgement::new("validation", [100, 100], [89, 89], 0.9),
            Judgement::new("test", [100, 100], [90, 90], 0.9),
        ],
        losses: vec![0.7, 0.6, 0.5, 0.4, 0.3],
        best_epoch: 4,
        weights: false,
        pairs: Vec::new(),
    }
}

impl Case {
    fn findings(&self) -> Vec<Finding> {
        let recipe = toml::to_string(&Recipe::default()).unwrap();
        let config = format!(
            "cornu = '0'\ndata = 'd'\nmodel = 'm'\nclasses = ['a', 'b']\ninput = [1, 1, 1]\n\
             cache_mb = 0\n{}[split]\ntrain = 1\nval = 1\ntest = 1\ngiven = true\n[recipe]\n{recipe}",
            if self.weights { "weights = [1.0, 2.0]\n" } else { "" }
        );
        let config: RunConfig = toml::from_str(&config).unwrap();
        let mut history = HistoryFile::new(PathBuf::from("history.csv"));
        history.names = vec!["loss".to_owned()];
        history.rows = self.losses.iter().map(|&loss| vec![loss]).collect();
        let state = TrainingState {
            epoch: self.losses.len(),
            best_epoch: self.best_epoch,
            ..TrainingState::default()
        };
        let parts = self.parts.iter().map(|part| Part {
            name: part.name,
            samples: &part.samples,
            names: &part.names,
            judged: Some(&part.judged),
        });
        let class_names = classes();
        let material = Material {
            model_name: "m".to_owned(),
            data: "d".to_owned(),
            note: None,
            class_names: &class_names,
            shape: [1, 1, 1],
            parts: parts.collect(),
            training: Some(Training {
                config: &config,
                history: &history,
                state: &state,
                fitted: None,
            }),
            peak_mb: 0,
            machine: Machine { threads: None },
            command: String::new(),
        };
        let pairs = self.pairs.iter().map(|pair| Pair { ..*pair }).collect();
        findings(&material, Some(&Duplicates { pairs, is_partial: false }))
    }

    /// The one remark that this case calls for.
    fn only(&self, title: &str, parts: &[&str]) {
        let findings = self.findings();
        let titles: Vec<&str> = findings.iter().map(|finding| finding.title).collect();
        assert_eq!(titles, [title]);
        for part in parts {
            assert!(findings[0].text.contains(part), "`{part}` in: {}", findings[0].text);
        }
    }
}

#[test]
fn a_good_run_is_left_alone() {
    assert_eq!(good().findings(), []);
}

#[test]
fn over_fitting() {
    let mut case = good();
    case.parts[0] = Judgement::new("training", [300, 300], [299, 299], 0.95);
    case.only("Over-fitting", &["99.7 % of the training", "89.5 % of the validation and test"]);
    // So small a difference may be chance.
    case.parts[0] = Judgement::new("training", [300, 300], [276, 276], 0.95);
    assert_eq!(case.findings(), []);
}

#[test]
fn unbalanced_classes() {
    let mut case = good();
    case.parts[0] = Judgement::new("training", [400, 150], [360, 135], 0.9);
    let not_weighed = "Training did not weigh the classes";
    case.only("Unbalanced classes", &["400 training pictures of “a”", "150 of “b”", not_weighed]);
    case.weights = true;
    case.only("Unbalanced classes", &["Training weighed the classes"]);
    case.parts[0] = Judgement::new("training", [290, 150], [261, 135], 0.9);
    assert_eq!(case.findings(), []);
}

#[test]
fn near_duplicates_across_parts() {
    let mut case = good();
    case.pairs = vec![
        Pair { a: ("training", 3), b: ("test", 1), distance: 2 },
        Pair { a: ("validation", 3), b: ("test", 1), distance: 9 },
    ];
    case.only("Look-alikes across the parts", &["2 pairs", "1 of them with one in training"]);
}

#[test]
fn a_tiny_test_set() {
    let mut case = good();
    case.parts[2] = Judgement::new("test", [20, 20], [18, 18], 0.9);
    case.only("Few pictures to judge by", &["40 test pictures, 20 of “a”", "0.769 to 0.960"]);
    case.parts.clear();
    case.only("Nothing to judge by", &["neither validation nor test pictures"]);
}

#[test]
fn stuck_at_chance() {
    let mut case = good();
    for part in &mut case.parts {
        *part = Judgement::new(part.name, [100, 100], [50, 50], 0.51);
    }
    case.only("No better than guessing", &["On the validation pictures accuracy is 0.500"]);
}

#[test]
fn a_loss_that_does_not_fall() {
    let mut case = good();
    case.losses = vec![0.693, 0.694, 0.692, 0.693, 0.692];
    case.only("Nothing was learnt", &["went from 0.693 to 0.692 in 5 epochs"]);
}

#[test]
fn a_class_without_pictures() {
    let mut case = good();
    case.parts[2] = Judgement::new("test", [200, 0], [178, 0], 0.9);
    case.only("Classes without pictures", &["Among the test pictures there are none of “b”"]);
}

#[test]
fn probabilities_that_are_off() {
    let mut case = good();
    for part in &mut case.parts {
        *part = Judgement::new(part.name, [100, 100], [75, 75], 0.99);
    }
    case.only("Probabilities are off", &["probability of 0.99 and is right in 0.75"]);
}

#[test]
fn a_best_epoch_that_is_the_last() {
    let mut case = good();
    case.best_epoch = 5;
    case.only("Perhaps not finished", &["the last of 5"]);
    assert!(!case.findings()[0].is_warning);
}
