//! Batches whose samples are mixed with each other before they are trained with.

use cornu_engine::{Options, Program, Run, Variables};
use cornu_graph::Graph;
use cornu_nn::layers::{CallArguments, Mixing};
use cornu_nn::{LowerCx, SymbolicShape};
use cornu_tensor::Shape;

use crate::ModelError;
use crate::data::{Batch, Layout};

/// [`Mixing`] of the batches of one layout.
#[derive(Debug)]
pub(crate) struct Mixer {
    program: Program,
    names: Vec<String>,
}

impl Mixer {
    /// For batches of one array of pictures and any number of labels.
    pub(crate) fn new(
        mixing: &dyn Mixing,
        layout: &Layout,
        options: &Options,
    ) -> Result<Self, ModelError> {
        let problem = |expected: &str, got: String| ModelError::data("mixing", expected, got);
        let [picture] = &layout.x[..] else {
            return Err(problem("a model of one input", layout.x.len().to_string()));
        };
        let error = |error| ModelError::layer("mixing", error);
        mixing.output_shape(&[SymbolicShape::batched(picture)]).map_err(error)?;
        if !layout.sample_weight.is_empty() {
            return Err(problem("data without sample weights", "both".to_owned()));
        }
        let mut graph = Graph::new();
        let mut names = vec!["x".to_owned()];
        let x = graph.input("x", Shape::batched(picture))?;
        let mut labels = Vec::with_capacity(layout.y.len());
        for (i, shape) in layout.y.iter().enumerate() {
            names.push(format!("y/{i}"));
            labels.push(graph.input(format!("y/{i}"), Shape::batched(shape))?);
        }
        let mixed = mixing.mix(
            &mut LowerCx {
                graph: &mut graph,
                training: true,
                trainable: true,
                weights: &[],
                weight_updates: &mut Vec::new(),
                losses: &mut Vec::new(),
                next_stream: &mut 0,
                call: &CallArguments::default(),
            },
            x,
            &labels,
        );
        let (x, labels) = mixed.map_err(error)?;
        for (name, value) in names.iter().zip(std::iter::once(x).chain(labels)) {
            graph.set_output(name, value);
        }
        Ok(Self { program: Program::compile(graph, options)?, names })
    }

    /// Mixes the samples of `batch`; `seed` and `step` decide how.
    pub(crate) fn mix(
        &mut self,
        batch: &mut Batch,
        seed: u64,
        step: u64,
    ) -> Result<(), ModelError> {
        let arrays = batch.x.iter().chain(&batch.y).map(|array| array.data());
        let inputs: Vec<(&str, &[f32])> =
            self.names.iter().map(String::as_str).zip(arrays).collect();
        let outputs = self.program.run(&mut Run {
            inputs: &inputs,
            variables: &mut Variables::new(),
            binding: &[],
            samples: batch.samples(),
            seed,
            step,
        })?;
        for (array, mixed) in batch.x.iter_mut().chain(&mut batch.y).zip(outputs) {
            *array = mixed;
        }
        Ok(())
    }
}
