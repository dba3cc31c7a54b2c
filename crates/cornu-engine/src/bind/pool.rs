//! Max and average pooling with their gradients.

use cornu_graph::{Op, ValueId};
use cornu_kernels::Isa;
use cornu_kernels::layout::{Pixels, Planes, Window};
use cornu_kernels::pooling;

use super::{Call, Kernel, fallback, volumes};
use crate::groups::Group;
use crate::layouts::{Family, Layout, as_pixels, picture, rows_and_columns};
use crate::lower::Lowering;

/// Which pooling kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Which {
    Max,
    MaxGrad,
    Average,
    AverageGrad,
}

/// Layouts of the picture and of the pooled picture.
#[derive(Debug, Clone, Copy)]
enum Ends {
    Planes(Planes, Planes),
    Pixels(Pixels, Pixels),
}

/// One sample after the other.
#[derive(Debug)]
struct Pooling {
    which: Which,
    window: Window,
    ends: Ends,
}

impl Kernel for Pooling {
    fn describe(&self) -> String {
        let name = match self.which {
            Which::Max => "max_pool",
            Which::MaxGrad => "max_pool_grad",
            Which::Average => "average_pool",
            Which::AverageGrad => "average_pool_grad",
        };
        let [h, w] = self.window.size;
        format!("{name} {h}x{w}")
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (x_len, y_len) = match &self.ends {
            Ends::Planes(x, y) => (x.len(), y.len()),
            Ends::Pixels(x, y) => (x.len(), y.len()),
        };
        for sample in 0..call.samples {
            let x = sample * x_len..(sample + 1) * x_len;
            let y = sample * y_len..(sample + 1) * y_len;
            let output = if matches!(self.which, Which::Max | Which::Average) {
                y.clone()
            } else {
                x.clone()
            };
            let output = &mut call.outputs[0][output];
            match self.which {
                Which::Max | Which::Average => self.forward(call.isa, output, &call.inputs[0][x]),
                Which::MaxGrad => {
                    self.max_grad(call.isa, output, &call.inputs[0][x], &call.inputs[1][y]);
                }
                Which::AverageGrad => self.average_grad(call.isa, output, &call.inputs[0][y]),
            }
        }
    }
}

impl Pooling {
    fn forward(&self, isa: Isa, y: &mut [f32], x: &[f32]) {
        let window = &self.window;
        match (&self.ends, self.which) {
            (Ends::Planes(xl, yl), Which::Max) => {
                pooling::max_pool_planes(isa, y, yl, x, xl, window)
            }
            (Ends::Pixels(xl, yl), Which::Max) => {
                pooling::max_pool_pixels(isa, y, yl, x, xl, window)
            }
            (Ends::Planes(xl, yl), _) => pooling::average_pool_planes(isa, y, yl, x, xl, window),
            (Ends::Pixels(xl, yl), _) => pooling::average_pool_pixels(isa, y, yl, x, xl, window),
        }
        match &self.ends {
            Ends::Planes(_, yl) => yl.zero_halo(y),
            Ends::Pixels(_, yl) => yl.zero_halo(y),
        }
    }

    fn max_grad(&self, isa: Isa, dx: &mut [f32], x: &[f32], dy: &[f32]) {
        match &self.ends {
            Ends::Planes(xl, yl) => {
                pooling::max_pool_grad_planes(isa, dx, x, xl, dy, yl, &self.window);
                xl.zero_halo(dx);
            }
            Ends::Pixels(xl, yl) => {
                pooling::max_pool_grad_pixels(isa, dx, x, xl, dy, yl, &self.window);
                xl.zero_halo(dx);
            }
        }
    }

    fn average_grad(&self, isa: Isa, dx: &mut [f32], dy: &[f32]) {
        match &self.ends {
            Ends::Planes(xl, yl) => {
                pooling::average_pool_grad_planes(isa, dx, xl, dy, yl, &self.window);
                xl.zero_halo(dx);
            }
            Ends::Pixels(xl, yl) => {
                pooling::average_pool_grad_pixels(isa, dx, xl, dy, yl, &self.window);
                xl.zero_halo(dx);
            }
        }
    }
}

/// Adds the step of a pooling or its gradient.
pub(super) fn bind(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let inputs = &node.inputs;
    let (which, x, y) = match &node.op {
        Op::MaxPool(_) => (Which::Max, inputs[0], value),
        Op::AveragePool(_) => (Which::Average, inputs[0], value),
        Op::MaxPoolGrad(_) => (Which::MaxGrad, inputs[0], inputs[1]),
        Op::AveragePoolGrad(_) => (Which::AverageGrad, value, inputs[0]),
        _ => return,
    };
    let (size, strides, padding) = match &node.op {
        Op::MaxPool(op) | Op::MaxPoolGrad(cornu_graph::ops::MaxPoolGrad { pool: op }) => {
            (&op.window, &op.strides, &op.padding)
        }
        Op::AveragePool(op) => (&op.window, &op.strides, &op.padding),
        Op::AveragePoolGrad(op) => (&op.pool.window, &op.pool.strides, &op.pool.padding),
        _ => return,
    };
    let (x_shape, y_shape) = (lowering.graph.shape(x).clone(), lowering.graph.shape(y).clone());
    let (Some(size), Some(stride), Some(padding)) = (
        rows_and_columns(size, 1),
        rows_and_columns(strides, 1),
        rows_and_columns(padding, (0, 0)),
    ) else {
        return volumes::bind_pool(lowering, group, value);
    };
    if picture(&x_shape).is_none() || picture(&y_shape).is_none() {
        return fallback::bind(lowering, group, value);
    }
    let before = padding.map(|(before, _)| before);
    let window = Window { size, stride, dilation: [1, 1], before };
    let read = inputs.iter().map(|&input| lowering.layout_of(input));
    let family = if read.into_iter().any(|layout| matches!(layout, Layout::Planes(_))) {
        Family::Planes
    } else {
        Family::Pixels
    };
    let x_layout = lowering.layouts.layout(&x_shape, family);
    let y_layout = lowering.layouts.layout(&y_shape, family);
    let ends = match (x_layout, y_layout) {
        (Layout::Planes(x), Layout::Planes(y)) => Ends::Planes(x, y),
        _ => match (as_pixels(x_layout, &x_shape), as_pixels(y_layout, &y_shape)) {
            (Some(x), Some(y)) => Ends::Pixels(x, y),
            _ => unreachable!("both ends of a pooling are pictures of one family"),
        },
    };
    let operands = inputs
        .iter()
        .map(|&input| lowering.operand(input, if input == x { x_layout } else { y_layout }))
        .collect();
    let forward = matches!(which, Which::Max | Which::Average);
    let to = lowering.output(value, if forward { y_layout } else { x_layout });
    lowering.step(Box::new(Pooling { which, window, ends }), operands, vec![to]);
}
