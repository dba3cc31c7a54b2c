use std::collections::BTreeMap;

use cornu_nn::layers::check_dtype;
use cornu_nn::{ConfigReader, LayerError, SymbolicShape, layer_from_config};
use serde_json::{Map, Value};

use crate::ModelError;
use crate::network::{LayerValues, Network, NetworkForm};
use crate::operation::Operation;
use crate::sequential::Sequential;
use crate::symbolic::{ArgumentForm, KerasTensor, Keyword, LayerHandle, LayerKind, Tensors};

use super::write::MASKS_OF_ATTENTION;

/// Reads the object of a functional or sequential model; `place` is what errors call it.
pub(super) fn network(object: &Value, place: &str) -> Result<Network, ModelError> {
    let config = &object["config"];
    let mut network = match text(object, "class_name", place)? {
        "Functional" | "Model" => functional(config, place)?,
        "Sequential" => sequential(config, place)?,
        other => {
            return Err(ModelError::unsupported(
                place,
                format!("class `{other}` is not supported; expected Functional or Sequential"),
            ));
        }
    };
    network.trainable = config.get("trainable").and_then(Value::as_bool).unwrap_or(true);
    Ok(network)
}

fn sequential(config: &Value, place: &str) -> Result<Network, ModelError> {
    only_keys(config, &["name", "trainable", "dtype", "layers", "build_input_shape"], place)?;
    check_dtype(&config["dtype"]).map_err(|error| ModelError::setting(place, &error))?;
    let objects = list(config, "layers", place)?;
    let (input, rest) = match objects.split_first() {
        Some((first, rest)) if first["class_name"] == "InputLayer" => {
            (input_layer(first, &format!("{place}.layers[0]"))?, rest)
        }
        _ => match symbolic_shape(&config["build_input_shape"]) {
            // That of the batch that the model was built with. Keras takes batches of any size then.
            Some(shape) => {
                let sizes = shape.dims().iter().skip(1).copied();
                let any = SymbolicShape::new([None].into_iter().chain(sizes).collect::<Vec<_>>());
                (KerasTensor::input(None, any), objects)
            }
            None => {
                return Err(ModelError::config(
                    place,
                    "the input shape is missing: the model needs an InputLayer or a \
                     `build_input_shape`",
                ));
            }
        },
    };
    let mut chain = Sequential::from_input(input);
    if let Some(name) = config["name"].as_str() {
        chain = chain.named(name);
    }
    for (index, object) in rest.iter().enumerate() {
        chain = chain.add(layer(object, &format!("{place}.layers[{}]", index + 1))?);
    }
    chain.into_network()
}

/// A layer of the model that is read, and what its calls gave so far.
struct Known {
    kind: KnownKind,
    is_functional: bool,
    calls: Vec<Vec<KerasTensor>>,
}

enum KnownKind {
    Input,
    Layer(LayerHandle),
    /// An operation that is not known, or works on what one makes: an error only if anything but a
    /// mask depends on it.
    Missing(LayerError),
}

