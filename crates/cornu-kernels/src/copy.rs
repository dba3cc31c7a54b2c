//! Copies between layouts and of parts of arrays. Nothing but the named elements is read or written.

use crate::layout::{Pixels, Planes};
use crate::simd::{MAX_LANES, Simd, simd_fn};

/// The most axes of [`copy_strided`].
pub const MAX_RANK: usize = 8;

/// One axis of a copy: its length, and the elements from one index to the next in y and in x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Axis {
    /// Indices.
    pub len: usize,
    /// Elements of y per index; may be negative.
    pub y: isize,
    /// Elements of x per index; may be negative, or 0 to repeat.
    pub x: isize,
}

simd_fn! {
    /// `y[y_offset + sum(i * axis.y)] = x[x_offset + sum(i * axis.x)]` for all indices of all axes:
    /// transposing, slicing, padding, joining, repeating and flipping are all of this kind.
    ///
    /// Fast where some axis is contiguous in both arrays, or one is contiguous in y and another in
    /// x. Two indices that name the same element of y leave either value.
    ///
    /// # Panics
    ///
    /// If there are more than [`MAX_RANK`] axes, or an element lies outside of its slice.
    pub fn copy_strided(
        s,
        y: &mut [f32],
        y_offset: usize,
        x: &[f32],
        x_offset: usize,
        axes: &[Axis],
    ) {
        assert!(axes.len() <= MAX_RANK, "at most {MAX_RANK} axes, got {}", axes.len());
        if axes.iter().any(|axis| axis.len == 0) {
            return;
        }
        check_range(y.len(), y_offset, axes, |axis| axis.y);
        check_range(x.len(), x_offset, axes, |axis| axis.x);
        // 1. Joins neighbouring axes that are one axis in both arrays, and drops those of length 1.
        let mut joined = [Axis::default(); MAX_RANK];
        let mut rank = 0;
        for axis in axes.iter().filter(|axis| axis.len > 1) {
            let whole = (axis.len as isize * axis.y, axis.len as isize * axis.x);
            match joined[..rank].last_mut() {
                Some(before) if (before.y, before.x) == whole => {
                    *before = Axis { len: before.len * axis.len, ..*axis };
                }
                _ => {
                    joined[rank] = *axis;
                    rank += 1;
                }
            }
        }
        // 2. The innermost axis is the one contiguous in y, the next the one contiguous in x.
        let axes = &mut joined[..rank];
        if let Some(at) = axes.iter().position(|axis| axis.y == 1) {
            axes[at..].rotate_left(1);
        }
        let last = rank.saturating_sub(1);
        if let Some(at) = axes[..last].iter().position(|axis| axis.x == 1) {
            axes[at..last].rotate_left(1);
        }
        let transposed = rank >= 2
            && (axes[last].y == 1 && axes[last - 1].x == 1)
            && (axes[last].x > 1 && axes[last - 1].y > 1);
        let inner = if transposed { 2 } else { rank.min(1) };
        let (outer, inner) = axes.split_at(rank - inner);
        // 3. All indices of the outer axes.
        let mut index = [0; MAX_RANK];
        let (mut to, mut from) = (y_offset as isize, x_offset as isize);
        loop {
            match inner {
                [] => y[to as usize] = x[from as usize],
                [line] => copy_line(&mut *y, to, x, from, line),
                [columns, rows, ..] => {
                    let (y_row, x_row) = (columns.y as usize, rows.x as usize);
                    let (y, x) = (&mut y[to as usize..], &x[from as usize..]);
                    transpose(s, y, y_row, x, x_row, rows.len, columns.len);
                }
            }
            let mut at = outer.len();
            loop {
                let Some(next) = at.checked_sub(1) else { return };
                at = next;
                let axis = outer[at];
                index[at] += 1;
                to += axis.y;
                from += axis.x;
                if index[at] < axis.len {
                    break;
                }
                index[at] = 0;
                to -= axis.len as isize * axis.y;
                from -= axis.len as isize * axis.x;
            }
        }
    }
}

