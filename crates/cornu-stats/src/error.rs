/// Why there is no statistic.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatsError {
    /// Scores and labels do not belong together.
    #[error("{scores} scores, but {labels} labels; give one label for each score")]
    Lengths {
        /// Number of scores.
        scores: usize,
        /// Number of labels.
        labels: usize,
    },

    /// A score that cannot be ranked.
    #[error("score {index} is {value}; replace or remove what is not finite")]
    NotFinite {
        /// Its place.
        index: usize,
        /// What it is.
        value: f64,
    },

    /// A number that should be a probability.
    #[error("score {index} is {value}, no probability; expected a number from 0 to 1")]
    NotProbability {
        /// Its place.
        index: usize,
        /// What it is.
        value: f64,
    },

    /// Curves compare positives with negatives.
    #[error(
        "expected positive and negative samples, got {positives} and {negatives}; give samples of both"
    )]
    OneClass {
        /// Positive samples.
        positives: usize,
        /// Negative samples.
        negatives: usize,
    },

    /// A class index beyond the number of classes.
    #[error("label {index} is class {class}, but there are {n_classes} classes (counted from 0)")]
    Class {
        /// Its place.
        index: usize,
        /// The class.
        class: usize,
        /// Number of classes.
        n_classes: usize,
    },

    /// A number that must not be zero.
    #[error("`{name}`: expected at least 1, got 0")]
    Zero {
        /// What it counts.
        name: &'static str,
    },
}
