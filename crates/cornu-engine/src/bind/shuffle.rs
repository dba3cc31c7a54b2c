//! Samples in another order.

use cornu_graph::ops::Shuffle;
use cornu_graph::{Op, ValueId};

use super::{Call, Kernel};
use crate::lower::Lowering;

/// Copies whole samples.
#[derive(Debug)]
struct Copy {
    op: Shuffle,
    len: usize,
}

impl Kernel for Copy {
    fn describe(&self) -> String {
        format!("shuffle stream {}", self.op.stream)
    }

    fn reads_whole_batch(&self) -> bool {
        true
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        if self.len == 0 {
            return;
        }
        let moment = call.moment;
        for (i, y) in call.outputs[0].chunks_exact_mut(self.len).enumerate() {
            let at = moment.first_sample + i;
            let from = self.op.source(at, moment.batch, moment.seed, moment.step);
            y.copy_from_slice(&call.inputs[0][from * self.len..(from + 1) * self.len]);
        }
    }
}

/// Adds the step of a shuffle, in the layout in which its operand was made: an earlier phase did that.
pub(super) fn bind(lowering: &mut Lowering<'_>, value: ValueId) {
    let node = lowering.graph.node(value);
    let Op::Shuffle(op) = node.op else { return };
    let x = node.inputs[0];
    let layout = lowering.layout_of(x);
    let input = lowering.operand(x, layout);
    let output = lowering.output(value, layout);
    let len = lowering.plan.buffers[output].len;
    lowering.step(Box::new(Copy { op, len }), vec![input], vec![output]);
}
