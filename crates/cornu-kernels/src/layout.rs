//! How the pixels of one sample lie in memory.
//!
//! | name | meaning |
//! |---|---|
//! | `C` | channels |
//! | `H`, `W` | height and width in pixels, without the halo |
//! | halo | rows and columns of zeros around the picture, which stand for a convolution's padding |
//!
//! Two orders exist, because the best one depends on the shape:
//!
//! - [`Planes`]: one plane per channel, pixels of a row side by side. Vectors run along `W`;
//!   for few channels.
//! - [`Pixels`]: the channels of a pixel side by side (Keras's `channels_last`). Vectors run along
//!   `C`; for many channels.
//!
//! Several samples lie one after the other, [`Planes::len`] or [`Pixels::len`] elements apart.

/// Elements that a vector load may read past the last pixel of a buffer; each layout's length
/// includes them.
pub const SLACK: usize = 16;

/// Width of the zero border on each side, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub struct Halo {
    /// Rows above the picture.
    pub top: usize,
    /// Columns left of the picture.
    pub left: usize,
    /// Rows below the picture.
    pub bottom: usize,
    /// Columns right of the picture.
    pub right: usize,
}

impl Halo {
    /// The smallest halo that contains both.
    pub fn union(self, other: Self) -> Self {
        Self {
            top: self.top.max(other.top),
            left: self.left.max(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.max(other.right),
        }
    }

    /// Whether a picture with this halo serves a reader that needs `other`.
    pub fn covers(self, other: Self) -> bool {
        self.union(other) == self
    }

    /// The halo of rows `first..first + height` of a picture of `whole` rows with this halo. The rows
    /// may reach into it.
    fn around_band(self, whole: usize, first: usize, height: usize) -> Self {
        Self { top: self.top + first, bottom: whole + self.bottom - first - height, ..self }
    }

    /// Whether there is no border at all.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// Planar layout `(C, top + H + bottom, row)`: channel `c`, pixel `(y, x)` lies at
/// `c * plane() + (top + y) * row + left + x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Planes {
    /// `C`.
    pub channels: usize,
    /// `H`.
    pub height: usize,
    /// `W`.
    pub width: usize,
    /// The zero border.
    pub halo: Halo,
    /// Elements from one row to the next: at least `left + W + right`; what lies beyond is zero.
    pub row: usize,
}

impl Planes {
    /// Planes with a row length that suits vectors of 16.
    pub fn new(channels: usize, height: usize, width: usize, halo: Halo) -> Self {
        let row = halo.left + width + halo.right;
        // Rows that begin like vectors read a little faster, but not if the padding is a large part of
        // the memory.
        let padded = row.next_multiple_of(16);
        let row = if padded - row <= row / 8 { padded } else { row };
        Self { channels, height, width, halo, row }
    }

    /// Elements of one channel's plane.
    pub fn plane(&self) -> usize {
        (self.halo.top + self.height + self.halo.bottom) * self.row
    }

    /// Elements of one sample, [`SLACK`] included.
    pub fn len(&self) -> usize {
        (self.channels * self.plane() + SLACK).next_multiple_of(16)
    }

    /// Whether there are no pixels.
    pub fn is_empty(&self) -> bool {
        self.channels * self.height * self.width == 0
    }

    /// Where pixel `(0, 0)` of channel 0 lies.
    pub fn origin(&self) -> usize {
        self.halo.top * self.row + self.halo.left
    }

    /// The same memory seen as a picture of `height` rows from row `first` on: all other rows count
    /// as halo.
    pub(crate) fn band(&self, first: usize, height: usize) -> Self {
        Self { height, halo: self.halo.around_band(self.height, first, height), ..*self }
    }

    /// Sets all that is not a pixel to zero: the halo, row ends and slack.
    ///
    /// # Panics
    /// If `data` is shorter than [`len`](Self::len).
    pub fn zero_halo(&self, data: &mut [f32]) {
        self.zero_above_and_below(data);
        // SAFETY: the slice was checked to be long enough.
        unsafe { self.zero_row_ends(data.as_mut_ptr()) };
    }

