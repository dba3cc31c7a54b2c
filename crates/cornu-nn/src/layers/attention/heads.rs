use cornu_graph::ValueId;

use crate::layers::einsum::contract;
use crate::layers::{LowerCx, Sublayer, WeightRules, WeightSpec, output};
use crate::{Activation, ConfigReader, ConfigWriter, LayerError, Regularizer};

/// What attention with several heads has in common: rules of all projections, dropout, gate, window.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadSettings {
    /// Share of the softmax's numbers that training drops. Default 0.
    pub dropout: f64,
    /// Whether the projections add a bias. Default: true.
    pub use_bias: bool,
    /// Whether the result of each head is multiplied by `sigmoid` of one more projection of the
    /// query. Default: false.
    pub use_gate: bool,
    /// A query sees keys less than this many positions away. Default: all.
    pub sliding_window: Option<usize>,
    /// Rules of the projections' kernels.
    pub kernel: WeightRules,
    /// Rules of their biases.
    pub bias: WeightRules,
    /// Penalty on the result of each projection, divided by the number of samples.
    pub activity_regularizer: Option<Regularizer>,
    /// Kept for the configuration; see [`Dropout::seed`](crate::layers::Dropout::seed).
    pub seed: Option<u64>,
}

impl Default for HeadSettings {
    fn default() -> Self {
        Self {
            dropout: 0.0,
            use_bias: true,
            use_gate: false,
            sliding_window: None,
            kernel: WeightRules::kernel(),
            bias: WeightRules::zeros(),
            activity_regularizer: None,
            seed: None,
        }
    }
}

/// The projections of a layer, in the order of their weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Projection {
    Query,
    Key,
    Gate,
    Value,
    Output,
}

impl HeadSettings {
    pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        config.ignore(&["flash_attention"]);
        let sliding_window = match config.present("sliding_window") {
            None => None,
            Some(_) => Some(config.positive("sliding_window")?),
        };
        Ok(Self {
            dropout: config.number_or("dropout", 0.0)?,
            use_bias: config.bool_or("use_bias", true)?,
            use_gate: config.bool_or("use_gate", false)?,
            sliding_window,
            kernel: WeightRules::read(config, "kernel", WeightRules::kernel())?,
            bias: WeightRules::read(config, "bias", WeightRules::zeros())?,
            activity_regularizer: config.regularizer("activity_regularizer")?,
            seed: config.seed()?,
        })
    }

    pub(super) fn write(&self, config: ConfigWriter) -> ConfigWriter {
        let mut config = config
            .set("dropout", self.dropout)
            .set("use_bias", self.use_bias)
            .set("use_gate", self.use_gate)
            .set("sliding_window", self.sliding_window);
        config = self.kernel.write(config, "kernel");
        config = self.bias.write(config, "bias");
        config
            .set("activity_regularizer", self.activity_regularizer.map(|r| r.to_config()))
            .set("seed", self.seed)
    }

    fn projections(&self) -> impl Iterator<Item = Projection> {
        let use_gate = self.use_gate;
        [
            Projection::Query,
            Projection::Key,
            Projection::Gate,
            Projection::Value,
            Projection::Output,
        ]
        .into_iter()
        .filter(move |&one| use_gate || one != Projection::Gate)
    }

    /// The weights of all projections, whose attributes begin with `prefix`; `sizes` tells the axes
    /// that each sums over and makes.
    pub(super) fn weights(
        &self,
        prefix: &str,
        sizes: impl Fn(Projection) -> [Vec<usize>; 2],
    ) -> Result<Vec<WeightSpec>, LayerError> {
        let mut weights = Vec::new();
        for projection in self.projections() {
            let [from, to] = sizes(projection);
            let (name, attribute) = match projection {
                Projection::Query => ("query", "query_dense"),
                Projection::Key => ("key", "key_dense"),
                Projection::Gate => ("gate", "gate_dense"),
                Projection::Value => ("value", "value_dense"),
                Projection::Output => ("attention_output", "output_dense"),
            };
            // Keras's attribute of the gate has the underscore in any case.
            let prefix = if projection == Projection::Gate { "_" } else { prefix };
            let sublayer = Sublayer::new(name, format!("{prefix}{attribute}"));
            let fans = [from.iter().product(), to.iter().product()];
            let kernel = self.kernel.spec("kernel", &[&from[..], &to[..]].concat())?;
            weights.push(kernel.with_fans(fans).of_sublayer(sublayer.clone()));
            if self.use_bias {
                weights.push(self.bias.spec("bias", &to)?.of_sublayer(sublayer));
            }
        }
        Ok(weights)
    }

    /// Adds a projection of `x` over its last `n_bound` axes.
    pub(super) fn project(
        &self,
        cx: &mut LowerCx<'_>,
        projection: Projection,
        x: ValueId,
        n_bound: usize,
    ) -> Result<ValueId, LayerError> {
        let each = if self.use_bias { 2 } else { 1 };
        let before = self.projections().take_while(|&one| one != projection).count();
        let kernel = cx.weights[before * each];
        let bias = self.use_bias.then(|| cx.weights[before * each + 1]);
        let y = contract(cx.graph, x, kernel, n_bound)?;
        let activation = match projection {
            Projection::Gate => Activation::Sigmoid,
            _ => Activation::Linear,
        };
        output::finish(cx, y, bias, activation, self.activity_regularizer)
    }

    /// Softmax and dropout exist as sublayers.
    pub(super) fn weightless_sublayers(&self) -> Vec<Vec<Sublayer>> {
        vec![
            vec![Sublayer::new("softmax", "_softmax")],
            vec![Sublayer::new("dropout", "_dropout_layer")],
        ]
    }
}

/// Chained setters of [`HeadSettings`] on the layer that holds them as `settings`.
macro_rules! head_setters {
    ($layer:ident) => {
        /// Chained setters of what attention with several heads has in common; each is documented
        /// at the field of the same name of [`HeadSettings`](crate::layers::HeadSettings).
        impl $layer {
            /// Sets `dropout`.
            pub fn dropout(mut self, dropout: f64) -> Self {
                self.settings.dropout = dropout;
                self
            }

            /// Sets `use_bias`.
            pub fn use_bias(mut self, use_bias: bool) -> Self {
                self.settings.use_bias = use_bias;
                self
            }

            /// Sets `use_gate`.
            pub fn use_gate(mut self, use_gate: bool) -> Self {
                self.settings.use_gate = use_gate;
                self
            }

            /// Sets `sliding_window`.
            pub fn sliding_window(mut self, window: impl Into<Option<usize>>) -> Self {
                self.settings.sliding_window = window.into();
                self
            }

            /// Sets how the kernels start.
            pub fn kernel_initializer(mut self, initializer: $crate::Initializer) -> Self {
                self.settings.kernel.initializer = initializer;
                self
            }

            /// Sets the penalty on the kernels.
            pub fn kernel_regularizer(
                mut self,
                regularizer: impl Into<Option<$crate::Regularizer>>,
            ) -> Self {
                self.settings.kernel.regularizer = regularizer.into();
                self
            }
        }
    };
}

pub(super) use head_setters;
