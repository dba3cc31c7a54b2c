//! Ops without a kernel of their own run by their definition, in `f64`.

use cornu_graph::ops::{Reduce, ReduceKind};
use cornu_graph::{EvalCx, Op, ValueId};
use cornu_tensor::{Array, Shape};

use super::{Call, Kernel};
use crate::combine::Combine;
use crate::groups::Group;
use crate::layouts::Layout;
use crate::lower::Lowering;
use crate::placement::{Role, reads_whole_batch};

/// An op by its definition.
#[derive(Debug)]
struct Definition {
    op: Op,
    inputs: Vec<Shape>,
    output: Shape,
    combine: Option<Combine>,
}

impl Kernel for Definition {
    fn describe(&self) -> String {
        format!("{} by definition (slow)", self.op.def().name())
    }

    fn reads_whole_batch(&self) -> bool {
        reads_whole_batch(&self.op)
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let samples = if self.reads_whole_batch() { call.moment.batch } else { call.samples };
        let inputs: Vec<Array<f64>> = self
            .inputs
            .iter()
            .zip(call.inputs)
            .map(|(shape, data)| Array::from_fn(shape.sizes(samples), |i| f64::from(data[i])))
            .collect();
        let dims = self.output.sizes(call.samples);
        let cx = EvalCx {
            dims: &dims,
            samples: call.samples,
            batch: call.moment.batch,
            first_sample: call.moment.first_sample,
            seed: call.moment.seed,
            step: call.moment.step,
        };
        let inputs: Vec<&Array<f64>> = inputs.iter().collect();
        let mut result = self.op.def().evaluate(&inputs, &cx).to_f32().into_data();
        match self.combine {
            None => call.outputs[0].copy_from_slice(&result),
            Some(combine) => {
                if let Op::Variance(op) = &self.op {
                    result = moments(&op.axes, inputs[0], &result, &cx);
                }
                combine.merge(call.outputs[0], &result);
            }
        }
    }
}

/// Variances as [`Combine::Moments`] has them.
fn moments(axes: &[usize], x: &Array<f64>, variances: &[f32], cx: &EvalCx<'_>) -> Vec<f32> {
    let sum = Reduce { kind: ReduceKind::Sum, axes: axes.to_vec(), keep_dims: false };
    let sums = Op::from(sum).def().evaluate(&[x], cx);
    let n = x.len() as f64 / variances.len().max(1) as f64;
    let means = sums.data().iter().map(|sum| (sum / n.max(1.0)) as f32);
    let squares = variances.iter().map(|variance| variance * n as f32);
    means.chain(squares).chain([n as f32]).collect()
}

/// Adds the step of any op, row-major.
pub(super) fn bind(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let inputs = node.inputs.iter().map(|&input| lowering.operand(input, Layout::Rows)).collect();
    let combine = (group.role == Role::Reduction).then(|| Combine::of(&node.op));
    let shapes = node.inputs.iter().map(|&input| lowering.graph.shape(input).clone()).collect();
    let kernel = Box::new(Definition { op: node.op, inputs: shapes, output: node.shape, combine });
    match combine {
        Some(combine) => lowering.reduction_step(value, combine, kernel, inputs),
        None => {
            let output = lowering.output(value, Layout::Rows);
            lowering.step(kernel, inputs, vec![output]);
        }
    }
}
