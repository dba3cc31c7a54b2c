//! Layers: one file each, in Keras's families.
//!
//! A layer is made with what it cannot do without; the rest has Keras's defaults and Keras's names:
//!
//! ```
//! use cornu_nn::layers::{Conv2D, Dropout, MaxPooling2D, Padding};
//! use cornu_nn::{Activation, Layer, Regularizer, SymbolicShape};
//!
//! let conv = Conv2D::new(32, 3)
//!     .strides((2, 1))
//!     .padding(Padding::Same)
//!     .activation(Activation::Relu)
//!     .use_bias(false)
//!     .kernel_regularizer(Regularizer::l2(1e-4));
//! let pictures = SymbolicShape::batched([28, 28, 1]);
//! assert_eq!(conv.output_shape(&[pictures.clone()])?.to_string(), "(None, 14, 28, 32)");
//! let pooled = MaxPooling2D::new().pool_size(3).output_shape(&[pictures.clone()])?;
//! assert_eq!(pooled.to_string(), "(None, 9, 9, 1)");
//!
//! // Nothing is checked before it is used.
//! assert!(Dropout::new(1.5).output_shape(&[pictures]).is_err());
//! # Ok::<(), cornu_nn::LayerError>(())
//! ```

pub mod activations;
pub mod attention;
mod catalogue;
pub mod convolutional;
pub mod core;
mod einsum;
mod image;
mod inputs;
pub mod merging;
mod nested;
pub mod normalization;
mod output;
pub mod pooling;
pub mod preprocessing;
pub mod regularization;
pub mod reshaping;
mod resize_method;
pub mod rnn;
mod setters;
mod weight_rules;
mod window;

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use cornu_graph::{Graph, ValueId};
use cornu_tensor::Tensor;
use serde_json::{Map, Value};

use crate::{Constraint, Initializer, LayerError, Regularizer, SymbolicShape};

pub use self::activations::{Activation, ELU, LeakyReLU, PReLU, ReLU, Softmax};
pub use self::attention::*;
pub use self::convolutional::*;
pub use self::core::*;
pub use catalogue::{ALIASES, Family, LAYERS, LayerEntry, PRIVATE, check_dtype, layer_from_config};
pub use image::DataFormat;
pub use merging::{Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract};
pub use nested::Nested;
pub use normalization::*;
pub use pooling::*;
pub use preprocessing::*;
pub use regularization::*;
pub use reshaping::*;
pub use resize_method::ResizeMethod;
pub use rnn::*;
pub use setters::IntoSizes;
pub use weight_rules::WeightRules;
pub use window::Padding;

/// What every layer answers, in the order in which it is asked.
///
/// A layer value holds its configuration only. Its name, and whether it is trainable, belong to the
/// model that it is part of; its weights are kept there too.
pub trait Layer: Debug + Send + Sync {
    /// Keras's class name, such as `Conv2D`.
    fn class_name(&self) -> &'static str;

    /// The keys of Keras's `get_config()` apart from `name`, `trainable` and `dtype`.
    fn config(&self) -> Map<String, Value>;

    /// As [`Layer::config`] once the layer has been called on inputs of these shapes: Keras resolves
    /// some settings then.
    fn built_config(&self, _inputs: &[SymbolicShape]) -> Map<String, Value> {
        self.config()
    }

    /// Shape of the output for inputs of these shapes.
    ///
    /// # Errors
    ///
    /// [`LayerError::InputShape`] if the layer does not take such inputs.
    fn output_shape(&self, inputs: &[SymbolicShape]) -> Result<SymbolicShape, LayerError>;

    /// Shapes of all outputs; one for nearly all layers.
    ///
    /// # Errors
    ///
    /// As for [`Layer::output_shape`].
    fn output_shapes(&self, inputs: &[SymbolicShape]) -> Result<Vec<SymbolicShape>, LayerError> {
        Ok(vec![self.output_shape(inputs)?])
    }

    /// The layer's weights, in the order in which Keras stores them.
    ///
    /// # Errors
    ///
    /// [`LayerError::InputShape`] if a size that a weight depends on is unknown.
    fn weights(&self, _inputs: &[SymbolicShape]) -> Result<Vec<WeightSpec>, LayerError> {
        Ok(Vec::new())
    }

