//! Convolutions of pictures and sequences: forward, gradient of the input, gradient of the kernel.

use cornu_graph::{Op, ValueId};
use cornu_kernels::conv::pixels::winograd;
use cornu_kernels::conv::{pixels, planar};
use cornu_kernels::copy::pixels_to_pixels;
use cornu_kernels::layout::{Pixels, Planes, Window};
use cornu_kernels::{Isa, as_bytes, as_bytes_mut};

use super::{Call, Kernel, volumes};
use crate::combine::Combine;
use crate::groups::{ConvTail, Group};
use crate::layouts::{ConvShape, Family, Layout, as_pixels};
use crate::lower::Lowering;
use crate::plan::BufferId;

/// Layouts of both ends of a convolution in the family that it runs in.
#[derive(Debug, Clone, Copy)]
enum Ends {
    Planes { input: Planes, output: Planes },
    Pixels { input: Pixels, output: Pixels },
}

impl Ends {
    fn lens(&self) -> [usize; 2] {
        match self {
            Self::Planes { input, output } => [input.len(), output.len()],
            Self::Pixels { input, output } => [input.len(), output.len()],
        }
    }
}

/// Arithmetic of a convolution from which on other threads are called for a single sample: they take
/// about a microsecond to answer.
const DIVIDED_FLOPS: f64 = 4e5;

/// Which of the three kernels.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction {
    Forward { relu: bool },
    InputGrad,
    KernelGrad,
}

/// One sample after the other through one of the three kernels.
#[derive(Debug)]
struct Convolution {
    conv: ConvShape,
    ends: Ends,
    direction: Direction,
}

impl Convolution {
    fn new(
        lowering: &Lowering<'_>,
        conv: ConvShape,
        direction: Direction,
        ends: [ValueId; 2],
    ) -> Self {
        let [input, output] = ends.map(|value| lowering.graph.shape(value).clone());
        let family = conv.family();
        let layout = |shape| lowering.layouts.layout(shape, family);
        let (input_layout, output_layout) = (layout(&input), layout(&output));
        let ends = match (input_layout, output_layout) {
            (Layout::Planes(input), Layout::Planes(output)) => Ends::Planes { input, output },
            _ => match (as_pixels(input_layout, &input), as_pixels(output_layout, &output)) {
                (Some(input), Some(output)) => Ends::Pixels { input, output },
                _ => unreachable!("both ends of a convolution are pictures of one family"),
            },
        };
        Self { conv, ends, direction }
    }
}

impl Kernel for Convolution {
    fn describe(&self) -> String {
        let what = match self.direction {
            Direction::Forward { relu: true } => "conv+relu",
            Direction::Forward { relu: false } => "conv",
            Direction::InputGrad => "conv_input_grad",
            Direction::KernelGrad => "conv_kernel_grad",
        };
        let minimal = self.direction != Direction::KernelGrad || self.conv.winograd();
        format!("{what} {}", describe_conv(&self.conv, minimal))
    }

    fn scratch_len(&self, samples: usize) -> usize {
        let padded = self.padded().map_or(0, |padded| padded.len());
        let own = match (self.ends, self.direction) {
            (Ends::Pixels { input, output }, direction) if self.conv.winograd() => {
                match direction {
                    Direction::Forward { .. } => winograd::scratch_len(&output, &input, samples),
                    Direction::InputGrad => winograd::scratch_len(&input, &output, samples),
                    Direction::KernelGrad => {
                        winograd::kernel_grad_scratch_len(&output, &input, samples)
                    }
                }
            }
            (Ends::Planes { input, output }, Direction::KernelGrad) => {
                planar::kernel_grad_scratch_len(&self.conv.window, &output, &input)
            }
            (Ends::Planes { input, output }, direction) if self.conv.planar_winograd() => {
                planar::winograd::scratch_len(match direction {
                    Direction::InputGrad => output.channels,
                    _ => input.channels,
                })
            }
            _ => 0,
        };
        own.max(padded)
    }

    fn flops(&self) -> f64 {
        self.conv.flops()
    }

