//! Kernels in the order in which planar tiles read them: blocks of output channels, in each
//! `(C, kh, kw, block)`.

use super::BLOCK;
use crate::conv::blocks::even_blocks;
use crate::layout::Window;

/// Elements of a packed kernel.
pub fn packed_len(window: &Window, in_channels: usize, filters: usize) -> usize {
    window.size[0] * window.size[1] * in_channels * filters
}

/// Packs a kernel `(kh, kw, in_channels, filters)` for [`forward`](super::forward()).
///
/// # Panics
/// If a slice is too short.
pub fn pack(
    packed: &mut [f32],
    kernel: &[f32],
    window: &Window,
    in_channels: usize,
    filters: usize,
) {
    pack_by(packed, window, in_channels, filters, |tap, c, f| {
        kernel[(tap * in_channels + c) * filters + f]
    });
}

/// Packs the kernel `(kh, kw, in_channels, filters)`, flipped and with input and output swapped,
/// so that [`forward`](super::forward()) on the gradient of the output, with
/// [`input_grad_window`], gives the gradient of the input.
///
/// # Panics
/// If a slice is too short.
pub fn pack_transposed(
    packed: &mut [f32],
    kernel: &[f32],
    window: &Window,
    in_channels: usize,
    filters: usize,
) {
    let n_taps = window.size[0] * window.size[1];
    pack_by(packed, window, filters, in_channels, |tap, f, c| {
        kernel[((n_taps - 1 - tap) * in_channels + c) * filters + f]
    });
}

fn pack_by(
    packed: &mut [f32],
    window: &Window,
    inputs: usize,
    outputs: usize,
    kernel: impl Fn(usize, usize, usize) -> f32,
) {
    assert!(packed.len() >= packed_len(window, inputs, outputs), "packed kernel: too short");
    let mut place = packed.iter_mut();
    for (start, length) in even_blocks(outputs, BLOCK) {
        for input in 0..inputs {
            for tap in 0..window.size[0] * window.size[1] {
                for (output, to) in (start..start + length).zip(&mut place) {
                    *to = kernel(tap, input, output);
                }
            }
        }
    }
}

/// The window with which [`forward`](super::forward()) on the gradient of the output, packed by
/// [`pack_transposed`], computes the gradient of the input: padding `(k - 1) * dilation - before`.
///
/// # Panics
/// If the padding before the picture is wider than the kernel's reach.
pub fn input_grad_window(window: &Window) -> Window {
    let before = |axis: usize| {
        let reach = window.size[axis].saturating_sub(1) * window.dilation[axis];
        assert!(
            window.before[axis] <= reach,
            "padding {} is wider than the kernel's reach {reach}",
            window.before[axis]
        );
        reach - window.before[axis]
    };
    Window { before: [before(0), before(1)], ..*window }
}
