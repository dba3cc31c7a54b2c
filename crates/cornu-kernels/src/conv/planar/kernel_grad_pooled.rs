//! Gradients of kernel and bias before a 2x2 max pooling, straight from the pooled gradient.
//!
//! Only one pixel in four has a gradient. Its kernel gradient is `g` times the patch of the input
//! under the kernel, and in pixel order each row of that patch is one run of `kw * C` elements. So
//! some rows of the input are turned into pixel order, and every living pooled pixel costs one
//! multiply-add per vector of its patch, a quarter of what the pixels themselves cost.

use super::assert_readable;
use super::kernel_grad::{KernelGrad, Target};
use super::pool::{DEAD, unpool_rows};
use crate::Isa;
use crate::conv::blocks::{even_blocks, with_constant};
use crate::conv::simd::{ConvSimd, Kernel, dispatch, limits};
use crate::layout::{Halo, Planes, Window};

/// Bytes of input in pixel order that are worked on at a time.
const STRIP_BYTES: usize = 40 << 10;
/// With fewer channels the runs of a patch are too short for vectors.
const MIN_CHANNELS: usize = 4;
/// Pooled pixels that are gathered at a time.
const MAX_LIVE: usize = 256;
/// Most vectors of a run in one tile.
const MAX_VECTORS: usize = 8;
/// Elements that the last vector of a run may reach beyond it.
const OVERREACH: usize = 16;

/// Elements from one cache line to the next.
const LINE: usize = 16;

/// Pooled pixels with a gradient: where the patch of each begins, and the gradient.
struct Live {
    at: [u32; MAX_LIVE],
    gradients: [f32; MAX_LIVE],
    n: usize,
}

/// Appends the living pixels of a piece of a pooled row to `live`, which has room for them and
/// for a vector beyond.
struct Gather<'a> {
    live: &'a mut Live,
    gradients: &'a [f32],
    argmax: &'a [u8],
    /// Where the patch of the first pixel's first position begins, and from one pixel's to the
    /// next's, and from the first position's to the others'.
    first: usize,
    step: usize,
    positions: [usize; 3],
}

impl Kernel for Gather<'_> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        let Self { live, gradients, argmax, first, step, positions } = self;
        let lanes: [f32; 16] = std::array::from_fn(|lane| (lane * step) as f32);
        // SAFETY: `lanes` is as long as the longest vector, the slices hold `n` elements, and
        // there is room in `live`.
        unsafe {
            let lane_offsets = s.load(lanes.as_ptr());
            let dead = s.splat(f32::from(DEAD));
            for column in (0..gradients.len()).step_by(S::LANES) {
                let n = (gradients.len() - column).min(S::LANES);
                let from = gradients.as_ptr().add(column);
                let gradient = s.load_over(s.splat(0.0), from, s.mask(0, n));
                let position = s.load_bytes(argmax.as_ptr().add(column), n);
                let mut at = s.add(lane_offsets, s.splat((first + column * step) as f32));
                for (i, &offset) in positions.iter().enumerate() {
                    let offset = s.splat(offset as f32);
                    at = s.add(at, s.if_equal(position, s.splat((i + 1) as f32), offset));
                }
                let to_at = live.at.as_mut_ptr().add(live.n);
                let to_gradient = live.gradients.as_mut_ptr().add(live.n);
                live.n += s.pack_less(n, (position, dead), (at, to_at), (gradient, to_gradient));
            }
        }
    }
}

/// How the input lies in pixel order, and how a patch is made of runs.
#[derive(Clone, Copy)]
struct Patch {
    channels: usize,
    /// Pixels of a row.
    columns: usize,
    /// Pooled rows per strip, and the input rows they need.
    strip: usize,
    rows: usize,
    /// Runs per kernel row, elements of one, and from one to the next.
    runs_across: usize,
    run: usize,
    run_step: usize,
    kernel_rows: usize,
    kernel_row_step: usize,
    filters: usize,
}