    /// The layer as a call with these keyword arguments sees it, where they make another one of it
    /// that has the same weights. By default none do.
    fn called_with(&self, _arguments: &Map<String, Value>) -> Option<Arc<dyn Layer>> {
        None
    }

    /// Adds the layer's work to the graph. All sizes but the number of samples are known by now.
    ///
    /// # Errors
    ///
    /// [`LayerError::Graph`] if the graph refuses a node.
    fn lower(&self, cx: &mut LowerCx<'_>, inputs: &[ValueId]) -> Result<ValueId, LayerError>;

    /// As [`Layer::lower`], for all outputs.
    ///
    /// # Errors
    ///
    /// As for [`Layer::lower`].
    fn lower_outputs(
        &self,
        cx: &mut LowerCx<'_>,
        inputs: &[ValueId],
    ) -> Result<Vec<ValueId>, LayerError> {
        Ok(vec![self.lower(cx, inputs)?])
    }

    /// Shape of the attention scores that a call gives after its output if it is asked for them
    /// ([`CallArguments::return_attention_scores`]); `None` for layers without scores.
    fn scores_shape(&self, _inputs: &[SymbolicShape]) -> Option<SymbolicShape> {
        None
    }

    /// Sublayers without weights, each with those that lead to it from outside in: files have a place
    /// for them too.
    fn weightless_sublayers(&self) -> Vec<Vec<Sublayer>> {
        Vec::new()
    }

    /// Which steps of the output whoever comes next is to look at, as Keras's `compute_mask`; called
    /// after [`Layer::lower`]. By default the mask of the first input if [`Layer::supports_masking`].
    ///
    /// # Errors
    ///
    /// As for [`Layer::lower`].
    fn output_mask(
        &self,
        cx: &mut LowerCx<'_>,
        _inputs: &[ValueId],
    ) -> Result<Option<ValueId>, LayerError> {
        Ok(cx.mask(0).filter(|_| self.supports_masking()))
    }

    /// Whether a mask of the input is one of the output too.
    fn supports_masking(&self) -> bool {
        false
    }

    /// Whether the layer takes a list of tensors as its one argument (merging layers).
    fn takes_list(&self) -> bool {
        false
    }
}

/// What a layer says of one weight.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightSpec {
    /// Keras's name, such as `kernel`.
    pub name: String,
    /// Sizes of its axes.
    pub dims: Vec<usize>,
    /// Whether an optimizer may change it (if the layer is trainable).
    pub trainable: bool,
    /// The values it starts with.
    pub initializer: Initializer,
    /// Its penalty in the loss, once however often the layer is called; none while it is frozen.
    pub regularizer: Option<Regularizer>,
    /// What it is changed to after each step of the optimizer.
    pub constraint: Option<Constraint>,
    /// The sublayers that lead to it, from outside in; empty for a layer's own weight.
    pub group: Vec<Sublayer>,
    /// Numbers of inputs and outputs for the initializer, where its shape does not tell them: all
    /// axes but the last two would count as a convolution's window.
    pub fans: Option<[usize; 2]>,
    /// Positions on the last axis that start with 1 whatever the initializer says (the bias of an
    /// LSTM's forget gate).
    pub ones: Option<Range<usize>>,
}

/// A layer inside of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sublayer {
    /// Its own name, which is part of its weights' paths: `query`.
    pub name: String,
    /// The name of Keras's attribute that holds it, which files call it by: `query_dense`.
    pub attribute: String,
}

impl Sublayer {
    /// Named `name`, held as `attribute`.
    pub fn new(name: impl Into<String>, attribute: impl Into<String>) -> Self {
        Self { name: name.into(), attribute: attribute.into() }
    }
}

impl WeightSpec {
    /// A trainable weight of the layer itself, without regularizer and constraint.
    ///
    /// # Errors
    ///
    /// [`LayerError::Config`] if the initializer makes no weights of this shape.
    pub fn new(
        name: &str,
        dims: impl Into<Vec<usize>>,
        initializer: &Initializer,
    ) -> Result<Self, LayerError> {
        let dims = dims.into();
        initializer.check_dims(&dims)?;
        Ok(Self {
            name: name.to_owned(),
            dims,
            trainable: true,
            initializer: initializer.clone(),
            regularizer: None,
            constraint: None,
            group: Vec::new(),
            fans: None,
            ones: None,
        })
    }

