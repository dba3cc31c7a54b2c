use cornu_graph::ops::MaxPool;
use cornu_graph::{Graph, ValueId};
use cornu_tensor::{Dim, Shape};
use serde_json::{Map, Value, json};

use super::{adaptive_shape, adaptive_window};
use crate::layers::setters::setters;
use crate::layers::{DataFormat, IntoSizes, Layer, LowerCx};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// The largest cell of each of `output_size` windows that share out each axis. The gradient goes to
/// the first maximum, axis by axis.
///
/// Window `i` of `m` over `n` cells goes from `floor(i n / m)` to before `ceil((i + 1) n / m)`;
/// neighbours may overlap. Input `(samples, *spatial, channels)`, result
/// `(samples, *output_size, channels)`. Keras 3, keras/src/layers/pooling/base_adaptive_pooling.py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveMaxPooling<const RANK: usize> {
    /// Number of windows along each axis.
    pub output_size: [usize; RANK],
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
}

/// [`AdaptiveMaxPooling`] along one axis.
pub type AdaptiveMaxPooling1D = AdaptiveMaxPooling<1>;
/// [`AdaptiveMaxPooling`] over height and width.
pub type AdaptiveMaxPooling2D = AdaptiveMaxPooling<2>;
/// [`AdaptiveMaxPooling`] over volumes.
pub type AdaptiveMaxPooling3D = AdaptiveMaxPooling<3>;

impl<const RANK: usize> AdaptiveMaxPooling<RANK> {
    /// To so many cells, such as `3` or `(3, 2)`.
    pub fn new(output_size: impl IntoSizes<RANK>) -> Self {
        Self { output_size: output_size.into_sizes(), data_format: DataFormat::ChannelsLast }
    }

    pub(crate) fn from_config(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            output_size: config.sizes("output_size")?,
            data_format: DataFormat::read(config)?,
        })
    }
}

setters!(AdaptiveMaxPooling<RANK> { data_format: DataFormat });

impl<const RANK: usize> Layer for AdaptiveMaxPooling<RANK> {
    fn class_name(&self) -> &'static str {
        ["AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D"][RANK - 1]
    }

    fn config(&self) -> Map<String, Value> {
        ConfigWriter::new()
            .set("output_size", json!(&self.output_size[..]))
            .set("data_format", self.data_format.name())
            .finish()
    }

    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError> {
        adaptive_shape(self.data_format, self.output_size, inputs)
    }

    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError> {
        let g = &mut *cx.graph;
        let mut y = self.data_format.channels_last(g, inputs[0])?;
        for (axis, m) in self.output_size.into_iter().enumerate() {
            y = pool_axis(g, y, axis, m)?;
        }
        Ok(self.data_format.in_own_format(g, y)?)
    }
}

/// The largest cells of `m` windows along one spatial axis of pictures with channels last.
fn pool_axis(g: &mut Graph, x: ValueId, axis: usize, m: usize) -> Result<ValueId, LayerError> {
    // The axis is looked at as that of pictures (N, before, n, after * channels).
    let shape = g.shape(x).clone();
    let sizes = shape.sizes(1);
    let n = sizes[axis + 1];
    let before: usize = sizes[1..=axis].iter().product();
    let after: usize = sizes[axis + 2..].iter().product();
    let fixed = |n: usize| Dim::Fixed(n);
    let plain = Shape::new([shape.dims()[0], fixed(before), fixed(n), fixed(after)]);
    let x = g.reshape(x, plain)?;
    let mut pooled = Vec::with_capacity(m);
    for i in 0..m {
        let (start, end) = adaptive_window(i, n, m);
        let window = g.slice(x, 2, start, end - start, 1)?;
        let pool =
            MaxPool { window: vec![1, end - start], strides: vec![1, 1], padding: vec![(0, 0); 2] };
        pooled.push(g.max_pool(window, pool)?);
    }
    let y = g.concat(&pooled, 2)?;
    Ok(g.reshape(y, shape.with(axis + 1, fixed(m)))?)
}
