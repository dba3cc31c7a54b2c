//! Convolutions and poolings of volumes `(N, D, H, W, C)`.

use cornu_graph::ops::{AveragePoolGrad, Conv, MaxPoolGrad};
use cornu_graph::{Op, ValueId};
use cornu_kernels::conv::volumes;
use cornu_kernels::layout::Window;
use cornu_kernels::pooling;
use cornu_tensor::{Dim, Shape};

use super::{Call, Kernel, fallback};
use crate::combine::Combine;
use crate::groups::Group;
use crate::layouts::Layout;
use crate::lower::Lowering;
use crate::plan::BufferId;

/// A batch of volumes: depth, height, width, and channels.
fn volume(shape: &Shape) -> Option<([usize; 3], usize)> {
    match shape.dims() {
        [Dim::Batch(1), Dim::Fixed(d), Dim::Fixed(h), Dim::Fixed(w), Dim::Fixed(c)] => {
            Some(([*d, *h, *w], *c))
        }
        _ => None,
    }
}

/// Which of the three kernels.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction {
    Forward,
    InputGrad,
    KernelGrad,
}

/// One sample after the other.
#[derive(Debug)]
struct Convolution {
    volumes: volumes::Volumes,
    direction: Direction,
}

fn describe(volumes: &volumes::Volumes) -> String {
    let ([height, width], [d, h, w]) = (volumes.window.size, volumes.input);
    let (depth, c, f) = (volumes.depth, volumes.channels, volumes.filters);
    format!("{depth}x{height}x{width} {c}->{f} @{d}x{h}x{w}")
}

impl Kernel for Convolution {
    fn describe(&self) -> String {
        let name = match self.direction {
            Direction::Forward => "conv",
            Direction::InputGrad => "conv_input_grad",
            Direction::KernelGrad => "conv_kernel_grad",
        };
        format!("{name} {}", describe(&self.volumes))
    }

    fn scratch_len(&self, _samples: usize) -> usize {
        match self.direction {
            Direction::Forward => self.volumes.forward_scratch_len(),
            Direction::InputGrad => self.volumes.input_grad_scratch_len(),
            Direction::KernelGrad => self.volumes.kernel_grad_scratch_len(),
        }
    }

    fn flops(&self) -> f64 {
        let positions: usize = self.volumes.output.iter().product();
        2.0 * positions as f64 * self.volumes.kernel_len() as f64
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (isa, volumes) = (call.isa, &self.volumes);
        let (x_len, y_len) = (volumes.input_len(), volumes.output_len());
        for sample in 0..call.samples {
            let x = sample * x_len..(sample + 1) * x_len;
            let y = sample * y_len..(sample + 1) * y_len;
            let (inputs, scratch) = (call.inputs, &mut *call.scratch);
            match self.direction {
                Direction::Forward => {
                    let to = &mut call.outputs[0][y];
                    let from = &inputs[0][x];
                    volumes::forward(isa, to, from, inputs[1], None, volumes, false, scratch);
                }
                Direction::InputGrad => {
                    let to = &mut call.outputs[0][x];
                    volumes::input_grad(isa, to, &inputs[0][y], inputs[1], volumes, scratch);
                }
                Direction::KernelGrad => {
                    let to = &mut *call.outputs[0];
                    volumes::kernel_grad(isa, to, &inputs[1][y], &inputs[0][x], volumes, scratch);
                }
            }
        }
    }
}

/// Brings a kernel's weights into the order in which the convolution reads them.
#[derive(Debug)]
struct Pack {
    volumes: volumes::Volumes,
    transposed: bool,
}

impl Kernel for Pack {
    fn describe(&self) -> String {
        let transposed = if self.transposed { " transposed" } else { "" };
        format!("pack{transposed} {}", describe(&self.volumes))
    }

    fn scratch_len(&self, _samples: usize) -> usize {
        self.volumes.pack_scratch_len()
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let pack = if self.transposed { volumes::pack_transposed } else { volumes::pack };
        pack(call.outputs[0], call.inputs[0], &self.volumes, call.scratch);
    }
}

/// The packed weights of `kernel`, shared by all steps that need the same.
fn packed(
    lowering: &mut Lowering<'_>,
    volumes: volumes::Volumes,
    kernel: ValueId,
    transposed: bool,
) -> BufferId {
    let name = if transposed { "packed transposed" } else { "packed" };
    let key = format!("{name} {} {:?}", volumes.groups, volumes.window);
    let pack = || Box::new(Pack { volumes, transposed }) as Box<dyn Kernel>;
    lowering.derived(kernel, name, key, volumes.packed_len(), pack)
}

fn sizes_of(op: &Conv, [x, kernel, y]: [&Shape; 3]) -> Option<volumes::Volumes> {
    let ((input, channels), (output, filters)) = (volume(x)?, volume(y)?);
    let size = |axis: usize| kernel.dims()[axis].size(1);
    Some(volumes::Volumes {
        input,
        output,
        channels,
        filters,
        groups: op.groups,
        depth: size(0),
        stride: op.strides[0],
        dilation: op.dilations[0],
        before: op.padding[0].0,
        window: Window {
            size: [size(1), size(2)],
            stride: [op.strides[1], op.strides[2]],
            dilation: [op.dilations[1], op.dilations[2]],
            before: [op.padding[1].0, op.padding[2].0],
        },
    })
}

