//! Feature maps: what every layer makes of a picture.

use super::{MARGIN, colour_bar, coloured, fit_paper, heading, number, range};
use crate::ColourMap;
use crate::diagram::counted;
use crate::drawing::{Anchor, Drawing, Ink, Stroke, Text};
use crate::raster::Raster;

/// Channels that are shown of a layer.
const CHANNELS: usize = 8;
/// Numbers that are shown of a layer without pictures.
const NUMBERS: usize = 128;
/// Side of a map.
const SIDE: f64 = 82.0;
const GAP: f64 = 8.0;
/// Place for the words about a layer.
const WORDS: f64 = 190.0;
/// Most pixels of a map's side: twice what it is drawn with.
const PIXELS: usize = 164;

/// The output of a layer for a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMaps {
    /// Name of the layer.
    pub layer: String,
    /// Keras's class name.
    pub class_name: String,
    /// Height, width and channels of maps; one size for plain numbers.
    pub dims: Vec<usize>,
    /// The values, row by row, channels last.
    pub values: Vec<f32>,
}

impl FeatureMaps {
    /// The map of a channel, row by row; `None` for layers without maps.
    pub fn map(&self, channel: usize) -> Option<Vec<f32>> {
        let [height, width, channels] = self.dims[..] else { return None };
        (channel < channels)
            .then(|| (0..height * width).map(|i| self.values[i * channels + channel]).collect())
    }
}

/// Draws a row for each layer: its first maps, all on the scale of the layer, or its numbers as strips.
/// `picture` names what the network looks at.
pub fn features(picture: &str, layers: &[FeatureMaps]) -> Drawing {
    let width = 2.0 * MARGIN + WORDS + CHANNELS as f64 * (SIDE + GAP);
    let title = format!("What each layer makes of {picture}");
    let sentences = [
        "Each small picture is a feature map: how strongly one filter of a layer answers at each place, \
         from dark (the layer's lowest value) to bright (its highest). Layers follow each other from top \
         to bottom; maps become smaller and say less about places and more about things.",
    ];
    let named: Vec<String> = layers
        .iter()
        .map(|layer| {
            let (low, high) = range(&layer.values);
            let dims: Vec<String> = layer.dims.iter().map(usize::to_string).collect();
            let (low, high) = (number(low.into()), number(high.into()));
            format!(
                "{} ({}): {}, from {low} to {high}.",
                layer.layer,
                layer.class_name,
                dims.join(" × ")
            )
        })
        .collect();
    let mut drawing = Drawing::new(width, 0.0, &title, named.join(" "));
    drawing.rect([0.0, 0.0, width, 0.0], 0.0, Ink::Paper);
    let mut y = heading(&mut drawing, &title, &sentences) + 8.0;
    for (i, layer) in layers.iter().enumerate() {
        // What only acts in training, such as augmentation and dropout, has nothing of its own to show.
        if 0 < i && layer.values == layers[i - 1].values && layer.dims == layers[i - 1].dims {
            let text = format!("{} ({}) passes it on as it is.", layer.layer, layer.class_name);
            drawing.text(Text::new(MARGIN, y + 4.0, 11.5, text).ink(Ink::Muted));
            y += 24.0;
            continue;
        }
        let height = match layer.dims.len() {
            3 => row_of_maps(&mut drawing, layer, y),
            _ => strips(&mut drawing, layer, y),
        };
        words(&mut drawing, layer, y);
        y += height + 20.0;
    }
    let at = [MARGIN + 4.0, y + 16.0, 70.0];
    let bar = (0.0, 1.0);
    colour_bar(&mut drawing, at, bar, ColourMap::Lagoon, ["", ""]);
    // In place of numbers: the scale is another one in each layer.
    drawing.shapes.truncate(drawing.shapes.len() - 4);
    drawing.text(Text::new(at[0] + 24.0, at[1] + 10.0, 11.5, "highest values of the layer"));
    drawing.text(Text::new(at[0] + 24.0, at[1] + 68.0, 11.5, "lowest value of the layer"));
    drawing.height = y + 96.0 + MARGIN;
    fit_paper(&mut drawing);
    drawing
}

