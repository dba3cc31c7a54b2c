//! Matrix products.

use std::ops::Range;

use cornu_graph::ops::MatMul;
use cornu_graph::{Op, ValueId};
use cornu_kernels::helpers::even_parts;
use cornu_kernels::matmul::{
    FEW_ROWS, matmul, matmul_columns, matmul_packed, matmul_packed_scratch_len, matmul_rows,
    matmul_scratch_len, next_packed_part, pack_b_part, packed_b_len,
};
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
    /// Whether b comes packed, too.
    packed: bool,
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
        // The last samples of a slot may be few.
        matmul_scratch_len(m, self.n, k).max(matmul_packed_scratch_len(m, self.n, k))
    }

    fn flops(&self) -> f64 {
        let pairs = if let Samples::Pairs(pairs) = self.samples { pairs } else { 1 };
        2.0 * (self.m * self.n * self.k * pairs) as f64
    }

    fn divides(&self) -> bool {
        let one_row = self.samples == Samples::Rows && self.m == 1;
        one_row && !self.op.transpose_a && !self.op.transpose_b && DIVIDED <= self.n * self.k
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (m, k) = self.sizes(call.samples);
        let bias = call.inputs.get(2 + usize::from(self.packed)).copied();
        if call.helpers.is_some() {
            return self.run_in_columns(call, bias);
        }
        if self.packed && FEW_ROWS < m {
            matmul_packed(
                call.isa,
                call.outputs[0],
                call.inputs[0],
                call.inputs[2],
                m,
                self.n,
                k,
                self.op.transpose_a,
                self.accumulate,
                bias,
                self.relu,
                call.scratch,
            );
            return;
        }
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
                bias,
                self.relu,
                call.scratch,
            );
        }
    }
}

impl Product {
    /// The only row, by several threads.
    fn run_in_columns(&self, call: &mut Call<'_, '_>, bias: Option<&[f32]>) {
        let Some(helpers) = &mut call.helpers else { return };
        let (isa, a, b) = (call.isa, call.inputs[0], call.inputs[1]);
        let mut rest = &mut *call.outputs[0];
        let mut parts: Vec<(Range<usize>, &mut [f32])> = Vec::new();
        for columns in even_parts(self.n, COLUMNS_UNIT, helpers.threads()) {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(columns.len());
            parts.push((columns, part));
            rest = after;
        }
        helpers.for_each(call.scratch, &mut parts, |_, (columns, c)| {
            let bias = bias.map(|bias| &bias[columns.clone()]);
            let columns = columns.clone();
            matmul_columns(isa, c, a, b, columns, 1, self.n, self.k, bias, self.relu);
        });
    }

    fn sizes(&self, samples: usize) -> (usize, usize) {
        match self.samples {
            Samples::Rows => (self.m * samples, self.k),
            Samples::Inner => (self.m, self.k * samples),
            Samples::Pairs(_) => (self.m, self.k),
        }
    }
}

/// Elements of b from which on several threads share a product of one row.
const DIVIDED: usize = 128 * 1024;
/// Columns are divided between such blocks.
const COLUMNS_UNIT: usize = 64;

/// Brings b into the order in which a product reads it.
#[derive(Debug)]
struct Pack {
    /// Rows of the products that read it, for each sample.
    rows: usize,
    n: usize,
    k: usize,
    transposed: bool,
}

/// Elements of a part of a packed b.
const PACKED_PART: usize = 32 * 1024;

impl Kernel for Pack {
    fn describe(&self) -> String {
        let transposed = if self.transposed { " transposed" } else { "" };
        format!("pack{transposed} {}x{}", self.k, self.n)
    }

    fn parts(&self) -> Vec<usize> {
        let len = packed_b_len(self.n, self.k);
        let next =
            |&end: &usize| (end < len).then(|| next_packed_part(self.n, self.k, end, PACKED_PART));
        std::iter::successors(Some(0), next).skip(1).collect()
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        // So few rows are multiplied with b as it lies.
        if self.rows.saturating_mul(call.chunk) <= FEW_ROWS {
            return;
        }
        let (packed, b) = (&mut *call.outputs[0], call.inputs[0]);
        pack_b_part(call.isa, packed, call.start, b, self.n, self.k, self.transposed);
    }
}

/// `y = a^T @ b` summed over all samples at once.
#[derive(Debug)]
struct WholeBatch {
    op: MatMul,
    m: usize,
    n: usize,
    k: usize,
}

/// Elements of a part of a [`WholeBatch`] result. Each part packs b for itself, which many rows
/// repay.
const WHOLE_BATCH_PART: usize = 48 * 1024;
/// The most parts.
const MAX_PARTS: usize = 16;

impl WholeBatch {
    /// Whether an accumulator is so large that it is better to keep the factors of all samples of
    /// a batch of common size: four accumulators, the least that a batch has, are then more.
    fn suits(m: usize, n: usize) -> bool {
        64 * (m + n) <= m * n
    }
}

impl Kernel for WholeBatch {
    fn describe(&self) -> String {
        format!("matmul over whole batch {}x{}x{}", self.m, self.n, self.k)
    }

    fn scratch_len(&self, samples: usize) -> usize {
        matmul_scratch_len(self.m, self.n, self.k.saturating_mul(samples))
    }

    fn flops(&self) -> f64 {
        2.0 * (self.m * self.n * self.k) as f64
    }

    fn parts(&self) -> Vec<usize> {
        let n_parts = (self.m * self.n / WHOLE_BATCH_PART).clamp(1, MAX_PARTS).min(self.m.max(1));
        (1..=n_parts).map(|part| part * self.m / n_parts * self.n).collect()
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let c = &mut *call.outputs[0];
        let first = call.start / self.n;
        matmul_rows(
            call.isa,
            c,
            call.inputs[0],
            call.inputs[1],
            first..first + c.len() / self.n,
            self.m,
            self.n,
            self.k * call.samples,
            self.op.transpose_a,
            self.op.transpose_b,
            call.scratch,
        );
    }
}

/// Elements of b from which on packing it once for all chunks is worth a step of its own.
const MIN_PACKED: usize = 4 * 1024;

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
    let mut inputs = vec![lowering.operand(a, Layout::Rows), lowering.operand(b, Layout::Rows)];
    if samples == Samples::Inner && rank == 2 && WholeBatch::suits(m, n) {
        lowering.whole_batch_step(value, Box::new(WholeBatch { op, m, n, k }), inputs);
        return;
    }
    let accumulate = samples == Samples::Inner;
    let packed = samples == Samples::Rows && !shapes[1].is_batched() && MIN_PACKED <= n * k;
    let kernel = Box::new(Product { op, m, n, k, samples, relu, accumulate, packed });
    if samples == Samples::Inner {
        lowering.reduction_step(value, Combine::Sum, kernel, inputs);
        return;
    }
    if packed {
        let transposed = op.transpose_b;
        let name = if transposed { "packed transposed" } else { "packed" };
        let (key, len) = (format!("{name} {n}x{k} for {m}"), packed_b_len(n, k));
        let pack = || Box::new(Pack { rows: m, n, k, transposed }) as Box<dyn Kernel>;
        inputs.push(lowering.derived(b, name, key, len, pack));
    }
    inputs.extend(bias.map(|bias| lowering.operand(bias, Layout::Rows)));
    let output = lowering.output(group.outputs[0], Layout::Rows);
    lowering.step(kernel, inputs, vec![output]);
}
