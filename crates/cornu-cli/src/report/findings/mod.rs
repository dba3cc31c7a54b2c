//! What a careful reader would remark on a run, in plain words.

use cornu::stats::{Bins, calibration_curve, calibration_error, wilson_interval};

use super::duplicates::Duplicates;
use super::material::Material;
use crate::output::counted;
use crate::scores::Judged;

/// A remark.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    /// Whether something looks wrong.
    pub(super) is_warning: bool,
    /// What, in a few words.
    pub(super) title: &'static str,
    /// What was seen, and what can be done about it.
    pub(super) text: String,
}

fn warning(title: &'static str, text: String) -> Option<Finding> {
    Some(Finding { is_warning: true, title, text })
}

/// Fewer pictures to judge by than this say little.
const FEW_JUDGED: usize = 100;
/// Fewer pictures of a class than this say little about it.
const FEW_OF_CLASS: usize = 20;
/// Classes whose sizes differ by this factor are unbalanced.
const UNBALANCED: f64 = 2.0;
/// Accuracy on training pictures that is better by this much, beyond chance, is over-fitting.
const OVERFITTING: f64 = 0.05;
/// Mean distance of probabilities from what came true that is worth a word.
const UNCALIBRATED: f64 = 0.1;
/// Fewer pictures say nothing of calibration.
const FEW_TO_CALIBRATE: usize = 100;

/// All remarks, warnings first; none is good news.
pub(super) fn findings(material: &Material<'_>, duplicates: Option<&Duplicates>) -> Vec<Finding> {
    let rules = [
        no_training(material),
        at_chance(material),
        overfitting(material),
        near_duplicates(duplicates),
        imbalance(material),
        tiny(material),
        missing_class(material),
        uncalibrated(material),
        still_learning(material),
    ];
    rules.into_iter().flatten().collect()
}

/// The loss on training pictures hardly fell.
fn no_training(material: &Material<'_>) -> Option<Finding> {
    let training = material.training.as_ref()?;
    let loss = training.history.column("loss")?;
    let (first, last) = (*loss.first()?, *loss.last()?);
    if loss.len() < 3 || last < 0.98 * first {
        return None;
    }
    warning(
        "Nothing was learnt",
        format!(
            "The training loss went from {first:.3} to {last:.3} in {}. Try another learning rate, \
             look at the sample pictures below, and check that the labels are right.",
            counted(loss.len(), "epoch")
        ),
    )
}

/// The model that is kept does no better on validation (else test) pictures than guessing.
fn at_chance(material: &Material<'_>) -> Option<Finding> {
    let part = material.part("validation").or_else(|| material.part("test"))?;
    let scores = &part.judged?.scores;
    let largest = scores.classes.iter().map(|class| class.samples).max()?;
    let majority = largest as f64 / scores.samples.max(1) as f64;
    let no_ranking = scores.intervals.auc.is_none_or(|interval| interval.low <= 0.5);
    let right = (scores.accuracy * scores.samples as f64).round() as usize;
    let low = wilson_interval(right, scores.samples).ok()?.low;
    if !no_ranking || majority < low {
        return None;
    }
    warning(
        "No better than guessing",
        format!(
            "On the {} pictures accuracy is {:.3}; always naming the largest class would give \
             {majority:.3}, and the difference may be chance. Train longer, use more pictures, or \
             check that the labels are right.",
            part.name, scores.accuracy
        ),
    )
}

/// Much better on pictures that it learnt from than on all others.
fn overfitting(material: &Material<'_>) -> Option<Finding> {
    let train = &material.part("training")?.judged?.scores;
    let others = material.parts.iter().filter(|part| part.name != "training");
    let (mut right, mut n, mut names) = (0, 0, Vec::new());
    for part in others {
        let matrix = &part.judged?.scores.confusion_matrix;
        right += (0..matrix.len()).map(|class| matrix[class][class]).sum::<usize>();
        n += matrix.iter().flatten().sum::<usize>();
        names.push(part.name);
    }
    let (accuracy, chance) = (right as f64 / n as f64, wilson_interval(right, n).ok()?.high);
    if train.accuracy - accuracy < OVERFITTING || train.accuracy <= chance {
        return None;
    }
    warning(
        "Over-fitting",
        format!(
            "The model is right for {:.1} % of the training pictures, but only for {:.1} % of the {} \
             pictures: part of what it knows are those very pictures. More pictures, more \
             augmentation or a smaller network help.",
            100.0 * train.accuracy,
            100.0 * accuracy,
            names.join(" and ")
        ),
    )
}

fn near_duplicates(duplicates: Option<&Duplicates>) -> Option<Finding> {
    let pairs = &duplicates?.pairs;
    if pairs.is_empty() {
        return None;
    }
    let of_training = pairs.iter().filter(|pair| pair.a.0 == "training").count();
    warning(
        "Look-alikes across the parts",
        format!(
            "{} of pictures in different parts look nearly the same, {of_training} of them with one \
             in training. If they are copies, or of one person, the scores are too good; put them \
             into one part (see Data).",
            counted(pairs.len(), "pair")
        ),
    )
}