fn functional(config: &Value, place: &str) -> Result<Network, ModelError> {
    only_keys(config, &["name", "trainable", "layers", "input_layers", "output_layers"], place)?;
    let objects = list(config, "layers", place)?;
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    // Calls that are still to be made: layer name and node.
    let mut waiting: Vec<(String, &Value)> = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let place = format!("{place}.layers[{index}]");
        let name = text(&object["config"], "name", &place)?;
        let layer = if object["class_name"] == "InputLayer" {
            let calls = vec![vec![input_layer(object, &place)?]];
            Known { kind: KnownKind::Input, is_functional: false, calls }
        } else {
            let is_operation = Operation::is_module(object["module"].as_str().unwrap_or_default());
            let kind = match layer(object, &place) {
                Ok(handle) => KnownKind::Layer(handle),
                Err(ModelError::Layer { source, .. }) if is_operation => KnownKind::Missing(source),
                Err(error) => return Err(error),
            };
            let is_functional = object["class_name"] == "Functional";
            Known { kind, is_functional, calls: Vec::new() }
        };
        if known.insert(name.to_owned(), layer).is_some() {
            return Err(ModelError::config(place, format!("two layers are named `{name}`")));
        }
        for node in object["inbound_nodes"].as_array().into_iter().flatten() {
            waiting.push((name.to_owned(), node));
        }
    }
    // Layers come in order of depth, but a shared one may have calls that need later layers: such
    // calls are put back, in order, until a round makes none.
    while !waiting.is_empty() {
        let n_before = waiting.len();
        let mut blocked: Vec<(String, &Value)> = Vec::new();
        for (name, node) in waiting {
            let earlier_call_waits = blocked.iter().any(|(other, _)| *other == name);
            if earlier_call_waits || !make_call(&mut known, &name, node, place)? {
                blocked.push((name, node));
            }
        }
        if blocked.len() == n_before {
            let names: Vec<&str> = blocked.iter().map(|(name, _)| name.as_str()).collect();
            return Err(ModelError::config(
                place,
                format!("the inputs of these layers are never made: {}", names.join(", ")),
            ));
        }
        waiting = blocked;
    }
    let inputs = ends(&known, config, "input_layers", place)?;
    let outputs = ends(&known, config, "output_layers", place)?;
    let mut network = Network::new(&inputs, &outputs, NetworkForm::Functional)?;
    network.name = config["name"].as_str().map(str::to_owned);
    Ok(network)
}

/// Applies a layer as `node` says, if its inputs are made already.
fn make_call(
    known: &mut BTreeMap<String, Known>,
    name: &str,
    node: &Value,
    place: &str,
) -> Result<bool, ModelError> {
    let place = format!("{place}, layer `{name}`");
    if matches!(known.get(name).map(|layer| &layer.kind), Some(KnownKind::Missing(_))) {
        return Ok(true);
    }
    let args = list(node, "args", &place)?;
    let (form, args): (_, Vec<&Value>) = match args {
        [Value::Array(tensors)] => (ArgumentForm::List, tensors.iter().collect()),
        [Value::Object(named)] if !named.contains_key("class_name") => {
            // A model takes a dict in the order of its names.
            let sorted: BTreeMap<&String, &Value> = named.iter().collect();
            (ArgumentForm::List, sorted.into_values().collect())
        }
        args => (ArgumentForm::Separate, args.iter().collect()),
    };
    let mut inputs = Vec::new();
    let states = initial_states(node);
    let tensors = args.into_iter().chain(named_inputs(node)).chain(states);
    for arg in tensors.filter(|arg| !arg.is_number()) {
        // An operation on something that is never made is never made either.
        if let Some(error) = missing(known, arg)
            && let Some(layer) = known.get_mut(name)
            && matches!(&layer.kind, KnownKind::Layer(handle)
                if matches!(handle.kind(), LayerKind::Operation(_)))
        {
            layer.kind = KnownKind::Missing(error);
            return Ok(true);
        }
        match tensor(known, arg, &place)? {
            None => return Ok(false),
            Some(made) => inputs.push(made),
        }
    }
    let mut tensors = Vec::new();
    for (keyword, arg) in by_keyword(node) {
        // The masks that operations make came with the inputs: the model finds them again by itself.
        if matches!(keyword, Keyword::Mask(_)) && is_made_by_operation(known, arg) {
            continue;
        }
        match tensor(known, arg, &place)? {
            None => return Ok(false),
            Some(made) => tensors.push((keyword, made)),
        }
    }
    let Some(layer) = known.get_mut(name) else { return Ok(false) };
    if let KnownKind::Layer(handle) = &layer.kind {
        let kwargs = kwargs(node, handle, &place)?;
        let outputs = handle.call(&inputs, form, kwargs, &tensors)?;
        layer.calls.push(outputs);
    }
    Ok(true)
}

