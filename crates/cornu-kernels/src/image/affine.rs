//! Affine maps, by which Keras rotates, zooms and shifts pictures.

use super::Size;
use crate::simd::{MAX_LANES, Simd, simd_fn};

/// How a picture is read between its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Interpolation {
    /// The nearest pixel, halves towards the end.
    Nearest,
    /// The average of the four neighbours, weighted by nearness.
    #[default]
    Bilinear,
}

/// What lies outside of a picture. The names are Keras's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FillMode {
    /// The mirror image, `d c b a | a b c d | d c b a`.
    #[default]
    Reflect,
    /// The picture again, `a b c d | a b c d | a b c d`; turns are counted with n - 1, as
    /// TensorFlow does.
    Wrap,
    /// The fill value.
    Constant,
    /// The edge, `a a a a | a b c d | d d d d`.
    Nearest,
}

/// A map and how to follow it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Map {
    pub(super) matrix: [f32; 6],
    pub(super) interpolation: Interpolation,
    pub(super) fill_mode: FillMode,
    pub(super) fill_value: f32,
}

simd_fn! {
    /// Output pixel (column x, row y) takes the input at column `a0 x + a1 y + a2` and row
    /// `b0 x + b1 y + b2`, where `matrix` is `[a0, a1, a2, b0, b1, b2]`. Both pictures have `size`.
    ///
    /// Outside, the real coordinate is folded into the picture first and then interpolated; with
    /// [`FillMode::Constant`] each neighbour outside reads `fill_value` instead.
    ///
    /// # Source
    ///
    /// Keras 3, `keras/src/backend/tensorflow/image.py`, `affine_transform`.
    ///
    /// # Panics
    ///
    /// If a slice is not as long as `size` says, or the picture has `2^24` elements or more.
    pub fn affine_transform(
        s,
        y: &mut [f32],
        x: &[f32],
        size: Size,
        matrix: [f32; 6],
        interpolation: Interpolation,
        fill_mode: FillMode,
        fill_value: f32,
    ) {
        let map = Map { matrix, interpolation, fill_mode, fill_value };
        transform(s, y, size, x, size, &map);
    }
}

/// The same between pictures of two sizes.
#[inline(always)]
pub(super) fn transform<S: Simd>(
    s: S,
    y: &mut [f32],
    y_size: Size,
    x: &[f32],
    x_size: Size,
    map: &Map,
) {
    assert!(y.len() == y_size.len() && x.len() == x_size.len(), "lengths");
    // Indices are computed as `f32`, exact up to here.
    assert!(x.len() < 1 << 24, "pictures must have fewer than 2^24 elements");
    if y.is_empty() {
        return;
    }
    let row = y_size.width * y_size.channels;
    let [a0, a1, _, b0, b1, _] = map.matrix;
    let shifts = (a0, a1, b0, b1) == (1.0, 0.0, 0.0, 1.0);
    if !shifts {
        into_cache(x);
    }
    for (i, y) in y.chunks_exact_mut(row).enumerate() {
        let mut done = 0..0;
        if shifts {
            done = shift_row(s, y, i, x, x_size, map);
        }
        let reader = Reader { x, size: x_size, map };
        reader.span(s, y, i, 0..done.start);
        reader.span(s, y, i, done.end..y_size.width);
    }
}

/// Reads a picture once from front to back, one number per cache line: that is the order in which a
/// processor fetches ahead, while slanted walks wait for main memory at every line.
fn into_cache(x: &[f32]) {
    for x in x.iter().step_by(16) {
        std::hint::black_box(*x);
    }
}