fn imbalance(material: &Material<'_>) -> Option<Finding> {
    let part = material.parts.first()?;
    let counts = part.class_counts(material.class_names.len());
    let largest = *counts.iter().max()?;
    let smallest = *counts.iter().filter(|&&n| 0 < n).min()?;
    if (largest as f64) < UNBALANCED * smallest as f64 {
        return None;
    }
    let name = |n| counts.iter().position(|&m| m == n).map(|i| &material.class_names[i]);
    let weights = material.training.as_ref().map(|training| training.config.weights.is_some());
    warning(
        "Unbalanced classes",
        format!(
            "There are {largest} {} pictures of “{}”, but {smallest} of “{}”. {}Accuracy alone \
             flatters such a model; look at the row of each class.",
            part.name,
            name(largest)?,
            name(smallest)?,
            match weights {
                Some(true) => "Training weighed the classes to make up for it. ",
                Some(false) => "Training did not weigh the classes; leave out --no-class-weights. ",
                None => "",
            }
        ),
    )
}

/// Too few pictures to judge by.
fn tiny(material: &Material<'_>) -> Option<Finding> {
    let Some((part, judged)) = material.judged() else {
        return warning(
            "Nothing to judge by",
            "There are neither validation nor test pictures, so nothing says how good the model is."
                .to_owned(),
        );
    };
    let scores = &judged.scores;
    let interval = scores.intervals.accuracy?;
    let smallest = scores.classes.iter().filter(|class| 0 < class.samples);
    let smallest = smallest.min_by_key(|class| class.samples)?;
    if FEW_JUDGED <= scores.samples && FEW_OF_CLASS <= smallest.samples {
        return None;
    }
    warning(
        "Few pictures to judge by",
        format!(
            "There are {} {} pictures, {} of “{}”: the accuracy of {:.3} stands for anything from {:.3} \
             to {:.3}. Differences between runs that are smaller than this mean nothing.",
            scores.samples,
            part.name,
            smallest.samples,
            smallest.class,
            scores.accuracy,
            interval.low,
            interval.high
        ),
    )
}

/// A class that nothing is known of.
fn missing_class(material: &Material<'_>) -> Option<Finding> {
    let (part, judged) = material.judged()?;
    let classes = judged.scores.classes.iter().filter(|class| class.samples == 0);
    let missing: Vec<&str> = classes.map(|class| class.class.as_str()).collect();
    if missing.is_empty() {
        return None;
    }
    warning(
        "Classes without pictures",
        format!(
            "Among the {} pictures there are none of “{}”, so nothing is known of how well the model \
             tells them.",
            part.name,
            missing.join("”, “")
        ),
    )
}

fn uncalibrated(material: &Material<'_>) -> Option<Finding> {
    let (_, judged) = material.judged()?;
    let error = confidence_error(judged)?;
    if error < UNCALIBRATED || judged.labels.len() < FEW_TO_CALIBRATE {
        return None;
    }
    let (sure, right) = means(judged);
    warning(
        "Probabilities are off",
        format!(
            "On average the model gives its answer a probability of {sure:.2} and is right in {right:.2} \
             of the cases; over the calibration bins the distance is {error:.2}. Read its \
             probabilities as a ranking, not as odds."
        ),
    )
}

/// Mean probability of the answers, and how many are right.
fn means(judged: &Judged) -> (f64, f64) {
    let top = |row: &Vec<f64>| row.iter().copied().fold(0.0, f64::max);
    let sum: f64 = judged.probabilities.iter().map(top).sum();
    (sum / judged.labels.len().max(1) as f64, judged.scores.accuracy)
}

/// Expected calibration error of the probability of the class that is answered.
pub(super) fn confidence_error(judged: &Judged) -> Option<f64> {
    let answers = judged.probabilities.iter().map(|row| crate::scores::predicted(row));
    let (sure, right): (Vec<f64>, Vec<bool>) = answers
        .zip(&judged.probabilities)
        .zip(&judged.labels)
        .map(|((answer, row), &label)| (row[answer].min(1.0), answer == label))
        .unzip();
    calibration_curve(&sure, &right, Bins::Uniform(10)).ok().map(|bins| calibration_error(&bins))
}

/// The best epoch is among the last.
fn still_learning(material: &Material<'_>) -> Option<Finding> {
    let training = material.training.as_ref()?;
    let (state, has_validation) = (training.state, material.part("validation").is_some());
    if state.stopped || !has_validation || state.epoch < 5 || state.best_epoch < state.epoch {
        return None;
    }
    Some(Finding {
        is_warning: false,
        title: "Perhaps not finished",
        text: format!(
            "The best epoch is the last of {}: a run with more --epochs may be better still.",
            state.epoch
        ),
    })
}

#[cfg(test)]
mod tests;
