//! Forward pass, with or without pooling, which with another packing also is the input's gradient.

use super::input::{Input, LINE};
use super::output::Output;
use super::products::Products;
use super::strips::{Place, Strips};
use super::{GROUPS, IN, OUT, POINTS, TAPS, packed_len, supports};
use crate::Isa;
use crate::conv::blocks::{even_blocks, with_constant};
use crate::conv::planar::bands::for_bands;
use crate::conv::planar::{BLOCK, assert_readable};
use crate::conv::simd::{dispatch, limits};
use crate::helpers::Helpers;
use crate::layout::{Planes, Window};

/// Lanes of the widest vectors.
const MOST_LANES: usize = 16;
/// Elements of the lines of a strip.
const LINES: usize = GROUPS * IN * LINE;

/// Elements from one point to the next, for `vectors` vectors per point. Never a multiple of the
/// distance at which addresses fall into the same lines of the first-level cache.
fn point_step(lanes: usize, vectors: usize) -> usize {
    (vectors | 1) * lanes
}

/// Elements of scratch memory that [`forward`] and [`forward_pool`] need.
pub fn scratch_len(in_channels: usize) -> usize {
    let of = |vectors| POINTS * point_step(MOST_LANES, vectors);
    LINES + of(in_channels) + of(BLOCK) + MOST_LANES
}

/// What the strips go through, and where they end.
struct Job<'a> {
    isa: Isa,
    x: &'a [f32],
    xl: &'a Planes,
    packed: &'a [f32],
    bias: Option<&'a [f32]>,
    window: &'a Window,
    relu: bool,
    /// As many elements as `yl` says.
    y: *mut f32,
    yl: &'a Planes,
    argmax: Option<&'a mut [u8]>,
    /// Height and width before pooling.
    output: [usize; 2],
}

/// `y = x * kernel + bias`, then `max(0, y)` if `relu`: as [`planar::forward`](super::super::forward)
/// but for rounding, with `packed` from [`pack`](super::pack()) or
/// [`pack_transposed`](super::pack_transposed()), and [`scratch_len`] elements of scratch memory.
///
/// # Panics
/// If the window is not [supported](supports), a slice is too short, or the halo of `x` is narrower
/// than the kernel reaches.
pub fn forward(
    isa: Isa,
    y: &mut [f32],
    yl: &Planes,
    x: &[f32],
    xl: &Planes,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
    scratch: &mut [f32],
) {
    assert!(y.len() >= yl.len(), "output: {} elements, layout needs {}", y.len(), yl.len());
    let (y, output) = (y.as_mut_ptr(), [yl.height, yl.width]);
    let job = Job { isa, x, xl, packed, bias, window, relu, y, yl, argmax: None, output };
    // SAFETY: the output was checked.
    unsafe { job.run::<false>(scratch) };
}

/// As [`forward`], on several threads, each with a band of rows and [`scratch_len`] elements of
/// scratch memory. The halo of `y` becomes zero.
///
/// # Panics
/// As [`forward`].
pub fn forward_in_bands(
    isa: Isa,
    helpers: &mut Helpers<'_>,
    y: &mut [f32],
    yl: &Planes,
    x: &[f32],
    xl: &Planes,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
    scratch: &mut [f32],
) {
    for_bands((helpers, scratch), (y, yl), (xl, 1), OUT, |scratch, y, yl, xl| {
        let output = [yl.height, yl.width];
        let job = Job { isa, x, xl, packed, bias, window, relu, y, yl, argmax: None, output };
        // SAFETY: the output was checked, and nobody else writes the rows of this band.
        unsafe { job.run::<false>(scratch) };
    });
}

/// `y = max_pool(relu(x * kernel + bias))` with pools of 2x2: as
/// [`planar::forward_pool`](super::super::forward_pool) but for rounding, which may also decide which
/// of nearly equal maxima `argmax` names; with `packed` from [`pack`](super::pack()) and
/// [`scratch_len`] elements of scratch memory.
///
/// # Panics
/// If the window is not [supported](supports), a slice is too short, or the halo of `x` is narrower
/// than the kernel reaches.
pub fn forward_pool(
    isa: Isa,
    y: &mut [f32],
    yl: &Planes,
    argmax: Option<&mut [u8]>,
    x: &[f32],
    xl: &Planes,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
    scratch: &mut [f32],
) {
    assert!(y.len() >= yl.len(), "output: {} elements, layout needs {}", y.len(), yl.len());
    let (y, output) = (y.as_mut_ptr(), [2 * yl.height, 2 * yl.width]);
    let job = Job { isa, x, xl, packed, bias, window, relu, y, yl, argmax, output };
    // SAFETY: the output was checked.
    unsafe { job.run::<true>(scratch) };
}

/// As [`forward_pool`] without places of maxima, on several threads, each with a band of rows and
/// [`scratch_len`] elements of scratch memory. The halo of `y` becomes zero.
///
/// # Panics
/// As [`forward_pool`].
pub fn forward_pool_in_bands(
    isa: Isa,
    helpers: &mut Helpers<'_>,
    y: &mut [f32],
    yl: &Planes,
    x: &[f32],
    xl: &Planes,
    packed: &[f32],
    bias: Option<&[f32]>,
    window: &Window,
    relu: bool,
    scratch: &mut [f32],
) {
    for_bands((helpers, scratch), (y, yl), (xl, 2), OUT / 2, |scratch, y, yl, xl| {
        let output = [2 * yl.height, 2 * yl.width];
        let job = Job { isa, x, xl, packed, bias, window, relu, y, yl, argmax: None, output };
        // SAFETY: the output was checked, and nobody else writes the rows of this band.
        unsafe { job.run::<true>(scratch) };
    });
}

