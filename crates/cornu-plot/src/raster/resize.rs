use super::Raster;

/// How a picture gets another size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// Each pixel is that of the nearest place: pixels stay visible.
    Nearest,
    /// Between the four nearest pixels where it grows, the mean of an area where it shrinks.
    Smooth,
}

impl Raster {
    /// The picture in another size.
    pub fn resized(&self, width: usize, height: usize, sampling: Sampling) -> Self {
        if (width, height) == (self.width(), self.height()) {
            return self.clone();
        }
        let columns = weights(self.width(), width, sampling);
        let rows = weights(self.height(), height, sampling);
        let mut out = Self::new(width, height, [0; 3]);
        // Pass 1: along the rows, all channels.
        let from_width = self.width();
        let mut narrow = vec![0.0f32; self.height() * width * 3];
        for y in 0..self.height() {
            for (x, taps) in columns.iter().enumerate() {
                for &(column, weight) in taps {
                    let from = 3 * (y * from_width + column);
                    let to = 3 * (y * width + x);
                    for k in 0..3 {
                        narrow[to + k] += weight * f32::from(self.pixels()[from + k]);
                    }
                }
            }
        }
        // Pass 2: along the columns.
        for (y, taps) in rows.iter().enumerate() {
            for x in 0..width {
                let mut colour = [0.0f32; 3];
                for &(row, weight) in taps {
                    for (k, sum) in colour.iter_mut().enumerate() {
                        *sum += weight * narrow[3 * (row * width + x) + k];
                    }
                }
                out.set(x, y, colour.map(|x| x.round().clamp(0.0, 255.0) as u8));
            }
        }
        out
    }

    /// The largest picture of the same proportions within `width` and `height`, at least one pixel a
    /// side.
    pub fn fitted_into(&self, width: usize, height: usize, sampling: Sampling) -> Self {
        let (from_width, from_height) = (self.width().max(1) as f64, self.height().max(1) as f64);
        let scale = (width as f64 / from_width).min(height as f64 / from_height);
        let size = |from: f64| ((from * scale).round() as usize).max(1);
        self.resized(size(from_width), size(from_height), sampling)
    }
}

/// For each place of the result the places that it is made of, and their shares, which sum to 1.
pub(super) fn weights(from: usize, to: usize, sampling: Sampling) -> Vec<Vec<(usize, f32)>> {
    if from == 0 {
        return vec![Vec::new(); to];
    }
    let scale = from as f64 / to.max(1) as f64;
    let last = from - 1;
    (0..to)
        .map(|i| {
            let center = (i as f64 + 0.5) * scale - 0.5;
            if sampling == Sampling::Nearest {
                return vec![((((i as f64 + 0.5) * scale) as usize).min(last), 1.0)];
            }
            // A triangle as wide as a pixel of the larger of both sizes, cut off at the edges.
            let reach = scale.max(1.0);
            let first = (center - reach).ceil().max(0.0) as usize;
            let end = ((center + reach).floor().max(0.0) as usize).min(last);
            let share = |j: usize| (1.0 - (j as f64 - center).abs() / reach).max(0.0);
            let sum: f64 = (first..=end).map(share).sum();
            (first..=end).map(|j| (j, (share(j) / sum) as f32)).filter(|tap| tap.1 > 0.0).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_one_colour_stays_so() {
        for sampling in [Sampling::Nearest, Sampling::Smooth] {
            for (width, height) in [(1, 1), (7, 3), (40, 41)] {
                let resized = Raster::new(5, 9, [10, 20, 30]).resized(width, height, sampling);
                assert_eq!(resized, Raster::new(width, height, [10, 20, 30]));
            }
        }
    }

    #[test]
    fn pixels_stay_where_they_are() {
        let picture = Raster::from_bytes(2, 1, vec![0, 100]).unwrap();
        let grey =
            |picture: Raster| -> Vec<u8> { picture.pixels().iter().step_by(3).copied().collect() };
        assert_eq!(grey(picture.resized(4, 1, Sampling::Nearest)), [0, 0, 100, 100]);
        assert_eq!(grey(picture.resized(4, 1, Sampling::Smooth)), [0, 25, 75, 100]);
        assert_eq!(grey(picture.resized(1, 1, Sampling::Smooth)), [50]);
    }

    #[test]
    fn proportions_are_kept() {
        let fitted = Raster::new(200, 100, [0; 3]).fitted_into(50, 50, Sampling::Smooth);
        assert_eq!((fitted.width(), fitted.height()), (50, 25));
    }
}
