//! Packing: copying a matrix into the order in which the tile reads it.

use std::ops::Range;

use super::{MAX_WIDTH, Rows, block_depth};
use crate::copy::transpose;
use crate::simd::{Simd, simd_fn};

/// Columns of a panel of b.
#[inline(always)]
pub(super) const fn width<S: Simd>() -> usize {
    2 * S::LANES
}

/// Numbers of a packed b: each block of its rows has whole panels of the widest kind.
pub fn packed_b_len(n: usize, k: usize) -> usize {
    n.next_multiple_of(MAX_WIDTH) * k
}

/// Where a packed b can be cut into parts for [`pack_b_part`]: the end of the smallest part with at
/// least `len` numbers that begins at `start`, itself such a place or 0.
pub fn next_packed_part(n: usize, k: usize, start: usize, len: usize) -> usize {
    let (whole, step) = (n.next_multiple_of(MAX_WIDTH), block_depth(k));
    let mut end = start;
    while end < start + len && end < whole * k {
        let p = end / (whole * step) * step;
        end += MAX_WIDTH * (k - p).min(step);
    }
    end
}

simd_fn! {
    /// Packs `b`, `(k, n)` or, where `b_transposed`, `(n, k)`, for
    /// [`matmul_packed`](super::matmul_packed) with the same `isa`. Worth while where weights serve
    /// many products.
    ///
    /// # Panics
    ///
    /// If `b` has not `k * n` elements, or `packed` fewer than [`packed_b_len`].
    pub fn pack_b(s, packed: &mut [f32], b: &[f32], n: usize, k: usize, b_transposed: bool) {
        let packed = &mut packed[..packed_b_len(n, k)];
        part(s, packed, 0, b, n, k, b_transposed);
    }
}

simd_fn! {
    /// The part of [`pack_b`]'s result that begins at number `start` and is as long as `packed`. For
    /// several threads, each with a part.
    ///
    /// # Panics
    ///
    /// If `b` has not `k * n` elements, or a part does not begin and end where
    /// [`next_packed_part`] says.
    pub fn pack_b_part(
        s,
        packed: &mut [f32],
        start: usize,
        b: &[f32],
        n: usize,
        k: usize,
        b_transposed: bool,
    ) {
        part(s, packed, start, b, n, k, b_transposed);
    }
}

#[inline(always)]
fn part<S: Simd>(
    s: S,
    mut packed: &mut [f32],
    mut start: usize,
    b: &[f32],
    n: usize,
    k: usize,
    transposed: bool,
) {
    assert_eq!(b.len(), n * k, "b");
    assert!(start + packed.len() <= packed_b_len(n, k), "packed");
    let (whole, step) = (n.next_multiple_of(MAX_WIDTH), block_depth(k));
    while !packed.is_empty() {
        // The block that the rest begins in, and the columns of it that the rest covers.
        let p = start / (whole * step) * step;
        let depth = (k - p).min(step);
        let column = (start - p * whole) / depth;
        let columns = (packed.len() / depth).min(whole - column);
        let cut = (start - p * whole).is_multiple_of(depth * MAX_WIDTH)
            && columns.is_multiple_of(MAX_WIDTH)
            && 0 < columns;
        assert!(cut, "a part begins and ends between panels");
        let (now, rest) = packed.split_at_mut(columns * depth);
        let range = column..(column + columns).min(n);
        block(s, now, b, n, k, transposed, range, p..p + depth);
        (packed, start) = (rest, start + columns * depth);
    }
}

/// Packs columns `columns` of rows `depth` of b, panel after panel, each row by row. The last panel
/// is filled up with zeros.
#[inline(always)]
pub(super) fn block<S: Simd>(
    s: S,
    packed: &mut [f32],
    b: &[f32],
    n: usize,
    k: usize,
    transposed: bool,
    columns: Range<usize>,
    depth: Range<usize>,
) {
    let width = width::<S>();
    let panels = packed.chunks_exact_mut((width * depth.len()).max(1));
    for (j, panel) in columns.clone().step_by(width).zip(panels) {
        let used = (columns.end - j).min(width);
        if !transposed {
            for (p, row) in depth.clone().zip(panel.chunks_exact_mut(width)) {
                copy_row(s, row, &b[p * n + j..][..used]);
            }
            continue;
        }
        if used < width {
            panel.fill(0.0);
        }
        let source = &b[j * k..];
        transpose(s, panel, width, &source[depth.start..], k, used, depth.len());
    }
}

/// Copies x to the front of y, whose length is a multiple of the vector's, and zeros to the rest.
#[inline(always)]
fn copy_row<S: Simd>(s: S, y: &mut [f32], x: &[f32]) {
    let mut i = 0;
    while i < y.len() {
        let n = x.len().saturating_sub(i);
        // SAFETY: n counts what x has left; y has a whole vector left.
        unsafe {
            // Beyond the end the pointer is not read.
            let v = s.load_first(x.as_ptr().wrapping_add(i), n);
            s.store(y.as_mut_ptr().add(i), v);
        }
        i += S::LANES;
    }
}

/// Packs rows `rows` of columns `depth` of a: column by column.
#[inline(always)]
pub(super) fn rows<S: Simd>(
    s: S,
    packed: &mut [f32],
    a: Rows<'_>,
    rows: Range<usize>,
    depth: Range<usize>,
) {
    let n = rows.len();
    if a.transposed {
        for (p, column) in depth.zip(packed.chunks_exact_mut(n)) {
            let from = &a.data[p * a.m + rows.start..][..n];
            let mut i = 0;
            while i < n {
                // SAFETY: both slices have n - i numbers left.
                unsafe {
                    let v = s.load_first(from.as_ptr().add(i), n - i);
                    s.store_first(column.as_mut_ptr().add(i), n - i, v);
                }
                i += S::LANES;
            }
        }
        return;
    }
    if !depth.is_empty() {
        let from = &a.data[rows.start * a.k + depth.start..];
        transpose(s, packed, n, from, a.k, n, depth.len());
    }
}
