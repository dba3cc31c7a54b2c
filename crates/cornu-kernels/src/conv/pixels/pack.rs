//! Kernels in the order in which pixel tiles read them: group, panel of channels, kernel element,
//! input channel, channel in the panel.

use super::{Groups, PAD, PANEL};
use crate::layout::Window;

/// Elements of a panel's weights for one kernel element and one input.
pub(super) fn panel_width(channels: usize) -> usize {
    channels.min(PANEL).next_multiple_of(PAD)
}

/// Elements of a packed kernel, in either direction.
///
/// # Panics
/// If the channels do not split into `groups`.
pub fn packed_len(window: &Window, in_channels: usize, filters: usize, groups: usize) -> usize {
    let groups = Groups::new(groups, in_channels, filters);
    let n_taps = window.size[0] * window.size[1];
    if groups.is_depthwise() {
        return n_taps * filters.next_multiple_of(PAD);
    }
    if groups.is_interleaved() {
        let forward = groups.inputs * interleaved_row(filters);
        let transposed = groups.outputs * interleaved_row(in_channels);
        return n_taps * forward.max(transposed);
    }
    let forward = groups.inputs * padded(groups.outputs);
    let transposed = groups.outputs * padded(groups.inputs);
    groups.count * n_taps * forward.max(transposed)
}

/// Weights of all groups for one kernel element and one input of each group, padded by a vector.
pub(super) fn interleaved_row(channels: usize) -> usize {
    channels.next_multiple_of(PAD) + PAD
}

/// Channels rounded up to whole panels and a padded last one.
pub(super) fn padded(channels: usize) -> usize {
    channels / PANEL * PANEL + (channels % PANEL).next_multiple_of(PAD)
}

/// Packs a kernel `(kh, kw, in_channels / groups, filters)` for [`forward`](super::forward()).
///
/// # Panics
/// If a slice is too short or the channels do not split into `groups`.
pub fn pack(
    packed: &mut [f32],
    kernel: &[f32],
    window: &Window,
    in_channels: usize,
    filters: usize,
    groups: usize,
) {
    let split = Groups::new(groups, in_channels, filters);
    let (inputs, outputs) = (split.inputs, split.outputs);
    let at = |group, tap, input, output| {
        kernel[(tap * inputs + input) * filters + group * outputs + output]
    };
    let len = packed_len(window, in_channels, filters, groups);
    pack_by(&mut packed[..len], window, split, [inputs, outputs], at);
}

/// Packs the kernel `(kh, kw, in_channels / groups, filters)` with input and output swapped, for
/// [`input_grad`](super::input_grad()).
///
/// # Panics
/// If a slice is too short or the channels do not split into `groups`.
pub fn pack_transposed(
    packed: &mut [f32],
    kernel: &[f32],
    window: &Window,
    in_channels: usize,
    filters: usize,
    groups: usize,
) {
    let split = Groups::new(groups, in_channels, filters);
    let (inputs, outputs) = (split.inputs, split.outputs);
    let at = |group, tap, output, input| {
        kernel[(tap * inputs + input) * filters + group * outputs + output]
    };
    let len = packed_len(window, in_channels, filters, groups);
    pack_by(&mut packed[..len], window, split, [outputs, inputs], at);
}

fn pack_by(
    packed: &mut [f32],
    window: &Window,
    groups: Groups,
    [depth, channels]: [usize; 2],
    kernel: impl Fn(usize, usize, usize, usize) -> f32,
) {
    packed.fill(0.0);
    let n_taps = window.size[0] * window.size[1];
    if groups.is_depthwise() {
        for (tap, row) in packed.chunks_exact_mut(groups.count.next_multiple_of(PAD)).enumerate() {
            for (channel, to) in row[..groups.count].iter_mut().enumerate() {
                *to = kernel(channel, tap, 0, 0);
            }
        }
        return;
    }
    if groups.is_interleaved() {
        let rows = packed.chunks_exact_mut(interleaved_row(groups.count * channels));
        for (at, row) in rows.take(n_taps * depth).enumerate() {
            for (channel, to) in row[..groups.count * channels].iter_mut().enumerate() {
                *to = kernel(channel / channels, at / depth, at % depth, channel % channels);
            }
        }
        return;
    }
    let mut rest = packed;
    for group in 0..groups.count {
        for first in (0..channels).step_by(PANEL) {
            let n = PANEL.min(channels - first);
            let width = panel_width(n);
            for tap in 0..n_taps {
                for input in 0..depth {
                    let (row, after) = rest.split_at_mut(width);
                    for (output, to) in row[..n].iter_mut().enumerate() {
                        *to = kernel(group, tap, input, first + output);
                    }
                    rest = after;
                }
            }
        }
    }
}