impl Job<'_> {
    fn check(&self, scratch: &[f32]) {
        let Self { xl, yl, .. } = self;
        assert!(supports(self.window, 1), "minimal filtering of {:?}", self.window);
        assert_readable(xl, self.x, self.output, self.window);
        let pixels = yl.channels * yl.height * yl.width;
        let long_enough = self.argmax.as_ref().is_none_or(|argmax| argmax.len() >= pixels);
        assert!(long_enough, "argmax: fewer elements than pooled pixels");
        assert!(self.bias.is_none_or(|bias| bias.len() >= yl.channels), "bias: too short");
        let needed = packed_len(xl.channels, yl.channels);
        let packed = self.packed.len();
        assert!(packed >= needed, "packed kernel: {packed} elements, not {needed}");
        let needed = scratch_len(xl.channels);
        assert!(scratch.len() >= needed, "scratch: {} elements, not {needed}", scratch.len());
    }

    /// # Safety
    /// `y` has as many elements as `yl` says, and nobody else uses the pixels.
    unsafe fn run<const POOL: bool>(mut self, scratch: &mut [f32]) {
        if self.yl.is_empty() {
            return;
        }
        self.check(scratch);
        let lanes = limits(self.isa).lanes;
        let strips = Strips::new(lanes, self.output);
        // Vectors that cross a cache line would cost twice.
        let skipped = scratch.as_ptr().align_offset(4 * MOST_LANES).min(MOST_LANES);
        let (lines, scratch) = scratch[skipped..].split_at_mut(LINES);
        let v_step = point_step(lanes, self.xl.channels);
        let (v, m) = scratch.split_at_mut(POINTS * v_step);
        for strip in 0..strips.len() {
            let place = strips.place(strip);
            if strips.groups == 1 {
                self.input::<1>(place, lines, (v, v_step));
            } else {
                self.input::<2>(place, lines, (v, v_step));
            }
            for (filter, n) in even_blocks(self.yl.channels, BLOCK) {
                let m_step = point_step(lanes, n);
                self.products((v, v_step), (m, m_step), filter, n);
                if strips.groups == 1 {
                    self.output::<1, POOL>(place, (m, m_step), filter, n);
                } else {
                    self.output::<2, POOL>(place, (m, m_step), filter, n);
                }
            }
        }
    }

    fn input<const G: usize>(
        &self,
        place: Place,
        lines: &mut [f32],
        (v, v_point): (&mut [f32], usize),
    ) {
        let Self { xl, window, .. } = self;
        let before = window.before[0] * xl.row + window.before[1];
        let last = self.output[0] + TAPS - 2;
        let mut rows = [[0; IN]; GROUPS];
        for g in 0..G {
            for i in 0..IN {
                // Tiles that reach beyond the last row see it again: what they make of it belongs to
                // no output pixel.
                rows[g][i] = (place.tops[g] + i).min(last) * xl.row;
            }
        }
        let input = Input::<G> {
            x: self.x.as_ptr().wrapping_add(xl.origin() - before + place.left),
            rows,
            plane: xl.plane(),
            channels: xl.channels,
            reach: self.output[1] + TAPS - 1 - place.left,
            lines: lines.as_mut_ptr(),
            v: v.as_mut_ptr(),
            v_point,
        };
        // SAFETY: the window's reach for all output pixels was checked, `lines` and `v` are as long
        // as `scratch_len` says.
        unsafe { dispatch(self.isa, input) };
    }

    fn products(
        &self,
        (v, v_point): (&[f32], usize),
        (m, m_point): (&mut [f32], usize),
        filter: usize,
        n: usize,
    ) {
        let channels = self.xl.channels;
        macro_rules! products {
            ($n:expr) => {{
                let products = Products::<{ $n }> {
                    v: v.as_ptr(),
                    v_point,
                    weights: self.packed[POINTS * channels * filter..].as_ptr(),
                    channels,
                    m: m.as_mut_ptr(),
                    m_point,
                };
                // SAFETY: the packed kernel was checked, `v` and `m` are as long as `scratch_len`
                // says.
                unsafe { dispatch(self.isa, products) }
            }};
        }
        with_constant!(n, N => products!(N));
    }

    fn output<const G: usize, const POOL: bool>(
        &mut self,
        place: Place,
        (m, m_point): (&[f32], usize),
        filter: usize,
        n: usize,
    ) {
        let yl = self.yl;
        let size = [yl.height, yl.width];
        let from = filter * size[0] * size[1];
        let output = Output::<G, POOL> {
            m: m.as_ptr(),
            m_point,
            filters: n,
            bias: self.bias.map(|bias| bias[filter..].as_ptr()),
            relu: self.relu,
            y: self.y.wrapping_add(filter * yl.plane() + yl.origin()),
            y_row: yl.row,
            y_plane: yl.plane(),
            argmax: self.argmax.as_mut().map(|argmax| argmax[from..].as_mut_ptr()),
            size,
            place,
        };
        // SAFETY: the maker's promise of `y`; `m` is as long as `scratch_len` says.
        unsafe { dispatch(self.isa, output) };
    }
}

const _: () = assert!(LINE >= MOST_LANES * OUT + MOST_LANES);
