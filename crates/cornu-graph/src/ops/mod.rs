//! All ops: one file each with attributes, shape rule, gradient rule and definition.
//!
//! [`Op`] is the only place that lists them; every `match` over it is exhaustive, so that the
//! compiler names what a new op still lacks.

mod affine_transform;
mod arg_max;
mod average_pool;
mod binary;
mod broadcast;
mod circle;
mod concat;
mod conv;
mod conv_input_grad;
mod conv_kernel_grad;
mod ctc;
mod gather;
mod leaf;
mod matmul;
mod max_pool;
mod pad;
mod random;
mod reduce;
mod reshape;
mod resize;
mod reverse;
mod select;
mod shuffle;
mod slice;
mod softmax;
mod transpose;
mod unary;
mod variance;
mod window;

use cornu_tensor::{Array, Shape};

use crate::{GradientCx, GraphError};

pub use affine_transform::{AffineTransform, AffineTransformGrad, FillMode, Sampling};
pub use arg_max::ArgMax;
pub use average_pool::{AveragePool, AveragePoolGrad};
pub use binary::{Binary, BinaryKind};
pub use broadcast::BroadcastTo;
pub use circle::{CircleRemainder, CircleSums, CircleSumsGrad};
pub use concat::Concat;
pub use conv::Conv;
pub use conv_input_grad::ConvInputGrad;
pub use conv_kernel_grad::ConvKernelGrad;
pub use ctc::{Ctc, CtcGrad};
pub use gather::{BatchGather, BatchScatterAdd, Gather, ScatterAdd};
pub use leaf::{BatchSize, Constant, Input, StopGradient, Variable};
pub use matmul::MatMul;
pub use max_pool::{MaxPool, MaxPoolGrad};
pub use pad::Pad;
pub use random::{Distribution, Random, philox};
pub use reduce::{Reduce, ReduceKind};
pub use reshape::Reshape;
pub use resize::{Interpolation, Resize, ResizeGrad};
pub use reverse::Reverse;
pub use select::Select;
pub use shuffle::Shuffle;
pub use slice::Slice;
pub use softmax::{LogSoftmax, Softmax};
pub use transpose::Transpose;
pub use unary::{Unary, UnaryKind};
pub use variance::Variance;
pub use window::{conv_output_size, same_padding};

/// What every op answers.
pub trait OpDef {
    /// ONNX's or NumPy's word for it, in lower case.
    fn name(&self) -> &'static str;

    /// Attributes as `key=value` text, for dumps.
    fn attributes(&self) -> String {
        String::new()
    }

    /// Shape of the result for operands of these shapes.
    ///
    /// # Errors
    ///
    /// [`GraphError::Shapes`] or [`GraphError::Attribute`], if they do not fit.
    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, GraphError>;

    /// Adds to the operands' gradients, given the output's, as more graph. An op whose output does
    /// not change with its operands (a comparison, say) adds nothing.
    ///
    /// # Errors
    ///
    /// [`GraphError::NoGradient`], if there is no rule.
    fn gradient(&self, cx: &mut GradientCx<'_>) -> Result<(), GraphError>;

    /// The definition of the op: plain loops in `f64`. Operands fit the shape rule.
    fn evaluate(&self, inputs: &[&Array<f64>], cx: &EvalCx<'_>) -> Array<f64>;
}

/// What a definition may know besides its operands.
#[derive(Debug, Clone, Copy)]
pub struct EvalCx<'a> {
    /// Sizes of the result.
    pub dims: &'a [usize],
    /// Samples in the operands at hand (`N` of their shapes).
    pub samples: usize,
    /// Samples in the whole batch; the operands at hand may be a part of it.
    pub batch: usize,
    /// Position in the batch of the first sample at hand.
    pub first_sample: usize,
    /// Key of all random numbers.
    pub seed: u64,
    /// Which run this is.
    pub step: u64,
}

macro_rules! ops {
    ($($name:ident),* $(,)?) => {
        /// An operation with its attributes.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs, reason = "each variant is documented as the type it holds")]
        pub enum Op {
            $($name($name)),*
        }

        impl Op {
            /// Names of all variants, for tests that must cover each.
            pub const KINDS: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Name of the variant, one of [`Op::KINDS`].
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name)),*
                }
            }

            /// The op's rules.
            pub fn def(&self) -> &dyn OpDef {
                match self {
                    $(Self::$name(op) => op),*
                }
            }
        }

        $(impl From<$name> for Op {
            fn from(op: $name) -> Self {
                Self::$name(op)
            }
        })*
    };
}

