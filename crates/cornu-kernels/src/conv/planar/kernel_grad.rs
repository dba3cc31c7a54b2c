//! Gradients of kernel and bias: every lane adds up its own pixels, lanes are added at the end.

use super::{Columns, assert_readable, split_columns};
use crate::Isa;
use crate::conv::blocks::{even_blocks, with_constant};
use crate::conv::simd::{ConvSimd, Kernel, Limits, dispatch, limits};
use crate::layout::{Planes, Window};

/// Bytes of input and gradient rows that are worked on at a time, so that they stay in the
/// nearest caches while every pair of channels is visited.
const STRIP_BYTES: usize = 40 << 10;
/// Pictures of at most this many bytes are not cut into strips.
const WHOLE_BYTES: usize = 96 << 10;
/// Most taps of one tile.
const MAX_TAPS: usize = 5;
/// Most accumulators of one tile.
const MAX_SUMS: usize = 32;

/// Where the sums of a tile go.
#[derive(Clone, Copy)]
enum Sink {
    /// Lane by lane into memory, `step` sums from one tap to the next.
    Lanes { to: *mut f32, step: usize, add: bool },
    /// Added up and added to the kernel's gradient, at `to + tap_offsets[tap]`.
    Kernel { to: *mut f32 },
}

/// `F` output channels times `T` taps, over some rows.
struct Tile<const F: usize, const T: usize, const G: usize> {
    /// Pixel `(0, 0)` of these rows under tap `(0, 0)`, channel 0.
    x: *const f32,
    x_row: usize,
    /// From `x` to each tap's pixel: input channel, kernel row, kernel column.
    tap_offsets: [usize; MAX_TAPS],
    /// Where each tap lies in the kernel's gradient.
    kernel_offsets: [usize; MAX_TAPS],
    n_taps: usize,
    dy: *const f32,
    dy_row: usize,
    dy_plane: usize,
    rows: usize,
    columns: [Columns; 2],
    sink: Sink,
}

impl<const F: usize, const T: usize, const G: usize> Kernel for Tile<F, T, G> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        if const { (F * T > S::ACCUMULATORS + 1) || G > S::GROUPS } {
            unreachable!("no tile is chosen beyond the limits");
        }
        let Self { x, x_row, dy, dy_row, dy_plane, rows, columns, .. } = self;
        let mut taps = [x; T];
        for t in 0..T {
            taps[t] = x.wrapping_add(self.tap_offsets[t]);
        }
        let zero = s.splat(0.0);
        let mut sums = [[zero; F]; T];
        // SAFETY: `kernel_grad` has checked that all reads of its pixels lie in `x` and `dy`, with
        // slack for a whole vector, and that the sinks are long enough.
        unsafe {
            let whole = columns[0].to / S::LANES * S::LANES;
            for row in 0..rows {
                let (x_at, dy_at) = (row * x_row, dy.wrapping_add(row * dy_row));
                let mut column = 0;
                while column < whole {
                    let mut pixels = [zero; T];
                    for t in 0..T {
                        pixels[t] = s.load(taps[t].wrapping_add(x_at + column));
                    }
                    for f in 0..F {
                        let gradient = s.load(dy_at.wrapping_add(f * dy_plane + column));
                        for t in 0..T {
                            sums[t][f] = s.mul_add(pixels[t], gradient, sums[t][f]);
                        }
                    }
                    column += S::LANES;
                }
            }
            // What is left of each row: lanes without a pixel are zero on both sides.
            let rest = if G == 1 { whole } else { columns[1].from };
            let width = columns[1].to.max(columns[0].to) - rest;
            let lanes = S::LANES / G;
            let mut row = 0;
            while width > 0 && row < rows {
                let mut masks = [s.mask(0, 0); G];
                for g in 0..G {
                    if row + g < rows {
                        masks[g] = s.mask(g * lanes, g * lanes + width);
                    }
                }
                let mut pixels = [zero; T];
                for t in 0..T {
                    for g in 0..G {
                        let at = taps[t].wrapping_add((row + g) * x_row + rest);
                        pixels[t] = s.load_over(pixels[t], at.wrapping_sub(g * lanes), masks[g]);
                    }
                }
                for f in 0..F {
                    let mut gradient = zero;
                    for g in 0..G {
                        let at = dy.wrapping_add(f * dy_plane + (row + g) * dy_row + rest);
                        gradient = s.load_over(gradient, at.wrapping_sub(g * lanes), masks[g]);
                    }
                    for t in 0..T {
                        sums[t][f] = s.mul_add(pixels[t], gradient, sums[t][f]);
                    }
                }
                row += G;
            }
            match self.sink {
                Sink::Lanes { to, step, add } => {
                    for t in 0..T {
                        if t >= self.n_taps {
                            break;
                        }
                        for f in 0..F {
                            let to = to.add((t * step + f) * S::LANES);
                            let before = if add { s.load(to) } else { zero };
                            s.store(to, s.add(before, sums[t][f]));
                        }
                    }
                }
                Sink::Kernel { to } => {
                    let mut lanes =
                        [const { std::mem::MaybeUninit::<f32>::uninit() }; MAX_SUMS * 16];
                    let lanes = lanes.as_mut_ptr().cast::<f32>();
                    let mut totals = [0.0; MAX_SUMS];
                    for t in 0..T {
                        for f in 0..F {
                            s.store(lanes.add((t * F + f) * S::LANES), sums[t][f]);
                        }
                    }
                    let padded = (F * T).next_multiple_of(S::LANES);
                    for i in F * T..padded {
                        s.store(lanes.add(i * S::LANES), zero);
                    }
                    for i in (0..padded).step_by(S::LANES) {
                        let sum = s.sums(lanes.add(i * S::LANES));
                        s.store(totals.as_mut_ptr().add(i), sum);
                    }
                    for t in 0..T {
                        if t >= self.n_taps {
                            break;
                        }
                        let to = to.add(self.kernel_offsets[t]);
                        for f in 0..F {
                            *to.add(f) += totals[t * F + f];
                        }
                    }
                }
            }
        }
    }
}

