//! Class names and indices of a data set.

use cornu::data::{ImageFolder, SampleShape};
use cornu::model::Model;
use cornu::networks::Head;

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