/// Pure translation: the columns of row `i` that need nothing from outside are copied or mixed as
/// they lie. Returns these columns.
#[inline(always)]
fn shift_row<S: Simd>(
    s: S,
    y: &mut [f32],
    i: usize,
    x: &[f32],
    size: Size,
    map: &Map,
) -> std::ops::Range<usize> {
    let channels = size.channels;
    let (width, height) = (size.width as i64, size.height as i64);
    let [_, _, shift, _, _, down] = map.matrix;
    let row = i as f32 + down;
    if !(shift.abs() < 1e6 && row.abs() < 1e6) {
        return 0..0;
    }
    let (mut column, mut top) =
        (shift, s.lanes(fold(s, s.splat(row), size.height, map.fill_mode))[0]);
    if map.interpolation == Interpolation::Nearest {
        (column, top) = ((column + 0.5).floor(), (top + 0.5).floor());
    }
    let (first, upper) = (column.floor(), top.floor());
    let (v, u) = (column - first, top - upper);
    let (first, upper) = (first as i64, upper as i64);
    // The neighbours beyond are needed only where they have a weight.
    let (next, lower) = (i64::from(v > 0.0), upper + i64::from(u > 0.0));
    if upper < 0 || lower >= height {
        return 0..0;
    }
    let begin = (-first).clamp(0, width);
    let end = (width - first - next).clamp(begin, width);
    // A coordinate outside is folded before it is rounded, so rounding must not bring it in.
    let begin = begin.max((-shift).ceil() as i64).min(width);
    let end = end.min((size.width as f32 - 1.0 - shift).floor() as i64 + 1).max(begin);
    let n = (end - begin) as usize * channels;
    if n == 0 {
        return 0..0;
    }
    let to = begin as usize * channels;
    let y = &mut y[to..to + n];
    let line = |row: i64, next: i64| {
        let at = (row * width + begin + first + next) as usize * channels;
        &x[at..at + n]
    };
    let (a, b) = (line(upper, 0), line(upper, next));
    let (c, d) = (line(lower, 0), line(lower, next));
    if u == 0.0 && v == 0.0 {
        y.copy_from_slice(a);
        return begin as usize..end as usize;
    }
    let weights = [(1.0 - u) * (1.0 - v), (1.0 - u) * v, u * (1.0 - v), u * v].map(|w| s.splat(w));
    let mut j = 0;
    while j < n {
        let left = n - j;
        // SAFETY: all five slices have n elements.
        unsafe {
            let mut sum = s.mul(weights[0], s.load_first(a.as_ptr().add(j), left));
            sum = s.mul_add(weights[1], s.load_first(b.as_ptr().add(j), left), sum);
            sum = s.mul_add(weights[2], s.load_first(c.as_ptr().add(j), left), sum);
            sum = s.mul_add(weights[3], s.load_first(d.as_ptr().add(j), left), sum);
            s.store_first(y.as_mut_ptr().add(j), left, sum);
        }
        j += S::LANES;
    }
    begin as usize..end as usize
}

/// The coordinate `z` folded into `0..=n - 1`; as it is for [`FillMode::Constant`].
#[inline(always)]
pub(super) fn fold<S: Simd>(s: S, z: S::V, n: usize, mode: FillMode) -> S::V {
    let zero = s.splat(0.0);
    let (len, last) = (s.splat(n as f32), s.splat(n as f32 - 1.0));
    let below = s.lt(z, zero);
    let above = s.lt(last, z);
    let folded = match mode {
        FillMode::Constant => return z,
        FillMode::Nearest => z,
        _ if n == 1 => zero,
        FillMode::Wrap => {
            let turns = s.floor(s.div(s.abs(z), last));
            let up = s.mul_add(len, s.add(turns, s.splat(1.0)), z);
            let down = s.sub(z, s.mul(len, turns));
            s.select(below, up, s.select(above, down, z))
        }
        FillMode::Reflect => {
            let double = s.splat(2.0 * n as f32);
            let turns = s.mul(double, s.floor(s.div(s.abs(z), double)));
            let up = s.add(z, turns);
            let up =
                s.select(s.lt(up, s.neg(len)), s.add(up, double), s.sub(s.neg(up), s.splat(1.0)));
            let down = s.sub(z, turns);
            let mirrored = s.sub(s.sub(double, down), s.splat(1.0));
            let down = s.select(s.le(len, down), mirrored, down);
            s.select(below, up, s.select(above, down, z))
        }
    };
    // NaN becomes 0: the second operand.
    s.min(s.max(folded, zero), last)
}