/// The tensor that an argument stands for; `None` if it is not made yet.
fn tensor(
    known: &BTreeMap<String, Known>,
    arg: &Value,
    place: &str,
) -> Result<Option<KerasTensor>, ModelError> {
    let history = &arg["config"]["keras_history"];
    let (name, node, tensor) = history_parts(history).ok_or_else(|| {
        ModelError::config(place, format!("argument `{arg}`: expected a tensor of the model"))
    })?;
    let source = known
        .get(name)
        .ok_or_else(|| ModelError::config(place, format!("no layer is named `{name}`")))?;
    if let KnownKind::Missing(error) = &source.kind {
        return Err(ModelError::layer(name, error.clone()));
    }
    let Some(outputs) = source.calls.get(node) else { return Ok(None) };
    let made = outputs.get(tensor).cloned();
    let made =
        made.ok_or_else(|| ModelError::config(place, format!("`{history}` has no such output")))?;
    Ok(Some(made))
}

/// Why the tensor that an argument stands for is never made, if an operation is not known.
fn missing(known: &BTreeMap<String, Known>, arg: &Value) -> Option<LayerError> {
    let (source, _, _) = history_parts(&arg["config"]["keras_history"])?;
    match &known.get(source)?.kind {
        KnownKind::Missing(error) => Some(error.clone()),
        _ => None,
    }
}

/// Positional arguments that were given by keyword.
const INPUT_KEYWORDS: &[&str] = &["inputs", "sequence", "sequences", "query", "value", "key"];

/// The tensors among them, in the order in which layers take them.
fn named_inputs(node: &Value) -> impl Iterator<Item = &Value> {
    let values = INPUT_KEYWORDS.iter().map(|key| &node["kwargs"][*key]);
    values.filter(|value| value["class_name"] == "__keras_tensor__")
}

/// The keyword arguments that are tensors or lists of them, but for initial states.
fn by_keyword(node: &Value) -> Vec<(Keyword, &Value)> {
    let kwargs = &node["kwargs"];
    let mut all = vec![
        (Keyword::AttentionMask, &kwargs["attention_mask"]),
        (Keyword::CountWeights, &kwargs["count_weights"]),
    ];
    let of_inputs = MASKS_OF_ATTENTION.iter().enumerate();
    all.extend(of_inputs.map(|(input, key)| (Keyword::Mask(input), &kwargs[*key])));
    match &kwargs["mask"] {
        Value::Array(masks) => {
            all.extend(masks.iter().enumerate().map(|(i, mask)| (Keyword::Mask(i), mask)));
        }
        mask => all.push((Keyword::Mask(0), mask)),
    }
    all.retain(|(_, value)| value["class_name"] == "__keras_tensor__");
    all
}

fn is_made_by_operation(known: &BTreeMap<String, Known>, arg: &Value) -> bool {
    let source = history_parts(&arg["config"]["keras_history"]);
    let source = source.and_then(|(name, _, _)| known.get(name));
    source.is_some_and(|source| match &source.kind {
        KnownKind::Input => false,
        KnownKind::Missing(_) => true,
        KnownKind::Layer(handle) => matches!(handle.kind(), LayerKind::Operation(_)),
    })
}