    /// Sets the rows above and below each plane's picture to zero, and the slack.
    pub(crate) fn zero_above_and_below(&self, data: &mut [f32]) {
        let (data, plane) = (&mut data[..self.len()], self.plane());
        let (top, bottom) = (self.halo.top, self.halo.top + self.height);
        if top > 0 || self.halo.bottom > 0 {
            for channel in data[..self.channels * plane].chunks_exact_mut(plane.max(1)) {
                channel[..top * self.row].fill(0.0);
                channel[bottom * self.row..].fill(0.0);
            }
        }
        data[self.channels * plane..].fill(0.0);
    }

    /// Sets what lies beside the picture's rows to zero.
    ///
    /// # Safety
    /// `data` has [`len`](Self::len) elements, and nobody else uses the rows of the picture.
    pub(crate) unsafe fn zero_row_ends(&self, data: *mut f32) {
        let plane = self.plane();
        for channel in 0..self.channels {
            let first = channel * plane + self.halo.top * self.row;
            // SAFETY: the caller's promise.
            unsafe {
                zero_gaps(data.add(first), self.height, self.row, self.halo.left, self.width)
            };
        }
    }
}

/// Sets to zero what lies in `rows` rows of `row` elements, except for `width` elements from `left`
/// on in each.
///
/// # Safety
/// `data` has that many elements, and nobody else uses them.
unsafe fn zero_gaps(data: *mut f32, rows: usize, row: usize, left: usize, width: usize) {
    let gap = row - width;
    if gap == 0 || rows == 0 {
        return;
    }
    // SAFETY: the caller's promise. The end of a row and the begin of the next are one gap.
    unsafe {
        data.write_bytes(0, left);
        for y in 0..rows - 1 {
            data.add(y * row + left + width).write_bytes(0, gap);
        }
        data.add((rows - 1) * row + left + width).write_bytes(0, gap - left);
    }
}

/// Channels-last layout `(top + H + bottom, left + W + right, C)`: pixel `(y, x)`, channel `c` lies
/// at `((top + y) * (left + W + right) + left + x) * C + c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pixels {
    /// `C`.
    pub channels: usize,
    /// `H`.
    pub height: usize,
    /// `W`.
    pub width: usize,
    /// The zero border.
    pub halo: Halo,
}

impl Pixels {
    /// Elements from one row to the next.
    pub fn row(&self) -> usize {
        (self.halo.left + self.width + self.halo.right) * self.channels
    }

    /// Elements of one sample. Without a halo this is exactly `H * W * C`, with none to spare, so
    /// that Keras's arrays can be used as they are.
    pub fn len(&self) -> usize {
        (self.halo.top + self.height + self.halo.bottom) * self.row()
    }

    /// Whether there are no pixels.
    pub fn is_empty(&self) -> bool {
        self.channels * self.height * self.width == 0
    }

    /// Where channel 0 of pixel `(0, 0)` lies.
    pub fn origin(&self) -> usize {
        self.halo.top * self.row() + self.halo.left * self.channels
    }

    /// The same memory seen as a picture of `height` rows from row `first` on: all other rows count
    /// as halo.
    pub(crate) fn band(&self, first: usize, height: usize) -> Self {
        Self { height, halo: self.halo.around_band(self.height, first, height), ..*self }
    }

    /// Sets the border to zero.
    ///
    /// # Panics
    /// If there is a border and `data` is shorter than [`len`](Self::len).
    pub fn zero_halo(&self, data: &mut [f32]) {
        if self.halo.is_empty() {
            return;
        }
        self.zero_above_and_below(data);
        // SAFETY: the slice was checked to be long enough.
        unsafe { self.zero_row_ends(data.as_mut_ptr()) };
    }

