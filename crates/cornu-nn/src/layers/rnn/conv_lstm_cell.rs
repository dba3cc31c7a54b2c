use cornu_graph::ValueId;
use cornu_graph::ops::{Conv, same_padding};
use serde_json::json;

use super::cell::{Cell, Masks, masked};
use super::gates::{GateRules, gate_setters, read_recurrent_activation};
use super::lstm_cell::remember;
use super::recurrent::Recurrent;
use crate::layers::convolutional::convolve;
use crate::layers::image::{Picture, spatial_sizes};
use crate::layers::window::Window;
use crate::layers::{DataFormat, IntoSizes, LowerCx, Padding, Sublayer, WeightSpec};
use crate::{Activation, ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// [`LSTMCell`](super::LSTMCell) with convolutions in place of products (Shi et al. 2015). That of
/// the input is as the settings say; that of the state is `same`, with stride and dilation 1.
///
/// Steps `(samples, *spatial, channels)`, states `(samples, *s, filters)`. Weights, with the blocks
/// `i`, `f`, `c`, `o`: `kernel` `(*kernel_size, channels, 4 * filters)`, `recurrent_kernel`
/// `(*kernel_size, filters, 4 * filters)`, `bias` `(4 * filters)` if used. Keras 3,
/// keras/src/layers/rnn/conv_lstm.py.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvLSTMCell<const RANK: usize> {
    /// Channels of the states.
    pub filters: usize,
    /// Size of the kernels along each axis.
    pub kernel_size: [usize; RANK],
    /// Distance between neighbouring windows. Default 1.
    pub strides: [usize; RANK],
    /// Where windows lie at the edges. Default: valid.
    pub padding: Padding,
    /// Where the channels are. Default: last.
    pub data_format: DataFormat,
    /// Distance between neighbouring cells of a window. Default 1.
    pub dilation_rate: [usize; RANK],
    /// Activation, weights, dropout.
    pub rules: GateRules,
    /// Of the gates. Default: sigmoid.
    pub recurrent_activation: Activation,
    /// Whether the bias of the forget gate starts with 1. Default: true.
    pub unit_forget_bias: bool,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl<const RANK: usize> ConvLSTMCell<RANK> {
    /// With `filters` channels, kernels of a size such as `3` or `(3, 5)` and Keras's defaults.
    pub fn new(filters: usize, kernel_size: impl IntoSizes<RANK>) -> Self {
        Self {
            filters,
            kernel_size: kernel_size.into_sizes(),
            strides: [1; RANK],
            padding: Padding::Valid,
            data_format: DataFormat::ChannelsLast,
            dilation_rate: [1; RANK],
            rules: GateRules::default(),
            recurrent_activation: Activation::Sigmoid,
            unit_forget_bias: true,
            seed: None,
        }
    }

    fn window(&self) -> Window<RANK> {
        Window {
            size: self.kernel_size,
            strides: self.strides,
            dilation: self.dilation_rate,
            padding: self.padding,
        }
    }

    /// The convolutions of `x` with the four blocks of `kernel`, each of `x` dropped by its own mask.
    fn blocks(
        &self,
        cx: &mut LowerCx<'_>,
        x: ValueId,
        kernel: ValueId,
        factors: &[ValueId],
        conv: impl Fn([usize; RANK]) -> Conv,
    ) -> Result<[ValueId; 4], LayerError> {
        let mut blocks = [x; 4];
        for (index, block) in blocks.iter_mut().enumerate() {
            let x = masked(cx, x, Masks::of(factors, index))?;
            let x = self.data_format.channels_last(cx.graph, x)?;
            let first = index * self.filters;
            let kernel = cx.graph.slice(kernel, RANK + 1, first, self.filters, 1)?;
            let conv = conv(spatial_sizes(cx.graph, x));
            *block = convolve(cx.graph, x, kernel, conv)?;
        }
        Ok(blocks)
    }
}

impl<const RANK: usize> Recurrent<ConvLSTMCell<RANK>> {
    /// With `filters` channels, kernels of a size such as `3` or `(3, 5)` and Keras's defaults.
    pub fn new(filters: usize, kernel_size: impl IntoSizes<RANK>) -> Self {
        Self::of(ConvLSTMCell::new(filters, kernel_size))
    }
}

gate_setters!(ConvLSTMCell<RANK>);

impl<const RANK: usize> Cell for ConvLSTMCell<RANK> {
    fn layer_name(&self) -> &'static str {
        ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"][RANK - 1]
    }

    fn class_name(&self) -> &'static str {
        "ConvLSTMCell"
    }

    fn sublayer(&self) -> Sublayer {
        Sublayer::new("conv_lstm_cell", "cell")
    }

    fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        Ok(Self {
            filters: config.positive("filters")?,
            kernel_size: config.sizes("kernel_size")?,
            strides: config.sizes_or("strides", [1; RANK])?,
            padding: Padding::read(config)?,
            data_format: DataFormat::read(config)?,
            dilation_rate: config.sizes_or("dilation_rate", [1; RANK])?,
            rules: GateRules::read(config)?,
            recurrent_activation: read_recurrent_activation(config)?,
            unit_forget_bias: config.bool_or("unit_forget_bias", true)?,
            seed: config.seed()?,
        })
    }

    fn write(&self, config: ConfigWriter) -> ConfigWriter {
        let config = config
            .set("filters", self.filters)
            .set("kernel_size", json!(&self.kernel_size[..]))
            .set("strides", json!(&self.strides[..]))
            .set("padding", self.padding.name())
            .set("data_format", self.data_format.name())
            .set("dilation_rate", json!(&self.dilation_rate[..]));
        self.rules
            .write(config)
            .set("recurrent_activation", self.recurrent_activation.to_config())
            .set("unit_forget_bias", self.unit_forget_bias)
            .set("seed", self.seed)
    }

    fn state_shapes(&self, step: &SymbolicShape) -> Result<Vec<SymbolicShape>, LayerError> {
        if self.filters == 0 {
            return Err(LayerError::config("filters", "at least 1", 0));
        }
        self.window().check_dilation()?;
        let mut picture: Picture<RANK> = self.data_format.picture(std::slice::from_ref(step))?;
        picture.spatial = self.window().positions(picture.spatial)?;
        picture.channels = Some(self.filters);
        Ok(vec![picture.shape(); 2])
    }

    fn weights(&self, step: &SymbolicShape) -> Result<Vec<WeightSpec>, LayerError> {
        let picture: Picture<RANK> = self.data_format.picture(std::slice::from_ref(step))?;
        let channels = picture.known_channels()?;
        let bias = [4 * self.filters];
        let mut weights =
            self.rules.weights(&self.kernel_size, channels, self.filters, 4, &bias)?;
        if self.unit_forget_bias
            && let Some(bias) = weights.get_mut(2)
        {
            bias.ones = Some(self.filters..2 * self.filters);
        }
        Ok(weights)
    }

    fn dropout(&self) -> [f64; 2] {
        [self.rules.dropout, self.rules.recurrent_dropout]
    }

    fn n_masks(&self) -> usize {
        4
    }

    fn prepare(
        &self,
        _cx: &mut LowerCx<'_>,
        _weights: &[ValueId],
        sequence: ValueId,
        _masks: &Masks,
    ) -> Result<ValueId, LayerError> {
        Ok(sequence)
    }

    fn step(
        &self,
        cx: &mut LowerCx<'_>,
        weights: &[ValueId],
        prepared: ValueId,
        states: &[ValueId],
        masks: &Masks,
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let of_input = self.blocks(cx, prepared, weights[0], &masks.input, |spatial| Conv {
            strides: self.strides.to_vec(),
            dilations: self.dilation_rate.to_vec(),
            padding: self.window().padding(spatial),
            groups: 1,
        })?;
        let of_state = self.blocks(cx, states[0], weights[1], &masks.state, |spatial| Conv {
            padding: spatial
                .iter()
                .zip(self.kernel_size)
                .map(|(&n, size)| same_padding(n, size, 1, 1))
                .collect(),
            ..Conv::plain(RANK)
        })?;
        let mut blocks = of_input;
        for (index, block) in blocks.iter_mut().enumerate() {
            let mut sum = *block;
            if let Some(&bias) = weights.get(2) {
                let bias = cx.graph.slice(bias, 0, index * self.filters, self.filters, 1)?;
                sum = cx.graph.add(sum, bias)?;
            }
            sum = cx.graph.add(sum, of_state[index])?;
            // Activations such as softmax go over the last axis of the layer's own format.
            *block = self.data_format.in_own_format(cx.graph, sum)?;
        }
        remember(cx, blocks, states[1], self.rules.activation, self.recurrent_activation)
    }
}
