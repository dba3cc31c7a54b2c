//! How the pictures of a graph lie in memory.
//!
//! Two families of kernels exist: planar ones, fast for wide pictures of few channels, and
//! channels-last ones, fast for many channels. A change of layout costs a pass over memory, so the
//! choice is made once per picture size, by the arithmetic of the convolutions at that size, and all
//! pictures of that size share one halo: then elementwise work needs no change of layout at all.
//!
//! Minimal filtering on pixels needs no halo. Where it does most of the arithmetic, there is none,
//! and the other convolutions of pixels copy what they read into a picture with one.

use std::collections::BTreeMap;

use cornu_graph::{Graph, Node, Op};
use cornu_kernels::conv::pixels::{self, winograd};
use cornu_kernels::conv::planar;
use cornu_kernels::layout::{Halo, Pixels, Planes, Window};
use cornu_tensor::{Dim, Shape};

/// How one value lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Row-major, as Keras has it.
    Rows,
    /// Planes with a halo.
    Planes(Planes),
    /// Channels last with a halo.
    Pixels(Pixels),
}

impl Layout {
    /// Elements of one sample of `shape` (of the whole value, if it has no samples).
    pub(crate) fn len(&self, shape: &Shape) -> usize {
        match self {
            Self::Rows => shape.n_per_sample(),
            Self::Planes(planes) => planes.len(),
            Self::Pixels(pixels) => pixels.len(),
        }
    }
}

/// Which kernels a convolution runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    /// Vectors along the width.
    Planes,
    /// Vectors along the channels.
    Pixels,
}

/// A batch of pictures: height, width, channels. Sequences are pictures of one row.
pub(crate) fn picture(shape: &Shape) -> Option<[usize; 3]> {
    match shape.dims() {
        [Dim::Batch(1), Dim::Fixed(h), Dim::Fixed(w), Dim::Fixed(c)] => Some([*h, *w, *c]),
        [Dim::Batch(1), Dim::Fixed(w), Dim::Fixed(c)] => Some([1, *w, *c]),
        _ => None,
    }
}

/// What is said of each spatial axis of pictures; `neutral` for the one row of a sequence.
pub(crate) fn rows_and_columns<T: Copy>(entries: &[T], neutral: T) -> Option<[T; 2]> {
    match *entries {
        [columns] => Some([neutral, columns]),
        [rows, columns] => Some([rows, columns]),
        _ => None,
    }
}

/// A convolution, or one of its gradients, in the terms of the forward one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ConvShape {
    /// Height, width and channels of the input.
    pub(crate) input: [usize; 3],
    /// Height, width and channels of the output.
    pub(crate) output: [usize; 3],
    /// How the kernel walks.
    pub(crate) window: Window,
    /// Channel groups.
    pub(crate) groups: usize,
}

impl ConvShape {
    /// Reads the node, if it is a convolution of pictures or sequences, or a gradient of one.
    pub(crate) fn of(graph: &Graph, node: &Node) -> Option<Self> {
        let shape = |i: usize| graph.shape(node.inputs[i]);
        let (op, input, kernel, output) = match &node.op {
            Op::Conv(op) => (op, shape(0), shape(1), &node.shape),
            Op::ConvInputGrad(op) => (&op.conv, &node.shape, shape(1), shape(0)),
            Op::ConvKernelGrad(op) => (&op.conv, shape(0), &node.shape, shape(1)),
            _ => return None,
        };
        let (Some(input), Some(output)) = (picture(input), picture(output)) else { return None };
        let spatial = kernel.rank().checked_sub(2)?;
        let size: Vec<usize> = kernel.dims()[..spatial].iter().map(|dim| dim.size(1)).collect();
        let window = Window {
            size: rows_and_columns(&size, 1)?,
            stride: rows_and_columns(&op.strides, 1)?,
            dilation: rows_and_columns(&op.dilations, 1)?,
            before: rows_and_columns(&op.padding, (0, 0))?.map(|(before, _)| before),
        };
        Some(Self { input, output, window, groups: op.groups })
    }

    /// Multiplications and additions of one sample.
    pub(crate) fn flops(&self) -> f64 {
        let [h, w, filters] = self.output;
        let taps = self.window.size[0] * self.window.size[1] * self.input[2] / self.groups;
        2.0 * (h * w * filters * taps) as f64
    }

