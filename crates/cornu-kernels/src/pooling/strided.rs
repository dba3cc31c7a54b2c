//! Neighbouring windows of a row of pixels, whatever their stride: a vector holds one tap of each.

use super::max::{load_pair, store_pair};
use crate::layout::Window;
use crate::simd::Simd;

/// How many windows of a row, from window `j` on, lie inside of `width` pixels with all of their
/// columns: at most `lanes`, and none beyond the `n` that there are.
#[inline(always)]
pub(super) fn whole_windows(
    window: &Window,
    j: usize,
    width: usize,
    n: usize,
    lanes: usize,
) -> usize {
    let (stride, before) = (window.stride[1], window.before[1]);
    let reach = (window.size[1] - 1) * window.dilation[1] + 1;
    let end = (width + before).checked_sub(reach).map_or(0, |room| room / stride + 1).min(n);
    if j * stride < before { 0 } else { end.saturating_sub(j).min(lanes) }
}

/// Every `stride`-th number from x on, `n` of them.
///
/// # Safety
/// `0 < n <= LANES`, and these numbers and all between them are readable.
#[inline(always)]
pub(super) unsafe fn load_strided<S: Simd>(s: S, x: *const f32, stride: usize, n: usize) -> S::V {
    // SAFETY: the caller's promise; the indices of lanes beyond `n` are those of the last.
    unsafe {
        match stride {
            1 => s.load_first(x, n),
            2 => {
                let (a, b) = load_pair(s, x, 2 * n - 1);
                s.deinterleave(a, b).0
            }
            _ => {
                let lane = s.min(s.iota(), s.splat((n - 1) as f32));
                s.gather(x, s.mul(lane, s.splat(stride as f32)))
            }
        }
    }
}

/// Adds `n` lanes of `v` to every `stride`-th number from y on.
///
/// # Safety
/// `0 < n <= LANES`, and these numbers and all between them are readable and writable.
#[inline(always)]
pub(super) unsafe fn add_strided<S: Simd>(s: S, y: *mut f32, stride: usize, n: usize, v: S::V) {
    // SAFETY: the caller's promise.
    unsafe {
        match stride {
            1 => s.store_first(y, n, s.add(s.load_first(y, n), v)),
            2 => {
                let (a, b) = load_pair(s, y, 2 * n - 1);
                let (c, d) = s.interleave(v, s.splat(0.0));
                store_pair(s, y, 2 * n - 1, (s.add(a, c), s.add(b, d)));
            }
            _ => {
                for (lane, v) in s.lanes(v)[..n].iter().enumerate() {
                    *y.add(lane * stride) += v;
                }
            }
        }
    }
}
