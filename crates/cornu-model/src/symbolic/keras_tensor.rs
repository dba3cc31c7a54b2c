use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use cornu_nn::SymbolicShape;
use serde_json::{Map, Value};

use super::{LayerHandle, LayerKind, next_id};

/// The inputs of a model.
///
/// ```
/// use cornu_model::Input;
///
/// let pictures = Input::new([28, 28, 1]);
/// let ages = Input::named("age", [1]);
/// assert_eq!(pictures.shape().to_string(), "(None, 28, 28, 1)");
/// # let _ = ages;
/// ```
///
/// # Source
///
/// Keras 3, `keras/src/layers/core/input_layer.py`. Not taken over: a fixed batch size, sparse and
/// ragged inputs, types other than `float32`.
#[derive(Debug, Clone, Copy)]
pub struct Input;

impl Input {
    /// A placeholder for samples of shape `sample`, the batch axis not counted.
    #[allow(clippy::new_ret_no_self, reason = "Keras's `Input` is a function that gives a tensor")]
    pub fn new(sample: impl AsRef<[usize]>) -> KerasTensor {
        KerasTensor::input(None, SymbolicShape::batched(sample))
    }

    /// The same with a name.
    pub fn named(name: impl Into<String>, sample: impl AsRef<[usize]>) -> KerasTensor {
        KerasTensor::input(Some(name.into()), SymbolicShape::batched(sample))
    }
}

/// A value of a model that is being put together: its shape, and the layer call that makes it.
#[derive(Debug, Clone)]
pub struct KerasTensor {
    pub(crate) call: Arc<Call>,
    pub(crate) output: usize,
}

/// One application of a layer.
#[derive(Debug)]
pub(crate) struct Call {
    /// Rises with every call, so it orders the calls of a shared layer.
    pub(crate) id: u64,
    pub(crate) layer: LayerHandle,
    /// Positional arguments, then those that `keywords` names.
    pub(crate) inputs: Vec<KerasTensor>,
    pub(crate) keywords: Vec<Keyword>,
    pub(crate) form: ArgumentForm,
    /// Keyword arguments that a file gave; `None` for those that Keras would write.
    pub(crate) kwargs: Option<Map<String, Value>>,
    pub(crate) output_shapes: Vec<SymbolicShape>,
}

/// How the input tensors of a call are passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgumentForm {
    /// One argument per tensor.
    Separate,
    /// One argument that is a list of tensors.
    List,
}

/// What a tensor is that a call takes by keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    /// Keras's `attention_mask`.
    AttentionMask,
    /// The mask of one of the inputs, by its position: Keras's `mask`, or `query_mask` and so on.
    Mask(usize),
    /// Keras's `count_weights`.
    CountWeights,
}

impl KerasTensor {
    pub(crate) fn input(name: Option<String>, shape: SymbolicShape) -> Self {
        let layer = LayerHandle::from_kind(LayerKind::Input(shape.clone()), name, true);
        let call = Call {
            id: next_id(),
            layer,
            inputs: Vec::new(),
            keywords: Vec::new(),
            form: ArgumentForm::Separate,
            kwargs: None,
            output_shapes: vec![shape],
        };
        Self { call: Arc::new(call), output: 0 }
    }

    /// Shape with the batch axis, which is `None`.
    pub fn shape(&self) -> &SymbolicShape {
        &self.call.output_shapes[self.output]
    }

    /// Whether both are the same output of the same call.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.call.id == other.call.id && self.output == other.output
    }
}

/// One or several tensors: what [`crate::Model::new`] takes as inputs and outputs.
///
/// Tensors with names, `[("picture", &x), ("age", &y)]`, are Keras's dict: they come in the order of
/// their names, losses, metrics and logs go by these names, and so do files.
#[derive(Debug, Clone)]
pub struct Tensors {
    pub(crate) tensors: Vec<KerasTensor>,
    /// The name of each, in order, if they have names.
    pub(crate) keys: Option<Vec<String>>,
}

impl Tensors {
    /// Tensors by name, in any order; of two with one name the last.
    pub(crate) fn named(named: impl IntoIterator<Item = (String, KerasTensor)>) -> Self {
        let sorted: BTreeMap<String, KerasTensor> = named.into_iter().collect();
        let (keys, tensors) = sorted.into_iter().unzip();
        Self { tensors, keys: Some(keys) }
    }

    pub(crate) fn listed(tensors: Vec<KerasTensor>) -> Self {
        Self { tensors, keys: None }
    }
}

impl<T: Borrow<KerasTensor>, const N: usize> From<[(&str, T); N]> for Tensors {
    fn from(named: [(&str, T); N]) -> Self {
        Self::named(named.map(|(name, tensor)| (name.to_owned(), tensor.borrow().clone())))
    }
}

impl From<KerasTensor> for Tensors {
    fn from(tensor: KerasTensor) -> Self {
        Self::listed(vec![tensor])
    }
}

impl From<&KerasTensor> for Tensors {
    fn from(tensor: &KerasTensor) -> Self {
        Self::listed(vec![tensor.clone()])
    }
}

impl<T: Borrow<KerasTensor>, const N: usize> From<[T; N]> for Tensors {
    fn from(tensors: [T; N]) -> Self {
        Self::listed(tensors.iter().map(|tensor| tensor.borrow().clone()).collect())
    }
}

impl<T: Borrow<KerasTensor>> From<&[T]> for Tensors {
    fn from(tensors: &[T]) -> Self {
        Self::listed(tensors.iter().map(|tensor| tensor.borrow().clone()).collect())
    }
}

impl From<Vec<KerasTensor>> for Tensors {
    fn from(tensors: Vec<KerasTensor>) -> Self {
        Self::listed(tensors)
    }
}
