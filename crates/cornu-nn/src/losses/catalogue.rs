//! Which losses there are, and how they are made from what Keras writes.

use serde_json::Value;

use super::{
    BinaryCrossentropy, BinaryFocalCrossentropy, CTC, CategoricalCrossentropy,
    CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy, CategoricalHinge, Circle,
    CosineSimilarity, Dice, Hinge, Huber, KLDivergence, LogCosh, Loss, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson, Reduction,
    SparseCategoricalCrossentropy, SquaredHinge, Tversky,
};
use crate::config::object_parts;
use crate::layers::check_dtype;
use crate::{ConfigReader, LayerError};

/// A loss that can be asked for by name.
#[derive(Debug, Clone, Copy)]
pub struct LossEntry {
    /// Keras's class name.
    pub class_name: &'static str,
    /// Names of Keras's function for it, the first one being the usual.
    pub names: &'static [&'static str],
    read: fn(&mut ConfigReader) -> Result<Box<dyn Loss>, LayerError>,
}

/// A loss with the keys `name` and `reduction` set.
macro_rules! read {
    ($class:ident, $config:ident $(, $($rest:tt)*)?) => {{
        let mut loss = $class::new();
        $($($rest)* (&mut loss, $config)?;)?
        if let Some(name) = optional_text($config, "name")? {
            loss = loss.name(&name);
        }
        if let Some(reduction) = reduction($config)? {
            loss = loss.reduction(reduction);
        }
        Ok(Box::new(loss) as Box<dyn Loss>)
    }};
}

type Own<T> = fn(&mut T, &mut ConfigReader) -> Result<(), LayerError>;

/// All losses.
pub const LOSSES: &[LossEntry] = &[
    LossEntry {
        class_name: "MeanSquaredError",
        names: &["mean_squared_error", "mse", "MSE"],
        read: |config| read!(MeanSquaredError, config),
    },
    LossEntry {
        class_name: "MeanAbsoluteError",
        names: &["mean_absolute_error", "mae", "MAE"],
        read: |config| read!(MeanAbsoluteError, config),
    },
    LossEntry {
        class_name: "MeanAbsolutePercentageError",
        names: &["mean_absolute_percentage_error", "mape", "MAPE"],
        read: |config| read!(MeanAbsolutePercentageError, config),
    },
    LossEntry {
        class_name: "MeanSquaredLogarithmicError",
        names: &["mean_squared_logarithmic_error", "msle", "MSLE"],
        read: |config| read!(MeanSquaredLogarithmicError, config),
    },
    LossEntry {
        class_name: "Huber",
        names: &["huber"],
        read: |config| read!(Huber, config, HUBER),
    },
    LossEntry {
        class_name: "LogCosh",
        names: &["log_cosh", "logcosh"],
        read: |config| read!(LogCosh, config),
    },
    LossEntry {
        class_name: "CosineSimilarity",
        names: &["cosine_similarity"],
        read: |config| read!(CosineSimilarity, config, COSINE),
    },
    LossEntry {
        class_name: "KLDivergence",
        names: &["kl_divergence", "kld", "KLD"],
        read: |config| read!(KLDivergence, config),
    },
    LossEntry { class_name: "Poisson", names: &["poisson"], read: |config| read!(Poisson, config) },
    LossEntry { class_name: "Hinge", names: &["hinge"], read: |config| read!(Hinge, config) },
    LossEntry {
        class_name: "SquaredHinge",
        names: &["squared_hinge"],
        read: |config| read!(SquaredHinge, config),
    },
    LossEntry {
        class_name: "CategoricalHinge",
        names: &["categorical_hinge"],
        read: |config| read!(CategoricalHinge, config),
    },
    LossEntry {
        class_name: "BinaryCrossentropy",
        names: &["binary_crossentropy", "bce", "BCE"],
        read: |config| read!(BinaryCrossentropy, config, BINARY),
    },
    LossEntry {
        class_name: "BinaryFocalCrossentropy",
        names: &["binary_focal_crossentropy"],
        read: |config| read!(BinaryFocalCrossentropy, config, BINARY_FOCAL),
    },
    LossEntry {
        class_name: "CategoricalCrossentropy",
        names: &["categorical_crossentropy"],
        read: |config| read!(CategoricalCrossentropy, config, CATEGORICAL),
    },
    LossEntry {
        class_name: "CategoricalFocalCrossentropy",
        names: &["categorical_focal_crossentropy"],
        read: |config| read!(CategoricalFocalCrossentropy, config, CATEGORICAL_FOCAL),
    },
    LossEntry {
        class_name: "SparseCategoricalCrossentropy",
        names: &["sparse_categorical_crossentropy"],
        read: |config| read!(SparseCategoricalCrossentropy, config, SPARSE),
    },
    LossEntry {
        class_name: "CategoricalGeneralizedCrossEntropy",
        names: &["categorical_generalized_cross_entropy"],
        read: |config| read!(CategoricalGeneralizedCrossEntropy, config, GENERALIZED),
    },
    LossEntry { class_name: "Dice", names: &["dice"], read: |config| read!(Dice, config, DICE) },
    LossEntry {
        class_name: "Tversky",
        names: &["tversky"],
        read: |config| read!(Tversky, config, TVERSKY),
    },
    LossEntry {
        class_name: "Circle",
        names: &["circle"],
        read: |config| read!(Circle, config, CIRCLE),
    },
    LossEntry { class_name: "CTC", names: &["ctc"], read: |config| read!(CTC, config) },
];

