//! Pictures moved by affine maps, and resized.

use cornu_graph::ops::{FillMode, Interpolation};
use cornu_graph::{Op, ValueId};
use cornu_kernels::image::{self, Size};

use super::{Call, Kernel, fallback};
use crate::groups::Group;
use crate::layouts::{Layout, picture};
use crate::lower::Lowering;

/// Each picture by its own affine map.
#[derive(Debug)]
struct Affine {
    size: Size,
    interpolation: image::Interpolation,
    fill_mode: image::FillMode,
    fill_value: f32,
}

impl Kernel for Affine {
    fn describe(&self) -> String {
        format!("affine_transform {}x{}x{}", self.size.height, self.size.width, self.size.channels)
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let len = self.size.len();
        for sample in 0..call.samples {
            let mut matrix = [0.0; 6];
            matrix.copy_from_slice(&call.inputs[1][sample * 6..(sample + 1) * 6]);
            image::affine_transform(
                call.isa,
                &mut call.outputs[0][sample * len..(sample + 1) * len],
                &call.inputs[0][sample * len..(sample + 1) * len],
                self.size,
                matrix,
                self.interpolation,
                self.fill_mode,
                self.fill_value,
            );
        }
    }
}

/// Each picture in another size.
#[derive(Debug)]
struct Resizing {
    from: Size,
    to: Size,
    interpolation: image::Interpolation,
}

impl Kernel for Resizing {
    fn describe(&self) -> String {
        format!("resize {}x{}", self.to.height, self.to.width)
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (x_len, y_len) = (self.from.len(), self.to.len());
        for sample in 0..call.samples {
            let y = &mut call.outputs[0][sample * y_len..(sample + 1) * y_len];
            let x = &call.inputs[0][sample * x_len..(sample + 1) * x_len];
            image::resize(call.isa, y, self.to, x, self.from, self.interpolation);
        }
    }
}

/// Gradients of pictures that were moved.
#[derive(Debug)]
struct AffineGrad {
    size: Size,
    interpolation: image::Interpolation,
    fill_mode: image::FillMode,
}

impl Kernel for AffineGrad {
    fn describe(&self) -> String {
        let Size { height, width, channels } = self.size;
        format!("affine_transform_grad {height}x{width}x{channels}")
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let len = self.size.len();
        for sample in 0..call.samples {
            let mut matrix = [0.0; 6];
            matrix.copy_from_slice(&call.inputs[1][sample * 6..(sample + 1) * 6]);
            image::affine_transform_grad(
                call.isa,
                &mut call.outputs[0][sample * len..(sample + 1) * len],
                &call.inputs[0][sample * len..(sample + 1) * len],
                self.size,
                matrix,
                self.interpolation,
                self.fill_mode,
            );
        }
    }
}

/// Gradients of pictures that were resized.
#[derive(Debug)]
struct ResizingGrad {
    /// The resized picture.
    resized: Size,
    /// The picture before.
    picture: Size,
    interpolation: image::Interpolation,
}

impl Kernel for ResizingGrad {
    fn describe(&self) -> String {
        format!("resize_grad {}x{}", self.picture.height, self.picture.width)
    }

    fn scratch_len(&self, _samples: usize) -> usize {
        image::resize_grad_scratch_len(self.resized)
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (dx_len, dy_len) = (self.picture.len(), self.resized.len());
        for sample in 0..call.samples {
            let dx = &mut call.outputs[0][sample * dx_len..(sample + 1) * dx_len];
            let dy = &call.inputs[0][sample * dy_len..(sample + 1) * dy_len];
            let (isa, scratch) = (call.isa, &mut *call.scratch);
            let interpolation = self.interpolation;
            image::resize_grad(isa, dx, self.picture, dy, self.resized, interpolation, scratch);
        }
    }
}

/// Adds the step of an op on pictures.
pub(super) fn bind(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let from = lowering.graph.shape(node.inputs[0]).clone();
    let (Some(from), Some(to)) = (picture(&from), picture(&node.shape)) else {
        return fallback::bind(lowering, group, value);
    };
    let size = |[height, width, channels]: [usize; 3]| Size { height, width, channels };
    let (from, to) = (size(from), size(to));
    // The kernels count pixels in `f32`.
    if 1 << 24 <= from.len().max(to.len()) || from.is_empty() {
        return fallback::bind(lowering, group, value);
    }
    let kernel: Box<dyn Kernel> = match &node.op {
        Op::AffineTransform(op) => Box::new(Affine {
            size: from,
            interpolation: interpolation(op.sampling.interpolation),
            fill_mode: fill_mode(op.sampling.fill_mode),
            fill_value: op.sampling.fill_value as f32,
        }),
        Op::AffineTransformGrad(op) => Box::new(AffineGrad {
            size: from,
            interpolation: interpolation(op.sampling.interpolation),
            fill_mode: fill_mode(op.sampling.fill_mode),
        }),
        Op::ResizeGrad(op) => Box::new(ResizingGrad {
            resized: from,
            picture: to,
            interpolation: interpolation(op.interpolation),
        }),
        Op::Resize(op) => {
            Box::new(Resizing { from, to, interpolation: interpolation(op.interpolation) })
        }
        _ => return fallback::bind(lowering, group, value),
    };
    let inputs = node.inputs.iter().map(|&input| lowering.operand(input, Layout::Rows)).collect();
    let output = lowering.output(value, Layout::Rows);
    lowering.step(kernel, inputs, vec![output]);
}

fn interpolation(interpolation: Interpolation) -> image::Interpolation {
    match interpolation {
        Interpolation::Nearest => image::Interpolation::Nearest,
        Interpolation::Bilinear => image::Interpolation::Bilinear,
    }
}

fn fill_mode(mode: FillMode) -> image::FillMode {
    match mode {
        FillMode::Reflect => image::FillMode::Reflect,
        FillMode::Wrap => image::FillMode::Wrap,
        FillMode::Constant => image::FillMode::Constant,
        FillMode::Nearest => image::FillMode::Nearest,
    }
}