/// Keyword arguments but for tensors, none of which may ask for anything that is not known.
fn kwargs(
    node: &Value,
    layer: &LayerHandle,
    place: &str,
) -> Result<Option<Map<String, Value>>, ModelError> {
    let takes_causal_mask = layer.kind().class_name().ends_with("Attention");
    let Some(kwargs) = node["kwargs"].as_object() else { return Ok(None) };
    for (key, value) in kwargs {
        if key == "initial_state" && !initial_states(node).is_empty() {
            continue;
        }
        // Read by `by_keyword`.
        let is_tensor = |value: &Value| value["class_name"] == "__keras_tensor__";
        let is_mask = key == "mask"
            && (is_tensor(value)
                || value.as_array().is_some_and(|masks| {
                    masks.iter().all(|mask| mask.is_null() || is_tensor(mask))
                }));
        let is_input = INPUT_KEYWORDS.contains(&key.as_str()) && is_tensor(value);
        let names_mask = ["attention_mask", "count_weights"].contains(&key.as_str())
            || MASKS_OF_ATTENTION.contains(&key.as_str());
        if is_mask || is_input || (names_mask && is_tensor(value)) {
            continue;
        }
        // What `fit` and `predict` say of training goes before what a call noted, and Keras's random
        // picture layers note their default, `training=true`, at every call.
        let says_training = key == "training" && value.is_boolean();
        let is_reverse = key == "reverse" && layer.kind().class_name() == "ReversibleEmbedding";
        let is_attention = ["use_causal_mask", "return_attention_scores"].contains(&key.as_str())
            && takes_causal_mask;
        let is_known = says_training || (is_attention || is_reverse) && value.is_boolean();
        if !value.is_null() && *value != Value::Bool(false) && !is_known {
            return Err(ModelError::unsupported(
                place,
                format!("the call argument `{key}={value}` is not supported"),
            ));
        }
    }
    let mut kwargs = kwargs.clone();
    kwargs.retain(|key, value| {
        let is_list = value.as_array().is_some_and(|list| list.iter().any(Value::is_object));
        // A mask that operations make stays for now: whoever lowers the call expects one.
        key == "mask" && value.is_object() || !value.is_object() && !is_list
    });
    kwargs.remove("initial_state");
    Ok(Some(kwargs))
}

/// The tensors of the keyword argument `initial_state`, which recurrent layers take as inputs after
/// the sequence.
fn initial_states(node: &Value) -> &[Value] {
    match &node["kwargs"]["initial_state"] {
        Value::Array(states) => states,
        state @ Value::Object(_) => std::slice::from_ref(state),
        _ => &[],
    }
}

/// The tensors of `input_layers` or `output_layers`.
fn ends(
    known: &BTreeMap<String, Known>,
    config: &Value,
    key: &str,
    place: &str,
) -> Result<Tensors, ModelError> {
    let wrong = |got: &Value| {
        ModelError::config(
            place,
            format!("`{key}`: expected [layer, node, tensor] or a list of those, got {got}"),
        )
    };
    let value = &config[key];
    let keys = value.as_object().map(|named| named.keys().cloned());
    let histories: Vec<&Value> = match value {
        Value::Array(items) if items.first().is_some_and(Value::is_string) => vec![value],
        Value::Array(items) => items.iter().collect(),
        Value::Object(named) => named.values().collect(),
        other => return Err(wrong(other)),
    };
    let tensor = |history: &&Value| {
        let (name, node, tensor) = history_parts(history).ok_or_else(|| wrong(history))?;
        let layer = known
            .get(name)
            .ok_or_else(|| ModelError::config(place, format!("`{key}`: no layer `{name}`")))?;
        if let KnownKind::Missing(error) = &layer.kind {
            return Err(ModelError::layer(name, error.clone()));
        }
        // See `write::ends`: the own node of a functional model counts here.
        let node = if layer.is_functional && 0 < node { node - 1 } else { node };
        let outputs = layer.calls.get(node).ok_or_else(|| wrong(history))?;
        outputs.get(tensor).cloned().ok_or_else(|| wrong(history))
    };
    let tensors: Vec<KerasTensor> = histories.iter().map(tensor).collect::<Result<_, _>>()?;
    Ok(match keys {
        Some(keys) => Tensors::named(keys.zip(tensors)),
        None => Tensors::listed(tensors),
    })
}

fn history_parts(history: &Value) -> Option<(&str, usize, usize)> {
    let index = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
    match history.as_array()?.as_slice() {
        [name, node, tensor] => Some((name.as_str()?, index(node)?, index(tensor)?)),
        _ => None,
    }
}