/// Adds up the lanes of all sums.
struct Reduce<'a> {
    lanes: *const f32,
    n_sums: usize,
    filters: usize,
    d_kernel: &'a mut [f32],
    taps: Taps,
}

impl Kernel for Reduce<'_> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        let (mut tap, mut filter) = (0, 0);
        for i in (0..self.n_sums).step_by(S::LANES) {
            let mut totals = [0.0; 16];
            // SAFETY: the scratch holds a whole number of vectors of sums, `totals` a vector.
            unsafe {
                let sums = s.sums(self.lanes.add(i * S::LANES));
                s.store(totals.as_mut_ptr(), sums);
            }
            for &total in &totals[..S::LANES.min(self.n_sums - i)] {
                self.d_kernel[self.taps.kernel_offset(tap, self.filters) + filter] += total;
                filter += 1;
                if filter == self.filters {
                    (tap, filter) = (tap + 1, 0);
                }
            }
        }
    }
}

/// All pairs of an input channel and a kernel element, in the order `(C, kh, kw)`.
#[derive(Clone, Copy)]
struct Taps {
    size: [usize; 2],
    step: [usize; 2],
    in_channels: usize,
    x_plane: usize,
}

impl Taps {
    fn new(window: &Window, xl: &Planes) -> Self {
        let step = [window.dilation[0] * xl.row, window.dilation[1]];
        Self { size: window.size, step, in_channels: xl.channels, x_plane: xl.plane() }
    }

    fn len(&self) -> usize {
        self.size[0] * self.size[1] * self.in_channels
    }

    fn split(&self, tap: usize) -> (usize, usize, usize) {
        let (rest, j) = (tap / self.size[1], tap % self.size[1]);
        (rest / self.size[0], rest % self.size[0], j)
    }

    fn input_offset(&self, tap: usize) -> usize {
        let (channel, i, j) = self.split(tap);
        channel * self.x_plane + i * self.step[0] + j * self.step[1]
    }

    fn kernel_offset(&self, tap: usize, filters: usize) -> usize {
        let (channel, i, j) = self.split(tap);
        ((i * self.size[1] + j) * self.in_channels + channel) * filters
    }

    /// Taps and output channels per tile.
    fn tile(&self, limits: Limits) -> (usize, usize) {
        let (threes, fives) = (self.len().is_multiple_of(3), self.len().is_multiple_of(5));
        let five = self.size[1].is_multiple_of(5) || (fives && !threes);
        match limits.accumulators {
            24.. if five => (5, 5),
            24.. => (3, 8),
            12.. => (3, 4),
            _ => (3, 2),
        }
    }
}

/// Rows worked on at a time.
fn strip_rows(dyl: &Planes, xl: &Planes) -> usize {
    let row_bytes = 4 * (dyl.row * dyl.channels + xl.row * xl.channels);
    if row_bytes * dyl.height <= WHOLE_BYTES {
        return dyl.height;
    }
    // A multiple of the rows that one vector may hold.
    (STRIP_BYTES / row_bytes.max(1)).next_multiple_of(4).clamp(4, dyl.height.max(4))
}

/// Where [`KernelGrad`] adds up.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// Straight into the kernel's gradient.
    Kernel(*mut f32),
    /// Lane by lane into scratch memory, which holds sums already or not yet.
    Lanes { to: *mut f32, add: bool },
}

