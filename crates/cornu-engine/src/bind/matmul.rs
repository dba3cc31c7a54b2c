//! Matrix products.

use cornu_graph::ops::MatMul;
use cornu_graph::{Op, ValueId};
use cornu_kernels::matmul::{matmul, matmul_scratch_len};
use cornu_tensor::Shape;

use super::{Call, Kernel};
use crate::combine::Combine;
use crate::groups::Group;
use crate::layouts::Layout;
use crate::lower::Lowering;
use crate::placement::Role;

/// `y = op(a) @ op(b)` of one or more pairs of matrices.
#[derive(Debug)]
struct Product {
    op: MatMul,
    /// Rows, columns and inner size; of one sample, where the samples are rows or summed over.
    m: usize,
    n: usize,
    k: usize,
    /// What the samples are.
    samples: Samples,
    relu: bool,
    accumulate: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Samples {
    /// Rows of `a` and of the result.
    Rows,
    /// The inner axis: summed over.
    Inner,
    /// So many pairs of matrices per sample; or in all, for shared work.
    Pairs(usize),
}

impl Kernel for Product {
    fn describe(&self) -> String {
        let what = match self.samples {
            Samples::Rows => "matmul",
            Samples::Inner => "matmul over samples",
            Samples::Pairs(_) => "matmul of pairs",
        };
        format!("{what}{} {}x{}x{}", if self.relu { "+relu" } else { "" }, self.m, self.n, self.k)
    }

    fn scratch_len(&self, samples: usize) -> usize {
        let (m, k) = self.sizes(samples);
        matmul_scratch_len(m, self.n, k)
    }

    fn flops(&self) -> f64 {
        let pairs = if let Samples::Pairs(pairs) = self.samples { pairs } else { 1 };
        2.0 * (self.m * self.n * self.k * pairs) as f64
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (m, k) = self.sizes(call.samples);
        let pairs = if let Samples::Pairs(pairs) = self.samples { pairs * call.samples } else { 1 };
        for pair in 0..pairs {
            matmul(
                call.isa,
                &mut call.outputs[0][pair * m * self.n..(pair + 1) * m * self.n],
                &call.inputs[0][pair * m * k..(pair + 1) * m * k],
                &call.inputs[1][pair * k * self.n..(pair + 1) * k * self.n],
                m,
                self.n,
                k,
                self.op.transpose_a,
                self.op.transpose_b,
                self.accumulate,
                call.inputs.get(2).copied(),
                self.relu,
                call.scratch,
            );
        }
    }
}

impl Product {
    fn sizes(&self, samples: usize) -> (usize, usize) {
        match self.samples {
            Samples::Rows => (self.m * samples, self.k),
            Samples::Inner => (self.m, self.k * samples),
            Samples::Pairs(_) => (self.m, self.k),
        }
    }
}

/// Adds the step of a matrix product and what is fused to it.
pub(super) fn bind(lowering: &mut Lowering<'_>, group: &Group, bias: Option<ValueId>, relu: bool) {
    let value = group.nodes[0];
    let node = lowering.graph.node(value);
    let Op::MatMul(op) = node.op else { return };
    let (a, b) = (node.inputs[0], node.inputs[1]);
    let shapes = [lowering.graph.shape(a).clone(), lowering.graph.shape(b).clone()];
    let rank = shapes[0].rank();
    let size = |shape: &Shape, from_end: usize| shape.dims()[rank - from_end].size(1);
    let (m, k) = if op.transpose_a {
        (size(&shapes[0], 1), size(&shapes[0], 2))
    } else {
        (size(&shapes[0], 2), size(&shapes[0], 1))
    };
    let n = if op.transpose_b { size(&shapes[1], 2) } else { size(&shapes[1], 1) };
    let pairs = shapes[0].dims()[..rank - 2].iter().map(|dim| dim.size(1)).product();
    let samples = match group.role {
        Role::Reduction => Samples::Inner,
        Role::Sample if rank == 2 => Samples::Rows,
        _ => Samples::Pairs(pairs),
    };
    let accumulate = samples == Samples::Inner;
    let kernel = Box::new(Product { op, m, n, k, samples, relu, accumulate });
    let mut inputs = vec![lowering.operand(a, Layout::Rows), lowering.operand(b, Layout::Rows)];
    if samples == Samples::Inner {
        lowering.reduction_step(value, Combine::Sum, kernel, inputs);
        return;
    }
    inputs.extend(bias.map(|bias| lowering.operand(bias, Layout::Rows)));
    let output = lowering.output(group.outputs[0], Layout::Rows);
    lowering.step(kernel, inputs, vec![output]);
}
