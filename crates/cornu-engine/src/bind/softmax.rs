//! Softmax and its logarithm along the last axis.

use cornu_graph::{Op, ValueId};
use cornu_kernels::softmax::{log_softmax_rows, softmax_rows};

use super::{Call, Kernel, fallback};
use crate::groups::Group;
use crate::layouts::Layout;
use crate::lower::Lowering;

/// Row by row.
#[derive(Debug)]
struct Rows {
    logarithm: bool,
    classes: usize,
}

impl Kernel for Rows {
    fn describe(&self) -> String {
        format!("{}softmax of {}", if self.logarithm { "log_" } else { "" }, self.classes)
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let kernel = if self.logarithm { log_softmax_rows } else { softmax_rows };
        kernel(call.isa, call.outputs[0], call.inputs[0], self.classes);
    }
}

/// Adds the step of a softmax.
pub(super) fn bind(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let (axis, logarithm) = match &node.op {
        Op::Softmax(op) => (op.axis, false),
        Op::LogSoftmax(op) => (op.axis, true),
        _ => return,
    };
    if axis + 1 != node.shape.rank() {
        return fallback::bind(lowering, group, value);
    }
    let classes = node.shape.dims()[axis].size(1);
    let input = lowering.operand(node.inputs[0], Layout::Rows);
    let output = lowering.output(value, Layout::Rows);
    lowering.step(Box::new(Rows { logarithm, classes }), vec![input], vec![output]);
}
