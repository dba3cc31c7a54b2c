//! Mirror images.

use super::Size;

/// `y` = the picture `x` with left and right exchanged.
///
/// # Panics
///
/// If a slice is not as long as `size` says.
pub fn flip_horizontal(y: &mut [f32], x: &[f32], size: Size) {
    assert!(y.len() == size.len() && x.len() == size.len(), "lengths");
    if size.is_empty() {
        return;
    }
    let (row, c) = (size.width * size.channels, size.channels);
    for (y, x) in y.chunks_exact_mut(row).zip(x.chunks_exact(row)) {
        if c == 1 {
            for (y, x) in y.iter_mut().zip(x.iter().rev()) {
                *y = *x;
            }
        } else {
            for (y, x) in y.chunks_exact_mut(c).zip(x.chunks_exact(c).rev()) {
                y.copy_from_slice(x);
            }
        }
    }
}

/// `y` = the picture `x` upside down.
///
/// # Panics
///
/// If a slice is not as long as `size` says.
pub fn flip_vertical(y: &mut [f32], x: &[f32], size: Size) {
    assert!(y.len() == size.len() && x.len() == size.len(), "lengths");
    if size.is_empty() {
        return;
    }
    let row = size.width * size.channels;
    for (y, x) in y.chunks_exact_mut(row).zip(x.chunks_exact(row).rev()) {
        y.copy_from_slice(x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_exchange_the_sides() {
        for (height, width, channels) in [(0, 3, 1), (1, 1, 1), (2, 3, 1), (3, 17, 3), (2, 5, 4)] {
            let size = Size { height, width, channels };
            let x: Vec<f32> = (0..size.len()).map(|i| i as f32).collect();
            let (mut h, mut v) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            flip_horizontal(&mut h, &x, size);
            flip_vertical(&mut v, &x, size);
            let at = |i: usize, j: usize, c: usize| (i * width + j) * channels + c;
            for i in 0..height {
                for j in 0..width {
                    for c in 0..channels {
                        assert_eq!(h[at(i, j, c)], x[at(i, width - 1 - j, c)]);
                        assert_eq!(v[at(i, j, c)], x[at(height - 1 - i, j, c)]);
                    }
                }
            }
        }
    }
}