impl Patch {
    fn new(window: &Window, pooled: &Planes, xl: &Planes) -> Self {
        let [kh, kw] = window.size;
        let reach = [0, 1].map(|axis| window.size[axis].saturating_sub(1) * window.dilation[axis]);
        let channels = xl.channels;
        let columns = 2 * pooled.width + reach[1];
        let row = columns * channels;
        let fitting = (STRIP_BYTES / 4 / row.max(1)).saturating_sub(reach[0]) / 2;
        let strip = fitting.clamp(1, pooled.height.max(1));
        let together = window.dilation[1] == 1;
        Self {
            channels,
            columns,
            strip,
            rows: 2 * strip + reach[0],
            runs_across: if together { 1 } else { kw },
            run: if together { kw * channels } else { channels },
            run_step: window.dilation[1] * channels,
            kernel_rows: kh,
            kernel_row_step: window.dilation[0] * row,
            filters: pooled.channels,
        }
    }

    fn row(&self) -> usize {
        self.columns * self.channels
    }

    /// Elements of the strip in pixel order.
    fn strip_len(&self) -> usize {
        self.rows * self.row() + OVERREACH
    }

    /// Elements from the sums of one run to the next: whole vectors.
    fn sums_step(&self) -> usize {
        self.run.next_multiple_of(16)
    }

    fn n_runs(&self) -> usize {
        self.kernel_rows * self.runs_across
    }

    /// Elements of all sums, `(F, runs, sums_step)`.
    fn sums_len(&self) -> usize {
        self.filters * self.n_runs() * self.sums_step()
    }
}

/// Turns rows of planes into pixel order.
struct Interleave {
    x: *const f32,
    x_row: usize,
    x_plane: usize,
    to: *mut f32,
    rows: usize,
    columns: usize,
    channels: usize,
}

impl Kernel for Interleave {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        let Self { x, x_row, x_plane, to, rows, columns, channels } = self;
        let zero = s.splat(0.0);
        // Four channels at a time: a vector then holds a quarter as many pixels of four.
        for first in (0..channels).step_by(4) {
            let n = (channels - first).min(4);
            let mut masks = [s.mask(0, 0); 4];
            for pixel in 0..S::LANES / 4 {
                masks[pixel] = s.mask(4 * pixel, 4 * pixel + n);
            }
            for row in 0..rows {
                let mut column = 0;
                while column < columns {
                    let width = (columns - column).min(S::LANES);
                    let mask = s.mask(0, width);
                    let mut planes = [zero; 4];
                    // SAFETY: the caller has checked that these pixels lie in `x`, and that `to`
                    // holds them in pixel order.
                    unsafe {
                        for c in 0..n {
                            let at = (first + c) * x_plane + row * x_row + column;
                            planes[c] = s.load_over(zero, x.add(at), mask);
                        }
                        let (a, b) = s.interleave(planes[0], planes[2]);
                        let (c, d) = s.interleave(planes[1], planes[3]);
                        let (e, f) = s.interleave(a, c);
                        let (g, h) = s.interleave(b, d);
                        let pixels = [e, f, g, h];
                        let at = (row * columns + column) * channels + first;
                        if width == S::LANES && n == 4 {
                            for quarter in 0..4 {
                                let at = at + quarter * (S::LANES / 4) * channels;
                                s.store_fours(to.add(at), channels, pixels[quarter]);
                            }
                            column += width;
                            continue;
                        }
                        for quarter in 0..4 {
                            for pixel in 0..S::LANES / 4 {
                                let x = quarter * (S::LANES / 4) + pixel;
                                if x < width {
                                    let to = to.add(at + x * channels).wrapping_sub(4 * pixel);
                                    s.store_masked(to, masks[pixel], pixels[quarter]);
                                }
                            }
                        }
                    }
                    column += width;
                }
            }
        }
    }
}

/// `R` runs of `V` vectors, over some living pixels of one output channel.
struct Runs<'a, const R: usize, const V: usize> {
    x: *const f32,
    live: &'a Live,
    run_step: usize,
    sums: *mut f32,
    sums_step: usize,
}