fn check_range(len: usize, offset: usize, axes: &[Axis], stride: fn(&Axis) -> isize) {
    let (mut low, mut high) = (offset as isize, offset as isize);
    for axis in axes {
        let reach = (axis.len - 1) as isize * stride(axis);
        low += reach.min(0);
        high += reach.max(0);
    }
    assert!(low >= 0 && high < len as isize, "elements {low} to {high} of {len}");
}

#[inline(always)]
fn copy_line(y: &mut [f32], to: isize, x: &[f32], from: isize, axis: &Axis) {
    match (axis.y, axis.x) {
        (1, 1) => y[to as usize..][..axis.len].copy_from_slice(&x[from as usize..][..axis.len]),
        (1, 0) => y[to as usize..][..axis.len].fill(x[from as usize]),
        (1, -1) => {
            let x = &x[(from + 1 - axis.len as isize) as usize..][..axis.len];
            let y = &mut y[to as usize..][..axis.len];
            let (blocks, rest) = y.as_chunks_mut::<MAX_LANES>();
            let (x_rest, x_blocks) = x.as_rchunks::<MAX_LANES>();
            // Whole arrays become shuffles.
            for (y, x) in blocks.iter_mut().zip(x_blocks.iter().rev()) {
                let mut block = *x;
                block.reverse();
                *y = block;
            }
            for (y, x) in rest.iter_mut().zip(x_rest.iter().rev()) {
                *y = *x;
            }
        }
        (y_step, x_step) => {
            for i in 0..axis.len as isize {
                y[(to + i * y_step) as usize] = x[(from + i * x_step) as usize];
            }
        }
    }
}

/// `y[j * y_row + i] = x[i * x_row + j]` for `i < rows`, `j < columns` of x.
#[inline(always)]
pub(crate) fn transpose<S: Simd>(
    s: S,
    y: &mut [f32],
    y_row: usize,
    x: &[f32],
    x_row: usize,
    rows: usize,
    columns: usize,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(y.len() >= (columns - 1) * y_row + rows && x.len() >= (rows - 1) * x_row + columns);
    if rows < S::TILE || columns < S::TILE {
        for i in 0..rows {
            for j in 0..columns {
                y[j * y_row + i] = x[i * x_row + j];
            }
        }
        return;
    }
    // Along the columns of x first: y is written in whole cache lines. The last tile of a row or
    // column moves back to overlap with the one before.
    for j in (0..columns).step_by(S::TILE) {
        let j = j.min(columns - S::TILE);
        for i in (0..rows).step_by(S::TILE) {
            let i = i.min(rows - S::TILE);
            // SAFETY: the tile lies inside of both, as asserted.
            unsafe {
                let from = x.as_ptr().add(i * x_row + j);
                s.transpose_tile(y.as_mut_ptr().add(j * y_row + i), y_row, from, x_row);
            }
        }
    }
}

fn check_pixels(a: &Pixels, a_len: usize, channels: usize, height: usize, width: usize) {
    let shape = (a.channels, a.height, a.width);
    assert_eq!(shape, (channels, height, width), "channels, height and width");
    assert!(a_len >= a.len(), "length");
}

fn check_planes(a: &Planes, a_len: usize, channels: usize, height: usize, width: usize) {
    let shape = (a.channels, a.height, a.width);
    assert_eq!(shape, (channels, height, width), "channels, height and width");
    assert!(a_len >= a.len(), "length");
}