fn words(drawing: &mut Drawing, layer: &FeatureMaps, y: f64) {
    let (low, high) = range(&layer.values);
    let size = match layer.dims[..] {
        [height, width, channels] => {
            format!("{} of {height} × {width}", counted(channels, "map"))
        }
        _ => counted(layer.values.len(), "number"),
    };
    drawing.text(Text::new(MARGIN, y + 14.0, 13.0, &layer.layer).bold());
    let lines = [
        layer.class_name.clone(),
        size,
        format!("{} … {}", number(low.into()), number(high.into())),
    ];
    for (i, line) in lines.into_iter().enumerate() {
        let text = Text::new(MARGIN, y + 32.0 + 16.0 * i as f64, 11.5, line);
        drawing.text(text.ink(Ink::Muted));
    }
}

fn row_of_maps(drawing: &mut Drawing, layer: &FeatureMaps, y: f64) -> f64 {
    let [height, width, channels] = layer.dims[..] else { return 0.0 };
    let (low, high) = scale(&layer.values);
    let longest = height.max(width).max(1) as f64;
    let (tall, wide) = (SIDE * height as f64 / longest, SIDE * width as f64 / longest);
    for channel in 0..channels.min(CHANNELS) {
        let x = MARGIN + WORDS + channel as f64 * (SIDE + GAP);
        let Some(map) = layer.map(channel) else { continue };
        let (map, map_width) = smaller(&map, height, width);
        // The picture itself is grey, as everybody knows it.
        let pixels = if layer.class_name == "InputLayer" && channels == 1 {
            let span = if low < high { high - low } else { 1.0 };
            Raster::from_fn(map_width, map.len() / map_width.max(1), |x, y| {
                [(255.0 * (map[y * map_width + x] - low) / span) as u8; 3]
            })
        } else {
            coloured(map_width, &map, low, high, ColourMap::Lagoon)
        };
        let frame = [x + (SIDE - wide) / 2.0, y + (SIDE - tall) / 2.0, wide, tall];
        drawing.image(frame, pixels);
        drawing.framed(frame, 0.0, None, Stroke::new(Ink::Rule, 1.0));
    }
    if CHANNELS < channels {
        let text = format!("and {} more", counted(channels - CHANNELS, "map"));
        let x = drawing.width - MARGIN - GAP;
        let text = Text::new(x, y + SIDE + 13.0, 10.5, text);
        drawing.text(text.anchor(Anchor::End).ink(Ink::Muted));
        return SIDE + 10.0;
    }
    SIDE
}

/// Plain numbers as squares, with the numbers in them where they are few.
fn strips(drawing: &mut Drawing, layer: &FeatureMaps, y: f64) -> f64 {
    let (low, high) = range(&layer.values);
    let n = layer.values.len().min(NUMBERS);
    let room = drawing.width - 2.0 * MARGIN - WORDS - GAP;
    let x = MARGIN + WORDS;
    let side = if n <= 8 { 52.0 } else { 18.0 };
    let per_row = ((room / side) as usize).max(1);
    // One number alone has no scale of its own; most often it is a probability.
    let (low, high) = if n == 1 { (low.min(0.0), high.max(1.0)) } else { (low, high) };
    for (i, &value) in layer.values.iter().take(n).enumerate() {
        let (row, column) = (i / per_row, i % per_row);
        let frame = [x + column as f64 * side, y + 4.0 + row as f64 * side, side - 2.0, side - 2.0];
        let pixels = coloured(1, &[value], low, high, ColourMap::Lagoon);
        let [r, g, b] = [pixels.pixels()[0], pixels.pixels()[1], pixels.pixels()[2]];
        drawing.rect(frame, 2.0, Ink::Rgb([r, g, b]));
        if n <= 8 {
            let is_bright = 140.0 < 0.3 * f64::from(r) + 0.59 * f64::from(g) + 0.11 * f64::from(b);
            let ink = Ink::Rgb(if is_bright { [20; 3] } else { [255; 3] });
            let text =
                Text::new(frame[0] + frame[2] / 2.0, frame[1] + 29.0, 11.5, number(value.into()));
            drawing.text(text.anchor(Anchor::Middle).ink(ink));
        }
    }
    let rows = n.div_ceil(per_row) as f64;
    if n < layer.values.len() {
        let text = format!("and {} more", counted(layer.values.len() - n, "number"));
        let text = Text::new(x, y + rows * side + 17.0, 10.5, text);
        drawing.text(text.ink(Ink::Muted));
    }
    (rows * side + 4.0).max(70.0)
}

