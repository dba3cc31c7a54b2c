//! One method per op, and short forms of what is said often.

use cornu_tensor::{Array, Dim, Shape};

use crate::ops::{
    AffineTransform, AffineTransformGrad, ArgMax, AveragePool, AveragePoolGrad, BatchGather,
    BatchScatterAdd, BatchSize, Binary, BinaryKind, BroadcastTo, CircleSums, Concat, Constant,
    Conv, ConvInputGrad, ConvKernelGrad, Ctc, CtcGrad, Distribution, Gather, Input, Interpolation,
    LogSoftmax, MatMul, MaxPool, MaxPoolGrad, Pad, Random, Reduce, ReduceKind, Reshape, Resize,
    ResizeGrad, Reverse, Sampling, ScatterAdd, Select, Shuffle, Slice, Softmax, StopGradient,
    Transpose, Unary, UnaryKind, Variable, Variance,
};
use crate::{Graph, GraphError, ValueId, VariableId};

type Built = Result<ValueId, GraphError>;

/// Leaves.
impl Graph {
    /// A value that is fed by `name`; infallible apart from what [`Graph::add_node`] checks.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn input(&mut self, name: impl Into<String>, shape: Shape) -> Built {
        self.add_node(Input { name: name.into(), shape }.into(), &[])
    }

    /// Reads `variable` as it was before the run.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn variable(&mut self, id: VariableId) -> Built {
        let dims = self.variables()[id.index()].dims.clone();
        self.add_node(Variable { id, dims }.into(), &[])
    }

    /// A value that never changes.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn constant(&mut self, value: Array<f64>) -> Built {
        self.add_node(Constant { value }.into(), &[])
    }

    /// A constant number.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn scalar(&mut self, value: f64) -> Built {
        self.constant(Array::scalar(value))
    }

    /// The number of samples of the batch, as a scalar.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn batch_size(&mut self) -> Built {
        self.add_node(BatchSize.into(), &[])
    }

    /// Random numbers; `stream` tells apart the random values of one graph.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn random(&mut self, distribution: Distribution, stream: u32, shape: Shape) -> Built {
        self.add_node(Random { distribution, stream, shape }.into(), &[])
    }
}

