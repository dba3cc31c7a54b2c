//! The kernel at all points: `U`.

use super::transforms::{self, along_both_axes};
use super::{IN, PANEL, POINTS, TAPS};
use crate::Isa;
use crate::conv::pixels::pack::{padded, panel_width};
use crate::conv::simd::{ConvSimd, Kernel, dispatch};

/// Elements of a packed kernel `(3, 3, in_channels, filters)`, in either direction.
pub fn packed_len(in_channels: usize, filters: usize) -> usize {
    POINTS * (in_channels * padded(filters)).max(filters * padded(in_channels))
}

/// Packs a kernel `(3, 3, in_channels, filters)` for the forward pass.
///
/// # Panics
/// If a slice is too short.
pub fn pack(isa: Isa, packed: &mut [f32], kernel: &[f32], in_channels: usize, filters: usize) {
    pack_by(isa, packed, Source::forward(kernel, in_channels, filters));
}

/// Packs the kernel `(3, 3, in_channels, filters)`, flipped and with input and output swapped, for
/// the gradient of the input.
///
/// # Panics
/// If a slice is too short.
pub fn pack_transposed(
    isa: Isa,
    packed: &mut [f32],
    kernel: &[f32],
    in_channels: usize,
    filters: usize,
) {
    pack_by(isa, packed, Source::transposed(kernel, in_channels, filters));
}

/// Where a packed kernel can be cut for several threads: the ends of its panels. The packed kernel is
/// that of the forward pass, or, where `transposed`, of the gradient of the input.
pub fn packed_parts(in_channels: usize, filters: usize, transposed: bool) -> Vec<usize> {
    let (depth, channels) =
        if transposed { (filters, in_channels) } else { (in_channels, filters) };
    let starts = (0..channels).step_by(PANEL).skip(1).map(|from| POINTS * depth * from);
    starts.chain([packed_len(in_channels, filters)]).collect()
}

/// The part of [`pack`]'s or [`pack_transposed`]'s result that begins at element `start` and is as
/// long as `packed`. For several threads, each with a part.
///
/// # Panics
/// If the kernel is too short, or a part does not begin and end where [`packed_parts`] says.
pub fn pack_part(
    isa: Isa,
    packed: &mut [f32],
    start: usize,
    kernel: &[f32],
    in_channels: usize,
    filters: usize,
    transposed: bool,
) {
    let of = if transposed { Source::transposed } else { Source::forward };
    let source = of(kernel, in_channels, filters);
    let panel = POINTS * source.depth * PANEL;
    assert!(panel == 0 || start.is_multiple_of(panel), "start {start}, panels of {panel}");
    pack_panels(isa, packed, start, &source);
}

/// A kernel seen as taps of `(depth, channel)`, where the sums run over the depth.
pub(in crate::conv) struct Source<'a> {
    kernel: &'a [f32],
    /// Where tap `(0, 0)` begins.
    first: usize,
    /// Elements from one tap, depth and channel to the next.
    tap: isize,
    depth_step: usize,
    channel_step: usize,
    pub(in crate::conv) depth: usize,
    pub(in crate::conv) channels: usize,
}

impl<'a> Source<'a> {
    /// The kernel `(3, 3, in_channels, filters)` as it is.
    ///
    /// # Panics
    /// If the slice is too short.
    pub(in crate::conv) fn forward(kernel: &'a [f32], in_channels: usize, filters: usize) -> Self {
        let tap = in_channels * filters;
        let needed = TAPS * TAPS * tap;
        assert!(kernel.len() >= needed, "kernel: {} elements, not {needed}", kernel.len());
        let (depth, channels) = (in_channels, filters);
        let tap = tap as isize;
        Self { kernel, first: 0, tap, depth_step: filters, channel_step: 1, depth, channels }
    }

