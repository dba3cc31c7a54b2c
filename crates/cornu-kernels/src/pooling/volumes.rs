//! Maximum and average over windows of a volume `(D, H, W, C)`.

use crate::simd::{Simd, simd_fn};

/// How windows lie in a volume. Cells outside of it never count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Volumes {
    /// Depth, height and width of the volume.
    pub input: [usize; 3],
    /// Windows along each axis.
    pub output: [usize; 3],
    /// Size of a window.
    pub size: [usize; 3],
    /// Cells from one window to the next.
    pub stride: [usize; 3],
    /// Cells by which the first window begins before the volume.
    pub before: [usize; 3],
    /// `C`.
    pub channels: usize,
}

impl Volumes {
    /// Elements of the volume.
    pub fn input_len(&self) -> usize {
        self.input.iter().product::<usize>() * self.channels
    }

    /// Elements of the result.
    pub fn output_len(&self) -> usize {
        self.output.iter().product::<usize>() * self.channels
    }

    /// The cells of window `o` along `axis` that lie inside: the first, and how many.
    #[inline(always)]
    fn cells(&self, axis: usize, o: usize) -> (usize, usize) {
        let begin = o * self.stride[axis];
        let first = begin.saturating_sub(self.before[axis]);
        let end = (begin + self.size[axis]).saturating_sub(self.before[axis]);
        (first, end.min(self.input[axis]).saturating_sub(first))
    }

    fn check(&self, x_len: usize, y_len: usize) {
        assert!(x_len == self.input_len() && y_len == self.output_len(), "lengths");
        for axis in 0..3 {
            for o in 0..self.output[axis] {
                assert!(self.cells(axis, o).1 > 0, "window {o} lies outside");
            }
        }
    }

    /// Calls `f` with where each window's result lies, for the first channel, and its cells.
    #[inline(always)]
    fn for_windows(&self, mut f: impl FnMut(usize, Cells)) {
        let [_, height, width] = self.input;
        let mut to = 0;
        for a in 0..self.output[0] {
            let (plane, planes) = self.cells(0, a);
            for b in 0..self.output[1] {
                let (row, rows) = self.cells(1, b);
                for c in 0..self.output[2] {
                    let (column, columns) = self.cells(2, c);
                    let first = ((plane * height + row) * width + column) * self.channels;
                    f(to, Cells { first, n: [planes, rows, columns], volumes: self });
                    to += self.channels;
                }
            }
        }
    }
}

/// The cells of one window.
#[derive(Clone, Copy)]
struct Cells<'a> {
    first: usize,
    n: [usize; 3],
    volumes: &'a Volumes,
}

impl Cells<'_> {
    fn count(&self) -> f32 {
        self.n.iter().product::<usize>() as f32
    }

    /// Calls `f` with where each cell's first channel lies, row by row.
    #[inline(always)]
    fn for_each(&self, mut f: impl FnMut(usize)) {
        let [_, height, width] = self.volumes.input;
        for a in 0..self.n[0] {
            for b in 0..self.n[1] {
                for c in 0..self.n[2] {
                    f(self.first + ((a * height + b) * width + c) * self.volumes.channels);
                }
            }
        }
    }

    /// The largest of `left` channels from `channel` on.
    #[inline(always)]
    fn max<S: Simd>(&self, s: S, x: &[f32], channel: usize, left: usize) -> S::V {
        let mut max = s.splat(f32::NEG_INFINITY);
        self.for_each(|at| {
            // SAFETY: the cell lies inside and has `left` channels from here on.
            max = unsafe { s.max(max, s.load_first(x.as_ptr().add(at + channel), left)) };
        });
        max
    }
}