/// The pixels before and after coordinates along one axis, and their weights.
#[derive(Clone, Copy)]
pub(super) struct Neighbours<V> {
    pub(super) first: V,
    pub(super) second: V,
    pub(super) weights: [V; 2],
}

/// A picture being read.
#[derive(Clone, Copy)]
struct Reader<'a> {
    x: &'a [f32],
    size: Size,
    map: &'a Map,
}

impl Reader<'_> {
    /// Pixels `columns` of row `i` of the result; `y` is the whole row.
    #[inline(always)]
    fn span<S: Simd>(self, s: S, y: &mut [f32], i: usize, columns: std::ops::Range<usize>) {
        let [a0, a1, a2, b0, b1, b2] = self.map.matrix.map(|m| s.splat(m));
        let row = s.splat(i as f32);
        let (height, width) = (self.size.height, self.size.width);
        let single = self.size.channels == 1;
        let bilinear = single && self.map.interpolation == Interpolation::Bilinear;
        let constant = self.map.fill_mode == FillMode::Constant;
        let in_pairs = bilinear && !constant && 2 <= height.min(width);
        let mut j = columns.start;
        while j < columns.end {
            let n = (columns.end - j).min(S::LANES);
            let column = s.add(s.splat(j as f32), s.iota());
            let across = s.add(s.add(s.mul(a0, column), s.mul(a1, row)), a2);
            let down = s.add(s.add(s.mul(b0, column), s.mul(b1, row)), b2);
            let y = &mut y[j * self.size.channels..(j + n) * self.size.channels];
            if bilinear && is_inside(s, across, width) && is_inside(s, down, height) {
                self.in_pairs(s, y, across, down);
            } else if constant && single && is_beyond(s, [across, down], [width, height]) {
                y.fill(self.map.fill_value);
            } else {
                let across = fold(s, across, width, self.map.fill_mode);
                let down = fold(s, down, height, self.map.fill_mode);
                if in_pairs {
                    self.in_pairs(s, y, across, down);
                } else {
                    self.anywhere(s, y, across, down);
                }
            }
            j += n;
        }
    }

    /// One channel, bilinear, coordinates inside or folded, in a picture of at least 2 x 2 pixels.
    #[inline(always)]
    fn in_pairs<S: Simd>(self, s: S, y: &mut [f32], across: S::V, down: S::V) {
        let (height, width) = (self.size.height, self.size.width);
        // The last pixel is the second of its pair, with all of the weight.
        let left = s.min(s.floor(across), s.splat(width as f32 - 2.0));
        let top = s.min(s.floor(down), s.splat(height as f32 - 2.0));
        let (v, u) = (s.sub(across, left), s.sub(down, top));
        let at = s.mul_add(top, s.splat(width as f32), left);
        // This form is exact for weights 0 and 1.
        let rest = s.sub(s.splat(1.0), v);
        // SAFETY: left + 1 and top + 1 lie inside of the picture, and so do left and top, as
        // coordinates are at least 0; y holds at most a vector.
        unsafe {
            let (a, b) = s.gather_pairs(self.x.as_ptr(), at);
            let (c, d) = s.gather_pairs(self.x.as_ptr().add(width), at);
            let upper = s.mul_add(v, b, s.mul(rest, a));
            let lower = s.mul_add(v, d, s.mul(rest, c));
            let mixed = s.mul_add(u, lower, s.mul(s.sub(s.splat(1.0), u), upper));
            s.store_first(y.as_mut_ptr(), y.len(), mixed);
        }
    }

    /// Any coordinates, already folded.
    #[inline(always)]
    fn anywhere<S: Simd>(self, s: S, y: &mut [f32], across: S::V, down: S::V) {
        let nearest = self.map.interpolation == Interpolation::Nearest;
        let columns = neighbours(s, across, self.size.width, nearest);
        let rows = neighbours(s, down, self.size.height, nearest);
        let width = s.splat(self.size.width as f32);
        let channels = self.size.channels;
        if channels == 1 {
            let mut sum = s.splat(0.0);
            let mut outside = s.splat(1.0);
            for corner in 0..if nearest { 1 } else { 4 } {
                let (row, column) = (corner / 2, corner % 2);
                let i = if row == 0 { rows.first } else { rows.second };
                let j = if column == 0 { columns.first } else { columns.second };
                let weight = s.mul(rows.weights[row], columns.weights[column]);
                outside = s.sub(outside, weight);
                // SAFETY: `neighbours` keeps rows and columns inside of the picture.
                let v = unsafe { s.gather(self.x.as_ptr(), s.mul_add(i, width, j)) };
                sum = s.mul_add(weight, v, sum);
            }
            if self.map.fill_mode == FillMode::Constant {
                sum = s.mul_add(outside, s.splat(self.map.fill_value), sum);
            }
            // SAFETY: y holds at most a vector.
            unsafe { s.store_first(y.as_mut_ptr(), y.len(), sum) };
            return;
        }
        let mut at = [[0.0; MAX_LANES]; 4];
        let mut weights = [[0.0; MAX_LANES]; 4];
        let mut outside = s.splat(1.0);
        for corner in 0..4 {
            let (row, column) = (corner / 2, corner % 2);
            let (i, j) = (
                if row == 0 { rows.first } else { rows.second },
                if column == 0 { columns.first } else { columns.second },
            );
            let weight = s.mul(rows.weights[row], columns.weights[column]);
            outside = s.sub(outside, weight);
            weights[corner] = s.lanes(weight);
            at[corner] = s.lanes(s.mul_add(i, width, j));
        }
        // What is left of the weight belongs to neighbours outside; none are where it was folded.
        let constant = self.map.fill_mode == FillMode::Constant;
        let outside = s.lanes(s.mul(outside, s.splat(self.map.fill_value)));
        for (lane, y) in y.chunks_exact_mut(channels).enumerate() {
            let rest = s.splat(if constant { outside[lane] } else { 0.0 });
            let mut c = 0;
            while c < channels {
                let left = channels - c;
                let mut sum = rest;
                for corner in 0..if nearest { 1 } else { 4 } {
                    let pixel = at[corner][lane] as usize * channels + c;
                    let weight = s.splat(weights[corner][lane]);
                    // SAFETY: `neighbours` keeps rows and columns inside of the picture.
                    let v = unsafe { s.load_first(self.x.as_ptr().add(pixel), left) };
                    sum = s.mul_add(weight, v, sum);
                }
                // SAFETY: y has `left` channels left.
                unsafe { s.store_first(y.as_mut_ptr().add(c), left, sum) };
                c += S::LANES;
            }
        }
    }
}

