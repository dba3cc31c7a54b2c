//! Gradient of moving pictures by affine maps: each gradient goes back to where its pixel was read.

use super::Size;
use super::affine::{FillMode, Interpolation, fold, neighbours};
use crate::simd::{Simd, simd_fn};

simd_fn! {
    /// `dx` = the gradient of the picture that [`affine_transform`](super::affine_transform())
    /// moved by `matrix`, from the gradient `dy` of the result; overwrites dx. What was read
    /// outside with [`FillMode::Constant`] gets nothing.
    ///
    /// # Panics
    ///
    /// If a slice is not as long as `size` says, or the picture has `2^24` elements or more.
    pub fn affine_transform_grad(
        s,
        dx: &mut [f32],
        dy: &[f32],
        size: Size,
        matrix: [f32; 6],
        interpolation: Interpolation,
        fill_mode: FillMode,
    ) {
        assert!(dx.len() == size.len() && dy.len() == size.len(), "lengths");
        // Indices are computed as `f32`, exact up to here.
        assert!(dx.len() < 1 << 24, "pictures must have fewer than 2^24 elements");
        dx.fill(0.0);
        if dx.is_empty() {
            return;
        }
        let nearest = interpolation == Interpolation::Nearest;
        let [a0, a1, a2, b0, b1, b2] = matrix.map(|m| s.splat(m));
        let (channels, width) = (size.channels, s.splat(size.width as f32));
        for (i, dy) in dy.chunks_exact(size.width * channels).enumerate() {
            let row = s.splat(i as f32);
            for (vector, dy) in dy.chunks(S::LANES * channels).enumerate() {
                let column = s.add(s.splat((vector * S::LANES) as f32), s.iota());
                let across = s.add(s.add(s.mul(a0, column), s.mul(a1, row)), a2);
                let down = s.add(s.add(s.mul(b0, column), s.mul(b1, row)), b2);
                let columns =
                    neighbours(s, fold(s, across, size.width, fill_mode), size.width, nearest);
                let rows =
                    neighbours(s, fold(s, down, size.height, fill_mode), size.height, nearest);
                for corner in 0..if nearest { 1 } else { 4 } {
                    let (below, right) = (corner / 2, corner % 2);
                    let i = if below == 0 { rows.first } else { rows.second };
                    let j = if right == 0 { columns.first } else { columns.second };
                    let at = s.lanes(s.mul_add(i, width, j));
                    let weights = s.lanes(s.mul(rows.weights[below], columns.weights[right]));
                    for (lane, dy) in dy.chunks_exact(channels).enumerate() {
                        // Beyond the edge nothing is read, so nothing comes back, not even a NaN.
                        if weights[lane] != 0.0 {
                            let to = &mut dx[at[lane] as usize * channels..][..channels];
                            add_scaled(s, to, dy, weights[lane]);
                        }
                    }
                }
            }
        }
    }
}

/// `y += weight * x`, of equal lengths.
#[inline(always)]
fn add_scaled<S: Simd>(s: S, y: &mut [f32], x: &[f32], weight: f32) {
    if let ([y], [x]) = (&mut *y, x) {
        *y += weight * x;
        return;
    }
    let n = y.len().min(x.len());
    let mut c = 0;
    while c < n {
        let left = n - c;
        // SAFETY: both slices have `left` numbers from c on.
        unsafe {
            let to = y.as_mut_ptr().add(c);
            let v = s.load_first(x.as_ptr().add(c), left);
            s.store_first(to, left, s.mul_add(v, s.splat(weight), s.load_first(to, left)));
        }
        c += S::LANES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::image::affine_transform;
    use crate::random::{Counter, uniform};

    /// The gradient of a linear map is its transpose: each column of it is the moved picture that
    /// has a single pixel.
    #[test]
    fn the_gradient_is_the_transpose_of_moving() {
        let modes = [FillMode::Reflect, FillMode::Wrap, FillMode::Constant, FillMode::Nearest];
        let matrices = [
            [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            [1.0, 0.0, -1.3, 0.0, 1.0, 2.6],
            [0.8, 0.3, -1.1, -0.4, 1.2, 0.7],
            [0.0, 0.0, 40.0, 0.0, 0.0, -3.0],
        ];
        for isa in Isa::available() {
            for (height, width, channels) in [(5, 6, 1), (4, 19, 3), (1, 1, 17), (2, 3, 20)] {
                let size = Size { height, width, channels };
                let mut dy = vec![0.0; size.len()];
                uniform(isa, &mut dy, Counter::default(), 0);
                for mode in modes {
                    for (matrix, interpolation) in matrices.into_iter().flat_map(|matrix| {
                        [Interpolation::Nearest, Interpolation::Bilinear].map(|i| (matrix, i))
                    }) {
                        let mut dx = vec![f32::NAN; size.len()];
                        affine_transform_grad(isa, &mut dx, &dy, size, matrix, interpolation, mode);
                        for (at, got) in dx.iter().enumerate() {
                            let mut one = vec![0.0; size.len()];
                            one[at] = 1.0;
                            let mut y = vec![0.0; size.len()];
                            affine_transform(
                                isa,
                                &mut y,
                                &one,
                                size,
                                matrix,
                                interpolation,
                                mode,
                                0.0,
                            );
                            let terms =
                                y.iter().zip(&dy).map(|(a, b)| f64::from(*a) * f64::from(*b));
                            let want: f64 = terms.sum();
                            let what = format!("{size:?} {mode:?} {interpolation:?} {matrix:?}");
                            assert!((f64::from(*got) - want).abs() < 1e-4, "{what} on {isa}");
                        }
                    }
                }
            }
            let empty = Size { height: 0, width: 3, channels: 2 };
            let (matrix, nearest) = ([0.0; 6], Interpolation::Nearest);
            affine_transform_grad(isa, &mut [], &[], empty, matrix, nearest, FillMode::Wrap);
        }
    }
}
