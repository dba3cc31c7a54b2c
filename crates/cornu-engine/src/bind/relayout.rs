//! Changes of layout.

use cornu_kernels::copy::{pixels_to_pixels, pixels_to_planes, planes_to_pixels, planes_to_planes};
use cornu_kernels::layout::{Halo, Pixels};
use cornu_tensor::Shape;

use super::{Call, Kernel};
use crate::layouts::{Layout, picture};

/// Copies a value from one layout into another.
#[derive(Debug)]
pub(crate) struct Relayout {
    from: Layout,
    to: Layout,
    from_len: usize,
    to_len: usize,
    picture: [usize; 3],
}

impl Relayout {
    /// Between two layouts of `shape`, which is that of pictures.
    pub(crate) fn new(shape: &Shape, from: Layout, to: Layout) -> Self {
        let picture = picture(shape).unwrap_or([1, 1, shape.n_per_sample()]);
        Self { from, to, from_len: from.len(shape), to_len: to.len(shape), picture }
    }

    fn pixels(&self, layout: Layout) -> Option<Pixels> {
        let [height, width, channels] = self.picture;
        match layout {
            Layout::Rows => Some(Pixels { channels, height, width, halo: Halo::default() }),
            Layout::Pixels(pixels) => Some(pixels),
            Layout::Planes(_) => None,
        }
    }
}

impl Kernel for Relayout {
    fn describe(&self) -> String {
        let name = |layout| match layout {
            Layout::Rows => "rows",
            Layout::Planes(_) => "planes",
            Layout::Pixels(_) => "pixels",
        };
        format!("{} to {}", name(self.from), name(self.to))
    }

    fn run(&self, call: &mut Call<'_, '_>) {
        for sample in 0..call.samples {
            let x = &call.inputs[0][sample * self.from_len..(sample + 1) * self.from_len];
            let y = &mut call.outputs[0][sample * self.to_len..(sample + 1) * self.to_len];
            match (self.from, self.to) {
                (Layout::Planes(from), Layout::Planes(to)) => {
                    planes_to_planes(y, &to, x, &from);
                    to.zero_halo(y);
                }
                (Layout::Planes(from), to) => {
                    if let Some(to) = self.pixels(to) {
                        planes_to_pixels(call.isa, y, &to, x, &from);
                        to.zero_halo(y);
                    }
                }
                (from, Layout::Planes(to)) => {
                    if let Some(from) = self.pixels(from) {
                        pixels_to_planes(call.isa, y, &to, x, &from);
                        to.zero_halo(y);
                    }
                }
                (from, to) => {
                    if let (Some(from), Some(to)) = (self.pixels(from), self.pixels(to)) {
                        pixels_to_pixels(y, &to, x, &from);
                        to.zero_halo(y);
                    }
                }
            }
        }
    }
}
