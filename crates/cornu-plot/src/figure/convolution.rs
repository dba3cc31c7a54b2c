//! A convolution at work: a kernel slides over a picture and writes a map.

use super::{Animation, Frame, MARGIN, colour_bar, coloured, fit_paper, heading, number, range};
use crate::ColourMap;
use crate::drawing::{Anchor, Drawing, Hue, Ink, Path, Stroke, Text, text_width};
use crate::raster::Raster;

/// Side of the picture and of the map.
const SIDE: f64 = 280.0;
/// Between picture, arithmetic and map.
const GAP: f64 = 46.0;
/// Between two grids of numbers.
const SIGN: f64 = 32.0;
/// Largest square of a number, and largest grid.
const CELL: f64 = 38.0;
const GRID: f64 = 145.0;
/// Font of captions.
const LARGE: f64 = 13.0;
/// Rows behind the first are passed over in so many steps, but for the second, which has twice as many.
const STEPS: usize = 2;

/// A kernel and what it slides over.
#[derive(Debug, Clone, PartialEq)]
pub struct SlidingKernel {
    /// Says which kernel it is, such as `filter 3 of conv2d`.
    pub name: String,
    /// Says what it slides over, such as `a.png`.
    pub over: String,
    /// Rows and columns of the picture.
    pub size: [usize; 2],
    /// The picture, row by row.
    pub picture: Vec<f32>,
    /// Rows and columns of the kernel.
    pub kernel_size: [usize; 2],
    /// The kernel, row by row.
    pub kernel: Vec<f32>,
    /// Added to each sum.
    pub bias: f32,
}

impl SlidingKernel {
    /// Rows and columns of the map: the places where the kernel lies within the picture.
    pub fn map_size(&self) -> [usize; 2] {
        [0, 1].map(|axis| (self.size[axis] + 1).saturating_sub(self.kernel_size[axis]))
    }

    /// The map: at each place the sum of kernel times picture, and the bias.
    pub fn map(&self) -> Vec<f32> {
        let [rows, columns] = self.map_size();
        (0..rows * columns)
            .map(|place| self.products(place).iter().sum::<f32>() + self.bias)
            .collect()
    }

    /// Kernel times picture at a place of the map, row by row.
    pub fn products(&self, place: usize) -> Vec<f32> {
        let at = self.row_and_column(place);
        let taps = self.kernel.iter().enumerate();
        taps.map(|(i, weight)| weight * self.below(at, i)).collect()
    }

    fn row_and_column(&self, place: usize) -> [usize; 2] {
        let [_, columns] = self.map_size();
        [place / columns.max(1), place % columns.max(1)]
    }

    /// The pixel below weight `i` of a kernel whose corner is at a row and a column.
    fn below(&self, [row, column]: [usize; 2], i: usize) -> f32 {
        let [_, wide] = self.kernel_size;
        self.pixel([row + i / wide, column + i % wide])
    }

    fn pixel(&self, [row, column]: [usize; 2]) -> f32 {
        self.picture[row * self.size[1] + column]
    }
}

/// Draws the kernel at work, frame by frame: the first row step by step, the others ever faster.
pub fn convolution(sliding: &SlidingKernel) -> Animation {
    let [rows, columns] = sliding.map_size();
    let map = sliding.map();
    let mut frames = Vec::new();
    for row in 0..rows {
        let (steps, hundredths) = match row {
            0 => (columns, 24),
            1 => (2 * STEPS, 14),
            _ => (STEPS, 8),
        };
        for step in 1..=steps.min(columns) {
            let place = row * columns + step * columns / steps.min(columns) - 1;
            // Nobody can follow numbers and lines that fly by.
            let is_slow = row < 2 || place + 1 == map.len();
            frames.push(Frame { drawing: frame(sliding, &map, place, is_slow), hundredths });
        }
    }
    if let Some(last) = frames.last_mut() {
        last.hundredths = 300;
    }
    Animation { frames }
}

