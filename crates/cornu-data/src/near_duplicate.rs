/// Rows and columns of the grid that a picture is reduced to.
const GRID: usize = 16;
/// Bits of a hash: one for each pair of neighbours along the rows, one for each along the columns.
const BITS: usize = 2 * GRID * GRID;

/// Distance up to which two hashes are told to be of one picture, of 512 bits.
///
/// Of 700 chest X-rays, which are all alike, none of the 244,650 pairs is nearer than 56. Copies of
/// them that were compressed as JPEG of quality 50, halved in size, brightened, or given noise of 5
/// grey levels are at most 39 apart in 99 of 100 cases.
pub const NEAR: u32 = 51;

/// What a picture looks like, in 512 bits that compression, size, exposure and a little noise hardly
/// change: a difference hash in both directions.
///
/// The picture is averaged to 16 x 17 and 17 x 16 cells; each bit says whether a cell is brighter than
/// the one to its left, or above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PictureHash([u64; BITS / 64]);

impl PictureHash {
    /// The hash of `height * width * channels` numbers, rows from the top, channels innermost; the
    /// mean of the channels counts.
    ///
    /// # Panics
    ///
    /// If there are not so many pixels, or none.
    pub fn new(pixels: &[f32], height: usize, width: usize, channels: usize) -> Self {
        assert!(!pixels.is_empty(), "at least one pixel");
        assert_eq!(pixels.len(), height * width * channels, "as many pixels as the shape says");
        let mut hash = Self([0; BITS / 64]);
        let mut bit = 0;
        let mut push = |is_set: bool| {
            hash.0[bit / 64] |= u64::from(is_set) << (bit % 64);
            bit += 1;
        };
        let across = averages(pixels, [height, width, channels], GRID, GRID + 1);
        for row in across.chunks_exact(GRID + 1) {
            row.windows(2).for_each(|pair| push(pair[0] < pair[1]));
        }
        let down = averages(pixels, [height, width, channels], GRID + 1, GRID);
        for (above, below) in down.iter().zip(&down[GRID..]) {
            push(above < below);
        }
        hash
    }

    /// Number of bits that differ, 0 to 512; that of two unrelated pictures is about 256.
    pub fn distance(&self, other: &Self) -> u32 {
        self.0.iter().zip(&other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }
}

/// Pairs of a picture of `a` and one of `b` whose hashes are at most `distance` apart (see [`NEAR`]),
/// as places in both lists, the nearest first.
pub fn near_duplicates(
    a: &[PictureHash],
    b: &[PictureHash],
    distance: u32,
) -> Vec<(usize, usize, u32)> {
    let mut pairs = Vec::new();
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            let apart = x.distance(y);
            if apart <= distance {
                pairs.push((i, j, apart));
            }
        }
    }
    pairs.sort_by_key(|&(i, j, apart)| (apart, i, j));
    pairs
}

/// Means of the pixels in each cell of a grid; pixels on a border count to both sides by their part.
fn averages(pixels: &[f32], shape: [usize; 3], rows: usize, columns: usize) -> Vec<f64> {
    let [height, width, channels] = shape;
    // First along the rows, then along the columns.
    let narrow: Vec<f64> = pixels
        .chunks_exact(width * channels)
        .flat_map(|row| {
            let grey = |x: usize| {
                let pixel = &row[x * channels..(x + 1) * channels];
                pixel.iter().map(|&value| f64::from(value)).sum::<f64>() / channels as f64
            };
            (0..columns).map(move |cell| mean(width, columns, cell, grey))
        })
        .collect();
    let cells = (0..rows).flat_map(|row| {
        let narrow = &narrow;
        (0..columns).map(move |column| mean(height, rows, row, |y| narrow[y * columns + column]))
    });
    cells.collect()
}

/// Mean of `value` over part `cell` of `cells` equal parts of `0..size`.
fn mean(size: usize, cells: usize, cell: usize, value: impl Fn(usize) -> f64) -> f64 {
    // Positions in units of 1 / cells of a pixel are whole numbers.
    let (start, end) = (cell * size, (cell + 1) * size);
    let mut sum = 0.0;
    for at in start / cells..end.div_ceil(cells) {
        let covered = end.min((at + 1) * cells) - start.max(at * cells);
        sum += covered as f64 * value(at);
    }
    sum / size as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom;

    fn picture(index: usize) -> Vec<f32> {
        phantom::draw(5, index, 128).pixels.iter().map(|&pixel| f32::from(pixel)).collect()
    }

    fn hash(pixels: &[f32]) -> PictureHash {
        PictureHash::new(pixels, 128, 128, 1)
    }

    #[test]
    fn a_cell_is_the_mean_of_its_pixels() {
        assert_eq!(mean(4, 2, 1, |x| x as f64), 2.5);
        // 1.5 pixels a cell: pixel 1 counts half.
        assert_eq!(mean(3, 2, 0, |x| x as f64), (0.0 + 0.5 * 1.0) / 1.5);
        assert_eq!(mean(1, 16, 7, |_| 3.0), 3.0);
    }

    #[test]
    fn changed_copies_are_near_and_other_pictures_are_not() {
        let original = picture(0);
        let near = |pixels: &[f32]| hash(&original).distance(&hash(pixels));
        let brighter: Vec<f32> = original.iter().map(|x| 0.8 * x + 30.0).collect();
        let noisy: Vec<f32> = (0..).zip(&original).map(|(i, x)| x + (i % 7) as f32).collect();
        assert_eq!(near(&original), 0);
        assert!(near(&brighter) <= 5 && near(&noisy) <= NEAR);
        let half: Vec<f32> =
            (0..64 * 64).map(|i| original[2 * (i / 64) * 128 + 2 * (i % 64)]).collect();
        assert!(hash(&original).distance(&PictureHash::new(&half, 64, 64, 1)) <= NEAR);
        let colour: Vec<f32> = original.iter().flat_map(|&x| [x; 3]).collect();
        assert_eq!(hash(&original), PictureHash::new(&colour, 128, 128, 3));
        for index in 1..20 {
            assert!(NEAR < near(&picture(index)), "picture {index}: {}", near(&picture(index)));
        }
    }

    #[test]
    fn pairs_come_nearest_first() {
        let [a, b] = [0, 1].map(|index| hash(&picture(index)));
        // A picture moved by two pixels.
        let original = picture(0);
        let moved: Vec<f32> = (0..128 * 128).map(|i| original[(i + 2) % (128 * 128)]).collect();
        let pairs = near_duplicates(&[b, a], &[hash(&moved), a], NEAR);
        assert_eq!((pairs.len(), pairs[0], pairs[1].1), (2, (1, 1, 0), 0));
    }
}