simd_fn! {
    /// `y` = the maximum of each window of `x`; overwrites y. NaN in a window: the result is
    /// unspecified.
    ///
    /// # Panics
    ///
    /// If a length does not fit, or a window lies outside.
    pub fn max_pool_volumes(s, y: &mut [f32], x: &[f32], volumes: &Volumes) {
        volumes.check(x.len(), y.len());
        volumes.for_windows(|to, cells| {
            let mut c = 0;
            while c < volumes.channels {
                let left = volumes.channels - c;
                let max = cells.max(s, x, c, left);
                // SAFETY: the window's result has `left` channels from c on.
                unsafe { s.store_first(y.as_mut_ptr().add(to + c), left, max) };
                c += S::LANES;
            }
        });
    }
}

simd_fn! {
    /// Gradient of [`max_pool_volumes`]: each number of dy goes to the first maximum of its window,
    /// row by row. Overwrites dx.
    ///
    /// # Panics
    ///
    /// As [`max_pool_volumes`].
    pub fn max_pool_grad_volumes(
        s,
        dx: &mut [f32],
        x: &[f32],
        dy: &[f32],
        volumes: &Volumes,
    ) {
        volumes.check(x.len(), dy.len());
        assert_eq!(dx.len(), x.len(), "dx");
        dx.fill(0.0);
        volumes.for_windows(|from, cells| {
            let mut c = 0;
            while c < volumes.channels {
                let left = volumes.channels - c;
                let max = cells.max(s, x, c, left);
                // SAFETY: the window's gradient has `left` channels from c on.
                let mut g = unsafe { s.load_first(dy.as_ptr().add(from + c), left) };
                cells.for_each(|at| {
                    // SAFETY: the cell lies inside and has `left` channels from c on.
                    unsafe {
                        let to = dx.as_mut_ptr().add(at + c);
                        let hit = s.eq(s.load_first(x.as_ptr().add(at + c), left), max);
                        let part = s.select(hit, g, s.splat(0.0));
                        s.store_first(to, left, s.add(s.load_first(to, left), part));
                        // Given away: the next equal number gets nothing.
                        g = s.select(hit, s.splat(0.0), g);
                    }
                });
                c += S::LANES;
            }
        });
    }
}

simd_fn! {
    /// `y` = the average of the cells of `x` in each window; overwrites y.
    ///
    /// # Panics
    ///
    /// If a length does not fit, or a window lies outside.
    pub fn average_pool_volumes(s, y: &mut [f32], x: &[f32], volumes: &Volumes) {
        volumes.check(x.len(), y.len());
        volumes.for_windows(|to, cells| {
            let count = s.splat(cells.count());
            let mut c = 0;
            while c < volumes.channels {
                let left = volumes.channels - c;
                let mut sum = s.splat(0.0);
                cells.for_each(|at| {
                    // SAFETY: the cell lies inside and has `left` channels from c on.
                    sum = unsafe { s.add(sum, s.load_first(x.as_ptr().add(at + c), left)) };
                });
                // SAFETY: the window's result has `left` channels from c on.
                unsafe { s.store_first(y.as_mut_ptr().add(to + c), left, s.div(sum, count)) };
                c += S::LANES;
            }
        });
    }
}