ops! {
    Input, Variable, Constant, BatchSize, StopGradient, Random,
    Unary, Binary, Select,
    Reshape, Transpose, BroadcastTo, Concat, Slice, Pad, Reverse,
    Reduce, Variance, MatMul,
    Conv, ConvInputGrad, ConvKernelGrad,
    MaxPool, MaxPoolGrad, AveragePool, AveragePoolGrad,
    Softmax, LogSoftmax, ArgMax,
    Gather, ScatterAdd, BatchGather, BatchScatterAdd, Shuffle, Ctc, CtcGrad,
    CircleSums, CircleRemainder, CircleSumsGrad,
    Resize, ResizeGrad, AffineTransform, AffineTransformGrad,
}

/// The error of an op that got the wrong number or kind of operands.
pub(crate) fn shape_error(
    op: &'static str,
    expected: impl Into<String>,
    got: &[&Shape],
) -> GraphError {
    GraphError::Shapes {
        op,
        expected: expected.into(),
        got: got.iter().map(|&shape| shape.clone()).collect(),
    }
}

/// Operand shapes as an array of the number that the op takes.
pub(crate) fn operands<'a, const N: usize>(
    op: &'static str,
    inputs: &[&'a Shape],
) -> Result<[&'a Shape; N], GraphError> {
    inputs.try_into().map_err(|_| shape_error(op, format!("{N} operands"), inputs))
}

/// Sizes of a shape without samples.
pub(crate) fn fixed_sizes(shape: &Shape) -> Option<Vec<usize>> {
    shape.dims().iter().map(|dim| dim.fixed()).collect()
}

/// Calls `f` with each index of an array of `dims`, in row-major order.
pub(crate) fn for_each_index(dims: &[usize], mut f: impl FnMut(&[usize])) {
    if dims.contains(&0) {
        return;
    }
    let mut index = vec![0; dims.len()];
    loop {
        f(&index);
        let mut axis = dims.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            index[axis] += 1;
            if index[axis] < dims[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// Calls `f` with the positions of each element, in row-major order of `dims`, in arrays with these
/// strides.
pub(crate) fn for_each_offset<const N: usize>(
    dims: &[usize],
    strides: [&[usize]; N],
    mut f: impl FnMut([usize; N]),
) {
    let Some((&n, outer)) = dims.split_last() else { return f([0; N]) };
    for_each_index(outer, |index| {
        // Elements of one row are a fixed step apart in each array.
        let mut at = strides.map(|strides| offset(index, strides));
        let steps = strides.map(|strides| strides[outer.len()]);
        for _ in 0..n {
            f(at);
            for (at, step) in at.iter_mut().zip(steps) {
                *at += step;
            }
        }
    });
}

/// Calls `f` with the flat positions of each line of elements along `axis`, in row-major order of
/// the other axes.
pub(crate) fn for_each_lane(
    dims: &[usize],
    axis: usize,
    mut f: impl FnMut(std::iter::StepBy<std::ops::Range<usize>>),
) {
    let inner: usize = dims[axis + 1..].iter().product();
    let outer: usize = dims[..axis].iter().product();
    let n = dims[axis] * inner;
    for outer in 0..outer {
        for inner_position in 0..inner {
            f((outer * n + inner_position..(outer + 1) * n).step_by(inner));
        }
    }
}

/// Elements between neighbours along each axis of `dims`, as seen from an array of
/// `out_rank` axes that it is broadcast to: 0 along the axes that are repeated.
pub(crate) fn broadcast_strides(dims: &[usize], out: &[usize]) -> Vec<usize> {
    let strides = cornu_tensor::row_major_strides(dims);
    let missing = out.len() - dims.len();
    (0..out.len())
        .map(|axis| match axis.checked_sub(missing) {
            Some(own) if dims[own] != 1 || out[axis] == 1 => strides[own],
            _ => 0,
        })
        .collect()
}

/// Position of `index` in an array with these strides.
pub(crate) fn offset(index: &[usize], strides: &[usize]) -> usize {
    index.iter().zip(strides).map(|(i, stride)| i * stride).sum()
}