/// The loss that Keras names or writes as `value`: `"mse"`, `"MeanSquaredError"`, or an object.
///
/// The shortcut `"crossentropy"` is resolved by [`crossentropy_for_shapes`].
///
/// # Errors
///
/// [`LayerError::UnknownClass`], or what is wrong with the configuration.
pub fn loss_from_config(value: &Value) -> Result<Box<dyn Loss>, LayerError> {
    let (name, config) = object_parts("loss", value)?;
    // A function, as Keras writes one, is named by its config.
    let (name, config) = match (name.as_str(), &config) {
        ("function", Value::String(function)) => {
            (function.clone(), Value::Object(Default::default()))
        }
        _ => (name, config),
    };
    let entry = LOSSES
        .iter()
        .find(|entry| entry.class_name == name || entry.names.contains(&name.as_str()))
        .ok_or(LayerError::UnknownClass { kind: "loss", name })?;
    let mut reader = ConfigReader::new(&config)?;
    reader.ignore(&["dtype"]);
    check_dtype(&config["dtype"])?;
    let loss = (entry.read)(&mut reader)?;
    reader.finish()?;
    Ok(loss)
}

/// What `loss="crossentropy"` (or `"ce"`) stands for, given the shapes of labels and predictions
/// with the samples' axis.
pub fn crossentropy_for_shapes(y_true: &[usize], y_pred: &[usize]) -> Box<dyn Loss> {
    match Labels::of_shapes(y_true, y_pred) {
        Labels::Binary => Box::new(BinaryCrossentropy::new()),
        Labels::Sparse => Box::new(SparseCategoricalCrossentropy::new()),
        Labels::Categorical => Box::new(CategoricalCrossentropy::new()),
    }
}

/// What labels are, as Keras guesses for `"crossentropy"` and `"accuracy"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Labels {
    /// One prediction per sample.
    Binary,
    /// Whole numbers.
    Sparse,
    /// One-hot.
    Categorical,
}

impl Labels {
    pub(crate) fn of_shapes(y_true: &[usize], y_pred: &[usize]) -> Self {
        if y_pred.last() == Some(&1) {
            Self::Binary
        } else if y_true.len() < y_pred.len() || y_true.last() == Some(&1) {
            Self::Sparse
        } else {
            Self::Categorical
        }
    }
}

const HUBER: Own<Huber> = |loss, config| {
    *loss = Huber::new().delta(config.number_or("delta", 1.0)?);
    Ok(())
};

const COSINE: Own<CosineSimilarity> = |loss, config| {
    *loss = CosineSimilarity::new().axis(config.integer_or("axis", -1)?);
    Ok(())
};

const BINARY: Own<BinaryCrossentropy> = |loss, config| {
    *loss = BinaryCrossentropy::new()
        .from_logits(config.bool_or("from_logits", false)?)
        .label_smoothing(label_smoothing(config)?)
        .axis(config.integer_or("axis", -1)?);
    Ok(())
};

