//! From a strip of input pixels to `V`.

use super::{GROUPS, IN, OUT};
use crate::conv::pixels::winograd::transforms;
use crate::conv::simd::{ConvSimd, Kernel};

/// Elements of a line, at most: a strip's columns and those that its last tile reads beyond them.
pub(super) const LINE: usize = 16 * OUT + 16;

/// One strip of `G` rows of tiles, all channels.
///
/// First along the columns, on vectors of neighboring pixels as they lie in memory; the results are
/// lines. Then along the lines, on vectors of tiles.
pub(super) struct Input<const G: usize> {
    /// What the first tap of the strip's first output column reads, in row 0 of the first channel.
    pub(super) x: *const f32,
    /// Elements from there to the rows that the tiles read.
    pub(super) rows: [[usize; IN]; GROUPS],
    pub(super) plane: usize,
    pub(super) channels: usize,
    /// Columns from there on that output pixels read.
    pub(super) reach: usize,
    /// Room for `IN` lines for each row of tiles.
    pub(super) lines: *mut f32,
    pub(super) v: *mut f32,
    pub(super) v_point: usize,
}

impl<const G: usize> Input<G> {
    /// Line `i` of row of tiles `g`.
    #[inline(always)]
    fn line(&self, g: usize, i: usize) -> *mut f32 {
        self.lines.wrapping_add((g * IN + i) * LINE)
    }

    /// Along the columns of a channel.
    ///
    /// # Safety
    /// `x` may be read in all rows, `reach` columns each; `lines` is as long as said.
    #[inline(always)]
    unsafe fn to_lines<S: ConvSimd>(&self, s: S, x: *const f32) {
        // All that some tile with output pixels reads.
        let covered = self.reach.next_multiple_of(OUT) + IN - OUT;
        let covered = covered.min(S::LANES * OUT / G + IN - OUT);
        for g in 0..G {
            let mut column = 0;
            while column < covered {
                let n = self.reach.saturating_sub(column).min(S::LANES);
                let mut pixels = [s.splat(0.0); IN];
                for i in 0..IN {
                    let at = x.wrapping_add(self.rows[g][i] + column);
                    // What lies beyond would spread over the last tile: zeros instead.
                    // SAFETY: the caller's promise.
                    pixels[i] = unsafe {
                        if n == S::LANES {
                            s.load(at)
                        } else {
                            s.load_over(s.splat(0.0), at, s.mask(0, n))
                        }
                    };
                }
                let mapped = transforms::input(s, &pixels);
                for i in 0..IN {
                    // SAFETY: the caller's promise: `column` is at most a strip's columns.
                    unsafe { s.store(self.line(g, i).wrapping_add(column), mapped[i]) };
                }
                column += S::LANES;
            }
        }
    }

    /// The six columns of all tiles in line `i`.
    ///
    /// # Safety
    /// The lines are accessible.
    #[inline(always)]
    unsafe fn columns<S: ConvSimd>(&self, s: S, i: usize) -> [S::V; IN] {
        // SAFETY: the caller's promise; a line holds a vector more than the strip's columns.
        unsafe {
            let mut pixels = [s.splat(0.0); OUT];
            for k in 0..OUT {
                let line = self.line(k * G / OUT, i);
                pixels[k] = s.load(line.wrapping_add(k % (OUT / G) * S::LANES));
            }
            let (even, odd) = s.deinterleave(pixels[0], pixels[1]);
            let (more_even, more_odd) = s.deinterleave(pixels[2], pixels[3]);
            let (first, third) = s.deinterleave(even, more_even);
            let (second, fourth) = s.deinterleave(odd, more_odd);
            // What follows the last tile of each row of tiles: first columns, then second ones.
            let mut then = s.load(self.line(0, i).wrapping_add(S::LANES * OUT / G));
            if G == 1 {
                let (fifth, sixth) =
                    (s.next_lanes::<1, 0>(first, then), s.next_lanes::<1, 1>(second, then));
                return [first, second, third, fourth, fifth, sixth];
            }
            then = s.interleave(then, s.load(self.line(1, i).wrapping_add(S::LANES * OUT / G))).0;
            let (fifth, sixth) =
                (s.next_lanes::<2, 0>(first, then), s.next_lanes::<2, 2>(second, then));
            [first, second, third, fourth, fifth, sixth]
        }
    }
}

impl<const G: usize> Kernel for Input<G> {
    #[inline(always)]
    unsafe fn run<S: ConvSimd>(self, s: S) {
        for c in 0..self.channels {
            let v = self.v.wrapping_add(c * S::LANES);
            // SAFETY: the maker's promise.
            unsafe { self.to_lines(s, self.x.wrapping_add(c * self.plane)) };
            for i in 0..IN {
                // SAFETY: the maker's promise.
                let columns = unsafe { self.columns(s, i) };
                let mapped = transforms::input(s, &columns);
                for j in 0..IN {
                    let to = v.wrapping_add((i * IN + j) * self.v_point);
                    // SAFETY: the maker's promise.
                    unsafe { s.store(to, mapped[j]) };
                }
            }
        }
    }
}