/// Whether all coordinates and their next pixels lie inside of n pixels.
#[inline(always)]
fn is_inside<S: Simd>(s: S, z: S::V, n: usize) -> bool {
    let inside = s.both(s.le(s.splat(0.0), z), s.lt(z, s.splat(n as f32 - 1.0)));
    !s.any(s.eq(s.truth(inside), s.splat(0.0)))
}

/// Whether no neighbour of any point lies inside of a picture of these sizes.
#[inline(always)]
fn is_beyond<S: Simd>(s: S, point: [S::V; 2], sizes: [usize; 2]) -> bool {
    !s.any(s.both(is_near(s, point[0], sizes[0]), is_near(s, point[1], sizes[1])))
}

/// Whether each point or its next pixel may be one of n pixels.
#[inline(always)]
fn is_near<S: Simd>(s: S, z: S::V, n: usize) -> S::M {
    s.both(s.lt(s.splat(-1.0), z), s.lt(z, s.splat(n as f32)))
}

/// The pixels next to folded coordinates among n. Pixels outside are moved inside and weigh 0.
#[inline(always)]
pub(super) fn neighbours<S: Simd>(s: S, z: S::V, n: usize, nearest: bool) -> Neighbours<S::V> {
    let (zero, one, last) = (s.splat(0.0), s.splat(1.0), s.splat(n as f32 - 1.0));
    let (first, weight) = if nearest {
        (s.floor(s.add(z, s.splat(0.5))), zero)
    } else {
        (s.floor(z), s.sub(z, s.floor(z)))
    };
    let second = s.add(first, one);
    let inside =
        |i: S::V, weight: S::V| s.select(s.both(s.le(zero, i), s.le(i, last)), weight, zero);
    let weights = [inside(first, s.sub(one, weight)), inside(second, weight)];
    // NaN becomes 0: the second operand.
    let clamp = |i: S::V| s.min(s.max(i, zero), last);
    Neighbours { first: clamp(first), second: clamp(second), weights }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::random::{Counter, uniform};

    const MODES: [FillMode; 4] =
        [FillMode::Reflect, FillMode::Wrap, FillMode::Constant, FillMode::Nearest];

    fn fold_one(z: f64, n: f64, mode: FillMode) -> f64 {
        let z = match mode {
            FillMode::Constant => return z,
            FillMode::Nearest => z,
            _ if n == 1.0 => 0.0,
            FillMode::Wrap if z < 0.0 => z + n * ((-z / (n - 1.0)).trunc() + 1.0),
            FillMode::Wrap if z > n - 1.0 => z - n * (z / (n - 1.0)).trunc(),
            FillMode::Reflect if z < 0.0 => {
                let z = z + 2.0 * n * (-z / (2.0 * n)).trunc();
                if z < -n { z + 2.0 * n } else { -z - 1.0 }
            }
            FillMode::Reflect if z > n - 1.0 => {
                let z = z - 2.0 * n * (z / (2.0 * n)).trunc();
                if z >= n { 2.0 * n - z - 1.0 } else { z }
            }
            _ => z,
        };
        z.clamp(0.0, n - 1.0)
    }

    fn reference(
        x: &[f32],
        size: Size,
        matrix: [f32; 6],
        interpolation: Interpolation,
        mode: FillMode,
        value: f32,
    ) -> Vec<f64> {
        let [a0, a1, a2, b0, b1, b2] = matrix.map(f64::from);
        let mut y = Vec::new();
        for o in 0..size.len() {
            let c = o % size.channels;
            let j = (o / size.channels % size.width) as f64;
            let i = (o / size.channels / size.width) as f64;
            let cx = fold_one(a0 * j + a1 * i + a2, size.width as f64, mode);
            let cy = fold_one(b0 * j + b1 * i + b2, size.height as f64, mode);
            let read = |i: f64, j: f64| {
                let inside =
                    i >= 0.0 && j >= 0.0 && i < size.height as f64 && j < size.width as f64;
                if inside {
                    f64::from(x[(i as usize * size.width + j as usize) * size.channels + c])
                } else {
                    f64::from(value)
                }
            };
            if interpolation == Interpolation::Nearest {
                y.push(read((cy + 0.5).floor(), (cx + 0.5).floor()));
                continue;
            }
            let (fy, fx) = (cy.floor(), cx.floor());
            let (u, v) = (cy - fy, cx - fx);
            y.push(
                (1.0 - u) * ((1.0 - v) * read(fy, fx) + v * read(fy, fx + 1.0))
                    + u * ((1.0 - v) * read(fy + 1.0, fx) + v * read(fy + 1.0, fx + 1.0)),
            );
        }
        y
    }

    #[test]
    fn every_map_and_fill_mode_agrees_with_the_plain_loop() {
        let (sin, cos) = 0.6_f32.sin_cos();
        // Numbers that are no halves, so that rounding does not decide between pixels.
        let matrices = [
            [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            [1.0, 0.0, 2.0, 0.0, 1.0, -1.0],
            [1.0, 0.0, -2.26, 0.0, 1.0, 1.73],
            [1.0, 0.0, 31.27, 0.0, 1.0, -17.41],
            [1.0, 0.0, 0.3, 0.0, 1.0, 3.0],
            [1.31, 0.0, -3.13, 0.0, 0.73, 1.21],
            [-1.0, 0.0, 19.37, 0.0, -1.0, 7.61],
            [0.9831, -0.18717, 2.17373, 0.21191, 0.97313, 0.53331],
            [cos, -sin, 3.257, sin, cos, -1.271],
            [3.0 * cos, -3.0 * sin, -20.17, 3.0 * sin, 3.0 * cos, -30.63],
            [0.5 * cos, -0.5 * sin, 5.17, 0.5 * sin, 0.5 * cos, 3.63],
        ];
        for isa in Isa::available() {
            for (height, width) in [(1, 1), (6, 5), (3, 17), (20, 40), (1, 9), (70, 67)] {
                for channels in [1, 3, 16, 17] {
                    let size = Size { height, width, channels };
                    let mut x = vec![0.0; size.len()];
                    uniform(isa, &mut x, Counter::default(), 0);
                    for matrix in matrices {
                        for mode in MODES {
                            for interpolation in [Interpolation::Nearest, Interpolation::Bilinear] {
                                let mut y = vec![f32::NAN; x.len()];
                                affine_transform(
                                    isa,
                                    &mut y,
                                    &x,
                                    size,
                                    matrix,
                                    interpolation,
                                    mode,
                                    3.0,
                                );
                                let want = reference(&x, size, matrix, interpolation, mode, 3.0);
                                for (i, (&y, want)) in y.iter().zip(want).enumerate() {
                                    assert!(
                                        (f64::from(y) - want).abs() < 5e-5,
                                        "{size:?} {matrix:?} {mode:?} {interpolation:?} on {isa}: \
                                         element {i} is {y}, not {want}"
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_turned_over_picture_is_exact() {
        for isa in Isa::available() {
            for (height, width) in [(1, 1), (2, 2), (9, 17), (40, 67), (32, 64)] {
                let size = Size { height, width, channels: 1 };
                let mut x = vec![0.0; size.len()];
                uniform(isa, &mut x, Counter::default(), 0);
                let matrix = [-1.0, 0.0, width as f32 - 1.0, 0.0, 1.0, 0.0];
                for mode in MODES {
                    let mut y = vec![f32::NAN; x.len()];
                    let bilinear = Interpolation::Bilinear;
                    affine_transform(isa, &mut y, &x, size, matrix, bilinear, mode, 3.0);
                    let mut want = x.clone();
                    want.chunks_exact_mut(width).for_each(<[f32]>::reverse);
                    assert_eq!(y, want, "{height}x{width} {mode:?} on {isa}");
                }
            }
        }
    }

    #[test]
    fn absurd_coordinates_stay_inside() {
        let size = Size { height: 4, width: 20, channels: 1 };
        let x = vec![1.0; size.len()];
        for isa in Isa::available() {
            for huge in [1e30, -1e30, f32::INFINITY, f32::NAN, 1e7, -1e9] {
                for mode in MODES {
                    for matrix in
                        [[1.0, 0.0, huge, 0.0, 1.0, 0.0], [huge, huge, 0.0, huge, 1.0, huge]]
                    {
                        for interpolation in [Interpolation::Nearest, Interpolation::Bilinear] {
                            let mut y = vec![0.0; x.len()];
                            affine_transform(
                                isa,
                                &mut y,
                                &x,
                                size,
                                matrix,
                                interpolation,
                                mode,
                                1.0,
                            );
                        }
                    }
                }
            }
        }
    }
}
