//! Bilinear interpolation between the centers of cells, edges repeated: `tf.image.resize`.

/// `map` of `rows` x `columns` at `height` x `width`.
pub(crate) fn bilinear(
    map: &[f32],
    [rows, columns]: [usize; 2],
    [height, width]: [usize; 2],
) -> Vec<f32> {
    let down = taps(rows, height);
    let across = taps(columns, width);
    let mut out = Vec::with_capacity(height * width);
    for &(top, bottom, v) in &down {
        for &(left, right, u) in &across {
            let at = |row: usize, column: usize| map[row * columns + column];
            let above = at(top, left) + u * (at(top, right) - at(top, left));
            let below = at(bottom, left) + u * (at(bottom, right) - at(bottom, left));
            out.push(above + v * (below - above));
        }
    }
    out
}

/// For each place the two cells around it, and how far it is from the first to the second.
fn taps(from: usize, to: usize) -> Vec<(usize, usize, f32)> {
    let last = from.saturating_sub(1);
    (0..to)
        .map(|i| {
            let at = (i as f64 + 0.5) * from as f64 / to as f64 - 0.5;
            let at = at.clamp(0.0, last as f64);
            let low = at as usize;
            (low, (low + 1).min(last), (at - low as f64) as f32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_in_tensorflow() {
        // tf.image.resize([[[1], [3]], [[5], [11]]], [4, 3])
        let out = bilinear(&[1.0, 3.0, 5.0, 11.0], [2, 2], [4, 3]);
        let expected = [1.0, 2.0, 3.0, 2.0, 3.5, 5.0, 4.0, 6.5, 9.0, 5.0, 8.0, 11.0];
        for (x, y) in out.iter().zip(expected) {
            assert!((x - y).abs() < 1e-6, "{out:?}");
        }
        assert_eq!(bilinear(&[2.0], [1, 1], [2, 3]), [2.0; 6]);
    }
}
