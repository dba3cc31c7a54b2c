//! Rows of tables by their numbers, the sums that go back to them, and the numbers of maxima.

use cornu_graph::{Op, ValueId};
use cornu_kernels::arg_max::arg_max;
use cornu_kernels::gather;

use super::{Call, Kernel, fallback};
use crate::combine::Combine;
use crate::groups::Group;
use crate::layouts::Layout;
use crate::lower::Lowering;
use crate::placement::Role;

/// Rows of `n` numbers of a table.
#[derive(Debug)]
struct Gather {
    rows: usize,
    n: usize,
}

impl Kernel for Gather {
    fn describe(&self) -> String {
        format!("gather {} of {}", self.n, self.rows)
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (y, table, indices) = (&mut *call.outputs[0], call.inputs[0], call.inputs[1]);
        gather::gather(y, table, indices, self.rows, self.n);
    }
}

/// Adds values to rows of a table.
#[derive(Debug)]
struct ScatterAdd {
    rows: usize,
    n: usize,
    /// Whether the table holds sums already; else it is made of zeros.
    accumulate: bool,
}

/// Elements of a table that one thread fills at a time.
const PART: usize = 16 * 1024;

impl Kernel for ScatterAdd {
    fn describe(&self) -> String {
        let over = if self.accumulate { "" } else { " over whole batch" };
        format!("scatter_add{over} {} of {}", self.n, self.rows)
    }

    fn parts(&self) -> Vec<usize> {
        if self.accumulate || self.n == 0 {
            return Vec::new();
        }
        let (rows, len) = ((PART / self.n).max(1), self.rows * self.n);
        (1..=self.rows.div_ceil(rows)).map(|part| (part * rows * self.n).min(len)).collect()
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let table = &mut *call.outputs[0];
        if !self.accumulate {
            table.fill(0.0);
        }
        if self.n == 0 {
            return;
        }
        let first = call.start / self.n;
        let part = first..first + table.len() / self.n;
        let (indices, values) = (call.inputs[0], call.inputs[1]);
        gather::scatter_add(call.isa, table, part, values, indices, self.rows, self.n);
    }
}

/// Rows of `n` numbers of each sample's own table, `indices` for each sample.
#[derive(Debug)]
struct BatchGather {
    rows: usize,
    n: usize,
    indices: usize,
}

impl Kernel for BatchGather {
    fn describe(&self) -> String {
        format!("batch_gather {} of {}", self.n, self.rows)
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (table, y) = (self.rows * self.n, self.indices * self.n);
        for sample in 0..call.samples {
            let of = |len: usize| sample * len..(sample + 1) * len;
            gather::gather(
                &mut call.outputs[0][of(y)],
                &call.inputs[0][of(table)],
                &call.inputs[1][of(self.indices)],
                self.rows,
                self.n,
            );
        }
    }
}

/// Adds values to rows of each sample's own table.
#[derive(Debug)]
struct BatchScatterAdd {
    rows: usize,
    n: usize,
    indices: usize,
}

impl Kernel for BatchScatterAdd {
    fn describe(&self) -> String {
        format!("batch_scatter_add {} of {}", self.n, self.rows)
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        call.outputs[0].fill(0.0);
        if self.n == 0 {
            return;
        }
        let (table, values) = (self.rows * self.n, self.indices * self.n);
        for sample in 0..call.samples {
            let of = |len: usize| sample * len..(sample + 1) * len;
            gather::scatter_add(
                call.isa,
                &mut call.outputs[0][of(table)],
                0..self.rows,
                &call.inputs[1][of(values)],
                &call.inputs[0][of(self.indices)],
                self.rows,
                self.n,
            );
        }
    }
}

/// The index of the maximum along the middle axis of `(outer, n, inner)`.
#[derive(Debug)]
struct ArgMax {
    n: usize,
    inner: usize,
}

impl Kernel for ArgMax {
    fn describe(&self) -> String {
        format!("arg_max of {}", self.n)
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (y, x) = (&mut *call.outputs[0], call.inputs[0]);
        let outer = y.len() / self.inner.max(1);
        arg_max(call.isa, y, x, outer, self.n, self.inner);
    }
}

/// `f32` counts up to here.
const MAX_COUNT: usize = 1 << 24;

/// Adds the step of an op that takes or gives numbers of rows.
pub(super) fn bind(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let sizes = |value: ValueId| -> Vec<usize> {
        lowering.graph.shape(value).dims().iter().map(|dim| dim.size(1)).collect()
    };
    let rows_of = |table: &[usize]| (table[0], table[1..].iter().product());
    let (kernel, counted): (Box<dyn Kernel>, usize) = match &node.op {
        Op::ArgMax(op) => {
            let x = sizes(node.inputs[0]);
            let (n, inner) = (x[op.axis], x[op.axis + 1..].iter().product());
            (Box::new(ArgMax { n, inner }), n)
        }
        Op::Gather(_) => {
            let (rows, n) = rows_of(&sizes(node.inputs[0]));
            (Box::new(Gather { rows, n }), rows)
        }
        Op::ScatterAdd(_) => {
            let (rows, n) = rows_of(&sizes(value));
            let of_sample: usize = sizes(node.inputs[0]).iter().product();
            let accumulate = group.role == Role::Reduction && !is_large(rows, of_sample);
            (Box::new(ScatterAdd { rows, n, accumulate }), rows)
        }
        Op::BatchGather(_) => {
            let (table, indices) = (sizes(node.inputs[0]), sizes(node.inputs[1]));
            let (rows, n) = rows_of(&table[1..]);
            (Box::new(BatchGather { rows, n, indices: indices[1..].iter().product() }), rows)
        }
        Op::BatchScatterAdd(_) => {
            let (table, indices) = (sizes(value), sizes(node.inputs[0]));
            let (rows, n) = rows_of(&table[1..]);
            (Box::new(BatchScatterAdd { rows, n, indices: indices[1..].iter().product() }), rows)
        }
        _ => return fallback::bind(lowering, group, value),
    };
    if MAX_COUNT < counted {
        return fallback::bind(lowering, group, value);
    }
    let inputs = node.inputs.iter().map(|&input| lowering.operand(input, Layout::Rows)).collect();
    if let (Role::Reduction, Op::ScatterAdd(_)) = (group.role, &node.op) {
        let of_sample = lowering.graph.shape(node.inputs[0]).n_per_sample();
        if is_large(counted, of_sample) {
            return lowering.whole_batch_step(value, kernel, inputs);
        }
        return lowering.reduction_step(value, Combine::Sum, kernel, inputs);
    }
    let output = lowering.output(value, Layout::Rows);
    lowering.step(kernel, inputs, vec![output]);
}

/// Whether a table is so large that accumulators of it, at least four, cost more than keeping what
/// goes back to it for a batch of common size.
fn is_large(rows: usize, of_sample: usize) -> bool {
    8 * of_sample <= rows
}