    /// Whether minimal filtering (Winograd's 4x4 outputs at a time) is the fastest way, by the cycles
    /// that it takes with vectors of 16: then all three directions run that way.
    ///
    /// It has a quarter of the products, but transforms every tile, and reads four times the
    /// weights. Measured, it is 2.2 times as fast from 16 channels on both sides on, 3 times from 32
    /// and 3.7 times from 128; with 12 it is slower than planes, and pictures of 2x2 pixels or of
    /// few tiles with weights beyond the second-level cache gain nothing.
    pub(crate) fn winograd(&self) -> bool {
        let [h, w, filters] = self.output;
        let inputs = self.input[2];
        if !winograd::supports(&self.window, self.groups) || inputs.min(filters) < 16 {
            return false;
        }
        let (rows, columns) = (h.div_ceil(4), w.div_ceil(4));
        let tiles = (rows * columns) as f64;
        let vectors = |n: usize| n.div_ceil(16) as f64;
        let products = inputs as f64 * vectors(filters);
        let direct = 9.0 * (h * w) as f64 * products;
        // The weights at the 36 points come from the third-level cache at about 8 bytes a cycle.
        let bytes = 36.0 * 64.0 * products;
        let loading = if bytes > 512.0 * 1024.0 { bytes / 8.0 } else { 0.0 };
        let transforms = 260.0 * vectors(inputs) + 230.0 * vectors(filters);
        tiles * transforms + (tiles * 36.0 * products).max(loading) < direct
    }

    /// Whether minimal filtering is the fastest way on planes, for the forward pass and the input's
    /// gradient; the kernel's gradient has none. By the cycles that a strip of 16 tiles takes with
    /// vectors of 16, as measured: 36 products per channel and filter, and the transforms.
    ///
    /// With 8 to 12 channels it is 1.7 to 2 times as fast, with fewer than 4 on a side or pictures
    /// that leave most lanes empty it is slower.
    pub(crate) fn planar_winograd(&self) -> bool {
        let [h, w, filters] = self.output;
        if !planar::winograd::supports(&self.window, self.groups) || self.family() != Family::Planes
        {
            return false;
        }
        let (inputs, filters) = (self.input[2] as f64, filters as f64);
        let direct = 9.0 * inputs * filters * (h * w) as f64 / 16.0;
        let strip =
            36.0 * inputs * filters + 250.0 * inputs.max(filters) + 150.0 * inputs.min(filters);
        planar::winograd::n_strips(16, [h, w]) as f64 * strip < direct
    }

    /// The family whose vectors would be filled best. Where both are filled alike, pixels: their
    /// kernel gradient is faster. Planes are worth some empty lanes if there are few channels, where
    /// one register of weights serves few products.
    pub(crate) fn family(&self) -> Family {
        let reach = |axis: usize| (self.window.size[axis] - 1) * self.window.dilation[axis];
        let over_padded = (0..2).any(|axis| reach(axis) < self.window.before[axis]);
        if self.window.stride != [1, 1] || self.groups != 1 || over_padded || self.winograd() {
            return Family::Pixels;
        }
        let filled = |n: usize| n as f64 / n.next_multiple_of(16) as f64;
        // A tile has two rows at least, of which a sequence leaves one empty.
        let rows = if self.output[0] == 1 { 0.5 } else { 1.0 };
        let planes = filled(self.output[1]) * rows;
        let pixels = f64::midpoint(filled(self.input[2]), filled(self.output[2]));
        let few_channels = self.input[2].min(self.output[2]) < 16;
        if planes > pixels * if few_channels { 0.9 } else { 1.1 } {
            Family::Planes
        } else {
            Family::Pixels
        }
    }

    /// Halo that the forward pass and the kernel's gradient read around the input.
    pub(crate) fn input_halo(&self) -> Halo {
        let [h, w, _] = self.input;
        let [out_h, out_w, _] = self.output;
        self.window.halo([h, w], [out_h, out_w])
    }
}

/// The choice for each picture size.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layouts {
    home: BTreeMap<[usize; 2], Family>,
    halos: BTreeMap<([usize; 2], Family), Halo>,
}