impl<const R: usize, const V: usize> Kernel for Runs<'_, R, V> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        if const { R * V > S::ACCUMULATORS + 1 } {
            unreachable!("no tile is chosen beyond the limits");
        }
        let mut sums = [[s.splat(0.0); V]; R];
        // SAFETY: `kernel_grad_pooled` has made room for whole vectors of sums, and for a vector
        // beyond the last pixel.
        unsafe {
            for r in 0..R {
                for v in 0..V {
                    sums[r][v] = s.load(self.sums.add(r * self.sums_step + v * S::LANES));
                }
            }
            for i in 0..self.live.n {
                let patch = self.x.add(*self.live.at.get_unchecked(i) as usize);
                let gradient = s.splat(*self.live.gradients.get_unchecked(i));
                for r in 0..R {
                    let run = patch.add(r * self.run_step);
                    for v in 0..V {
                        sums[r][v] = s.mul_add(s.load(run.add(v * S::LANES)), gradient, sums[r][v]);
                    }
                }
            }
            for r in 0..R {
                for v in 0..V {
                    s.store(self.sums.add(r * self.sums_step + v * S::LANES), sums[r][v]);
                }
            }
        }
    }
}

/// All runs of one output channel, over some living pixels.
///
/// # Safety
/// `x` holds the patches of all of them, and a vector beyond; `sums` the sums.
unsafe fn add_patches(isa: Isa, patch: &Patch, x: *const f32, live: &Live, sums: *mut f32) {
    let limits = limits(isa);
    let step = patch.sums_step();
    let vectors = patch.run.div_ceil(limits.lanes);
    for across in 0..patch.runs_across {
        for (vector, n_vectors) in even_blocks(vectors, MAX_VECTORS.min(limits.accumulators)) {
            let mut row = 0;
            while row < patch.kernel_rows {
                let rows = [5, 3, 2]
                    .into_iter()
                    .find(|&n| {
                        n <= patch.kernel_rows - row && n * n_vectors <= limits.accumulators + 1
                    })
                    .unwrap_or(1);
                let from = row * patch.kernel_row_step + across * patch.run_step;
                let to = (row * patch.runs_across + across) * step;
                macro_rules! runs {
                    ($rows:expr, $vectors:expr) => {{
                        let runs = Runs::<{ $rows }, { $vectors }> {
                            x: x.wrapping_add(from + vector * limits.lanes),
                            live,
                            run_step: patch.kernel_row_step,
                            sums: sums.wrapping_add(to + vector * limits.lanes),
                            sums_step: patch.runs_across * step,
                        };
                        // SAFETY: the caller's promise.
                        unsafe { dispatch(isa, runs) }
                    }};
                }
                with_constant!(n_vectors, V => match rows {
                    5 => runs!(5, if V <= 5 { V } else { 1 }),
                    3 => runs!(3, if V <= 8 { V } else { 1 }),
                    2 => runs!(2, if V <= 8 { V } else { 1 }),
                    _ => runs!(1, if V <= 8 { V } else { 1 }),
                });
                row += rows;
            }
        }
    }
}

/// Rows of the output whose gradient is expanded at a time, where the input has few channels.
fn dense_strip(pooled: &Planes, xl: &Planes) -> (usize, Planes) {
    let row = Planes::new(pooled.channels, 1, 2 * pooled.width, Halo::default()).row;
    let row_bytes = 4 * (row * pooled.channels + xl.row * xl.channels);
    let strip = (STRIP_BYTES / (2 * row_bytes).max(1)).clamp(1, pooled.height.max(1));
    (strip, Planes::new(pooled.channels, 2 * strip, 2 * pooled.width, Halo::default()))
}

/// Whether patches pay: their runs are long enough, and places in a strip are exact in `f32`.
fn goes_by_patches(window: &Window, pooled: &Planes, xl: &Planes) -> bool {
    xl.channels >= MIN_CHANNELS && Patch::new(window, pooled, xl).strip_len() < 1 << 24
}

/// Elements of scratch memory that [`kernel_grad_pooled`] needs, for any instruction set.
pub fn kernel_grad_pooled_scratch_len(window: &Window, pooled: &Planes, xl: &Planes) -> usize {
    if !goes_by_patches(window, pooled, xl) {
        let (_, strip) = dense_strip(pooled, xl);
        return LINE + strip.len() + KernelGrad::lanes_len(window, xl.channels, pooled.channels);
    }
    let patch = Patch::new(window, pooled, xl);
    LINE + patch.strip_len() + patch.sums_len()
}

