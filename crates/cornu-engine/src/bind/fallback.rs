//! Ops without a kernel of their own run by their definition, in `f64`.

use cornu_graph::ops::ReduceKind;
use cornu_graph::{EvalCx, Op, ValueId};
use cornu_tensor::{Array, Shape};

use super::{Call, Kernel};
use crate::groups::Group;
use crate::layouts::Layout;
use crate::lower::Lowering;
use crate::placement::Role;

/// An op by its definition.
#[derive(Debug)]
struct Definition {
    op: Op,
    inputs: Vec<Shape>,
    output: Shape,
    combine: Option<ReduceKind>,
}

impl Kernel for Definition {
    fn describe(&self) -> String {
        format!("{} by definition (slow)", self.op.def().name())
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let inputs: Vec<Array<f64>> = self
            .inputs
            .iter()
            .zip(call.inputs)
            .map(|(shape, data)| Array::from_fn(shape.sizes(call.samples), |i| f64::from(data[i])))
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
        let result = self.op.def().evaluate(&inputs.iter().collect::<Vec<_>>(), &cx);
        for (y, &x) in call.outputs[0].iter_mut().zip(result.data()) {
            let x = x as f32;
            *y = match self.combine {
                None => x,
                Some(ReduceKind::Sum) => *y + x,
                Some(ReduceKind::Max) => {
                    if x.is_nan() {
                        x
                    } else {
                        y.max(x)
                    }
                }
                Some(ReduceKind::Min) => {
                    if x.is_nan() {
                        x
                    } else {
                        y.min(x)
                    }
                }
            };
        }
    }
}

/// Adds the step of any op, row-major.
pub(super) fn bind(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let inputs = node.inputs.iter().map(|&input| lowering.operand(input, Layout::Rows)).collect();
    let combine = (group.role == Role::Reduction).then_some(match &node.op {
        Op::Reduce(op) => op.kind,
        _ => ReduceKind::Sum,
    });
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
