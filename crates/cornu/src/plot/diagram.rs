use std::path::Path;

use cornu_formats::write_file_safely;
use cornu_model::{LayerCall, Model, ModelError, Structure};
use cornu_nn::layers::Family;
use cornu_plot::diagram::{Diagram, DiagramOptions, Edge, Kind, Node};
use cornu_plot::drawing::Theme;
use serde_json::{Map, Value};

use super::files::{PlotFileError, ending, save_drawing};

/// The network as boxes and arrows, as data.
///
/// ```
/// use cornu::plot::{DiagramOptions, diagram, drawing::Theme};
///
/// let model = cornu::networks::lesson_cnn()?;
/// let diagram = diagram(&model)?;
/// assert_eq!(diagram.nodes[1].details, "8 filters, 3×3, same");
/// let svg = diagram.draw(&DiagramOptions::default()).to_svg(Theme::Auto);
/// assert!(svg.contains("<title>Network diagram of"));
/// # Ok::<(), cornu::model::ModelError>(())
/// ```
///
/// # Errors
///
/// As for [`Model::structure`].
pub fn diagram(model: &Model) -> Result<Diagram, ModelError> {
    let mut diagram = of_structure(&model.structure()?);
    diagram.params = model.count_params();
    let trainable = model.weight_infos().iter().filter(|weight| weight.trainable);
    diagram.trainable_params = trainable.map(cornu_model::WeightInfo::len).sum();
    Ok(diagram)
}

/// The network as a DOT document.
///
/// Source: Keras 3, `keras/src/utils/model_visualization.py`, whose options those of
/// [`DiagramOptions`] are; it answers with text instead of a `pydot` object.
///
/// # Errors
///
/// As for [`Model::structure`].
pub fn model_to_dot(model: &Model, options: &DiagramOptions) -> Result<String, ModelError> {
    Ok(diagram(model)?.to_dot(options))
}

/// Writes the network as a diagram; the ending of the file's name says how: `.svg`, `.png`, `.dot` (or
/// `.gv`), `.mmd` (or `.mermaid`). `dpi` is for PNG.
///
/// ```no_run
/// use cornu::plot::{DiagramOptions, drawing::Theme, plot_model};
///
/// let model = cornu::networks::lesson_cnn()?;
/// let options = DiagramOptions { show_trainable: true, ..DiagramOptions::default() };
/// plot_model(&model, "model.png", &options, Theme::Light, 200.0)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: Keras 3, `keras/src/utils/model_visualization.py`. Nothing needs to be installed for it.
///
/// # Errors
///
/// [`PlotFileError`] if the ending is another one, or the file cannot be written.
pub fn plot_model(
    model: &Model,
    path: impl AsRef<Path>,
    options: &DiagramOptions,
    theme: Theme,
    dpi: f64,
) -> Result<(), PlotFileError> {
    let (path, diagram) = (path.as_ref(), diagram(model)?);
    let text = match ending(path).as_str() {
        "dot" | "gv" => diagram.to_dot(options),
        "mmd" | "mermaid" => diagram.to_mermaid(options),
        "svg" | "png" => return save_drawing(&diagram.draw(options), path, theme, dpi),
        _ => {
            let expected = ".svg, .png, .dot or .mmd";
            return Err(PlotFileError::Format { path: path.to_owned(), expected });
        }
    };
    Ok(write_file_safely(path, text.as_bytes())?)
}

fn of_structure(structure: &Structure) -> Diagram {
    let edges = structure.calls.iter().enumerate().flat_map(|(to, call)| {
        let inputs = call.inputs.iter().enumerate();
        inputs.map(move |(input, &(from, output))| Edge { from, output, to, input })
    });
    let inputs = structure.calls.iter().enumerate();
    let inputs = inputs.filter(|(_, call)| call.family == Some(Family::Input)).map(|(i, _)| i);
    let first_calls = structure.calls.iter().filter(|call| call.node == 0);
    Diagram {
        name: structure.name.clone(),
        class_name: structure.form.class_name().to_owned(),
        nodes: structure.calls.iter().map(node).collect(),
        edges: edges.collect(),
        inputs: inputs.collect(),
        outputs: structure.outputs.iter().map(|&(call, _)| call).collect(),
        params: first_calls.clone().map(|call| call.params).sum(),
        trainable_params: first_calls.map(|call| call.trainable_params).sum(),
    }
}