    fn divides(&self) -> bool {
        matches!(self.direction, Direction::Forward { .. }) && DIVIDED_FLOPS <= self.flops()
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        if let Ends::Pixels { input, output } = &self.ends
            && self.conv.winograd()
            && call.helpers.is_none()
            && (self.direction != Direction::KernelGrad
                || winograd::KERNEL_GRAD_TILES <= winograd::n_tiles(output) * call.samples)
        {
            return self.run_winograd(call, input, output);
        }
        if call.helpers.is_some() {
            return self.run_in_parts(call);
        }
        let (isa, window, groups) = (call.isa, &self.conv.window, self.conv.groups);
        let [in_len, out_len] = self.ends.lens();
        let padded = self.padded();
        for sample in 0..call.samples {
            let x = sample * in_len..(sample + 1) * in_len;
            let y = sample * out_len..(sample + 1) * out_len;
            match (&self.ends, self.direction) {
                (Ends::Planes { input, output }, Direction::Forward { relu }) => {
                    let (packed, bias) = (call.inputs[1], call.inputs.get(2).copied());
                    let (to, from) = (&mut call.outputs[0][y], &call.inputs[0][x]);
                    let (ends, scratch) = ((to, output, from, input), &mut *call.scratch);
                    planar_forward(isa, &self.conv, ends, packed, bias, window, relu, scratch);
                }
                (Ends::Pixels { input, output }, Direction::Forward { relu }) => {
                    let (packed, bias) = (call.inputs[1], call.inputs.get(2).copied());
                    let to = &mut call.outputs[0][y];
                    let (from, input) = pad(&call.inputs[0][x], input, &padded, call.scratch);
                    pixels::forward(
                        isa, to, output, from, input, packed, bias, window, groups, relu,
                    );
                    output.zero_halo(to);
                }
                (Ends::Planes { input, output }, Direction::InputGrad) => {
                    let window = planar::input_grad_window(window);
                    let (to, from) = (&mut call.outputs[0][x], &call.inputs[0][y]);
                    let (ends, packed) = ((to, input, from, output), call.inputs[1]);
                    let scratch = &mut *call.scratch;
                    planar_forward(isa, &self.conv, ends, packed, None, &window, false, scratch);
                }
                (Ends::Pixels { input, output }, Direction::InputGrad) => {
                    let (to, packed) = (&mut call.outputs[0][x], call.inputs[1]);
                    let (from, output) = pad(&call.inputs[0][y], output, &padded, call.scratch);
                    pixels::input_grad(isa, to, input, from, output, packed, window, groups);
                    input.zero_halo(to);
                }
                (Ends::Planes { input, output }, Direction::KernelGrad) => {
                    let (x, dy) = (&call.inputs[0][x], &call.inputs[1][y]);
                    let to = &mut *call.outputs[0];
                    planar::kernel_grad(isa, to, dy, output, x, input, window, call.scratch);
                }
                (Ends::Pixels { input, output }, Direction::KernelGrad) => {
                    let (to, dy) = (&mut *call.outputs[0], &call.inputs[1][y]);
                    let (x, input) = pad(&call.inputs[0][x], input, &padded, call.scratch);
                    pixels::kernel_grad(isa, to, dy, output, x, input, window, groups);
                }
            }
        }
    }
}

/// `x` as it lies, or as it lies in `scratch` once it is copied into the layout `padded`.
fn pad<'a>(
    x: &'a [f32],
    layout: &'a Pixels,
    padded: &'a Option<Pixels>,
    scratch: &'a mut [f32],
) -> (&'a [f32], &'a Pixels) {
    let Some(padded) = padded else { return (x, layout) };
    let to = &mut scratch[..padded.len()];
    pixels_to_pixels(to, padded, x, layout);
    padded.zero_halo(to);
    (to, padded)
}