    /// Sets the rows above and below the picture to zero.
    pub(crate) fn zero_above_and_below(&self, data: &mut [f32]) {
        let (data, row) = (&mut data[..self.len()], self.row());
        data[..self.halo.top * row].fill(0.0);
        data[(self.halo.top + self.height) * row..].fill(0.0);
    }

    /// Sets what lies beside the picture's rows to zero.
    ///
    /// # Safety
    /// `data` has [`len`](Self::len) elements, and nobody else uses the rows of the picture.
    pub(crate) unsafe fn zero_row_ends(&self, data: *mut f32) {
        let (row, c) = (self.row(), self.channels);
        // SAFETY: the caller's promise.
        unsafe {
            let first = data.add(self.halo.top * row);
            zero_gaps(first, self.height, row, self.halo.left * c, self.width * c);
        }
    }
}

/// How a window (a convolution's kernel or a pooling window) walks over a picture.
///
/// Output pixel `(y, x)` under tap `(i, j)` reads input pixel
/// `(y * stride[0] + i * dilation[0] - top, x * stride[1] + j * dilation[1] - left)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Rows and columns of the window.
    pub size: [usize; 2],
    /// Input pixels per output pixel.
    pub stride: [usize; 2],
    /// Input pixels from one tap to the next.
    pub dilation: [usize; 2],
    /// Zero rows above and zero columns left of the picture.
    pub before: [usize; 2],
}

impl Window {
    /// The halo an input of `input` pixels needs so that every read for `output` pixels lies
    /// inside of it.
    pub fn halo(&self, input: [usize; 2], output: [usize; 2]) -> Halo {
        let after = |axis: usize| {
            let reach = output[axis].saturating_sub(1) * self.stride[axis]
                + (self.size[axis].saturating_sub(1)) * self.dilation[axis]
                + 1;
            reach.saturating_sub(self.before[axis] + input[axis])
        };
        Halo { top: self.before[0], left: self.before[1], bottom: after(0), right: after(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halo_covers_every_read() {
        // 3x3, same, stride 2 on 4x5 pixels: rows pad 0 before and 1 after, columns 1 and 1.
        let window = Window { size: [3, 3], stride: [2, 2], dilation: [1, 1], before: [0, 1] };
        assert_eq!(window.halo([4, 5], [2, 3]), Halo { top: 0, left: 1, bottom: 1, right: 1 });
    }

    #[test]
    fn a_band_is_the_same_memory_with_other_rows_as_halo() {
        let halo = Halo { top: 1, left: 2, bottom: 3, right: 1 };
        let planes = Planes::new(2, 6, 20, halo);
        let band = planes.band(2, 3);
        assert_eq!((band.plane(), band.len()), (planes.plane(), planes.len()));
        assert_eq!(band.origin(), planes.origin() + 2 * planes.row);
        let pixels = Pixels { channels: 2, height: 6, width: 4, halo };
        let band = pixels.band(5, 2);
        assert_eq!(band.len(), pixels.len());
        assert_eq!(band.origin(), pixels.origin() + 5 * pixels.row());
        assert_eq!(band.halo, Halo { top: 6, left: 2, bottom: 2, right: 1 });
    }

    #[test]
    fn only_the_halo_is_zeroed() {
        let halo = Halo { top: 1, left: 2, bottom: 3, right: 1 };
        let planes = Planes::new(2, 3, 20, halo);
        let mut data = vec![1.0; planes.len()];
        planes.zero_halo(&mut data);
        assert_eq!(data.iter().sum::<f32>(), 2.0 * 3.0 * 20.0);
        assert_eq!(data[planes.origin()], 1.0);
        let pixels = Pixels { channels: 2, height: 3, width: 4, halo };
        let mut data = vec![1.0; pixels.len()];
        pixels.zero_halo(&mut data);
        assert_eq!(data.iter().sum::<f32>(), 2.0 * 3.0 * 4.0);
        assert_eq!(data[pixels.origin()], 1.0);
    }
}