/// From where to where the colours run: the highest values of all, one in two hundred, look alike, so
/// that single ones do not leave the others in the dark.
fn scale(values: &[f32]) -> (f32, f32) {
    let mut finite: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    finite.sort_by(f32::total_cmp);
    let at = finite.len().saturating_sub(1 + finite.len() / 200);
    match (finite.first(), finite.get(at), finite.last()) {
        (Some(&low), Some(&high), _) if low < high => (low, high),
        (Some(&low), _, Some(&high)) => (low, high),
        _ => (0.0, 0.0),
    }
}

/// A map of at most `PIXELS` pixels a side, each the mean of those it stands for; and its width.
fn smaller(map: &[f32], height: usize, width: usize) -> (Vec<f32>, usize) {
    let step = height.max(width).div_ceil(PIXELS).max(1);
    if step == 1 {
        return (map.to_vec(), width);
    }
    let (new_height, new_width) = (height / step, width / step);
    let mut out = Vec::with_capacity(new_height * new_width);
    for y in 0..new_height {
        for x in 0..new_width {
            let rows =
                (y * step..(y + 1) * step).flat_map(|row| &map[row * width + x * step..][..step]);
            out.push(rows.sum::<f32>() / (step * step) as f32);
        }
    }
    (out, new_width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::{Shape, Theme};

    #[test]
    fn layers_have_maps_or_numbers() {
        let maps = FeatureMaps {
            layer: "conv".to_owned(),
            class_name: "Conv2D".to_owned(),
            dims: vec![4, 6, 10],
            values: (0..240).map(|i| i as f32).collect(),
        };
        assert_eq!(maps.map(3).unwrap()[..2], [3.0, 13.0]);
        assert!(maps.map(10).is_none());
        let numbers = FeatureMaps {
            layer: "dense".to_owned(),
            class_name: "Dense".to_owned(),
            dims: vec![1],
            values: vec![0.75],
        };
        assert!(numbers.map(0).is_none());
        let drawing = features("a.png", &[maps, numbers]);
        let images = drawing.shapes.iter().filter(|s| matches!(s, Shape::Image { .. })).count();
        assert_eq!(images, 8 + 1);
        let svg = drawing.to_svg(Theme::Auto);
        assert!(svg.contains("and 2 maps more"));
        assert!(svg.contains("conv (Conv2D): 4 × 6 × 10, from 0 to 239."));
        assert!(svg.contains(">0.75</text>"));
    }

    #[test]
    fn single_high_values_do_not_darken_the_rest() {
        let mut values = vec![0.0; 500];
        values.extend(vec![1.0; 500]);
        values[3] = 1000.0;
        assert_eq!(scale(&values), (0.0, 1.0));
        assert_eq!(scale(&[2.0, 2.0]), (2.0, 2.0));
        assert_eq!(scale(&[f32::NAN]), (0.0, 0.0));
    }

    #[test]
    fn large_maps_are_averaged() {
        let map: Vec<f32> = (0..400 * 200).map(|i| ((i % 200) % 3) as f32).collect();
        let (small, width) = smaller(&map, 400, 200);
        assert_eq!((small.len(), width), (133 * 66, 66));
        assert!(small.iter().all(|value| (value - 1.0).abs() < 1e-6));
    }
}
