//! Sums, extremes and variances along axes.

use cornu_graph::ops::ReduceKind;
use cornu_graph::{Op, ValueId};
use cornu_kernels::moments::{self, Walk, moments};
use cornu_kernels::reduce::{Reduction, reduce};
use cornu_tensor::Shape;

use super::{Call, Kernel, conv, fallback};
use crate::combine::Combine;
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
        if self.over_samples && self.x_len == walked && (outer == 1 || n == 1) {
            // All samples are rows of one matrix.
            let (rows, columns) = (call.samples * n, outer * inner);
            let (x, y) = (&call.inputs[0][..rows * columns], &mut *call.outputs[0]);
            reduce(call.isa, kind, y, x, 1, rows, columns, true);
            return;
        }
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
    let (dims, axes) = of_one_sample(&shape, &op.axes);
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
        lowering.reduction_step(value, op.kind.into(), kernel, vec![input]);
    } else {
        let output = lowering.output(value, Layout::Rows);
        lowering.step(kernel, vec![input], vec![output]);
    }
}

/// Variances of each sample, or of all.
#[derive(Debug)]
struct Variances {
    /// Where the first element lies, and how to go on from there.
    origin: usize,
    walk: Walk,
    /// Elements of one sample.
    x_len: usize,
    over_samples: bool,
}

impl Kernel for Variances {
    fn describe(&self) -> String {
        let Walk { outer, inner, .. } = self.walk;
        let over = if self.over_samples { " over samples" } else { "" };
        format!("variance{over} ({outer},{},{inner})", self.walk.n())
    }

    fn scratch_len(&self, _samples: usize) -> usize {
        2 * self.walk.results()
    }

    fn flops(&self) -> f64 {
        (4 * self.walk.n() * self.walk.results()) as f64
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let n = self.walk.results();
        let (mean, m2) = call.scratch[..2 * n].split_at_mut(n);
        for sample in 0..call.samples {
            let x = &call.inputs[0][sample * self.x_len..][..self.x_len];
            moments(call.isa, mean, m2, &x[self.origin..], &self.walk);
            if self.over_samples {
                moments::merge(call.outputs[0], mean, m2, self.walk.n());
            } else {
                let y = &mut call.outputs[0][sample * n..(sample + 1) * n];
                for (y, m2) in y.iter_mut().zip(&*m2) {
                    *y = m2 / self.walk.n().max(1) as f32;
                }
            }
        }
    }
}

/// Adds the step of a variance.
pub(super) fn bind_variance(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let Op::Variance(op) = &node.op else { return };
    let x = node.inputs[0];
    let shape = lowering.graph.shape(x).clone();
    let over_samples = group.role == Role::Reduction;
    let (dims, axes) = of_one_sample(&shape, &op.axes);
    let over_pixels = axes == [1, 2] && dims.len() == 4;
    let layout = lowering.layout_of(x);
    let (origin, walk, layout) = match layout {
        Layout::Planes(planes) if over_pixels => (
            planes.origin(),
            Walk {
                outer: planes.channels,
                outer_step: planes.plane(),
                rows: planes.height,
                row_step: planes.row,
                width: planes.width,
                inner: 1,
            },
            layout,
        ),
        Layout::Pixels(pixels) if over_pixels => (
            pixels.origin(),
            Walk {
                outer: 1,
                outer_step: 0,
                rows: pixels.height,
                row_step: pixels.row(),
                width: pixels.width,
                inner: pixels.channels,
            },
            layout,
        ),
        _ => match neighbours(&dims, &axes) {
            Some((outer, n, inner)) => (
                0,
                Walk { outer, outer_step: n * inner, rows: 1, row_step: 0, width: n, inner },
                Layout::Rows,
            ),
            None => return fallback::bind(lowering, group, value),
        },
    };
    let x_len = layout.len(&shape);
    let kernel = Box::new(Variances { origin, walk, x_len, over_samples });
    let input = lowering.operand(x, layout);
    if over_samples {
        lowering.reduction_step(value, Combine::Moments, kernel, vec![input]);
    } else {
        let output = lowering.output(value, Layout::Rows);
        lowering.step(kernel, vec![input], vec![output]);
    }
}

/// Sizes of one sample, and the axes that count for it. What several rows of a sample share axis 0
/// with the samples.
fn of_one_sample(shape: &Shape, axes: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let dims: Vec<usize> = shape.dims().iter().map(|dim| dim.size(1)).collect();
    let counts = |&axis: &usize| axis != 0 || !shape.is_batched() || dims[0] != 1;
    let axes = axes.iter().copied().filter(counts).collect();
    (dims, axes)
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