impl Convolution {
    /// The layout of the picture that a plain convolution on pixels reads, if it needs a halo that
    /// the picture has not.
    fn padded(&self) -> Option<Pixels> {
        let Ends::Pixels { input, output } = self.ends else { return None };
        let tiles = winograd::n_tiles(&output);
        let few = self.direction == Direction::KernelGrad && tiles < winograd::KERNEL_GRAD_TILES;
        if self.conv.winograd() && !few {
            return None;
        }
        let (window, [in_h, in_w, _]) = (&self.conv.window, self.conv.input);
        let (read, needed) = match self.direction {
            Direction::InputGrad => {
                let size = [output.height, output.width];
                (output, pixels::input_grad_halo(window, [in_h, in_w], size))
            }
            _ => (input, self.conv.input_halo()),
        };
        (!read.halo.covers(needed)).then(|| Pixels { halo: read.halo.union(needed), ..read })
    }

    /// The only sample, forward, by several threads.
    fn run_in_parts(&self, call: &mut Call<'_, '_>) {
        let Direction::Forward { relu } = self.direction else { return };
        let Some(helpers) = &mut call.helpers else { return };
        let (isa, window, groups) = (call.isa, &self.conv.window, self.conv.groups);
        let (packed, bias) = (call.inputs[1], call.inputs.get(2).copied());
        let (x, y, scratch) = (call.inputs[0], &mut *call.outputs[0], &mut *call.scratch);
        match &self.ends {
            Ends::Planes { input, output } if self.conv.planar_winograd() => {
                planar::winograd::forward_in_bands(
                    isa, helpers, y, output, x, input, packed, bias, window, relu, scratch,
                );
            }
            Ends::Planes { input, output } => {
                planar::forward_in_bands(
                    isa, helpers, y, output, x, input, packed, bias, window, relu,
                );
            }
            Ends::Pixels { input, output } if self.conv.winograd() => {
                winograd::forward_in_parts(
                    isa, helpers, y, output, x, input, packed, bias, window, relu, scratch,
                );
            }
            Ends::Pixels { input, output } => {
                let padded = self.padded();
                let (x, input) = pad(x, input, &padded, scratch);
                pixels::forward_in_parts(
                    isa, helpers, y, output, x, input, packed, bias, window, groups, relu,
                );
            }
        }
    }

    /// All samples at once: what minimal filtering reads of the kernel then serves more of them.
    fn run_winograd(&self, call: &mut Call<'_, '_>, input: &Pixels, output: &Pixels) {
        let (isa, samples, window) = (call.isa, call.samples, &self.conv.window);
        let (to, from) = (&mut *call.outputs[0], call.inputs[0]);
        let (layout, written) = match self.direction {
            Direction::Forward { relu } => {
                let (packed, bias) = (call.inputs[1], call.inputs.get(2).copied());
                let (to, scratch) = (&mut *to, &mut *call.scratch);
                winograd::forward(
                    isa, to, output, from, input, packed, bias, window, relu, samples, scratch,
                );
                (output, to)
            }
            Direction::InputGrad => {
                let (packed, window) = (call.inputs[1], winograd::input_grad_window(window));
                let (to, scratch) = (&mut *to, &mut *call.scratch);
                winograd::forward(
                    isa, to, input, from, output, packed, None, &window, false, samples, scratch,
                );
                (input, to)
            }
            Direction::KernelGrad => {
                let (dy, scratch) = (call.inputs[1], &mut *call.scratch);
                return winograd::kernel_grad(
                    isa, to, dy, output, from, input, window, samples, scratch,
                );
            }
        };
        for sample in written.chunks_exact_mut(layout.len().max(1)).take(samples) {
            layout.zero_halo(sample);
        }
    }
}

/// From `from` to `to`, with zeros around it, on planes, in the way that suits `conv` best.
fn planar_forward(
    isa: Isa,
    conv: &ConvShape,
    (to, to_layout, from, from_layout): (&mut [f32], &Planes, &[f32], &Planes),
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
    scratch: &mut [f32],
) {
    if conv.planar_winograd() {
        let forward = planar::winograd::forward;
        forward(isa, to, to_layout, from, from_layout, packed, bias, window, relu, scratch);
    } else {
        planar::forward(isa, to, to_layout, from, from_layout, packed, bias, window, relu);
    }
    to_layout.zero_halo(to);
}

/// Convolution, bias, ReLU and 2x2 max pooling without the full-size result ever in memory.
#[derive(Debug)]
struct ConvPool {
    conv: ConvShape,
    input: Planes,
    pooled: Planes,
    relu: bool,
    /// Whether the places of the maxima are wanted, for the gradient.
    keeps_argmax: bool,
}

