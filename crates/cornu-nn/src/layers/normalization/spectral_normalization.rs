use cornu_graph::{Graph, GraphError, ValueId};
use cornu_tensor::Shape;
use serde_json::{Map, Value};

use crate::layers::{CallArguments, Layer, LowerCx, Nested, WeightSpec};
use crate::{ConfigReader, ConfigWriter, Initializer, LayerError, SymbolicShape};

/// A layer whose kernel is divided by its largest singular value before each training step, as
/// estimated by power iteration; at inference the layer as it is.
///
/// Weights, in Keras's order: the layer's `kernel` (or `embeddings`), `vector_u`
/// `(1, last axis of the kernel)`, then the layer's other weights. In training `vector_u` and the
/// kernel are replaced, and the gradient is that of the replaced kernel. Keras 3,
/// keras/src/layers/normalization/spectral_normalization.py.
#[derive(Debug, Clone)]
pub struct SpectralNormalization {
    /// The layer.
    pub layer: Nested,
    /// Steps of the iteration. Default 1.
    pub power_iterations: usize,
}

impl SpectralNormalization {
    /// Of this layer, with one iteration.
    pub fn new(layer: impl Layer + 'static) -> Self {
        Self { layer: Nested::new(layer), power_iterations: 1 }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            layer: Nested::read(config, "layer")?,
            power_iterations: config.positive_or("power_iterations", 1)?,
        })
    }

    /// The new `vector_u` and the kernel divided by the estimate.
    fn normalized(
        &self,
        g: &mut Graph,
        kernel: ValueId,
        vector_u: ValueId,
    ) -> Result<[ValueId; 2], GraphError> {
        let shape = g.shape(kernel).clone();
        let sizes = shape.sizes(1);
        let last = sizes[sizes.len() - 1];
        let rows = sizes[..sizes.len() - 1].iter().product();
        let matrix = g.reshape(kernel, Shape::fixed([rows, last]))?;
        let (mut u, mut v) = (vector_u, vector_u);
        for _ in 0..self.power_iterations {
            v = g.matmul(u, matrix, false, true)?;
            v = unit(g, v)?;
            u = g.matmul(v, matrix, false, false)?;
            u = unit(g, u)?;
        }
        let product = g.matmul(v, matrix, false, false)?;
        let sigma = g.matmul(product, u, false, true)?;
        let sigma = g.reshape(sigma, Shape::scalar())?;
        let divided = g.div(kernel, sigma)?;
        // A kernel of zeros has no direction: it stays, and so does the vector.
        let zero = g.scalar(0.0)?;
        let differs = g.not_equal(kernel, zero)?;
        let any = g.sum_all(differs)?;
        let u = g.select(any, u, vector_u)?;
        Ok([u, g.select(any, divided, kernel)?])
    }
}

/// `x / |x|`, as Keras computes it: `x * rsqrt(max(|x|^2, 1e-14))`.
fn unit(g: &mut Graph, x: ValueId) -> Result<ValueId, GraphError> {
    let square = g.square(x)?;
    let sum = g.sum_all(square)?;
    let sum = g.max_scalar(sum, 1e-14)?;
    let factor = g.rsqrt(sum)?;
    g.mul(x, factor)
}

impl Layer for SpectralNormalization {
    fn class_name(&self) -> &'static str {
        "SpectralNormalization"
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("layer", self.layer.to_object())
            .set("power_iterations", self.power_iterations)
            .finish()
    }

    fn built_config(&self, inputs: &[SymbolicShape]) -> Map<String, Value> {
        let mut config = self.config();
        config.insert("layer".to_owned(), self.layer.to_built_object(inputs));
        config
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        self.layer.layer.output_shape(inputs)
    }

    fn weights(&self, inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        let mut weights = self.layer.weights(inputs, "layer")?;
        let kernel = weights
            .first()
            .filter(|weight| ["kernel", "embeddings"].contains(&weight.name.as_str()))
            .ok_or_else(|| {
                let expected = "a layer whose first weight is a kernel";
                LayerError::config("layer", expected, self.layer.layer.class_name())
            })?;
        let last = kernel.dims.last().copied().unwrap_or(1);
        let start = Initializer::TruncatedNormal { mean: 0.0, stddev: 0.02, seed: None };
        weights.insert(1, WeightSpec::new("vector_u", [1, last], &start)?.frozen());
        Ok(weights)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let mut weights = cx.weights.to_vec();
        let vector_u = weights.remove(1);
        if cx.training {
            let g = &mut *cx.graph;
            let kernel = weights[0];
            let [u, new] = self.normalized(g, kernel, vector_u)?;
            // The new kernel's value with the old one's derivative: Keras assigns before it computes.
            let change = g.sub(new, kernel)?;
            let change = g.stop_gradient(change)?;
            weights[0] = g.add(kernel, change)?;
            let fixed = g.stop_gradient(new)?;
            cx.weight_updates.push((0, fixed));
            cx.weight_updates.push((1, g.stop_gradient(u)?));
        }
        let before = weights.clone();
        let call = CallArguments { masks: vec![cx.mask(0)], ..CallArguments::default() };
        let y = self.layer.lower(cx, inputs, &mut weights, &call)?[0];
        for (position, (before, after)) in before.iter().zip(&weights).enumerate().skip(1) {
            if before != after {
                cx.weight_updates.push((position + 1, *after));
            }
        }
        Ok(y)
    }
}
