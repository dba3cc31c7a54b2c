//! Matrix products.
//!
//! | name | meaning |
//! |---|---|
//! | `m`, `n` | rows and columns of the result c |
//! | `k` | columns of a and rows of b |
//!
//! All matrices lie row by row. The method is that of BLIS (Van Zee and van de Geijn, *ACM TOMS*
//! 41, 2015): b is packed into panels as wide as the register tile, a block of up to 256 rows at a
//! time, which stay in the second cache; each panel of rows of a is packed once, stays in the first
//! cache and meets all panels of b. Few rows skip the packing, which they could not repay; weights
//! that serve many calls are packed once, by [`pack_b`].
//!
//! A sum over k is taken in equal blocks of at most 256, in an order that depends on k and the
//! instruction set only: a result does not change when rows are given to several calls. The one
//! exception are calls with at most four rows and a transposed b, which may differ from larger ones
//! by rounding.

mod few_rows;
mod pack;
mod tile;

use std::ops::Range;

use crate::simd::{Simd, simd_fn};
pub use pack::{next_packed_part, pack_b, pack_b_part, packed_b_len};
use tile::Finish;

/// The most rows of b that are packed at once: a panel of a (14 x 256 numbers) takes half the first
/// cache.
const DEPTH: usize = 256;
/// Columns of b that are packed at once: 256 x 512 numbers take half of a common second cache.
const COLUMNS: usize = 512;
/// The widest panel and the highest tile of any instruction set.
const MAX_WIDTH: usize = 32;
const MAX_ROWS: usize = 14;
/// Calls with no more rows than this make no use of a packed b: they read b once, as it lies.
pub const FEW_ROWS: usize = few_rows::MAX_ROWS;

/// Rows of b from one block to the next: blocks as equal as can be, since a short one would cost as
/// much loading and storing of sums as a long one.
fn block_depth(k: usize) -> usize {
    k.div_ceil(k.div_ceil(DEPTH).max(1)).max(1)
}

/// Numbers of scratch memory that [`matmul`] needs.
pub fn matmul_scratch_len(_m: usize, n: usize, k: usize) -> usize {
    let depth = k.min(DEPTH);
    depth * (MAX_ROWS + n.next_multiple_of(MAX_WIDTH).min(COLUMNS))
}

/// Numbers of scratch memory that [`matmul_packed`] needs.
pub fn matmul_packed_scratch_len(_m: usize, _n: usize, k: usize) -> usize {
    k.min(DEPTH) * MAX_ROWS
}

simd_fn! {
    /// `c = relu(a @ b + bias)`, or `c = relu(c + a @ b + bias)` where `accumulate`; `relu` and
    /// `bias` (n numbers, added to each row) as asked for.
    ///
    /// `a` is `(m, k)`, or `(k, m)` where `a_transposed`; `b` is `(k, n)`, or `(n, k)` where
    /// `b_transposed`; `c` is `(m, n)`.
    ///
    /// # Panics
    ///
    /// If a slice is not as long as its shape says, or `scratch` shorter than
    /// [`matmul_scratch_len`].
    pub fn matmul(
        s,
        c: &mut [f32],
        a: &[f32],
        b: &[f32],
        m: usize,
        n: usize,
        k: usize,
        a_transposed: bool,
        b_transposed: bool,
        accumulate: bool,
        bias: Option<&[f32]>,
        relu: bool,
        scratch: &mut [f32],
    ) {
        check(c, a, 0..m, m, n, k, bias);
        assert_eq!(b.len(), k * n, "b");
        assert!(scratch.len() >= matmul_scratch_len(m, n, k), "scratch");
        let finish = Finish { accumulate, bias, relu };
        let a = Rows { data: a, transposed: a_transposed, m, k };
        if m <= few_rows::MAX_ROWS && few_rows::suits::<S>(&a, b_transposed) {
            if b_transposed {
                few_rows::dot_rows(s, c, a, b, n, finish);
            } else {
                few_rows::add_rows(s, c, a, b, n, 0..n, finish);
            }
            return;
        }
        let b = B::Plain { data: b, transposed: b_transposed };
        blocks(s, c, a, 0..m, n, b, finish, scratch);
    }
}

simd_fn! {
    /// Columns `columns` of [`matmul`]'s result for at most [`FEW_ROWS`] rows and a `b` that is not
    /// transposed: `c` and `bias` have these columns only. For several threads.
    ///
    /// # Panics
    ///
    /// As [`matmul`]; also if there are more rows, or no such columns.
    pub fn matmul_columns(
        s,
        c: &mut [f32],
        a: &[f32],
        b: &[f32],
        columns: Range<usize>,
        m: usize,
        n: usize,
        k: usize,
        bias: Option<&[f32]>,
        relu: bool,
    ) {
        assert!(m <= FEW_ROWS, "{m} rows");
        assert!(columns.start <= columns.end && columns.end <= n, "columns");
        check(c, a, 0..m, m, columns.len(), k, bias);
        assert_eq!(b.len(), k * n, "b");
        let finish = Finish { accumulate: false, bias, relu };
        let a = Rows { data: a, transposed: false, m, k };
        few_rows::add_rows(s, c, a, b, n, columns, finish);
    }
}