impl Kernel for ConvPool {
    fn describe(&self) -> String {
        let relu = if self.relu { "+relu" } else { "" };
        format!("conv{relu}+max_pool {}", describe_conv(&self.conv, true))
    }

    fn scratch_len(&self, _samples: usize) -> usize {
        let winograd = self.conv.planar_winograd();
        if winograd { planar::winograd::scratch_len(self.input.channels) } else { 0 }
    }

    fn flops(&self) -> f64 {
        self.conv.flops()
    }

    fn divides(&self) -> bool {
        !self.keeps_argmax && DIVIDED_FLOPS <= self.flops()
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        if call.helpers.is_some() {
            return self.run_in_bands(call);
        }
        let (in_len, out_len) = (self.input.len(), self.pooled.len());
        let argmax_len = argmax_len(&self.pooled);
        let (pooled, argmax) = call.outputs.split_at_mut(1);
        let bias = call.inputs.get(2).copied();
        for sample in 0..call.samples {
            let x = &call.inputs[0][sample * in_len..(sample + 1) * in_len];
            let y = &mut pooled[0][sample * out_len..(sample + 1) * out_len];
            let argmax = argmax
                .first_mut()
                .map(|all| as_bytes_mut(&mut all[sample * argmax_len..(sample + 1) * argmax_len]));
            let (isa, packed) = (call.isa, call.inputs[1]);
            let (to, from, window) = (&self.pooled, &self.input, &self.conv.window);
            if self.conv.planar_winograd() {
                let forward_pool = planar::winograd::forward_pool;
                let scratch = &mut *call.scratch;
                forward_pool(isa, y, to, argmax, x, from, packed, bias, window, self.relu, scratch);
            } else {
                planar::forward_pool(isa, y, to, argmax, x, from, packed, bias, window, self.relu);
            }
            self.pooled.zero_halo(y);
        }
    }
}

impl ConvPool {
    /// The only sample, without places of maxima, by several threads.
    fn run_in_bands(&self, call: &mut Call<'_, '_>) {
        let Some(helpers) = &mut call.helpers else { return };
        let (isa, window, relu) = (call.isa, &self.conv.window, self.relu);
        let (packed, bias) = (call.inputs[1], call.inputs.get(2).copied());
        let (x, y, scratch) = (call.inputs[0], &mut *call.outputs[0], &mut *call.scratch);
        let (from, to) = (&self.input, &self.pooled);
        if self.conv.planar_winograd() {
            planar::winograd::forward_pool_in_bands(
                isa, helpers, y, to, x, from, packed, bias, window, relu, scratch,
            );
        } else {
            planar::forward_pool_in_bands(isa, helpers, y, to, x, from, packed, bias, window, relu);
        }
    }
}

/// Elements that hold the positions of a picture's maxima, one byte each.
fn argmax_len(pooled: &Planes) -> usize {
    (pooled.channels * pooled.height * pooled.width).div_ceil(4)
}

/// From the gradient of pooled values to the gradient of what was pooled.
#[derive(Debug)]
struct Unpool {
    full: Planes,
    pooled: Planes,
}

impl Kernel for Unpool {
    fn describe(&self) -> String {
        "unpool".to_owned()
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (full_len, pooled_len) = (self.full.len(), self.pooled.len());
        let argmax_len = argmax_len(&self.pooled);
        for sample in 0..call.samples {
            let d_full = &mut call.outputs[0][sample * full_len..(sample + 1) * full_len];
            let d_pooled = &call.inputs[0][sample * pooled_len..(sample + 1) * pooled_len];
            let argmax = as_bytes(&call.inputs[1][sample * argmax_len..(sample + 1) * argmax_len]);
            planar::unpool(call.isa, d_full, &self.full, d_pooled, &self.pooled, argmax);
            self.full.zero_halo(d_full);
        }
    }
}

/// Brings a kernel's weights into the order in which the convolution reads them.
#[derive(Debug)]
struct Pack {
    conv: ConvShape,
    family: Family,
    transposed: bool,
}

