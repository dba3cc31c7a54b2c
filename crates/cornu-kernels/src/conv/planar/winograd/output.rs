//! From `M` to output pixels, or to what 2x2 max pooling leaves of them.

use super::strips::Place;
use super::{IN, OUT};
use crate::conv::pixels::winograd::transforms;
use crate::conv::planar::pool::{DEAD, pool};
use crate::conv::simd::{ConvSimd, Kernel};

/// One strip of `G` rows of tiles, some filters.
pub(super) struct Output<const G: usize, const POOL: bool> {
    pub(super) m: *const f32,
    pub(super) m_point: usize,
    pub(super) filters: usize,
    pub(super) bias: Option<*const f32>,
    pub(super) relu: bool,
    /// Pixel `(0, 0)` of the first filter.
    pub(super) y: *mut f32,
    pub(super) y_row: usize,
    pub(super) y_plane: usize,
    /// Places of the maxima, without gaps, if they are wanted.
    pub(super) argmax: Option<*mut u8>,
    /// Height and width of `y`.
    pub(super) size: [usize; 2],
    /// Before pooling.
    pub(super) place: Place,
}

impl<const G: usize, const POOL: bool> Output<G, POOL> {
    /// For part `part` of `parts` of a row of the strip, of a vector each: its first row and column in
    /// `y`, and how many of its columns there are.
    #[inline(always)]
    fn part<S: ConvSimd>(&self, part: usize, parts: usize) -> (usize, usize, usize) {
        let shrink = if POOL { 2 } else { 1 };
        let top = self.place.tops[part * G / parts] / shrink;
        let left = self.place.left / shrink + part % (parts / G) * S::LANES;
        (top, left, self.size[1].saturating_sub(left).min(S::LANES))
    }

    /// # Safety
    /// `n` elements are writable at `to`.
    #[inline(always)]
    unsafe fn store<S: ConvSimd>(s: S, to: *mut f32, n: usize, v: S::V) {
        // SAFETY: the caller's promise.
        unsafe {
            if n == S::LANES {
                s.store(to, v);
            } else {
                s.store_masked(to, s.mask(0, n), v);
            }
        }
    }

    /// All pixels of row `i` of the tiles.
    ///
    /// # Safety
    /// The filter's plane `y` holds all pixels of the picture.
    #[inline(always)]
    unsafe fn plain<S: ConvSimd>(&self, s: S, y: *mut f32, bias: S::V, i: usize, row: [S::V; OUT]) {
        let (first, more_first) = s.interleave(row[0], row[2]);
        let (second, more_second) = s.interleave(row[1], row[3]);
        let (a, b) = s.interleave(first, second);
        let (c, d) = s.interleave(more_first, more_second);
        let parts = [a, b, c, d];
        for part in 0..OUT {
            let mut v = s.add(parts[part], bias);
            if self.relu {
                v = s.max(s.splat(0.0), v);
            }
            let (top, left, n) = self.part::<S>(part, OUT);
            if top + i < self.size[0] {
                // SAFETY: the caller's promise.
                unsafe { Self::store(s, y.wrapping_add((top + i) * self.y_row + left), n, v) };
            }
        }
    }

    /// The two pools of rows `2 i` and `2 i + 1` of the tiles.
    ///
    /// # Safety
    /// The filter's planes `y` and `argmax` hold all pixels of the pooled picture.
    #[inline(always)]
    unsafe fn pooled<S: ConvSimd>(
        &self,
        s: S,
        y: *mut f32,
        argmax: Option<*mut u8>,
        bias: S::V,
        i: usize,
        rows: [[S::V; OUT]; 2],
    ) {
        let zero = s.splat(0.0);
        let (mut best, mut position) = ([zero; 2], [zero; 2]);
        for side in 0..2 {
            let (left, right) = (2 * side, 2 * side + 1);
            let pixels = [rows[0][left], rows[0][right], rows[1][left], rows[1][right]];
            (best[side], position[side]) = pool(s, pixels);
            // The bias changes no maximum's place, so it comes after.
            best[side] = s.add(best[side], bias);
            if self.relu {
                let dead = s.splat(f32::from(DEAD));
                position[side] = s.if_greater(best[side], zero, position[side], dead);
                best[side] = s.max(zero, best[side]);
            }
        }
        let (a, b) = s.interleave(best[0], best[1]);
        let best = [a, b];
        let (a, b) = s.interleave(position[0], position[1]);
        let position = [a, b];
        for part in 0..2 {
            let (top, left, n) = self.part::<S>(part, 2);
            if top + i >= self.size[0] {
                continue;
            }
            // SAFETY: the caller's promise.
            unsafe {
                Self::store(s, y.wrapping_add((top + i) * self.y_row + left), n, best[part]);
                if let Some(argmax) = argmax {
                    let to = argmax.wrapping_add((top + i) * self.size[1] + left);
                    s.store_bytes(to, n, position[part]);
                }
            }
        }
    }
}

impl<const G: usize, const POOL: bool> Kernel for Output<G, POOL> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        for filter in 0..self.filters {
            let m = self.m.wrapping_add(filter * S::LANES);
            let y = self.y.wrapping_add(filter * self.y_plane);
            let mut bias = s.splat(0.0);
            if let Some(from) = self.bias {
                // SAFETY: the maker's promise.
                bias = s.splat(unsafe { *from.add(filter) });
            }
            let mut half = [[s.splat(0.0); IN]; OUT];
            for j in 0..IN {
                let mut column = [s.splat(0.0); IN];
                for i in 0..IN {
                    let at = m.wrapping_add((i * IN + j) * self.m_point);
                    // SAFETY: the maker's promise.
                    column[i] = unsafe { s.load(at) };
                }
                let mapped = transforms::output(s, &column);
                for i in 0..OUT {
                    half[i][j] = mapped[i];
                }
            }
            if POOL {
                let size = self.size[0] * self.size[1];
                let argmax = self.argmax.map(|argmax| argmax.wrapping_add(filter * size));
                for i in 0..OUT / 2 {
                    let rows = [
                        transforms::output(s, &half[2 * i]),
                        transforms::output(s, &half[2 * i + 1]),
                    ];
                    // SAFETY: the maker's promise.
                    unsafe { self.pooled(s, y, argmax, bias, i, rows) };
                }
            } else {
                for i in 0..OUT {
                    let row = transforms::output(s, &half[i]);
                    // SAFETY: the maker's promise.
                    unsafe { self.plain(s, y, bias, i, row) };
                }
            }
        }
    }
}