macro_rules! unary {
    ($($(#[$doc:meta])* $method:ident $kind:ident),* $(,)?) => {
        /// Functions of each element; the errors are those of [`Graph::add_node`].
        #[allow(clippy::missing_errors_doc, reason = "said once for all")]
        impl Graph {
            /// Any function of one number.
            pub fn unary(&mut self, kind: UnaryKind, x: ValueId) -> Built {
                self.add_node(Unary(kind).into(), &[x])
            }

            $(
                #[doc = concat!("[`UnaryKind::", stringify!($kind), "`] of each element.")]
                pub fn $method(&mut self, x: ValueId) -> Built {
                    self.unary(UnaryKind::$kind, x)
                }
            )*
        }
    };
}

unary! {
    neg Neg, abs Abs, exp Exp, expm1 Expm1, log Log, log1p Log1p, sqrt Sqrt, rsqrt Rsqrt,
    reciprocal Reciprocal, square Square, tanh Tanh, sigmoid Sigmoid, softplus Softplus, relu Relu,
    erf Erf, sign Sign, floor Floor,
}

macro_rules! binary {
    ($($method:ident $kind:ident),* $(,)?) => {
        /// Functions of pairs of elements, broadcast as in NumPy; the errors are those of
        /// [`Graph::add_node`].
        #[allow(clippy::missing_errors_doc, reason = "said once for all")]
        impl Graph {
            /// Any function of two numbers.
            pub fn binary(&mut self, kind: BinaryKind, a: ValueId, b: ValueId) -> Built {
                self.add_node(Binary(kind).into(), &[a, b])
            }

            $(
                #[doc = concat!("[`BinaryKind::", stringify!($kind), "`] of each pair.")]
                pub fn $method(&mut self, a: ValueId, b: ValueId) -> Built {
                    self.binary(BinaryKind::$kind, a, b)
                }
            )*

            /// `x + number`.
            pub fn add_scalar(&mut self, x: ValueId, number: f64) -> Built {
                let number = self.scalar(number)?;
                self.add(x, number)
            }

            /// `x * number`.
            pub fn mul_scalar(&mut self, x: ValueId, number: f64) -> Built {
                let number = self.scalar(number)?;
                self.mul(x, number)
            }

            /// `number - x`.
            pub fn scalar_sub(&mut self, number: f64, x: ValueId) -> Built {
                let number = self.scalar(number)?;
                self.sub(number, x)
            }

            /// `max(x, number)`.
            pub fn max_scalar(&mut self, x: ValueId, number: f64) -> Built {
                let number = self.scalar(number)?;
                self.max(x, number)
            }

            /// `min(x, number)`.
            pub fn min_scalar(&mut self, x: ValueId, number: f64) -> Built {
                let number = self.scalar(number)?;
                self.min(x, number)
            }

            /// `min(max(x, low), high)`. The gradient is 1 inside and on the limits, else 0.
            pub fn clip(&mut self, x: ValueId, low: f64, high: f64) -> Built {
                let raised = self.max_scalar(x, low)?;
                self.min_scalar(raised, high)
            }

            /// `a` where `condition` is not 0, else `b`.
            pub fn select(&mut self, condition: ValueId, a: ValueId, b: ValueId) -> Built {
                self.add_node(Select.into(), &[condition, a, b])
            }
        }
    };
}

binary! {
    add Add, sub Sub, mul Mul, div Div, max Max, min Min, pow Pow, less Less,
    less_equal LessEqual, greater Greater, greater_equal GreaterEqual, equal Equal,
    not_equal NotEqual, and And, or Or,
}

/// Shapes; the errors are those of [`Graph::add_node`].
#[allow(clippy::missing_errors_doc, reason = "said once for all")]
impl Graph {
    /// `x`, but no gradient flows back.
    pub fn stop_gradient(&mut self, x: ValueId) -> Built {
        self.add_node(StopGradient.into(), &[x])
    }

    /// The same elements with other axes.
    pub fn reshape(&mut self, x: ValueId, shape: Shape) -> Built {
        if *self.shape(x) == shape {
            return Ok(x);
        }
        self.add_node(Reshape { shape }.into(), &[x])
    }

    /// Puts back axes of size 1 that a reduction took away. The result of a reduction over the
    /// samples has no samples, but broadcasts to them.
    pub(crate) fn reshape_kept(&mut self, x: ValueId, kept: &Shape) -> Built {
        self.reshape(x, kept.clone())
    }

    /// Axis `i` of the result is axis `axes[i]` of `x`.
    pub fn transpose(&mut self, x: ValueId, axes: &[usize]) -> Built {
        self.add_node(Transpose { axes: axes.to_vec() }.into(), &[x])
    }

    /// Repeats `x` until it fills `shape`.
    pub fn broadcast_to(&mut self, x: ValueId, shape: Shape) -> Built {
        if *self.shape(x) == shape {
            return Ok(x);
        }
        self.add_node(BroadcastTo { shape }.into(), &[x])
    }

    /// `values` one after the other along `axis`.
    pub fn concat(&mut self, values: &[ValueId], axis: usize) -> Built {
        self.add_node(Concat { axis }.into(), values)
    }

    /// `size` elements along `axis` from `start`, each `step` after the other.
    pub fn slice(
        &mut self,
        x: ValueId,
        axis: usize,
        start: usize,
        size: usize,
        step: usize,
    ) -> Built {
        self.add_node(Slice { axis, start, size, step }.into(), &[x])
    }

    /// Zeros before, after and between the elements along `axis`.
    pub fn pad(
        &mut self,
        x: ValueId,
        axis: usize,
        before: usize,
        after: usize,
        between: usize,
    ) -> Built {
        if (before, after, between) == (0, 0, 0) {
            return Ok(x);
        }
        self.add_node(Pad { axis, before, after, between }.into(), &[x])
    }

    /// Elements along `axis` in the opposite order.
    pub fn reverse(&mut self, x: ValueId, axis: usize) -> Built {
        self.add_node(Reverse { axis }.into(), &[x])
    }
}

/// Reductions and products; the errors are those of [`Graph::add_node`].
#[allow(clippy::missing_errors_doc, reason = "said once for all")]
impl Graph {
    /// Any reduction over `axes` (rising).
    pub fn reduce(
        &mut self,
        kind: ReduceKind,
        x: ValueId,
        axes: &[usize],
        keep_dims: bool,
    ) -> Built {
        self.add_node(Reduce { kind, axes: axes.to_vec(), keep_dims }.into(), &[x])
    }

    /// Sum over `axes` (rising).
    pub fn sum(&mut self, x: ValueId, axes: &[usize], keep_dims: bool) -> Built {
        self.reduce(ReduceKind::Sum, x, axes, keep_dims)
    }

    /// Sum over all axes: a scalar.
    pub fn sum_all(&mut self, x: ValueId) -> Built {
        let axes: Vec<usize> = (0..self.shape(x).rank()).collect();
        self.sum(x, &axes, false)
    }

    /// Mean over `axes` (rising).
    pub fn mean(&mut self, x: ValueId, axes: &[usize], keep_dims: bool) -> Built {
        let sum = self.sum(x, axes, keep_dims)?;
        let shape = self.shape(x).clone();
        self.divide_by_count(sum, &shape, axes)
    }

    /// Mean squared distance from the mean over `axes` (rising), which are gone from the result.
    pub fn variance(&mut self, x: ValueId, axes: &[usize]) -> Built {
        self.add_node(Variance { axes: axes.to_vec() }.into(), &[x])
    }

    /// `x` divided by the number of elements of `shape` along `axes`.
    pub(crate) fn divide_by_count(&mut self, x: ValueId, shape: &Shape, axes: &[usize]) -> Built {
        let mut n = 1.0;
        let mut over_samples = false;
        for &axis in axes {
            match shape.dims()[axis] {
                Dim::Fixed(size) => n *= size as f64,
                Dim::Batch(times) => {
                    n *= times as f64;
                    over_samples = true;
                }
            }
        }
        let mut share = self.mul_scalar(x, 1.0 / n)?;
        if over_samples {
            let samples = self.batch_size()?;
            share = self.div(share, samples)?;
        }
        Ok(share)
    }

    /// Sums `x` down to `shape`, which broadcasts to the shape of `x`: the transpose of a broadcast.
    pub fn sum_to(&mut self, x: ValueId, shape: &Shape) -> Built {
        let from = self.shape(x).clone();
        if from == *shape {
            return Ok(x);
        }
        let missing = from.rank() - shape.rank();
        let axes: Vec<usize> = (0..from.rank())
            .filter(|&axis| axis < missing || shape.dims()[axis - missing] != from.dims()[axis])
            .collect();
        let sum = self.sum(x, &axes, false)?;
        self.reshape(sum, shape.clone())
    }

    /// Matrix product, each operand transposed if asked.
    pub fn matmul(
        &mut self,
        a: ValueId,
        b: ValueId,
        transpose_a: bool,
        transpose_b: bool,
    ) -> Built {
        self.add_node(MatMul { transpose_a, transpose_b }.into(), &[a, b])
    }
}

/// Convolutions; the errors are those of [`Graph::add_node`].
#[allow(clippy::missing_errors_doc, reason = "said once for all")]
impl Graph {
    /// Cross-correlation of `x` `(N, *S, C)` with `kernel` `(*K, C / groups, F)`.
    pub fn conv(&mut self, x: ValueId, kernel: ValueId, conv: Conv) -> Built {
        self.add_node(conv.into(), &[x, kernel])
    }

    /// Transposed convolution of `d_output` `(N, *O, F)` to `(N, *input, C)`: the gradient of
    /// `conv` with respect to its picture of spatial sizes `input`.
    pub fn conv_input_grad(
        &mut self,
        d_output: ValueId,
        kernel: ValueId,
        conv: Conv,
        input: &[usize],
    ) -> Built {
        self.add_node(ConvInputGrad { conv, input: input.to_vec() }.into(), &[d_output, kernel])
    }

    /// The gradient of `conv` with respect to its kernel of spatial sizes `kernel`.
    pub fn conv_kernel_grad(
        &mut self,
        x: ValueId,
        d_output: ValueId,
        conv: Conv,
        kernel: &[usize],
    ) -> Built {
        self.add_node(ConvKernelGrad { conv, kernel: kernel.to_vec() }.into(), &[x, d_output])
    }
}

/// Pooling and pictures; the errors are those of [`Graph::add_node`].
#[allow(clippy::missing_errors_doc, reason = "said once for all")]
impl Graph {
    /// The largest cell of each window.
    pub fn max_pool(&mut self, x: ValueId, pool: MaxPool) -> Built {
        self.add_node(pool.into(), &[x])
    }

    /// The gradient of `pool` at `x`.
    pub fn max_pool_grad(&mut self, x: ValueId, d_output: ValueId, pool: MaxPool) -> Built {
        self.add_node(MaxPoolGrad { pool }.into(), &[x, d_output])
    }

    /// The mean of each window.
    pub fn average_pool(&mut self, x: ValueId, pool: AveragePool) -> Built {
        self.add_node(pool.into(), &[x])
    }

    /// The gradient of `pool` with respect to its picture of spatial sizes `input`.
    pub fn average_pool_grad(
        &mut self,
        d_output: ValueId,
        pool: AveragePool,
        input: &[usize],
    ) -> Built {
        self.add_node(AveragePoolGrad { pool, input: input.to_vec() }.into(), &[d_output])
    }

    /// Pictures `(N, H, W, C)` at another size.
    pub fn resize(
        &mut self,
        x: ValueId,
        height: usize,
        width: usize,
        interpolation: Interpolation,
    ) -> Built {
        self.add_node(Resize { height, width, interpolation }.into(), &[x])
    }

    /// The transpose of [`Graph::resize`]: gradients of pictures of `height` by `width` cells.
    pub fn resize_grad(
        &mut self,
        d_output: ValueId,
        height: usize,
        width: usize,
        interpolation: Interpolation,
    ) -> Built {
        self.add_node(ResizeGrad { height, width, interpolation }.into(), &[d_output])
    }

    /// Pictures `(N, H, W, C)` read through `transforms` `(N, 6)`.
    pub fn affine_transform(
        &mut self,
        x: ValueId,
        transforms: ValueId,
        sampling: Sampling,
    ) -> Built {
        self.add_node(AffineTransform { sampling }.into(), &[x, transforms])
    }

    /// The transpose of [`Graph::affine_transform`] as a function of the pictures.
    pub fn affine_transform_grad(
        &mut self,
        d_output: ValueId,
        transforms: ValueId,
        sampling: Sampling,
    ) -> Built {
        self.add_node(AffineTransformGrad { sampling }.into(), &[d_output, transforms])
    }
}

/// Classes and rows of tables; the errors are those of [`Graph::add_node`].
#[allow(clippy::missing_errors_doc, reason = "said once for all")]
impl Graph {
    /// `exp(x) / sum(exp(x))` along `axis`.
    pub fn softmax(&mut self, x: ValueId, axis: usize) -> Built {
        self.add_node(Softmax { axis }.into(), &[x])
    }

    /// `x - log(sum(exp(x)))` along `axis`.
    pub fn log_softmax(&mut self, x: ValueId, axis: usize) -> Built {
        self.add_node(LogSoftmax { axis }.into(), &[x])
    }

    /// Position of the first maximum along `axis`.
    pub fn arg_max(&mut self, x: ValueId, axis: usize) -> Built {
        self.add_node(ArgMax { axis }.into(), &[x])
    }

    /// Rows `indices` of `table`.
    pub fn gather(&mut self, table: ValueId, indices: ValueId) -> Built {
        self.add_node(Gather.into(), &[table, indices])
    }

    /// A table of `rows` rows: the sums of the `values` that have the row's index.
    pub fn scatter_add(&mut self, indices: ValueId, values: ValueId, rows: usize) -> Built {
        self.add_node(ScatterAdd { rows }.into(), &[indices, values])
    }

    /// Rows `indices` of a table of each sample's own.
    pub fn batch_gather(&mut self, table: ValueId, indices: ValueId) -> Built {
        self.add_node(BatchGather.into(), &[table, indices])
    }

    /// A table of `rows` rows for each sample: the sums of its `values` that have the row's index.
    pub fn batch_scatter_add(&mut self, indices: ValueId, values: ValueId, rows: usize) -> Built {
        self.add_node(BatchScatterAdd { rows }.into(), &[indices, values])
    }

    /// The samples in an order drawn at random; `stream` as in [`Graph::random`].
    pub fn shuffle(&mut self, x: ValueId, stream: u32) -> Built {
        self.add_node(Shuffle { stream, inverse: false }.into(), &[x])
    }

    /// Cost of `labels` `(N, L)` under `logits` `(N, T, C)`, whatever their timing.
    pub fn ctc(&mut self, logits: ValueId, labels: ValueId) -> Built {
        self.add_node(Ctc.into(), &[logits, labels])
    }

    /// The gradient of [`Graph::ctc`] with respect to the logits, for costs that count 1 each.
    pub fn ctc_grad(&mut self, logits: ValueId, labels: ValueId) -> Built {
        self.add_node(CtcGrad.into(), &[logits, labels])
    }

    /// Sums over the samples of the batch that are alike and over those that are not; `classes` `(N)`
    /// of `embeddings` `(N, D)`.
    pub fn circle_sums(&mut self, embeddings: ValueId, classes: ValueId, op: CircleSums) -> Built {
        self.add_node(op.into(), &[embeddings, classes])
    }
}