fn node(call: &LayerCall) -> Node {
    let activation = call.config.get("activation").and_then(|activation| {
        let object = || activation.get("config")?.get("name").or(activation.get("class_name"));
        activation.as_str().or_else(|| object()?.as_str()).filter(|name| *name != "linear")
    });
    let mut details = details(&call.config);
    if 0 < call.node {
        details.insert(0, format!("call {}", call.node + 1));
    }
    Node {
        name: call.name.clone(),
        class_name: call.class_name.to_owned(),
        kind: kind(call),
        details: details.join(", "),
        activation: activation.map(str::to_owned),
        shapes: call.output_shapes.iter().map(ToString::to_string).collect(),
        params: (call.node == 0 || call.params == 0).then_some(call.params),
        trainable: (0 < call.params).then_some(call.trainable),
        inner: call.inner.as_deref().map(|inner| Box::new(of_structure(inner))),
    }
}

fn kind(call: &LayerCall) -> Kind {
    match call.family {
        _ if call.inner.is_some() => Kind::Network,
        Some(Family::Input) => Kind::Input,
        Some(Family::Core) => Kind::Core,
        Some(Family::Recurrent | Family::Attention) => Kind::Sequence,
        Some(Family::Convolutional) => Kind::Convolution,
        Some(Family::Pooling) => Kind::Pooling,
        Some(Family::Activation | Family::Regularization) => Kind::Activation,
        Some(Family::Normalization) => Kind::Normalization,
        Some(Family::Preprocessing) => Kind::Preprocessing,
        Some(Family::Reshaping | Family::Merging) => Kind::Merging,
        None => Kind::Other,
    }
}

/// The settings that tell most of a layer, where they are not the usual ones.
fn details(config: &Map<String, Value>) -> Vec<String> {
    let mut parts = Vec::new();
    let number = |key: &str| config.get(key).filter(|value| value.is_number());
    let sizes = |key: &str| sizes(config.get(key)?);
    for (key, unit) in
        [("filters", "filters"), ("units", "units"), ("num_heads", "heads"), ("groups", "groups")]
    {
        if let Some(n) = number(key).and_then(Value::as_u64)
            && (key != "groups" || 1 < n)
        {
            let unit = if n == 1 { unit.trim_end_matches('s') } else { unit };
            parts.push(format!("{n} {unit}"));
        }
    }
    parts.extend(sizes("kernel_size").map(|sizes| times(&sizes)));
    let pool = sizes("pool_size");
    parts.extend(pool.as_ref().map(|sizes| times(sizes)));
    if let Some(strides) = sizes("strides")
        && pool.as_ref() != Some(&strides)
        && (pool.is_some() || strides.iter().any(|&n| n != 1))
    {
        parts.push(format!("stride {}", times(&strides)));
    }
    if let Some(dilation) = sizes("dilation_rate").filter(|d| d.iter().any(|&n| n != 1)) {
        parts.push(format!("dilation {}", times(&dilation)));
    }
    match config.get("padding").and_then(Value::as_str) {
        Some("valid") | None => {}
        Some(padding) => parts.push(padding.to_owned()),
    }
    if let Some(rate) = number("rate") {
        parts.push(format!("rate {rate}"));
    }
    if let (Some(words), Some(size)) = (number("input_dim"), number("output_dim")) {
        parts.push(format!("{words} words in {size} dimensions"));
    }
    if let Some(size) = sizes("target_shape") {
        parts.push(format!("to {}", times(&size)));
    }
    if let Some(size) = sizes("size") {
        parts.push(times(&size));
    }
    if let (Some(height), Some(width)) = (number("height"), number("width")) {
        parts.push(format!("{height}×{width}"));
    }
    if let (Some(scale), Some(offset)) = (number("scale"), number("offset")) {
        let scale = scale.as_f64().unwrap_or_default();
        parts.push(format!("x · {} + {offset}", (scale * 1e6).round() / 1e6));
    }
    parts
}

/// Numbers that a list, or a single one, holds.
fn sizes(value: &Value) -> Option<Vec<i64>> {
    match value {
        Value::Array(values) => values.iter().map(Value::as_i64).collect(),
        value => value.as_i64().map(|n| vec![n]),
    }
}