/// Arithmetic of the convolutions that read pixels of one size.
#[derive(Debug, Clone, Copy, Default)]
struct PixelReaders {
    /// Of those that need a halo.
    with_halo: f64,
    /// Of those that need none, whatever their padding.
    minimal: f64,
}

impl Layouts {
    /// Lets the convolutions of `graph` vote.
    pub(crate) fn choose(graph: &Graph) -> Self {
        let mut votes: BTreeMap<[usize; 2], f64> = BTreeMap::new();
        let mut readers: BTreeMap<[usize; 2], PixelReaders> = BTreeMap::new();
        let mut layouts = Self::default();
        for node in graph.nodes() {
            let Some(conv) = ConvShape::of(graph, node) else { continue };
            let family = conv.family();
            let sign = if family == Family::Planes { 1.0 } else { -1.0 };
            for size in [[conv.input[0], conv.input[1]], [conv.output[0], conv.output[1]]] {
                *votes.entry(size).or_default() += sign * conv.flops();
            }
            let (size, halo) = read_halo(&conv, family, matches!(node.op, Op::ConvInputGrad(_)));
            if conv.winograd() {
                readers.entry(size).or_default().minimal += conv.flops();
                continue;
            }
            if family == Family::Pixels && !halo.is_empty() {
                readers.entry(size).or_default().with_halo += conv.flops();
            }
            let known = layouts.halos.entry((size, family)).or_default();
            *known = known.union(halo);
        }
        for (size, readers) in readers {
            if readers.with_halo < readers.minimal {
                layouts.halos.remove(&(size, Family::Pixels));
            }
        }
        for (size, vote) in votes {
            layouts.home.insert(size, if 0.0 < vote { Family::Planes } else { Family::Pixels });
        }
        layouts
    }

    /// The layout in which most of the work on pictures of this size is done.
    pub(crate) fn home(&self, shape: &Shape) -> Layout {
        let Some([h, w, _]) = picture(shape) else { return Layout::Rows };
        match self.home.get(&[h, w]) {
            Some(&family) => self.layout(shape, family),
            None => Layout::Rows,
        }
    }

    /// The layout of `shape` for kernels of `family`; row-major if it is no picture.
    pub(crate) fn layout(&self, shape: &Shape, family: Family) -> Layout {
        let Some([height, width, channels]) = picture(shape) else { return Layout::Rows };
        let halo = self.halos.get(&([height, width], family)).copied().unwrap_or_default();
        match family {
            Family::Planes => Layout::Planes(Planes::new(channels, height, width, halo)),
            Family::Pixels if halo.is_empty() => Layout::Rows,
            Family::Pixels => Layout::Pixels(Pixels { channels, height, width, halo }),
        }
    }
}

/// Size of the picture that the convolution, or its input's gradient, reads, and the halo that it
/// needs there.
fn read_halo(conv: &ConvShape, family: Family, input_grad: bool) -> ([usize; 2], Halo) {
    let ([in_h, in_w, _], [out_h, out_w, _]) = (conv.input, conv.output);
    if !input_grad {
        return ([in_h, in_w], conv.input_halo());
    }
    let halo = match family {
        Family::Planes => conv.input_grad_window().halo([out_h, out_w], [in_h, in_w]),
        Family::Pixels => pixels::input_grad_halo(&conv.window, [in_h, in_w], [out_h, out_w]),
    };
    ([out_h, out_w], halo)
}

impl ConvShape {
    /// The walk of the flipped kernel over the output's gradient that gives the input's gradient of a
    /// convolution with stride 1.
    pub(crate) fn input_grad_window(&self) -> Window {
        let reach = |axis: usize| (self.window.size[axis] - 1) * self.window.dilation[axis];
        let before = |axis: usize| reach(axis).saturating_sub(self.window.before[axis]);
        Window { before: [before(0), before(1)], ..self.window }
    }
}

/// A picture's row-major layout as channels last without a halo.
pub(crate) fn as_pixels(layout: Layout, shape: &Shape) -> Option<Pixels> {
    match layout {
        Layout::Pixels(pixels) => Some(pixels),
        Layout::Planes(_) => None,
        Layout::Rows => picture(shape).map(|[height, width, channels]| Pixels {
            channels,
            height,
            width,
            halo: Halo::default(),
        }),
    }
}
