//! A convolution at work: a kernel slides over a picture and writes a map.

use super::filters::fit_paper;
use super::{Animation, Frame, MARGIN, colour_bar, coloured, heading, number, range};
use crate::ColourMap;
use crate::drawing::{Anchor, Drawing, Hue, Ink, Path, Pixels, Stroke, Text};

/// Side of the picture and of the map.
const SIDE: f64 = 300.0;
/// Side of a square of the kernel.
const CELL: f64 = 38.0;
/// Frames at most; later rows are passed over in larger steps.
const FRAMES: usize = 72;

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
        let places = (0..rows * columns).map(|i| [i / columns.max(1), i % columns.max(1)]);
        places.map(|place| self.products(place).iter().sum::<f32>() + self.bias).collect()
    }

    /// Kernel times picture at a place, row by row.
    pub fn products(&self, [row, column]: [usize; 2]) -> Vec<f32> {
        let [_, wide] = self.kernel_size;
        let taps = self.kernel.iter().enumerate();
        taps.map(|(i, weight)| weight * self.pixel([row + i / wide, column + i % wide])).collect()
    }

    fn pixel(&self, [row, column]: [usize; 2]) -> f32 {
        self.picture[row * self.size[1] + column]
    }
}

/// Draws the kernel at work, frame by frame: the first row step by step, the others ever faster.
pub fn convolution(sliding: &SlidingKernel) -> Animation {
    let [rows, columns] = sliding.map_size();
    let places = rows * columns;
    let mut shown: Vec<usize> = (0..columns.min(places)).collect();
    let step =
        places.saturating_sub(columns).div_ceil(FRAMES.saturating_sub(columns).max(8)).max(1);
    shown.extend((columns..places).step_by(step));
    let map = sliding.map();
    let mut frames: Vec<Frame> = shown
        .iter()
        .map(|&place| {
            let drawing = frame(sliding, &map, place);
            let hundredths = if place < columns { 22 } else { 9 };
            Frame { drawing, hundredths }
        })
        .collect();
    if let Some(last) = places.checked_sub(1) {
        frames.push(Frame { drawing: frame(sliding, &map, last), hundredths: 250 });
    }
    Animation { frames }
}

