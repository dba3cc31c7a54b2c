//! Many groups of few channels: a vector holds the output channels of several groups, and each lane
//! picks its input out of the channels of the same groups.

use super::kernel_grad::{self, add_to};
use super::tile::{Grid, channel_masks, finish, for_strips, load_bias};
use crate::Isa;
use crate::conv::blocks::{even_blocks, with_constant};
use crate::conv::simd::{ConvSimd, Kernel, dispatch, limits};

/// Groups have at most so many channels on each side.
pub(super) const MOST: usize = 8;

/// For each input channel of a group, the channel that each lane picks.
type Picks = [[i32; 16]; MOST];

/// Neighbouring groups whose channels fit into a vector on both sides, or a part of one group.
struct Block {
    /// First input channel, and how many the block reads.
    input: usize,
    inputs: usize,
    /// First output channel, and how many there are.
    output: usize,
    outputs: usize,
    picks: Picks,
}

/// Calls `f` with the blocks of `count` groups of `inputs` and `outputs` channels.
fn for_blocks(isa: Isa, count: usize, [inputs, outputs]: [usize; 2], mut f: impl FnMut(&Block)) {
    let lanes = limits(isa).lanes;
    let together = (lanes / inputs.max(outputs)).max(1);
    for group in (0..count).step_by(together) {
        let n_groups = together.min(count - group);
        for first in (0..n_groups * outputs).step_by(lanes) {
            let n = (n_groups * outputs - first).min(lanes);
            let mut picks = [[0; 16]; MOST];
            for (input, picks) in picks[..inputs].iter_mut().enumerate() {
                for (lane, pick) in picks[..n].iter_mut().enumerate() {
                    *pick = ((first + lane) / outputs * inputs + input) as i32;
                }
            }
            f(&Block {
                input: group * inputs,
                inputs: n_groups * inputs,
                output: group * outputs + first,
                outputs: n,
                picks,
            });
        }
    }
}

/// `P` pixels times the output channels of a block; the grid's columns are a multiple of `P`.
struct Tile<'a, const P: usize> {
    grid: Grid,
    block: &'a Block,
}

impl<const P: usize> Kernel for Tile<'_, P> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        if const { P > S::ACCUMULATORS } {
            unreachable!("no tile is chosen beyond the limits");
        }
        let grid = &self.grid;
        let Grid { x_pixel, depth, taps, x_tap, weights_tap, weights_step, .. } = *grid;
        let masks = channel_masks::<S, 1>(s, grid.channels);
        let [inputs] = channel_masks::<S, 1>(s, self.block.inputs);
        // SAFETY: the grid's promise.
        let bias = unsafe { load_bias(s, grid, &masks) };
        for row in 0..grid.rows {
            for first in (0..grid.columns).step_by(P) {
                let x = grid.x.wrapping_add(row * grid.x_row + first * x_pixel);
                let mut sums = [s.splat(0.0); P];
                for i in 0..taps[0] {
                    for j in 0..taps[1] {
                        let step = i as isize * x_tap[0] + j as isize * x_tap[1];
                        let from = x.wrapping_offset(step);
                        let weights =
                            grid.weights.wrapping_add(i * weights_tap[0] + j * weights_tap[1]);
                        for input in 0..depth {
                            let picks = self.block.picks[input].as_ptr();
                            // SAFETY: the grid's promise; weights are padded by a vector, and picks
                            // name channels of the block.
                            unsafe {
                                let weight = s.load(weights.add(input * weights_step));
                                for p in 0..P {
                                    let at = from.wrapping_add(p * x_pixel);
                                    let pixel = s.pick(at, inputs, picks);
                                    sums[p] = s.mul_add(pixel, weight, sums[p]);
                                }
                            }
                        }
                    }
                }
                let y = grid.y.wrapping_add(row * grid.y_row + first * grid.y_pixel);
                for p in 0..P {
                    // SAFETY: the grid's promise.
                    unsafe {
                        let to = y.wrapping_add(p * grid.y_pixel);
                        finish(s, grid, to, &masks, [sums[p]], &bias);
                    }
                }
            }
        }
    }
}

