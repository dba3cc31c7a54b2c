//! Random numbers.

use cornu_graph::ops::Distribution;
use cornu_graph::{Op, ValueId};
use cornu_kernels::random::{Counter, normal, uniform};

use super::{Call, Kernel, Moment};
use crate::groups::Group;
use crate::layouts::Layout;
use crate::lower::Lowering;

/// Draws the numbers of the samples at hand.
#[derive(Debug)]
struct Draw {
    distribution: Distribution,
    stream: u32,
    len: usize,
    batched: bool,
}

impl Kernel for Draw {
    fn describe(&self) -> String {
        format!("random stream {}", self.stream)
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let Moment { first_sample, seed, step, .. } = call.moment;
        let counter = Counter { seed, stream: self.stream, step };
        let first = if self.batched { (first_sample * self.len) as u64 } else { 0 };
        match self.distribution {
            Distribution::Uniform => uniform(call.isa, call.outputs[0], counter, first),
            Distribution::Normal => normal(call.isa, call.outputs[0], counter, first),
        }
    }
}

/// Adds the step that draws `value`.
pub(super) fn bind(lowering: &mut Lowering<'_>, _group: &Group, value: ValueId) {
    let node = lowering.graph.node(value);
    let Op::Random(op) = &node.op else { return };
    let kernel = Draw {
        distribution: op.distribution,
        stream: op.stream,
        len: op.shape.n_per_sample(),
        batched: op.shape.is_batched(),
    };
    lowering.plan.draws_shared_numbers |= !op.shape.is_batched();
    let output = lowering.output(value, Layout::Rows);
    lowering.step(Box::new(kernel), Vec::new(), vec![output]);
}
