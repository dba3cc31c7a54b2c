use crate::Pixels;

/// How a picture is brought to another size.
///
/// Pixel `i` of `m` stands at `(i + 0.5) * n / m - 0.5` of the `n` given pixels ("half-pixel
/// centres"), as in TensorFlow and Keras `Resizing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resize {
    /// What is taken from the pixels around that place. Default: bilinear.
    pub interpolation: Interpolation,
    /// Whether a pixel of a smaller picture is an average over all that it covers. Default: false,
    /// as in Keras `image_dataset_from_directory`; true loses less when sizes differ by more than
    /// twice. Nothing changes for `Nearest`, nor along an axis that grows.
    pub antialias: bool,
}

/// What a pixel between pixels is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interpolation {
    /// The mean of the two (per axis) nearest pixels, weighted by distance.
    #[default]
    Bilinear,
    /// The pixel at `floor((i + 0.5) * n / m)`.
    Nearest,
}

impl Resize {
    /// `pixels`, which are `from = (height, width)` in `channels` channels, in size `to`.
    ///
    /// Bilinear results are [`Pixels::F32`], not rounded. No size may have a zero.
    ///
    /// # Panics
    ///
    /// If there are not as many pixels as sizes say.
    pub fn apply(
        self,
        pixels: &Pixels,
        from: (usize, usize),
        channels: usize,
        to: (usize, usize),
    ) -> Pixels {
        assert_eq!(pixels.len(), from.0 * from.1 * channels, "as many pixels as sizes say");
        match (self.interpolation, pixels) {
            (Interpolation::Nearest, Pixels::U8(x)) => Pixels::U8(nearest(x, from, channels, to)),
            (Interpolation::Nearest, Pixels::F32(x)) => Pixels::F32(nearest(x, from, channels, to)),
            (Interpolation::Bilinear, _) => {
                let taps = if self.antialias { triangle_taps } else { linear_taps };
                let (rows, columns) = (taps(from.0, to.0), taps(from.1, to.1));
                Pixels::F32(weighted(&pixels.to_f32(), from.1, channels, &rows, &columns))
            }
        }
    }
}

fn nearest<T: Copy>(
    pixels: &[T],
    from: (usize, usize),
    channels: usize,
    to: (usize, usize),
) -> Vec<T> {
    let (rows, columns) = (nearest_indices(from.0, to.0), nearest_indices(from.1, to.1));
    let mut out = Vec::with_capacity(to.0 * to.1 * channels);
    for &y in &rows {
        for &x in &columns {
            let at = (y * from.1 + x) * channels;
            out.extend_from_slice(&pixels[at..at + channels]);
        }
    }
    out
}

fn nearest_indices(n: usize, m: usize) -> Vec<usize> {
    let scale = n as f32 / m as f32;
    (0..m).map(|i| (((i as f32 + 0.5) * scale) as usize).min(n - 1)).collect()
}

/// The given pixels that make up one new pixel, along one axis: neighbours from `start` on.
struct Taps {
    start: usize,
    weights: Vec<f32>,
}

/// Two neighbours; what would be outside is the pixel at the edge.
fn linear_taps(n: usize, m: usize) -> Vec<Taps> {
    let scale = n as f32 / m as f32;
    let tap = |i| {
        let at = ((i as f32 + 0.5) * scale - 0.5).clamp(0.0, (n - 1) as f32);
        let start = at as usize;
        let lerp = at - start as f32;
        let weights = if lerp == 0.0 { vec![1.0] } else { vec![1.0 - lerp, lerp] };
        Taps { start, weights }
    };
    (0..m).map(tap).collect()
}

/// A triangle as wide as two new pixels, weights summing to 1 (`tf.image.resize`, antialias).
fn triangle_taps(n: usize, m: usize) -> Vec<Taps> {
    let scale = n as f32 / m as f32;
    let radius = scale.max(1.0);
    let tap = |i| {
        let center = (i as f32 + 0.5) * scale;
        let start = ((center - radius - 0.5).ceil().max(0.0) as usize).min(n - 1);
        let end = ((center + radius - 0.5).floor() as usize).clamp(start, n - 1);
        let weight = |j: usize| (1.0 - ((j as f32 + 0.5 - center) / radius).abs()).max(0.0);
        let sum: f32 = (start..=end).map(weight).sum();
        Taps { start, weights: (start..=end).map(|j| weight(j) / sum).collect() }
    };
    (0..m).map(tap).collect()
}