/// The moment in which `place` of the map is written.
fn frame(sliding: &SlidingKernel, map: &[f32], place: usize) -> Drawing {
    let [tall, wide] = sliding.kernel_size;
    let [_, columns] = sliding.map_size();
    let [row, column] = [place / columns, place % columns];
    let middle_width = (wide as f64 * CELL).max(190.0);
    let width = 2.0 * MARGIN + 2.0 * SIDE + middle_width + 120.0;
    let title = format!("How a convolution works: {}", sliding.name);
    let sentence = "The kernel lies on a patch of the picture. Each weight is multiplied with the pixel \
                    below it; the sum is one pixel of the map. Then the kernel moves on.";
    let description = format!(
        "{sentence} A kernel of {tall} × {wide} weights slides over {} of {} × {} pixels.",
        sliding.over, sliding.size[0], sliding.size[1]
    );
    let mut drawing = Drawing::new(width, 0.0, &title, description);
    drawing.rect([0.0, 0.0, width, 0.0], 0.0, Ink::Paper);
    let top = heading(&mut drawing, &title, &[sentence]) + 34.0;

    let (low, high) = range(&sliding.picture);
    let span = if low < high { high - low } else { 1.0 };
    let grey = |value: f32| [(255.0 * (value - low) / span).round() as u8; 3];
    let pixels =
        Pixels::from_fn(sliding.size[1], sliding.size[0], |x, y| grey(sliding.pixel([y, x])));
    let longest = sliding.size[0].max(sliding.size[1]) as f64;
    let pixel = SIDE / longest;
    let caption = |drawing: &mut Drawing, x: f64, text: &str| {
        drawing.text(Text::new(x, top - 12.0, 13.0, text).bold());
    };
    caption(&mut drawing, MARGIN, &sliding.over);
    let frame = [MARGIN, top, pixel * sliding.size[1] as f64, pixel * sliding.size[0] as f64];
    drawing.image(frame, pixels);
    let patch = [
        MARGIN + column as f64 * pixel,
        top + row as f64 * pixel,
        wide as f64 * pixel,
        tall as f64 * pixel,
    ];
    drawing.framed(patch, 0.0, None, Stroke::new(Ink::Hue(Hue::Orange), 3.0));

    // The kernel and the products.
    let most = sliding.kernel.iter().fold(0.0f32, |most, weight| most.max(weight.abs()));
    let most = most.max(f32::MIN_POSITIVE);
    let left = MARGIN + SIDE + 40.0 + (middle_width - wide as f64 * CELL) / 2.0;
    caption(&mut drawing, left, "kernel");
    let products = sliding.products([row, column]);
    let cell = CELL.min(150.0 / tall as f64);
    let values = coloured(wide, &sliding.kernel, -most, most, ColourMap::BlueOrange);
    drawing.image([left, top, wide as f64 * cell, tall as f64 * cell], values);
    let second = top + tall as f64 * cell + 44.0;
    let text = Text::new(left, second - 12.0, 13.0, "weight × pixel");
    drawing.text(text.bold());
    for (i, &product) in products.iter().enumerate() {
        let (y, x) = (i / wide, i % wide);
        for (start, value) in [(top, sliding.kernel[i]), (second, product)] {
            let corner = [left + x as f64 * cell, start + y as f64 * cell];
            let line = Stroke::new(Ink::Rule, 1.0);
            drawing.framed([corner[0], corner[1], cell, cell], 0.0, None, line);
            if 26.0 <= cell {
                let is_weight = start == top;
                // The ends of the colour map are dark.
                let is_dark = is_weight && 0.6 * most < value.abs();
                let ink = match is_weight {
                    true if is_dark => Ink::Rgb([255; 3]),
                    true => Ink::Rgb([20; 3]),
                    false => Ink::Text,
                };
                let at = [corner[0] + cell / 2.0, corner[1] + cell / 2.0 + 3.5];
                let text = Text::new(at[0], at[1], 10.0, short(value));
                drawing.text(text.anchor(Anchor::Middle).ink(ink));
            }
        }
    }
    let sum_at = second + tall as f64 * cell + 26.0;
    let sum = number(map[place].into());
    let text = if sliding.bias == 0.0 {
        format!("sum = {sum}")
    } else {
        let sign = if sliding.bias < 0.0 { "−" } else { "+" };
        format!("sum {sign} bias {} = {sum}", number(f64::from(sliding.bias).abs()))
    };
    drawing.text(Text::new(left, sum_at, 13.0, text));

    // The map as far as it is written.
    let x = MARGIN + SIDE + 80.0 + middle_width;
    caption(&mut drawing, x, "feature map");
    let (low, high) = range(map);
    let most = low.abs().max(high.abs()).max(f32::MIN_POSITIVE);
    let blank = Ink::Group.rgb(false);
    let rows = map.len() / columns.max(1);
    let written = Pixels::from_fn(columns, rows, |x, y| {
        let i = y * columns + x;
        if place < i {
            return blank;
        }
        // Few colours: they are the same in all frames, and small files need that.
        let step = (map[i] / most * 24.0).round() / 24.0;
        ColourMap::BlueOrange.at((step + 1.0) / 2.0)
    });
    let frame = [x, top, pixel * columns as f64, pixel * rows as f64];
    drawing.image(frame, written);
    drawing.framed(frame, 0.0, None, Stroke::new(Ink::Rule, 1.0));
    let here = [x + column as f64 * pixel, top + row as f64 * pixel, pixel, pixel];
    drawing.framed(here, 0.0, None, Stroke::new(Ink::Hue(Hue::Orange), 2.5));
    for (from, to) in [
        ([patch[0] + patch[2], patch[1]], [left - 8.0, top]),
        ([patch[0] + patch[2], patch[1] + patch[3]], [left - 8.0, top + tall as f64 * cell]),
    ] {
        drawing.line(
            Path::lines([from, to]),
            Stroke::new(Ink::Hue(Hue::Orange), 1.2).dashed(4.0, 4.0),
        );
    }
    let bar = [x + SIDE + 14.0 - pixel * (wide as f64 - 1.0), top + 10.0, 140.0];
    let most = f64::from(most);
    colour_bar(&mut drawing, bar, (-most, most), ColourMap::BlueOrange, ["", ""]);
    drawing.height = (top + SIDE).max(sum_at) + MARGIN;
    fit_paper(&mut drawing);
    drawing
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
        assert_eq!(sliding.products([0, 1]), [0.0, 1.0, 0.0, 1.0]);
    }

    #[test]
    fn frames_have_one_size_and_end_with_the_whole_map() {
        let animation = convolution(&edge());
        assert_eq!(animation.frames.len(), 13);
        let first = &animation.frames[0].drawing;
        for frame in &animation.frames {
            assert_eq!((frame.drawing.width, frame.drawing.height), (first.width, first.height));
        }
        assert!(100 < animation.frames[12].hundredths);
    }

    #[test]
    fn large_pictures_have_a_bounded_number_of_frames() {
        let mut sliding = edge();
        (sliding.size, sliding.picture) = ([40, 40], vec![1.0; 1600]);
        let animation = convolution(&sliding);
        assert!(animation.frames.len() < 100, "{}", animation.frames.len());
    }
}
