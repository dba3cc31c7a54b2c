//! Resizing as in Keras's `Resizing`: half-pixel centers, no antialiasing, edges repeated.

use super::Size;
use super::affine::{FillMode, Interpolation, Map, transform};
use crate::Isa;
use crate::simd::simd_fn;

/// `y` = the picture `x` in another size.
///
/// Output pixel i of m lies at `(i + 1/2) n / m - 1/2` among n input pixels. Bilinear: the average
/// of the neighbours, where the edge goes on outside. Nearest: pixel `floor((i + 1/2) n / m)`.
///
/// # Source
///
/// Keras 3, `keras/src/layers/preprocessing/image_preprocessing/resizing.py`, with
/// `antialias=False`.
///
/// # Panics
///
/// If channels differ, a slice is not as long as its size says, or only x is empty.
pub fn resize(
    isa: Isa,
    y: &mut [f32],
    y_size: Size,
    x: &[f32],
    x_size: Size,
    interpolation: Interpolation,
) {
    assert_eq!(y_size.channels, x_size.channels, "channels");
    assert!(y.len() == y_size.len() && x.len() == x_size.len(), "lengths");
    if y.is_empty() {
        return;
    }
    assert!(!x.is_empty(), "an empty picture cannot be resized");
    match interpolation {
        Interpolation::Nearest => nearest(y, y_size, x, x_size),
        Interpolation::Bilinear => bilinear(isa, y, y_size, x, x_size),
    }
}

fn nearest(y: &mut [f32], y_size: Size, x: &[f32], x_size: Size) {
    let c = x_size.channels;
    // floor((i + 1/2) n / m) without rounding.
    let source = |i: usize, n: usize, m: usize| ((2 * i + 1) * n / (2 * m)).min(n - 1);
    for (i, y) in y.chunks_exact_mut(y_size.width * c).enumerate() {
        let row = source(i, x_size.height, y_size.height) * x_size.width;
        for (j, y) in y.chunks_exact_mut(c).enumerate() {
            let at = (row + source(j, x_size.width, y_size.width)) * c;
            if c == 1 {
                y[0] = x[at];
            } else {
                y.copy_from_slice(&x[at..at + c]);
            }
        }
    }
}

simd_fn! {
    fn bilinear(s, y: &mut [f32], y_size: Size, x: &[f32], x_size: Size) {
        let scale = |n: usize, m: usize| (n as f64 / m as f64) as f32;
        let (down, right) =
            (scale(x_size.height, y_size.height), scale(x_size.width, y_size.width));
        let matrix = [right, 0.0, 0.5 * right - 0.5, 0.0, down, 0.5 * down - 0.5];
        let map = Map {
            matrix,
            interpolation: Interpolation::Bilinear,
            fill_mode: FillMode::Nearest,
            fill_value: 0.0,
        };
        transform(s, y, y_size, x, x_size, &map);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Counter, uniform};

    #[test]
    fn sizes_change_by_the_half_pixel_rule() {
        for isa in Isa::available() {
            for (h, w, oh, ow) in [
                (5, 7, 8, 4),
                (1, 1, 3, 20),
                (9, 33, 4, 40),
                (40, 3, 17, 18),
                (6, 6, 6, 6),
                (4, 4, 0, 3),
            ] {
                for channels in [1, 3, 4, 17] {
                    let x_size = Size { height: h, width: w, channels };
                    let y_size = Size { height: oh, width: ow, channels };
                    let mut x = vec![0.0; x_size.len()];
                    uniform(isa, &mut x, Counter::default(), 0);
                    let mut bilinear = vec![f32::NAN; y_size.len()];
                    let mut nearest = bilinear.clone();
                    resize(isa, &mut bilinear, y_size, &x, x_size, Interpolation::Bilinear);
                    resize(isa, &mut nearest, y_size, &x, x_size, Interpolation::Nearest);
                    let center =
                        |i: usize, n: usize, m: usize| (i as f64 + 0.5) * n as f64 / m as f64;
                    let read = |i: f64, j: f64, c: usize| {
                        let i = i.clamp(0.0, h as f64 - 1.0) as usize;
                        let j = j.clamp(0.0, w as f64 - 1.0) as usize;
                        f64::from(x[(i * w + j) * channels + c])
                    };
                    for o in 0..y_size.len() {
                        let (i, j, c) = (o / channels / ow, o / channels % ow, o % channels);
                        let (a, b) = (center(i, h, oh), center(j, w, ow));
                        assert_eq!(f64::from(nearest[o]), read(a.floor(), b.floor(), c));
                        let (a, b) = (a - 0.5, b - 0.5);
                        let (i, j) = (a.floor(), b.floor());
                        let (u, v) = (a - i, b - j);
                        let want = (1.0 - u)
                            * ((1.0 - v) * read(i, j, c) + v * read(i, j + 1.0, c))
                            + u * ((1.0 - v) * read(i + 1.0, j, c) + v * read(i + 1.0, j + 1.0, c));
                        assert!((f64::from(bilinear[o]) - want).abs() < 1e-5, "{isa}");
                    }
                }
            }
        }
    }
}