/// The tiles of a kernel's gradient, for some layouts of input and output gradient.
#[derive(Clone, Copy)]
pub(super) struct KernelGrad {
    isa: Isa,
    limits: Limits,
    taps: Taps,
    columns: [Columns; 2],
    filters: usize,
    x_row: usize,
    dy_row: usize,
    dy_plane: usize,
}

impl KernelGrad {
    pub(super) fn new(isa: Isa, window: &Window, xl: &Planes, dyl: &Planes) -> Self {
        let limits = limits(isa);
        Self {
            isa,
            limits,
            taps: Taps::new(window, xl),
            columns: split_columns(limits, dyl.width, |groups| dyl.height >= groups),
            filters: dyl.channels,
            x_row: xl.row,
            dy_row: dyl.row,
            dy_plane: dyl.plane(),
        }
    }

    /// Elements of the scratch memory for lanes, for any instruction set.
    pub(super) fn lanes_len(window: &Window, in_channels: usize, filters: usize) -> usize {
        (window.size[0] * window.size[1] * in_channels * filters).next_multiple_of(16) * 16
    }

    /// Adds `rows` rows, which begin at `dy` and, under tap `(0, 0)`, at `x`.
    ///
    /// # Safety
    /// All pixels of these rows are readable in `dy`, all that the window reads for them in `x`,
    /// with slack for a whole vector. The target holds all sums.
    pub(super) unsafe fn add_rows(
        &self,
        x: *const f32,
        dy: *const f32,
        rows: usize,
        target: Target,
    ) {
        let Self { isa, taps, columns, filters, x_row, dy_row, dy_plane, .. } = *self;
        let (tile_taps, tile_filters) = taps.tile(self.limits);
        for (first_filter, n_filters) in even_blocks(filters, tile_filters) {
            for first_tap in (0..taps.len()).step_by(tile_taps) {
                let n_taps = tile_taps.min(taps.len() - first_tap);
                // A last tile that is not full computes its last tap again.
                let tap = |t: usize| first_tap + t.min(n_taps - 1);
                let sink = match target {
                    Target::Kernel(to) => Sink::Kernel { to: to.wrapping_add(first_filter) },
                    Target::Lanes { to, add } => {
                        let at = (first_tap * filters + first_filter) * self.limits.lanes;
                        Sink::Lanes { to: to.wrapping_add(at), step: filters, add }
                    }
                };
                macro_rules! tile {
                    ($f:expr, $t:expr, $groups:expr) => {{
                        let tile = Tile::<{ $f }, { $t }, { $groups }> {
                            x,
                            x_row,
                            tap_offsets: std::array::from_fn(|t| taps.input_offset(tap(t))),
                            kernel_offsets: std::array::from_fn(|t| {
                                taps.kernel_offset(tap(t), filters)
                            }),
                            n_taps,
                            dy: dy.wrapping_add(first_filter * dy_plane),
                            dy_row,
                            dy_plane,
                            rows,
                            columns,
                            sink,
                        };
                        // SAFETY: the caller's promise.
                        unsafe { dispatch(isa, tile) }
                    }};
                }
                with_constant!(n_filters, F => match (tile_taps, columns[1].groups) {
                    (5, 1) => tile!(if F <= 5 { F } else { 1 }, 5, 1),
                    (5, 2) => tile!(if F <= 5 { F } else { 1 }, 5, 2),
                    (5, _) => tile!(if F <= 5 { F } else { 1 }, 5, 4),
                    (_, 1) => tile!(if F <= 8 { F } else { 1 }, 3, 1),
                    (_, 2) => tile!(if F <= 8 { F } else { 1 }, 3, 2),
                    (_, _) => tile!(if F <= 8 { F } else { 1 }, 3, 4),
                });
            }
        }
    }

    /// Adds the sums of all lanes, which are in scratch memory, to the kernel's gradient.
    pub(super) fn reduce(&self, d_kernel: &mut [f32], lanes: &mut [f32]) {
        let (n_sums, n_lanes) = (self.taps.len() * self.filters, self.limits.lanes);
        // The last vector of sums may not be full.
        lanes[n_sums * n_lanes..n_sums.next_multiple_of(n_lanes) * n_lanes].fill(0.0);
        let Self { filters, taps, .. } = *self;
        let reduce = Reduce { lanes: lanes.as_ptr(), n_sums, filters, d_kernel, taps };
        // SAFETY: the scratch holds all sums, rounded up to whole vectors.
        unsafe { dispatch(self.isa, reduce) };
    }
}

/// Elements of scratch memory that [`kernel_grad`] needs, for any instruction set.
pub fn kernel_grad_scratch_len(window: &Window, dyl: &Planes, xl: &Planes) -> usize {
    if strip_rows(dyl, xl) >= dyl.height {
        return 0;
    }
    KernelGrad::lanes_len(window, xl.channels, dyl.channels)
}

