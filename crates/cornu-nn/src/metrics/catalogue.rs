//! Which metrics there are, and how they are made from what Keras writes.

use serde_json::Value;

use super::*;
use crate::config::object_parts;
use crate::layers::check_dtype;
use crate::losses::{crossentropy_for_shapes, loss_from_config, optional_text};
use crate::{ConfigReader, losses};

type Read = fn(&mut ConfigReader) -> Result<Box<dyn Metric>, LayerError>;

/// A metric that can be asked for by name.
#[derive(Debug, Clone, Copy)]
pub struct MetricEntry {
    /// Keras's class name.
    pub class_name: &'static str,
    /// Other names, the first one being Keras's name for the class in small letters.
    pub names: &'static [&'static str],
    read: Read,
}

macro_rules! entry {
    ($class:ident, $names:expr) => {
        entry!($class, $names, |_| Ok(Box::new($class::new())))
    };
    ($class:ident, $names:expr, $read:expr) => {
        MetricEntry { class_name: stringify!($class), names: &$names, read: $read }
    };
}

/// The mean of a configured loss.
macro_rules! of_loss {
    ($class:ident, $names:expr, $config:ident, $loss:expr) => {
        MetricEntry {
            class_name: stringify!($class),
            names: &$names,
            read: |$config| Ok(Box::new($class::of($loss))),
        }
    };
}