    /// The same flipped and with input and output swapped.
    ///
    /// # Panics
    /// If the slice is too short.
    pub(in crate::conv) fn transposed(
        kernel: &'a [f32],
        in_channels: usize,
        filters: usize,
    ) -> Self {
        let forward = Self::forward(kernel, in_channels, filters);
        Self {
            first: (TAPS * TAPS - 1) * in_channels * filters,
            tap: -forward.tap,
            depth_step: 1,
            channel_step: filters,
            depth: filters,
            channels: in_channels,
            ..forward
        }
    }

    /// Packs channels `from..from + n` as `(point, depth, width)`, where `width >= n`; what lies
    /// beyond the channels becomes zero.
    ///
    /// # Panics
    /// If there are fewer channels or the slice is too short.
    pub(in crate::conv) fn pack(
        &self,
        isa: Isa,
        packed: &mut [f32],
        from: usize,
        n: usize,
        width: usize,
    ) {
        assert!(from + n <= self.channels && n <= width, "channels {from}..{}", from + n);
        let needed = POINTS * self.depth * width;
        assert!(packed.len() >= needed, "packed kernel: {} elements, not {needed}", packed.len());
        let kernel = self.kernel.as_ptr().wrapping_add(self.first + from * self.channel_step);
        let panel = Panel { source: self, kernel, channels: n, width, packed: packed.as_mut_ptr() };
        // SAFETY: the kernel holds all taps, depths and channels, as its maker has checked.
        unsafe { dispatch(isa, panel) };
    }
}

fn pack_by(isa: Isa, packed: &mut [f32], source: Source<'_>) {
    let needed = POINTS * source.depth * padded(source.channels);
    assert!(packed.len() >= needed, "packed kernel: {} elements, not {needed}", packed.len());
    if needed == 0 {
        return;
    }
    pack_panels(isa, packed, 0, &source);
}

/// Packs those panels of which the first begins at element `start` of the packed kernel.
fn pack_panels(isa: Isa, packed: &mut [f32], start: usize, source: &Source<'_>) {
    for from in (0..source.channels).step_by(PANEL) {
        let at = POINTS * source.depth * from;
        if (start..start + packed.len()).contains(&at) {
            let n = PANEL.min(source.channels - from);
            source.pack(isa, &mut packed[at - start..], from, n, panel_width(n));
        }
    }
}

struct Panel<'a> {
    source: &'a Source<'a>,
    /// Tap `(0, 0)` of the first channel.
    kernel: *const f32,
    channels: usize,
    width: usize,
    packed: *mut f32,
}

impl Kernel for Panel<'_> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        let source = self.source;
        for depth in 0..source.depth {
            for first in (0..self.width).step_by(S::LANES) {
                let n = self.channels.saturating_sub(first).min(S::LANES);
                let at = self
                    .kernel
                    .wrapping_add(depth * source.depth_step + first * source.channel_step);
                let mut from = [[s.splat(0.0); TAPS]; TAPS];
                for i in 0..TAPS {
                    for j in 0..TAPS {
                        let at = at.wrapping_offset((i * TAPS + j) as isize * source.tap);
                        // SAFETY: the maker's promise: `n` channels of all taps lie in the kernel.
                        unsafe {
                            from[i][j] = if source.channel_step == 1 {
                                s.load_over(s.splat(0.0), at, s.mask(0, n))
                            } else {
                                let mut lanes = [0.0; 16];
                                for lane in 0..n {
                                    lanes[lane] = *at.add(lane * source.channel_step);
                                }
                                s.load(lanes.as_ptr())
                            };
                        }
                    }
                }
                let written = s.mask(0, (self.width - first).min(S::LANES));
                let to = self.packed.wrapping_add(depth * self.width + first);
                along_both_axes!(s, taps, from, TAPS => IN, |i, values| {
                    for j in 0..IN {
                        let point = (i * IN + j) * source.depth * self.width;
                        // SAFETY: the maker's promise.
                        unsafe { s.store_masked(to.wrapping_add(point), written, values[j]) };
                    }
                });
            }
        }
    }
}
