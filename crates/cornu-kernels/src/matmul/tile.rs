//! The register tile: the part of the result that stays in registers while k passes by.

use super::pack;
use crate::simd::Simd;

/// What happens to a finished sum.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a> {
    /// Add to what c holds.
    pub(super) accumulate: bool,
    /// Added per column; begins at the tile's first column.
    pub(super) bias: Option<&'a [f32]>,
    /// Negative results become 0.
    pub(super) relu: bool,
}

/// `c (rows, n) = a @ b` for packed a, `(k, rows)`, and packed b, `(k, width)`; rows of c are
/// `c_row` elements apart.
#[inline(always)]
pub(super) fn packed_tile<S: Simd>(
    s: S,
    c: &mut [f32],
    c_row: usize,
    a: &[f32],
    b: &[f32],
    rows: usize,
    n: usize,
    finish: Finish<'_>,
) {
    let width = pack::width::<S>();
    let k = b.len() / width;
    assert!(a.len() == k * rows && b.len() == k * width && n <= width);
    assert!(c.len() >= (rows - 1) * c_row + n);
    assert!(finish.bias.is_none_or(|bias| bias.len() >= n));
    let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
    macro_rules! by_rows {
        ($($r:literal)*) => {
            match rows {
                // SAFETY: the lengths were asserted, and `$r` is `rows`.
                $($r if $r <= S::MATMUL_ROWS => unsafe {
                    if n > S::LANES {
                        tile::<S, $r, 2>(s, k, a, b, width, c, c_row, n, finish);
                    } else {
                        tile::<S, $r, 1>(s, k, a, b, width, c, c_row, n, finish);
                    }
                },)*
                _ => unreachable!("a panel has 1 to S::MATMUL_ROWS rows"),
            }
        };
    }
    by_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// One tile of R rows and up to V vectors.
///
/// # Safety
///
/// a holds `k * R` numbers; at b lie k rows of V vectors, `b_row` elements apart; c has R rows of n
/// numbers, `c_row` apart, with `n <= V * LANES`; a bias has n numbers.
#[inline(always)]
unsafe fn tile<S: Simd, const R: usize, const V: usize>(
    s: S,
    k: usize,
    mut a: *const f32,
    mut b: *const f32,
    b_row: usize,
    c: *mut f32,
    c_row: usize,
    n: usize,
    finish: Finish<'_>,
) {
    let mut sums = [[s.splat(0.0); V]; R];
    for _ in 0..k {
        // SAFETY: a and b point to the current of k columns and rows.
        unsafe {
            let mut row = [s.splat(0.0); V];
            for v in 0..V {
                row[v] = s.load(b.add(v * S::LANES));
            }
            for r in 0..R {
                let x = s.splat(*a.add(r));
                for v in 0..V {
                    sums[r][v] = s.mul_add(x, row[v], sums[r][v]);
                }
            }
            a = a.add(R);
            b = b.add(b_row);
        }
    }
    for r in 0..R {
        for v in 0..V {
            let left = n.saturating_sub(v * S::LANES);
            // SAFETY: `left` counts the columns that exist from this vector on; where there are
            // none the pointer is not used.
            unsafe {
                let c = c.add(r * c_row).wrapping_add(v * S::LANES);
                finish_vector(s, sums[r][v], c, left, v * S::LANES, finish);
            }
        }
    }
}

/// Finishes the sums of the first `left` lanes and writes them to c.
///
/// # Safety
/// `min(left, LANES)` numbers at c, and in the bias from `column` on, can be accessed.
#[inline(always)]
pub(super) unsafe fn finish_vector<S: Simd>(
    s: S,
    mut sum: S::V,
    c: *mut f32,
    left: usize,
    column: usize,
    finish: Finish<'_>,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if finish.accumulate {
            sum = s.add(sum, s.load_first(c, left));
        }
        if let Some(bias) = finish.bias {
            sum = s.add(sum, s.load_first(bias.as_ptr().wrapping_add(column), left));
        }
        if finish.relu {
            sum = s.max(s.splat(0.0), sum);
        }
        s.store_first(c, left, sum);
    }
}