/// All metrics.
pub const METRICS: &[MetricEntry] = &[
    entry!(Accuracy, ["accuracy"]),
    entry!(BinaryAccuracy, ["binary_accuracy"], |config| {
        Ok(Box::new(BinaryAccuracy::new().threshold(config.number_or("threshold", 0.5)?)))
    }),
    entry!(CategoricalAccuracy, ["categorical_accuracy"]),
    entry!(SparseCategoricalAccuracy, ["sparse_categorical_accuracy"]),
    entry!(TopKCategoricalAccuracy, ["top_k_categorical_accuracy"], |config| {
        Ok(Box::new(TopKCategoricalAccuracy::new().k(config.positive_or("k", 5)?)))
    }),
    entry!(SparseTopKCategoricalAccuracy, ["sparse_top_k_categorical_accuracy"], |config| {
        let metric = SparseTopKCategoricalAccuracy::new().k(config.positive_or("k", 5)?);
        Ok(Box::new(metric.from_sorted_ids(config.bool_or("from_sorted_ids", false)?)))
    }),
    entry!(Mean, ["mean"]),
    entry!(Sum, ["sum"]),
    entry!(RootMeanSquaredError, ["root_mean_squared_error"]),
    entry!(MeanSquaredError, ["mean_squared_error", "mse", "MSE"]),
    entry!(MeanAbsoluteError, ["mean_absolute_error", "mae", "MAE"]),
    entry!(MeanAbsolutePercentageError, ["mean_absolute_percentage_error", "mape", "MAPE"]),
    entry!(MeanSquaredLogarithmicError, ["mean_squared_logarithmic_error", "msle", "MSLE"]),
    entry!(LogCoshError, ["log_cosh_error"]),
    of_loss!(
        CosineSimilarity,
        ["cosine_similarity"],
        config,
        losses::CosineSimilarity::new().axis(config.integer_or("axis", -1)?)
    ),
    entry!(Hinge, ["hinge"]),
    entry!(SquaredHinge, ["squared_hinge"]),
    entry!(CategoricalHinge, ["categorical_hinge"]),
    entry!(KLDivergence, ["kl_divergence", "kld", "KLD"]),
    entry!(Poisson, ["poisson"]),
    of_loss!(
        BinaryCrossentropy,
        ["binary_crossentropy", "bce", "BCE"],
        config,
        losses::BinaryCrossentropy::new()
            .from_logits(config.bool_or("from_logits", false)?)
            .label_smoothing(config.number_or("label_smoothing", 0.0)?)
            .axis(config.integer_or("axis", -1)?)
    ),
    of_loss!(
        CategoricalCrossentropy,
        ["categorical_crossentropy"],
        config,
        losses::CategoricalCrossentropy::new()
            .from_logits(config.bool_or("from_logits", false)?)
            .label_smoothing(config.number_or("label_smoothing", 0.0)?)
            .axis(config.integer_or("axis", -1)?)
    ),
    of_loss!(
        SparseCategoricalCrossentropy,
        ["sparse_categorical_crossentropy"],
        config,
        losses::SparseCategoricalCrossentropy::new()
            .from_logits(config.bool_or("from_logits", false)?)
            .ignore_class(optional_integer(config, "ignore_class")?)
            .axis(config.integer_or("axis", -1)?)
    ),
    entry!(TruePositives, ["true_positives"], |config| {
        let metric = TruePositives::new();
        Ok(Box::new(match thresholds(config)? {
            Some(thresholds) => metric.thresholds(&thresholds),
            None => metric,
        }))
    }),
    entry!(FalsePositives, ["false_positives"], |config| {
        let metric = FalsePositives::new();
        Ok(Box::new(match thresholds(config)? {
            Some(thresholds) => metric.thresholds(&thresholds),
            None => metric,
        }))
    }),
    entry!(TrueNegatives, ["true_negatives"], |config| {
        let metric = TrueNegatives::new();
        Ok(Box::new(match thresholds(config)? {
            Some(thresholds) => metric.thresholds(&thresholds),
            None => metric,
        }))
    }),
    entry!(FalseNegatives, ["false_negatives"], |config| {
        let metric = FalseNegatives::new();
        Ok(Box::new(match thresholds(config)? {
            Some(thresholds) => metric.thresholds(&thresholds),
            None => metric,
        }))
    }),
    entry!(Precision, ["precision"], |config| {
        let mut metric = Precision::new();
        if let Some(thresholds) = thresholds(config)? {
            metric = metric.thresholds(&thresholds);
        }
        if let Some(k) = optional_size(config, "top_k")? {
            metric = metric.top_k(k);
        }
        if let Some(class) = optional_size(config, "class_id")? {
            metric = metric.class_id(class);
        }
        Ok(Box::new(metric))
    }),
    entry!(Recall, ["recall"], |config| {
        let mut metric = Recall::new();
        if let Some(thresholds) = thresholds(config)? {
            metric = metric.thresholds(&thresholds);
        }
        if let Some(k) = optional_size(config, "top_k")? {
            metric = metric.top_k(k);
        }
        if let Some(class) = optional_size(config, "class_id")? {
            metric = metric.class_id(class);
        }
        Ok(Box::new(metric))
    }),
    entry!(AUC, ["auc"], |config| Ok(Box::new(read_auc(config)?))),
    entry!(SensitivityAtSpecificity, ["sensitivity_at_specificity"], |config| {
        let metric = SensitivityAtSpecificity::new(rate(config, "specificity")?);
        let metric = metric.num_thresholds(config.positive_or("num_thresholds", 200)?);
        Ok(Box::new(match optional_size(config, "class_id")? {
            Some(class) => metric.class_id(class),
            None => metric,
        }))
    }),
    entry!(SpecificityAtSensitivity, ["specificity_at_sensitivity"], |config| {
        let metric = SpecificityAtSensitivity::new(rate(config, "sensitivity")?);
        let metric = metric.num_thresholds(config.positive_or("num_thresholds", 200)?);
        Ok(Box::new(match optional_size(config, "class_id")? {
            Some(class) => metric.class_id(class),
            None => metric,
        }))
    }),
    entry!(PrecisionAtRecall, ["precision_at_recall"], |config| {
        let metric = PrecisionAtRecall::new(rate(config, "recall")?);
        let metric = metric.num_thresholds(config.positive_or("num_thresholds", 200)?);
        Ok(Box::new(match optional_size(config, "class_id")? {
            Some(class) => metric.class_id(class),
            None => metric,
        }))
    }),
    entry!(RecallAtPrecision, ["recall_at_precision"], |config| {
        let metric = RecallAtPrecision::new(rate(config, "precision")?);
        let metric = metric.num_thresholds(config.positive_or("num_thresholds", 200)?);
        Ok(Box::new(match optional_size(config, "class_id")? {
            Some(class) => metric.class_id(class),
            None => metric,
        }))
    }),
    entry!(F1Score, ["f1_score"], |config| {
        let metric = F1Score::new().average(choice(config, "average", &Average::ALL, None)?);
        Ok(Box::new(metric.threshold(config.optional_number("threshold")?)))
    }),
    entry!(FBetaScore, ["fbeta_score", "f_beta_score"], |config| {
        let metric = FBetaScore::new().average(choice(config, "average", &Average::ALL, None)?);
        let metric = metric.beta(config.number_or("beta", 1.0)?);
        Ok(Box::new(metric.threshold(config.optional_number("threshold")?)))
    }),
    entry!(R2Score, ["r2_score"], |config| {
        let default = Some(ClassAggregation::UniformAverage);
        let how = choice(config, "class_aggregation", &ClassAggregation::ALL, default)?;
        let n = optional_size(config, "num_regressors")?.unwrap_or(0);
        Ok(Box::new(R2Score::new().class_aggregation(how).num_regressors(n)))
    }),
    entry!(PearsonCorrelation, ["pearson_correlation"], |config| {
        Ok(Box::new(PearsonCorrelation::new().axis(config.integers_or("axis", &[-1])?)))
    }),
    entry!(ConcordanceCorrelation, ["concordance_correlation"], |config| {
        Ok(Box::new(ConcordanceCorrelation::new().axis(config.integers_or("axis", &[-1])?)))
    }),
    entry!(IoU, ["io_u"], |config| {
        let metric = IoU::new(config.positive("num_classes")?, &class_ids(config)?);
        last_axis(config)?;
        let metric = metric.ignore_class(optional_integer(config, "ignore_class")?);
        let metric = metric.sparse_y_true(config.bool_or("sparse_y_true", true)?);
        Ok(Box::new(metric.sparse_y_pred(config.bool_or("sparse_y_pred", true)?)))
    }),
    entry!(MeanIoU, ["mean_io_u"], |config| {
        let metric = MeanIoU::new(config.positive("num_classes")?);
        last_axis(config)?;
        let metric = metric.ignore_class(optional_integer(config, "ignore_class")?);
        let metric = metric.sparse_y_true(config.bool_or("sparse_y_true", true)?);
        Ok(Box::new(metric.sparse_y_pred(config.bool_or("sparse_y_pred", true)?)))
    }),
    entry!(OneHotIoU, ["one_hot_io_u"], |config| {
        let metric = OneHotIoU::new(config.positive("num_classes")?, &class_ids(config)?);
        last_axis(config)?;
        let metric = metric.ignore_class(optional_integer(config, "ignore_class")?);
        Ok(Box::new(metric.sparse_y_pred(config.bool_or("sparse_y_pred", false)?)))
    }),
    entry!(OneHotMeanIoU, ["one_hot_mean_io_u"], |config| {
        let metric = OneHotMeanIoU::new(config.positive("num_classes")?);
        last_axis(config)?;
        let metric = metric.ignore_class(optional_integer(config, "ignore_class")?);
        Ok(Box::new(metric.sparse_y_pred(config.bool_or("sparse_y_pred", false)?)))
    }),
    entry!(BinaryIoU, ["binary_io_u"], |config| {
        let metric = BinaryIoU::new().threshold(config.number_or("threshold", 0.5)?);
        Ok(Box::new(match config.present("target_class_ids") {
            Some(_) => metric.target_class_ids(&class_ids(config)?),
            None => metric,
        }))
    }),
];