/// Adds the step of a convolution or one of its gradients; by definition, if these are not volumes.
pub(super) fn bind_conv(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let shape = |i: usize| lowering.graph.shape(node.inputs[i]);
    let (sizes, direction) = match &node.op {
        Op::Conv(op) => (sizes_of(op, [shape(0), shape(1), &node.shape]), Direction::Forward),
        Op::ConvInputGrad(op) => {
            (sizes_of(&op.conv, [&node.shape, shape(1), shape(0)]), Direction::InputGrad)
        }
        Op::ConvKernelGrad(op) => {
            (sizes_of(&op.conv, [shape(0), &node.shape, shape(1)]), Direction::KernelGrad)
        }
        _ => (None, Direction::Forward),
    };
    let Some(volumes) = sizes else {
        return fallback::bind(lowering, group, value);
    };
    let kernel = Box::new(Convolution { volumes, direction });
    let first = lowering.operand(node.inputs[0], Layout::Rows);
    if direction == Direction::KernelGrad {
        let inputs = vec![first, lowering.operand(node.inputs[1], Layout::Rows)];
        return lowering.reduction_step(value, Combine::Sum, kernel, inputs);
    }
    let transposed = direction == Direction::InputGrad;
    let inputs = vec![first, packed(lowering, volumes, node.inputs[1], transposed)];
    let output = lowering.output(value, Layout::Rows);
    lowering.step(kernel, inputs, vec![output]);
}

/// Which pooling kernel.
#[derive(Debug, Clone, Copy)]
enum Which {
    Max,
    MaxGrad,
    Average,
    AverageGrad,
}

/// One sample after the other.
#[derive(Debug)]
struct Pooling {
    which: Which,
    volumes: pooling::Volumes,
}

impl Kernel for Pooling {
    fn describe(&self) -> String {
        let name = match self.which {
            Which::Max => "max_pool",
            Which::MaxGrad => "max_pool_grad",
            Which::Average => "average_pool",
            Which::AverageGrad => "average_pool_grad",
        };
        let [d, h, w] = self.volumes.size;
        format!("{name} {d}x{h}x{w}")
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (isa, volumes) = (call.isa, &self.volumes);
        let (x_len, y_len) = (volumes.input_len(), volumes.output_len());
        for sample in 0..call.samples {
            let x = sample * x_len..(sample + 1) * x_len;
            let y = sample * y_len..(sample + 1) * y_len;
            let (to, from) = (&mut *call.outputs[0], call.inputs);
            match self.which {
                Which::Max => pooling::max_pool_volumes(isa, &mut to[y], &from[0][x], volumes),
                Which::Average => {
                    pooling::average_pool_volumes(isa, &mut to[y], &from[0][x], volumes);
                }
                Which::MaxGrad => {
                    let (dx, x, dy) = (&mut to[x.clone()], &from[0][x], &from[1][y]);
                    pooling::max_pool_grad_volumes(isa, dx, x, dy, volumes);
                }
                Which::AverageGrad => {
                    pooling::average_pool_grad_volumes(isa, &mut to[x], &from[0][y], volumes);
                }
            }
        }
    }
}

/// Adds the step of a pooling or its gradient; by definition, if these are not volumes.
pub(super) fn bind_pool(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let (size, strides, padding) = match &node.op {
        Op::MaxPool(op) | Op::MaxPoolGrad(MaxPoolGrad { pool: op }) => {
            (&op.window, &op.strides, &op.padding)
        }
        Op::AveragePool(op) | Op::AveragePoolGrad(AveragePoolGrad { pool: op, .. }) => {
            (&op.window, &op.strides, &op.padding)
        }
        _ => return fallback::bind(lowering, group, value),
    };
    let (which, x, y) = match &node.op {
        Op::MaxPool(_) => (Which::Max, node.inputs[0], value),
        Op::MaxPoolGrad(_) => (Which::MaxGrad, node.inputs[0], node.inputs[1]),
        Op::AveragePool(_) => (Which::Average, node.inputs[0], value),
        _ => (Which::AverageGrad, value, node.inputs[0]),
    };
    let (Some((input, channels)), Some((output, _))) =
        (volume(lowering.graph.shape(x)), volume(lowering.graph.shape(y)))
    else {
        return fallback::bind(lowering, group, value);
    };
    let volumes = pooling::Volumes {
        input,
        output,
        size: [size[0], size[1], size[2]],
        stride: [strides[0], strides[1], strides[2]],
        before: [padding[0].0, padding[1].0, padding[2].0],
        channels,
    };
    let inputs = node.inputs.iter().map(|&input| lowering.operand(input, Layout::Rows)).collect();
    let output = lowering.output(value, Layout::Rows);
    lowering.step(Box::new(Pooling { which, volumes }), inputs, vec![output]);
}