simd_fn! {
    /// Rows `rows` of [`matmul`]'s result, without bias and ReLU: `c` has these rows only, `a` and
    /// `b` are whole. For several threads, each with a part of the rows.
    ///
    /// # Panics
    ///
    /// As [`matmul`]; also if there are no such rows.
    pub fn matmul_rows(
        s,
        c: &mut [f32],
        a: &[f32],
        b: &[f32],
        rows: Range<usize>,
        m: usize,
        n: usize,
        k: usize,
        a_transposed: bool,
        b_transposed: bool,
        scratch: &mut [f32],
    ) {
        check(c, a, rows.clone(), m, n, k, None);
        assert_eq!(b.len(), k * n, "b");
        assert!(scratch.len() >= matmul_scratch_len(m, n, k), "scratch");
        let finish = Finish { accumulate: false, bias: None, relu: false };
        let a = Rows { data: a, transposed: a_transposed, m, k };
        let b = B::Plain { data: b, transposed: b_transposed };
        blocks(s, c, a, rows, n, b, finish, scratch);
    }
}

simd_fn! {
    /// As [`matmul`], with a `b` that [`pack_b`] packed with the same `isa`.
    ///
    /// # Panics
    ///
    /// If a slice is not as long as its shape says ([`packed_b_len`] for `packed`), or `scratch`
    /// shorter than [`matmul_packed_scratch_len`].
    pub fn matmul_packed(
        s,
        c: &mut [f32],
        a: &[f32],
        packed: &[f32],
        m: usize,
        n: usize,
        k: usize,
        a_transposed: bool,
        accumulate: bool,
        bias: Option<&[f32]>,
        relu: bool,
        scratch: &mut [f32],
    ) {
        check(c, a, 0..m, m, n, k, bias);
        assert!(packed.len() >= packed_b_len(n, k), "packed");
        assert!(scratch.len() >= matmul_packed_scratch_len(m, n, k), "scratch");
        let a = Rows { data: a, transposed: a_transposed, m, k };
        let finish = Finish { accumulate, bias, relu };
        blocks(s, c, a, 0..m, n, B::Packed(packed), finish, scratch);
    }
}

fn check(
    c: &[f32],
    a: &[f32],
    rows: Range<usize>,
    m: usize,
    n: usize,
    k: usize,
    bias: Option<&[f32]>,
) {
    assert!(rows.start <= rows.end && rows.end <= m, "rows");
    assert_eq!(c.len(), rows.len() * n, "c");
    assert_eq!(a.len(), m * k, "a");
    assert!(bias.is_none_or(|bias| bias.len() == n), "bias");
}

/// The matrix a.
#[derive(Clone, Copy)]
struct Rows<'a> {
    data: &'a [f32],
    transposed: bool,
    m: usize,
    k: usize,
}

impl Rows<'_> {
    /// Elements from one row to the next, and from one column to the next.
    #[inline(always)]
    fn strides(&self) -> (usize, usize) {
        if self.transposed { (1, self.m) } else { (self.k, 1) }
    }
}

/// The matrix b.
#[derive(Clone, Copy)]
enum B<'a> {
    Plain { data: &'a [f32], transposed: bool },
    Packed(&'a [f32]),
}

/// The general product, block by block.
#[inline(always)]
fn blocks<S: Simd>(
    s: S,
    c: &mut [f32],
    a: Rows<'_>,
    rows: Range<usize>,
    n: usize,
    b: B<'_>,
    finish: Finish<'_>,
    scratch: &mut [f32],
) {
    let (m, k) = (rows.len(), a.k);
    if m == 0 || n == 0 {
        return;
    }
    let width = pack::width::<S>();
    let (a_panel, b_panels) = scratch.split_at_mut(k.min(DEPTH) * MAX_ROWS);
    let step = block_depth(k);
    // Panels of rows as equal as can be: 15 rows are 8 and 7, not 14 and 1.
    let n_panels = m.div_ceil(S::MATMUL_ROWS);
    for j in (0..n).step_by(COLUMNS) {
        let columns = (n - j).min(COLUMNS);
        let mut p = 0;
        // Once even where k is 0: bias and relu remain.
        loop {
            let depth = (k - p).min(step);
            let panels = match b {
                B::Packed(packed) => &packed[p * n.next_multiple_of(MAX_WIDTH) + depth * j..],
                B::Plain { data, transposed } => {
                    pack::block(s, b_panels, data, n, k, transposed, j..j + columns, p..p + depth);
                    &*b_panels
                }
            };
            let last = p + depth == k;
            for panel in 0..n_panels {
                let i = panel * m / n_panels;
                let height = (panel + 1) * m / n_panels - i;
                let from = rows.start + i;
                pack::rows(s, a_panel, a, from..from + height, p..p + depth);
                for at in (0..columns).step_by(width) {
                    let finish = Finish {
                        accumulate: finish.accumulate || p > 0,
                        bias: finish.bias.filter(|_| last).map(|bias| &bias[j + at..]),
                        relu: finish.relu && last,
                    };
                    let part = &panels[at * depth..][..width * depth];
                    let c = &mut c[i * n + j + at..];
                    let n_tile = (columns - at).min(width);
                    let a = &a_panel[..height * depth];
                    tile::packed_tile(s, c, n, a, part, height, n_tile, finish);
                }
            }
            p += depth;
            if last {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests;