/// Gradient of the kernel: adds `sum over pixels of dy[pixel, f] * x[pixel under tap, c]` to
/// `d_kernel`, `(kh, kw, C, F)`.
///
/// `dy` is `(F, H', W')`, its halo is not read; `x` is `(C, H, W)` with a halo as for
/// [`forward`](super::forward()). `scratch` holds [`kernel_grad_scratch_len`] elements of any
/// content.
///
/// # Panics
/// If the stride is not 1, a slice is too short, or the halo of `x` is narrower than the kernel
/// reaches.
pub fn kernel_grad(
    isa: Isa,
    d_kernel: &mut [f32],
    dy: &[f32],
    dyl: &Planes,
    x: &[f32],
    xl: &Planes,
    window: &Window,
    scratch: &mut [f32],
) {
    let kernel_len = window.size[0] * window.size[1] * xl.channels * dyl.channels;
    if dyl.is_empty() || kernel_len == 0 {
        return;
    }
    assert_readable(xl, x, [dyl.height, dyl.width], window);
    assert!(dy.len() >= dyl.len(), "gradient: {} elements, layout needs {}", dy.len(), dyl.len());
    assert!(d_kernel.len() >= kernel_len, "kernel gradient: fewer than {kernel_len} elements");
    let scratch_len = kernel_grad_scratch_len(window, dyl, xl);
    assert!(scratch.len() >= scratch_len, "scratch: {} elements, not {scratch_len}", scratch.len());

    let grad = KernelGrad::new(isa, window, xl, dyl);
    let strip = strip_rows(dyl, xl);
    let x = &x[xl.origin() - window.before[0] * xl.row - window.before[1]..];
    let dy = &dy[dyl.origin()..];
    for first in (0..dyl.height).step_by(strip) {
        let target = if strip >= dyl.height {
            Target::Kernel(d_kernel.as_mut_ptr())
        } else {
            Target::Lanes { to: scratch.as_mut_ptr(), add: first > 0 }
        };
        let (x, dy) = (x[first * xl.row..].as_ptr(), dy[first * dyl.row..].as_ptr());
        // SAFETY: slices and halo were checked above for all pixels.
        unsafe { grad.add_rows(x, dy, strip.min(dyl.height - first), target) };
    }
    if strip < dyl.height {
        grad.reduce(d_kernel, scratch);
    }
}

/// Adds the pixels of one plane.
struct PlaneSum<'a> {
    dy: *const f32,
    row: usize,
    height: usize,
    width: usize,
    total: &'a mut f32,
}

impl Kernel for PlaneSum<'_> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        let zero = s.splat(0.0);
        let mut sums = [zero; 4];
        let mut turn = 0;
        for row in 0..self.height {
            let at = self.dy.wrapping_add(row * self.row);
            let mut column = 0;
            // SAFETY: all pixels of the plane are readable; the last vector is masked.
            unsafe {
                while column + 4 * S::LANES <= self.width {
                    for i in 0..4 {
                        sums[i] = s.add(sums[i], s.load(at.add(column + i * S::LANES)));
                    }
                    column += 4 * S::LANES;
                }
                while column < self.width {
                    let mask = s.mask(0, (self.width - column).min(S::LANES));
                    let v = s.load_over(zero, at.add(column), mask);
                    for i in 0..4 {
                        if i == turn {
                            sums[i] = s.add(sums[i], v);
                        }
                    }
                    turn = (turn + 1) % 4;
                    column += S::LANES;
                }
            }
        }
        let sum = s.add(s.add(sums[0], sums[1]), s.add(sums[2], sums[3]));
        let mut lanes = [0.0f32; 16];
        // SAFETY: `lanes` is as long as the longest vector.
        unsafe { s.store(lanes.as_mut_ptr(), sum) };
        *self.total += lanes.iter().sum::<f32>();
    }
}

/// Gradient of the bias: adds the sum of all pixels of each channel of `dy` to `d_bias`.
///
/// # Panics
/// If a slice is too short.
pub fn bias_grad(isa: Isa, d_bias: &mut [f32], dy: &[f32], dyl: &Planes) {
    if dyl.is_empty() {
        return;
    }
    assert!(dy.len() >= dyl.len(), "gradient: {} elements, layout needs {}", dy.len(), dyl.len());
    assert!(d_bias.len() >= dyl.channels, "bias gradient: fewer elements than channels");
    for (channel, total) in d_bias[..dyl.channels].iter_mut().enumerate() {
        let sum = PlaneSum {
            dy: dy[channel * dyl.plane() + dyl.origin()..].as_ptr(),
            row: dyl.row,
            height: dyl.height,
            width: dyl.width,
            total,
        };
        // SAFETY: the plane lies in `dy`.
        unsafe { dispatch(isa, sum) };
    }
}