/// Along the rows first, then along the columns.
fn weighted(
    pixels: &[f32],
    width: usize,
    channels: usize,
    rows: &[Taps],
    columns: &[Taps],
) -> Vec<f32> {
    let row_len = width * channels;
    let mut out = Vec::with_capacity(rows.len() * columns.len() * channels);
    let mut row = vec![0.0; row_len];
    for taps in rows {
        row.fill(0.0);
        for (j, &weight) in taps.weights.iter().enumerate() {
            let at = (taps.start + j) * row_len;
            for (sum, &pixel) in row.iter_mut().zip(&pixels[at..at + row_len]) {
                *sum += weight * pixel;
            }
        }
        for taps in columns {
            for channel in 0..channels {
                let at = |j| row[(taps.start + j) * channels + channel];
                out.push(taps.weights.iter().enumerate().map(|(j, &weight)| weight * at(j)).sum());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bilinear by its definition, in `f64`, one pixel at a time.
    fn bilinear_reference(
        x: &[f32],
        from: (usize, usize),
        c: usize,
        to: (usize, usize),
    ) -> Vec<f64> {
        let place = |i: usize, n: usize, m: usize| {
            let at = (i as f64 + 0.5) * n as f64 / m as f64 - 0.5;
            let clamp = |k: f64| k.clamp(0.0, (n - 1) as f64) as usize;
            (clamp(at.floor()), clamp(at.floor() + 1.0), at - at.floor())
        };
        let mut out = Vec::new();
        for i in 0..to.0 {
            let (y0, y1, wy) = place(i, from.0, to.0);
            for j in 0..to.1 {
                let (x0, x1, wx) = place(j, from.1, to.1);
                for k in 0..c {
                    let at = |y: usize, z: usize| f64::from(x[(y * from.1 + z) * c + k]);
                    let top = at(y0, x0) * (1.0 - wx) + at(y0, x1) * wx;
                    let bottom = at(y1, x0) * (1.0 - wx) + at(y1, x1) * wx;
                    out.push(top * (1.0 - wy) + bottom * wy);
                }
            }
        }
        out
    }

    #[test]
    fn bilinear_agrees_with_its_definition() {
        let sizes = [1, 2, 3, 5, 8, 13];
        for (h, w) in sizes.into_iter().flat_map(|h| sizes.map(|w| (h, w))) {
            for (to, c) in [((1, 1), 1), ((4, 7), 3), ((9, 2), 2), ((h, w), 1)] {
                let x: Vec<f32> = (0..h * w * c).map(|i| ((i * 37) % 256) as f32).collect();
                let got = Resize::default().apply(&Pixels::F32(x.clone()), (h, w), c, to);
                let expected = bilinear_reference(&x, (h, w), c, to);
                assert_eq!(got.len(), expected.len());
                for (got, want) in got.to_f32().iter().zip(expected) {
                    assert!((f64::from(*got) - want).abs() < 1e-3, "{h}x{w} to {to:?}");
                }
            }
        }
    }

    #[test]
    fn an_antialiased_half_weighs_four_pixels() {
        let x = Pixels::U8(vec![0, 0, 0, 8, 0, 0, 0, 0]);
        let resize = Resize { antialias: true, ..Resize::default() };
        // Radius 2: pixels at distance 0.5 weigh 3/8, at 1.5 weigh 1/8.
        assert_eq!(resize.apply(&x, (1, 8), 1, (1, 4)), Pixels::F32(vec![0.0, 3.0, 1.0, 0.0]));
        // Whatever the size, a flat picture stays flat.
        let flat = resize.apply(&Pixels::U8(vec![77; 91]), (13, 7), 1, (4, 3)).to_f32();
        assert!(flat.iter().all(|x| (x - 77.0).abs() < 1e-4), "{flat:?}");
    }

    #[test]
    fn nearest_keeps_whole_numbers() {
        let resize = Resize { interpolation: Interpolation::Nearest, antialias: false };
        let x = Pixels::U8(vec![1, 2, 3, 4, 5]);
        assert_eq!(resize.apply(&x, (1, 5), 1, (1, 2)), Pixels::U8(vec![2, 4]));
        assert_eq!(resize.apply(&x, (5, 1), 1, (3, 2)), Pixels::U8(vec![1, 1, 3, 3, 5, 5]));
    }
}