simd_fn! {
    /// Gradient of [`average_pool_volumes`]: each number of dy is shared evenly by its window.
    /// Overwrites dx.
    ///
    /// # Panics
    ///
    /// As [`average_pool_volumes`].
    pub fn average_pool_grad_volumes(s, dx: &mut [f32], dy: &[f32], volumes: &Volumes) {
        volumes.check(dx.len(), dy.len());
        dx.fill(0.0);
        volumes.for_windows(|from, cells| {
            let count = s.splat(cells.count());
            let mut c = 0;
            while c < volumes.channels {
                let left = volumes.channels - c;
                // SAFETY: the window's gradient and each cell have `left` channels from c on.
                let share =
                    unsafe { s.div(s.load_first(dy.as_ptr().add(from + c), left), count) };
                cells.for_each(|at| unsafe {
                    // SAFETY: as above.
                    let to = dx.as_mut_ptr().add(at + c);
                    s.store_first(to, left, s.add(s.load_first(to, left), share));
                });
                c += S::LANES;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::random::{Counter, uniform};

    fn cases() -> Vec<Volumes> {
        let shapes = [
            ([4, 5, 6], [2, 2, 2], [2, 2, 2], [0, 0, 0]),
            ([5, 4, 7], [3, 2, 3], [2, 1, 2], [1, 0, 1]),
            ([1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 0]),
            ([3, 3, 3], [3, 3, 3], [1, 1, 1], [1, 1, 1]),
            ([2, 9, 2], [1, 3, 2], [3, 2, 1], [0, 2, 1]),
            ([0, 3, 3], [2, 2, 2], [1, 1, 1], [0, 0, 0]),
        ];
        let mut cases = Vec::new();
        for (input, size, stride, before) in shapes {
            for channels in [1, 3, 16, 21] {
                let fits = |axis: usize| input[axis] + 2 * before[axis] >= size[axis];
                let positions =
                    |axis: usize| (input[axis] + 2 * before[axis] - size[axis]) / stride[axis] + 1;
                let output = [0, 1, 2].map(|axis| if fits(axis) { positions(axis) } else { 0 });
                cases.push(Volumes { input, output, size, stride, before, channels });
            }
        }
        cases
    }

    fn data(n: usize) -> Vec<f32> {
        let mut x = vec![0.0; n];
        uniform(Isa::SCALAR, &mut x, Counter::default(), 0);
        // Few different values: ties.
        x.iter().map(|x| (x * 7.0).floor()).collect()
    }

    /// Position in `x` of each cell of each element's window, in order.
    fn windows(v: &Volumes) -> Vec<Vec<usize>> {
        let mut all = Vec::new();
        for o in 0..v.output_len() {
            let (o, channel) = (o / v.channels, o % v.channels);
            let [_, b, c] = v.output;
            let at = [o / c / b, o / c % b, o % c];
            let mut cells = Vec::new();
            let [p, q, r] = v.size;
            for k in 0..p * q * r {
                let tap = [k / r / q, k / r % q, k % r];
                let cell = |axis: usize| {
                    (at[axis] * v.stride[axis] + tap[axis])
                        .checked_sub(v.before[axis])
                        .filter(|&i| i < v.input[axis])
                };
                if let (Some(i), Some(j), Some(k)) = (cell(0), cell(1), cell(2)) {
                    cells.push(((i * v.input[1] + j) * v.input[2] + k) * v.channels + channel);
                }
            }
            all.push(cells);
        }
        all
    }

    #[test]
    fn poolings_and_gradients_agree_with_plain_loops() {
        for isa in Isa::available() {
            for v in cases() {
                let (x, dy) = (data(v.input_len()), data(v.output_len()));
                let (mut max, mut average) = (vec![f32::NAN; dy.len()], vec![f32::NAN; dy.len()]);
                max_pool_volumes(isa, &mut max, &x, &v);
                average_pool_volumes(isa, &mut average, &x, &v);
                let (mut d_max, mut d_average) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
                max_pool_grad_volumes(isa, &mut d_max, &x, &dy, &v);
                average_pool_grad_volumes(isa, &mut d_average, &dy, &v);
                let (mut want_max, mut want_average) = (vec![0.0; x.len()], vec![0.0; x.len()]);
                for (o, cells) in windows(&v).iter().enumerate() {
                    let n = cells.len() as f32;
                    let first = cells[1..]
                        .iter()
                        .fold(cells[0], |best, &i| if x[best] < x[i] { i } else { best });
                    assert_eq!(max[o], x[first], "{v:?} on {isa}");
                    let mean = cells.iter().map(|&i| x[i]).sum::<f32>() / n;
                    assert!((average[o] - mean).abs() < 1e-5, "{v:?} on {isa}");
                    want_max[first] += dy[o];
                    cells.iter().for_each(|&i| want_average[i] += dy[o] / n);
                }
                assert_eq!(d_max, want_max, "{v:?} on {isa}");
                let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4;
                assert!(d_average.iter().zip(&want_average).all(close), "{v:?} on {isa}");
            }
        }
    }
}
