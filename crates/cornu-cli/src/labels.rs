//! Class names and indices of a data set, and how the outputs of a model stand for them.

use cornu::data::{ImageFolder, SampleShape};
use cornu::model::{Input, LayerExt, Model};
use cornu::networks::Head;
use cornu::nn::{Activation, layers};
use serde_json::Value;

use crate::error::CliError;

/// Brings the classes of `folder` into the order of `names`, a model's.
///
/// # Errors
///
/// If the folder has a class that the model does not know.
pub(crate) fn use_class_names(folder: &mut ImageFolder, names: &[String]) -> Result<(), CliError> {
    let unknown: Vec<&str> = folder
        .class_names
        .iter()
        .filter(|name| !names.contains(name))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        return Err(CliError::message(format!(
            "{}: the model knows the classes `{}`, but not `{}`; rename the class folders",
            folder.root.display(),
            names.join("`, `"),
            unknown.join("`, `")
        )));
    }
    for sample in &mut folder.samples {
        let name = &folder.class_names[sample.class_idx];
        sample.class_idx = names.iter().position(|known| known == name).unwrap_or_default();
    }
    folder.class_names = names.to_vec();
    Ok(())
}

/// How the outputs of `model` stand for `names`.
///
/// # Errors
///
/// If the model has several inputs or outputs, or not an output for each class.
pub(crate) fn head_of(model: &Model, names: &[String]) -> Result<Head, CliError> {
    let (inputs, outputs) = (model.input_shapes(), model.output_shapes());
    let ([_], [output]) = (&inputs[..], &outputs[..]) else {
        return Err(CliError::message(format!(
            "model `{}`: expected one input and one output, got {} and {}",
            model.name(),
            inputs.len(),
            outputs.len()
        )));
    };
    if let Some(activation) = no_probability(&model.to_config()) {
        return Err(CliError::message(format!(
            "model `{}`: its last layer has the activation `{activation}`, whose results are no \
             probabilities; give it `sigmoid` (1 unit) or `softmax`",
            model.name()
        )));
    }
    match output.sample().as_deref() {
        Some([1]) if names.len() == 2 => Ok(Head::Binary),
        Some([n]) if *n == names.len() => Ok(Head::Classes(*n)),
        _ => Err(CliError::message(format!(
            "model `{}`: its output has shape {output}, but there are {} classes ({}); give a model \
             whose last layer has {}",
            model.name(),
            names.len(),
            names.join(", "),
            if names.len() == 2 {
                "1 or 2 units".to_owned()
            } else {
                format!("{} units", names.len())
            }
        ))),
    }
}

/// `model` with one layer more, which makes probabilities of its outputs, if these are logits: it was
/// compiled with a loss `from_logits=True`, as Keras's tutorials do. Any other as it is.
///
/// # Errors
///
/// None in practice: the layer fits what it is applied to.
pub(crate) fn with_probabilities(model: Model) -> Result<Model, CliError> {
    let (inputs, outputs) = (model.input_shapes(), model.output_shapes());
    let ([input], [output]) = (&inputs[..], &outputs[..]) else { return Ok(model) };
    let (Some(input), Some(&[n_outputs])) = (input.sample(), output.sample().as_deref()) else {
        return Ok(model);
    };
    if !is_compiled_for_logits(&model) {
        return Ok(model);
    }
    let function = if n_outputs == 1 { Activation::Sigmoid } else { Activation::Softmax };
    let inputs = Input::new(&input);
    let probabilities = layers::Activation::new(function).apply(&model.apply(&inputs)?)?;
    let name = model.name().to_owned();
    Ok(Model::new(&inputs, &probabilities)?.named(name))
}

/// Whether the only loss of `model` takes logits.
pub(crate) fn is_compiled_for_logits(model: &Model) -> bool {
    let config = model.compile_config();
    let loss = match &config["loss"] {
        Value::Array(losses) => losses.first(),
        Value::Object(losses) if !losses.contains_key("class_name") => losses.values().next(),
        loss => Some(loss),
    };
    loss.is_some_and(|loss| loss["config"]["from_logits"] == true)
}

/// The pictures that `model` takes.
///
/// # Errors
///
/// If its input is no grey or RGB picture of known size.
pub(crate) fn picture_shape(model: &Model) -> Result<SampleShape, CliError> {
    let shapes = model.input_shapes();
    let name = model.name();
    let problem = |problem: String| Err(CliError::message(format!("model `{name}`: {problem}")));
    let [shape] = &shapes[..] else {
        return problem(format!("expected one input, for pictures, got {}", shapes.len()));
    };
    match shape.sample().as_deref() {
        Some(&[height, width, channels @ (1 | 3)]) => Ok(SampleShape { height, width, channels }),
        Some(&[_, _, channels]) => problem(format!(
            "its input has shape {shape}, but pictures have 1 (grey) or 3 (RGB) channels, not \
             {channels}; give a model of so many (`cornu predict` takes other samples, as .npy)"
        )),
        None => problem(format!(
            "its input has shape {shape}, but pictures are brought to one size, so the model must \
             have a fixed height and width; make it with numbers for them, as in \
             Input(shape=(128, 128, 1)), and save it again"
        )),
        Some(_) => problem(format!(
            "expected an input of shape (None, height, width, channels) for pictures, got {shape}"
        )),
    }
}

/// The activation of the last layer, if it is known and gives no probabilities.
fn no_probability(config: &serde_json::Value) -> Option<String> {
    let last = config["config"]["layers"].as_array()?.last()?;
    if last["config"]["layers"].is_array() {
        return no_probability(last);
    }
    let activation = last["config"]["activation"].as_str()?;
    (!["sigmoid", "softmax", "hard_sigmoid"].contains(&activation)).then(|| activation.to_owned())
}