impl Pack {
    fn len(&self) -> usize {
        let (inputs, filters) = (self.conv.input[2], self.conv.output[2]);
        match self.family {
            Family::Pixels if self.conv.winograd() => winograd::packed_len(inputs, filters),
            Family::Planes if self.conv.planar_winograd() => {
                planar::winograd::packed_len(inputs, filters)
            }
            Family::Planes => planar::packed_len(&self.conv.window, inputs, filters),
            Family::Pixels => {
                pixels::packed_len(&self.conv.window, inputs, filters, self.conv.groups)
            }
        }
    }
}

impl Kernel for Pack {
    fn describe(&self) -> String {
        format!(
            "pack{} {}",
            if self.transposed { " transposed" } else { "" },
            describe_conv(&self.conv, true)
        )
    }

    fn parts(&self) -> Vec<usize> {
        let (inputs, filters) = (self.conv.input[2], self.conv.output[2]);
        if self.conv.winograd() {
            return winograd::packed_parts(inputs, filters, self.transposed);
        }
        Vec::new()
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (window, groups) = (&self.conv.window, self.conv.groups);
        let (inputs, filters) = (self.conv.input[2], self.conv.output[2]);
        let (to, from) = (&mut *call.outputs[0], call.inputs[0]);
        if self.conv.winograd() {
            let (start, transposed) = (call.start, self.transposed);
            return winograd::pack_part(call.isa, to, start, from, inputs, filters, transposed);
        }
        if self.conv.planar_winograd() {
            use planar::winograd;
            let pack = if self.transposed { winograd::pack_transposed } else { winograd::pack };
            return pack(call.isa, to, from, inputs, filters);
        }
        match (self.family, self.transposed) {
            (Family::Planes, false) => planar::pack(to, from, window, inputs, filters),
            (Family::Planes, true) => planar::pack_transposed(to, from, window, inputs, filters),
            (Family::Pixels, false) => pixels::pack(to, from, window, inputs, filters, groups),
            (Family::Pixels, true) => {
                pixels::pack_transposed(to, from, window, inputs, filters, groups);
            }
        }
    }
}

/// The shape and the way in which it runs; `minimal` says whether minimal filtering is one.
fn describe_conv(conv: &ConvShape, minimal: bool) -> String {
    let [h, w, c] = conv.input;
    let window = &conv.window;
    let mut text =
        format!("{}x{} {c}->{} @{h}x{w}", window.size[0], window.size[1], conv.output[2]);
    if window.stride != [1, 1] {
        text += &format!(" stride {}x{}", window.stride[0], window.stride[1]);
    }
    if window.dilation != [1, 1] {
        text += &format!(" dilation {}x{}", window.dilation[0], window.dilation[1]);
    }
    if conv.groups != 1 {
        text += &format!(" groups {}", conv.groups);
    }
    let family = match conv.family() {
        _ if minimal && conv.winograd() => "winograd",
        _ if minimal && conv.planar_winograd() => "planes, winograd",
        Family::Planes => "planes",
        Family::Pixels => "pixels",
    };
    format!("{text} ({family})")
}

/// The packed weights of `kernel`, shared by all steps that need the same.
fn packed(
    lowering: &mut Lowering<'_>,
    conv: ConvShape,
    kernel: ValueId,
    transposed: bool,
) -> BufferId {
    let pack = Pack { conv, family: conv.family(), transposed };
    // The walk decides the order, so it is part of the key.
    let key = format!(
        "packed {:?} {} {} {:?} {}",
        conv.family(),
        conv.winograd() || conv.planar_winograd(),
        transposed,
        conv.window,
        conv.groups
    );
    let name = if transposed { "packed transposed" } else { "packed" };
    lowering.derived(kernel, name, key, pack.len(), || Box::new(pack))
}

