//! Pictures as training sees them: changed at random.

use cornu::engine::{Program, Run, Variables};
use cornu::model::Model;

use crate::error::CliError;
use crate::machine::Machine;

/// The name of the last of the layers that change pictures at random, if the network begins with such.
pub(super) fn last_random_layer(model: &Model) -> Option<String> {
    let layers = model.layers().into_iter().skip_while(|(_, class)| *class == "InputLayer");
    let random = layers.take_while(|(_, class)| class.starts_with("Random"));
    random.last().map(|(name, _)| name.to_owned())
}

/// `samples` pictures, one after the other in `pixels`, behind the layer `name` in training.
pub(super) fn augmented(
    model: &Model,
    name: &str,
    pixels: &[f32],
    samples: usize,
    seed: u64,
    machine: Machine,
) -> Result<Vec<f32>, CliError> {
    let forward = model.forward(true)?;
    let value = forward.layer_outputs.get(name).and_then(|values| values.first());
    let (Some(&value), Some(&input_name)) = (value, model.input_names().first()) else {
        return Ok(Vec::new());
    };
    let mut graph = forward.graph;
    graph.set_output("augmented", value);
    let mut program = Program::compile(graph, &machine.options()?)?;
    let mut variables = Variables::new();
    for weight in model.get_weights() {
        variables.push(weight);
    }
    let binding: Vec<usize> = (0..variables.len()).collect();
    let outputs = program.run(&mut Run {
        inputs: &[(input_name, pixels)],
        variables: &mut variables,
        binding: &binding,
        samples,
        seed,
        step: 0,
    })?;
    Ok(outputs.into_iter().next().map(|output| output.into_data()).unwrap_or_default())
}