/// The metric that Keras names or writes as `value`: `"mse"`, `"MeanSquaredError"`, or an object.
///
/// For the shortcuts `"accuracy"`, `"acc"` and `"crossentropy"` see [`metric_for_shapes`].
///
/// # Errors
///
/// [`LayerError::UnknownClass`], or what is wrong with the configuration.
pub fn metric_from_config(value: &Value) -> Result<Box<dyn Metric>, LayerError> {
    let (name, config) = object_parts("metric", value)?;
    let entry = METRICS
        .iter()
        .find(|entry| entry.class_name == name || entry.names.contains(&name.as_str()))
        .ok_or(LayerError::UnknownClass { kind: "metric", name: name.clone() })?;
    let mut reader = ConfigReader::new(&config)?;
    reader.ignore(&["dtype"]);
    let mut metric = (entry.read)(&mut reader)?;
    check_metric_dtype(metric.dtype(), &config["dtype"])?;
    if let Some(name) = optional_text(&mut reader, "name")? {
        metric.set_name(&name);
    }
    reader.finish()?;
    Ok(metric)
}

/// As [`metric_from_config`]; `"accuracy"`, `"acc"`, `"crossentropy"` and `"ce"` go by the shapes of
/// labels and predictions (with the samples' axis), and are logged under the name they were asked by.
///
/// # Errors
///
/// As for [`metric_from_config`].
pub fn metric_for_shapes(
    value: &Value,
    y_true: &[usize],
    y_pred: &[usize],
) -> Result<Box<dyn Metric>, LayerError> {
    let Some(name) = value.as_str() else { return metric_from_config(value) };
    match name.to_lowercase().as_str() {
        "accuracy" | "acc" => Ok(accuracy_for_shapes(y_true, y_pred, name)),
        "crossentropy" | "ce" => {
            let class = crossentropy_for_shapes(y_true, y_pred).class_name();
            let mut metric = metric_from_config(&class.into())?;
            metric.set_name(name);
            Ok(metric)
        }
        _ => metric_from_config(value).or_else(|error| loss_as_metric(value).ok_or(error)),
    }
}

/// A loss function that is no metric class, such as `"huber"`: Keras takes its running mean.
fn loss_as_metric(value: &Value) -> Option<Box<dyn Metric>> {
    let loss = loss_from_config(value).ok()?;
    Some(Box::new(LossMetric::new(loss, value.as_str()?)))
}