/// Adds the steps of a convolution and what follows it.
pub(super) fn bind_forward(lowering: &mut Lowering<'_>, group: &Group, tail: ConvTail) {
    let node = lowering.graph.node(tail.conv).clone();
    let Some(conv) = ConvShape::of(lowering.graph, &node) else {
        unreachable!("only convolutions of pictures are fused")
    };
    let (x, kernel) = (node.inputs[0], node.inputs[1]);
    let last = group.nodes[group.nodes.len() - 1];
    let relu = tail.relu;
    let forward = Convolution::new(lowering, conv, Direction::Forward { relu }, [x, tail.conv]);
    let family = conv.family();
    let x_layout = lowering.layouts.layout(lowering.graph.shape(x), family);
    let mut inputs = vec![lowering.operand(x, x_layout), packed(lowering, conv, kernel, false)];
    inputs.extend(tail.bias.map(|bias| lowering.operand(bias, Layout::Rows)));
    let layout = lowering.layouts.layout(lowering.graph.shape(last), family);
    match (tail.pool, forward.ends, layout) {
        (None, ..) => {
            let output = lowering.output(last, layout);
            lowering.step(Box::new(forward), inputs, vec![output]);
        }
        (Some(with_argmax), Ends::Planes { input, .. }, Layout::Planes(pooled)) => {
            let mut outputs = vec![lowering.output(last, layout)];
            if with_argmax {
                let name = format!("{last} argmax");
                let argmax = lowering.extra_output(name, last, argmax_len(&pooled));
                lowering.argmax.insert(last, argmax);
                outputs.push(argmax);
            }
            let kernel = ConvPool { conv, input, pooled, relu, keeps_argmax: with_argmax };
            lowering.step(Box::new(kernel), inputs, outputs);
        }
        (Some(_), ..) => unreachable!("pooling is fused to planar convolutions only"),
    }
}

/// What is known of the gradient of a convolution that was pooled: its pooled form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unpooling {
    d_pooled: ValueId,
    argmax: BufferId,
    pooled: Planes,
    full: Planes,
}

/// Notes how to undo the pooling of [`ConvPool`]. Most readers of the full gradient make do with the
/// pooled one, which is a quarter of the memory and of the arithmetic.
pub(super) fn bind_unpool(
    lowering: &mut Lowering<'_>,
    group: &Group,
    pooled: ValueId,
    d_pooled: ValueId,
) {
    let value = group.outputs[0];
    let layout = |value| lowering.layouts.layout(lowering.graph.shape(value), Family::Planes);
    let (Layout::Planes(full), Layout::Planes(planes)) = (layout(value), layout(pooled)) else {
        unreachable!("pooling is fused to planar convolutions only")
    };
    let argmax = lowering.argmax[&pooled];
    lowering.unpoolings.insert(value, Unpooling { d_pooled, argmax, pooled: planes, full });
}

/// Adds the step that makes the full-size gradient `value`.
pub(crate) fn unpool(lowering: &mut Lowering<'_>, value: ValueId, unpooling: Unpooling) {
    let Unpooling { d_pooled, argmax, pooled, full } = unpooling;
    let inputs = vec![lowering.operand(d_pooled, Layout::Planes(pooled)), argmax];
    let output = lowering.output(value, Layout::Planes(full));
    lowering.step(Box::new(Unpool { full, pooled }), inputs, vec![output]);
}

/// Gradient of a kernel or a bias from the pooled gradient and the places of the maxima.
#[derive(Debug)]
struct PooledGrad {
    pooled: Planes,
    /// The convolution and its input for the kernel's gradient; nothing for the bias's.
    kernel: Option<(ConvShape, Planes)>,
}

impl Kernel for PooledGrad {
    fn describe(&self) -> String {
        match &self.kernel {
            Some((conv, _)) => format!("conv_kernel_grad of pooled {}", describe_conv(conv, false)),
            None => "bias_grad of pooled".to_owned(),
        }
    }

    fn scratch_len(&self, _samples: usize) -> usize {
        self.kernel.as_ref().map_or(0, |(conv, input)| {
            planar::kernel_grad_pooled_scratch_len(&conv.window, &self.pooled, input)
        })
    }

