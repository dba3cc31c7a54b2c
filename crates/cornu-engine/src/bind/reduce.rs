//! Sums, extremes and variances along axes.

use cornu_graph::ops::ReduceKind;
use cornu_graph::{Op, ValueId};
use cornu_kernels::copy::{Axis, MAX_RANK, copy_strided};
use cornu_kernels::moments::{self, Walk, moments};
use cornu_kernels::reduce::{Reduction, reduce};
use cornu_tensor::Shape;

use super::{Call, Kernel, conv, fallback};
use crate::combine::Combine;
use crate::groups::Group;
use crate::layouts::Layout;
use crate::lower::Lowering;
use crate::placement::Role;
use crate::plan::BufferId;

/// Reduces the middle axis of `(outer, n, inner)` of each sample.
#[derive(Debug)]
struct Reducing {
    kind: Reduction,
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
        let over = if self.over_samples { " over samples" } else { "" };
        format!("{}{over} ({},{},{})", name(self.kind), self.outer, self.n, self.inner)
    }

    fn flops(&self) -> f64 {
        (self.outer * self.n * self.inner) as f64
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (kind, walked, y_len) =
            (self.kind, self.outer * self.n * self.inner, self.outer * self.inner);
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

/// Reduces several axes that are no neighbours, one after the other.
#[derive(Debug)]
struct Stages {
    kind: Reduction,
    /// Sizes before, along and after the axis that each stage reduces, of one sample.
    stages: Vec<(usize, usize, usize)>,
    x_len: usize,
    over_samples: bool,
}

impl Kernel for Stages {
    fn describe(&self) -> String {
        let over = if self.over_samples { " over samples" } else { "" };
        let stages: Vec<String> =
            self.stages.iter().map(|(outer, n, inner)| format!("({outer},{n},{inner})")).collect();
        format!("{}{over} {}", name(self.kind), stages.join(" "))
    }

    fn scratch_len(&self, _samples: usize) -> usize {
        let last = self.stages.len().saturating_sub(1);
        self.stages[..last].iter().map(|(outer, _, inner)| outer * inner).sum()
    }

    fn flops(&self) -> f64 {
        self.x_len as f64
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let Some((&last, before)) = self.stages.split_last() else { return };
        let y_len = last.0 * last.2;
        for sample in 0..call.samples {
            let mut x = &call.inputs[0][sample * self.x_len..][..self.x_len];
            let mut scratch = &mut *call.scratch;
            for &(outer, n, inner) in before {
                let (y, rest) = scratch.split_at_mut(outer * inner);
                reduce(call.isa, self.kind, y, x, outer, n, inner, false);
                (x, scratch) = (y, rest);
            }
            let y = if self.over_samples {
                &mut *call.outputs[0]
            } else {
                &mut call.outputs[0][sample * y_len..(sample + 1) * y_len]
            };
            reduce(call.isa, self.kind, y, x, last.0, last.1, last.2, self.over_samples);
        }
    }
}

/// The stages that reduce `runs`, one after the other.
fn stages(mut runs: Vec<(bool, usize)>) -> Vec<(usize, usize, usize)> {
    let mut stages = Vec::new();
    while let Some(last) = runs.iter().rposition(|&(reduced, _)| reduced) {
        // Short rows at the end are better left for when there are fewer of them.
        let short = last + 1 == runs.len() && runs[last].1 < 32;
        let first = runs.iter().position(|&(reduced, _)| reduced).unwrap_or(last);
        let at = if short { first } else { last };
        let product = |runs: &[(bool, usize)]| runs.iter().map(|&(_, size)| size).product();
        stages.push((product(&runs[..at]), runs[at].1, product(&runs[at + 1..])));
        runs.remove(at);
    }
    stages
}

fn name(kind: Reduction) -> &'static str {
    match kind {
        Reduction::Sum => "sum",
        Reduction::Max => "max",
        Reduction::Min => "min",
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
    let kind = match op.kind {
        ReduceKind::Sum => Reduction::Sum,
        ReduceKind::Max => Reduction::Max,
        ReduceKind::Min => Reduction::Min,
    };
    let over_pixels = are_pixels(&dims, &axes) && op.kind == ReduceKind::Sum;
    let (outer, n, inner, layout) = match layout {
        // Halos are zero, so a sum may run over them.
        Layout::Planes(planes) if over_pixels => (planes.channels, planes.plane(), 1, layout),
        Layout::Pixels(pixels) if over_pixels => {
            (1, pixels.len() / pixels.channels.max(1), pixels.channels, layout)
        }
        _ => match neighbours(&dims, &axes) {
            Some((outer, n, inner)) => (outer, n, inner, Layout::Rows),
            None => {
                let stages = stages(runs(&dims, &axes));
                let x_len = Layout::Rows.len(&shape);
                let kernel = Box::new(Stages { kind, stages, x_len, over_samples });
                let input = lowering.operand(x, Layout::Rows);
                let combine = op.kind.into();
                return add_step(lowering, value, combine, kernel, input, over_samples);
            }
        },
    };
    let x_len = layout.len(&shape);
    let kernel = Box::new(Reducing { kind, outer, n, inner, x_len, over_samples });
    let input = lowering.operand(x, layout);
    add_step(lowering, value, op.kind.into(), kernel, input, over_samples);
}

fn add_step(
    lowering: &mut Lowering<'_>,
    value: ValueId,
    combine: Combine,
    kernel: Box<dyn Kernel>,
    input: BufferId,
    over_samples: bool,
) {
    if over_samples {
        lowering.reduction_step(value, combine, kernel, vec![input]);
    } else {
        let output = lowering.output(value, Layout::Rows);
        lowering.step(kernel, vec![input], vec![output]);
    }
}

/// Whether these axes are all pixels of pictures or sequences, given the sizes of one sample.
fn are_pixels(dims: &[usize], axes: &[usize]) -> bool {
    matches!((dims.len(), axes), (4, [1, 2]) | (3, [1]))
}

/// Variances of each sample, or of all.
#[derive(Debug)]
struct Variances {
    /// Where the first element lies, and how to go on from there.
    origin: usize,
    walk: Walk,
    /// Elements of one sample.
    x_len: usize,
    /// How to copy a sample so that all that belongs to a result lies together; nothing, if the walk
    /// finds it as it lies.
    gathered: Vec<Axis>,
    over_samples: bool,
}

impl Kernel for Variances {
    fn describe(&self) -> String {
        let Walk { outer, inner, .. } = self.walk;
        let over = if self.over_samples { " over samples" } else { "" };
        format!("variance{over} ({outer},{},{inner})", self.walk.n())
    }

    fn scratch_len(&self, _samples: usize) -> usize {
        let gathered = if self.gathered.is_empty() { 0 } else { self.x_len };
        2 * self.walk.results() + gathered
    }

    fn flops(&self) -> f64 {
        (4 * self.walk.n() * self.walk.results()) as f64
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let n = self.walk.results();
        let (results, gathered) = call.scratch.split_at_mut(2 * n);
        let (mean, m2) = results.split_at_mut(n);
        for sample in 0..call.samples {
            let mut x = &call.inputs[0][sample * self.x_len..][..self.x_len];
            if !self.gathered.is_empty() {
                let gathered = &mut gathered[..self.x_len];
                copy_strided(call.isa, gathered, 0, x, 0, &self.gathered);
                x = gathered;
            }
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
    let over_pixels = are_pixels(&dims, &axes);
    let layout = lowering.layout_of(x);
    let mut gathered = Vec::new();
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
            None => match runs(&dims, &axes)[..] {
                // Such as the channels of a group in all pixels.
                [(true, rows), (false, outer), (true, width)] => {
                    let row_step = outer * width;
                    (
                        0,
                        Walk { outer, outer_step: width, rows, row_step, width, inner: 1 },
                        Layout::Rows,
                    )
                }
                ref runs if runs.len() <= MAX_RANK => {
                    let (axes, outer, width) = results_first(runs);
                    gathered = axes;
                    let outer_step = width;
                    (
                        0,
                        Walk { outer, outer_step, rows: 1, row_step: 0, width, inner: 1 },
                        Layout::Rows,
                    )
                }
                _ => return fallback::bind(lowering, group, value),
            },
        },
    };
    let x_len = layout.len(&shape);
    let kernel = Box::new(Variances { origin, walk, x_len, gathered, over_samples });
    let input = lowering.operand(x, layout);
    add_step(lowering, value, Combine::Moments, kernel, input, over_samples);
}

/// The copy that puts the reduced ones of `runs` behind the others, and the sizes of both.
fn results_first(runs: &[(bool, usize)]) -> (Vec<Axis>, usize, usize) {
    let size = |reduced: bool| {
        runs.iter().filter(|run| run.0 == reduced).map(|&(_, size)| size).product::<usize>()
    };
    let mut axes = vec![Axis::default(); runs.len()];
    let (mut from, mut to) = (1, [size(true), 1]);
    for (axis, &(reduced, size)) in axes.iter_mut().zip(runs).rev() {
        let to = &mut to[usize::from(reduced)];
        *axis = Axis { len: size, y: *to as isize, x: from as isize };
        *to *= size;
        from *= size;
    }
    (axes, size(false), size(true))
}

/// Sizes of one sample, and the axes that count for it. What several rows of a sample share axis 0
/// with the samples.
fn of_one_sample(shape: &Shape, axes: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let dims: Vec<usize> = shape.dims().iter().map(|dim| dim.size(1)).collect();
    let counts = |&axis: &usize| axis != 0 || !shape.is_batched() || dims[0] != 1;
    let axes = axes.iter().copied().filter(counts).collect();
    (dims, axes)
}

/// Runs of neighbouring axes that are all reduced, or all not, with their sizes; axes of size 1 do
/// not count.
fn runs(dims: &[usize], axes: &[usize]) -> Vec<(bool, usize)> {
    let mut runs: Vec<(bool, usize)> = Vec::new();
    for (axis, &size) in dims.iter().enumerate().filter(|&(_, &size)| size != 1) {
        let reduced = axes.contains(&axis);
        match runs.last_mut() {
            Some((same, run)) if *same == reduced => *run *= size,
            _ => runs.push((reduced, size)),
        }
    }
    runs
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
