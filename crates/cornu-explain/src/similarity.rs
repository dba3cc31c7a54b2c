//! How alike two maps are.

/// Spearman's rank correlation of two maps of one length: -1 to 1. Equal numbers share the mean of
/// their ranks. NaN if one map is the same everywhere, or has fewer than two numbers.
///
/// # Panics
///
/// If the maps differ in length.
pub fn spearman(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "maps of one length");
    correlation(&ranks(a), &ranks(b))
}

/// Pearson's correlation.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let mean = |x: &[f64]| x.iter().sum::<f64>() / n;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    if aa == 0.0 || bb == 0.0 { f64::NAN } else { ab / (aa * bb).sqrt() }
}

fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for group in order.chunk_by(|&i, &j| values[i] == values[j]) {
        let rank = start as f64 + (group.len() - 1) as f64 / 2.0;
        group.iter().for_each(|&i| ranks[i] = rank);
        start += group.len();
    }
    ranks
}

/// Structural similarity of two maps `width` wide, each scaled from its least to its greatest number
/// to 0..1: mean over all windows of 7 x 7 numbers (or the whole map, where that is smaller) with equal
/// weights, `K1 = 0.01`, `K2 = 0.03`, variances divided by `n - 1`: what scikit-image computes by
/// default.
///
/// Wang et al.: "Image quality assessment", 2004.
///
/// # Panics
///
/// If the maps differ in length or are no rectangles.
pub fn ssim(a: &[f32], b: &[f32], width: usize) -> f64 {
    assert_eq!(a.len(), b.len(), "maps of one length");
    assert!(0 < width && a.len().is_multiple_of(width), "rows of one length");
    let height = a.len() / width;
    let (a, b) = (scaled(a), scaled(b));
    let (rows, columns) = (height.min(7), width.min(7));
    let n = (rows * columns) as f64;
    let product =
        |x: &[f64], y: &[f64]| -> Vec<f64> { x.iter().zip(y).map(|(x, y)| x * y).collect() };
    let sums = |x: &[f64]| window_sums(x, width, rows, columns);
    let (sum_a, sum_b) = (sums(&a), sums(&b));
    let (sum_aa, sum_bb, sum_ab) =
        (sums(&product(&a, &a)), sums(&product(&b, &b)), sums(&product(&a, &b)));
    let (c1, c2) = (0.01f64.powi(2), 0.03f64.powi(2));
    let unbiased = if 1.0 < n { n / (n - 1.0) } else { 1.0 };
    let mut total = 0.0;
    for i in 0..sum_a.len() {
        let (mean_a, mean_b) = (sum_a[i] / n, sum_b[i] / n);
        let var_a = unbiased * (sum_aa[i] / n - mean_a * mean_a);
        let var_b = unbiased * (sum_bb[i] / n - mean_b * mean_b);
        let cov = unbiased * (sum_ab[i] / n - mean_a * mean_b);
        total += (2.0 * mean_a * mean_b + c1) * (2.0 * cov + c2)
            / ((mean_a * mean_a + mean_b * mean_b + c1) * (var_a + var_b + c2));
    }
    total / sum_a.len().max(1) as f64
}

/// From the least to the greatest number: 0 to 1. All 0 if they are the same.
fn scaled(map: &[f32]) -> Vec<f64> {
    let low = map.iter().copied().fold(f32::INFINITY, f32::min);
    let high = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let range = f64::from(high - low);
    let scale = if range > 0.0 { 1.0 / range } else { 0.0 };
    map.iter().map(|&x| f64::from(x - low) * scale).collect()
}

/// Sums over all windows that lie inside.
fn window_sums(map: &[f64], width: usize, rows: usize, columns: usize) -> Vec<f64> {
    let height = map.len() / width;
    // Sums of the rectangles from the corner, with a row and a column of zeros before.
    let mut area = vec![0.0; (height + 1) * (width + 1)];
    for y in 0..height {
        let mut row = 0.0;
        for x in 0..width {
            row += map[y * width + x];
            area[(y + 1) * (width + 1) + x + 1] = area[y * (width + 1) + x + 1] + row;
        }
    }
    let at = |y: usize, x: usize| area[y * (width + 1) + x];
    let mut sums = Vec::new();
    for y in 0..=height - rows {
        for x in 0..=width - columns {
            sums.push(at(y + rows, x + columns) - at(y, x + columns) - at(y + rows, x) + at(y, x));
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_correlate() {
        // scipy.stats.spearmanr
        let a = [1.0, 2.0, 2.0, 5.0, -3.0, 0.5];
        let b = [10.0, 30.0, 20.0, 20.0, 1.0, 2.0];
        assert!((spearman(&a, &b) - 0.867_647_058_823_529_4).abs() < 1e-12, "{}", spearman(&a, &b));
        assert_eq!(spearman(&a, &a.map(|x| x * x * x)), 1.0);
        assert_eq!(spearman(&a, &a.map(|x: f32| -x)), -1.0);
        assert!(spearman(&a, &[1.0; 6]).is_nan());
    }

    #[test]
    fn structures_are_alike() {
        let a: Vec<f32> = (0..90).map(|i| ((i * 37) % 23) as f32).collect();
        let b: Vec<f32> = a.iter().map(|x| 3.0 * x - 5.0).collect();
        assert!((ssim(&a, &b, 9) - 1.0).abs() < 1e-12);
        let c: Vec<f32> = a.iter().map(|x| -x).collect();
        assert!(ssim(&a, &c, 9) < -0.5);
        assert!(ssim(&a, &vec![4.0; 90], 9).abs() < 0.1);
        assert!((ssim(&a[..8], &a[..8], 2) - 1.0).abs() < 1e-12);
    }
}
