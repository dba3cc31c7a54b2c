//! Reductions along axes.

use cornu_graph::ops::ReduceKind;
use cornu_graph::{Op, ValueId};
use cornu_kernels::reduce::{Reduction, reduce};

use super::{Call, Kernel, conv, fallback};
use crate::groups::Group;
use crate::layouts::Layout;
use crate::lower::Lowering;
use crate::placement::Role;

/// Reduces the middle axis of `(outer, n, inner)` of each sample.
#[derive(Debug)]
struct Reducing {
    kind: ReduceKind,
    outer: usize,
    n: usize,
    inner: usize,
    /// Elements of one sample, and how many of them are reduced (the rest is slack).
    x_len: usize,
    /// Whether all samples are reduced to one result.
    over_samples: bool,
}

impl Kernel for Reducing {
    fn describe(&self) -> String {
        let kind = match self.kind {
            ReduceKind::Sum => "sum",
            ReduceKind::Max => "max",
            ReduceKind::Min => "min",
        };
        let over = if self.over_samples { " over samples" } else { "" };
        format!("{kind}{over} ({},{},{})", self.outer, self.n, self.inner)
    }

    fn flops(&self) -> f64 {
        (self.outer * self.n * self.inner) as f64
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let kind = match self.kind {
            ReduceKind::Sum => Reduction::Sum,
            ReduceKind::Max => Reduction::Max,
            ReduceKind::Min => Reduction::Min,
        };
        let (walked, y_len) = (self.outer * self.n * self.inner, self.outer * self.inner);
        let (outer, n, inner) = (self.outer, self.n, self.inner);
        for sample in 0..call.samples {
            let x = &call.inputs[0][sample * self.x_len..][..walked];
            let y = if self.over_samples {
                &mut *call.outputs[0]
            } else {
                &mut call.outputs[0][sample * y_len..(sample + 1) * y_len]
            };
            reduce(call.isa, kind, y, x, outer, n, inner, self.over_samples);
        }
    }
}

/// Adds the step of a reduction.
pub(super) fn bind(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let Op::Reduce(op) = &node.op else { return };
    let x = node.inputs[0];
    let shape = lowering.graph.shape(x).clone();
    let over_samples = group.role == Role::Reduction;
    let dims: Vec<usize> = shape.dims().iter().map(|dim| dim.size(1)).collect();
    // Axes of one sample. What several rows of a sample share axis 0 with the samples.
    let axes: Vec<usize> = op
        .axes
        .iter()
        .copied()
        .filter(|&axis| axis != 0 || !shape.is_batched() || dims[0] != 1)
        .collect();
    if over_samples
        && op.kind == ReduceKind::Sum
        && op.axes == [0, 1, 2]
        && conv::bind_pooled_bias_grad(lowering, value, x)
    {
        return;
    }
    let layout = lowering.layout_of(x);
    let over_pixels = axes == [1, 2] && dims.len() == 4 && op.kind == ReduceKind::Sum;
    let (outer, n, inner, layout) = match layout {
        // Halos are zero, so a sum may run over them.
        Layout::Planes(planes) if over_pixels => (planes.channels, planes.plane(), 1, layout),
        Layout::Pixels(pixels) if over_pixels => {
            (1, pixels.len() / pixels.channels.max(1), pixels.channels, layout)
        }
        _ => match neighbours(&dims, &axes) {
            Some((outer, n, inner)) => (outer, n, inner, Layout::Rows),
            None => return fallback::bind(lowering, group, value),
        },
    };
    let x_len = layout.len(&shape);
    let kernel = Box::new(Reducing { kind: op.kind, outer, n, inner, x_len, over_samples });
    let input = lowering.operand(x, layout);
    if over_samples {
        lowering.reduction_step(value, op.kind, kernel, vec![input]);
    } else {
        let output = lowering.output(value, Layout::Rows);
        lowering.step(kernel, vec![input], vec![output]);
    }
}

/// Sizes before, along and after `axes`, if these are neighbours (axes of size 1 do not count).
fn neighbours(dims: &[usize], axes: &[usize]) -> Option<(usize, usize, usize)> {
    let counted: Vec<usize> = axes.iter().copied().filter(|&axis| dims[axis] != 1).collect();
    let (Some(&first), Some(&last)) = (counted.first(), counted.last()) else {
        return Some((dims.iter().product(), 1, 1));
    };
    let between = (first..=last).all(|axis| dims[axis] == 1 || counted.contains(&axis));
    let product = |dims: &[usize]| dims.iter().product();
    between.then(|| {
        (product(&dims[..first]), product(&dims[first..=last]), product(&dims[last + 1..]))
    })
}