fn times(sizes: &[i64]) -> String {
    let is_square = 1 < sizes.len() && sizes.iter().all(|size| *size == sizes[0]);
    let texts: Vec<String> = sizes.iter().map(i64::to_string).collect();
    if is_square || 1 < sizes.len() { texts.join("×") } else { texts.concat() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[test]
    fn layers_become_boxes_and_shared_layers_are_counted_once() {
        let inner_input = Input::new([8, 8, 2]);
        let conv = Conv2D::new(3, 3).strides([2, 1]).activation(Activation::Relu);
        let inner = conv.named("conv").apply(&inner_input).unwrap();
        let tower = Model::new(&inner_input, &inner).unwrap().named("tower");
        let (a, b) = (Input::named("a", [8, 8, 2]), Input::named("b", [8, 8, 2]));
        let tower = tower.handle();
        let sum =
            Add::new().apply_list(&[tower.apply(&a).unwrap(), tower.apply(&b).unwrap()]).unwrap();
        let outputs = Dropout::new(0.5).apply(&sum).unwrap();
        let model = Model::new([&a, &b], &outputs).unwrap().named("twins");
        let diagram = diagram(&model).unwrap();
        let boxes: Vec<(&str, &str, Kind)> = diagram
            .nodes
            .iter()
            .map(|node| (node.name.as_str(), node.details.as_str(), node.kind))
            .collect();
        assert!(boxes.contains(&("tower", "call 2", Kind::Network)), "{boxes:?}");
        assert!(boxes.contains(&("dropout", "rate 0.5", Kind::Activation)), "{boxes:?}");
        assert!(boxes.contains(&("add", "", Kind::Merging)), "{boxes:?}");
        assert_eq!((diagram.params, diagram.edges.len()), (57, 5));
        let inner = diagram.nodes.iter().find_map(|node| node.inner.as_ref()).unwrap();
        assert_eq!(inner.nodes[1].details, "3 filters, 3×3, stride 2×1");
        assert_eq!(inner.nodes[1].activation.as_deref(), Some("relu"));
        assert_eq!((inner.params, inner.trainable_params), (57, 57));
        let dot = model_to_dot(&model, &DiagramOptions::default()).unwrap();
        assert!(dot.contains("digraph \"twins\""));
    }

    #[test]
    fn weights_that_training_leaves_alone_are_not_counted_as_trainable() {
        let inner_input = Input::new([4]);
        let x = Dense::new(3).trainable(false).apply(&inner_input).unwrap();
        let x = BatchNormalization::new().apply(&x).unwrap();
        let block = Model::new(&inner_input, &x).unwrap().named("block");
        let inputs = Input::new([4]);
        let x = block.handle().apply(&inputs).unwrap();
        let model = Model::new(&inputs, Dense::new(1).apply(&x).unwrap()).unwrap();
        let diagram = diagram(&model).unwrap();
        assert_eq!((diagram.params, diagram.trainable_params), (31, 10));
        let inner = diagram.nodes.iter().find_map(|node| node.inner.as_ref()).unwrap();
        assert_eq!((inner.params, inner.trainable_params), (27, 6));
    }

    #[test]
    fn the_family_of_a_layer_is_its_colour() {
        let inputs = Input::new([8, 8, 1]);
        let x = ContrastLimitedAdaptiveHistogramEqualization::new().apply(&inputs).unwrap();
        let x = SpatialDropout2D::new(0.1).apply(&x).unwrap();
        let x = DepthwiseConv2D::new(3).apply(&x).unwrap();
        let x = UnitNormalization::new().apply(&x).unwrap();
        let x = Reshape::new([6, 6]).apply(&x).unwrap();
        let x = LSTM::new(2).apply(&x).unwrap();
        let model = Model::new(&inputs, &x).unwrap();
        let kinds: Vec<Kind> =
            diagram(&model).unwrap().nodes.iter().map(|node| node.kind).collect();
        let expected = [
            Kind::Input,
            Kind::Preprocessing,
            Kind::Activation,
            Kind::Convolution,
            Kind::Normalization,
            Kind::Merging,
            Kind::Sequence,
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn the_ending_says_the_format() {
        let folder = tempfile::tempdir().unwrap();
        let inputs = Input::new([3]);
        let outputs = Dense::new(1).apply(&inputs).unwrap();
        let model = Model::new(&inputs, &outputs).unwrap();
        let options = DiagramOptions::default();
        for (name, begin) in [
            ("a.svg", &b"<svg xmlns"[..]),
            ("a.PNG", b"\x89PNG\r\n"),
            ("a.dot", b"digraph"),
            ("a.mmd", b"---\ntitle"),
        ] {
            let path = folder.path().join(name);
            plot_model(&model, &path, &options, Theme::Light, 96.0).unwrap();
            assert!(std::fs::read(&path).unwrap().starts_with(begin), "{name}");
        }
        let path = folder.path().join("a.jpg");
        let error = plot_model(&model, &path, &options, Theme::Light, 96.0).unwrap_err();
        assert!(error.to_string().ends_with("ends in .svg, .png, .dot or .mmd"), "{error}");
        let path = folder.path().join("a.png");
        let error = plot_model(&model, &path, &options, Theme::Light, 1e9).unwrap_err();
        assert!(error.to_string().contains("is too large"), "{error}");
    }
}
