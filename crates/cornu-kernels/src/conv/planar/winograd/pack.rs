//! The kernel at all points: `U`.

use super::POINTS;
use crate::Isa;
use crate::conv::blocks::even_blocks;
use crate::conv::pixels::winograd::pack::Source;
use crate::conv::planar::BLOCK;

/// Elements of a packed kernel `(3, 3, in_channels, filters)`, in either direction.
pub fn packed_len(in_channels: usize, filters: usize) -> usize {
    POINTS * in_channels * filters
}

/// Packs a kernel `(3, 3, in_channels, filters)` for the forward pass.
///
/// # Panics
/// If a slice is too short.
pub fn pack(isa: Isa, packed: &mut [f32], kernel: &[f32], in_channels: usize, filters: usize) {
    pack_by(isa, packed, &Source::forward(kernel, in_channels, filters));
}

/// Packs the kernel `(3, 3, in_channels, filters)`, flipped and with input and output swapped, so
/// that [`forward`](super::forward()) on the gradient of the output, with
/// [`input_grad_window`](crate::conv::planar::input_grad_window), gives the gradient of the input.
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
    pack_by(isa, packed, &Source::transposed(kernel, in_channels, filters));
}

fn pack_by(isa: Isa, packed: &mut [f32], source: &Source<'_>) {
    let needed = packed_len(source.depth, source.channels);
    assert!(packed.len() >= needed, "packed kernel: {} elements, not {needed}", packed.len());
    for (from, n) in even_blocks(source.channels, BLOCK) {
        source.pack(isa, &mut packed[POINTS * source.depth * from..], from, n, n);
    }
}