fn input_layer(object: &Value, place: &str) -> Result<KerasTensor, ModelError> {
    let config = &object["config"];
    let name = text(config, "name", place)?;
    let place = format!("{place}, layer `{name}`");
    let refused = |problem: String| ModelError::unsupported(&place, problem);
    for key in ["sparse", "ragged", "optional"] {
        if config[key] == true {
            return Err(refused(format!("`{key}=true` is not supported")));
        }
    }
    check_dtype(&config["dtype"]).map_err(|error| ModelError::setting(&place, &error))?;
    let shape = config.get("batch_shape").or_else(|| config.get("batch_input_shape"));
    let shape = shape.and_then(symbolic_shape).ok_or_else(|| {
        let got = &config["batch_shape"];
        ModelError::config(&place, format!("`batch_shape`: expected a list of sizes, got {got}"))
    })?;
    if shape.dims()[0].is_some() {
        return Err(refused(format!("a fixed batch size is not supported, got shape {shape}")));
    }
    Ok(KerasTensor::input(Some(name.to_owned()), shape))
}

/// A layer or a nested model.
fn layer(object: &Value, place: &str) -> Result<LayerHandle, ModelError> {
    let class_name = text(object, "class_name", place)?;
    let config = &object["config"];
    let name = text(config, "name", place)?;
    let trainable = config.get("trainable").and_then(Value::as_bool).unwrap_or(true);
    let module = object["module"].as_str().unwrap_or_default();
    let handle = if Operation::is_module(module) {
        let operation = Operation::new(module, class_name, arguments(object))
            .map_err(|source| ModelError::layer(name, source))?;
        LayerHandle::from_kind(LayerKind::Operation(operation.into()), None, true)
    } else if matches!(class_name, "Functional" | "Sequential") {
        let network = network(object, &format!("{place}, model `{name}`"))?;
        LayerHandle::of_network(network.into(), LayerValues::new())
    } else {
        let error = |source: LayerError| ModelError::layer(name, source);
        let mut reader = ConfigReader::new(config).map_err(error)?;
        reader.ignore(&["name", "trainable", "dtype"]);
        check_dtype(&config["dtype"]).map_err(error)?;
        let layer = layer_from_config(class_name, &mut reader).map_err(error)?;
        reader.finish().map_err(error)?;
        LayerHandle::from_kind(LayerKind::Layer(layer), None, true)
    };
    Ok(handle.named(name).trainable(trainable))
}

/// The arguments of an operation's only call: numbers, and `None` for a tensor.
fn arguments(object: &Value) -> Vec<Option<Value>> {
    let args = object["inbound_nodes"][0]["args"].as_array();
    args.into_iter().flatten().map(|arg| arg.is_number().then(|| arg.clone())).collect()
}

fn symbolic_shape(value: &Value) -> Option<SymbolicShape> {
    let dims = value.as_array()?.iter().map(|dim| match dim {
        Value::Null => Some(None),
        number => number.as_u64().and_then(|n| usize::try_from(n).ok()).map(Some),
    });
    let dims: Vec<Option<usize>> = dims.collect::<Option<_>>()?;
    (!dims.is_empty()).then(|| SymbolicShape::new(dims))
}

fn text<'a>(object: &'a Value, key: &str, place: &str) -> Result<&'a str, ModelError> {
    object[key].as_str().ok_or_else(|| {
        ModelError::config(place, format!("`{key}`: expected a text, got {}", object[key]))
    })
}

fn list<'a>(object: &'a Value, key: &str, place: &str) -> Result<&'a [Value], ModelError> {
    object[key].as_array().map(Vec::as_slice).ok_or_else(|| {
        ModelError::config(place, format!("`{key}`: expected a list, got {}", object[key]))
    })
}

fn only_keys(config: &Value, known: &[&str], place: &str) -> Result<(), ModelError> {
    let keys = config.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let unknown: Vec<&str> = keys.filter(|key| !known.contains(key)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(ModelError::unsupported(
        place,
        format!("keys that are not supported: {}", unknown.join(", ")),
    ))
}