/// The moment in which `place` of the map is written.
fn frame(sliding: &SlidingKernel, map: &[f32], place: usize, is_slow: bool) -> Drawing {
    let [tall, wide] = sliding.kernel_size;
    let cell = (GRID / wide.max(tall) as f64).min(CELL);
    let arithmetic_width = 2.0 * wide as f64 * cell + SIGN;
    let width = 2.0 * MARGIN + 2.0 * SIDE + 2.0 * GAP + arithmetic_width + 70.0;
    let title = format!("How a convolution works: {}", sliding.name);
    let sentence = "The kernel lies on a patch of the picture. Each pixel is multiplied with the weight \
                    that lies on it; the sum of the products is one pixel of the map. Then the kernel \
                    moves on.";
    let description = format!(
        "{sentence} A kernel of {tall} × {wide} weights slides over {} of {} × {} pixels.",
        sliding.over, sliding.size[0], sliding.size[1]
    );
    let mut drawing = Drawing::new(width, 0.0, &title, description);
    drawing.rect([0.0, 0.0, width, 0.0], 0.0, Ink::Paper);
    let top = heading(&mut drawing, &title, &[sentence]) + 34.0;
    let pixel = SIDE / sliding.size[0].max(sliding.size[1]) as f64;
    let left = MARGIN + SIDE + GAP;
    let patch = draw_picture(&mut drawing, sliding, place, [MARGIN, top, pixel]);
    let products = sliding.products(place);
    let [sum_end, sum_at] =
        draw_arithmetic(&mut drawing, sliding, place, &products, [left, top, cell], is_slow);
    let corner = [left + arithmetic_width + GAP, top];
    let here = draw_map(&mut drawing, sliding, map, place, [corner[0], top, pixel]);
    let right = patch[0] + patch[2];
    let lines = [
        [[right, patch[1]], [left - 6.0, top]],
        [[right, patch[1] + patch[3]], [left - 6.0, top + tall as f64 * cell]],
        [[sum_end + 8.0, sum_at - 5.0], [here[0], here[1] + here[3] / 2.0]],
    ];
    for [from, to] in lines.into_iter().filter(|_| is_slow) {
        drawing.line(Path::lines([from, to]), Stroke::new(Ink::Hue(Hue::Orange), 1.3));
    }
    drawing.height = (top + SIDE).max(sum_at + 6.0) + MARGIN;
    fit_paper(&mut drawing);
    drawing
}

fn caption(drawing: &mut Drawing, [x, y]: [f64; 2], text: &str) {
    drawing.text(Text::new(x, y - 12.0, LARGE, text).bold());
}

/// The picture with the patch that the kernel lies on; answers the patch.
fn draw_picture(
    drawing: &mut Drawing,
    sliding: &SlidingKernel,
    place: usize,
    [x, y, pixel]: [f64; 3],
) -> [f64; 4] {
    let [rows, columns] = sliding.size;
    let pixels = Raster::from_fn(columns, rows, |x, y| grey(sliding, sliding.pixel([y, x])));
    caption(drawing, [x, y], &format!("{} ({rows} × {columns} pixels)", sliding.over));
    let frame = [x, y, pixel * columns as f64, pixel * rows as f64];
    drawing.image(frame, pixels);
    drawing.framed(frame, 0.0, None, Stroke::new(Ink::Rule, 1.0));
    let [row, column] = sliding.row_and_column(place).map(|at| at as f64 * pixel);
    let [tall, wide] = sliding.kernel_size.map(|size| size as f64 * pixel);
    let patch = [x + column, y + row, wide, tall];
    drawing.framed(patch, 0.0, None, Stroke::new(Ink::Hue(Hue::Orange), 3.0));
    patch
}

/// Grey between the darkest and the brightest pixel of the picture.
fn grey(sliding: &SlidingKernel, value: f32) -> [u8; 3] {
    let (low, high) = range(&sliding.picture);
    let span = if low < high { high - low } else { 1.0 };
    [(255.0 * (value - low) / span).round() as u8; 3]
}

/// Pixels times weights, the products, and their sum; answers where the sum ends.
fn draw_arithmetic(
    drawing: &mut Drawing,
    sliding: &SlidingKernel,
    place: usize,
    products: &[f32],
    [x, y, cell]: [f64; 3],
    is_slow: bool,
) -> [f64; 2] {
    let [tall, wide] = sliding.kernel_size;
    let [width, height] = [wide as f64 * cell, tall as f64 * cell];
    let at = sliding.row_and_column(place);
    let signed =
        |values: &[f32], most: f32| coloured(wide, values, -most, most, ColourMap::BlueOrange);
    let pixels: Vec<f32> = (0..tall * wide).map(|i| sliding.below(at, i)).collect();
    let weights = &sliding.kernel;
    let most = largest(weights);
    let patch = Raster::from_fn(wide, tall, |x, y| grey(sliding, pixels[y * wide + x]));
    let right = x + width + SIGN;
    let middle = x + (width + SIGN) / 2.0;
    let below = y + height + 46.0;
    caption(drawing, [x, y], "pixels");
    grid(drawing, [x, y, cell], &pixels, patch, is_slow);
    caption(drawing, [right, y], "weights");
    grid(drawing, [right, y, cell], weights, signed(weights, most), true);
    caption(drawing, [middle, below], "products");
    let most = most * largest(&sliding.picture);
    let colours = signed(products, most);
    grid(drawing, [middle, below, cell], products, colours, is_slow);
    for (x, y, sign) in [
        (right - SIGN / 2.0, y + height / 2.0, "×"),
        (middle - SIGN / 2.0, below + height / 2.0, "="),
    ] {
        drawing.text(Text::new(x, y + 7.0, 20.0, sign).anchor(Anchor::Middle));
    }
    let sum = number((products.iter().sum::<f32>() + sliding.bias).into());
    let text = if sliding.bias == 0.0 {
        format!("sum = {sum}")
    } else {
        let sign = if sliding.bias < 0.0 { "−" } else { "+" };
        format!("sum {sign} bias {} = {sum}", number(f64::from(sliding.bias).abs()))
    };
    let sum_at = below + height + 27.0;
    let center = middle + width / 2.0;
    let end = center + text_width(&text, 15.0, true) / 2.0;
    drawing.text(Text::new(center, sum_at, 15.0, text).bold().anchor(Anchor::Middle));
    [end, sum_at]
}