/// As [`check_dtype`]; a metric that counts in whole numbers takes those of any size.
fn check_metric_dtype(own: &str, dtype: &Value) -> Result<(), LayerError> {
    if own == "float32" {
        return check_dtype(dtype);
    }
    let name = if dtype.is_object() { &dtype["config"]["name"] } else { dtype };
    match name.as_str() {
        Some(name) if !name.starts_with("int") => Err(LayerError::Unsupported {
            setting: format!("dtype={name}"),
            hint: "leave it out: samples are counted in whole numbers".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn read_auc(config: &mut ConfigReader) -> Result<AUC, LayerError> {
    let mut metric = AUC::new();
    let n = config.positive_or("num_thresholds", 200)?;
    if n < 2 {
        return Err(LayerError::config("num_thresholds", "at least 2", n));
    }
    metric = metric.num_thresholds(n);
    if let Some(mut thresholds) = thresholds(config)? {
        // Keras writes the two that it added too.
        thresholds.retain(|threshold| (0.0..=1.0).contains(threshold));
        metric = metric.thresholds(&thresholds);
    }
    let curves = [(Curve::Roc, "ROC"), (Curve::PrecisionRecall, "PR")];
    if let Some(curve) = choice(config, "curve", &curves, None)? {
        metric = metric.curve(curve);
    }
    let summations = [
        (Summation::Interpolation, "interpolation"),
        (Summation::Minoring, "minoring"),
        (Summation::Majoring, "majoring"),
    ];
    if let Some(summation) = choice(config, "summation_method", &summations, None)? {
        metric = metric.summation(summation);
    }
    let multi_label = config.bool_or("multi_label", false)?;
    metric = metric.multi_label(multi_label).from_logits(config.bool_or("from_logits", false)?);
    if let Some(n) = optional_size(config, "num_labels")? {
        metric = metric.num_labels(n);
    }
    if let Some(weights) = numbers(config, "label_weights")? {
        if !multi_label {
            return Err(LayerError::Unsupported {
                setting: "label_weights without multi_label".to_owned(),
                hint: "set `multi_label` or use sample weights".to_owned(),
            });
        }
        metric = metric.label_weights(&weights);
    }
    Ok(metric)
}

fn last_axis(config: &mut ConfigReader) -> Result<(), LayerError> {
    config.only("axis", &[(-1).into()], "only the last axis is")
}

fn rate(config: &mut ConfigReader, key: &str) -> Result<f64, LayerError> {
    let rate = config.number(key)?;
    if (0.0..=1.0).contains(&rate) {
        Ok(rate)
    } else {
        Err(LayerError::config(key, "a number from 0 to 1", rate))
    }
}

/// One of several words; null is `None`, and what is missing is `default`.
fn choice<T: Copy>(
    config: &mut ConfigReader,
    key: &str,
    choices: &[(T, &str)],
    default: Option<T>,
) -> Result<Option<T>, LayerError> {
    match config.value(key) {
        None => Ok(default),
        Some(Value::Null) => Ok(None),
        Some(value) => choices
            .iter()
            .find(|(_, name)| value.as_str() == Some(name))
            .map(|(choice, _)| Some(*choice))
            .ok_or_else(|| {
                let names: Vec<&str> = choices.iter().map(|(_, name)| *name).collect();
                LayerError::config(key, names.join(", "), value)
            }),
    }
}

fn optional_size(config: &mut ConfigReader, key: &str) -> Result<Option<usize>, LayerError> {
    let Some(value) = optional_integer(config, key)? else { return Ok(None) };
    usize::try_from(value)
        .map(Some)
        .map_err(|_| LayerError::config(key, "a whole number of at least 0", value))
}

fn optional_integer(config: &mut ConfigReader, key: &str) -> Result<Option<i64>, LayerError> {
    match config.present(key) {
        None => Ok(None),
        Some(_) => config.integer_or(key, 0).map(Some),
    }
}

/// A number or a list of numbers, each from 0 to 1 but for AUC's outermost.
fn thresholds(config: &mut ConfigReader) -> Result<Option<Vec<f64>>, LayerError> {
    numbers(config, "thresholds")
}

fn numbers(config: &mut ConfigReader, key: &str) -> Result<Option<Vec<f64>>, LayerError> {
    let Some(mut value) = config.present(key) else { return Ok(None) };
    // Keras writes some lists as tensors.
    if value["class_name"] == "__tensor__" {
        value = value["config"]["value"].take();
    }
    let numbers = match &value {
        Value::Array(list) => list.iter().map(Value::as_f64).collect(),
        single => single.as_f64().map(|number| vec![number]),
    };
    numbers.map(Some).ok_or_else(|| LayerError::config(key, "a number or a list", &value))
}

fn class_ids(config: &mut ConfigReader) -> Result<Vec<usize>, LayerError> {
    let key = "target_class_ids";
    let ids = numbers(config, key)?.ok_or_else(|| LayerError::MissingKey(key.to_owned()))?;
    Ok(ids.into_iter().map(|id| id as usize).collect())
}