simd_fn! {
    /// Copies the pixels of one sample from channels last to planes.
    ///
    /// # Panics
    ///
    /// If the pictures differ in size, or a slice is shorter than its layout.
    pub fn pixels_to_planes(
        s, y: &mut [f32], y_layout: &Planes, x: &[f32], x_layout: &Pixels
    ) {
        let (channels, height, width) = (y_layout.channels, y_layout.height, y_layout.width);
        check_planes(y_layout, y.len(), channels, height, width);
        check_pixels(x_layout, x.len(), channels, height, width);
        for i in 0..height {
            let x = &x[x_layout.origin() + i * x_layout.row()..];
            let y = &mut y[y_layout.origin() + i * y_layout.row..];
            if channels == 1 {
                y[..width].copy_from_slice(&x[..width]);
            } else {
                transpose(s, y, y_layout.plane(), x, channels, width, channels);
            }
        }
    }
}

simd_fn! {
    /// Copies the pixels of one sample from planes to channels last.
    ///
    /// # Panics
    ///
    /// If the pictures differ in size, or a slice is shorter than its layout.
    pub fn planes_to_pixels(
        s, y: &mut [f32], y_layout: &Pixels, x: &[f32], x_layout: &Planes
    ) {
        let (channels, height, width) = (y_layout.channels, y_layout.height, y_layout.width);
        check_pixels(y_layout, y.len(), channels, height, width);
        check_planes(x_layout, x.len(), channels, height, width);
        for i in 0..height {
            let x = &x[x_layout.origin() + i * x_layout.row..];
            let y = &mut y[y_layout.origin() + i * y_layout.row()..];
            if channels == 1 {
                y[..width].copy_from_slice(&x[..width]);
            } else {
                transpose(s, y, channels, x, x_layout.plane(), channels, width);
            }
        }
    }
}

/// Copies the pixels of one sample between planes with different halos.
///
/// # Panics
///
/// If the pictures differ in size, or a slice is shorter than its layout.
pub fn planes_to_planes(y: &mut [f32], y_layout: &Planes, x: &[f32], x_layout: &Planes) {
    let (channels, height, width) = (y_layout.channels, y_layout.height, y_layout.width);
    check_planes(y_layout, y.len(), channels, height, width);
    check_planes(x_layout, x.len(), channels, height, width);
    for c in 0..channels {
        for i in 0..height {
            let to = y_layout.origin() + c * y_layout.plane() + i * y_layout.row;
            let from = x_layout.origin() + c * x_layout.plane() + i * x_layout.row;
            y[to..to + width].copy_from_slice(&x[from..from + width]);
        }
    }
}