/// Computes all of `count` groups of a grid, whose depth and channels are those of one group.
///
/// # Safety
/// The grid's promise holds for all groups, and weights are padded by a vector.
pub(super) unsafe fn grouped(isa: Isa, grid: Grid, count: usize) {
    for_blocks(isa, count, [grid.depth, grid.channels], |block| {
        let part = Grid {
            x: grid.x.wrapping_add(block.input),
            weights: grid.weights.wrapping_add(block.output),
            bias: grid.bias.map(|bias| bias.wrapping_add(block.output)),
            y: grid.y.wrapping_add(block.output),
            channels: block.outputs,
            ..grid
        };
        for_strips(part, 8, |grid, pixels| {
            with_constant!(pixels, P => {
                let tile = Tile::<{ if P <= 8 { P } else { 1 } }> { grid, block };
                // SAFETY: a part of the caller's grid.
                unsafe { dispatch(isa, tile) }
            });
        });
    });
}

/// `T` weights of each output channel of a block: neighbours in the kernel's row.
struct Gradients<'a, const T: usize> {
    grid: kernel_grad::Grid,
    block: &'a Block,
    /// Elements from the pixel to where each weight's input channels begin.
    offsets: [usize; T],
    /// The input channel of the group that each weight is for.
    channels: [usize; T],
}

impl<const T: usize> Kernel for Gradients<'_, T> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        if const { T > S::ACCUMULATORS } {
            unreachable!("no tile is chosen beyond the limits");
        }
        let grid = &self.grid;
        let [mask] = channel_masks::<S, 1>(s, grid.channels);
        let [inputs] = channel_masks::<S, 1>(s, self.block.inputs);
        let zero = s.splat(0.0);
        let mut picks = [std::ptr::null(); T];
        for t in 0..T {
            picks[t] = self.block.picks[self.channels[t]].as_ptr();
        }
        let mut sums = [zero; T];
        for row in 0..grid.rows {
            let mut x = grid.x.wrapping_add(row * grid.x_row);
            let mut dy = grid.dy.wrapping_add(row * grid.dy_row);
            for _ in 0..grid.columns {
                // SAFETY: the grid's promise; only channels of the block are read.
                unsafe {
                    let gradient = s.load_over(zero, dy, mask);
                    for t in 0..T {
                        let input = s.pick(x.wrapping_add(self.offsets[t]), inputs, picks[t]);
                        sums[t] = s.mul_add(input, gradient, sums[t]);
                    }
                }
                x = x.wrapping_add(grid.x_pixel);
                dy = dy.wrapping_add(grid.dy_pixel);
            }
        }
        for t in 0..T {
            let to = grid.d_kernel.wrapping_add(t * grid.d_kernel_row);
            // SAFETY: the grid's promise.
            unsafe { add_to(s, to, mask, sums[t]) };
        }
    }
}

/// The gradient of `n_taps` neighbouring taps of `count` groups of `inputs` and `outputs` channels.
///
/// # Safety
/// The grid's promise holds for all of them.
pub(super) unsafe fn grouped_grad(
    isa: Isa,
    grid: kernel_grad::Grid,
    n_taps: usize,
    count: usize,
    [inputs, outputs]: [usize; 2],
) {
    for_blocks(isa, count, [inputs, outputs], |block| {
        for (first, n) in even_blocks(n_taps * inputs, 7) {
            let part = kernel_grad::Grid {
                x: grid.x.wrapping_add(block.input),
                dy: grid.dy.wrapping_add(block.output),
                d_kernel: grid.d_kernel.wrapping_add(first * grid.d_kernel_row + block.output),
                channels: block.outputs,
                ..grid
            };
            with_constant!(n, N => {
                const T: usize = if N <= 7 { N } else { 1 };
                let tile = Gradients::<T> {
                    grid: part,
                    block,
                    offsets: std::array::from_fn(|t| (first + t) / inputs * grid.x_step),
                    channels: std::array::from_fn(|t| (first + t) % inputs),
                };
                // SAFETY: a part of the caller's grid.
                unsafe { dispatch(isa, tile) }
            });
        }
    });
}
