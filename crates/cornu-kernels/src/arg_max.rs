//! Where the maximum is along an axis.

use crate::simd::{Simd, simd_fn};

simd_fn! {
    /// `y (outer, inner)` = the index of the first maximum of `x (outer, n, inner)` along the middle
    /// axis, as a number; a NaN counts as the maximum, as in NumPy.
    ///
    /// # Panics
    ///
    /// If a length does not fit its shape, or n is 0 or so large that `f32` cannot count it
    /// (`2^24`).
    pub fn arg_max(s, y: &mut [f32], x: &[f32], outer: usize, n: usize, inner: usize) {
        assert_eq!(y.len(), outer * inner, "y");
        assert_eq!(x.len(), outer * n * inner, "x");
        assert!((1..=1 << 24).contains(&n) || y.is_empty(), "n");
        if y.is_empty() {
            return;
        }
        for (y, x) in y.chunks_exact_mut(inner).zip(x.chunks_exact(n * inner)) {
            if inner == 1 {
                y[0] = of_row(s, x);
                continue;
            }
            let mut column = 0;
            while column < inner {
                let left = inner - column;
                let mut best = Best::new(s);
                for i in 0..n {
                    // SAFETY: each of the n rows has `left` numbers from `column` on.
                    let v = unsafe { s.load_first(x.as_ptr().add(i * inner + column), left) };
                    best.see(s, v, s.splat(i as f32), i == 0);
                }
                // SAFETY: y has `left` numbers from `column` on.
                unsafe { s.store_first(y.as_mut_ptr().add(column), left, best.index) };
                column += S::LANES;
            }
        }
    }
}

/// The first maximum of each lane so far.
#[derive(Clone, Copy)]
struct Best<V> {
    value: V,
    index: V,
}

impl<V: Copy> Best<V> {
    #[inline(always)]
    fn new<S: Simd<V = V>>(s: S) -> Self {
        Self { value: s.splat(f32::NEG_INFINITY), index: s.splat(0.0) }
    }

    /// Takes numbers that are larger, or NaN where there was none; all of them if `first`.
    #[inline(always)]
    fn see<S: Simd<V = V>>(&mut self, s: S, v: V, index: V, first: bool) {
        let larger = s.lt(self.value, v);
        let first_nan = s.both(s.ne(v, v), s.eq(self.value, self.value));
        let taken = s.either(larger, first_nan);
        self.value = if first { v } else { s.select(taken, v, self.value) };
        self.index = if first { index } else { s.select(taken, index, self.index) };
    }
}

/// The index of the first maximum of a row that is not empty.
#[inline(always)]
fn of_row<S: Simd>(s: S, x: &[f32]) -> f32 {
    let lowest = s.splat(f32::NEG_INFINITY);
    let mut best = Best::new(s);
    let mut i = 0;
    while i < x.len() {
        // Lanes beyond the end hold the lowest number at the highest index, which never wins.
        // SAFETY: `x.len() - i` numbers from i on lie inside.
        let v = unsafe { s.load_first_or(x.as_ptr().add(i), x.len() - i, lowest) };
        best.see(s, v, s.add(s.splat(i as f32), s.iota()), i == 0);
        i += S::LANES;
    }
    let (values, indices) = (s.lanes(best.value), s.lanes(best.index));
    let mut winner = 0;
    for lane in 1..S::LANES {
        let (v, w) = (values[lane], values[winner]);
        let equal = v == w || v.is_nan() && w.is_nan();
        let first_nan = v.is_nan() && !w.is_nan();
        if v > w || first_nan || equal && indices[lane] < indices[winner] {
            winner = lane;
        }
    }
    indices[winner]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::random::{Counter, uniform};

    #[test]
    fn the_first_maximum_is_taken() {
        for isa in Isa::available() {
            let mut y = [9.0; 2];
            arg_max(isa, &mut y, &[1.0, 5.0, 3.0, 2.0, 3.0, 5.0], 1, 3, 2);
            assert_eq!(y, [1.0, 0.0]);
            arg_max(isa, &mut y, &[1.0, f32::NAN, 3.0, 0.0, 0.0, -1.0], 2, 3, 1);
            assert_eq!(y, [1.0, 0.0]);
            arg_max(isa, &mut y, &[f32::NEG_INFINITY; 6], 2, 3, 1);
            assert_eq!(y, [0.0, 0.0]);
            arg_max(isa, &mut [], &[], 0, 3, 2);
        }
    }

    #[test]
    fn every_shape_agrees_with_the_plain_loop() {
        for isa in Isa::available() {
            for (outer, n, inner) in [
                (1, 1, 1),
                (3, 2, 1),
                (2, 16, 1),
                (2, 17, 1),
                (3, 100, 1),
                (2, 5, 3),
                (1, 9, 16),
                (2, 4, 19),
                (1, 3, 40),
            ] {
                let mut x = vec![0.0; outer * n * inner];
                uniform(isa, &mut x, Counter::default(), 0);
                // Few different values, so that there are ties, and some NaN.
                let tied = |x: &f32| if *x > 0.97 { f32::NAN } else { (x * 5.0).floor() };
                let x: Vec<f32> = x.iter().map(tied).collect();
                let mut y = vec![f32::NAN; outer * inner];
                arg_max(isa, &mut y, &x, outer, n, inner);
                for (at, got) in y.iter().enumerate() {
                    let value = |i: usize| x[(at / inner * n + i) * inner + at % inner];
                    let mut want = 0;
                    for i in 1..n {
                        let (v, best) = (value(i), value(want));
                        if v > best || v.is_nan() && !best.is_nan() {
                            want = i;
                        }
                    }
                    assert_eq!(*got, want as f32, "({outer},{n},{inner}) on {isa}");
                }
            }
        }
    }
}
