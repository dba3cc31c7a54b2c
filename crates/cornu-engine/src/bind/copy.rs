//! Moving elements: reshape, transpose, slice, pad, concat, reverse.

use cornu_graph::{Op, ValueId};
use cornu_kernels::copy::{Axis, MAX_RANK, copy_strided};
use cornu_tensor::row_major_strides;

use super::{Call, Kernel, fallback};
use crate::groups::Group;
use crate::layouts::Layout;
use crate::lower::Lowering;

/// The same elements in the same order.
#[derive(Debug)]
struct Same;

impl Kernel for Same {
    fn describe(&self) -> String {
        "copy".to_owned()
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        call.outputs[0].copy_from_slice(call.inputs[0]);
    }
}

/// Elements of one or more operands to other places, sample by sample.
#[derive(Debug)]
struct Moved {
    name: &'static str,
    /// Whether places are left that get zero.
    with_zeros: bool,
    parts: Vec<Part>,
    y_len: usize,
}

/// What one operand contributes.
#[derive(Debug)]
struct Part {
    y_offset: usize,
    x_offset: usize,
    axes: Vec<Axis>,
    x_len: usize,
}

impl Kernel for Moved {
    fn describe(&self) -> String {
        self.name.to_owned()
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        for sample in 0..call.samples {
            let y = &mut call.outputs[0][sample * self.y_len..(sample + 1) * self.y_len];
            if self.with_zeros {
                y.fill(0.0);
            }
            for (part, x) in self.parts.iter().zip(call.inputs) {
                let x = &x[sample * part.x_len..(sample + 1) * part.x_len];
                copy_strided(call.isa, y, part.y_offset, x, part.x_offset, &part.axes);
            }
        }
    }
}

/// Adds the step of a reshape: row-major elements keep their order.
pub(super) fn bind_reshape(lowering: &mut Lowering<'_>, _group: &Group, value: ValueId) {
    let input = lowering.operand(lowering.graph.node(value).inputs[0], Layout::Rows);
    let output = lowering.output(value, Layout::Rows);
    lowering.step(Box::new(Same), vec![input], vec![output]);
}

/// Adds the step of any other op that only moves elements.
pub(super) fn bind(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    if MAX_RANK < node.shape.rank() {
        return fallback::bind(lowering, group, value);
    }
    let to: Vec<usize> = node.shape.dims().iter().map(|dim| dim.size(1)).collect();
    let y_strides = row_major_strides(&to);
    let mut parts = Vec::new();
    let mut y_start = 0;
    for &input in &node.inputs {
        let from: Vec<usize> =
            lowering.graph.shape(input).dims().iter().map(|dim| dim.size(1)).collect();
        let x_strides = row_major_strides(&from);
        let mut part =
            Part { y_offset: 0, x_offset: 0, axes: Vec::new(), x_len: from.iter().product() };
        part.axes.extend((0..to.len()).map(|axis| Axis {
            len: from[axis],
            y: y_strides[axis] as isize,
            x: x_strides[axis] as isize,
        }));
        match &node.op {
            Op::Transpose(op) => {
                for (axis, &source) in op.axes.iter().enumerate() {
                    part.axes[axis].len = to[axis];
                    part.axes[axis].x = x_strides[source] as isize;
                }
            }
            Op::Slice(op) => {
                part.x_offset = op.start * x_strides[op.axis];
                part.axes[op.axis].len = op.size;
                part.axes[op.axis].x *= op.step as isize;
            }
            Op::Pad(op) => {
                part.y_offset = op.before * y_strides[op.axis];
                part.axes[op.axis].y *= (op.between + 1) as isize;
            }
            Op::Reverse(op) => {
                part.x_offset = (from[op.axis].max(1) - 1) * x_strides[op.axis];
                part.axes[op.axis].x *= -1;
            }
            Op::Concat(op) => {
                part.y_offset = y_start * y_strides[op.axis];
                y_start += from[op.axis];
            }
            _ => return fallback::bind(lowering, group, value),
        }
        parts.push(part);
    }
    let kernel = Moved {
        name: node.op.def().name(),
        with_zeros: matches!(node.op, Op::Pad(_)),
        parts,
        y_len: to.iter().product(),
    };
    let inputs = node.inputs.iter().map(|&input| lowering.operand(input, Layout::Rows)).collect();
    let output = lowering.output(value, Layout::Rows);
    lowering.step(Box::new(kernel), inputs, vec![output]);
}