    /// The values it starts with, drawn from `seed` if the initializer has none of its own.
    pub fn values(&self, seed: u64) -> Tensor {
        let mut values = match self.fans {
            Some([inputs, outputs])
                if self.initializer.depends_on_fans()
                    && inputs * outputs == self.dims.iter().product::<usize>() =>
            {
                let drawn = self.initializer.values(&[inputs, outputs], seed);
                Tensor::from_fn(&self.dims[..], |at| drawn.data()[at])
            }
            _ => self.initializer.values(&self.dims, seed),
        };
        if let (Some(ones), Some(&last)) = (&self.ones, self.dims.last()) {
            for row in values.data_mut().chunks_exact_mut(last) {
                row[ones.clone()].fill(1.0);
            }
        }
        values
    }

    /// The same as the weight of a sublayer.
    pub fn of_sublayer(mut self, sublayer: Sublayer) -> Self {
        self.group.insert(0, sublayer);
        self
    }

    /// The same with numbers of inputs and outputs for the initializer.
    pub fn with_fans(mut self, fans: [usize; 2]) -> Self {
        self.fans = Some(fans);
        self
    }

    /// The same with a regularizer.
    pub fn regularizer(mut self, regularizer: Option<Regularizer>) -> Self {
        self.regularizer = regularizer;
        self
    }

    /// The same with a constraint.
    pub fn constraint(mut self, constraint: &Option<Constraint>) -> Self {
        self.constraint.clone_from(constraint);
        self
    }

    /// The same, out of the optimizer's reach.
    pub fn frozen(mut self) -> Self {
        self.trainable = false;
        self
    }
}

/// What a layer works with when it adds its nodes.
#[derive(Debug)]
pub struct LowerCx<'a> {
    /// The graph to extend.
    pub graph: &'a mut Graph,
    /// Whether this is a training step: dropout drops, batch statistics are used.
    pub training: bool,
    /// Whether the layer's own `trainable` is set (a frozen BatchNormalization keeps its statistics).
    pub trainable: bool,
    /// The layer's weights, in the order of [`Layer::weights`].
    pub weights: &'a [ValueId],
    /// New values of weights that the call itself changes, by position in [`LowerCx::weights`].
    pub weight_updates: &'a mut Vec<(usize, ValueId)>,
    /// Scalars that the model adds to its loss (activity regularizers).
    pub losses: &'a mut Vec<ValueId>,
    /// The next unused random stream of the graph.
    pub next_stream: &'a mut u32,
    /// What the call was given besides its inputs.
    pub call: &'a CallArguments,
}

/// What a call of a layer is given besides its inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallArguments {
    /// For each input 1 where it is to be looked at and 0 elsewhere, mostly `(samples, steps)`;
    /// missing entries are inputs without a mask. Keras's arguments `mask` and `*_mask`.
    pub masks: Vec<Option<ValueId>>,
    /// Which of the keys each query may see: Keras's `attention_mask`,
    /// `(samples, queries, keys)` or with an axis of heads before the queries.
    pub attention_mask: Option<ValueId>,
    /// Whether each query sees only the keys up to its own position. Default: false.
    pub use_causal_mask: bool,
    /// Whether the softmax's numbers are an output, too; only for layers that have
    /// [`Layer::scores_shape`]. Default: false.
    pub return_attention_scores: bool,
    /// How much each category counts: Keras's `count_weights`, of the shape of the input. Only for
    /// [`CategoryEncoding`] that counts.
    pub count_weights: Option<ValueId>,
}

impl LowerCx<'_> {
    /// A random stream that nobody else uses.
    pub fn random_stream(&mut self) -> u32 {
        *self.next_stream += 1;
        *self.next_stream - 1
    }

    /// The mask of input `input`, if it has one.
    pub fn mask(&self, input: usize) -> Option<ValueId> {
        self.call.masks.get(input).copied().flatten()
    }
}
