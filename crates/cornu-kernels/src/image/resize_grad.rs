//! Gradient of resizing: each gradient goes back to the pixels that its pixel was read from.

use super::Size;
use super::affine::Interpolation;
use crate::Isa;
use crate::simd::simd_fn;

/// Elements of scratch memory that [`resize_grad`] needs.
pub fn resize_grad_scratch_len(y_size: Size) -> usize {
    y_size.width * (y_size.channels + 2)
}

/// `dx` = the gradient of the picture that [`resize`](super::resize()) made another of, from the
/// gradient `dy` of that; overwrites dx.
///
/// Rows of `dy` are added up first, so that columns are gone through once per row of `dx`.
///
/// # Panics
///
/// If channels differ, a slice is not as long as its size says, or the scratch is too short.
pub fn resize_grad(
    isa: Isa,
    dx: &mut [f32],
    x_size: Size,
    dy: &[f32],
    y_size: Size,
    interpolation: Interpolation,
    scratch: &mut [f32],
) {
    assert_eq!(y_size.channels, x_size.channels, "channels");
    assert!(dx.len() == x_size.len() && dy.len() == y_size.len(), "lengths");
    dx.fill(0.0);
    if dx.is_empty() || dy.is_empty() {
        return;
    }
    let width = y_size.width;
    let (row, columns) = scratch.split_at_mut(width * y_size.channels);
    let (firsts, weights) = columns.split_at_mut(width);
    for (j, (first, weight)) in firsts.iter_mut().zip(&mut weights[..width]).enumerate() {
        let read = read(j, x_size.width, width, interpolation);
        (*first, *weight) = (read.first as f32, read.second);
    }
    let mut next = 0;
    for (i, to) in dx.chunks_exact_mut(x_size.width * x_size.channels).enumerate() {
        let read = |row: usize| read(row, x_size.height, y_size.height, interpolation);
        // The rows of y read ever lower rows of x, so the next row of x begins where this one did.
        while next < y_size.height && read(next).first + 1 < i {
            next += 1;
        }
        row.fill(0.0);
        for (below, dy) in dy.chunks_exact(row.len()).enumerate().skip(next) {
            let read = read(below);
            if i < read.first {
                break;
            }
            let weight = match i - read.first {
                0 => 1.0 - read.second,
                1 => read.second,
                _ => 0.0,
            };
            if weight != 0.0 {
                add_scaled(isa, row, dy, weight);
            }
        }
        add_columns(isa, to, row, firsts, weights, x_size.channels);
    }
}

/// The pixel that a pixel of the resized picture reads along one axis, and the weight of the pixel
/// after it.
#[derive(Clone, Copy)]
struct Read {
    first: usize,
    second: f32,
}

/// What pixel `i` of `m` reads of `n` pixels.
fn read(i: usize, n: usize, m: usize, interpolation: Interpolation) -> Read {
    match interpolation {
        // floor((i + 1/2) n / m) in whole numbers
        Interpolation::Nearest => Read { first: (2 * i + 1) * n / (2 * m), second: 0.0 },
        Interpolation::Bilinear => {
            let at = ((i as f64 + 0.5) * n as f64 / m as f64 - 0.5).clamp(0.0, (n - 1) as f64);
            Read { first: at as usize, second: at.fract() as f32 }
        }
    }
}

simd_fn! {
    /// `y += weight * x`
    fn add_scaled(s, y: &mut [f32], x: &[f32], weight: f32) {
        assert_eq!(y.len(), x.len());
        let weight = s.splat(weight);
        let mut i = 0;
        while i < y.len() {
            let left = y.len() - i;
            // SAFETY: both slices have `left` numbers from i on.
            unsafe {
                let to = y.as_mut_ptr().add(i);
                let sum = s.mul_add(
                    s.load_first(x.as_ptr().add(i), left), weight, s.load_first(to, left));
                s.store_first(to, left, sum);
            }
            i += S::LANES;
        }
    }
}