/// The largest size; never 0.
fn largest(values: &[f32]) -> f32 {
    values.iter().fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs()))
}

/// Numbers on squares of their colours.
fn grid(
    drawing: &mut Drawing,
    [x, y, cell]: [f64; 3],
    values: &[f32],
    colours: Raster,
    is_slow: bool,
) {
    let wide = colours.width();
    for (i, &value) in values.iter().enumerate() {
        let colour = colours.get(i % wide, i / wide).unwrap_or_default();
        let corner = [x + (i % wide) as f64 * cell, y + (i / wide) as f64 * cell];
        let line = Stroke::new(Ink::Rule, 1.0);
        drawing.framed([corner[0], corner[1], cell, cell], 0.0, Some(Ink::Rgb(colour)), line);
        if is_slow && 26.0 <= cell {
            let [r, g, b] = colour.map(f64::from);
            let is_bright = 140.0 < 0.3 * r + 0.59 * g + 0.11 * b;
            let ink = Ink::Rgb(if is_bright { [20; 3] } else { [255; 3] });
            let text =
                Text::new(corner[0] + cell / 2.0, corner[1] + cell / 2.0 + 3.5, 10.0, short(value));
            drawing.text(text.anchor(Anchor::Middle).ink(ink));
        }
    }
}

/// The map as far as it is written; answers the pixel at `place`.
fn draw_map(
    drawing: &mut Drawing,
    sliding: &SlidingKernel,
    map: &[f32],
    place: usize,
    [x, y, pixel]: [f64; 3],
) -> [f64; 4] {
    let [rows, columns] = sliding.map_size();
    let most = largest(map);
    let colour = |i: usize| {
        // Few colours: they are the same in all frames, and small files need that.
        let step = (map[i] / most * 24.0).round() / 24.0;
        ColourMap::BlueOrange.at((step + 1.0) / 2.0)
    };
    caption(drawing, [x, y], &format!("feature map ({rows} × {columns})"));
    let frame = [x, y, pixel * columns as f64, pixel * rows as f64];
    drawing.framed(frame, 0.0, Some(Ink::Group), Stroke::new(Ink::Rule, 1.0));
    let [row, column] = sliding.row_and_column(place);
    let whole = Raster::from_fn(columns, row, |x, y| colour(y * columns + x));
    drawing.image([x, y, frame[2], pixel * row as f64], whole);
    let begun = Raster::from_fn(column + 1, 1, |x, _| colour(row * columns + x));
    let below = y + pixel * row as f64;
    drawing.image([x, below, pixel * (column + 1) as f64, pixel], begun);
    let here = [x + column as f64 * pixel, below, pixel, pixel];
    drawing.framed(here, 0.0, None, Stroke::new(Ink::Hue(Hue::Orange), 2.5));
    let bar = [x + frame[2] + 14.0, y + 10.0, 140.0];
    let most = f64::from(most);
    colour_bar(drawing, bar, (-most, most), ColourMap::BlueOrange, ["", ""]);
    here
}

/// A number in a small square.
fn short(value: f32) -> String {
    let text = match value.abs() {
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge() -> SlidingKernel {
        SlidingKernel {
            name: "an edge".to_owned(),
            over: "a step".to_owned(),
            size: [4, 5],
            picture: (0..20).map(|i| if i % 5 < 2 { 0.0 } else { 1.0 }).collect(),
            kernel_size: [2, 2],
            kernel: vec![-1.0, 1.0, -1.0, 1.0],
            bias: 0.5,
        }
    }

    #[test]
    fn the_map_is_that_of_a_valid_convolution() {
        let sliding = edge();
        assert_eq!(sliding.map_size(), [3, 4]);
        assert_eq!(sliding.map(), [0.5, 2.5, 0.5, 0.5].repeat(3));
        assert_eq!(sliding.products(1), [0.0, 1.0, 0.0, 1.0]);
    }

    #[test]
    fn frames_have_one_size_and_end_with_the_whole_map() {
        let animation = convolution(&edge());
        assert_eq!(animation.frames.len(), 4 + 4 + 2);
        let first = &animation.frames[0].drawing;
        for frame in &animation.frames {
            assert_eq!((frame.drawing.width, frame.drawing.height), (first.width, first.height));
        }
        assert!(100 < animation.frames[9].hundredths);
    }

    #[test]
    fn large_pictures_have_a_bounded_number_of_frames() {
        let mut sliding = edge();
        (sliding.size, sliding.picture) = ([40, 40], vec![1.0; 1600]);
        let animation = convolution(&sliding);
        assert_eq!(animation.frames.len(), 39 + 4 + 37 * 2);
    }
}
