//! Softmax and its logarithm along an axis.

use cornu_graph::{Op, ValueId};
use cornu_kernels::softmax::{
    log_softmax_columns, log_softmax_rows, softmax_columns, softmax_rows,
};

use super::{Call, Kernel};
use crate::layouts::Layout;
use crate::lower::Lowering;

/// Along the middle axis of `(outer, classes, inner)`.
#[derive(Debug)]
struct Softmax {
    logarithm: bool,
    classes: usize,
    inner: usize,
}

impl Kernel for Softmax {
    fn describe(&self) -> String {
        let name = if self.logarithm { "log_softmax" } else { "softmax" };
        match self.inner {
            1 => format!("{name} of {}", self.classes),
            inner => format!("{name} of {} in {inner} columns", self.classes),
        }
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (isa, y, x) = (call.isa, &mut *call.outputs[0], call.inputs[0]);
        match (self.inner, self.logarithm) {
            (1, false) => softmax_rows(isa, y, x, self.classes),
            (1, true) => log_softmax_rows(isa, y, x, self.classes),
            (inner, false) => softmax_columns(isa, y, x, self.classes, inner),
            (inner, true) => log_softmax_columns(isa, y, x, self.classes, inner),
        }
    }
}

/// Adds the step of a softmax.
pub(super) fn bind(lowering: &mut Lowering<'_>, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let (axis, logarithm) = match &node.op {
        Op::Softmax(op) => (op.axis, false),
        Op::LogSoftmax(op) => (op.axis, true),
        _ => return,
    };
    let dims = node.shape.dims();
    let classes = dims[axis].size(1);
    let inner = dims[axis + 1..].iter().map(|dim| dim.size(1)).product();
    let input = lowering.operand(node.inputs[0], Layout::Rows);
    let output = lowering.output(value, Layout::Rows);
    lowering.step(Box::new(Softmax { logarithm, classes, inner }), vec![input], vec![output]);
}