/// Copies the pixels of one sample between channels-last pictures with different halos.
///
/// # Panics
///
/// If the pictures differ in size, or a slice is shorter than its layout.
pub fn pixels_to_pixels(y: &mut [f32], y_layout: &Pixels, x: &[f32], x_layout: &Pixels) {
    let (channels, height, width) = (y_layout.channels, y_layout.height, y_layout.width);
    check_pixels(y_layout, y.len(), channels, height, width);
    check_pixels(x_layout, x.len(), channels, height, width);
    let n = width * channels;
    for i in 0..height {
        let to = y_layout.origin() + i * y_layout.row();
        let from = x_layout.origin() + i * x_layout.row();
        y[to..to + n].copy_from_slice(&x[from..from + n]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::layout::Halo;

    fn counting(n: usize) -> Vec<f32> {
        (0..n).map(|i| i as f32).collect()
    }

    #[test]
    fn layouts_turn_into_each_other_and_leave_halos_alone() {
        let halos = [Halo::default(), Halo { top: 1, left: 2, bottom: 1, right: 3 }];
        for isa in Isa::available() {
            for channels in [1, 2, 3, 7, 8, 9, 16, 33] {
                for (height, width) in [(1, 1), (2, 7), (3, 8), (2, 19), (1, 33)] {
                    let (a, b) = (halos[channels % 2], halos[width % 2]);
                    let planes = [a, b].map(|halo| Planes::new(channels, height, width, halo));
                    let pixels = [a, b].map(|halo| Pixels { channels, height, width, halo });
                    let x = counting(pixels[0].len());
                    let mut y = vec![-1.0; planes[0].len()];
                    pixels_to_planes(isa, &mut y, &planes[0], &x, &pixels[0]);
                    let at = |c: usize, i: usize, j: usize| {
                        let from = pixels[0].origin() + i * pixels[0].row() + j * channels + c;
                        (planes[0].origin() + c * planes[0].plane() + i * planes[0].row + j, from)
                    };
                    for c in 0..channels {
                        for i in 0..height {
                            for j in 0..width {
                                let (to, from) = at(c, i, j);
                                assert_eq!(y[to], x[from]);
                            }
                        }
                    }
                    let untouched = y.iter().filter(|&&v| v == -1.0).count();
                    assert_eq!(untouched, y.len() - channels * height * width);
                    // And back by way of the other halo.
                    let mut z = vec![-1.0; planes[1].len()];
                    planes_to_planes(&mut z, &planes[1], &y, &planes[0]);
                    let mut w = vec![-1.0; pixels[1].len()];
                    planes_to_pixels(isa, &mut w, &pixels[1], &z, &planes[1]);
                    let untouched = w.iter().filter(|&&v| v == -1.0).count();
                    assert_eq!(untouched, w.len() - channels * height * width);
                    let mut back = x.clone();
                    pixels_to_pixels(&mut back, &pixels[0], &w, &pixels[1]);
                    assert_eq!(back, x);
                }
            }
        }
    }

    #[test]
    fn strided_copies_follow_their_formula() {
        let x = counting(5000);
        let axis = |len, y, x| Axis { len, y, x };
        let table: Vec<(usize, usize, Vec<Axis>)> = vec![
            (0, 7, vec![]),
            (0, 0, vec![axis(100, 1, 1)]),
            (0, 3, vec![axis(0, 1, 1), axis(5, 1, 1)]),
            (0, 0, vec![axis(33, 40, 1), axis(40, 1, 33)]),
            (0, 0, vec![axis(17, 9, 1), axis(9, 1, 17)]),
            (5, 9, vec![axis(4, 300, 400), axis(10, 20, 1), axis(20, 1, 12)]),
            (0, 0, vec![axis(4, 30, 7), axis(3, 10, 60), axis(1, 10, 3), axis(10, 1, 6)]),
            (0, 0, vec![axis(4, 60, 0), axis(6, 10, 1), axis(10, 1, 0)]),
            (0, 99, vec![axis(10, 10, -10), axis(10, 1, -1)]),
            (59, 0, vec![axis(6, -10, 1), axis(10, -1, 6)]),
            (0, 0, vec![axis(8, 1, 1), axis(8, 8, 8)]),
            (2, 0, vec![axis(5, 24, 8), axis(2, 12, 4), axis(4, 1, 1)]),
            (0, 0, vec![axis(2, 1, 500), axis(3, 2, 100), axis(9, 6, 3), axis(3, 54, 1)]),
        ];
        for isa in Isa::available() {
            for (y_offset, x_offset, axes) in &table {
                let mut y = vec![-1.0; 2000];
                let mut want = y.clone();
                let total: usize = axes.iter().map(|axis| axis.len).product();
                for i in 0..total {
                    let (mut rest, mut to, mut from) = (i, *y_offset as isize, *x_offset as isize);
                    for axis in axes.iter().rev() {
                        to += (rest % axis.len) as isize * axis.y;
                        from += (rest % axis.len) as isize * axis.x;
                        rest /= axis.len;
                    }
                    want[to as usize] = x[from as usize];
                }
                copy_strided(isa, &mut y, *y_offset, &x, *x_offset, axes);
                assert_eq!(y, want, "{axes:?} on {isa}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "elements 0 to 12 of 10")]
    fn reading_outside_is_refused() {
        let axes = [Axis { len: 7, y: 1, x: 2 }];
        copy_strided(Isa::SCALAR, &mut [0.0; 10], 0, &[0.0; 10], 0, &axes);
    }
}