    fn flops(&self) -> f64 {
        // One of four gradients is not zero.
        self.kernel.as_ref().map_or(0.0, |(conv, _)| conv.flops() / 4.0)
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        let (pooled_len, argmax_len) = (self.pooled.len(), argmax_len(&self.pooled));
        for sample in 0..call.samples {
            let d_pooled = &call.inputs[0][sample * pooled_len..(sample + 1) * pooled_len];
            let argmax = as_bytes(&call.inputs[1][sample * argmax_len..(sample + 1) * argmax_len]);
            let to = &mut *call.outputs[0];
            match &self.kernel {
                None => planar::bias_grad_pooled(call.isa, to, d_pooled, &self.pooled, argmax),
                Some((conv, input)) => {
                    let x = &call.inputs[2][sample * input.len()..(sample + 1) * input.len()];
                    planar::kernel_grad_pooled(
                        call.isa,
                        to,
                        d_pooled,
                        &self.pooled,
                        argmax,
                        x,
                        input,
                        &conv.window,
                        call.scratch,
                    );
                }
            }
        }
    }
}

/// Adds the step of the gradient of a bias if `dy` is known in pooled form.
pub(super) fn bind_pooled_bias_grad(
    lowering: &mut Lowering<'_>,
    value: ValueId,
    dy: ValueId,
) -> bool {
    let Some(&Unpooling { d_pooled, argmax, pooled, .. }) = lowering.unpoolings.get(&dy) else {
        return false;
    };
    let inputs = vec![lowering.operand(d_pooled, Layout::Planes(pooled)), argmax];
    let kernel = Box::new(PooledGrad { pooled, kernel: None });
    lowering.reduction_step(value, Combine::Sum, kernel, inputs);
    true
}

/// Adds the step of a convolution by itself.
pub(super) fn bind_alone(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let tail = ConvTail { conv: value, bias: None, relu: false, pool: None };
    if ConvShape::of(lowering.graph, lowering.graph.node(value)).is_some() {
        bind_forward(lowering, group, tail);
    } else {
        volumes::bind_conv(lowering, group, value);
    }
}

/// Adds the step of the gradient of a convolution's input.
pub(super) fn bind_input_grad(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let Some(conv) = ConvShape::of(lowering.graph, &node) else {
        return volumes::bind_conv(lowering, group, value);
    };
    let (dy, kernel) = (node.inputs[0], node.inputs[1]);
    let step = Convolution::new(lowering, conv, Direction::InputGrad, [value, dy]);
    let layout = |value| lowering.layouts.layout(lowering.graph.shape(value), conv.family());
    let (dy_layout, dx_layout) = (layout(dy), layout(value));
    let inputs = vec![lowering.operand(dy, dy_layout), packed(lowering, conv, kernel, true)];
    let output = lowering.output(value, dx_layout);
    lowering.step(Box::new(step), inputs, vec![output]);
}

/// Adds the step of the gradient of a convolution's kernel.
pub(super) fn bind_kernel_grad(lowering: &mut Lowering<'_>, group: &Group, value: ValueId) {
    let node = lowering.graph.node(value).clone();
    let Op::ConvKernelGrad(_) = &node.op else { return };
    let Some(conv) = ConvShape::of(lowering.graph, &node) else {
        return volumes::bind_conv(lowering, group, value);
    };
    let (x, dy) = (node.inputs[0], node.inputs[1]);
    let layout = |value| lowering.layouts.layout(lowering.graph.shape(value), conv.family());
    if let (Some(&Unpooling { d_pooled, argmax, pooled, .. }), Layout::Planes(input)) =
        (lowering.unpoolings.get(&dy), layout(x))
    {
        let d_pooled = lowering.operand(d_pooled, Layout::Planes(pooled));
        let inputs = vec![d_pooled, argmax, lowering.operand(x, Layout::Planes(input))];
        let kernel = Box::new(PooledGrad { pooled, kernel: Some((conv, input)) });
        return lowering.reduction_step(value, Combine::Sum, kernel, inputs);
    }
    let step = Convolution::new(lowering, conv, Direction::KernelGrad, [x, dy]);
    let (x_layout, dy_layout) = (layout(x), layout(dy));
    let inputs = vec![lowering.operand(x, x_layout), lowering.operand(dy, dy_layout)];
    lowering.reduction_step(value, Combine::Sum, Box::new(step), inputs);
}