simd_fn! {
    /// Adds pixel `j` of `row` to pixel `firsts[j]` of `to` and the one after it.
    fn add_columns(
        s,
        to: &mut [f32],
        row: &[f32],
        firsts: &[f32],
        weights: &[f32],
        channels: usize,
    ) {
        for ((from, &first), &weight) in row.chunks_exact(channels).zip(firsts).zip(weights) {
            let at = first as usize * channels;
            if channels == 1 {
                to[at] += (1.0 - weight) * from[0];
                if weight != 0.0 {
                    to[at + 1] += weight * from[0];
                }
                continue;
            }
            // The pixel after the last one is read with weight 0 only.
            let pixels = if weight == 0.0 { 1 } else { 2 };
            let to = &mut to[at..at + pixels * channels];
            let mut c = 0;
            while c < channels {
                let left = channels - c;
                // SAFETY: each pixel has `left` channels from c on.
                unsafe {
                    let g = s.load_first(from.as_ptr().add(c), left);
                    for pixel in 0..pixels {
                        let share = if pixel == 0 { 1.0 - weight } else { weight };
                        let to = to.as_mut_ptr().add(pixel * channels + c);
                        let sum = s.mul_add(g, s.splat(share), s.load_first(to, left));
                        s.store_first(to, left, sum);
                    }
                }
                c += S::LANES;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::resize;
    use crate::random::{Counter, uniform};

    fn picture(height: usize, width: usize, channels: usize) -> (Size, Vec<f32>) {
        let size = Size { height, width, channels };
        let mut x = vec![0.0; size.len()];
        uniform(Isa::SCALAR, &mut x, Counter::default(), width as u64);
        (size, x)
    }

    /// The gradient of a linear map is its transpose: each column of it is the resized picture that
    /// has a single pixel.
    #[test]
    fn the_gradient_is_the_transpose_of_resizing() {
        for isa in Isa::available() {
            for (h, w, oh, ow) in
                [(5, 7, 8, 4), (1, 1, 3, 5), (2, 9, 1, 1), (4, 3, 8, 6), (3, 3, 3, 3), (2, 2, 0, 3)]
            {
                for (channels, interpolation) in [1, 3, 17].into_iter().flat_map(|channels| {
                    [Interpolation::Nearest, Interpolation::Bilinear].map(|i| (channels, i))
                }) {
                    let (y_size, dy) = picture(oh, ow, channels);
                    let (x_size, mut dx) = picture(h, w, channels);
                    let mut scratch = vec![f32::NAN; resize_grad_scratch_len(y_size)];
                    resize_grad(isa, &mut dx, x_size, &dy, y_size, interpolation, &mut scratch);
                    for (at, got) in dx.iter().enumerate() {
                        let mut one = vec![0.0; x_size.len()];
                        one[at] = 1.0;
                        let mut y = vec![0.0; y_size.len()];
                        resize(Isa::SCALAR, &mut y, y_size, &one, x_size, interpolation);
                        let terms = y.iter().zip(&dy).map(|(a, b)| f64::from(*a) * f64::from(*b));
                        let want: f64 = terms.sum();
                        let what = format!("{h}x{w} to {oh}x{ow}, {channels} {interpolation:?}");
                        assert!((f64::from(*got) - want).abs() < 1e-5, "{what} on {isa}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_empty_picture_has_no_gradient() {
        for isa in Isa::available() {
            let empty = Size { height: 0, width: 3, channels: 2 };
            let (x_size, mut dx) = picture(2, 2, 2);
            let interpolation = Interpolation::Bilinear;
            let scratch = &mut [0.0; 12];
            resize_grad(isa, &mut dx, x_size, &[], empty, interpolation, scratch);
            assert_eq!(dx, [0.0; 8]);
            resize_grad(isa, &mut [], empty, &dx, x_size, interpolation, scratch);
        }
    }
}