/// Gradient of the kernel of a convolution that a 2x2 max pooling follows: what
/// [`unpool`](super::unpool()) and [`kernel_grad`](super::kernel_grad()) give, without the full
/// gradient ever being in memory.
///
/// Adds to `d_kernel`, `(kh, kw, C, F)`. `d_pooled` is `(F, H', W')`, its halo is not read;
/// `argmax` is what [`forward_pool`](super::forward_pool()) wrote; `x` is `(C, H, W)` with a halo
/// as for `forward_pool`. `scratch` holds [`kernel_grad_pooled_scratch_len`] elements of any
/// content.
///
/// # Panics
/// If the stride is not 1, a slice is too short, or the halo of `x` is narrower than the kernel
/// reaches.
pub fn kernel_grad_pooled(
    isa: Isa,
    d_kernel: &mut [f32],
    d_pooled: &[f32],
    pooled: &Planes,
    argmax: &[u8],
    x: &[f32],
    xl: &Planes,
    window: &Window,
    scratch: &mut [f32],
) {
    let kernel_len = window.size[0] * window.size[1] * xl.channels * pooled.channels;
    if pooled.is_empty() || kernel_len == 0 {
        return;
    }
    assert_readable(xl, x, [2 * pooled.height, 2 * pooled.width], window);
    assert!(d_pooled.len() >= pooled.len(), "pooled gradient: fewer elements than its layout");
    let plane = pooled.height * pooled.width;
    assert!(argmax.len() >= pooled.channels * plane, "argmax: fewer elements than pooled pixels");
    assert!(d_kernel.len() >= kernel_len, "kernel gradient: fewer than {kernel_len} elements");
    let needed = kernel_grad_pooled_scratch_len(window, pooled, xl);
    assert!(scratch.len() >= needed, "scratch: {} elements, not {needed}", scratch.len());
    // Vectors that lie across two cache lines take twice as long.
    let scratch = &mut scratch[..needed];
    let skip = scratch.as_ptr().align_offset(64).min(LINE);
    let scratch = &mut scratch[skip..];
    let x_first = xl.origin() - window.before[0] * xl.row - window.before[1];

    if !goes_by_patches(window, pooled, xl) {
        let (strip, full) = dense_strip(pooled, xl);
        let (d_full, lanes) = scratch.split_at_mut(full.len());
        let gradient = (d_pooled, pooled, argmax);
        let grad = KernelGrad::new(isa, window, xl, &full);
        for first in (0..pooled.height).step_by(strip) {
            let rows = strip.min(pooled.height - first);
            unpool_rows(isa, d_full, &full, gradient, first, rows);
            let x = x[x_first + 2 * first * xl.row..].as_ptr();
            let target = Target::Lanes { to: lanes.as_mut_ptr(), add: first > 0 };
            // SAFETY: `full` has no halo, so that it begins with the first row; halo and lengths
            // were checked above for all pixels.
            unsafe { grad.add_rows(x, d_full.as_ptr(), 2 * rows, target) };
        }
        grad.reduce(d_kernel, lanes);
        return;
    }

    let patch = Patch::new(window, pooled, xl);
    let (strip, sums) = scratch.split_at_mut(patch.strip_len());
    let sums = &mut sums[..patch.sums_len()];
    sums.fill(0.0);
    let sums_per_filter = patch.n_runs() * patch.sums_step();
    let mut live = Live { at: [0; MAX_LIVE], gradients: [0.0; MAX_LIVE], n: 0 };
    let (row, channels) = (patch.row(), patch.channels);
    for first in (0..pooled.height).step_by(patch.strip) {
        let n_rows = patch.strip.min(pooled.height - first);
        let interleave = Interleave {
            x: x[x_first + 2 * first * xl.row..].as_ptr(),
            x_row: xl.row,
            x_plane: xl.plane(),
            to: strip.as_mut_ptr(),
            rows: patch.rows - 2 * (patch.strip - n_rows),
            columns: patch.columns,
            channels: patch.channels,
        };
        // SAFETY: halo and lengths were checked above; these rows are what the kernel reaches.
        unsafe { dispatch(isa, interleave) };
        for filter in 0..patch.filters {
            let sums = sums[filter * sums_per_filter..].as_mut_ptr();
            for y in 0..n_rows {
                let from = filter * pooled.plane() + pooled.origin() + (first + y) * pooled.row;
                let gradients = &d_pooled[from..from + pooled.width];
                let argmax = &argmax[filter * plane + (first + y) * pooled.width..][..pooled.width];
                for (column, n) in even_blocks(pooled.width, MAX_LIVE - OVERREACH) {
                    if live.n + n + OVERREACH > MAX_LIVE {
                        // SAFETY: all patches lie in the strip.
                        unsafe { add_patches(isa, &patch, strip.as_ptr(), &live, sums) };
                        live.n = 0;
                    }
                    let gather = Gather {
                        live: &mut live,
                        gradients: &gradients[column..column + n],
                        argmax: &argmax[column..column + n],
                        first: 2 * (y * row + column * channels),
                        step: 2 * channels,
                        positions: [channels, row, row + channels],
                    };
                    // SAFETY: there is room, see above.
                    unsafe { dispatch(isa, gather) };
                }
            }
            // SAFETY: all patches lie in the strip.
            unsafe { add_patches(isa, &patch, strip.as_ptr(), &live, sums) };
            live.n = 0;
        }
    }
    let filters = patch.filters;
    for run in 0..patch.n_runs() {
        for element in 0..patch.run {
            let to = &mut d_kernel[(run * patch.run + element) * filters..][..filters];
            for (filter, to) in to.iter_mut().enumerate() {
                *to += sums[filter * sums_per_filter + run * patch.sums_step() + element];
            }
        }
    }
}

