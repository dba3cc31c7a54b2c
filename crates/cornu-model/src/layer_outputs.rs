use std::collections::BTreeSet;

use cornu_engine::{Program, Run};
use cornu_tensor::Tensor;

use crate::data::{Arrays, Layout};
use crate::step::StepKind;
use crate::{Model, ModelError};

/// What a layer answers to a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerOutput {
    /// Name of the layer.
    pub name: String,
    /// Keras's class name.
    pub class_name: &'static str,
    /// Its outputs, samples first.
    pub outputs: Vec<Tensor>,
}

impl Model {
    /// What every layer answers to a batch, in the order in which they are computed; inputs are given
    /// back as they are. Of a layer that is called several times the last outputs count; those of layers
    /// inside of nested models are not there. Feature maps are such outputs of convolutions.
    ///
    /// ```
    /// use cornu_model::{Input, LayerExt, Model};
    /// use cornu_nn::layers::{Dense, ReLU};
    /// use cornu_tensor::Tensor;
    ///
    /// let inputs = Input::new([2]);
    /// let outputs = Dense::new(1).apply(&ReLU::new().apply(&inputs)?)?;
    /// let mut model = Model::new(&inputs, &outputs)?;
    /// let layers = model.layer_outputs(&[Tensor::from_fn([1, 2], |i| i as f32 - 0.5)])?;
    /// assert_eq!(layers[1].name, "re_lu");
    /// assert_eq!(layers[1].outputs[0].data(), [0.0, 0.5]);
    /// # Ok::<(), cornu_model::ModelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Model::predict`].
    pub fn layer_outputs(&mut self, x: &[Tensor]) -> Result<Vec<LayerOutput>, ModelError> {
        let batch = Arrays { x, ..Arrays::default() };
        let sample = |tensor: &Tensor| tensor.dims().get(1..).unwrap_or_default().to_vec();
        let layout = Layout { x: x.iter().map(sample).collect(), ..Layout::default() };
        self.check_layout(StepKind::Predict, &layout)?;
        let mut forward = self.forward_of(&layout.x, false)?;
        let mut layers: Vec<(LayerOutput, usize)> = Vec::new();
        let mut seen = BTreeSet::new();
        for call in self.structure()?.calls {
            let Some(values) = forward.layer_outputs.get(&call.name) else { continue };
            if !seen.insert(call.name.clone()) {
                continue;
            }
            for (i, &value) in values.iter().enumerate() {
                forward.graph.set_output(format!("{}:{i}", call.name), value);
            }
            let (name, class_name) = (call.name, call.class_name);
            layers.push((LayerOutput { name, class_name, outputs: Vec::new() }, values.len()));
        }
        let mut program = Program::compile(forward.graph, &self.options)?;
        let names = self.network.input_names();
        let inputs: Vec<(&str, &[f32])> =
            names.into_iter().zip(x).map(|(name, x)| (name, x.data())).collect();
        let n_variables = program.graph().variables().len();
        let binding: Vec<usize> = (0..n_variables).collect();
        let results = program.run(&mut Run {
            inputs: &inputs,
            variables: &mut self.variables,
            binding: &binding,
            samples: batch.samples(),
            seed: 0,
            step: 0,
        })?;
        let mut results = results.into_iter();
        for (layer, n) in &mut layers {
            layer.outputs = results.by_ref().take(*n).collect();
        }
        Ok(layers.into_iter().map(|(layer, _)| layer).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Input, LayerExt, Model};
    use cornu_nn::Activation;
    use cornu_nn::layers::{Conv2D, Dense, Flatten, MaxPooling2D};
    use cornu_tensor::Tensor;

    #[test]
    fn every_layer_answers_as_a_model_that_ends_there() {
        let inputs = Input::new([6, 6, 1]);
        let conv = Conv2D::new(2, 3).activation(Activation::Relu).handle();
        let maps = conv.apply(&inputs).unwrap();
        let x = MaxPooling2D::new().apply(&maps).unwrap();
        let x = Flatten::new().apply(&x).unwrap();
        let outputs = Dense::new(3).apply(&x).unwrap();
        let mut model = Model::new(&inputs, &outputs).unwrap();
        let picture = Tensor::from_fn([2, 6, 6, 1], |i| (i % 7) as f32 - 3.0);
        let layers = model.layer_outputs(std::slice::from_ref(&picture)).unwrap();
        let classes: Vec<&str> = layers.iter().map(|layer| layer.class_name).collect();
        assert_eq!(classes, ["InputLayer", "Conv2D", "MaxPooling2D", "Flatten", "Dense"]);
        assert_eq!(layers[0].outputs[0], picture);
        assert_eq!(layers[1].outputs[0].dims(), [2, 4, 4, 2]);
        assert_eq!(layers[4].outputs[0], model.predict(&picture).unwrap());
        let mut first = Model::new(&inputs, &maps).unwrap();
        first.set_weights(&model.get_weights()[..2]).unwrap();
        assert_eq!(layers[1].outputs[0], first.predict(&picture).unwrap());
        let error = model.layer_outputs(&[Tensor::zeros([1, 5, 5, 1])]).unwrap_err().to_string();
        assert!(error.contains("[6, 6, 1]"), "{error}");
    }
}
