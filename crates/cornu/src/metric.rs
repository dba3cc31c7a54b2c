use cornu_model::MetricSpec;

/// Metrics for [`Model::compile`](cornu_model::Model::compile), by Keras's names.
///
/// ```
/// use cornu::Metric;
/// let _ = [Metric::accuracy(), Metric::auc()];
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Metric;

impl Metric {
    /// Part of the samples whose class is predicted; which kind follows from the output's shape.
    pub fn accuracy() -> MetricSpec {
        MetricSpec::named("accuracy")
    }

    /// Area under the ROC curve, from 200 thresholds.
    pub fn auc() -> MetricSpec {
        MetricSpec::named("auc")
    }

    /// Part of the positive predictions that are right.
    pub fn precision() -> MetricSpec {
        MetricSpec::named("precision")
    }

    /// Part of the positive samples that are found.
    pub fn recall() -> MetricSpec {
        MetricSpec::named("recall")
    }

    /// Any metric by its name or class name in Keras.
    pub fn named(name: &str) -> MetricSpec {
        MetricSpec::named(name)
    }
}
