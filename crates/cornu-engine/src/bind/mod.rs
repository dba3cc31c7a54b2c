//! From groups of nodes to kernel calls: one file per family.

mod conv;
mod copy;
mod elementwise;
mod fallback;
mod gather;
mod image;
mod matmul;
mod pool;
mod random;
mod reduce;
mod relayout;
mod shuffle;
mod softmax;
mod volumes;

use std::fmt::Debug;

use cornu_graph::{Op, ValueId};
use cornu_kernels::Isa;
use cornu_kernels::helpers::Helpers;

use crate::groups::{Group, GroupKind};
use crate::lower::Lowering;

pub(crate) use conv::{Unpooling, unpool};
pub(crate) use relayout::Relayout;

/// A kernel with all its settings: what a step does.
pub(crate) trait Kernel: Debug + Send + Sync {
    /// For the plan's text: what is called, with which settings.
    fn describe(&self) -> String;

    /// Elements of scratch memory for a call on `samples` samples.
    fn scratch_len(&self, _samples: usize) -> usize {
        0
    }

    /// Where the outputs of a shared step may be cut for several threads: the ends of the parts, in
    /// elements; none if they may not. All outputs are of one length then. A result must not depend
    /// on the cuts.
    fn parts(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Whether a single sample is worth several threads: a call then takes
    /// [`Call::helpers`].
    fn divides(&self) -> bool {
        false
    }

    /// Whether inputs are those of the whole batch, although outputs are of the samples at hand.
    fn reads_whole_batch(&self) -> bool {
        false
    }

    /// Multiplications and additions of one sample (of the whole call, if there are no samples).
    fn flops(&self) -> f64 {
        0.0
    }

    /// Does the work.
    fn run(&self, call: &mut Call<'_, '_>);
}

/// One kernel call.
pub(crate) struct Call<'a, 'b> {
    /// Instructions it may use.
    pub(crate) isa: Isa,
    /// Samples in the slices: the whole batch for shared work that reads samples, 1 for other
    /// shared work.
    pub(crate) samples: usize,
    /// Samples of a chunk in this run.
    pub(crate) chunk: usize,
    /// Where in the whole outputs the slices begin: other than 0 only for one of
    /// [`Kernel::parts`]. Inputs are always whole.
    pub(crate) start: usize,
    /// What to overwrite, or the accumulator to add to.
    pub(crate) outputs: &'a mut [&'b mut [f32]],
    /// What to read.
    pub(crate) inputs: &'a [&'b [f32]],
    /// At least [`Kernel::scratch_len`] elements.
    pub(crate) scratch: &'a mut [f32],
    /// Other threads that may take part, for work on the only sample at hand.
    pub(crate) helpers: Option<Helpers<'a>>,
    /// What random numbers depend on.
    pub(crate) moment: Moment,
}

/// Which samples of which run are at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Samples in the whole batch.
    pub(crate) batch: usize,
    /// Position in the batch of the first sample at hand.
    pub(crate) first_sample: usize,
    /// Key of all random numbers.
    pub(crate) seed: u64,
    /// Which run this is.
    pub(crate) step: u64,
}

/// Adds the steps of one group to the plan.
pub(crate) fn bind(lowering: &mut Lowering<'_>, group: &Group) {
    match group.kind {
        GroupKind::Elementwise => elementwise::bind(lowering, group),
        GroupKind::Conv(tail) => conv::bind_forward(lowering, group, tail),
        GroupKind::Unpool { pooled, d_pooled } => {
            conv::bind_unpool(lowering, group, pooled, d_pooled);
        }
        GroupKind::MatMul { bias, relu } => matmul::bind(lowering, group, bias, relu),
        GroupKind::Single => bind_single(lowering, group, group.nodes[0]),
    }
}

fn bind_single(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value);
    match &node.op {
        Op::Input(_) | Op::Variable(_) | Op::Constant(_) | Op::BatchSize(_) => {}
        Op::Unary(_) | Op::Binary(_) | Op::Select(_) | Op::StopGradient(_) | Op::BroadcastTo(_) => {
            elementwise::bind(lowering, group)
        }
        Op::Conv(_) => conv::bind_alone(lowering, group, value),
        Op::ConvInputGrad(_) => conv::bind_input_grad(lowering, group, value),
        Op::ConvKernelGrad(_) => conv::bind_kernel_grad(lowering, group, value),
        Op::MatMul(_) => matmul::bind(lowering, group, None, false),
        Op::Reduce(_) => reduce::bind(lowering, group, value),
        Op::Variance(_) => reduce::bind_variance(lowering, group, value),
        Op::Softmax(_) | Op::LogSoftmax(_) => softmax::bind(lowering, value),
        Op::MaxPool(_) | Op::MaxPoolGrad(_) | Op::AveragePool(_) | Op::AveragePoolGrad(_) => {
            pool::bind(lowering, group, value);
        }
        Op::Reshape(_) => copy::bind_reshape(lowering, group, value),
        Op::Random(_) => random::bind(lowering, group, value),
        // Changes of perspective run by their definition.
        Op::AffineTransform(_) | Op::AffineTransformGrad(_)
            if lowering.graph.shape(node.inputs[1]).sizes(1)[1] != 6 =>
        {
            fallback::bind(lowering, group, value);
        }
        Op::AffineTransform(_) | Op::AffineTransformGrad(_) | Op::Resize(_) | Op::ResizeGrad(_) => {
            image::bind(lowering, group, value)
        }
        Op::Transpose(_) | Op::Concat(_) | Op::Slice(_) | Op::Pad(_) | Op::Reverse(_) => {
            copy::bind(lowering, group, value);
        }
        Op::ArgMax(_)
        | Op::Gather(_)
        | Op::ScatterAdd(_)
        | Op::BatchGather(_)
        | Op::BatchScatterAdd(_) => gather::bind(lowering, group, value),
        Op::Shuffle(_) => shuffle::bind(lowering, value),
        Op::Ctc(_)
        | Op::CtcGrad(_)
        | Op::CircleSums(_)
        | Op::CircleRemainder(_)
        | Op::CircleSumsGrad(_) => fallback::bind(lowering, group, value),
    }
}
