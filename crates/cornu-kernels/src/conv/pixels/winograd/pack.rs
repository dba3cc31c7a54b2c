//! The kernel at all points: `U`.

use super::transforms::{self, along_both_axes};
use super::{IN, PANEL, POINTS, TAPS};
use crate::Isa;
use crate::conv::pixels::pack::{padded, panel_width};
use crate::conv::simd::{Kernel, Simd, dispatch};

/// Elements of a packed kernel `(3, 3, in_channels, filters)`, in either direction.
pub fn packed_len(in_channels: usize, filters: usize) -> usize {
    POINTS * (in_channels * padded(filters)).max(filters * padded(in_channels))
}

/// Packs a kernel `(3, 3, in_channels, filters)` for the forward pass.
///
/// # Panics
/// If a slice is too short.
pub fn pack(isa: Isa, packed: &mut [f32], kernel: &[f32], in_channels: usize, filters: usize) {
    let steps = Steps { tap: (in_channels * filters) as isize, depth: filters, channel: 1 };
    pack_by(isa, packed, kernel, [in_channels, filters], 0, steps);
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
    let tap = in_channels * filters;
    let steps = Steps { tap: -(tap as isize), depth: 1, channel: filters };
    pack_by(isa, packed, kernel, [filters, in_channels], (TAPS * TAPS - 1) * tap, steps);
}

/// From one weight to the next one in the kernel, in elements.
#[derive(Clone, Copy)]
struct Steps {
    tap: isize,
    depth: usize,
    channel: usize,
}

fn pack_by(
    isa: Isa,
    packed: &mut [f32],
    kernel: &[f32],
    [depth, channels]: [usize; 2],
    first: usize,
    steps: Steps,
) {
    let (needed, len) = (depth * channels * TAPS * TAPS, POINTS * depth * padded(channels));
    assert!(kernel.len() >= needed, "kernel: {} elements, not {needed}", kernel.len());
    assert!(packed.len() >= len, "packed kernel: {} elements, not {len}", packed.len());
    if needed == 0 {
        return;
    }
    for from in (0..channels).step_by(PANEL) {
        let n = PANEL.min(channels - from);
        let panel = Panel {
            kernel: kernel.as_ptr().wrapping_add(first + from * steps.channel),
            steps,
            depth,
            channels: n,
            width: panel_width(n),
            packed: packed[POINTS * depth * from..].as_mut_ptr(),
        };
        // SAFETY: lengths were checked above; the panel's channels and all taps lie in the kernel.
        unsafe { dispatch(isa, panel) };
    }
}

struct Panel {
    kernel: *const f32,
    steps: Steps,
    depth: usize,
    channels: usize,
    width: usize,
    packed: *mut f32,
}

impl Kernel for Panel {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        for depth in 0..self.depth {
            for first in (0..self.width).step_by(S::LANES) {
                let n = self.channels.saturating_sub(first).min(S::LANES);
                let at =
                    self.kernel.wrapping_add(depth * self.steps.depth + first * self.steps.channel);
                let mut from = [[s.splat(0.0); TAPS]; TAPS];
                for i in 0..TAPS {
                    for j in 0..TAPS {
                        let at = at.wrapping_offset((i * TAPS + j) as isize * self.steps.tap);
                        // SAFETY: the maker's promise: `n` channels of all taps lie in the kernel.
                        unsafe {
                            from[i][j] = if self.steps.channel == 1 {
                                s.load_over(s.splat(0.0), at, s.mask(0, n))
                            } else {
                                let mut lanes = [0.0; 16];
                                for lane in 0..n {
                                    lanes[lane] = *at.add(lane * self.steps.channel);
                                }
                                s.load(lanes.as_ptr())
                            };
                        }
                    }
                }
                let to = self.packed.wrapping_add(depth * self.width + first);
                along_both_axes!(s, taps, from, TAPS => IN, |i, values| {
                    for j in 0..IN {
                        let point = (i * IN + j) * self.depth * self.width;
                        // SAFETY: the maker's promise; panels are whole vectors wide.
                        unsafe { s.store(to.wrapping_add(point), values[j]) };
                    }
                });
            }
        }
    }
}