const BINARY_FOCAL: Own<BinaryFocalCrossentropy> = |loss, config| {
    *loss = BinaryFocalCrossentropy::new()
        .apply_class_balancing(config.bool_or("apply_class_balancing", false)?)
        .alpha(config.number_or("alpha", 0.25)?)
        .gamma(config.number_or("gamma", 2.0)?)
        .from_logits(config.bool_or("from_logits", false)?)
        .label_smoothing(label_smoothing(config)?)
        .axis(config.integer_or("axis", -1)?);
    Ok(())
};

const CATEGORICAL: Own<CategoricalCrossentropy> = |loss, config| {
    *loss = CategoricalCrossentropy::new()
        .from_logits(config.bool_or("from_logits", false)?)
        .label_smoothing(label_smoothing(config)?)
        .axis(config.integer_or("axis", -1)?);
    Ok(())
};

const CATEGORICAL_FOCAL: Own<CategoricalFocalCrossentropy> = |loss, config| {
    *loss = CategoricalFocalCrossentropy::new()
        .alpha(config.number_or("alpha", 0.25)?)
        .gamma(config.number_or("gamma", 2.0)?)
        .from_logits(config.bool_or("from_logits", false)?)
        .label_smoothing(label_smoothing(config)?)
        .axis(config.integer_or("axis", -1)?);
    Ok(())
};

const SPARSE: Own<SparseCategoricalCrossentropy> = |loss, config| {
    let ignore_class = match config.present("ignore_class") {
        None => None,
        Some(_) => Some(config.integer_or("ignore_class", 0)?),
    };
    *loss = SparseCategoricalCrossentropy::new()
        .from_logits(config.bool_or("from_logits", false)?)
        .ignore_class(ignore_class)
        .axis(config.integer_or("axis", -1)?);
    Ok(())
};

const GENERALIZED: Own<CategoricalGeneralizedCrossEntropy> = |loss, config| {
    let q = config.number_or("q", 0.5)?;
    if !(0.0 < q && q < 1.0) {
        return Err(LayerError::config("q", "a number between 0 and 1", q));
    }
    *loss = CategoricalGeneralizedCrossEntropy::new().q(q);
    Ok(())
};

const CIRCLE: Own<Circle> = |loss, config| {
    *loss = Circle::new()
        .gamma(config.number_or("gamma", 80.0)?)
        .margin(config.number_or("margin", 0.4)?)
        .remove_diagonal(config.bool_or("remove_diagonal", true)?);
    Ok(())
};

const DICE: Own<Dice> = |loss, config| {
    *loss = Dice::new().axis(axes(config)?);
    Ok(())
};

const TVERSKY: Own<Tversky> = |loss, config| {
    *loss = Tversky::new()
        .alpha(config.number_or("alpha", 0.5)?)
        .beta(config.number_or("beta", 0.5)?)
        .axis(axes(config)?);
    Ok(())
};

fn label_smoothing(config: &mut ConfigReader) -> Result<f64, LayerError> {
    let smoothing = config.number_or("label_smoothing", 0.0)?;
    if (0.0..=1.0).contains(&smoothing) {
        Ok(smoothing)
    } else {
        Err(LayerError::config("label_smoothing", "a number from 0 to 1", smoothing))
    }
}

/// Null, one axis or several.
fn axes(config: &mut ConfigReader) -> Result<Option<Vec<i64>>, LayerError> {
    let Some(value) = config.present("axis") else { return Ok(None) };
    let axes = match &value {
        Value::Array(list) => list.iter().map(Value::as_i64).collect(),
        single => single.as_i64().map(|axis| vec![axis]),
    };
    axes.map(Some).ok_or_else(|| LayerError::config("axis", "null, an axis or a list", &value))
}

fn reduction(config: &mut ConfigReader) -> Result<Option<Reduction>, LayerError> {
    let expected = "sum_over_batch_size, mean, mean_with_sample_weight, sum, none or null";
    match config.value("reduction") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(Reduction::None)),
        Some(value) => value
            .as_str()
            .and_then(Reduction::named)
            .map(Some)
            .ok_or_else(|| LayerError::config("reduction", expected, value)),
    }
}

/// A text, or `None` for null or missing.
pub(crate) fn optional_text(
    config: &mut ConfigReader,
    key: &str,
) -> Result<Option<String>, LayerError> {
    match config.present(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(LayerError::config(key, "a text or null", other)),
    }
}