/// Adds up the living pixels of one pooled plane.
struct LiveSum<'a> {
    d_pooled: *const f32,
    row: usize,
    argmax: *const u8,
    height: usize,
    width: usize,
    total: &'a mut f32,
}

impl Kernel for LiveSum<'_> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        let zero = s.splat(0.0);
        let dead = s.splat(f32::from(DEAD));
        let mut sum = zero;
        for row in 0..self.height {
            for column in (0..self.width).step_by(S::LANES) {
                let n = (self.width - column).min(S::LANES);
                // SAFETY: `bias_grad_pooled` has checked that both hold these pixels.
                unsafe {
                    let from = self.d_pooled.add(row * self.row + column);
                    let gradient = s.load_over(zero, from, s.mask(0, n));
                    let position = s.load_bytes(self.argmax.add(row * self.width + column), n);
                    sum = s.add(sum, s.if_greater(dead, position, gradient, zero));
                }
            }
        }
        let mut lanes = [0.0f32; 16];
        // SAFETY: `lanes` is as long as the longest vector.
        unsafe { s.store(lanes.as_mut_ptr(), sum) };
        *self.total += lanes.iter().sum::<f32>();
    }
}

/// Gradient of the bias of a convolution that a 2x2 max pooling follows: adds the sum of all
/// pooled gradients that are not dead to `d_bias`.
///
/// # Panics
/// If a slice is too short.
pub fn bias_grad_pooled(
    isa: Isa,
    d_bias: &mut [f32],
    d_pooled: &[f32],
    pooled: &Planes,
    argmax: &[u8],
) {
    if pooled.is_empty() {
        return;
    }
    assert!(d_pooled.len() >= pooled.len(), "pooled gradient: fewer elements than its layout");
    let plane = pooled.height * pooled.width;
    assert!(argmax.len() >= pooled.channels * plane, "argmax: fewer elements than pooled pixels");
    assert!(d_bias.len() >= pooled.channels, "bias gradient: fewer elements than channels");
    for (channel, total) in d_bias[..pooled.channels].iter_mut().enumerate() {
        let sum = LiveSum {
            d_pooled: d_pooled[channel * pooled.plane() + pooled.origin()..].as_ptr(),
            row: pooled.row,
            argmax: argmax[channel * plane..].as_ptr(),
            height: pooled.height,
            width: pooled.width,
            total,
        };
        // SAFETY: lengths were checked above.
        unsafe { dispatch(isa, sum) };
    }
}
